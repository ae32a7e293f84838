/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Signing through EVP: each way that OpenSSL's users have. Every signature is
 * verified with OpenSSL's own key. */

#include <claviger/openssl.h>

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "unit/keys/evp_fixture.h"

static const unsigned char message[] = "the quick brown fox";

/* One way to sign: key, digest, and for RSA padding and salt. */
struct way {
	clv_algorithm algorithm;
	const char *digest;
	int padding;
	int salt;
};

#define NO_SALT 0

static const struct way ways[] = {
    {CLV_RSA_2048, "SHA1", RSA_PKCS1_PADDING, NO_SALT},
    {CLV_RSA_2048, "SHA256", RSA_PKCS1_PADDING, NO_SALT},
    {CLV_RSA_2048, "SHA2-384", RSA_PKCS1_PADDING, NO_SALT},
    {CLV_RSA_2048, "SHA-512", RSA_PKCS1_PADDING, NO_SALT},
    {CLV_RSA_3072, "SHA256", RSA_PKCS1_PADDING, NO_SALT},
    {CLV_RSA_2048, "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST},
    {CLV_RSA_2048, "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_AUTO},
    {CLV_RSA_2048, "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX},
    {CLV_RSA_2048, "SHA256", RSA_PKCS1_PSS_PADDING, 0},
    {CLV_RSA_2048, "SHA256", RSA_PKCS1_PSS_PADDING, 20},
    {CLV_RSA_2048, "SHA384", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST},
    {CLV_RSA_2048, "SHA512", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST},
    {CLV_RSA_3072, "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST},
    {CLV_EC_P256, "SHA256", 0, NO_SALT},
    {CLV_EC_P256, "SHA1", 0, NO_SALT},
    {CLV_EC_P256, "SHA384", 0, NO_SALT},
    {CLV_EC_P256, "SHA512", 0, NO_SALT},
    {CLV_EC_P384, "SHA384", 0, NO_SALT},
    {CLV_EC_P384, "SHA256", 0, NO_SALT},
    {CLV_EC_BRAINPOOL256, "SHA256", 0, NO_SALT},
    {CLV_EC_BRAINPOOL384, "SHA384", 0, NO_SALT},
    {CLV_ED25519, NULL, 0, NO_SALT},
    {CLV_ED448, NULL, 0, NO_SALT},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void
set_padding(EVP_PKEY_CTX *context, const struct way *way)
{
	if (way->padding != 0)
		assert_openssl(
		    EVP_PKEY_CTX_set_rsa_padding(context, way->padding));
	if (way->padding == RSA_PKCS1_PSS_PADDING)
		assert_openssl(
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(context, way->salt));
}

/* Verifies with `key`; "auto" as the salt's length would accept all. */
static void
verify(EVP_PKEY *key, const struct way *way, const unsigned char *signature,
    size_t size)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = NULL;

	assert_openssl(EVP_DigestVerifyInit_ex(
	    digest, &context, way->digest, NULL, NULL, key, NULL));
	set_padding(context, way);
	assert_openssl(EVP_DigestVerify(
	    digest, signature, size, message, sizeof(message)));
	EVP_MD_CTX_free(digest);
}

static void
verify_both(EVP_PKEY *key, const struct way *way,
    const unsigned char *signature, size_t size)
{
	verify(fake_openssl_key(way->algorithm, 0), way, signature, size);
	verify(key, way, signature, size);
}

/* A state to sign with; `context` belongs to it. */
static EVP_MD_CTX *
begin(EVP_PKEY *key, const char *digest, EVP_PKEY_CTX **context)
{
	EVP_MD_CTX *state = EVP_MD_CTX_new();

	*context = NULL;
	assert_openssl(EVP_DigestSignInit_ex(
	    state, context, digest, NULL, NULL, key, NULL));
	return state;
}

/* Signs the message with it, and verifies. */
static void
finish(EVP_MD_CTX *digest, EVP_PKEY *key, const struct way *way)
{
	unsigned char signature[512];
	size_t size = sizeof(signature);

	assert_openssl(
	    EVP_DigestSign(digest, signature, &size, message, sizeof(message)));
	verify_both(key, way, signature, size);
	EVP_MD_CTX_free(digest);
}

static void
test_evp_digest_sign__at_once(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		EVP_PKEY *key = evp_open(*state, ways[i].algorithm);
		EVP_PKEY_CTX *context;
		EVP_MD_CTX *digest = begin(key, ways[i].digest, &context);
		unsigned char signature[512];
		size_t size = 0;

		set_padding(context, &ways[i]);
		assert_openssl(EVP_DigestSign(
		    digest, NULL, &size, message, sizeof(message)));
		assert_int_equal(size, EVP_PKEY_get_size(key));
		assert_openssl(EVP_DigestSign(
		    digest, signature, &size, message, sizeof(message)));
		verify_both(key, &ways[i], signature, size);
		assert_int_equal(atomic_load(&fake.signs), i + 1);
		EVP_MD_CTX_free(digest);
		EVP_PKEY_free(key);
	}
}

static void
test_evp_digest_sign__piece_by_piece(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		EVP_PKEY *key = evp_open(*state, ways[i].algorithm);
		EVP_PKEY_CTX *context;
		EVP_MD_CTX *digest = begin(key, ways[i].digest, &context);
		unsigned char signature[512];
		size_t size = 0;

		set_padding(context, &ways[i]);
		if (ways[i].digest == NULL) {
			/* EdDSA wants the message as a whole. */
			assert_int_not_equal(
			    EVP_DigestSignUpdate(digest, message, 1), 1);
			ERR_clear_error();
		} else {
			for (size_t j = 0; j < sizeof(message); j++)
				assert_openssl(EVP_DigestSignUpdate(
				    digest, message + j, 1));
			assert_openssl(
			    EVP_DigestSignFinal(digest, NULL, &size));
			assert_openssl(
			    EVP_DigestSignFinal(digest, signature, &size));
			verify_both(key, &ways[i], signature, size);
		}
		EVP_MD_CTX_free(digest);
		EVP_PKEY_free(key);
	}
}

static void
test_evp_digest_sign__context_is_used_again(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	const struct way *way = &ways[1];
	unsigned char signature[512];
	size_t size;

	for (int round = 0; round < 3; round++) {
		size = sizeof(signature);
		/* In later rounds the key is the one from before. */
		assert_openssl(EVP_DigestSignInit(digest, NULL,
		    round == 0 ? EVP_sha256() : NULL, NULL,
		    round == 0 ? key : NULL));
		assert_openssl(EVP_DigestSign(
		    digest, signature, &size, message, sizeof(message)));
		verify_both(key, way, signature, size);
	}
	EVP_MD_CTX_free(digest);
	EVP_PKEY_free(key);
}

static void
test_evp_digest_sign__state_can_be_copied(void **state)
{
	const struct way *way = &ways[5];
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY_CTX *context;
	EVP_MD_CTX *digest = begin(key, way->digest, &context);
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	unsigned char signature[512];
	size_t size = sizeof(signature);

	set_padding(context, way);
	assert_openssl(EVP_DigestSignUpdate(digest, message, 5));
	assert_openssl(EVP_MD_CTX_copy_ex(copy, digest));
	EVP_MD_CTX_free(digest);
	assert_openssl(
	    EVP_DigestSignUpdate(copy, message + 5, sizeof(message) - 5));
	assert_openssl(EVP_DigestSignFinal(copy, signature, &size));
	verify_both(key, way, signature, size);
	EVP_MD_CTX_free(copy);
	EVP_PKEY_free(key);
}

static void
hash(const struct way *way, unsigned char *out, size_t *size)
{
	assert_openssl(EVP_Q_digest(
	    NULL, way->digest, NULL, message, sizeof(message), out, size));
}

static void
test_evp_sign__digest_of_the_caller(void **state)
{
	for (size_t i = 0; i < WAYS; i++) {
		EVP_PKEY *key = evp_open(*state, ways[i].algorithm);
		EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
		unsigned char digest[64], signature[512];
		size_t digest_size = 0, size = 0;
		const OSSL_PARAM params[] = {
		    OSSL_PARAM_construct_utf8_string(
			OSSL_SIGNATURE_PARAM_DIGEST,
			(char *)(uintptr_t)ways[i].digest, 0),
		    OSSL_PARAM_construct_end()};

		if (ways[i].digest != NULL) {
			hash(&ways[i], digest, &digest_size);
			assert_openssl(EVP_PKEY_sign_init(context));
			set_padding(context, &ways[i]);
			assert_openssl(
			    EVP_PKEY_CTX_set_params(context, params));
			assert_openssl(EVP_PKEY_sign(
			    context, NULL, &size, digest, digest_size));
			assert_openssl(EVP_PKEY_sign(
			    context, signature, &size, digest, digest_size));
			verify_both(key, &ways[i], signature, size);
		}
		EVP_PKEY_CTX_free(context);
		EVP_PKEY_free(key);
	}
}

static void
test_evp_sign__ecdsa_without_the_digests_name(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_EC_P256);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	const struct way way = {CLV_EC_P256, "SHA256", 0, NO_SALT};
	unsigned char digest[64], signature[128];
	size_t digest_size = 0, size = sizeof(signature);

	hash(&way, digest, &digest_size);
	assert_openssl(EVP_PKEY_sign_init(context));
	assert_openssl(
	    EVP_PKEY_sign(context, signature, &size, digest, digest_size));
	verify_both(key, &way, signature, size);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}

/* As `openssl pkeyutl -sign` and old code do: the DigestInfo is the input. */
static void
test_evp_sign__digest_info_is_recognised(void **state)
{
	static const unsigned char prefix[] = {0x30, 0x31, 0x30, 0x0d, 0x06,
	    0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
	    0x00, 0x04, 0x20};
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	unsigned char info[sizeof(prefix) + 32], signature[256];
	size_t digest_size = 0, size = sizeof(signature);

	memcpy(info, prefix, sizeof(prefix));
	hash(&ways[1], info + sizeof(prefix), &digest_size);
	assert_openssl(EVP_PKEY_sign_init(context));
	assert_openssl(
	    EVP_PKEY_sign(context, signature, &size, info, sizeof(info)));
	verify_both(key, &ways[1], signature, size);
	/* Anything else is not something that a device should sign. */
	size = sizeof(signature);
	assert_int_not_equal(
	    EVP_PKEY_sign(context, signature, &size, message, sizeof(message)),
	    1);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), -CLV_UNSUPPORTED);
	assert_int_equal(ERR_peek_error(), 0);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}

