/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Sessions, tokens and modules that are lost, and come back. */

#include "p11_lab.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static clv_context *context;
static clv_key *rsa;
static clv_key *ec;

static int
start(void **state)
{
	if (p11_lab_start(state) != 0 || p11_lab_renew(state) != 0)
		return -1;
	context = p11_context();
	rsa = p11_key(context, CLV_RSA_2048, "rsa");
	ec = p11_key(context, CLV_EC_P256, "ec");
	return 0;
}

static int
stop(void **state)
{
	clv_key_free(&rsa);
	clv_key_free(&ec);
	clv_context_free(&context);
	return p11_lab_stop(state);
}

static int
renew(void **state)
{
	const int done = p11_lab_renew(state);

	assert_ok(lab_sign(rsa, &err));
	assert_ok(lab_sign(ec, &err));
	lab.asked = 0;
	lab.log[0] = '\0';
	lab.proxy->clear_counters();
	return done;
}

static void
test_sign__is_two_calls(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_ok(lab_sign(rsa, &err));
		assert_ok(lab_sign(ec, &err));
	}
	assert_int_equal(lab.proxy->calls("C_SignInit"), 200);
	assert_int_equal(lab.proxy->calls("C_Sign"), 200);
	assert_int_equal(lab.proxy->calls(NULL), 400);
}

/* Each fault of a signature is repaired, without asking for the PIN again. */
static void
test_sign__recovers_from_each_single_fault(void **state)
{
	static const char *const faults[] = {"CKR_SESSION_HANDLE_INVALID",
	    "CKR_SESSION_CLOSED", "CKR_USER_NOT_LOGGED_IN",
	    "CKR_KEY_HANDLE_INVALID", "CKR_OBJECT_HANDLE_INVALID",
	    "CKR_DEVICE_REMOVED", "CKR_TOKEN_NOT_PRESENT",
	    "CKR_TOKEN_NOT_RECOGNIZED", "CKR_SLOT_ID_INVALID",
	    "CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED",
	    "CKR_CRYPTOKI_NOT_INITIALIZED", "CKR_OPERATION_ACTIVE",
	    "CKR_OPERATION_NOT_INITIALIZED", "CKR_BUFFER_TOO_SMALL"};
	static const char *const calls[] = {"C_SignInit", "C_Sign"};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		for (size_t c = 0; c < 2; c++) {
			p11_lab_run(
			    "clear; fault %s %s at 1", calls[c], faults[i]);
			assert_ok(lab_sign(i % 2 ? rsa : ec, &err));
			assert_int_equal(lab.proxy->faults(calls[c]), 1);
			lab.proxy->clear_counters();
		}
	assert_int_equal(lab.asked, 0);
	assert_non_null(strstr(lab.log, "recovered from"));
}

static void
test_sign__gives_up_on_a_lasting_fault(void **state)
{
	(void)state;
	p11_lab_run("fault C_Sign CKR_GENERAL_ERROR");
	assert_fails(CLV_IO, lab_sign(rsa, &err));
	assert_true(lab.proxy->calls("C_Sign") <= 3);
	p11_lab_run("clear");
	assert_ok(lab_sign(rsa, &err));
	p11_lab_run("fault C_SignInit CKR_DEVICE_MEMORY");
	assert_fails(CLV_TOO_LARGE, lab_sign(rsa, &err));
	p11_lab_run("clear");
	assert_ok(lab_sign(rsa, &err));
}

/* What looks like an answer for good may be a stumble. */
static void
test_sign__a_refusal_does_not_cost_the_key(void **state)
{
	static const char *const refusals[] = {"CKR_MECHANISM_INVALID",
	    "CKR_KEY_FUNCTION_NOT_PERMITTED", "CKR_FUNCTION_NOT_SUPPORTED",
	    "CKR_ARGUMENTS_BAD", "CKR_KEY_TYPE_INCONSISTENT"};

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		p11_lab_run("clear; fault C_SignInit %s; fault C_DecryptInit "
			    "%s",
		    refusals[i], refusals[i]);
		assert_fails(CLV_UNSUPPORTED, lab_sign(ec, &err));
		assert_fails(CLV_UNSUPPORTED, lab_sign(rsa, &err));
		assert_fails(CLV_UNSUPPORTED, lab_sign(rsa, &err));
		p11_lab_run("clear");
		assert_ok(lab_sign(ec, &err));
		assert_ok(lab_sign(rsa, &err));
		assert_ok(lab_decrypt(rsa, CLV_RSA_OAEP_SHA1, &err));
	}
}

