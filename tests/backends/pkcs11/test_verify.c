/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The check of a signature with the public key, beside OpenSSL's own. */

#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "public.h"

#define ROUNDS 20

struct pair {
	struct p11_public public;
	EVP_PKEY *key;
};

static void
set_up(struct pair *pair, unsigned bits, BN_ULONG exponent)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *e = BN_new();

	memset(pair, 0, sizeof(*pair));
	assert_int_equal(BN_set_word(e, exponent), 1);
	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e), 1);
	assert_int_equal(EVP_PKEY_keygen(context, &pair->key), 1);
	BN_free(e);
	EVP_PKEY_CTX_free(context);
	pair->public.key = pair->key;
	pair->public.family = CLV_FAMILY_RSA;
	pair->public.size = bits / 8;
	assert_true(clv_p11_public_prepare_rsa(&pair->public));
}

static void
drop(struct pair *pair)
{
	clv_p11_public_clear(&pair->public);
}

/* input = output ^ exponent, by OpenSSL. */
static void
apply(const struct pair *pair, const uint8_t *output, uint8_t *input)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pair->key, NULL);
	size_t size = pair->public.size;

	assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING), 1);
	assert_int_equal(
	    EVP_PKEY_encrypt(context, input, &size, output, size), 1);
	assert_int_equal(size, pair->public.size);
	EVP_PKEY_CTX_free(context);
}

static void
check_powers(const struct pair *pair)
{
	const size_t size = pair->public.size;
	uint8_t output[CLV_SIGNATURE_MAX];
	uint8_t input[CLV_SIGNATURE_MAX];

	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(RAND_bytes(output, (int)size), 1);
		/* Below the modulus, and with leading zeros now and then. */
		memset(output, 0, 1 + (i % 4) * 16);
		apply(pair, output, input);
		assert_true(
		    clv_p11_public_confirms(&pair->public, output, input));
		input[i] ^= 1;
		assert_false(
		    clv_p11_public_confirms(&pair->public, output, input));
		input[i] ^= 1;
		output[size - 1 - i] ^= 0x80;
		assert_false(
		    clv_p11_public_confirms(&pair->public, output, input));
	}
}

/* Zero, one, the modulus less one, and what is not below the modulus. */
static void
check_edges(const struct pair *pair)
{
	const int size = (int)pair->public.size;
	uint8_t output[CLV_SIGNATURE_MAX] = {0};
	uint8_t input[CLV_SIGNATURE_MAX] = {0};
	BIGNUM *number = BN_dup(pair->public.modulus);

	assert_true(clv_p11_public_confirms(&pair->public, output, input));
	output[size - 1] = input[size - 1] = 1;
	assert_true(clv_p11_public_confirms(&pair->public, output, input));
	input[size - 1] = 2;
	assert_false(clv_p11_public_confirms(&pair->public, output, input));

	/* (n - 1) ^ odd = n - 1. */
	assert_int_equal(BN_sub_word(number, 1), 1);
	assert_int_equal(BN_bn2binpad(number, output, size), size);
	assert_true(clv_p11_public_confirms(&pair->public, output, output));

	/* n is 0 and n + 1 is 1 when reduced: they are no signatures. */
	memset(input, 0, sizeof(input));
	assert_int_equal(BN_add_word(number, 1), 1);
	assert_int_equal(BN_bn2binpad(number, output, size), size);
	assert_false(clv_p11_public_confirms(&pair->public, output, input));
	input[size - 1] = 1;
	assert_int_equal(BN_add_word(number, 1), 1);
	assert_int_equal(BN_bn2binpad(number, output, size), size);
	assert_false(clv_p11_public_confirms(&pair->public, output, input));
	BN_free(number);
}

/* What OpenSSL signed holds, with any byte changed it does not. */
static void
check_pkcs1(const struct pair *pair)
{
	static const struct clv_mechanism mechanism = {.family = CLV_FAMILY_RSA,
	    .padding = CLV_PADDING_PKCS1,
	    .hash = CLV_HASH_SHA256};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pair->key, NULL);
	uint8_t digest[32] = "thirty-two bytes to be signed...";
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	assert_int_equal(EVP_PKEY_sign_init(context), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()), 1);
	assert_int_equal(
	    EVP_PKEY_sign(context, signature, &size, digest, sizeof(digest)),
	    1);
	EVP_PKEY_CTX_free(context);
	assert_true(clv_p11_public_verify(
	    &pair->public, &mechanism, digest, sizeof(digest), signature));
	for (size_t i = 0; i < size; i++) {
		signature[i] ^= 4;
		assert_false(clv_p11_public_verify(&pair->public, &mechanism,
		    digest, sizeof(digest), signature));
		signature[i] ^= 4;
	}
	digest[31] ^= 1;
	assert_false(clv_p11_public_verify(
	    &pair->public, &mechanism, digest, sizeof(digest), signature));
}

static void
check(unsigned bits, BN_ULONG exponent)
{
	struct pair pair;

	set_up(&pair, bits, exponent);
	check_powers(&pair);
	check_edges(&pair);
	check_pkcs1(&pair);
	drop(&pair);
}

static void
test_usual_exponent(void **state)
{
	(void)state;
	check(1024, RSA_F4);
	check(2048, RSA_F4);
	check(3072, RSA_F4);
	check(4096, RSA_F4);
	/* No whole number of words. */
	check(2040, RSA_F4);
	check(2056, RSA_F4);
}

static void
test_other_exponents(void **state)
{
	(void)state;
	check(2048, 3);
	check(2048, 17);
	check(2048, 65539);
	check(2048, ((BN_ULONG)1 << 32) + 15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_usual_exponent),
	    cmocka_unit_test(test_other_exponents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
