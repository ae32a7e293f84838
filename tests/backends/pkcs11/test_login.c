/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* PINs: never more tries than they are worth. */

#include "p11_lab.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRONG "000000"

/* A card with three tries, all of them left. */
static int
renew(void **state)
{
	const int done = p11_lab_renew(state);

	p11_lab_run("pin-tries 3");
	lab.proxy->clear_counters();
	lab.proxy->shared()->logins = 0;
	lab.proxy->shared()->failed_logins = 0;
	return done;
}

static unsigned
failed_logins(void)
{
	return lab.proxy->shared()->failed_logins;
}

static void
test_login__asks_once_and_says_for_what(void **state)
{
	(void)state;
	assert_ok(p11_open_and_sign("", &err));
	assert_int_equal(lab.asked, 1);
	assert_int_equal(lab.request.purpose, CLV_ASK_PIN);
	assert_int_equal(lab.request.attempt, 1);
	assert_int_equal(lab.request.flags, 0);
	assert_int_equal(lab.request.tries_left, -1);
	assert_int_equal(failed_logins(), 0);
}

static void
test_login__a_wrong_pin_is_tried_once_in_all_restarts(void **state)
{
	char source[LAB_PATH + 64];

	(void)state;
	lab.answers[0] = NULL;
	p11_write_pin(WRONG, source);
	for (int i = 0; i < 10; i++)
		assert_fails(CLV_CANCELLED, p11_open_and_sign(source, &err));
	assert_int_equal(failed_logins(), 1);
	p11_write_pin(LAB_PIN, source);
	assert_ok(p11_open_and_sign(source, &err));
	p11_write_pin(WRONG, source);
	assert_fails(CLV_CANCELLED, p11_open_and_sign(source, &err));
	assert_int_equal(failed_logins(), 1);
}

static void
test_login__a_person_may_correct_a_stored_pin(void **state)
{
	char source[LAB_PATH + 64];

	(void)state;
	p11_write_pin(WRONG, source);
	assert_ok(p11_open_and_sign(source, &err));
	assert_int_equal(failed_logins(), 1);
	assert_int_equal(lab.asked, 1);
	assert_true(lab.request.flags & CLV_ASK_RETRY);
	assert_true(lab.request.flags & CLV_ASK_COUNT_LOW);
	assert_int_equal(lab.request.attempt, 2);
}

static void
test_login__the_same_wrong_answer_costs_one_try(void **state)
{
	(void)state;
	lab.answers[0] = WRONG;
	assert_fails(CLV_AUTH, p11_open_and_sign("", &err));
	assert_int_equal(failed_logins(), 1);
	assert_fails(CLV_AUTH, p11_open_and_sign("", &err));
	assert_int_equal(failed_logins(), 1);
}

static void
test_login__no_stored_pin_is_spent_on_the_last_try(void **state)
{
	char source[LAB_PATH + 64];
	clv_context *context;
	clv_key *key = NULL;
	clv_error *err = NULL;

	(void)state;
	/* Without anybody to ask. */
	p11_write_pin(LAB_PIN, source);
	lab.proxy->shared()->tries_left = 1;
	assert_ok(clv_context_new(&context, &err));
	assert_int_equal(
	    clv_key_open(context, p11_uri("object=ec", source), &key, &err),
	    CLV_AUTH_LAST_TRY);
	assert_non_null(strstr(clv_error_remedy(err), "init-pin"));
	clv_error_free(&err);
	assert_int_equal(lab.proxy->calls("C_Login"), 0);
	clv_context_free(&context);
	/* A person who is told so may. */
	assert_ok(p11_open_and_sign(source, &err));
	assert_true(lab.request.flags & CLV_ASK_FINAL_TRY);
	assert_int_equal(lab.request.tries_left, 1);
	assert_int_equal(lab.proxy->shared()->tries_left, 3);
}

static void
test_login__locked_tells_what_to_do(void **state)
{
	clv_error *err = NULL;

	(void)state;
	lab.proxy->shared()->tries_left = 0;
	assert_int_equal(p11_open_and_sign("", &err), CLV_LOCKED);
	assert_non_null(strstr(clv_error_remedy(err), "init-pin"));
	clv_error_free(&err);
	assert_int_equal(lab.asked, 0);
	assert_int_equal(lab.proxy->calls("C_Login"), 0);
}

