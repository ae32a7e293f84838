/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Many threads on one key, on several, and on keys that come and go. */

#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 8
#define ROUNDS 25

struct worker {
	clv_context *context;
	clv_key *const *keys; /* THREADS of them, or NULL: */
	const char *uri;      /* opened each time */
	size_t number;
	clv_status status;
	char problem[256];
};

static const uint8_t message[] = "a message";

/* No assertions here: they jump. */
static clv_status
sign(clv_key *key, clv_error **err)
{
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	return clv_key_sign(key, CLV_ECDSA_SHA256, message, sizeof(message),
	    signature, &size, err);
}

static clv_status
open_and_sign(const struct worker *worker, clv_error **err)
{
	clv_key *key = NULL;
	clv_status status =
	    clv_key_open(worker->context, worker->uri, &key, err);

	if (status == CLV_OK)
		status = sign(key, err);
	clv_key_free(&key);
	return status;
}

static void *
work(void *user)
{
	struct worker *worker = user;
	clv_error *err = NULL;

	for (size_t i = 0; i < ROUNDS && worker->status == CLV_OK; i++)
		worker->status = worker->keys != NULL
		    ? sign(worker->keys[(worker->number + i) % THREADS], &err)
		    : open_and_sign(worker, &err);
	if (err != NULL)
		strncpy(worker->problem, clv_error_message(err),
		    sizeof(worker->problem) - 1);
	clv_error_free(&err);
	return NULL;
}

static void
run(clv_context *context, clv_key *const *keys, const char *uri)
{
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){
		    .context = context, .keys = keys, .uri = uri, .number = i};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		if (workers[i].status != CLV_OK)
			fail_msg("thread %zu: %s", i, workers[i].problem);
}

static void
test_threads__share_one_key(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key, *keys[THREADS];

	lab->new_auth = "a word";
	key = tpm_lab_key(lab, CLV_EC_P256, "one");
	for (size_t i = 0; i < THREADS; i++)
		keys[i] = key;
	run(lab->context, keys, NULL);
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
}

static void
test_threads__use_more_keys_than_slots(void **state)
{
	struct tpm_lab *lab = *state;
	char label[2] = "a";
	clv_key *keys[THREADS];

	for (size_t i = 0; i < THREADS; i++, label[0]++)
		keys[i] = tpm_lab_key(lab, CLV_EC_P256, label);
	run(lab->context, keys, NULL);
	for (size_t i = 0; i < THREADS; i++) {
		assert_ok(tpm_lab_sign(keys[i], &err));
		clv_key_free(&keys[i]);
	}
}

static void
test_threads__open_and_close(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "one");

	clv_store_free(&lab->store);
	run(lab->context, NULL, uri);
	free(uri);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TPM_LAB_TEST(test_threads__share_one_key),
	    TPM_LAB_TEST(test_threads__use_more_keys_than_slots),
	    TPM_LAB_TEST(test_threads__open_and_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
