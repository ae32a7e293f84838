/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Bad ciphertexts. A TPM that removes a padding itself says TPM_RC_FAILURE
 * for some of them, which sounds like the end of it. What must hold for keys
 * of ours, padded in software, and for keys that others bound to a padding:
 * all failures look the same; PKCS#1 v1.5 never fails, but gives a message
 * that depends on nothing but the ciphertext; and the TPM goes on.
 */

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#define SIZE 256U

static void
encrypt(clv_key *key, int padding, const uint8_t *text, size_t text_size,
    uint8_t ciphertext[SIZE])
{
	assert_int_equal(
	    tpm_lab_encrypt(key, padding, text, text_size, ciphertext, SIZE),
	    SIZE);
}

/* Blocks that are no padding, each in another way. */
#define BAD_BLOCKS 7
static void
make_bad_block(unsigned kind, uint8_t block[SIZE])
{
	memset(block, 0x5a, SIZE);
	block[0] = 0;
	block[1] = 2;
	switch (kind) {
	case 0: /* as PKCS#1 v1.5 has it, but without an end */
		break;
	case 1: /* another kind of block */
		block[1] = 1;
		block[100] = 0;
		break;
	case 2: /* too little padding */
		block[5] = 0;
		break;
	case 3: /* a first byte that is not zero, and all else right */
		block[0] = 1;
		block[200] = 0;
		break;
	case 4: /* OAEP with anything inside */
		memset(block + 1, 0xc3, SIZE - 1);
		break;
	case 5: /* nothing */
		memset(block, 0, SIZE - 1);
		break;
	default:
		memset(block, 0, SIZE);
		block[SIZE - 2] = 2;
	}
}

static clv_status
decrypt(clv_key *key, clv_scheme scheme, const uint8_t *ciphertext,
    uint8_t plaintext[CLV_PLAINTEXT_MAX], size_t *size, clv_error **err)
{
	*size = CLV_PLAINTEXT_MAX;
	return clv_key_decrypt(
	    key, scheme, ciphertext, SIZE, plaintext, size, err);
}

static const uint8_t secret[] = "a secret of a secure channel";

/* A good one still takes one command: the TPM is not taken for dead. */
static void
assert_works(clv_key *key, clv_scheme scheme, const uint8_t *good)
{
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	size_t size;
	const unsigned before = fault_tcti_count(0);

	assert_ok(decrypt(key, scheme, good, plaintext, &size, &err));
	assert_int_equal(size, sizeof(secret));
	assert_memory_equal(plaintext, secret, size);
	assert_int_equal(fault_tcti_count(0), before + 1);
}

static void
check_oaep(clv_key *key)
{
	uint8_t good[SIZE], bad[SIZE], block[SIZE];
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	char said[512] = "";
	size_t size;

	encrypt(key, RSA_PKCS1_OAEP_PADDING, secret, sizeof(secret), good);
	assert_ok(
	    decrypt(key, CLV_RSA_OAEP_SHA256, good, plaintext, &size, &err));
	for (unsigned kind = 0; kind < BAD_BLOCKS + 2; kind++) {
		clv_error *problem = NULL;
		unsigned before;

		memcpy(bad, good, SIZE);
		if (kind < BAD_BLOCKS) {
			make_bad_block(kind, block);
			encrypt(key, RSA_NO_PADDING, block, SIZE, bad);
		} else {
			bad[kind == BAD_BLOCKS ? SIZE - 1 : 17] ^= 0x20;
		}
		before = fault_tcti_count(0);
		assert_int_equal(decrypt(key, CLV_RSA_OAEP_SHA256, bad,
				     plaintext, &size, &problem),
		    CLV_CRYPTO);
		assert_int_equal(fault_tcti_count(0), before + 1);
		if (*said == '\0')
			(void)snprintf(said, sizeof(said), "%s",
			    clv_error_message(problem));
		assert_string_equal(clv_error_message(problem), said);
		assert_int_equal(clv_error_code(problem), 0);
		clv_error_free(&problem);
		assert_works(key, CLV_RSA_OAEP_SHA256, good);
	}
}