/* A device without PSS, or with raw RSA only: padded in software. */
static void
test_evp_sign__device_that_can_less(void **state)
{
	static const unsigned lacks[] = {
	    FAKE_LACKS_PSS, FAKE_LACKS_OTHER_SALTS, FAKE_RAW_ONLY};

	for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
		for (size_t j = 0; ways[j].algorithm != CLV_EC_P256; j++) {
			EVP_PKEY *key = evp_open(*state, ways[j].algorithm);
			EVP_PKEY_CTX *context;
			EVP_MD_CTX *digest;

			atomic_store(&fake.lacks, lacks[i]);
			digest = begin(key, ways[j].digest, &context);
			set_padding(context, &ways[j]);
			finish(digest, key, &ways[j]);
			EVP_PKEY_free(key);
		}
}

/* "Auto" is our choice: what a device that knows only OPC UA's salt can. */
static void
test_evp_sign__auto_salt_is_as_long_as_the_digest(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_MD_CTX *digest;
	EVP_PKEY_CTX *context;
	struct way way = {CLV_RSA_2048, "SHA256", RSA_PKCS1_PSS_PADDING, 32};

	atomic_store(&fake.lacks, FAKE_LACKS_OTHER_SALTS | FAKE_LACKS_RAW);
	digest = begin(key, "SHA256", &context);
	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING));
	finish(digest, key, &way);
	EVP_PKEY_free(key);
}