static void
test_login__impossible_pins_are_not_tried(void **state)
{
	(void)state;
	lab.answers[0] = "1";
	lab.answers[1] = "";
	lab.answers[2] = LAB_PIN;
	assert_ok(p11_open_and_sign("", &err));
	assert_int_equal(failed_logins(), 0);
	assert_int_equal(lab.asked, 3);
}

static void
test_login__a_cancelled_question_ends_it(void **state)
{
	(void)state;
	lab.answers[0] = NULL;
	assert_fails(CLV_CANCELLED, p11_open_and_sign("", &err));
	assert_int_equal(lab.proxy->calls("C_Login"), 0);
}

static void
test_login__a_pinpad_asks_by_itself(void **state)
{
	(void)state;
	p11_lab_run("pinpad " LAB_PIN);
	lab.answers[0] = NULL;
	assert_ok(p11_open_and_sign("", &err));
	assert_int_equal(lab.asked, 0);
	p11_lab_run("pinpad " WRONG);
	assert_fails(CLV_AUTH, p11_open_and_sign("", &err));
	assert_int_equal(failed_logins(), 1);
	/* On the last try somebody has to say yes. */
	lab.proxy->shared()->tries_left = 1;
	assert_fails(CLV_CANCELLED, p11_open_and_sign("", &err));
	assert_int_equal(failed_logins(), 1);
	lab.answers[lab.asked] = "";
	p11_lab_run("pinpad " LAB_PIN);
	assert_ok(p11_open_and_sign("", &err));
	assert_true(lab.request.flags & CLV_ASK_OPTIONAL);
}

static void
test_login__each_operation_of_some_keys_wants_the_pin(void **state)
{
	clv_context *context = p11_context();
	clv_key *key = NULL;

	(void)state;
	p11_lab_run("always-authenticate");
	assert_ok(clv_key_open(context, p11_uri("object=ec", ""), &key, &err));
	assert_true(clv_key_properties(key) & CLV_KEY_ALWAYS_AUTHENTICATE);
	assert_int_equal(lab.asked, 1);
	for (unsigned i = 0; i < 5; i++) {
		assert_ok(lab_sign(key, &err));
		assert_int_equal(lab.asked, 2 + i);
		assert_int_equal(lab.request.purpose, CLV_ASK_CONTEXT_PIN);
	}
	lab.answers[lab.asked] = WRONG;
	lab.answers[lab.asked + 1] = LAB_PIN;
	assert_ok(lab_sign(key, &err));
	assert_int_equal(failed_logins(), 1);
	lab.answers[lab.asked] = NULL;
	lab.repeats = false;
	assert_fails(CLV_CANCELLED, lab_sign(key, &err));
	lab.answers[lab.asked] = LAB_PIN;
	assert_ok(lab_sign(key, &err));
	clv_key_free(&key);
	clv_context_free(&context);
}

static void
test_login__a_pinpad_serves_such_keys_too(void **state)
{
	clv_context *context = p11_context();
	clv_key *key = NULL;

	(void)state;
	lab.answers[0] = NULL;
	p11_lab_run("pinpad " LAB_PIN "; always-authenticate");
	assert_ok(clv_key_open(context, p11_uri("object=ec", ""), &key, &err));
	for (unsigned i = 0; i < 3; i++)
		assert_ok(lab_sign(key, &err));
	assert_int_equal(lab.asked, 0);
	assert_int_equal(lab.proxy->calls("C_Login"), 4);
	p11_lab_run("pinpad " WRONG);
	assert_fails(CLV_AUTH, lab_sign(key, &err));
	assert_int_equal(failed_logins(), 1);
	p11_lab_run("pinpad " LAB_PIN);
	assert_ok(lab_sign(key, &err));
	clv_key_free(&key);
	clv_context_free(&context);
}

static void
test_login__a_loss_does_not_try_a_pin_that_changed(void **state)
{
	clv_context *context = p11_context();
	clv_key *key = NULL;

	(void)state;
	assert_ok(clv_key_open(context, p11_uri("object=ec", ""), &key, &err));
	lab.answers[1] = WRONG;
	/* As if somebody had changed it meanwhile. */
	p11_lab_run("remove; insert; fault C_Login CKR_PIN_INCORRECT");
	assert_fails(CLV_AUTH, lab_sign(key, &err));
	/* Once the kept one, and once the person's. */
	assert_int_equal(lab.proxy->faults("C_Login"), 2);
	assert_fails(CLV_AUTH, lab_sign(key, &err));
	assert_int_equal(lab.proxy->faults("C_Login"), 2);
	clv_key_free(&key);
	clv_context_free(&context);
}

