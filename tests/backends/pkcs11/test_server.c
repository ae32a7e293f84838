/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* A token behind a network: p11-kit's server, its workers killed. */

#include "p11_lab.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct lab_server server;
static clv_context *context;
static clv_store *store;

static clv_status
open_store(void)
{
	char uri[512];

	(void)snprintf(uri, sizeof(uri), "pkcs11:token=%s?module-path=%s",
	    LAB_LABEL, server.module);
	return clv_store_open(context, uri, &store, NULL);
}

static int
start(void **state)
{
	if (p11_lab_start(state) != 0 || p11_lab_renew(state) != 0 ||
	    lab_server_start(&server, lab.dir, lab.softhsm.module) != 0)
		return -1;
	context = p11_context();
	return open_store() != CLV_OK;
}

static int
stop(void **state)
{
	clv_store_free(&store);
	clv_context_free(&context);
	lab_server_stop(&server);
	return p11_lab_stop(state);
}

static void
test_server__keys_are_made_and_used(void **state)
{
	static const clv_algorithm algorithms[] = {
	    CLV_RSA_2048, CLV_EC_P256, CLV_EC_P384};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		clv_key *key = NULL;

		assert_ok(
		    clv_key_generate(store, algorithms[i], NULL, &key, &err));
		assert_ok(lab_sign(key, &err));
		if (i == 0) {
			assert_ok(
			    lab_sign_scheme(key, CLV_RSA_PSS_SHA256, &err));
			assert_ok(lab_decrypt(key, CLV_RSA_OAEP_SHA256, &err));
		}
		p11_key_delete(&key);
	}
}

static void
test_server__dead_workers_are_replaced(void **state)
{
	clv_key *key = NULL;

	(void)state;
	assert_ok(clv_key_generate(store, CLV_EC_P256, NULL, &key, &err));
	assert_ok(lab_sign(key, &err));
	lab.asked = 0;
	for (int i = 0; i < 5; i++) {
		assert_true(lab_server_kill_workers(&server) > 0);
		/* SIGPIPE would end this process. */
		assert_ok(lab_sign(key, &err));
		assert_ok(lab_sign(key, &err));
	}
	assert_int_equal(lab.asked, 0);
	p11_key_delete(&key);
}

static void
test_server__gone_is_an_error_and_back_goes_on(void **state)
{
	clv_key *key = NULL;

	(void)state;
	assert_ok(clv_key_generate(store, CLV_EC_P256, NULL, &key, &err));
	lab_server_stop(&server);
	for (int i = 0; i < 3; i++)
		assert_true(lab_sign(key, NULL) != CLV_OK);
	assert_int_equal(lab_server_restart(&server), 0);
	assert_ok(lab_sign(key, &err));
	p11_key_delete(&key);
}

static void
test_server__leaves_the_programs_own_sigpipe_alone(void **state)
{
	clv_key *key = NULL;
	sigset_t mask;

	(void)state;
	assert_ok(clv_key_generate(store, CLV_EC_P256, NULL, &key, &err));
	assert_int_equal(lab_server_kill_workers(&server) > 0, 1);
	assert_ok(lab_sign(key, &err));
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	assert_int_equal(sigismember(&mask, SIGPIPE), 0);
	assert_int_equal(sigpending(&mask), 0);
	assert_int_equal(sigismember(&mask, SIGPIPE), 0);
	p11_key_delete(&key);
}

/* The last store of the module finalises it, into a socket that is dead. */
static void
test_server__may_be_gone_when_the_store_is_closed(void **state)
{
	sigset_t pending;

	(void)state;
	/* One that was not used has no sessions to find it out with. */
	clv_store_free(&store);
	assert_int_equal(open_store(), CLV_OK);
	while (lab_server_kill_workers(&server) > 0)
		(void)usleep(1000); /* until the last one is dead */
	lab_server_stop(&server);
	clv_store_free(&store);
	assert_int_equal(sigpending(&pending), 0);
	assert_int_equal(sigismember(&pending, SIGPIPE), 0);
	assert_true(open_store() != CLV_OK);
	assert_int_equal(lab_server_restart(&server), 0);
	assert_int_equal(open_store(), CLV_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_server__keys_are_made_and_used),
	    cmocka_unit_test(test_server__dead_workers_are_replaced),
	    cmocka_unit_test(test_server__gone_is_an_error_and_back_goes_on),
	    cmocka_unit_test(
		test_server__leaves_the_programs_own_sigpipe_alone),
	    cmocka_unit_test(test_server__may_be_gone_when_the_store_is_closed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
