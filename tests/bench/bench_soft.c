/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What clv_key_sign() costs against OpenSSL on the same key, in signatures a
 * second: OpenSSL as most programs use it, with contexts made for each
 * signature; OpenSSL at its best, with one context for each thread, used
 * again and again; and clv_key_sign() with the key in a file. Only the ratios
 * mean something on another machine.
 *
 *     bench-soft [SECONDS-A-ROUND [ROUNDS]]
 *
 * The three take turns, so that a busy machine is busy for all; the median of
 * the rounds counts.
 */

#include <claviger/key.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#define THREADS_MAX 2
#define ROUNDS_MAX 99

enum way { PLAIN, BEST, DIRECT, WAYS };

struct subject {
	clv_algorithm algorithm;
	clv_scheme scheme;
	EVP_PKEY *pkey;
	clv_key *key;
};

struct worker {
	const struct subject *subject;
	enum way way;
	EVP_PKEY_CTX *context; /* of BEST */
	EVP_MD *sha256;
	atomic_bool *stop;
	unsigned long done;
	bool failed;
};

static const unsigned char message[256] = "a message of a secure channel";

static _Noreturn void
die(const char *what, const clv_error *err)
{
	(void)fprintf(stderr, "bench-soft: %s: %s\n", what,
	    err != NULL ? clv_error_message(err) : "failed");
	exit(1);
}

static bool
sign_evp(EVP_PKEY *pkey)
{
	unsigned char signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	const bool done =
	    EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, pkey) == 1 &&
	    EVP_DigestSign(
		digest, signature, &size, message, sizeof(message)) == 1;

	EVP_MD_CTX_free(digest);
	return done;
}

/* Nothing is made or looked up; only what must be done is done. */
static bool
sign_best(const struct worker *worker)
{
	unsigned char signature[CLV_SIGNATURE_MAX];
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t size = sizeof(signature);

	return EVP_Digest(message, sizeof(message), digest, NULL,
		   worker->sha256, NULL) == 1 &&
	    EVP_PKEY_sign(worker->context, signature, &size, digest, 32) == 1;
}

static bool
sign_direct(const struct subject *subject)
{
	unsigned char signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	return clv_key_sign(subject->key, subject->scheme, message,
		   sizeof(message), signature, &size, NULL) == CLV_OK;
}

static void *
work(void *argument)
{
	struct worker *worker = argument;

	worker->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	worker->context =
	    EVP_PKEY_CTX_new_from_pkey(NULL, worker->subject->pkey, NULL);
	worker->failed = EVP_PKEY_sign_init(worker->context) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(worker->context, worker->sha256) != 1;
	while (!atomic_load(worker->stop) && !worker->failed) {
		worker->failed = worker->way == DIRECT
		    ? !sign_direct(worker->subject)
		    : worker->way == BEST ? !sign_best(worker)
					  : !sign_evp(worker->subject->pkey);
		worker->done++;
	}
	EVP_PKEY_CTX_free(worker->context);
	EVP_MD_free(worker->sha256);
	return NULL;
}

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double
measure(
    const struct subject *subject, enum way way, int threads, double seconds)
{
	pthread_t ids[THREADS_MAX];
	struct worker workers[THREADS_MAX];
	atomic_bool stop = false;
	unsigned long done = 0;
	const double start = now();

	for (int i = 0; i < threads; i++) {
		workers[i] = (struct worker){
		    .subject = subject, .way = way, .stop = &stop};
		if (pthread_create(&ids[i], NULL, work, &workers[i]) != 0)
			die("start thread", NULL);
	}
	(void)usleep((useconds_t)(seconds * 1e6));
	atomic_store(&stop, true);
	for (int i = 0; i < threads; i++) {
		(void)pthread_join(ids[i], NULL);
		if (workers[i].failed)
			die("sign", NULL);
		done += workers[i].done;
	}
	return (double)done / (now() - start);
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

static void
run(const struct subject *subject, int threads, double seconds, int rounds)
{
	double rate[WAYS][ROUNDS_MAX];
	double toward_plain[ROUNDS_MAX], toward_best[ROUNDS_MAX];

	for (int round = 0; round < rounds; round++) {
		for (int way = 0; way < WAYS; way++)
			rate[way][round] =
			    measure(subject, (enum way)way, threads, seconds);
		toward_plain[round] = rate[DIRECT][round] / rate[PLAIN][round];
		toward_best[round] = rate[DIRECT][round] / rate[BEST][round];
	}
	(void)printf("%-8s %d   %10.0f %10.0f %10.0f   %11.3f %8.3f\n",
	    clv_algorithm_describe(subject->algorithm)->name, threads,
	    median(rate[PLAIN], rounds), median(rate[BEST], rounds),
	    median(rate[DIRECT], rounds), median(toward_plain, rounds),
	    median(toward_best, rounds));
}

/* Writes a new key to a file and opens it both ways. */
static void
prepare(struct subject *subject, clv_context *context, const char *directory)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(subject->algorithm);
	EVP_PKEY *pkey = info->family == CLV_FAMILY_RSA
	    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)info->bits)
	    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", info->group);
	char path[512], uri[600];
	clv_error *err = NULL;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s.pem", directory, info->name);
	(void)snprintf(uri, sizeof(uri), "file:%s", path);
	file = fopen(path, "w");
	if (file == NULL ||
	    PEM_write_PKCS8PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL) !=
		1 ||
	    fclose(file) != 0)
		die("write key", NULL);
	subject->pkey = pkey;
	if (clv_key_open(context, uri, &subject->key, &err) != CLV_OK)
		die("open key", err);
	(void)unlink(path);
}

int
main(int argc, char **argv)
{
	struct subject subjects[] = {
	    {.algorithm = CLV_RSA_2048, .scheme = CLV_RSA_PKCS1_SHA256},
	    {.algorithm = CLV_EC_P256, .scheme = CLV_ECDSA_SHA256}};
	const double seconds = argc > 1 ? atof(argv[1]) : 0.3;
	const int wanted = argc > 2 ? atoi(argv[2]) : 9;
	const int rounds = wanted < 1 || wanted > ROUNDS_MAX ? 9 : wanted;
	char directory[] = "/tmp/claviger-bench.XXXXXX";
	clv_context *context = NULL;
	clv_error *err = NULL;

	(void)umask(077);
	if (mkdtemp(directory) == NULL)
		die("make directory", NULL);
	if (clv_context_new(&context, &err) != CLV_OK)
		die("make context", err);
	(void)printf("signatures a second, median of %d rounds of %g s\n"
		     "key threads    OpenSSL       best   clv_key   "
		     "clv/OpenSSL clv/best\n",
	    rounds, seconds);
	for (size_t i = 0; i < 2; i++) {
		prepare(&subjects[i], context, directory);
		for (int threads = 1; threads <= THREADS_MAX; threads++)
			run(&subjects[i], threads, seconds, rounds);
		EVP_PKEY_free(subjects[i].pkey);
		clv_key_free(&subjects[i].key);
	}
	clv_context_free(&context);
	(void)rmdir(directory);
	return 0;
}
