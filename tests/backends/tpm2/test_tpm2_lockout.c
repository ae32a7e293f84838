/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Wrong auth values, and the TPM's defence against guessing. The software TPM
 * allows three, and forgets one every 1000 seconds. */

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *
make_key(struct tpm_lab *lab, const char *label, const char *lockout)
{
	clv_key_options *options = NULL;
	clv_key *key = NULL;
	char *uri;

	lab->new_auth = lab->auth = "the right one";
	assert_ok(clv_key_options_new(&options, &err));
	assert_ok(clv_key_options_set_label(options, label, &err));
	assert_ok(clv_key_options_set(options, "lockout", lockout, &err));
	assert_ok(
	    clv_key_generate(lab->store, CLV_EC_P256, options, &key, &err));
	clv_key_options_free(&options);
	uri = strdup(clv_key_uri(key));
	clv_key_free(&key);
	return uri;
}

static clv_status
open_and_sign(
    struct tpm_lab *lab, const char *uri, const char *auth, clv_error **err)
{
	lab->auth = auth;
	return tpm_lab_sign_once(lab, uri, err);
}

/* As the TPM itself says. */
static long
failed_tries(struct tpm_lab *lab)
{
	char output[8192];
	const char *at;

	assert_int_equal(swtpm_lab_run(&lab->swtpm,
			     (const char *const[]){
				 "tpm2_getcap", "properties-variable", NULL},
			     output, sizeof(output)),
	    0);
	at = strstr(output, "TPM2_PT_LOCKOUT_COUNTER: ");
	assert_non_null(at);
	return strtol(at + strlen("TPM2_PT_LOCKOUT_COUNTER: "), NULL, 0);
}

static void
clear_lockout(struct tpm_lab *lab)
{
	tpm_lab_run(
	    lab, (const char *const[]){"tpm2_dictionarylockout", "-c", NULL});
}

static void
test_key__is_not_lockable_by_default(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri;

	lab->new_auth = "the right one";
	uri = tpm_lab_key_uri(lab, CLV_EC_P256, "one");
	for (int i = 0; i < 6; i++)
		assert_fails(CLV_CANCELLED,
		    open_and_sign(lab, uri, "a wrong one", &err));
	assert_int_equal(failed_tries(lab), 0);
	assert_int_equal(lab->tries_left, -1);
	assert_ok(open_and_sign(lab, uri, "the right one", &err));
	free(uri);
}

static void
test_lockable_key__tells_tries_and_locks(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = make_key(lab, "one", "on");
	clv_error *err = NULL;

	assert_fails(
	    CLV_CANCELLED, open_and_sign(lab, uri, "a wrong one", &err));
	/* the second question, which the callback declined */
	assert_int_equal(lab->tries_left, 2);
	assert_int_equal(lab->flags, CLV_ASK_RETRY | CLV_ASK_COUNT_LOW);
	assert_fails(
	    CLV_CANCELLED, open_and_sign(lab, uri, "a wrong one", &err));
	assert_int_equal(lab->tries_left, 1);
	assert_true((lab->flags & CLV_ASK_FINAL_TRY) != 0);
	assert_int_equal(failed_tries(lab), 2);

	/* a person may spend the last one */
	assert_int_equal(
	    open_and_sign(lab, uri, "a wrong one", &err), CLV_LOCKED);
	assert_string_equal(clv_error_code_name(err), "TPM_RC_LOCKOUT");
	assert_non_null(strstr(clv_error_reason(err), "1000 seconds"));
	assert_non_null(strstr(clv_error_remedy(err), "dictionarylockout"));
	clv_error_free(&err);

	/* locked for the right one, too; nobody is asked */
	lab->asked = 0;
	assert_fails(
	    CLV_LOCKED, open_and_sign(lab, uri, "the right one", &err));
	assert_int_equal(lab->asked, 0);
	clear_lockout(lab);
	assert_ok(open_and_sign(lab, uri, "the right one", &err));
	free(uri);
}

static void
test_lockout__does_not_stop_other_keys(void **state)
{
	struct tpm_lab *lab = *state;
	char *lockable = make_key(lab, "one", "on");
	char *other = make_key(lab, "two", "off");

	for (int i = 0; i < 3; i++)
		(void)open_and_sign(lab, lockable, "a wrong one", NULL);
	assert_fails(
	    CLV_LOCKED, open_and_sign(lab, lockable, "the right one", &err));
	assert_ok(open_and_sign(lab, other, "the right one", &err));
	free(lockable);
	free(other);
}

