/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * bench-pkcs11 [SECONDS [ROUNDS [OBJECTS]]]: signatures per second with keys in
 * SoftHSM, by everybody who can; what opening a key costs, and recovering.
 *
 * Each figure is the median of ROUNDS, taken in turns with the others, each in
 * a new process; a ratio is the median of the rounds' ratios. Compare figures
 * of one run only. Without arguments it takes some six minutes.
 */

#include "bench_pkcs11.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "figures.h"
#include "pkcs11_ways.h"

#define WAYS_MAX 8
#define GOAL 0.97

struct bench bench = {.seconds = 0.5, .rounds = 7, .objects = 300};

double
bench_in_child(double (*work)(const void *), const void *argument)
{
	double result = -1;
	int ends[2];
	pid_t child;

	(void)fflush(stdout);
	if (pipe(ends) != 0 || (child = fork()) < 0)
		return -1;
	if (child == 0) {
		result = work(argument);
		_exit(write(ends[1], &result, sizeof(result)) ==
			    (ssize_t)sizeof(result)
			? 0
			: 1);
	}
	(void)close(ends[1]);
	if (read(ends[0], &result, sizeof(result)) != (ssize_t)sizeof(result))
		result = -1;
	(void)close(ends[0]);
	(void)waitpid(child, NULL, 0);
	return result;
}

/* Signatures per second */

struct race {
	const struct way *way;
	struct place place;
	unsigned threads;
	atomic_uint ready;
	atomic_bool go;
	atomic_bool stop;
	atomic_ulong count;
};

static void *
run_thread(void *argument)
{
	struct race *race = argument;
	void *thread = race->way->thread_open();
	unsigned long count = 0;

	/* The first one finds its session. */
	if (thread == NULL || !race->way->sign(thread))
		exit(1);
	(void)atomic_fetch_add(&race->ready, 1);
	while (!atomic_load(&race->go))
		(void)sched_yield();
	while (!atomic_load_explicit(&race->stop, memory_order_relaxed)) {
		if (!race->way->sign(thread))
			exit(1);
		count++;
	}
	(void)atomic_fetch_add(&race->count, count);
	race->way->thread_close(thread);
	return NULL;
}

static double
run_race(const void *argument)
{
	struct race race = *(const struct race *)argument;
	const struct timespec nap = {0, 1000000};
	const struct timespec length = {(time_t)bench.seconds,
	    (long)((bench.seconds - (double)(time_t)bench.seconds) * 1e9)};
	pthread_t threads[64];
	double start;

	if (!race.way->open(&race.place))
		return -1;
	for (unsigned i = 0; i < race.threads; i++)
		if (pthread_create(&threads[i], NULL, run_thread, &race) != 0)
			return -1;
	while (atomic_load(&race.ready) < race.threads)
		(void)nanosleep(&nap, NULL);
	start = clock_seconds(CLOCK_MONOTONIC);
	atomic_store(&race.go, true);
	(void)nanosleep(&length, NULL);
	atomic_store(&race.stop, true);
	for (unsigned i = 0; i < race.threads; i++)
		(void)pthread_join(threads[i], NULL);
	return (double)atomic_load(&race.count) /
	    (clock_seconds(CLOCK_MONOTONIC) - start);
}

/* One line of the table: a token, a kind of key, a number of threads. */
struct line {
	const char *token;
	const char *module;
	bool rsa;
	unsigned threads;
	double
	    figures[WAYS_MAX]; /* per second; raw's own, else a ratio to it */
};

/* Each round begins with another way, so that none is always the first. */
static void
measure(struct line *line)
{
	double figures[WAYS_MAX][ROUNDS_MAX];

	for (unsigned r = 0; r < bench.rounds; r++)
		for (size_t i = 0; i < way_count; i++) {
			const size_t w = (i + r) % way_count;
			const struct race race = {.way = &ways[w],
			    .place = {line->module, LAB_LABEL, LAB_PIN,
				line->rsa},
			    .threads = line->threads};

			figures[w][r] = bench_in_child(run_race, &race);
		}
	for (size_t w = 0; w < way_count; w++)
		for (unsigned r = 0; w != WAY_RAW && r < bench.rounds; r++)
			figures[w][r] /= figures[WAY_RAW][r];
	for (size_t w = 0; w < way_count; w++)
		line->figures[w] = median(figures[w], bench.rounds);
}

static void
print_head(void)
{
	printf("Signatures per second: of bare Cryptoki, and of the others as "
	       "ratios to it\n%-12s%-9s%8s",
	    "token", "key", "threads");
	for (size_t w = 0; w < way_count; w++)
		printf("%14s", ways[w].name);
	printf("\n");
}

static void
print_line(const struct line *line)
{
	printf("%-12s%-9s%8u%12.0f/s", line->token,
	    line->rsa ? "RSA-2048" : "P-256", line->threads,
	    line->figures[WAY_RAW]);
	for (size_t w = 1; w < way_count; w++)
		printf("%14.3f", line->figures[w]);
	printf("\n");
	(void)fflush(stdout);
}

/* The last way is software, which is no peer: its keys are in memory. */
static double
best_peer(const struct line *line)
{
	double best = 0;

	for (size_t w = WAY_PEERS; w + 1 < way_count; w++)
		if (line->figures[w] > best)
			best = line->figures[w];
	return best;
}

static void
print_goals(const struct line *lines, unsigned count)
{
	unsigned raw = 0;
	unsigned peers = 0;
	double least_raw = 1e9;
	double least_peer = 1e9;

	for (unsigned i = 0; i < count; i++) {
		const double own = lines[i].figures[WAY_CLAVIGER];
		const double to_peer = own / best_peer(&lines[i]);

		raw += own >= GOAL;
		peers += to_peer >= 1;
		least_raw = own < least_raw ? own : least_raw;
		least_peer = to_peer < least_peer ? to_peer : least_peer;
	}
	printf("\nclaviger: %.2f of raw or more in %u of %u lines, least %.3f; "
	       "best peer or more in %u, least %.3f of it\n",
	    GOAL, raw, count, least_raw, peers, least_peer);
}

static void
race(void)
{
	static const unsigned threads[] = {1, 2, 8};
	const struct line tokens[] = {
	    {.token = "SoftHSM", .module = bench.softhsm.module},
	    {.token = "1 ms a call", .module = P11_PROXY_PATH}};
	struct line lines[12];
	unsigned count = 0;

	print_head();
	for (size_t m = 0; m < 2; m++)
		for (int rsa = 1; rsa >= 0; rsa--)
			for (size_t t = 0; t < 3; t++) {
				struct line *line = &lines[count++];

				*line = tokens[m];
				line->rsa = rsa != 0;
				line->threads = threads[t];
				measure(line);
				print_line(line);
			}
	print_goals(lines, count);
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		bench.seconds = atof(argv[1]);
	if (argc > 2)
		bench.rounds = (unsigned)atoi(argv[2]);
	if (argc > 3)
		bench.objects = (unsigned)atoi(argv[3]);
	if (bench.seconds <= 0 || bench.rounds == 0 ||
	    bench.rounds > ROUNDS_MAX || way_count > WAYS_MAX) {
		fprintf(stderr,
		    "usage: bench-pkcs11 [SECONDS [ROUNDS [OBJECTS]]]\n");
		return 2;
	}
	if (!bench_start()) {
		lab_dir_remove(bench.dir);
		return 1;
	}
	race();
	bench_show_calls();
	bench_show_opening();
	bench_show_recovery();
	lab_dir_remove(bench.dir);
	return 0;
}
