/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* A TPM without resource manager, shared with other processes, some of which
 * die, and with other programs. */

#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* In a child: opens a key and signs so many times; the exit status says
 * whether all went well. Frees nothing when `abandon`. */
static _Noreturn void
be_signer(struct tpm_lab *lab, const char *uri, unsigned times, bool abandon)
{
	clv_context *context = NULL;
	clv_error *err = NULL;
	clv_key *key = NULL;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (clv_context_new(&context, &err) == CLV_OK &&
	    clv_key_open(context, uri, &key, &err) == CLV_OK)
		for (unsigned i = 0; i < times; i++)
			if (tpm_lab_sign(key, &err) != CLV_OK)
				break;
	if (err != NULL)
		(void)fprintf(stderr, "child: %s\n", clv_error_message(err));
	(void)lab;
	if (abandon)
		_exit(err != NULL);
	clv_key_free(&key);
	clv_context_free(&context);
	_exit(err != NULL);
}

static pid_t
start_signer(struct tpm_lab *lab, const char *uri, unsigned times, bool abandon)
{
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		be_signer(lab, uri, times, abandon);
	return pid;
}

static int
end_of(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* More processes than there are sessions, each with its own key. */
static void
test_processes__take_turns(void **state)
{
	enum { PROCESSES = 6 };
	struct tpm_lab *lab = *state;
	char *uris[PROCESSES], label[2] = "a";
	pid_t pids[PROCESSES];

	for (size_t i = 0; i < PROCESSES; i++, label[0]++)
		uris[i] = tpm_lab_key_uri(lab, CLV_EC_P256, label);
	tpm_lab_close(lab);
	for (size_t i = 0; i < PROCESSES; i++)
		pids[i] = start_signer(lab, uris[i], 30, false);
	for (size_t i = 0; i < PROCESSES; i++) {
		assert_int_equal(end_of(pids[i]), 0);
		free(uris[i]);
	}
	assert_int_equal(tpm_lab_left(lab), 0);
}

/* Ends without freeing anything, as after a kill. */
static void
test_dead_process__is_cleaned_up_after(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "one");
	clv_key *key;

	tpm_lab_close(lab);
	assert_int_equal(end_of(start_signer(lab, uri, 1, true)), 0);
	assert_int_equal(tpm_lab_left(lab), 3);
	key = tpm_lab_open_key(lab, uri);
	assert_ok(tpm_lab_sign(key, &err));
	assert_int_equal(tpm_lab_left(lab), 3);
	assert_non_null(strstr(lab->log, "died"));
	clv_key_free(&key);
	assert_int_equal(tpm_lab_left(lab), 0);
	free(uri);
}

static void
sleep_us(long us)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* Killed at any moment, above all while it connects and loads. */
static void
test_killed_process__leaves_nothing_for_long(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "one");
	clv_key *key;

	tpm_lab_close(lab);
	for (long i = 0; i < 120; i++) {
		const pid_t pid = start_signer(lab, uri, 1000, false);

		sleep_us(500 + i * 150);
		(void)kill(pid, SIGKILL);
		(void)end_of(pid);
	}
	key = tpm_lab_open_key(lab, uri);
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	assert_int_equal(tpm_lab_left(lab), 0);
	free(uri);
}

static void
test_foreign_objects__are_left_alone(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "one");
	clv_key *key;

	tpm_lab_close(lab);
	tpm_lab_make_primary(lab, "", TPM_LAB_OTHER_KEY);
	assert_int_equal(tpm_lab_left(lab), 1);
	assert_int_equal(end_of(start_signer(lab, uri, 1, true)), 0);
	key = tpm_lab_open_key(lab, uri);
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	assert_int_equal(tpm_lab_left(lab), 1);
	tpm_lab_flush(lab, "-t");
	free(uri);
}

static void
test_full_tpm__is_busy_and_says_so(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key = tpm_lab_key(lab, CLV_EC_P256, "one");
	clv_error *err = NULL;

	clv_key_free(&key);
	tpm_lab_reopen(lab);
	for (int i = 0; i < 3; i++)
		tpm_lab_make_primary(lab, "", TPM_LAB_OTHER_KEY);
	assert_int_equal(
	    clv_key_generate(lab->store, CLV_EC_P256, NULL, &key, &err),
	    CLV_BUSY);
	assert_true(clv_error_retryable(err));
	assert_string_equal(clv_error_code_name(err), "TPM_RC_OBJECT_MEMORY");
	assert_non_null(strstr(clv_error_remedy(err), "tpmrm0"));
	clv_error_free(&err);
	tpm_lab_flush(lab, "-t");
	assert_ok(clv_key_generate(lab->store, CLV_EC_P256, NULL, &key, &err));
	clv_key_free(&key);
}