static void
test_sign__never_hands_out_a_wrong_signature(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		/* RSA is always checked. */
		p11_lab_run("clear; corrupt C_Sign at 1");
		assert_ok(lab_sign(rsa, &err));
		assert_int_equal(lab.proxy->calls("C_Sign"), 2);
		lab.proxy->clear_counters();
	}
	p11_lab_run("clear; corrupt C_Sign");
	assert_fails(CLV_CRYPTO, lab_sign(rsa, &err));
	p11_lab_run("clear; length C_Sign -1");
	assert_fails(CLV_CORRUPT, lab_sign(ec, &err));
	p11_lab_run("clear; length C_Sign +1000000");
	assert_fails(CLV_CORRUPT, lab_sign(ec, &err));
	p11_lab_run("clear; pretend C_Sign at 1");
	assert_ok(lab_sign(rsa, &err));
}

static void
test_sign__ecdsa_is_checked_after_a_fault(void **state)
{
	(void)state;
	p11_lab_run(
	    "fault C_Sign CKR_SESSION_CLOSED at 1; corrupt C_Sign at 2");
	assert_ok(lab_sign(ec, &err));
	/* Three: the fault, the wrong one, and the right one. */
	assert_int_equal(lab.proxy->calls("C_Sign"), 3);
}

static void
test_sign__ecdsa_is_checked_always_if_asked(void **state)
{
	clv_key *key = NULL;

	(void)state;
	assert_ok(clv_key_open(
	    context, p11_uri("object=ec", "verify=always"), &key, &err));
	for (int i = 0; i < 40; i++)
		assert_ok(lab_sign(key, &err));
	for (int i = 0; i < 10; i++) {
		p11_lab_run("clear; corrupt C_Sign at 1");
		assert_ok(lab_sign(key, &err));
	}
	clv_key_free(&key);
}

static double
seconds_since(const struct timespec *then)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) +
	    1e-9 * (double)(now.tv_nsec - then->tv_nsec);
}

static void
test_token__gone_is_told_at_once(void **state)
{
	struct timespec then;

	(void)state;
	p11_lab_run("remove");
	(void)clock_gettime(CLOCK_MONOTONIC, &then);
	for (int i = 0; i < 10; i++) {
		assert_fails(CLV_DEVICE_GONE, lab_sign(rsa, &err));
		assert_fails(CLV_DEVICE_GONE, lab_sign(ec, &err));
	}
	assert_true(seconds_since(&then) < 1.0);
	assert_int_equal(lab.proxy->calls("C_Login"), 0);
	assert_int_equal(lab.asked, 0);
	p11_lab_run("insert");
	assert_ok(lab_sign(rsa, &err));
	assert_ok(lab_sign(ec, &err));
	assert_int_equal(lab.proxy->calls("C_Login"), 1);
	assert_int_equal(lab.asked, 0);
}

static void
test_token__pulled_and_put_back_goes_on(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		p11_lab_run("remove; insert");
		assert_ok(lab_sign(i % 2 ? rsa : ec, &err));
		p11_lab_run("clear; blink C_Sign at 1");
		assert_ok(lab_sign(i % 2 ? ec : rsa, &err));
		p11_lab_run("clear; pull C_Sign at 1");
		assert_fails(CLV_DEVICE_GONE, lab_sign(rsa, &err));
		p11_lab_run("insert");
		assert_ok(lab_sign(rsa, &err));
	}
	assert_int_equal(lab.asked, 0);
}

static void
test_token__is_found_in_another_slot(void **state)
{
	(void)state;
	p11_lab_run("slot-offset 5; remove; insert");
	assert_ok(lab_sign(rsa, &err));
	p11_lab_run("slot-offset 0; remove; insert");
	assert_ok(lab_sign(ec, &err));
	assert_int_equal(lab.asked, 0);
}

