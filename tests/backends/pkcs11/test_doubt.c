/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Logins that end without an answer, by a fault or by death: what the token
 * did not count costs nothing, what it may have counted is not tried again.
 *
 *     backend-pkcs11-doubt [PART]    dies at every PARTth point; 1: all
 */

#include "p11_lab.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRONG "000000"

static const char *const general_failures[] = {
    "CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED", "CKR_DEVICE_ERROR"};
#define FAILURES (sizeof(general_failures) / sizeof(general_failures[0]))

static unsigned part = 1;

/* Nobody is there to ask; five tries, all of them left. */
static int
renew(void **state)
{
	const int done = p11_lab_renew(state);

	p11_lab_run("pin-tries 5");
	lab.proxy->clear_counters();
	lab.proxy->shared()->tries_left = 5;
	lab.proxy->shared()->logins = 0;
	lab.proxy->shared()->failed_logins = 0;
	lab.proxy->shared()->repeated_failures = 0;
	for (int i = 0; i < P11_PROXY_VALUES; i++)
		lab.proxy->shared()->failed_values[i] = 0;
	lab.answers[0] = NULL;
	lab.repeats = false;
	return done;
}

/* As a service does it, which has no callback either. */
static clv_status
serve(const char *source, clv_error **err)
{
	clv_context *context = NULL;
	clv_key *key = NULL;
	clv_status status;

	assert_ok(clv_context_new(&context, &err));
	status = clv_key_open(context, p11_uri("object=ec", source), &key, err);
	if (status == CLV_OK)
		status = lab_sign(key, err);
	clv_key_free(&key);
	clv_context_free(&context);
	return status;
}

static void
test_fault__that_passed_leaves_the_pin_usable(void **state)
{
	char source[LAB_PATH + 64];

	(void)state;
	p11_write_pin(LAB_PIN, source);
	for (size_t i = 0; i < FAILURES; i++) {
		for (int times = 0; times < 4; times++) {
			p11_lab_run(
			    "clear; fault C_Login %s", general_failures[i]);
			assert_int_not_equal(serve(source, NULL), CLV_OK);
			/* Not more than a card may have left. */
			assert_true(lab.proxy->calls("C_Login") <= 2);
			lab.proxy->clear_counters();
		}
		p11_lab_run("clear");
		assert_ok(serve(source, &err));
		for (int times = 0; times < 4; times++) {
			p11_lab_run("clear; fault C_Login %s at 1",
			    general_failures[i]);
			assert_ok(serve(source, &err));
			lab.proxy->clear_counters();
		}
		p11_lab_run("clear");
	}
	assert_int_equal(lab.proxy->shared()->tries_left, 5);
}

/* The token can't be asked while it fails, but afterwards. */
static void
test_fault__is_judged_when_the_token_answers_again(void **state)
{
	char source[LAB_PATH + 64];

	(void)state;
	p11_write_pin(LAB_PIN, source);
	for (int times = 0; times < 4; times++) {
		/* C_GetTokenInfo answers until C_Login has failed. */
		p11_lab_run("clear; fault C_Login CKR_DEVICE_ERROR;"
			    "fault C_GetTokenInfo CKR_DEVICE_ERROR after 3");
		assert_int_not_equal(serve(source, NULL), CLV_OK);
	}
	p11_lab_run("clear");
	assert_ok(serve(source, &err));
}

static void
miss_a_try(void)
{
	lab.answers[lab.asked] = "111111";
	assert_int_not_equal(p11_open_and_sign("", NULL), CLV_OK);
	assert_int_equal(lab.proxy->shared()->failed_logins, 1);
	assert_int_equal(lab.proxy->shared()->tries_left, 4);
}

/* The token misses tries before and after: who knows? */
static void
test_fault__that_may_have_cost_a_try_blocks_this_pin(void **state)
{
	char source[LAB_PATH + 64];
	clv_error *err = NULL;

	(void)state;
	miss_a_try();
	p11_write_pin(LAB_PIN, source);
	p11_lab_run("fault C_Login CKR_GENERAL_ERROR");
	assert_int_not_equal(serve(source, NULL), CLV_OK);
	p11_lab_run("clear");
	lab.proxy->clear_counters();
	assert_int_equal(serve(source, &err), CLV_AUTH_LAST_TRY);
	assert_non_null(strstr(clv_error_reason(err), "earlier login"));
	assert_non_null(strstr(clv_error_remedy(err), ".pins"));
	assert_non_null(strstr(clv_error_remedy(err), "--pin-source prompt"));
	clv_error_free(&err);
	assert_int_equal(lab.proxy->calls("C_Login"), 0);
}

