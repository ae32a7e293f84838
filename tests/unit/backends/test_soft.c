/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "soft.h"

/* One key of each algorithm, made once: RSA keys take their time. */
static struct soft_and_public {
	struct clv_soft_key *soft;
	EVP_PKEY *pkey; /* public, in OpenSSL's default context */
} keys[CLV_ED448 + 1];

static int
make_keys(void **state)
{
	(void)state;
	for (int i = CLV_RSA_2048; i <= CLV_ED448; i++) {
		clv_secret pkcs8 = CLV_SECRET_INIT;
		struct clv_soft_public known;
		const unsigned char *der;

		assert_ok(clv_soft_generate((clv_algorithm)i, &pkcs8, &err));
		assert_ok(clv_soft_key_new(&pkcs8, &keys[i].soft, &err));
		clv_secret_clear(&pkcs8);
		clv_soft_key_public(keys[i].soft, &known);
		assert_int_equal(known.algorithm, i);
		der = known.der;
		keys[i].pkey = d2i_PUBKEY(NULL, &der, (long)known.size);
		assert_non_null(keys[i].pkey);
		assert_ptr_equal(der, known.der + known.size);
	}
	return 0;
}

static int
free_keys(void **state)
{
	(void)state;
	for (int i = CLV_RSA_2048; i <= CLV_ED448; i++) {
		EVP_PKEY_free(keys[i].pkey);
		clv_soft_key_free(&keys[i].soft);
		assert_null(keys[i].soft);
	}
	return 0;
}

static void
test_soft_public__identifier_is_sha1_of_the_bits(void **state)
{
	struct clv_soft_public known;
	unsigned char digest[20];
	unsigned char *bits = NULL;
	size_t size;

	(void)state;
	for (int i = CLV_EC_P256; i <= CLV_EC_BRAINPOOL384; i++) {
		clv_soft_key_public(keys[i].soft, &known);
		size = EVP_PKEY_get1_encoded_public_key(keys[i].pkey, &bits);
		assert_true(size > 0);
		(void)SHA1(bits, size, digest);
		assert_int_equal(known.id_size, sizeof(digest));
		assert_memory_equal(known.id, digest, sizeof(digest));
		OPENSSL_free(bits);
	}
}

static bool
verifies(EVP_PKEY *pkey, int padding, int salt, const char *hash,
    const uint8_t *digest, size_t digest_size, const uint8_t *signature,
    size_t size)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);
	EVP_MD *md = EVP_MD_fetch(NULL, hash, NULL);
	const bool good = EVP_PKEY_verify_init(context) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(context, padding) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(context, md) == 1 &&
	    (padding != RSA_PKCS1_PSS_PADDING ||
		EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt) == 1) &&
	    EVP_PKEY_verify(context, signature, size, digest, digest_size) == 1;

	EVP_MD_free(md);
	EVP_PKEY_CTX_free(context);
	return good;
}

static void
assert_rsa_signs(
    clv_algorithm algorithm, clv_padding padding, clv_hash hash, size_t salt)
{
	const struct clv_mechanism mechanism = {.family = CLV_FAMILY_RSA,
	    .padding = padding,
	    .hash = hash,
	    .salt_size = salt};
	const size_t size = clv_algorithm_describe(algorithm)->signature;
	const size_t digest_size = clv_hash_size(hash);
	uint8_t signature[CLV_SIGNATURE_MAX];
	uint8_t digest[64];

	memset(digest, (int)salt + 3, sizeof(digest));
	assert_true(clv_soft_key_can(keys[algorithm].soft, &mechanism));
	assert_ok(clv_soft_key_sign(keys[algorithm].soft, &mechanism, digest,
	    digest_size, signature, &err));
	assert_true(verifies(keys[algorithm].pkey,
	    padding == CLV_PADDING_PSS ? RSA_PKCS1_PSS_PADDING
				       : RSA_PKCS1_PADDING,
	    (int)salt, clv_hash_name(hash), digest, digest_size, signature,
	    size));
	digest[0] ^= 1;
	assert_false(verifies(keys[algorithm].pkey,
	    padding == CLV_PADDING_PSS ? RSA_PKCS1_PSS_PADDING
				       : RSA_PKCS1_PADDING,
	    (int)salt, clv_hash_name(hash), digest, digest_size, signature,
	    size));
}

/* More mechanisms than a worker keeps ready, over and over. */
static void
test_soft_sign__rsa_with_any_hash_and_salt(void **state)
{
	static const size_t salts[] = {0, 1, 20, 32, 48, 64, 100, 190};

	(void)state;
	for (int i = CLV_RSA_2048; i <= CLV_RSA_4096; i++)
		for (int turn = 0; turn < 2; turn++)
			for (int hash = CLV_HASH_SHA1; hash <= CLV_HASH_SHA512;
			     hash++) {
				assert_rsa_signs((clv_algorithm)i,
				    CLV_PADDING_PKCS1, (clv_hash)hash, 0);
				for (size_t j = 0; j < 8; j++)
					assert_rsa_signs((clv_algorithm)i,
					    CLV_PADDING_PSS, (clv_hash)hash,
					    salts[j]);
			}
}

