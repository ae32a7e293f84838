/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Memory runs out: every allocation of ours and of OpenSSL's on the way
 * fails once. Nothing crashes, nothing leaks, and afterwards all works.
 */

#include <claviger/openssl.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "unit/keys/evp_fixture.h"

/* Allocations until one fails; 0: none does. */
static long countdown;

static bool
fails_now(void)
{
	return countdown > 0 && --countdown == 0;
}

/* What --wrap puts in place of the C library's functions in our code. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *
__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

static void *
openssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails_now() ? NULL : __real_malloc(size);
}

static void *
openssl_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails_now() ? NULL : realloc(old, size);
}

static void
openssl_free(void *old, const char *file, int line)
{
	(void)file;
	(void)line;
	free(old);
}

typedef bool operation(clv_key *key, EVP_PKEY *pkey);

static const unsigned char message[] = "the quick brown fox";

static bool
make(clv_key *key, EVP_PKEY *pkey)
{
	EVP_PKEY *made = NULL;
	const bool done = clv_key_evp(key, &made, NULL) == CLV_OK;

	(void)pkey;
	assert_true(done == (made != NULL));
	EVP_PKEY_free(made);
	return done;
}

static bool
sign_with(EVP_PKEY *pkey, int padding)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = NULL;
	unsigned char signature[256];
	size_t size = sizeof(signature);
	const bool done = digest != NULL &&
	    EVP_DigestSignInit(digest, &context, EVP_sha256(), NULL, pkey) ==
		1 &&
	    EVP_PKEY_CTX_set_rsa_padding(context, padding) == 1 &&
	    EVP_DigestSignUpdate(digest, message, sizeof(message)) == 1 &&
	    EVP_DigestSignFinal(digest, signature, &size) == 1;

	EVP_MD_CTX_free(digest);
	return done;
}

static bool
sign(clv_key *key, EVP_PKEY *pkey)
{
	(void)key;
	return sign_with(pkey, RSA_PKCS1_PADDING);
}

static bool
sign_pss(clv_key *key, EVP_PKEY *pkey)
{
	(void)key;
	return sign_with(pkey, RSA_PKCS1_PSS_PADDING);
}

static bool
tell_algorithm(clv_key *key, EVP_PKEY *pkey)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = NULL;
	unsigned char der[128];
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_octet_string(
		OSSL_SIGNATURE_PARAM_ALGORITHM_ID, der, sizeof(der)),
	    OSSL_PARAM_construct_end()};
	const bool done = digest != NULL &&
	    EVP_DigestSignInit(digest, &context, EVP_sha256(), NULL, pkey) ==
		1 &&
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_PKEY_CTX_get_params(context, params) == 1;

	(void)key;
	EVP_MD_CTX_free(digest);
	return done;
}

static bool
decrypt(clv_key *key, EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);
	unsigned char ciphertext[256] = {0}, plain[256];
	size_t size = sizeof(plain);
	const bool done = context != NULL &&
	    EVP_PKEY_decrypt_init(context) == 1 &&
	    EVP_PKEY_decrypt(
		context, plain, &size, ciphertext, sizeof(ciphertext)) == 1;

	(void)key;
	EVP_PKEY_CTX_free(context);
	return done;
}

static bool
verify(clv_key *key, EVP_PKEY *pkey)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char signature[256] = {0};
	const bool done = digest != NULL &&
	    EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, pkey) == 1 &&
	    EVP_DigestVerifyUpdate(digest, message, sizeof(message)) == 1 &&
	    EVP_DigestVerifyFinal(digest, signature, sizeof(signature)) == 0;

	(void)key;
	EVP_MD_CTX_free(digest);
	return done;
}

static bool
export_public(clv_key *key, EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	const int size = i2d_PUBKEY(pkey, &der);

	(void)key;
	OPENSSL_free(der);
	return size > 0;
}

static const struct {
	const char *name;
	operation *run;
} operations[] = {
    {"make", make},
    {"sign", sign},
    {"sign with PSS", sign_pss},
    {"tell the algorithm", tell_algorithm},
    {"decrypt", decrypt},
    {"verify", verify},
    {"export", export_public},
};

static void
test_evp_memory__each_allocation_can_fail(void **state)
{
	EVP_PKEY *pkey = NULL;
	clv_key *key = NULL;

	assert_ok(clv_key_open(*state, fake_uri(CLV_RSA_2048, 0), &key, &err));
	assert_ok(clv_key_evp(key, &pkey, &err));
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]);
	     i++) {
		long failed = 0;
		bool fell = true;

		/* Twice for what OpenSSL makes once and keeps. */
		assert_true(operations[i].run(key, pkey));
		assert_true(operations[i].run(key, pkey));
		for (long n = 1; fell; n++) {
			countdown = n;
			(void)operations[i].run(key, pkey);
			fell = countdown == 0;
			countdown = 0;
			failed += fell;
		}
		ERR_clear_error();
		assert_true(operations[i].run(key, pkey));
		ERR_clear_error();
		print_message(
		    "%s: %ld allocations failed\n", operations[i].name, failed);
		assert_true(failed > 0);
	}
	EVP_PKEY_free(pkey);
	clv_key_free(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    EVP_TEST(test_evp_memory__each_allocation_can_fail),
	};

	if (CRYPTO_set_mem_functions(
		openssl_malloc, openssl_realloc, openssl_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, evp_forget);
}
