/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Decryption through EVP. */

#include <claviger/openssl.h>

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include "unit/keys/evp_fixture.h"

static const unsigned char message[] = "a secret of the channel";

static const struct way {
	int padding;
	const char *digest; /* NULL: the default */
} ways[] = {
    {RSA_PKCS1_PADDING, NULL},
    {RSA_PKCS1_OAEP_PADDING, NULL},
    {RSA_PKCS1_OAEP_PADDING, "SHA1"},
    {RSA_PKCS1_OAEP_PADDING, "SHA256"},
    {RSA_PKCS1_OAEP_PADDING, "SHA2-512"},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static const clv_algorithm algorithms[] = {CLV_RSA_2048, CLV_RSA_3072};

static void
set_padding(EVP_PKEY_CTX *context, const struct way *way)
{
	assert_openssl(EVP_PKEY_CTX_set_rsa_padding(context, way->padding));
	if (way->digest != NULL)
		assert_openssl(EVP_PKEY_CTX_set_rsa_oaep_md_name(
		    context, way->digest, NULL));
}

static void
encrypt(EVP_PKEY *key, const struct way *way, unsigned char *out, size_t *size)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

	assert_openssl(EVP_PKEY_encrypt_init(context));
	set_padding(context, way);
	assert_openssl(
	    EVP_PKEY_encrypt(context, out, size, message, sizeof(message)));
	EVP_PKEY_CTX_free(context);
}

static void
decrypt(EVP_PKEY *key, const struct way *way, const unsigned char *ciphertext,
    size_t ciphertext_size)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	unsigned char plain[512];
	size_t size = 0;

	assert_openssl(EVP_PKEY_decrypt_init(context));
	set_padding(context, way);
	assert_openssl(EVP_PKEY_decrypt(
	    context, NULL, &size, ciphertext, ciphertext_size));
	assert_int_equal(size, EVP_PKEY_get_size(key));
	assert_openssl(EVP_PKEY_decrypt(
	    context, plain, &size, ciphertext, ciphertext_size));
	assert_int_equal(size, sizeof(message));
	assert_memory_equal(plain, message, size);
	EVP_PKEY_CTX_free(context);
}

static void
round_trips(clv_context *context)
{
	for (size_t i = 0; i < WAYS; i++)
		for (size_t j = 0; j < 2; j++) {
			EVP_PKEY *key = evp_open(context, algorithms[j]);
			EVP_PKEY *own = fake_openssl_key(algorithms[j], 0);
			unsigned char ciphertext[512];
			size_t size = sizeof(ciphertext);

			encrypt(own, &ways[i], ciphertext, &size);
			decrypt(key, &ways[i], ciphertext, size);
			size = sizeof(ciphertext);
			encrypt(key, &ways[i], ciphertext, &size);
			decrypt(own, &ways[i], ciphertext, size);
			EVP_PKEY_free(key);
		}
}

static void
test_evp_decrypt__every_padding(void **state)
{
	round_trips(*state);
}

static void
test_evp_decrypt__device_that_can_less(void **state)
{
	atomic_store(&fake.lacks, FAKE_LACKS_OAEP);
	round_trips(*state);
	atomic_store(&fake.lacks, FAKE_RAW_ONLY);
	round_trips(*state);
	/* Without raw RSA it is up to the device to remove PKCS#1 padding. */
	atomic_store(&fake.lacks, FAKE_LACKS_RAW);
	round_trips(*state);
}

static void
test_evp_decrypt__wrong_oaep_is_one_entry(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	unsigned char ciphertext[256], plain[256];
	size_t size = sizeof(plain);

	memset(ciphertext, 0x11, sizeof(ciphertext));
	assert_openssl(EVP_PKEY_decrypt_init(context));
	set_padding(context, &ways[3]);
	assert_int_not_equal(EVP_PKEY_decrypt(context, plain, &size, ciphertext,
				 sizeof(ciphertext)),
	    1);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), -CLV_CRYPTO);
	assert_int_equal(ERR_peek_error(), 0);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}

/* Bleichenbacher: it is not to be seen whether the padding was right. */
static void
test_evp_decrypt__wrong_pkcs1_gives_the_same_bytes_each_time(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	unsigned char ciphertext[256], plain[2][256];
	size_t size[2];

	memset(ciphertext, 0x11, sizeof(ciphertext));
	for (int i = 0; i < 2; i++) {
		EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

		size[i] = sizeof(plain[i]);
		assert_openssl(EVP_PKEY_decrypt_init(context));
		set_padding(context, &ways[0]);
		assert_openssl(EVP_PKEY_decrypt(context, plain[i], &size[i],
		    ciphertext, sizeof(ciphertext)));
		EVP_PKEY_CTX_free(context);
	}
	assert_int_equal(size[0], size[1]);
	assert_memory_equal(plain[0], plain[1], size[0]);
	EVP_PKEY_free(key);
}

static void
test_evp_decrypt__label_and_other_paddings_are_refused(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	unsigned char *label = OPENSSL_memdup("label", 5);

	assert_openssl(EVP_PKEY_decrypt_init(context));
	assert_int_not_equal(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING), 1);
	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING));
	assert_int_not_equal(
	    EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, 5), 1);
	assert_int_not_equal(
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(context, "SHA3-256", NULL), 1);
	ERR_clear_error();
	OPENSSL_free(label);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}