static void
test_doubt__is_about_one_pin_only(void **state)
{
	char source[LAB_PATH + 64];

	(void)state;
	miss_a_try();
	p11_write_pin(WRONG, source);
	p11_lab_run("fault C_Login CKR_GENERAL_ERROR");
	assert_int_not_equal(serve(source, NULL), CLV_OK);
	p11_lab_run("clear");
	p11_write_pin(LAB_PIN, source);
	assert_ok(serve(source, &err));
	/* And now it is known that the other one is wrong. */
	p11_write_pin(WRONG, source);
	lab.proxy->clear_counters();
	assert_fails(CLV_AUTH, serve(source, &err));
	assert_int_equal(lab.proxy->calls("C_Login"), 0);
}

static void
test_doubt__is_for_a_person_to_decide(void **state)
{
	char source[LAB_PATH + 64];

	(void)state;
	miss_a_try();
	p11_write_pin(LAB_PIN, source);
	p11_lab_run("fault C_Login CKR_GENERAL_ERROR");
	assert_int_not_equal(serve(source, NULL), CLV_OK);
	p11_lab_run("clear");
	lab.answers[lab.asked] = LAB_PIN;
	assert_ok(p11_open_and_sign(source, &err));
	assert_true(lab.request.flags & CLV_ASK_FINAL_TRY);
	assert_false(lab.request.flags & CLV_ASK_RETRY);
	/* It is not known to be the last one. */
	assert_int_equal(lab.request.tries_left, -1);
	assert_ok(serve(source, &err));
}

static void
test_doubt__does_not_keep_other_sources_from_trying(void **state)
{
	char first[LAB_PATH + 64];
	char second[LAB_PATH + 96];
	clv_context *context = NULL;
	clv_key *key = NULL;
	int fds[2];

	(void)state;
	miss_a_try();
	p11_write_pin(WRONG, first);
	p11_lab_run("fault C_Login CKR_GENERAL_ERROR");
	assert_int_not_equal(serve(first, NULL), CLV_OK);
	p11_lab_run("clear");
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], LAB_PIN "\n", 7), 7);
	(void)snprintf(second, sizeof(second), "fd:%d", fds[0]);
	assert_ok(clv_context_new(&context, &err));
	assert_ok(clv_context_add_secret_source(context, second, &err));
	assert_ok(
	    clv_key_open(context, p11_uri("object=ec", first), &key, &err));
	clv_key_free(&key);
	clv_context_free(&context);
	(void)close(fds[0]);
	(void)close(fds[1]);
	assert_int_equal(lab.proxy->shared()->failed_logins, 1);
}

/* A descriptor gives its line once, and a person wants to type once. */
static void
test_fault__keeps_the_pin_over_the_repair(void **state)
{
	static const char *const faults[] = {"CKR_SESSION_HANDLE_INVALID",
	    "CKR_GENERAL_ERROR", "CKR_DEVICE_ERROR", "CKR_DEVICE_REMOVED",
	    "CKR_TOKEN_NOT_PRESENT"};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		char source[64];
		int fds[2];

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		assert_int_equal(write(fds[1], LAB_PIN "\n", 7), 7);
		assert_int_equal(close(fds[1]), 0);
		(void)snprintf(
		    source, sizeof(source), "pin-source=fd:%d", fds[0]);
		p11_lab_run("clear; fault C_Login %s at 1", faults[i]);
		assert_ok(serve(source, &err));
		assert_int_equal(close(fds[0]), 0);
		lab.asked = 0;
		lab.answers[0] = LAB_PIN;
		p11_lab_run("clear; fault C_Login %s at 1", faults[i]);
		assert_ok(p11_open_and_sign("", &err));
		assert_int_equal(lab.asked, 1);
	}
}

static void
test_fault__that_stays_is_what_is_told(void **state)
{
	clv_error *err = NULL;
	char source[64];
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], LAB_PIN "\n", 7), 7);
	assert_int_equal(close(fds[1]), 0);
	(void)snprintf(source, sizeof(source), "pin-source=fd:%d", fds[0]);
	p11_lab_run("fault C_Login CKR_SESSION_HANDLE_INVALID");
	assert_int_equal(serve(source, &err), CLV_IO);
	assert_string_equal(
	    clv_error_code_name(err), "CKR_SESSION_HANDLE_INVALID");
	clv_error_free(&err);
	assert_int_equal(close(fds[0]), 0);
}

