/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What a check of a certificate costs: by the size of the TrustList, the
 * length of the chain, and the size of the CRLs; the first time, and again;
 * with one thread and with two; and what opening the list costs. Against: the
 * bare public-key operations, OpenSSL's X509_STORE and hash_dir, and GnuTLS,
 * all with the same certificates.
 *
 *     bench-verify [SECONDS-A-ROUND [ROUNDS [LARGEST-LIST]]]
 *         default: 0.2 5 100000; about ten minutes
 *
 * The ways take turns, so that a busy machine is busy for all; the median of
 * the rounds counts. One thread is measured by its processor time, two by the
 * clock on the wall, so that waiting for one another shows. Only ratios of one
 * run mean something elsewhere.
 */

#include "bench_verify.h"

#include "figures.h"
#include "trust/snapshot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define ROUNDS_MAX 99U
#define WAYS_MAX 5U

double bench_patience = 20;

static double round_seconds = 0.2;
static unsigned rounds = 5;
static size_t largest = 100000;

/* Microseconds a check, by the clock. With `first`, nothing is remembered when
 * a peer comes; the forgetting is not counted. */
static double
measure(const struct bench_way *way, void *state,
    const struct bench_plant *plant, bool first, clockid_t clock)
{
	double spent = 0;
	size_t done = 0;

	while (spent < round_seconds) {
		double start;

		if (first && way->forget != NULL)
			way->forget(state);
		start = clock_seconds(clock);
		for (size_t peer = 0; peer < BENCH_PEERS; peer++)
			bench_must(way->check(state, plant, peer));
		spent += clock_seconds(clock) - start;
		done += BENCH_PEERS;
	}
	return spent * 1e6 / (double)done;
}

/*
 * Two threads
 */

struct worker {
	const struct bench_way *way;
	void *state;
	const struct bench_plant *plant;
	double microseconds;
};

static void *
work(void *user)
{
	struct worker *worker = user;

	worker->microseconds = measure(
	    worker->way, worker->state, worker->plant, false, CLOCK_MONOTONIC);
	return NULL;
}

/* Microseconds a check of each of two threads, that is the slower's. */
static double
measure_two(
    const struct bench_way *way, void *state, const struct bench_plant *plant)
{
	struct worker workers[2] = {
	    {way, state, plant, 0}, {way, state, plant, 0}};
	pthread_t threads[2];

	for (size_t i = 0; i < 2; i++)
		bench_must(
		    pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
	for (size_t i = 0; i < 2; i++)
		bench_must(pthread_join(threads[i], NULL) == 0);
	return workers[0].microseconds > workers[1].microseconds
	    ? workers[0].microseconds
	    : workers[1].microseconds;
}

/*
 * One line of the table
 */

enum column { FIRST, AGAIN, TWO, COLUMNS };

struct row {
	const struct bench_way *way;
	void *state;
	double samples[COLUMNS][ROUNDS_MAX];
	double result[COLUMNS];
};

static size_t
open_all(const struct bench_plant *plant, struct row rows[WAYS_MAX])
{
	const struct bench_way *const ways[WAYS_MAX] = {&bench_floor,
	    &bench_claviger, &bench_store, &bench_folder, bench_gnutls};
	size_t count = 0;

	for (size_t i = 0; i < WAYS_MAX; i++) {
		void *state = NULL;

		if (ways[i] != NULL && ways[i]->open(plant, &state))
			rows[count++] =
			    (struct row){.way = ways[i], .state = state};
	}
	return count;
}

static void
take_turns(
    const struct bench_plant *plant, struct row rows[WAYS_MAX], size_t count)
{
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++) {
			const struct bench_way *way = rows[i].way;
			void *state = rows[i].state;

			rows[i].samples[FIRST][round] = measure(
			    way, state, plant, true, CLOCK_THREAD_CPUTIME_ID);
			rows[i].samples[AGAIN][round] = measure(
			    way, state, plant, false, CLOCK_THREAD_CPUTIME_ID);
			rows[i].samples[TWO][round] =
			    measure_two(way, state, plant);
		}
	for (size_t i = 0; i < count; i++)
		for (size_t column = 0; column < COLUMNS; column++)
			rows[i].result[column] =
			    median(rows[i].samples[column], rounds);
}