/* Another program flushes all it finds, ours included. */
static void
test_flushed_by_others__is_loaded_again(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key = tpm_lab_key(lab, CLV_EC_P256, "one");

	assert_ok(tpm_lab_sign(key, &err));
	tpm_lab_flush(lab, "-t");
	assert_ok(tpm_lab_sign(key, &err));
	tpm_lab_flush(lab, "-l");
	assert_ok(tpm_lab_sign(key, &err));
	tpm_lab_flush(lab, "-l");
	tpm_lab_flush(lab, "-t");
	assert_ok(tpm_lab_sign(key, &err));
	/* and another object has the handle */
	tpm_lab_flush(lab, "-t");
	tpm_lab_make_primary(lab, "", TPM_LAB_OTHER_KEY);
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	clv_store_free(&lab->store);
	assert_int_equal(tpm_lab_left(lab), 1);
	tpm_lab_flush(lab, "-t");
}

static void
test_reset_tpm__is_recovered_from(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key;
	clv_error *err = NULL;

	lab->new_auth = "a word";
	key = tpm_lab_key(lab, CLV_EC_P256, "one");
	assert_ok(tpm_lab_sign(key, &err));
	swtpm_lab_kill(&lab->swtpm);
	assert_int_equal(tpm_lab_sign(key, &err), CLV_DEVICE_GONE);
	assert_true(clv_error_retryable(err));
	clv_error_free(&err);
	assert_int_equal(swtpm_lab_restart(&lab->swtpm), 0);
	assert_ok(tpm_lab_sign(key, &err));
	assert_non_null(strstr(lab->log, "reset"));
	assert_int_equal(lab->asked, 1); /* when it was made, never again */
	clv_key_free(&key);
}

static void
test_sleep__is_recovered_from(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *first, *second;

	lab->new_auth = "a word";
	first = tpm_lab_key(lab, CLV_EC_P256, "one");
	second = tpm_lab_key(lab, CLV_RSA_2048, "two");
	for (int i = 0; i < 3; i++) {
		assert_ok(tpm_lab_sign(first, &err));
		assert_ok(tpm_lab_decrypt(second, &err));
		assert_int_equal(swtpm_lab_sleep_and_wake(&lab->swtpm), 0);
		assert_int_equal(tpm_lab_left(lab), 0);
	}
	assert_ok(tpm_lab_sign(first, &err));
	assert_ok(tpm_lab_sign(second, &err));
	assert_int_equal(lab->asked, 2); /* when they were made, never again */
	clv_key_free(&first);
	clv_key_free(&second);
}

static void
test_forked_child__makes_a_connection_of_its_own(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *open = tpm_lab_key(lab, CLV_EC_P256, "open");
	clv_key *secret;
	pid_t pid;

	lab->new_auth = "a word";
	secret = tpm_lab_key(lab, CLV_EC_P256, "secret");
	assert_ok(tpm_lab_sign(open, &err));
	assert_ok(tpm_lab_sign(secret, &err));
	pid = fork();
	if (pid == 0) {
		/* a key without auth value goes on; one with must be opened
		 * again: secrets are empty in a child */
		const bool good = tpm_lab_sign(open, NULL) == CLV_OK &&
		    tpm_lab_sign(secret, NULL) == CLV_AUTH;

		clv_key_free(&open);
		clv_key_free(&secret);
		tpm_lab_close(lab);
		_exit(good ? 0 : 1);
	}
	assert_ok(tpm_lab_sign(open, &err));
	assert_ok(tpm_lab_sign(secret, &err));
	assert_int_equal(end_of(pid), 0);
	assert_ok(tpm_lab_sign(open, &err));
	assert_ok(tpm_lab_sign(secret, &err));
	clv_key_free(&open);
	clv_key_free(&secret);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TPM_LAB_TEST(test_processes__take_turns),
	    TPM_LAB_TEST(test_dead_process__is_cleaned_up_after),
	    TPM_LAB_TEST(test_killed_process__leaves_nothing_for_long),
	    TPM_LAB_TEST(test_foreign_objects__are_left_alone),
	    TPM_LAB_TEST(test_full_tpm__is_busy_and_says_so),
	    TPM_LAB_TEST(test_flushed_by_others__is_loaded_again),
	    TPM_LAB_TEST(test_reset_tpm__is_recovered_from),
	    TPM_LAB_TEST(test_sleep__is_recovered_from),
	    TPM_LAB_TEST(test_forked_child__makes_a_connection_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
