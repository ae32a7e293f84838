/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Somebody between processor and TPM who does not only listen: changes any
 * byte of commands and answers, answers from memory, leaves HMACs away, or
 * puts a storage key of his own in the place of ours.
 */

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define AUTH "a word of nine"

static clv_status
sign(clv_key *key, clv_error **err)
{
	return tpm_lab_sign(key, err);
}

/* While it goes on nothing is handed out; then all works again. (What is no
 * answer at all is asked for once more, so one fault alone may be mended.) */
static void
assert_noticed(clv_key *key, const struct fault *fault,
    clv_status (*run)(clv_key *key, clv_error **err))
{
	clv_error *problem = NULL;

	fault_tcti_reset();
	fault_tcti_add(fault);
	if (run(key, &problem) == CLV_OK)
		fail_msg("fault %d at %u of command 0x%x was not noticed",
		    (int)fault->kind, fault->value, fault->code);
	assert_true(fault_tcti_hits() > 0);
	assert_non_null(clv_error_reason(problem));
	clv_error_free(&problem);
	fault_tcti_reset();
	assert_ok(run(key, &err));
}

static clv_key *
make_key(struct tpm_lab *lab, clv_algorithm algorithm)
{
	lab->new_auth = AUTH;
	return tpm_lab_key(lab, algorithm, "one");
}

/* ---- bytes ---- */

/* Tag, size, code, size of the parameters, each parameter, nonce, attributes
 * and HMAC, with their sizes. */
static void
change_each_byte(clv_key *key, TPM2_CC code,
    clv_status (*run)(clv_key *key, clv_error **err))
{
	size_t size;

	assert_ok(run(key, &err));
	size = fault_tcti_answer_size();
	assert_true(size > 10 + 4 + 2 + 69);
	for (uint32_t at = 0; at < size; at++) {
		/* a modulus more or less is like the next byte of it */
		if (size > 300 && at > 30 && at < size - 80 && at % 41 != 0)
			continue;
		assert_noticed(key,
		    &(struct fault){
			.kind = FAULT_FLIP, .code = code, .value = at},
		    run);
		/* a number with a leading zero is shorter */
		size = fault_tcti_answer_size() < size
		    ? fault_tcti_answer_size()
		    : size;
	}
}

static void
test_answer__with_any_byte_changed_is_refused(void **state)
{
	clv_key *key = make_key(*state, CLV_EC_P256);

	change_each_byte(key, TPM2_CC_Sign, sign);
	clv_key_free(&key);
}

static void
test_plaintext__with_any_byte_changed_is_refused(void **state)
{
	clv_key *key = make_key(*state, CLV_RSA_2048);

	change_each_byte(key, TPM2_CC_RSA_Decrypt, tpm_lab_decrypt);
	clv_key_free(&key);
}

/* From the first handle on: the TPM refuses it. (A size in the header that is
 * wrong lets a software TPM wait for the rest.) */
static void
test_command__with_any_byte_changed_is_refused(void **state)
{
	/* handle, session area, digest, scheme, ticket */
	const uint32_t size = 10 + 4 + 4 + 73 + 34 + 4 + 8;
	clv_key *key = make_key(*state, CLV_EC_P256);

	for (uint32_t at = 10; at < size; at++) {
		assert_noticed(key,
		    &(struct fault){.kind = FAULT_FLIP_COMMAND,
			.code = TPM2_CC_Sign,
			.value = at},
		    sign);
	}
	clv_key_free(&key);
}

/* ---- whole answers ---- */