static void
test_module__is_started_anew_when_it_died(void **state)
{
	(void)state;
	p11_lab_run("fault C_SignInit CKR_DEVICE_ERROR at 1");
	assert_ok(lab_sign(rsa, &err));
	assert_int_equal(lab.proxy->calls("C_Finalize"), 1);
	assert_int_equal(lab.proxy->calls("C_Initialize"), 1);
	assert_non_null(strstr(lab.log, "anew"));
	assert_ok(lab_sign(ec, &err));
	assert_int_equal(lab.asked, 0);
}

static void
test_input__does_not_start_the_module_anew(void **state)
{
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	uint8_t ciphertext[256] = {1, 2, 3};
	size_t size = sizeof(plaintext);

	(void)state;
	p11_lab_run("hide CKM_RSA_X_509; fault C_Decrypt CKR_GENERAL_ERROR");
	for (int i = 0; i < 5; i++)
		assert_fails(CLV_CRYPTO,
		    clv_key_decrypt(rsa, CLV_RSA_OAEP_SHA1, ciphertext,
			sizeof(ciphertext), plaintext, &size, &err));
	assert_int_equal(lab.proxy->calls("C_Finalize"), 0);
}

static void *
sign_many(void *argument)
{
	clv_key *key = argument;
	size_t failed = 0;

	for (int i = 0; i < 50; i++)
		failed += lab_sign(key, NULL) != CLV_OK;
	return (void *)failed;
}

static size_t
sign_in_threads(size_t count)
{
	pthread_t threads[32];
	size_t failed = 0;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_many,
				     i % 2 ? rsa : ec),
		    0);
	for (size_t i = 0; i < count; i++) {
		void *result = NULL;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		failed += (size_t)result;
	}
	return failed;
}

static void
test_threads__share_the_sessions(void **state)
{
	(void)state;
	assert_int_equal(sign_in_threads(16), 0);
	/* Each thread opens one at most, and none per signature. */
	assert_true(lab.proxy->calls("C_OpenSession") <= 16);
	assert_int_equal(lab.proxy->calls("C_CloseSession"), 0);
	assert_int_equal(lab.proxy->calls("C_Login"), 0);
}

static void
test_threads__all_recover_with_one_login(void **state)
{
	(void)state;
	p11_lab_run("remove; insert");
	assert_int_equal(sign_in_threads(16), 0);
	assert_int_equal(lab.proxy->calls("C_Login"), 1);
	assert_int_equal(lab.asked, 0);
	p11_lab_run("fault C_Sign CKR_DEVICE_ERROR at 97;"
		    "fault C_Sign CKR_SESSION_CLOSED at 300;"
		    "fault C_SignInit CKR_DEVICE_ERROR at 500");
	assert_int_equal(sign_in_threads(16), 0);
	assert_int_equal(lab.asked, 0);
}

static void
test_sessions__one_is_enough(void **state)
{
	clv_key *key;

	(void)state;
	p11_lab_run("remove; insert; sessions 1");
	assert_int_equal(sign_in_threads(8), 0);
	key = p11_key(context, CLV_EC_P256, "made with one session");
	assert_ok(lab_sign(key, &err));
	assert_int_equal(sign_in_threads(8), 0);
	p11_key_delete(&key);
	assert_int_equal(lab.asked, 0);
}