static void
test_evp_sign__what_no_device_can_is_refused(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = NULL;
	unsigned char signature[256];
	size_t size = sizeof(signature);

	assert_int_not_equal(EVP_DigestSignInit_ex(digest, NULL, "SHA3-256",
				 NULL, NULL, key, NULL),
	    1);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), -CLV_UNSUPPORTED);
	EVP_MD_CTX_reset(digest);
	assert_openssl(EVP_DigestSignInit_ex(
	    digest, &context, "SHA256", NULL, NULL, key, NULL));
	assert_int_not_equal(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_X931_PADDING), 1);
	assert_int_not_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, 32), 1);
	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING));
	assert_openssl(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, 223));
	assert_int_not_equal(
	    EVP_DigestSign(digest, signature, &size, message, sizeof(message)),
	    1);
	assert_int_equal(atomic_load(&fake.signs), 0);
	ERR_clear_error();
	EVP_MD_CTX_free(digest);
	EVP_PKEY_free(key);
}

static void
test_evp_sign__two_digests_are_refused(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY_CTX *context;
	EVP_MD_CTX *digest = begin(key, "SHA256", &context);
	unsigned char signature[256];
	size_t size = sizeof(signature);

	/* The message is being hashed already. */
	assert_int_not_equal(
	    EVP_PKEY_CTX_set_signature_md(context, EVP_sha384()), 1);
	assert_openssl(EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()));
	/* PKCS#1 v1.5 has no mask generator; PSS has one of the same hash. */
	assert_int_not_equal(
	    EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()), 1);
	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING));
	assert_openssl(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha1()));
	assert_int_not_equal(
	    EVP_DigestSign(digest, signature, &size, message, sizeof(message)),
	    1);
	assert_int_equal(atomic_load(&fake.signs), 0);
	ERR_clear_error();
	EVP_MD_CTX_free(digest);
	EVP_PKEY_free(key);
}