static void
test_soft_sign__what_cannot_be_signed_is_an_error(void **state)
{
	/* 2048 bits have no room for SHA-512 and a salt of 200 bytes. */
	const struct clv_mechanism mechanism = {.family = CLV_FAMILY_RSA,
	    .padding = CLV_PADDING_PSS,
	    .hash = CLV_HASH_SHA512,
	    .salt_size = 200};
	uint8_t signature[CLV_SIGNATURE_MAX];
	uint8_t digest[64] = {0};

	(void)state;
	ERR_clear_error();
	assert_fails(CLV_CRYPTO,
	    clv_soft_key_sign(keys[CLV_RSA_2048].soft, &mechanism, digest, 64,
		signature, &err));
	/* OpenSSL's queue is the application's. */
	assert_int_equal(ERR_peek_error(), 0);
	ERR_raise(ERR_LIB_USER, 42);
	assert_fails(CLV_CRYPTO,
	    clv_soft_key_sign(keys[CLV_RSA_2048].soft, &mechanism, digest, 64,
		signature, &err));
	assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), 42);
	ERR_clear_error();
}

static void
test_soft_sign__ecdsa_is_two_numbers_of_the_curves_size(void **state)
{
	static const size_t digest_sizes[] = {20, 32, 48};
	uint8_t signature[CLV_SIGNATURE_MAX];
	uint8_t der[CLV_SIGNATURE_MAX];
	uint8_t digest[48];

	(void)state;
	memset(digest, 7, sizeof(digest));
	for (int i = CLV_EC_P256; i <= CLV_EC_BRAINPOOL384; i++)
		/* Often enough for numbers that begin with 0. */
		for (unsigned turn = 0; turn < 600; turn++) {
			const struct clv_mechanism mechanism = {
			    .family = CLV_FAMILY_EC, .hash = CLV_HASH_SHA256};
			const size_t size = digest_sizes[turn % 3];
			EVP_PKEY_CTX *context =
			    EVP_PKEY_CTX_new(keys[i].pkey, NULL);
			size_t der_size = sizeof(der);

			assert_ok(clv_soft_key_sign(keys[i].soft, &mechanism,
			    digest, size, signature, &err));
			assert_ok(clv_ecdsa_to_der(signature,
			    clv_algorithm_describe((clv_algorithm)i)->signature,
			    der, &der_size, &err));
			assert_int_equal(EVP_PKEY_verify_init(context), 1);
			assert_int_equal(EVP_PKEY_verify(context, der, der_size,
					     digest, size),
			    1);
			EVP_PKEY_CTX_free(context);
		}
}

static void
test_soft_sign__eddsa_signs_messages(void **state)
{
	const struct clv_mechanism mechanism = {.family = CLV_FAMILY_ED};
	uint8_t signature[CLV_SIGNATURE_MAX];
	uint8_t again[CLV_SIGNATURE_MAX];
	static uint8_t message[100000];

	(void)state;
	for (int i = CLV_ED25519; i <= CLV_ED448; i++)
		for (size_t size = 0; size <= sizeof(message);
		     size = size * 7 + 1) {
			EVP_MD_CTX *verifier = EVP_MD_CTX_new();
			const size_t signature_size =
			    clv_algorithm_describe((clv_algorithm)i)->signature;

			assert_ok(clv_soft_key_sign(keys[i].soft, &mechanism,
			    message, size, signature, &err));
			assert_ok(clv_soft_key_sign(keys[i].soft, &mechanism,
			    message, size, again, &err));
			assert_memory_equal(signature, again, signature_size);
			assert_int_equal(EVP_DigestVerifyInit(verifier, NULL,
					     NULL, NULL, keys[i].pkey),
			    1);
			assert_int_equal(EVP_DigestVerify(verifier, signature,
					     signature_size, message, size),
			    1);
			EVP_MD_CTX_free(verifier);
		}
}

static BIGNUM *
public_number(EVP_PKEY *pkey, const char *name)
{
	BIGNUM *number = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &number), 1);
	return number;
}

