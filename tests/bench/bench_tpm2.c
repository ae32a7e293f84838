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
 * All take turns, so that a busy machine is busy for all; the median of the
 * rounds counts.
 */

#include <claviger/key.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/x509.h>

#include "fake/fault_tcti.h"
#include "fake/swtpm_lab.h"
#include "tpm2_esys.h"

#define ROUNDS_MAX 99
#define THREADS_MAX 8

static const unsigned char message[256] = "a message of a secure channel";

/* What is measured: `run` does one operation. */
struct way {
	const char *name;
	bool (*run)(void *subject);
	void *subject;
	unsigned threads;
	double per_second[ROUNDS_MAX];
};

static _Noreturn void
die(const char *what, const clv_error *err)
{
	(void)fprintf(stderr, "bench-tpm2: %s: %s\n", what,
	    err != NULL ? clv_error_message(err) : "failed");
	exit(1);
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
	EVP_PKEY_CTX *seal = EVP_PKEY_CTX_new_from_pkey(NULL, public, NULL);

	size = sizeof(ours->ciphertext);
	if (EVP_PKEY_encrypt_init(seal) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(seal, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(seal, "SHA256", NULL) != 1 ||
	    EVP_PKEY_encrypt(seal, ours->ciphertext, &size,
		(const unsigned char *)"plain", 5) != 1)
		die("encrypt", NULL);
	EVP_PKEY_CTX_free(seal);
	EVP_PKEY_free(public);
}

static void
ours_open(struct ours *ours, clv_algorithm algorithm)
{
	clv_error *err = NULL;
	char tcti[LAB_PATH + 80], uri[LAB_PATH + 16];

	if (swtpm_lab_start(&ours->lab) != 0)
		exit(1);
	(void)snprintf(tcti, sizeof(tcti), "fault:%s", ours->lab.tcti);
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

/* ---- tpm2-openssl ---- */

struct theirs {
	struct swtpm_lab lab;
	OSSL_LIB_CTX *context;
	OSSL_PROVIDER *providers[2];
	EVP_PKEY *key;
	char file[LAB_PATH + 16];
};

static EVP_PKEY *
theirs_load(struct theirs *theirs)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex(theirs->file,
	    theirs->context, "?provider=tpm2", NULL, NULL, NULL, NULL, NULL);
	EVP_PKEY *key = NULL;

	while (store != NULL && key == NULL && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *found = OSSL_STORE_load(store);

		if (found != NULL &&
		    OSSL_STORE_INFO_get_type(found) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(found);
		OSSL_STORE_INFO_free(found);
	}
	OSSL_STORE_close(store);
	return key;
}

static bool
theirs_open(struct theirs *theirs, const char *algorithm)
{
	if (swtpm_lab_start(&theirs->lab) != 0)
		exit(1);
	(void)setenv("TPM2OPENSSL_TCTI", theirs->lab.tcti, 1);
	(void)snprintf(
	    theirs->file, sizeof(theirs->file), "%s/key.pem", theirs->lab.dir);
	if (swtpm_lab_run(&theirs->lab,
		(const char *const[]){"openssl", "genpkey", "-provider", "tpm2",
		    "-algorithm", algorithm, "-pkeyopt",
		    strcmp(algorithm, "RSA") == 0 ? "bits:2048" : "group:P-256",
		    "-out", theirs->file, NULL},
		NULL, 0) != 0)
		return false;
	theirs->context = OSSL_LIB_CTX_new();
	theirs->providers[0] = OSSL_PROVIDER_load(theirs->context, "tpm2");
	theirs->providers[1] = OSSL_PROVIDER_load(theirs->context, "default");
	theirs->key = theirs_load(theirs);
	return theirs->key != NULL;
}

static void
theirs_close(struct theirs *theirs)
{
	EVP_PKEY_free(theirs->key);
	(void)OSSL_PROVIDER_unload(theirs->providers[0]);
	(void)OSSL_PROVIDER_unload(theirs->providers[1]);
	OSSL_LIB_CTX_free(theirs->context);
	swtpm_lab_stop(&theirs->lab);
}

static bool
theirs_sign_with(struct theirs *theirs, EVP_PKEY *key)
{
	unsigned char signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	const bool done =
	    EVP_DigestSignInit_ex(digest, NULL, "SHA256", theirs->context,
		"?provider=tpm2", key, NULL) == 1 &&
	    EVP_DigestSign(
		digest, signature, &size, message, sizeof(message)) == 1;

	EVP_MD_CTX_free(digest);
	return done;
}

static bool
theirs_sign(void *subject)
{
	struct theirs *theirs = subject;

	return theirs_sign_with(theirs, theirs->key);
}

static bool
theirs_sign_fresh(void *subject)
{
	struct theirs *theirs = subject;
	EVP_PKEY *key = theirs_load(theirs);
	const bool done = key != NULL && theirs_sign_with(theirs, key);

	EVP_PKEY_free(key);
	return done;
}

/* ---- measuring ---- */

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

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
	const double start = now();

	for (unsigned i = 0; i < way->threads; i++) {
		workers[i] = (struct worker){way, &stop, 0};
		if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
			die("thread", NULL);
	}
	while (now() - start < seconds)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < way->threads; i++) {
		(void)pthread_join(threads[i], NULL);
		done += workers[i].done;
	}
	return (double)done / (now() - start);
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The first way is what the others are compared with. */
static void
contest(const char *title, struct way *ways, size_t count, double seconds,
    unsigned rounds)
{
	double first = 0;

	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++)
			ways[i].per_second[round] = measure(&ways[i], seconds);
	printf("%s\n", title);
	for (size_t i = 0; i < count; i++) {
		double median;

		qsort(ways[i].per_second, rounds, sizeof(double), compare);
		median = ways[i].per_second[rounds / 2];
		if (i == 0)
			first = median;
		printf("  %-46s %8.3f ms  %8.0f/s  x %.2f\n", ways[i].name,
		    1000 / median, median, first / median);
	}
}