static void
kill_in_login(const char *query)
{
	int status = 0;
	pid_t child;

	lab.proxy->clear_counters();
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		p11_lab_run("hang C_Login");
		(void)p11_open_and_sign(query, NULL);
		_exit(0);
	}
	for (unsigned i = 0; lab.proxy->calls("C_Login") == 0; i++) {
		assert_true(i < 60000); /* a minute */
		(void)usleep(1000);
	}
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static void
test_login__deaths_in_it_do_not_add_up(void **state)
{
	char source[LAB_PATH + 64];

	(void)state;
	lab.answers[0] = NULL;
	p11_write_pin(LAB_PIN, source);
	kill_in_login(source);
	/* Nothing is missing of the tries: once more. */
	kill_in_login(source);
	/* Twice is enough without a person. */
	lab.proxy->clear_counters();
	assert_fails(CLV_CANCELLED, p11_open_and_sign(source, &err));
	assert_int_equal(lab.proxy->calls("C_Login"), 0);
	lab.answers[lab.asked] = LAB_PIN;
	assert_ok(p11_open_and_sign(source, &err));
	lab.repeats = false;
	assert_ok(p11_open_and_sign(source, &err));
}

static void
test_login__general_failures_that_cost_tries_count(void **state)
{
	char source[LAB_PATH + 64];

	(void)state;
	lab.answers[0] = NULL;
	p11_write_pin(WRONG, source);
	/* A driver that does not know what a wrong PIN is. */
	p11_lab_run("fault C_Login CKR_GENERAL_ERROR late");
	assert_fails(CLV_CANCELLED, p11_open_and_sign(source, &err));
	assert_int_equal(failed_logins(), 1);
	assert_fails(CLV_CANCELLED, p11_open_and_sign(source, &err));
	assert_int_equal(failed_logins(), 1);
}

static void
test_attempts__files_hold_no_pin_and_are_private(void **state)
{
	char command[4 * LAB_PATH + 300];

	(void)state;
	lab.answers[0] = WRONG;
	assert_fails(CLV_AUTH, p11_open_and_sign("", &err));
	(void)snprintf(command, sizeof(command),
	    "test -n \"$(find %s/state/claviger -type f -perm 600 -size +0)\""
	    " && ! find %s/state/claviger ! -type d ! -perm 600 | grep -q ."
	    " && ! grep -raq " WRONG " %s/state",
	    lab.dir, lab.dir, lab.dir);
	assert_int_equal(system(command), 0);
}

static void
test_attempts__without_a_place_this_process_remembers(void **state)
{
	int status = 0;
	pid_t child;

	(void)state;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)setenv("XDG_STATE_HOME", "/proc/none", 1);
		lab.answers[0] = WRONG;
		if (p11_open_and_sign("", NULL) != CLV_AUTH ||
		    p11_open_and_sign("", NULL) != CLV_AUTH)
			_exit(2);
		_exit(strstr(lab.log, "StateDirectory") != NULL ? 0 : 3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(failed_logins(), 1);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup(NAME, renew)
	const struct CMUnitTest tests[] = {
	    TEST(test_login__asks_once_and_says_for_what),
	    TEST(test_login__a_wrong_pin_is_tried_once_in_all_restarts),
	    TEST(test_login__a_person_may_correct_a_stored_pin),
	    TEST(test_login__the_same_wrong_answer_costs_one_try),
	    TEST(test_login__no_stored_pin_is_spent_on_the_last_try),
	    TEST(test_login__locked_tells_what_to_do),
	    TEST(test_login__impossible_pins_are_not_tried),
	    TEST(test_login__a_cancelled_question_ends_it),
	    TEST(test_login__a_pinpad_asks_by_itself),
	    TEST(test_login__each_operation_of_some_keys_wants_the_pin),
	    TEST(test_login__a_pinpad_serves_such_keys_too),
	    TEST(test_login__a_loss_does_not_try_a_pin_that_changed),
	    TEST(test_login__deaths_in_it_do_not_add_up),
	    TEST(test_login__general_failures_that_cost_tries_count),
	    TEST(test_attempts__files_hold_no_pin_and_are_private),
	    TEST(test_attempts__without_a_place_this_process_remembers),
	};

	return cmocka_run_group_tests(
	    tests, p11_lab_start_with_keys, p11_lab_stop);
}
