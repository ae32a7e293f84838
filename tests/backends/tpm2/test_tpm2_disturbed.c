/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Answers of commands that make something in a TPM without resource manager,
 * disturbed where they tell its handle and elsewhere: what was made is found
 * again and flushed, and what others made is not.
 */

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>

static const TPM2_CC makers[] = {
    TPM2_CC_CreatePrimary, TPM2_CC_StartAuthSession, TPM2_CC_Load};
#define MAKERS (sizeof(makers) / sizeof(makers[0]))

/* A key, and nothing open. */
static char *
make_key(struct tpm_lab *lab)
{
	char *uri;

	lab->new_auth = "a word";
	uri = tpm_lab_key_uri(lab, CLV_EC_P256, "ec");
	tpm_lab_close(lab);
	return uri;
}

/* A new context, where one answer will be edited. */
static void
meet_edit(struct tpm_lab *lab, TPM2_CC code,
    void (*edit)(void *user, uint8_t *answer, size_t *size))
{
	lab->context = tpm_lab_context(lab);
	fault_tcti_reset();
	fault_tcti_add(&(struct fault){
	    .kind = FAULT_EDIT, .code = code, .times = 1, .edit = edit});
}

/* ---- any byte ---- */

/* Only what an HMAC protects is told to be false; the rest is asked for once
 * more. */
static clv_status
outcome(const struct fault *fault)
{
	return fault->code == TPM2_CC_Load && fault->value >= 18 ? CLV_UNTRUSTED
								 : CLV_OK;
}

/* Signs with the fault; again without, unless `let_go`; then closes all. */
static void
disturb(struct tpm_lab *lab, const char *uri, const struct fault *fault,
    bool let_go)
{
	clv_status status;
	unsigned hits;

	tpm_lab_reopen(lab); /* its store keeps the connection */
	fault_tcti_reset();
	fault_tcti_add(fault);
	status = tpm_lab_sign_once(lab, uri, NULL);
	hits = fault_tcti_hits();
	fault_tcti_reset();
	if (status != outcome(fault))
		fail_msg("command 0x%x, byte %u: %s", fault->code, fault->value,
		    clv_status_name(status));
	if (!let_go)
		assert_ok(tpm_lab_sign_once(lab, uri, &err));
	tpm_lab_close(lab);
	assert_int_equal(hits, 1);
	if (tpm_lab_left(lab) != 0)
		fail_msg("command 0x%x, byte %u, %s: %u left", fault->code,
		    fault->value, let_go ? "let go" : "used again",
		    tpm_lab_left(lab));
}

/* The code, the handle, the sizes behind it; of CreatePrimary the type, hash
 * and attributes of the public area. */
static void
test_disturbed_answer__leaves_nothing(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = make_key(lab);

	for (size_t i = 0; i < MAKERS; i++)
		for (uint32_t at = 6; at < 30; at++) {
			const struct fault fault = {.kind = FAULT_FLIP,
			    .code = makers[i],
			    .times = 1,
			    .value = at};

			disturb(lab, uri, &fault, false);
			disturb(lab, uri, &fault, true);
		}
	free(uri);
}

/* A key whose name was forged does not stay until we talk to the TPM again. */
static void
test_forged_answer__is_cleaned_up_after_at_once(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = make_key(lab);

	tpm_lab_reopen(lab);
	fault_tcti_reset();
	fault_tcti_add(&(struct fault){
	    .kind = FAULT_FLIP, .code = TPM2_CC_Load, .times = 1, .value = 20});
	assert_fails(CLV_UNTRUSTED, tpm_lab_sign_once(lab, uri, &err));
	/* the storage key and the session */
	assert_int_equal(tpm_lab_left(lab), 2);
	free(uri);
}

/* ---- when nobody answers ---- */

static void
lose_everything(void *user, uint8_t *answer, size_t *size)
{
	(void)user;
	(void)answer;
	*size = 3;
	fault_tcti_add(&(struct fault){.kind = FAULT_LOST});
}

/* The answer is cut off, and then the TPM is away for as long as we are
 * interested: what it made stays until it is asked for something again. */
static void
test_lost_answer__is_cleaned_up_after_when_the_tpm_is_back(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = make_key(lab);

	for (size_t i = 0; i < MAKERS; i++) {
		meet_edit(lab, makers[i], lose_everything);
		assert_fails(
		    CLV_DEVICE_GONE, tpm_lab_sign_once(lab, uri, &err));
		tpm_lab_close(lab);
		/* with what was loaded before */
		assert_int_equal(tpm_lab_left(lab), i + 1);
		fault_tcti_reset();
		lab->context = tpm_lab_context(lab);
		assert_ok(tpm_lab_sign_once(lab, uri, &err));
		assert_non_null(strstr(lab->log, "a lost answer"));
		lab->log[0] = '\0';
		tpm_lab_close(lab);
		assert_int_equal(tpm_lab_left(lab), 0);
	}
	free(uri);
}

