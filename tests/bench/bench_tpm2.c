/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What protection and residence cost with a TPM: signatures and decryptions
 * through Claviger, by bare ESYS with and without session, and by
 * tpm2-openssl with a key that is kept or loaded each time. Software TPMs,
 * one for each, so that they do not take each other's slots; only the ratios
 * mean something.
 *
 *     bench-tpm2 [SECONDS-A-ROUND [ROUNDS]]
 *
 * All take turns, so that a busy machine is busy for all. The time told is the
 * median of the rounds, and "x" the median of the ratios to the first way in
 * the same round. Takes five minutes. At the end stands what a signature with
 * protection costs; more than LIMIT times one without is a failure, unless
 * the rounds were too few to tell.
 */

#include <claviger/key.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fake/fault_tcti.h"
#include "fake/swtpm_lab.h"
#include "figures.h"
#include "tpm2_esys.h"
#include "tpm2_openssl.h"

#define ROUNDS_MAX 99
#define THREADS_MAX 8
#define LIMIT 1.5
#define ROUNDS_THAT_TELL 9

static const unsigned char message[256] = "a message of a secure channel";

/* What is measured: `run` does one operation. */
struct way {
	const char *name;
	bool (*run)(void *subject);
	void *subject;
	unsigned threads;
	double per_second[ROUNDS_MAX];
	double ratio; /* to the first way, in time */
};

static _Noreturn void
die(const char *what, const clv_error *err)
{
	(void)fprintf(stderr, "bench-tpm2: %s: %s\n", what,
	    err != NULL ? clv_error_message(err) : "failed");
	exit(1);
}

/* All go through the TCTI that counts. */
static void
counted(const struct swtpm_lab *lab, char *tcti, size_t room)
{
	(void)snprintf(tcti, room, "fault:%s", lab->tcti);
}

/* ---- Claviger ---- */

struct ours {
	struct swtpm_lab lab;
	clv_context *context;
	clv_store *store;
	clv_key *key;
	char *uri;
	uint8_t ciphertext[256];
};

static clv_status
answer(void *user, const struct clv_ask_request *request, clv_secret *secret,
    clv_error **err)
{
	(void)user;
	(void)request;
	return clv_secret_set(secret, "a word", 6, err);
}

static void
ours_encrypt(struct ours *ours)
{
	size_t size = 0;
	const unsigned char *der = clv_key_public(ours->key, &size);
	EVP_PKEY *public = d2i_PUBKEY(NULL, &der, (long)size);

	if (!theirs_encrypt_with(public, true, ours->ciphertext))
		die("encrypt", NULL);
	EVP_PKEY_free(public);
}

static void
ours_open(struct ours *ours, clv_algorithm algorithm)
{
	clv_error *err = NULL;
	char tcti[LAB_PATH + 80], uri[LAB_PATH + 16];

	if (swtpm_lab_start(&ours->lab) != 0)
		exit(1);
	counted(&ours->lab, tcti, sizeof(tcti));
	(void)setenv("CLAVIGER_TCTI", tcti, 1);
	(void)snprintf(uri, sizeof(uri), "tpm2:%s", ours->lab.keys);
	if (clv_context_new(&ours->context, &err) != CLV_OK)
		die("context", err);
	clv_context_set_ask(ours->context, answer, NULL);
	if (clv_store_open(ours->context, uri, &ours->store, &err) != CLV_OK ||
	    clv_key_generate(ours->store, algorithm, NULL, &ours->key, &err) !=
		CLV_OK)
		die("generate", err);
	ours->uri = strdup(clv_key_uri(ours->key));
	if (algorithm == CLV_RSA_2048)
		ours_encrypt(ours);
}

static void
ours_close(struct ours *ours)
{
	clv_key_free(&ours->key);
	clv_store_free(&ours->store);
	clv_context_free(&ours->context);
	free(ours->uri);
	swtpm_lab_stop(&ours->lab);
}

static bool
ours_sign(void *subject)
{
	const struct ours *ours = subject;
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	return clv_key_sign(ours->key,
		   clv_algorithm_describe(clv_key_algorithm(ours->key))->scheme,
		   message, sizeof(message), signature, &size, NULL) == CLV_OK;
}