static void
run(size_t list_size, unsigned chain, bool sent, size_t crl_size)
{
	struct bench_plant plant = {.list_size = list_size,
	    .chain = chain,
	    .sent = sent,
	    .crl_size = crl_size};
	struct row rows[WAYS_MAX];
	size_t count;

	bench_plant_make(&plant);
	count = open_all(&plant, rows);
	take_turns(&plant, rows, count);
	printf("%7zu %s %6zu", list_size,
	    sent             ? "3 (sent)"
		: chain == 1 ? "1       "
		: chain == 2 ? "2       "
			     : "3       ",
	    crl_size);
	for (size_t i = 0; i < count; i++) {
		if (i == 0)
			printf(" |%7.1f %7.1f", rows[i].result[FIRST],
			    rows[i].result[TWO]);
		else
			printf(" | %s %.2f %.2f %.2f", rows[i].way->name,
			    rows[i].result[FIRST] / rows[0].result[FIRST],
			    rows[i].result[AGAIN] / rows[0].result[AGAIN],
			    rows[i].result[TWO] / rows[0].result[TWO]);
	}
	printf("\n");
	(void)fflush(stdout);
	for (size_t i = 0; i < count; i++)
		rows[i].way->close(rows[i].state);
	bench_plant_clear(&plant);
}

/*
 * Opening
 */

static void
run_open(size_t list_size)
{
	struct bench_plant plant = {.list_size = list_size, .chain = 2};
	double ours, theirs, start;
	clv_trust_snapshot **snapshot;
	void *state = NULL;
	size_t memory;

	bench_plant_make(&plant);
	start = clock_seconds(CLOCK_MONOTONIC);
	bench_must(bench_claviger.open(&plant, &state));
	ours = clock_seconds(CLOCK_MONOTONIC) - start;
	snapshot = (clv_trust_snapshot **)state + 1; /* behind the engine */
	memory = clv_trust_snapshot_memory(*snapshot);
	bench_claviger.close(state);

	start = clock_seconds(CLOCK_MONOTONIC);
	printf("%7zu: claviger %.3f s, %.0f bytes a certificate of %zu; ",
	    list_size, ours, (double)memory / (double)list_size,
	    plant.listed[list_size - 1].size);
	if (bench_store.open(&plant, &state)) {
		theirs = clock_seconds(CLOCK_MONOTONIC) - start;
		bench_store.close(state);
		printf(
		    "X509_STORE %.3f s: %.1f times\n", theirs, theirs / ours);
	} else
		printf(
		    "X509_STORE more than %.0f times\n", bench_patience / ours);
	(void)fflush(stdout);
	bench_plant_clear(&plant);
}

/*
 * Growth: the smallest list and the largest take turns
 */

static void
run_growth(unsigned chain)
{
	struct bench_plant plants[2] = {{.list_size = 10, .chain = chain},
	    {.list_size = largest, .chain = chain}};
	double samples[2][2][ROUNDS_MAX], ratios[2][ROUNDS_MAX];
	void *states[2];

	for (size_t i = 0; i < 2; i++) {
		bench_plant_make(&plants[i]);
		bench_must(bench_claviger.open(&plants[i], &states[i]));
	}
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < 2; i++)
			for (size_t again = 0; again < 2; again++)
				samples[again][i][round] = measure(
				    &bench_claviger, states[i], &plants[i],
				    again == 0, CLOCK_THREAD_CPUTIME_ID);
	for (size_t again = 0; again < 2; again++)
		for (unsigned round = 0; round < rounds; round++)
			ratios[again][round] =
			    samples[again][1][round] / samples[again][0][round];
	printf("%7zu / 10, chain %u: first time %.3f, again %.3f\n", largest,
	    chain, median(ratios[0], rounds), median(ratios[1], rounds));
	(void)fflush(stdout);
	for (size_t i = 0; i < 2; i++) {
		bench_claviger.close(states[i]);
		bench_plant_clear(&plants[i]);
	}
}

static void
run_all(void)
{
	printf("Microseconds of the floor (one thread, each of two), then "
	       "multiples of the floor:\nfirst time, again, again with two "
	       "threads at once\n");
	printf("   list chain        CRL |  floor     two |\n");
	for (size_t list = 10; list <= largest;
	     list = list == 10 ? 1000 : list * 10) {
		for (unsigned chain = 1; chain <= 3; chain++)
			run(list, chain, false, 0);
		run(list, 3, true, 0);
	}
	for (size_t entries = 1000; entries <= 50000 && entries <= 50 * largest;
	     entries *= 50)
		for (unsigned chain = 2; chain <= 3; chain++)
			run(10, chain, false, entries);
	printf("\nGrowth: a check with the largest list / with the smallest\n");
	for (unsigned chain = 1; chain <= 3; chain++)
		run_growth(chain);
	printf("\nOpening, from memory\n");
	for (size_t list = 1000; list <= largest; list *= 10)
		run_open(list);
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		round_seconds = strtod(argv[1], NULL);
	if (argc > 2)
		rounds = (unsigned)strtoul(argv[2], NULL, 10);
	if (argc > 3)
		largest = strtoul(argv[3], NULL, 10);
	if (round_seconds <= 0 || rounds == 0 || rounds > ROUNDS_MAX ||
	    argc > 4) {
		(void)fprintf(stderr,
		    "usage: bench-verify [SECONDS [ROUNDS [LARGEST-LIST]]]\n");
		return 2;
	}
	run_all();
	forge_keys_free();
	return 0;
}
