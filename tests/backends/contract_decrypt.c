/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Decrypting, and telling nothing about what can't be decrypted. */

#include "contract.h"

#include <string.h>

static const clv_scheme schemes[] = {
    CLV_RSA_PKCS1, CLV_RSA_OAEP_SHA1, CLV_RSA_OAEP_SHA256};

#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

static const uint8_t message[] = "a secret of thirty-two bytes...";

/* Calls `check` for each RSA key and each scheme it has. */
static bool
for_each(struct lab *lab, bool (*check)(clv_key *, clv_scheme))
{
	for (size_t i = 0; i < lab->count; i++)
		for (size_t j = 0; j < SCHEMES; j++)
			if (clv_key_can(lab->keys[i], schemes[j]) !=
			    CLV_PATH_NONE)
				require(check(lab->keys[i], schemes[j]));
	return true;
}

static bool
decrypts(clv_key *key, clv_scheme scheme)
{
	uint8_t ciphertext[CLV_SIGNATURE_MAX];
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	size_t ciphertext_size = sizeof(ciphertext);
	size_t size = sizeof(plaintext);

	require(contract_encrypt(key, scheme, message, sizeof(message),
	    ciphertext, &ciphertext_size));
	require_ok(clv_key_decrypt(
	    key, scheme, ciphertext, ciphertext_size, plaintext, &size, &err));
	require(size == sizeof(message));
	require(memcmp(plaintext, message, size) == 0);

	ciphertext_size = sizeof(ciphertext);
	require(
	    contract_encrypt(key, scheme, "", 0, ciphertext, &ciphertext_size));
	size = sizeof(plaintext);
	require_ok(clv_key_decrypt(
	    key, scheme, ciphertext, ciphertext_size, plaintext, &size, &err));
	require(size == 0);
	return true;
}

static bool
messages_are_decrypted(struct lab *lab)
{
	return for_each(lab, decrypts);
}

/* Damages a ciphertext in many ways and compares what is told. */
static bool
damage_is_not_told_apart(clv_key *key, clv_scheme scheme)
{
	char told[256] = "";

	if (scheme == CLV_RSA_PKCS1)
		return true;
	for (size_t i = 0; i < 24; i++) {
		uint8_t ciphertext[CLV_SIGNATURE_MAX];
		uint8_t plaintext[CLV_PLAINTEXT_MAX];
		size_t ciphertext_size = sizeof(ciphertext);
		size_t size = sizeof(plaintext);
		clv_error *err = NULL;
		clv_status status;

		require(contract_encrypt(key, scheme, message, sizeof(message),
		    ciphertext, &ciphertext_size));
		ciphertext[ciphertext_size - 1 - i * 7] ^=
		    (uint8_t)(1 << i % 8);
		status = clv_key_decrypt(key, scheme, ciphertext,
		    ciphertext_size, plaintext, &size, &err);
		require(status == CLV_CRYPTO);
		require(clv_error_get_domain(err) == CLV_DOMAIN_NONE);
		if (*told == '\0')
			strncpy(told, clv_error_message(err), sizeof(told) - 1);
		require(strncmp(told, clv_error_message(err),
			    sizeof(told) - 1) == 0);
		clv_error_free(&err);
	}
	return true;
}

static bool
damaged_ciphertexts_are_alike(struct lab *lab)
{
	return for_each(lab, damage_is_not_told_apart);
}

/* PKCS#1 v1.5: random bytes, always the same for the same ciphertext. */
static bool
rejects_implicitly(clv_key *key, clv_scheme scheme)
{
	size_t lengths[8];
	size_t differing = 0;

	if (scheme != CLV_RSA_PKCS1)
		return true;
	for (size_t i = 0; i < 8; i++) {
		uint8_t ciphertext[CLV_SIGNATURE_MAX];
		uint8_t first[CLV_PLAINTEXT_MAX];
		uint8_t second[CLV_PLAINTEXT_MAX];
		size_t ciphertext_size = sizeof(ciphertext);
		size_t first_size = sizeof(first);
		size_t second_size = sizeof(second);

		require(contract_encrypt(key, CLV_RSA_OAEP_SHA1, message,
		    sizeof(message), ciphertext, &ciphertext_size));
		require_ok(clv_key_decrypt(key, scheme, ciphertext,
		    ciphertext_size, first, &first_size, &err));
		require_ok(clv_key_decrypt(key, scheme, ciphertext,
		    ciphertext_size, second, &second_size, &err));
		require(first_size == second_size);
		require(memcmp(first, second, first_size) == 0);
		require(first_size <= clv_key_signature_size(key) - 11);
		lengths[i] = first_size;
		differing += lengths[i] != lengths[0];
	}
	require(differing > 0);
	return true;
}

static bool
bad_padding_decrypts_to_random_bytes(struct lab *lab)
{
	return for_each(lab, rejects_implicitly);
}

static bool
refuses_wrong_sizes(clv_key *key, clv_scheme scheme)
{
	uint8_t ciphertext[CLV_SIGNATURE_MAX + 1] = {0};
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	const size_t right = clv_key_signature_size(key);
	size_t size = sizeof(plaintext);

	require_fails(CLV_INVALID,
	    clv_key_decrypt(
		key, scheme, ciphertext, right - 1, plaintext, &size, &err));
	require_fails(CLV_INVALID,
	    clv_key_decrypt(
		key, scheme, ciphertext, right + 1, plaintext, &size, &err));
	require_fails(CLV_INVALID,
	    clv_key_decrypt(
		key, scheme, ciphertext, 0, plaintext, &size, &err));
	size = right - 1;
	require_fails(CLV_INVALID,
	    clv_key_decrypt(
		key, scheme, ciphertext, right, plaintext, &size, &err));
	/* Not below the modulus. */
	size = sizeof(plaintext);
	memset(ciphertext, 0xff, right);
	require_fails(CLV_CRYPTO,
	    clv_key_decrypt(
		key, scheme, ciphertext, right, plaintext, &size, &err));
	return true;
}

static bool
wrong_sizes_are_refused(struct lab *lab)
{
	return for_each(lab, refuses_wrong_sizes);
}

static bool
signing_schemes_do_not_decrypt(struct lab *lab)
{
	uint8_t block[CLV_SIGNATURE_MAX] = {0};
	size_t size = sizeof(block);

	require_fails(CLV_INVALID,
	    clv_key_decrypt(lab->keys[0], CLV_RSA_PKCS1_SHA256, block, 256,
		block, &size, &err));
	return true;
}

static bool
rsa_keys_decrypt_with_oaep(struct lab *lab)
{
	clv_key *key = contract_key(lab, CLV_FAMILY_RSA);

	if (key == NULL)
		return true;
	require(clv_key_can(key, CLV_RSA_OAEP_SHA1) != CLV_PATH_NONE ||
	    clv_key_can(key, CLV_RSA_PKCS1) != CLV_PATH_NONE);
	return true;
}

const struct contract_case contract_decrypt_cases[] = {
    {"messages are decrypted", messages_are_decrypted, 0},
    {"damaged ciphertexts are not told apart", damaged_ciphertexts_are_alike,
	0},
    {"PKCS#1 v1.5 with bad padding gives random bytes",
	bad_padding_decrypts_to_random_bytes, 0},
    {"ciphertexts of the wrong size are refused", wrong_sizes_are_refused, 0},
    {"schemes that sign do not decrypt", signing_schemes_do_not_decrypt, 0},
    {"RSA keys decrypt", rsa_keys_decrypt_with_oaep, 0},
    {NULL, NULL, 0},
};