static void
lose_the_list(void *user, uint8_t *answer, size_t *size)
{
	(void)user;
	(void)answer;
	*size = 3;
	fault_tcti_add(&(struct fault){
	    .kind = FAULT_LOST, .code = TPM2_CC_GetCapability, .times = 1});
}

/* And when we look for what it made, the TPM is away once more. */
static void
test_search_that_fails__is_made_up_for(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = make_key(lab);

	for (size_t i = 0; i < MAKERS; i++) {
		meet_edit(lab, makers[i], lose_the_list);
		assert_ok(tpm_lab_sign_once(lab, uri, &err));
		assert_int_equal(fault_tcti_hits(), 2);
		tpm_lab_close(lab);
		assert_int_equal(tpm_lab_left(lab), 0);
	}
	free(uri);
}

/* ---- others' ---- */

/* An HMAC session of nobody in particular. */
static void
start_foreign_session(struct tpm_lab *lab)
{
	static const uint8_t command[] = {0x80, 0x01, 0, 0, 0, 43, 0, 0, 0x01,
	    0x76, 0x40, 0, 0, 0x07, 0x40, 0, 0, 0x07, 0, 16, 1, 2, 3, 4, 5, 6,
	    7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0, 0, 0, 0x10, 0, 0x0b};
	TSS2_TCTI_CONTEXT *tcti = NULL;
	uint8_t answer[4096] = {0};
	size_t size = sizeof(answer);

	assert_int_equal(Tss2_TctiLdr_Initialize(lab->swtpm.tcti, &tcti), 0);
	assert_int_equal(Tss2_Tcti_Transmit(tcti, sizeof(command), command), 0);
	assert_int_equal(
	    Tss2_Tcti_Receive(tcti, &size, answer, TSS2_TCTI_TIMEOUT_BLOCK), 0);
	assert_true(size > 14 && answer[9] == 0 && answer[10] == 0x02);
	assert_int_equal(answer[13], 0);
	Tss2_TctiLdr_Finalize(&tcti);
}

/* Says that the new one has the number of the first. */
static void
tell_first(void *user, uint8_t *answer, size_t *size)
{
	(void)user;
	assert_true(*size > 14);
	answer[13] = 0;
}

static void
test_handle_of_another__is_not_believed(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = make_key(lab);

	start_foreign_session(lab);
	/* only the handle tells it from ours */
	tpm_lab_make_primary(lab, "", TPM_LAB_STORAGE_KEY);
	assert_int_equal(tpm_lab_left(lab), 2);
	for (size_t i = 0; i < MAKERS; i++) {
		meet_edit(lab, makers[i], tell_first);
		assert_ok(tpm_lab_sign_once(lab, uri, &err));
		assert_int_equal(fault_tcti_hits(), 1);
		tpm_lab_close(lab);
		assert_int_equal(tpm_lab_left(lab), 2);
	}
	/* it is theirs that are left */
	tpm_lab_flush(lab, "0x80000000");
	tpm_lab_flush(lab, "0x02000000");
	free(uri);
}

/* Others flush what is ours and was used, and make the same storage key at a
 * number that was free when we made it: that is not what we lost. */
static void
test_storage_key_of_another__is_not_taken_for_ours(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = make_key(lab);
	clv_key *key = tpm_lab_open_key(lab, uri);

	assert_ok(tpm_lab_sign(key, &err));
	tpm_lab_flush(lab, "-t");
	tpm_lab_make_primary(lab, "", TPM_LAB_STORAGE_KEY);
	tpm_lab_make_primary(lab, "", TPM_LAB_STORAGE_KEY);
	tpm_lab_flush(lab, "0x80000000");
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	tpm_lab_close(lab);
	assert_int_equal(tpm_lab_left(lab), 1);
	tpm_lab_flush(lab, "0x80000001");
	free(uri);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TPM_LAB_TEST(test_disturbed_answer__leaves_nothing),
	    TPM_LAB_TEST(test_forged_answer__is_cleaned_up_after_at_once),
	    TPM_LAB_TEST(test_search_that_fails__is_made_up_for),
	    TPM_LAB_TEST(test_storage_key_of_another__is_not_taken_for_ours),
	    TPM_LAB_TEST(
		test_lost_answer__is_cleaned_up_after_when_the_tpm_is_back),
	    TPM_LAB_TEST(test_handle_of_another__is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