static void
check_pkcs1(clv_key *key)
{
	uint8_t good[SIZE], bad[SIZE], block[SIZE];
	uint8_t first[CLV_PLAINTEXT_MAX], second[CLV_PLAINTEXT_MAX];
	size_t first_size, second_size;

	encrypt(key, RSA_PKCS1_PADDING, secret, sizeof(secret), good);
	assert_ok(decrypt(key, CLV_RSA_PKCS1, good, first, &first_size, &err));
	for (unsigned kind = 0; kind < BAD_BLOCKS; kind++) {
		const unsigned before = fault_tcti_count(0);

		make_bad_block(kind, block);
		encrypt(key, RSA_NO_PADDING, block, SIZE, bad);
		assert_ok(
		    decrypt(key, CLV_RSA_PKCS1, bad, first, &first_size, &err));
		assert_ok(decrypt(
		    key, CLV_RSA_PKCS1, bad, second, &second_size, &err));
		assert_int_equal(fault_tcti_count(0), before + 2);
		assert_int_equal(first_size, second_size);
		assert_memory_equal(first, second, first_size);
		/* not what stands in the block */
		assert_true(first_size < 8 ||
		    memmem(block, SIZE, first, first_size) == NULL);
		assert_works(key, CLV_RSA_PKCS1, good);
	}
}

static void
test_key__of_ours_tells_nothing(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key;

	lab->new_auth = "a word";
	key = tpm_lab_key(lab, CLV_RSA_2048, "one");
	check_oaep(key);
	check_pkcs1(key);
	clv_key_free(&key);
}

/* Made by tpm2-tools and made persistent, under a parent of its own. */
static clv_key *
make_bound(struct tpm_lab *lab, const char *algorithm, const char *handle)
{
	static const char attributes[] =
	    "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt|"
	    "noda";
	char parent[LAB_PATH + 16], public[LAB_PATH + 16];
	char private[LAB_PATH + 16], loaded[LAB_PATH + 16], uri[64];
	const char *dir = lab->swtpm.dir;
	clv_key *key = NULL;

	clv_store_free(&lab->store);
	(void)snprintf(parent, sizeof(parent), "%s/parent", dir);
	(void)snprintf(public, sizeof(public), "%s/public", dir);
	(void)snprintf(private, sizeof(private), "%s/private", dir);
	(void)snprintf(loaded, sizeof(loaded), "%s/loaded", dir);
	tpm_lab_run(lab,
	    (const char *const[]){"tpm2_createprimary", "-Q", "-C", "o", "-G",
		"ecc", "-c", parent, NULL});
	tpm_lab_run(lab,
	    (const char *const[]){"tpm2_create", "-Q", "-C", parent, "-G",
		algorithm, "-a", attributes, "-u", public, "-r", private,
		NULL});
	tpm_lab_flush(lab, "-t");
	tpm_lab_run(lab,
	    (const char *const[]){"tpm2_load", "-Q", "-C", parent, "-u", public,
		"-r", private, "-c", loaded, NULL});
	tpm_lab_run(lab,
	    (const char *const[]){"tpm2_evictcontrol", "-Q", "-C", "o", "-c",
		loaded, handle, NULL});
	tpm_lab_flush(lab, "-t");
	(void)snprintf(uri, sizeof(uri), "tpm2:handle=%s", handle);
	assert_ok(clv_key_open(lab->context, uri, &key, &err));
	return key;
}

static void
test_key__bound_to_a_padding_tells_nothing(void **state)
{
	clv_key *key = make_bound(*state, "rsa2048:rsaes", "0x81000030");

	check_pkcs1(key);
	clv_key_free(&key);
	key = make_bound(*state, "rsa2048:oaep-sha256", "0x81000031");
	check_oaep(key);
	clv_key_free(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TPM_LAB_TEST(test_key__of_ours_tells_nothing),
	    TPM_LAB_TEST(test_key__bound_to_a_padding_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