static bool
ours_decrypt(void *subject)
{
	const struct ours *ours = subject;
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	size_t size = sizeof(plaintext);

	return clv_key_decrypt(ours->key, CLV_RSA_OAEP_SHA256, ours->ciphertext,
		   sizeof(ours->ciphertext), plaintext, &size, NULL) == CLV_OK;
}

/* Opens the key on a new connection and signs. */
static bool
ours_cold(void *subject)
{
	struct ours *ours = subject;

	clv_key_free(&ours->key);
	clv_store_free(&ours->store);
	return clv_key_open(ours->context, ours->uri, &ours->key, NULL) ==
	    CLV_OK &&
	    ours_sign(ours);
}

/* ---- bare ESYS ---- */

static bool
esys_sign_clear(void *subject)
{
	return bare_sign(subject, false);
}

static bool
esys_sign_protected(void *subject)
{
	return bare_sign(subject, true);
}

static bool
esys_decrypt_clear(void *subject)
{
	return bare_decrypt(subject, false);
}

static bool
esys_decrypt_protected(void *subject)
{
	return bare_decrypt(subject, true);
}

static bool
esys_cold(void *subject)
{
	return bare_cold(subject);
}

/* ---- measuring ---- */

struct worker {
	const struct way *way;
	atomic_bool *stop;
	unsigned long done;
};

static void *
work(void *user)
{
	struct worker *worker = user;

	while (!atomic_load(worker->stop)) {
		if (!worker->way->run(worker->way->subject))
			die(worker->way->name, NULL);
		worker->done++;
	}
	return NULL;
}

static double
measure(const struct way *way, double seconds)
{
	struct worker workers[THREADS_MAX];
	pthread_t threads[THREADS_MAX];
	atomic_bool stop = false;
	unsigned long done = 0;
	const double start = clock_seconds(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < way->threads; i++) {
		workers[i] = (struct worker){way, &stop, 0};
		if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
			die("thread", NULL);
	}
	while (clock_seconds(CLOCK_MONOTONIC) - start < seconds)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < way->threads; i++) {
		(void)pthread_join(threads[i], NULL);
		done += workers[i].done;
	}
	return (double)done / (clock_seconds(CLOCK_MONOTONIC) - start);
}

/* The first way is what the others are compared with. */
static void
contest(const char *title, struct way *ways, size_t count, double seconds,
    unsigned rounds)
{
	double ratios[ROUNDS_MAX];

	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++)
			ways[i].per_second[round] = measure(&ways[i], seconds);
	printf("%s\n", title);
	for (size_t i = count; i-- > 0;) {
		for (unsigned round = 0; round < rounds; round++)
			ratios[round] = ways[0].per_second[round] /
			    ways[i].per_second[round];
		ways[i].ratio = median(ratios, rounds);
	}
	for (size_t i = 0; i < count; i++) {
		const double rate = median(ways[i].per_second, rounds);

		printf("  %-46s %8.3f ms  %8.0f/s  x %.2f\n", ways[i].name,
		    1000 / rate, rate, ways[i].ratio);
	}
	(void)fflush(stdout);
}

/* How many commands one run of it sends. */
static void
tell_commands(const char *what, bool (*run)(void *subject), void *subject)
{
	fault_tcti_reset();
	if (!run(subject))
		die(what, NULL);
	printf("  %-46s %3u commands\n", what, fault_tcti_count(0));
}

struct parties {
	struct swtpm_lab esys_lab;
	struct bare *bare;
	struct ours ours;
	struct theirs *theirs;
};

static void
open_parties(struct parties *parties, bool rsa)
{
	char tcti[LAB_PATH + 80];

	if (swtpm_lab_start(&parties->esys_lab) != 0)
		exit(1);
	ours_open(&parties->ours, rsa ? CLV_RSA_2048 : CLV_EC_P256);
	counted(&parties->esys_lab, tcti, sizeof(tcti));
	parties->bare = bare_open(tcti, rsa);
	parties->theirs = theirs_open(rsa);
	if (parties->bare == NULL || parties->theirs == NULL)
		die("ESYS or tpm2-openssl", NULL);
}

static void
close_parties(struct parties *parties)
{
	bare_close(&parties->bare);
	ours_close(&parties->ours);
	theirs_close(&parties->theirs);
	swtpm_lab_stop(&parties->esys_lab);
}