static void
test_serialize__lets_in_one_thread_at_a_time(void **state)
{
	int status = 0;
	pid_t child;

	(void)state;
	/* The option holds for the module from then on: in a child. */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		clv_key *key = NULL;
		struct p11_proxy_shared *shared = lab.proxy->shared();

		lab.answers[0] = LAB_PIN;
		p11_lab_run("delay C_Sign 200");
		if (clv_key_open(context, p11_uri("object=ec", "serialize=yes"),
			&key, NULL) != CLV_OK)
			_exit(2);
		atomic_store(&shared->most_under_way, 0);
		if (sign_in_threads(8) != 0)
			_exit(3);
		_exit(atomic_load(&shared->most_under_way) == 1 ? 0 : 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* "remove" also makes the backend forget that there was one session. */
	p11_lab_run("remove; insert; delay C_Sign 1000");
	atomic_store(&lab.proxy->shared()->most_under_way, 0);
	assert_int_equal(sign_in_threads(8), 0);
	assert_true(atomic_load(&lab.proxy->shared()->most_under_way) > 1);
}

static void *
sign_until_told(void *argument)
{
	atomic_bool *stop_now = argument;

	while (!atomic_load(stop_now))
		(void)lab_sign(ec, NULL);
	return NULL;
}

static void
test_fork__parent_and_child_go_on(void **state)
{
	atomic_bool stop_now = false;
	pthread_t thread;

	(void)state;
	assert_int_equal(
	    pthread_create(&thread, NULL, sign_until_told, &stop_now), 0);
	for (int i = 0; i < 20; i++) {
		int status = 0;
		const pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			clv_error *err = NULL;

			/* Only a deadlock takes that long, also where each
			 * allocation keeps its stack. */
			(void)alarm(120);
			if (lab_sign(rsa, &err) == CLV_OK &&
			    lab_sign(ec, &err) == CLV_OK)
				_exit(0);
			fprintf(stderr, "%s\n", clv_error_message(err));
			_exit(1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_ok(lab_sign(rsa, &err));
	}
	atomic_store(&stop_now, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* A thread of the parent that was inside when the child was made may have left
 * the module unusable there, which says nothing about the parent's. */
static void
test_fork__what_the_parent_tried_in_vain_helps_the_child(void **state)
{
	pid_t child;
	int status = 0;

	(void)state;
	p11_lab_run("fault C_Sign CKR_GENERAL_ERROR");
	assert_fails(CLV_IO, lab_sign(ec, &err));
	p11_lab_run("clear");
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		p11_lab_run("fault C_Sign CKR_GENERAL_ERROR first 2");
		_exit(lab_sign(ec, NULL) == CLV_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_ok(lab_sign(ec, &err));
}

static void
test_key__replaced_behind_our_back_is_noticed(void **state)
{
	clv_context *other = p11_context();
	clv_key *old = p11_key(other, CLV_EC_P256, "replaced");
	clv_key *opened = NULL;
	clv_key_options *options = NULL;
	clv_store *store = p11_store(other);
	clv_key *new = NULL;
	size_t id_size = 0;
	const uint8_t *id = clv_key_id(old, &id_size);

	(void)state;
	assert_ok(clv_key_open(context, clv_key_uri(old), &opened, &err));
	assert_ok(lab_sign(opened, &err));
	assert_ok(clv_key_delete(other, clv_key_uri(old), &err));
	assert_fails(CLV_NOT_FOUND, lab_sign(opened, &err));
	assert_ok(clv_key_options_new(&options, &err));
	assert_ok(clv_key_options_set_label(options, "replaced", &err));
	assert_ok(clv_key_options_set_id(options, id, id_size, &err));
	assert_ok(clv_key_generate(store, CLV_EC_P256, options, &new, &err));
	p11_lab_run("remove; insert");
	assert_fails(CLV_CHANGED, lab_sign(opened, &err));
	assert_ok(lab_sign(new, &err));
	clv_key_options_free(&options);
	clv_key_free(&opened);
	clv_key_free(&old);
	clv_store_free(&store);
	p11_key_delete(&new);
	clv_context_free(&other);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup(NAME, renew)
	const struct CMUnitTest tests[] = {
	    TEST(test_sign__is_two_calls),
	    TEST(test_sign__recovers_from_each_single_fault),
	    TEST(test_sign__gives_up_on_a_lasting_fault),
	    TEST(test_sign__a_refusal_does_not_cost_the_key),
	    TEST(test_sign__never_hands_out_a_wrong_signature),
	    TEST(test_sign__ecdsa_is_checked_after_a_fault),
	    TEST(test_sign__ecdsa_is_checked_always_if_asked),
	    TEST(test_token__gone_is_told_at_once),
	    TEST(test_token__pulled_and_put_back_goes_on),
	    TEST(test_token__is_found_in_another_slot),
	    TEST(test_module__is_started_anew_when_it_died),
	    TEST(test_input__does_not_start_the_module_anew),
	    TEST(test_threads__share_the_sessions),
	    TEST(test_threads__all_recover_with_one_login),
	    TEST(test_sessions__one_is_enough),
	    TEST(test_serialize__lets_in_one_thread_at_a_time),
	    TEST(test_fork__parent_and_child_go_on),
	    TEST(test_fork__what_the_parent_tried_in_vain_helps_the_child),
	    TEST(test_key__replaced_behind_our_back_is_noticed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