static int
set_salt(EVP_PKEY_CTX *context, const char *text, int number)
{
	const OSSL_PARAM params[] = {text != NULL
		? OSSL_PARAM_construct_utf8_string(
		      OSSL_SIGNATURE_PARAM_PSS_SALTLEN, (char *)(uintptr_t)text,
		      0)
		: OSSL_PARAM_construct_int(
		      OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &number),
	    OSSL_PARAM_construct_end()};

	return EVP_PKEY_CTX_set_params(context, params);
}

static void
test_evp_sign__salts_by_name_and_number(void **state)
{
	static const char *const good[] = {
	    "digest", "max", "auto", "auto-digestmax", "0", "32"};
	static const char *const bad[] = {
	    "", "-1", "32x", "most", "99999", "99999999999999999999"};
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY_CTX *context;
	EVP_MD_CTX *digest = begin(key, "SHA256", &context);

	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_openssl(set_salt(context, good[i], 0));
	for (int number = -4; number <= 32; number++)
		assert_openssl(set_salt(context, NULL, number));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(set_salt(context, bad[i], 0), 1);
	assert_int_not_equal(set_salt(context, NULL, -5), 1);
	assert_int_not_equal(set_salt(context, NULL, 99999), 1);
	ERR_clear_error();
	EVP_MD_CTX_free(digest);
	EVP_PKEY_free(key);
}

static void
test_evp_sign__eddsa_takes_no_digest(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_ED25519);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

	assert_int_not_equal(
	    EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_not_equal(EVP_PKEY_sign_init(context), 1);
	ERR_clear_error();
	EVP_PKEY_CTX_free(context);
	EVP_MD_CTX_free(digest);
	EVP_PKEY_free(key);
}

static void
test_evp_sign__sizes_are_checked(void **state)
{
	static const clv_algorithm algorithms[] = {CLV_RSA_2048, CLV_EC_P256};
	unsigned char digest[64] = {0}, signature[256];

	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY *key = evp_open(*state, algorithms[i]);
		EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
		size_t size = 31;

		assert_openssl(EVP_PKEY_sign_init(context));
		assert_openssl(
		    EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()));
		assert_int_not_equal(
		    EVP_PKEY_sign(context, signature, &size, digest, 32), 1);
		size = sizeof(signature);
		assert_int_not_equal(
		    EVP_PKEY_sign(context, signature, &size, digest, 31), 1);
		assert_openssl(
		    EVP_PKEY_sign(context, signature, &size, digest, 32));
		ERR_clear_error();
		EVP_PKEY_CTX_free(context);
		EVP_PKEY_free(key);
	}
}

