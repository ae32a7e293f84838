/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* How many commands things take, and what stays loaded. */

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
test_sign__is_one_command_when_the_key_is_loaded(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key;
	unsigned before;

	lab->new_auth = "a word";
	key = tpm_lab_key(lab, CLV_EC_P256, "one");
	assert_ok(tpm_lab_sign(key, &err));
	before = fault_tcti_count(0);
	for (int i = 0; i < 5; i++)
		assert_ok(tpm_lab_sign(key, &err));
	assert_int_equal(fault_tcti_count(0), before + 5);
	assert_int_equal(fault_tcti_count(TPM2_CC_StartAuthSession), 1);
	clv_key_free(&key);
}

static void
test_decrypt__is_one_command_when_the_key_is_loaded(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key = tpm_lab_key(lab, CLV_RSA_2048, "one");
	unsigned before;

	assert_ok(tpm_lab_decrypt(key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	before = fault_tcti_count(0);
	assert_ok(tpm_lab_decrypt(key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	assert_int_equal(fault_tcti_count(0), before + 2);
	clv_key_free(&key);
}

static void
test_open__without_auth_value_does_not_touch_the_tpm(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "one");
	clv_key *key = NULL;

	tpm_lab_reopen(lab);
	fault_tcti_reset();
	assert_ok(clv_key_open(lab->context, uri, &key, &err));
	assert_int_equal(fault_tcti_count(0), 0);
	assert_ok(tpm_lab_sign(key, &err));
	/* ReadClock, GetCapability (slots), ReadPublic (usual handle),
	 * 3 x GetCapability (handles before), CreatePrimary,
	 * StartAuthSession, Load, Sign: the last four where a resource
	 * manager keeps handles apart, and three others */
	assert_int_equal(fault_tcti_count(0), 10);
	assert_int_equal(fault_tcti_count(TPM2_CC_CreatePrimary), 1);
	assert_int_equal(fault_tcti_count(TPM2_CC_Load), 1);
	clv_key_free(&key);
	free(uri);
}

static void
test_open__uses_a_persistent_storage_key_of_the_same_name(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "one");
	clv_key *key = NULL;

	tpm_lab_keep_storage_key(lab, "");
	tpm_lab_reopen(lab);
	fault_tcti_reset();
	assert_ok(clv_key_open(lab->context, uri, &key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	assert_int_equal(fault_tcti_count(TPM2_CC_CreatePrimary), 0);
	clv_key_free(&key);
	free(uri);
}

static void
test_keys__more_than_the_tpm_has_slots_take_turns(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *keys[6];
	char label[2] = "a";

	for (size_t i = 0; i < 6; i++, label[0]++)
		keys[i] = tpm_lab_key(lab, CLV_EC_P256, label);
	for (size_t round = 0; round < 3; round++)
		for (size_t i = 0; i < 6; i++)
			assert_ok(tpm_lab_sign(keys[i], &err));
	/* two that are used by turns stay, beside the storage key */
	fault_tcti_reset();
	for (size_t round = 0; round < 5; round++) {
		assert_ok(tpm_lab_sign(keys[4], &err));
		assert_ok(tpm_lab_sign(keys[5], &err));
	}
	assert_int_equal(fault_tcti_count(TPM2_CC_Load), 0);
	assert_int_equal(fault_tcti_count(0), 10);
	for (size_t i = 0; i < 6; i++)
		clv_key_free(&keys[i]);
}

static void
test_key_free__flushes_what_was_loaded(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key = tpm_lab_key(lab, CLV_EC_P256, "one");

	assert_ok(tpm_lab_sign(key, &err));
	assert_int_equal(tpm_lab_left(lab), 3); /* key, primary, session */
	clv_key_free(&key);
	assert_int_equal(tpm_lab_left(lab), 2);
	clv_store_free(&lab->store);
	assert_int_equal(tpm_lab_left(lab), 0);
}

static void
test_contexts__share_one_session(void **state)
{
	struct tpm_lab *lab = *state;
	clv_context *other = tpm_lab_context(lab);
	clv_key *first = tpm_lab_key(lab, CLV_EC_P256, "one");
	clv_key *second = NULL;

	assert_ok(clv_key_open(other, clv_key_uri(first), &second, &err));
	assert_ok(tpm_lab_sign(first, &err));
	assert_ok(tpm_lab_sign(second, &err));
	assert_int_equal(fault_tcti_count(TPM2_CC_StartAuthSession), 1);
	clv_key_free(&first);
	clv_key_free(&second);
	clv_context_free(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TPM_LAB_TEST(test_sign__is_one_command_when_the_key_is_loaded),
	    TPM_LAB_TEST(test_decrypt__is_one_command_when_the_key_is_loaded),
	    TPM_LAB_TEST(test_open__without_auth_value_does_not_touch_the_tpm),
	    TPM_LAB_TEST(
		test_open__uses_a_persistent_storage_key_of_the_same_name),
	    TPM_LAB_TEST(test_keys__more_than_the_tpm_has_slots_take_turns),
	    TPM_LAB_TEST(test_key_free__flushes_what_was_loaded),
	    TPM_LAB_TEST(test_contexts__share_one_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