static void
test_soft_rsa_raw__public_operation_undoes_it(void **state)
{
	BN_CTX *context = BN_CTX_new();
	uint8_t input[512];
	uint8_t output[512];
	uint8_t back[512];

	(void)state;
	for (int i = CLV_RSA_2048; i <= CLV_RSA_4096; i++) {
		const size_t size =
		    clv_algorithm_describe((clv_algorithm)i)->signature;
		BIGNUM *n = public_number(keys[i].pkey, OSSL_PKEY_PARAM_RSA_N);
		BIGNUM *e = public_number(keys[i].pkey, OSSL_PKEY_PARAM_RSA_E);
		BIGNUM *number = BN_new();

		for (int turn = 0; turn < 5; turn++) {
			memset(input, turn * 31, size);
			input[0] = 0;
			assert_ok(clv_soft_key_rsa_raw(
			    keys[i].soft, input, output, &err));
			assert_non_null(BN_bin2bn(output, (int)size, number));
			assert_int_equal(
			    BN_mod_exp(number, number, e, n, context), 1);
			assert_int_equal(
			    BN_bn2binpad(number, back, (int)size), (int)size);
			assert_memory_equal(back, input, size);
		}
		/* Not below the modulus. */
		memset(input, 0xFF, size);
		assert_fails(CLV_CRYPTO,
		    clv_soft_key_rsa_raw(keys[i].soft, input, output, &err));
		BN_free(number);
		BN_free(e);
		BN_free(n);
	}
	BN_CTX_free(context);
}

static void
encrypt(EVP_PKEY *pkey, const char *hash, const void *message, size_t size,
    uint8_t *out, size_t *out_size)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);

	assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(context, hash, NULL), 1);
	assert_int_equal(
	    EVP_PKEY_encrypt(context, out, out_size, message, size), 1);
	EVP_PKEY_CTX_free(context);
}

static void
test_soft_decrypt__oaep_with_both_hashes(void **state)
{
	static const clv_hash hashes[] = {CLV_HASH_SHA1, CLV_HASH_SHA256};
	uint8_t ciphertext[512];
	uint8_t plaintext[512];

	(void)state;
	for (int i = CLV_RSA_2048; i <= CLV_RSA_4096; i++)
		for (size_t j = 0; j < 2; j++) {
			const struct clv_mechanism mechanism = {
			    .family = CLV_FAMILY_RSA,
			    .padding = CLV_PADDING_OAEP,
			    .hash = hashes[j],
			    .decrypts = true};
			size_t size = sizeof(ciphertext);
			size_t plain = 0;

			encrypt(keys[i].pkey, clv_hash_name(hashes[j]),
			    "secret", 6, ciphertext, &size);
			assert_ok(clv_soft_key_decrypt(keys[i].soft, &mechanism,
			    ciphertext, size, plaintext, &plain, &err));
			assert_int_equal(plain, 6);
			assert_memory_equal(plaintext, "secret", 6);
			/* Damage, wherever it is, has one name. */
			ciphertext[size / 2] ^= 1;
			assert_fails(CLV_CRYPTO,
			    clv_soft_key_decrypt(keys[i].soft, &mechanism,
				ciphertext, size, plaintext, &plain, &err));
		}
}

static void
test_soft_can__says_what_is_done(void **state)
{
	const struct clv_mechanism unpadded = {
	    .family = CLV_FAMILY_RSA, .hash = CLV_HASH_SHA256};
	const struct clv_mechanism pkcs1 = {.family = CLV_FAMILY_RSA,
	    .padding = CLV_PADDING_PKCS1,
	    .decrypts = true};
	const struct clv_mechanism ecdsa = {
	    .family = CLV_FAMILY_EC, .hash = CLV_HASH_SHA256};

	(void)state;
	/* The library removes this padding, which must not tell anything. */
	assert_false(clv_soft_key_can(keys[CLV_RSA_2048].soft, &pkcs1));
	assert_false(clv_soft_key_can(keys[CLV_RSA_2048].soft, &unpadded));
	assert_false(clv_soft_key_can(keys[CLV_RSA_2048].soft, &ecdsa));
	assert_true(clv_soft_key_can(keys[CLV_EC_P384].soft, &ecdsa));
	assert_false(clv_soft_key_can(keys[CLV_ED25519].soft, &ecdsa));
}

static atomic_uint failures;

static bool
sign_once(clv_algorithm algorithm, uint8_t byte)
{
	const struct clv_mechanism mechanism = {
	    .family = clv_algorithm_describe(algorithm)->family,
	    .padding = algorithm == CLV_RSA_2048 ? CLV_PADDING_PKCS1
						 : CLV_PADDING_NONE,
	    .hash = CLV_HASH_SHA256};
	const size_t size = clv_algorithm_describe(algorithm)->signature;
	uint8_t signature[CLV_SIGNATURE_MAX];
	uint8_t der[CLV_SIGNATURE_MAX];
	size_t der_size = sizeof(der);
	uint8_t digest[32];

	memset(digest, byte, sizeof(digest));
	if (clv_soft_key_sign(keys[algorithm].soft, &mechanism, digest, 32,
		signature, NULL) != CLV_OK)
		return false;
	if (algorithm == CLV_RSA_2048)
		return verifies(keys[algorithm].pkey, RSA_PKCS1_PADDING, 0,
		    "SHA256", digest, 32, signature, size);
	return clv_ecdsa_to_der(signature, size, der, &der_size, NULL) ==
	    CLV_OK;
}