static void
compare_decryption(struct parties *parties, double seconds, unsigned rounds)
{
	struct way ways[] = {
	    {"ESYS, password in clear, key kept", esys_decrypt_clear,
		parties->bare, 1, {0}, 0},
	    {"ESYS, kept session", esys_decrypt_protected, parties->bare, 1,
		{0}, 0},
	    {"claviger, protected", ours_decrypt, &parties->ours, 1, {0}, 0},
	    {"claviger, protected, 2 threads", ours_decrypt, &parties->ours, 2,
		{0}, 0},
	    {"claviger, protected, 8 threads", ours_decrypt, &parties->ours, 8,
		{0}, 0},
	    {"tpm2-openssl, key kept, in clear", theirs_decrypt,
		parties->theirs, 1, {0}, 0},
	};

	contest("RSA-2048 decryption (OAEP-SHA256; tpm2-openssl: PKCS#1 v1.5)",
	    ways, sizeof(ways) / sizeof(ways[0]), seconds, rounds);
}

static void
compare_cold(struct parties *parties, double seconds, unsigned rounds)
{
	struct way ways[] = {
	    {"ESYS: primary, session, load, sign", esys_cold, parties->bare, 1,
		{0}, 0},
	    {"claviger: connect, open, prove auth, sign", ours_cold,
		&parties->ours, 1, {0}, 0},
	};

	contest("cold open and one signature", ways, 2, seconds, rounds);
}

/* How many times an unprotected signature costs a protected one. */
static double
compare_signatures(
    struct parties *parties, bool rsa, double seconds, unsigned rounds)
{
	struct way ways[] = {
	    {"ESYS, password in clear, key kept", esys_sign_clear,
		parties->bare, 1, {0}, 0},
	    {"ESYS, kept session", esys_sign_protected, parties->bare, 1, {0},
		0},
	    {"claviger, protected", ours_sign, &parties->ours, 1, {0}, 0},
	    {"claviger, protected, 2 threads", ours_sign, &parties->ours, 2,
		{0}, 0},
	    {"claviger, protected, 8 threads", ours_sign, &parties->ours, 8,
		{0}, 0},
	    {"tpm2-openssl, key kept, in clear", theirs_sign, parties->theirs,
		1, {0}, 0},
	    {"tpm2-openssl, key loaded each time", theirs_sign_fresh,
		parties->theirs, 1, {0}, 0},
	};

	contest(rsa ? "RSA-2048 PKCS#1 v1.5 signature" : "P-256 signature",
	    ways, sizeof(ways) / sizeof(ways[0]), seconds, rounds);
	return ways[2].ratio;
}

static double
run(bool rsa, double seconds, unsigned rounds)
{
	struct parties parties = {0};
	double ratio;

	open_parties(&parties, rsa);
	ratio = compare_signatures(&parties, rsa, seconds, rounds);
	if (rsa)
		compare_decryption(&parties, seconds, rounds);
	compare_cold(&parties, seconds, rounds);
	printf("commands sent\n");
	tell_commands("claviger, signature", ours_sign, &parties.ours);
	if (rsa)
		tell_commands(
		    "claviger, decryption", ours_decrypt, &parties.ours);
	tell_commands(
	    "claviger, cold open and signature", ours_cold, &parties.ours);
	tell_commands("tpm2-openssl, signature", theirs_sign, parties.theirs);
	tell_commands("tpm2-openssl, key loaded and signature",
	    theirs_sign_fresh, parties.theirs);
	close_parties(&parties);
	return ratio;
}

int
main(int argc, char **argv)
{
	const double seconds = argc > 1 ? atof(argv[1]) : 0.25;
	const unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 45;
	double ec, rsa;

	if (seconds <= 0 || rounds == 0 || rounds > ROUNDS_MAX) {
		(void)fputs("usage: bench-tpm2 [SECONDS [ROUNDS]]\n", stderr);
		return 2;
	}
	ec = run(false, seconds, rounds);
	rsa = run(true, seconds, rounds);
	printf("a protected signature costs %.2f (P-256) and %.2f (RSA-2048) "
	       "times an unprotected one; at most %.1f is wanted\n",
	    ec, rsa, LIMIT);
	return rounds >= ROUNDS_THAT_TELL && (ec > LIMIT || rsa > LIMIT);
}