/* The next stop at a system call; false if the child has ended. */
static bool
step(pid_t child, struct __ptrace_syscall_info *info)
{
	int status = 0;
	int signal = 0;

	for (;;) {
		assert_int_equal(
		    ptrace(PTRACE_SYSCALL, child, NULL, (long)signal), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFSTOPPED(status))
			return false;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			break;
		signal = WSTOPSIG(status);
	}
	memset(info, 0, sizeof(*info));
	return ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(*info), info) > 0;
}

static pid_t
start_service(const char *source)
{
	const pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(9);
		(void)raise(SIGSTOP);
		(void)serve(source, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, NULL,
			     (long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)),
	    0);
	return child;
}

/* Where the child is in a login. */
struct way {
	uint64_t locked; /* the file of refused PINs */
	uint64_t torn;   /* a file of SoftHSM's, which it does not keep whole */
	bool over;
};

static void
follow(struct way *way, const struct __ptrace_syscall_info *info)
{
	const uint64_t fd = info->entry.args[0];

	if (info->op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	if (info->entry.nr == SYS_flock && way->locked == UINT64_MAX)
		way->locked = fd;
	if (info->entry.nr == SYS_ftruncate && fd != way->locked)
		way->torn = fd;
	if (info->entry.nr == SYS_close && fd == way->torn)
		way->torn = UINT64_MAX;
	if (info->entry.nr == SYS_close && fd == way->locked)
		way->over = true;
}

/*
 * A service that dies at the system call with this number, before it or after
 * it, counted from when it locks the file of refused PINs to when it closes
 * it. False if it got over that.
 */
static bool
dies_in_login(const char *source, unsigned number)
{
	const pid_t child = start_service(source);
	struct way way = {UINT64_MAX, UINT64_MAX, false};
	struct __ptrace_syscall_info info;
	unsigned count = 0;
	bool dies = false;

	while (!dies && !way.over && step(child, &info)) {
		follow(&way, &info);
		dies = !way.over && way.locked != UINT64_MAX &&
		    way.torn == UINT64_MAX && count++ == number;
	}
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	assert_true(way.locked != UINT64_MAX);
	return dies;
}

static void
in_child(const char *pin, clv_status expected, clv_status or)
{
	char source[LAB_PATH + 64];
	int status = 0;
	pid_t child;

	p11_write_pin(pin, source);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const clv_status got = serve(source, NULL);

		_exit(got == expected || got == or ? 0 : -got);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
test_death__at_no_point_spends_a_pin_twice(void **state)
{
	struct p11_proxy_shared *shared = lab.proxy->shared();
	unsigned spent = 0;
	unsigned point = 0;

	for (bool dies = true; dies; point += part) {
		char source[LAB_PATH + 64];

		(void)renew(state);
		p11_lab_hash_quickly();
		p11_write_pin(WRONG, source);
		dies = dies_in_login(source, point);
		/* Whoever comes first afterwards. */
		if (point / part % 2 == 0)
			in_child(WRONG, CLV_AUTH, CLV_AUTH_LAST_TRY);
		in_child(LAB_PIN, CLV_OK, CLV_OK);
		in_child(WRONG, CLV_AUTH, CLV_AUTH);
		assert_true(shared->tries_left >= 4);
		assert_int_equal(shared->repeated_failures, 0);
		assert_true(shared->failed_logins <= 1);
		spent += shared->failed_logins;
	}
	print_message("%u deaths in a login\n", point / part - 1);
	assert_true(point / part > 4);
	assert_true(spent > 0);
}

/* The same where tries are missing already. */
static void
test_death__with_few_tries_left_spends_none_twice(void **state)
{
	struct p11_proxy_shared *shared = lab.proxy->shared();
	unsigned point = part / 2;

	for (bool dies = true; dies; point += part) {
		char source[LAB_PATH + 64];

		(void)renew(state);
		p11_lab_hash_quickly();
		shared->tries_left = 4;
		p11_write_pin(WRONG, source);
		dies = dies_in_login(source, point);
		in_child(WRONG, CLV_AUTH, CLV_AUTH_LAST_TRY);
		in_child(WRONG, CLV_AUTH, CLV_AUTH_LAST_TRY);
		assert_true(shared->tries_left >= 3);
		assert_int_equal(shared->repeated_failures, 0);
		in_child(LAB_PIN, CLV_OK, CLV_OK);
	}
}

/* Another process, made before this one uses the token; once told
 * to, it finds that the PIN is wrong, as if somebody had changed it. */
static pid_t
start_other(int pipe_end[2])
{
	pid_t child;

	assert_int_equal(pipe2(pipe_end, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char go;

		if (read(pipe_end[0], &go, 1) != 1)
			_exit(2);
		p11_lab_run("fault C_Login CKR_PIN_INCORRECT");
		_exit(p11_open_and_sign("", NULL) == CLV_CANCELLED ? 0 : 1);
	}
	return child;
}

static void
test_stored_pin__that_another_process_saw_refused_is_left(void **state)
{
	clv_context *context = p11_context();
	clv_key *key = NULL;
	int pipe_end[2];
	int status = 0;
	pid_t other;

	(void)state;
	lab.answers[0] = LAB_PIN;
	other = start_other(pipe_end);
	assert_ok(clv_key_open(context, p11_uri("object=ec", ""), &key, &err));
	assert_int_equal(write(pipe_end[1], "", 1), 1);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(status, 0);
	p11_lab_run("remove; insert");
	lab.proxy->clear_counters();
	(void)alarm(60);
	assert_fails(CLV_CANCELLED, lab_sign(key, &err));
	(void)alarm(0);
	assert_int_equal(lab.proxy->calls("C_Login"), 0);
	(void)close(pipe_end[0]);
	(void)close(pipe_end[1]);
	clv_key_free(&key);
	clv_context_free(&context);
}

static void
test_pin_value__that_is_wrong_is_tried_once(void **state)
{
	(void)state;
	(void)alarm(60);
	assert_fails(
	    CLV_AUTH, serve("insecure-pin-value=yes&pin-value=" WRONG, &err));
	(void)alarm(0);
	assert_int_equal(lab.proxy->shared()->failed_logins, 1);
}

/* Each start would take the PIN for a new one. */
static void
test_attempts__without_a_place_missing_tries_are_for_a_person(void **state)
{
	char source[LAB_PATH + 64];

	(void)state;
	p11_write_pin(WRONG, source);
	for (size_t i = 0; i < 3; i++) {
		const pid_t child = fork();
		int status = 0;

		assert_true(child >= 0);
		if (child == 0) {
			clv_error *err = NULL;
			clv_status got;

			(void)setenv("XDG_STATE_HOME", "/proc/none", 1);
			got = serve(source, &err);
			if (i > 0 && got != CLV_AUTH_LAST_TRY)
				_exit(1);
			_exit(i > 0 &&
				    strstr(clv_error_remedy(err),
					"StateDirectory") == NULL
				? 2
				: 0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	assert_int_equal(lab.proxy->shared()->failed_logins, 1);
}

int
main(int argc, char **argv)
{
#define TEST(NAME) cmocka_unit_test_setup(NAME, renew)
	const struct CMUnitTest tests[] = {
	    TEST(test_fault__that_passed_leaves_the_pin_usable),
	    TEST(test_fault__is_judged_when_the_token_answers_again),
	    TEST(test_fault__that_may_have_cost_a_try_blocks_this_pin),
	    TEST(test_doubt__is_about_one_pin_only),
	    TEST(test_doubt__is_for_a_person_to_decide),
	    TEST(test_doubt__does_not_keep_other_sources_from_trying),
	    TEST(test_fault__keeps_the_pin_over_the_repair),
	    TEST(test_fault__that_stays_is_what_is_told),
	    TEST(test_stored_pin__that_another_process_saw_refused_is_left),
	    TEST(test_pin_value__that_is_wrong_is_tried_once),
	    TEST(test_attempts__without_a_place_missing_tries_are_for_a_person),
	    TEST(test_death__at_no_point_spends_a_pin_twice),
	    TEST(test_death__with_few_tries_left_spends_none_twice),
	};

	if (argc > 1)
		part = (unsigned)atoi(argv[1]);
	if (part == 0)
		return 2;
	return cmocka_run_group_tests(
	    tests, p11_lab_start_with_keys, p11_lab_stop);
}