static void
test_evp_decrypt__two_hashes_and_small_rooms_are_refused(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	unsigned char ciphertext[256] = {0}, plain[256];
	size_t size = sizeof(plain);
	unsigned version = TLS1_2_VERSION;
	const OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_uint(
		OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
	    OSSL_PARAM_construct_end()};

	assert_openssl(EVP_PKEY_decrypt_init(context));
	set_padding(context, &ways[3]);
	assert_openssl(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha1()));
	assert_int_not_equal(EVP_PKEY_decrypt(context, plain, &size, ciphertext,
				 sizeof(ciphertext)),
	    1);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), -CLV_UNSUPPORTED);
	set_padding(context, &ways[0]);
	size = sizeof(plain) - 1;
	assert_int_not_equal(EVP_PKEY_decrypt(context, plain, &size, ciphertext,
				 sizeof(ciphertext)),
	    1);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), -CLV_INVALID);
	/* TLS says which version it is, and has room for the secret. */
	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_WITH_TLS_PADDING));
	size = 48;
	assert_int_not_equal(EVP_PKEY_decrypt(context, plain, &size, ciphertext,
				 sizeof(ciphertext)),
	    1);
	assert_openssl(EVP_PKEY_CTX_set_params(context, params));
	size = 47;
	assert_int_not_equal(EVP_PKEY_decrypt(context, plain, &size, ciphertext,
				 sizeof(ciphertext)),
	    1);
	assert_int_equal(
	    atomic_load(&fake.raws) + atomic_load(&fake.decrypts), 0);
	ERR_clear_error();
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}

static void
test_evp_decrypt__state_can_be_copied(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL), *copy;
	unsigned char ciphertext[256], plain[256];
	size_t size = sizeof(ciphertext), plain_size = sizeof(plain);

	encrypt(key, &ways[3], ciphertext, &size);
	assert_openssl(EVP_PKEY_decrypt_init(context));
	set_padding(context, &ways[3]);
	copy = EVP_PKEY_CTX_dup(context);
	assert_non_null(copy);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	assert_openssl(
	    EVP_PKEY_decrypt(copy, plain, &plain_size, ciphertext, size));
	assert_memory_equal(plain, message, plain_size);
	EVP_PKEY_CTX_free(copy);
}

/* What TLS does with an RSA key exchange. */
static void
tls_decrypt(EVP_PKEY *key, const unsigned char *ciphertext, size_t size,
    unsigned version, unsigned char *secret)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	size_t secret_size = 48;
	const OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_uint(
		OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
	    OSSL_PARAM_construct_end()};

	assert_openssl(EVP_PKEY_decrypt_init(context));
	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_WITH_TLS_PADDING));
	assert_openssl(EVP_PKEY_CTX_set_params(context, params));
	assert_openssl(
	    EVP_PKEY_decrypt(context, secret, &secret_size, ciphertext, size));
	assert_int_equal(secret_size, 48);
	EVP_PKEY_CTX_free(context);
}

static void
tls_encrypt(
    const unsigned char *secret, size_t secret_size, unsigned char *ciphertext)
{
	EVP_PKEY_CTX *context =
	    EVP_PKEY_CTX_new(fake_openssl_key(CLV_RSA_2048, 0), NULL);
	size_t size = 256;

	assert_openssl(EVP_PKEY_encrypt_init(context));
	assert_openssl(
	    EVP_PKEY_encrypt(context, ciphertext, &size, secret, secret_size));
	EVP_PKEY_CTX_free(context);
}

/* RFC 5246, 7.4.7.1: whatever is wrong, the secret is a random one. */
static void
test_evp_decrypt__wrong_premaster_secret_becomes_random(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	unsigned char ciphertext[256], secret[50], out[48], again[48];

	memset(secret, 0x42, sizeof(secret));
	secret[0] = 3;
	secret[1] = 3;
	tls_encrypt(secret, 48, ciphertext);
	tls_decrypt(key, ciphertext, 256, TLS1_2_VERSION, out);
	assert_memory_equal(out, secret, 48);

	/* Another version in it; another length; no padding at all. */
	tls_decrypt(key, ciphertext, 256, TLS1_1_VERSION, out);
	tls_decrypt(key, ciphertext, 256, TLS1_1_VERSION, again);
	assert_memory_not_equal(out, secret, 48);
	assert_memory_not_equal(out, again, 48);
	tls_encrypt(secret, 49, ciphertext);
	tls_decrypt(key, ciphertext, 256, TLS1_2_VERSION, out);
	assert_memory_not_equal(out, secret, 48);
	memset(ciphertext, 0x11, sizeof(ciphertext));
	tls_decrypt(key, ciphertext, 256, TLS1_2_VERSION, out);
	tls_decrypt(key, ciphertext, 256, TLS1_2_VERSION, again);
	assert_memory_not_equal(out, again, 48);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    EVP_TEST(test_evp_decrypt__every_padding),
	    EVP_TEST(test_evp_decrypt__device_that_can_less),
	    EVP_TEST(test_evp_decrypt__wrong_oaep_is_one_entry),
	    EVP_TEST(
		test_evp_decrypt__wrong_pkcs1_gives_the_same_bytes_each_time),
	    EVP_TEST(test_evp_decrypt__label_and_other_paddings_are_refused),
	    EVP_TEST(test_evp_decrypt__two_hashes_and_small_rooms_are_refused),
	    EVP_TEST(test_evp_decrypt__state_can_be_copied),
	    EVP_TEST(test_evp_decrypt__wrong_premaster_secret_becomes_random),
	};

	return cmocka_run_group_tests(tests, NULL, evp_forget);
}