/* A service that is restarted again and again must not lock the TPM with a
 * wrong value from its configuration. */
static void
test_stored_value__is_not_what_locks_the_tpm(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = make_key(lab, "one", "on");
	char *path = tpm_lab_file(lab, "wrong", "a wrong one\n");
	char source[LAB_PATH + 32];

	(void)snprintf(source, sizeof(source), "file:%s", path);
	for (int i = 0; i < 8; i++) {
		clv_context *context = NULL;
		clv_key *key = NULL;
		clv_status status;

		assert_ok(clv_context_new(&context, &err));
		assert_ok(clv_context_add_secret_source(context, source, &err));
		status = clv_key_open(context, uri, &key, NULL);
		assert_int_equal(status, i < 1 ? CLV_AUTH : CLV_AUTH_LAST_TRY);
		clv_context_free(&context);
	}
	assert_int_equal(failed_tries(lab), 2);
	assert_ok(open_and_sign(lab, uri, "the right one", &err));
	free(uri);
	free(path);
}

/* Using a lockable key and then losing power is counted as a wrong value,
 * unless the TPM was shut down in between. */
static void
test_power_cut__after_closing_is_not_counted(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = make_key(lab, "one", "on");

	for (int i = 0; i < 4; i++) {
		assert_ok(open_and_sign(lab, uri, "the right one", &err));
		tpm_lab_close(lab);
		swtpm_lab_kill(&lab->swtpm);
		assert_int_equal(swtpm_lab_restart(&lab->swtpm), 0);
		lab->context = tpm_lab_context(lab);
	}
	assert_int_equal(failed_tries(lab), 0);
	free(uri);
}

/* The control of the test above; and why keys are not lockable by default. */
static void
test_power_cut__in_the_middle_is_counted_for_lockable_keys(void **state)
{
	struct tpm_lab *lab = *state;
	char *lockable = make_key(lab, "one", "on");
	char *other = make_key(lab, "two", "off");

	assert_ok(open_and_sign(lab, other, "the right one", &err));
	swtpm_lab_kill(&lab->swtpm);
	assert_int_equal(swtpm_lab_restart(&lab->swtpm), 0);
	assert_int_equal(failed_tries(lab), 0);
	assert_ok(open_and_sign(lab, lockable, "the right one", &err));
	swtpm_lab_kill(&lab->swtpm);
	assert_int_equal(swtpm_lab_restart(&lab->swtpm), 0);
	assert_int_equal(failed_tries(lab), 1);
	free(lockable);
	free(other);
}

static void
test_auth_value__has_a_limit(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key = NULL;

	lab->new_auth = "123456789 123456789 123456789 123";
	assert_fails(CLV_TOO_LARGE,
	    clv_key_generate(lab->store, CLV_EC_P256, NULL, &key, &err));
	lab->new_auth = lab->auth = "123456789 123456789 123456789 12";
	assert_ok(clv_key_generate(lab->store, CLV_EC_P256, NULL, &key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
}

static void
test_change_secret__makes_the_old_one_wrong(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = make_key(lab, "one", "off");

	lab->new_auth = "another one";
	assert_ok(clv_key_change_secret(lab->context, uri, &err));
	assert_fails(
	    CLV_CANCELLED, open_and_sign(lab, uri, "the right one", &err));
	assert_ok(open_and_sign(lab, uri, "another one", &err));
	/* to none */
	lab->new_auth = NULL;
	assert_ok(clv_key_change_secret(lab->context, uri, &err));
	assert_ok(open_and_sign(lab, uri, NULL, &err));
	/* and back to one */
	lab->new_auth = "a third";
	assert_ok(clv_key_change_secret(lab->context, uri, &err));
	assert_ok(open_and_sign(lab, uri, "a third", &err));
	free(uri);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TPM_LAB_TEST(test_key__is_not_lockable_by_default),
	    TPM_LAB_TEST(test_lockable_key__tells_tries_and_locks),
	    TPM_LAB_TEST(test_lockout__does_not_stop_other_keys),
	    TPM_LAB_TEST(test_stored_value__is_not_what_locks_the_tpm),
	    TPM_LAB_TEST(test_power_cut__after_closing_is_not_counted),
	    TPM_LAB_TEST(
		test_power_cut__in_the_middle_is_counted_for_lockable_keys),
	    TPM_LAB_TEST(test_auth_value__has_a_limit),
	    TPM_LAB_TEST(test_change_secret__makes_the_old_one_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