static void
test_evp_verify__state_can_be_copied(void **state)
{
	const struct way *way = &ways[5];
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY_CTX *context;
	EVP_MD_CTX *digest = begin(key, way->digest, &context);
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	unsigned char signature[256];
	size_t size = sizeof(signature);

	set_padding(context, way);
	assert_openssl(
	    EVP_DigestSign(digest, signature, &size, message, sizeof(message)));
	assert_openssl(EVP_DigestVerifyInit_ex(
	    digest, NULL, way->digest, NULL, NULL, key, NULL));
	assert_openssl(EVP_DigestVerifyUpdate(digest, message, 3));
	assert_openssl(EVP_MD_CTX_copy_ex(copy, digest));
	set_padding(EVP_MD_CTX_get_pkey_ctx(copy), way);
	assert_openssl(
	    EVP_DigestVerifyUpdate(copy, message + 3, sizeof(message) - 3));
	assert_openssl(EVP_DigestVerifyFinal(copy, signature, size));
	EVP_MD_CTX_free(copy);
	EVP_MD_CTX_free(digest);
	EVP_PKEY_free(key);
}

static void
test_evp_sign__settings_can_be_read_back(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY_CTX *context;
	EVP_MD_CTX *digest = begin(key, "SHA384", &context);
	const EVP_MD *set = NULL;
	int number = 0;

	assert_true(EVP_PKEY_CTX_get_rsa_padding(context, &number) > 0);
	assert_int_equal(number, RSA_PKCS1_PADDING);
	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING));
	assert_true(EVP_PKEY_CTX_get_rsa_padding(context, &number) > 0);
	assert_int_equal(number, RSA_PKCS1_PSS_PADDING);
	assert_openssl(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, 17));
	assert_true(EVP_PKEY_CTX_get_rsa_pss_saltlen(context, &number) > 0);
	assert_int_equal(number, 17);
	assert_openssl(EVP_PKEY_CTX_get_signature_md(context, &set));
	assert_int_equal(EVP_MD_get_type(set), NID_sha384);
	assert_openssl(EVP_PKEY_CTX_get_rsa_mgf1_md(context, &set));
	assert_int_equal(EVP_MD_get_type(set), NID_sha384);
	EVP_MD_CTX_free(digest);
	EVP_PKEY_free(key);
}

static void
test_evp_verify__refuses_a_wrong_signature(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_EC_P256);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char signature[128];
	size_t size = sizeof(signature);

	assert_openssl(
	    EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key));
	assert_openssl(
	    EVP_DigestSign(digest, signature, &size, message, sizeof(message)));
	signature[size - 1] ^= 1;
	assert_openssl(
	    EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key));
	assert_int_equal(
	    EVP_DigestVerify(digest, signature, size, message, sizeof(message)),
	    0);
	ERR_clear_error();
	EVP_MD_CTX_free(digest);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    EVP_TEST(test_evp_digest_sign__at_once),
	    EVP_TEST(test_evp_digest_sign__piece_by_piece),
	    EVP_TEST(test_evp_digest_sign__context_is_used_again),
	    EVP_TEST(test_evp_digest_sign__state_can_be_copied),
	    EVP_TEST(test_evp_sign__digest_of_the_caller),
	    EVP_TEST(test_evp_sign__ecdsa_without_the_digests_name),
	    EVP_TEST(test_evp_sign__digest_info_is_recognised),
	    EVP_TEST(test_evp_sign__device_that_can_less),
	    EVP_TEST(test_evp_sign__auto_salt_is_as_long_as_the_digest),
	    EVP_TEST(test_evp_sign__what_no_device_can_is_refused),
	    EVP_TEST(test_evp_sign__settings_can_be_read_back),
	    EVP_TEST(test_evp_sign__two_digests_are_refused),
	    EVP_TEST(test_evp_sign__salts_by_name_and_number),
	    EVP_TEST(test_evp_sign__eddsa_takes_no_digest),
	    EVP_TEST(test_evp_sign__sizes_are_checked),
	    EVP_TEST(test_evp_verify__state_can_be_copied),
	    EVP_TEST(test_evp_verify__refuses_a_wrong_signature),
	};

	return cmocka_run_group_tests(tests, NULL, evp_forget);
}
