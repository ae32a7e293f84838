/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* 32 threads on one key, with faults and pulls under them: for
 * -DCLV_SANITIZE=thread and valgrind; also worth its while without. */

#include "p11_lab.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 32U

static clv_key *shared;
static atomic_uint failed;
static atomic_uint done;
static unsigned turns = 40;

static void *
sign(void *argument)
{
	(void)argument;
	for (unsigned i = 0; i < turns; i++) {
		clv_error *err = NULL;

		if (lab_sign(shared, &err) == CLV_OK)
			continue;
		fprintf(stderr, "%s\n", clv_error_message(err));
		clv_error_free(&err);
		atomic_fetch_add(&failed, 1);
	}
	atomic_fetch_add(&done, 1);
	return NULL;
}

/* Opens, uses and closes handles of its own beside the others. */
static void *
come_and_go(void *argument)
{
	clv_context *context = argument;

	while (atomic_load(&done) < THREADS) {
		clv_key *key = NULL;

		if (clv_key_open(context, clv_key_uri(shared), &key, NULL) ==
		    CLV_OK)
			(void)lab_sign(key, NULL);
		clv_key_free(&key);
	}
	return NULL;
}

static void
run_threads(clv_context *context)
{
	pthread_t threads[THREADS];
	pthread_t visitor;

	atomic_store(&failed, 0);
	atomic_store(&done, 0);
	assert_int_equal(
	    pthread_create(&visitor, NULL, come_and_go, context), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, sign, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(pthread_join(visitor, NULL), 0);
}

static void
test_race__threads_share_a_key_in_peace(void **state)
{
	clv_context *context = p11_context();

	(void)state;
	shared = p11_key(context, CLV_EC_P256, "shared");
	run_threads(context);
	assert_int_equal(atomic_load(&failed), 0);
	/* And while sessions, logins and the module are lost. */
	p11_lab_run("fault C_Sign CKR_SESSION_HANDLE_INVALID at 100;"
		    "fault C_SignInit CKR_USER_NOT_LOGGED_IN at 300;"
		    "fault C_Sign CKR_DEVICE_ERROR at 500;"
		    "blink C_Sign at 700");
	run_threads(context);
	assert_int_equal(atomic_load(&failed), 0);
	p11_key_delete(&shared);
	clv_context_free(&context);
}

static int
start(void **state)
{
	return p11_lab_start(state) != 0 || p11_lab_renew(state) != 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_race__threads_share_a_key_in_peace),
	};

	if (argc > 1)
		turns = (unsigned)atoi(argv[1]);
	return cmocka_run_group_tests(tests, start, p11_lab_stop);
}