static void *
work(void *number)
{
	const uint8_t *byte = number;

	for (unsigned i = 0; i < 30; i++)
		if (!sign_once(i % 2 ? CLV_RSA_2048 : CLV_EC_P256, *byte))
			(void)atomic_fetch_add(&failures, 1);
	return NULL;
}

/* More threads than workers wait for. */
static void
test_soft_sign__many_threads_share_a_key(void **state)
{
	pthread_t threads[24];
	uint8_t numbers[24];

	(void)state;
	for (size_t i = 0; i < 24; i++) {
		numbers[i] = (uint8_t)i;
		assert_int_equal(
		    pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
	}
	for (size_t i = 0; i < 24; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&failures), 0);
}

static void *
free_a_key(void *key)
{
	struct clv_soft_key *soft = key;

	clv_soft_key_free(&soft);
	return NULL;
}

/* A thread that used keys ends after they, and all others, are gone: in
 * OpenSSL it still has random numbers to give back. */
static void *
use_then_free_elsewhere(void *unused)
{
	clv_secret pkcs8 = CLV_SECRET_INIT;
	struct clv_soft_key *soft = NULL;
	pthread_t thread;

	(void)unused;
	if (clv_soft_generate(CLV_EC_P256, &pkcs8, NULL) != CLV_OK ||
	    clv_soft_key_new(&pkcs8, &soft, NULL) != CLV_OK ||
	    pthread_create(&thread, NULL, free_a_key, soft) != 0 ||
	    pthread_join(thread, NULL) != 0)
		(void)atomic_fetch_add(&failures, 1);
	clv_secret_clear(&pkcs8);
	return NULL;
}

static void
test_soft_key_free__threads_may_end_later(void **state)
{
	pthread_t thread;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(pthread_create(&thread, NULL,
				     use_then_free_elsewhere, NULL),
		    0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	assert_int_equal(atomic_load(&failures), 0);
}

static void
test_soft_sign__goes_on_in_a_child(void **state)
{
	int status;
	pid_t child;

	(void)state;
	assert_true(sign_once(CLV_EC_P256, 1));
	child = fork();
	if (child == 0)
		_exit(sign_once(CLV_EC_P256, 2) && sign_once(CLV_RSA_2048, 2)
			? 0
			: 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(sign_once(CLV_RSA_2048, 3));
}

static void
test_soft_generate__every_key_is_another(void **state)
{
	clv_secret first = CLV_SECRET_INIT;
	clv_secret second = CLV_SECRET_INIT;

	(void)state;
	assert_ok(clv_soft_generate(CLV_ED25519, &first, &err));
	assert_ok(clv_soft_generate(CLV_ED25519, &second, &err));
	assert_false(clv_secret_equal(&first, &second));
	assert_fails(
	    CLV_UNSUPPORTED, clv_soft_generate(CLV_RSA_OTHER, &first, &err));
	assert_fails(CLV_UNSUPPORTED,
	    clv_soft_generate(CLV_ALGORITHM_NONE, &first, &err));
	clv_secret_clear(&second);
	clv_secret_clear(&first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_soft_public__identifier_is_sha1_of_the_bits),
	    cmocka_unit_test(test_soft_sign__rsa_with_any_hash_and_salt),
	    cmocka_unit_test(test_soft_sign__what_cannot_be_signed_is_an_error),
	    cmocka_unit_test(
		test_soft_sign__ecdsa_is_two_numbers_of_the_curves_size),
	    cmocka_unit_test(test_soft_sign__eddsa_signs_messages),
	    cmocka_unit_test(test_soft_rsa_raw__public_operation_undoes_it),
	    cmocka_unit_test(test_soft_decrypt__oaep_with_both_hashes),
	    cmocka_unit_test(test_soft_can__says_what_is_done),
	    cmocka_unit_test(test_soft_sign__many_threads_share_a_key),
	    cmocka_unit_test(test_soft_key_free__threads_may_end_later),
	    cmocka_unit_test(test_soft_sign__goes_on_in_a_child),
	    cmocka_unit_test(test_soft_generate__every_key_is_another),
	};

	/* What the machine's OpenSSL is set up to do must not matter. */
	(void)setenv("OPENSSL_CONF", "/nonexistent/openssl.cnf", 1);
	(void)setenv("OPENSSL_MODULES", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
