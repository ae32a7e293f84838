/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "signing.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "figures.h"

#define THREADS_MAX 2
#define ROUNDS_MAX 99

struct worker {
	const struct contest *contest;
	const struct subject *subject;
	enum signing_way way;
	atomic_bool *stop;
	unsigned long done;
	bool failed;
};

const unsigned char signing_message[256] = "a message of a secure channel";

static _Noreturn void
die(const char *what, const clv_error *err)
{
	(void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name,
	    what, err != NULL ? clv_error_message(err) : "failed");
	exit(1);
}

bool
signing_with_pkey(EVP_PKEY *pkey)
{
	unsigned char signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	const bool done =
	    EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, pkey) == 1 &&
	    EVP_DigestSign(digest, signature, &size, signing_message,
		sizeof(signing_message)) == 1;

	EVP_MD_CTX_free(digest);
	return done;
}

static bool
sign_direct(const struct subject *subject)
{
	unsigned char signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	return clv_key_sign(subject->key, subject->scheme, signing_message,
		   sizeof(signing_message), signature, &size, NULL) == CLV_OK;
}

static void *
work(void *argument)
{
	struct worker *worker = argument;
	void *thread = worker->contest->thread_open(worker->subject);

	worker->failed = thread == NULL;
	while (!atomic_load(worker->stop) && !worker->failed) {
		worker->failed = worker->way == DIRECT
		    ? !sign_direct(worker->subject)
		    : worker->way == OTHER
		    ? !worker->contest->sign(thread)
		    : !signing_with_pkey(worker->subject->pkey);
		worker->done++;
	}
	worker->contest->thread_close(thread);
	return NULL;
}

static double
measure(const struct worker *like, unsigned threads, double seconds)
{
	pthread_t ids[THREADS_MAX];
	struct worker workers[THREADS_MAX];
	unsigned long done = 0;
	const double start = clock_seconds(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < threads; i++) {
		workers[i] = *like;
		if (pthread_create(&ids[i], NULL, work, &workers[i]) != 0)
			die("start thread", NULL);
	}
	(void)usleep((useconds_t)(seconds * 1e6));
	atomic_store(like->stop, true);
	for (unsigned i = 0; i < threads; i++) {
		(void)pthread_join(ids[i], NULL);
		if (workers[i].failed)
			die("sign", NULL);
		done += workers[i].done;
	}
	return (double)done / (clock_seconds(CLOCK_MONOTONIC) - start);
}

static void
run(const struct contest *contest, const struct subject *subject,
    unsigned threads, double seconds, unsigned rounds)
{
	double rate[WAYS][ROUNDS_MAX], ratio[2][ROUNDS_MAX];

	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned way = 0; way < WAYS; way++) {
			atomic_bool stop = false;
			const struct worker like = {.contest = contest,
			    .subject = subject,
			    .way = (enum signing_way)way,
			    .stop = &stop};

			rate[way][round] = measure(&like, threads, seconds);
		}
		for (size_t i = 0; i < 2; i++)
			ratio[i][round] =
			    rate[contest->ratios[i].dividend][round] /
			    rate[contest->ratios[i].divisor][round];
	}
	(void)printf("%-8s %u   %10.0f %10.0f %10.0f   %11.3f %11.3f\n",
	    clv_algorithm_describe(subject->algorithm)->name, threads,
	    median(rate[PLAIN], rounds), median(rate[OTHER], rounds),
	    median(rate[DIRECT], rounds), median(ratio[0], rounds),
	    median(ratio[1], rounds));
}

/* Writes a new key to a file and opens it all ways. */
static void
prepare(const struct contest *contest, struct subject *subject,
    clv_context *context, const char *directory)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(subject->algorithm);
	char path[512], uri[600];
	clv_error *err = NULL;
	FILE *file;

	subject->pkey = info->family == CLV_FAMILY_RSA
	    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)info->bits)
	    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", info->group);
	(void)snprintf(path, sizeof(path), "%s/%s.pem", directory, info->name);
	(void)snprintf(uri, sizeof(uri), "file:%s", path);
	file = fopen(path, "w");
	if (file == NULL ||
	    PEM_write_PKCS8PrivateKey(
		file, subject->pkey, NULL, NULL, 0, NULL, NULL) != 1 ||
	    fclose(file) != 0)
		die("write key", NULL);
	if (clv_key_open(context, uri, &subject->key, &err) != CLV_OK ||
	    (contest->open != NULL && contest->open(subject, &err) != CLV_OK))
		die("open key", err);
	(void)unlink(path);
}

int
signing_main(const struct contest *contest, int argc, char **argv)
{
	struct subject subjects[] = {
	    {.algorithm = CLV_RSA_2048, .scheme = CLV_RSA_PKCS1_SHA256},
	    {.algorithm = CLV_EC_P256, .scheme = CLV_ECDSA_SHA256}};
	const double seconds = argc > 1 ? atof(argv[1]) : 0.3;
	const int wanted = argc > 2 ? atoi(argv[2]) : 9;
	const unsigned rounds =
	    wanted < 1 || wanted > ROUNDS_MAX ? 9 : (unsigned)wanted;
	char directory[] = "/tmp/claviger-bench.XXXXXX";
	clv_context *context = NULL;
	clv_error *err = NULL;

	(void)umask(077);
	if (mkdtemp(directory) == NULL)
		die("make directory", NULL);
	if (clv_context_new(&context, &err) != CLV_OK)
		die("make context", err);
	(void)printf("signatures a second, median of %u rounds of %g s\n%s\n",
	    rounds, seconds, contest->heading);
	for (size_t i = 0; i < 2; i++) {
		prepare(contest, &subjects[i], context, directory);
		for (unsigned threads = 1; threads <= THREADS_MAX; threads++)
			run(contest, &subjects[i], threads, seconds, rounds);
		EVP_PKEY_free(subjects[i].pkey);
		EVP_PKEY_free(subjects[i].through);
		clv_key_free(&subjects[i].key);
	}
	clv_context_free(&context);
	(void)rmdir(directory);
	return 0;
}