static void
test_answer__of_another_command_is_refused(void **state)
{
	clv_key *key = make_key(*state, CLV_EC_P256);

	assert_ok(tpm_lab_sign(key, &err));
	fault_tcti_add(&(struct fault){
	    .kind = FAULT_REPLAY, .code = TPM2_CC_Sign, .times = 1});
	assert_fails(CLV_UNTRUSTED, tpm_lab_sign(key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
}

static void
write_size(uint8_t *answer, size_t size)
{
	answer[2] = answer[3] = 0;
	answer[4] = (uint8_t)(size >> 8);
	answer[5] = (uint8_t)size;
}

/* An HMAC of no length is as good as none. */
static void
empty_the_hmac(void *user, uint8_t *answer, size_t *size)
{
	(void)user;
	*size -= 32;
	memset(answer + *size - 2, 0, 2);
	write_size(answer, *size);
}

static void
shorten_the_nonce(void *user, uint8_t *answer, size_t *size)
{
	uint8_t *nonce = answer + *size - 69;

	(void)user;
	memset(nonce, 0, 2);
	memmove(nonce + 2, nonce + 34, 35);
	*size -= 32;
	write_size(answer, *size);
}

/* The answer of a command without sessions. */
static void
leave_the_session_away(void *user, uint8_t *answer, size_t *size)
{
	(void)user;
	answer[1] = 0x01;
	memmove(answer + 10, answer + 14, *size - 69 - 14);
	*size -= 69 + 4;
	write_size(answer, *size);
}

static void
add_a_second_session(void *user, uint8_t *answer, size_t *size)
{
	(void)user;
	memcpy(answer + *size, answer + *size - 69, 69);
	*size += 69;
	write_size(answer, *size);
}

static void
end_the_session(void *user, uint8_t *answer, size_t *size)
{
	(void)user;
	answer[*size - 35] ^= 0x01;
}

static void
test_answer__with_another_session_is_refused(void **state)
{
	static void (*const edits[])(void *user, uint8_t *answer,
	    size_t *size) = {empty_the_hmac, shorten_the_nonce,
	    leave_the_session_away, add_a_second_session, end_the_session};
	clv_key *key = make_key(*state, CLV_EC_P256);

	assert_ok(tpm_lab_sign(key, &err));
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
		assert_noticed(key,
		    &(struct fault){.kind = FAULT_EDIT,
			.code = TPM2_CC_Sign,
			.edit = edits[i]},
		    sign);
	clv_key_free(&key);
}

/* ---- an interposer ---- */

/* The generator of P-256: a point whose private half he knows to be 1. */
static const uint8_t generator[64] = {0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42,
    0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d,
    0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2,
    0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb,
    0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e,
    0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

/* Of TPM2_CreatePrimary's answer: the public area, and the name before the
 * empty session. */
#define AT_AREA (10U + 4U + 4U + 2U)

static void
put_own_key(uint8_t *answer)
{
	const size_t size =
	    (size_t)answer[AT_AREA - 2] << 8 | answer[AT_AREA - 1];
	uint8_t *point = answer + AT_AREA + size - 68;

	assert_true(point[1] == 32 && point[35] == 32);
	memcpy(point + 2, generator, 32);
	memcpy(point + 36, generator + 32, 32);
}

/* All in it fits together, but it is another key. */
static void
replace_key_and_name(void *user, uint8_t *answer, size_t *size)
{
	const size_t area =
	    (size_t)answer[AT_AREA - 2] << 8 | answer[AT_AREA - 1];

	(void)user;
	put_own_key(answer);
	assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, answer + AT_AREA,
			     area, answer + *size - 5 - 32, NULL),
	    1);
}

/* The name stays right, the key that goes with it does not. */
static void
replace_key(void *user, uint8_t *answer, size_t *size)
{
	(void)user;
	(void)size;
	put_own_key(answer);
}

static void
interpose(struct tpm_lab *lab, const char *uri,
    void (*edit)(void *user, uint8_t *answer, size_t *size),
    clv_status expected)
{
	clv_key *key = NULL;

	tpm_lab_reopen(lab);
	fault_tcti_reset();
	fault_tcti_add(&(struct fault){
	    .kind = FAULT_EDIT, .code = TPM2_CC_CreatePrimary, .edit = edit});
	assert_fails(expected, clv_key_open(lab->context, uri, &key, &err));
	assert_true(fault_tcti_hits() > 0);
	/* nothing was salted to it, nor loaded under it */
	assert_int_equal(fault_tcti_count(TPM2_CC_StartAuthSession), 0);
	assert_int_equal(fault_tcti_count(TPM2_CC_Load), 0);
	fault_tcti_reset();
}

static void
test_interposer__with_a_storage_key_of_his_own_is_caught(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key;
	char *uri;

	lab->new_auth = AUTH;
	uri = tpm_lab_key_uri(lab, CLV_EC_P256, "ec");
	interpose(lab, uri, replace_key_and_name, CLV_UNTRUSTED);
	interpose(lab, uri, replace_key, CLV_IO);
	assert_ok(clv_key_open(lab->context, uri, &key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	free(uri);
}

/* The same with the name in the file, which is what an honest TPM's key is
 * compared with. */
static void
test_parent__of_another_name_is_refused(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "ec");
	char *path = uri + strlen("tpm2:");
	char text[8192] = "";
	clv_key *key = NULL;
	FILE *file = fopen(path, "r+");
	char *name;

	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	name = strstr(text, "Parent-Name: 000b");
	assert_non_null(name);
	name[20] = name[20] == '0' ? '1' : '0';
	rewind(file);
	assert_true(fwrite(text, 1, strlen(text), file) == strlen(text));
	assert_int_equal(fclose(file), 0);
	assert_ok(clv_key_open(lab->context, uri, &key, &err));
	fault_tcti_reset();
	assert_fails(CLV_UNTRUSTED, tpm_lab_sign(key, &err));
	assert_int_equal(fault_tcti_count(TPM2_CC_Load), 0);
	clv_key_free(&key);
	free(uri);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TPM_LAB_TEST(test_answer__with_any_byte_changed_is_refused),
	    TPM_LAB_TEST(test_plaintext__with_any_byte_changed_is_refused),
	    TPM_LAB_TEST(test_command__with_any_byte_changed_is_refused),
	    TPM_LAB_TEST(test_answer__of_another_command_is_refused),
	    TPM_LAB_TEST(test_answer__with_another_session_is_refused),
	    TPM_LAB_TEST(
		test_interposer__with_a_storage_key_of_his_own_is_caught),
	    TPM_LAB_TEST(test_parent__of_another_name_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