static void
tell_commands(struct ours *ours)
{
	fault_tcti_reset();
	if (!ours_cold(ours))
		die("cold", NULL);
	printf("  a cold open with an auth value and a signature: %u commands",
	    fault_tcti_count(0));
	fault_tcti_reset();
	if (!ours_sign(ours))
		die("sign", NULL);
	printf("; a signature: %u\n", fault_tcti_count(0));
}

static void
run(clv_algorithm algorithm, double seconds, unsigned rounds)
{
	const bool rsa = algorithm == CLV_RSA_2048;
	struct swtpm_lab esys_lab;
	struct ours ours = {0};
	struct theirs theirs = {0};
	struct bare *bare;

	if (swtpm_lab_start(&esys_lab) != 0)
		exit(1);
	ours_open(&ours, algorithm);
	bare = bare_open(esys_lab.tcti, rsa);
	if (bare == NULL || !theirs_open(&theirs, rsa ? "RSA" : "EC"))
		die("ESYS or tpm2-openssl", NULL);
	struct way sign[] = {
	    {"ESYS, password in clear, key kept", esys_sign_clear, bare, 1,
		{0}},
	    {"ESYS, kept session", esys_sign_protected, bare, 1, {0}},
	    {"claviger, protected", ours_sign, &ours, 1, {0}},
	    {"claviger, protected, 2 threads", ours_sign, &ours, 2, {0}},
	    {"claviger, protected, 8 threads", ours_sign, &ours, 8, {0}},
	    {"tpm2-openssl, key kept, in clear", theirs_sign, &theirs, 1, {0}},
	    {"tpm2-openssl, key loaded each time", theirs_sign_fresh, &theirs,
		1, {0}},
	};
	struct way decrypt[] = {
	    {"ESYS, password in clear, key kept", esys_decrypt_clear, bare, 1,
		{0}},
	    {"ESYS, kept session", esys_decrypt_protected, bare, 1, {0}},
	    {"claviger, protected", ours_decrypt, &ours, 1, {0}},
	};
	struct way cold[] = {
	    {"ESYS: primary, session, load, sign", esys_cold, bare, 1, {0}},
	    {"claviger: open with auth value, sign", ours_cold, &ours, 1, {0}},
	};

	contest(rsa ? "RSA-2048 PKCS#1 v1.5 signature" : "P-256 signature",
	    sign, sizeof(sign) / sizeof(sign[0]), seconds, rounds);
	if (rsa)
		contest("RSA-2048 OAEP-SHA256 decryption", decrypt,
		    sizeof(decrypt) / sizeof(decrypt[0]), seconds, rounds);
	contest("cold", cold, 2, seconds, rounds);
	tell_commands(&ours);
	bare_close(&bare);
	ours_close(&ours);
	theirs_close(&theirs);
	swtpm_lab_stop(&esys_lab);
}

int
main(int argc, char **argv)
{
	const double seconds = argc > 1 ? atof(argv[1]) : 0.5;
	const unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 9;

	if (seconds <= 0 || rounds == 0 || rounds > ROUNDS_MAX) {
		(void)fputs("usage: bench-tpm2 [SECONDS [ROUNDS]]\n", stderr);
		return 2;
	}
	run(CLV_EC_P256, seconds, rounds);
	run(CLV_RSA_2048, seconds, rounds);
	return 0;
}
