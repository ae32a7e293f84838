/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Padding, rejection and choice of the way, against OpenSSL's own. */

#include "testing.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <claviger/key.h>

#include "fake/fake_backend.h"

static clv_context *context;

static int
set_up(void **state)
{
	(void)state;
	fake_reset();
	assert_ok(clv_context_new(&context, &err));
	assert_ok(clv_context_add_backend(context, &fake_backend, &err));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	clv_context_free(&context);
	assert_int_equal(fake.open_keys, 0);
	return 0;
}

static clv_key *
open_key(clv_algorithm algorithm)
{
	clv_key *key = NULL;

	assert_ok(clv_key_open(context, fake_uri(algorithm, 0), &key, &err));
	return key;
}

static bool
verifies(clv_algorithm algorithm, clv_scheme scheme, const uint8_t *signature,
    size_t size)
{
	const struct clv_scheme_info *info = clv_scheme_describe(scheme);
	EVP_MD_CTX *verifier = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters = NULL;
	bool good;

	assert_int_equal(EVP_DigestVerifyInit_ex(verifier, &parameters,
			     clv_hash_name(info->hash), NULL, NULL,
			     fake_openssl_key(algorithm, 0), NULL),
	    1);
	if (info->padding == CLV_PADDING_PSS) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(
				     parameters, RSA_PKCS1_PSS_PADDING),
		    1);
		/* The salt must be as long as the hash, not just any. */
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(
				     parameters, RSA_PSS_SALTLEN_DIGEST),
		    1);
	}
	good = EVP_DigestVerify(verifier, signature, size,
		   (const unsigned char *)"m", 1) == 1;
	EVP_MD_CTX_free(verifier);
	return good;
}

static void
test_key_sign__pads_here_what_the_device_lacks(void **state)
{
	static const clv_algorithm algorithms[] = {CLV_RSA_2048, CLV_RSA_3072};
	static const clv_scheme schemes[] = {CLV_RSA_PKCS1_SHA1,
	    CLV_RSA_PKCS1_SHA256, CLV_RSA_PKCS1_SHA384, CLV_RSA_PKCS1_SHA512,
	    CLV_RSA_PSS_SHA256, CLV_RSA_PSS_SHA384, CLV_RSA_PSS_SHA512};

	(void)state;
	fake.lacks = FAKE_RAW_ONLY;
	for (size_t a = 0; a < 2; a++) {
		clv_key *key = open_key(algorithms[a]);

		for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes);
		     i++) {
			uint8_t signature[CLV_SIGNATURE_MAX];
			size_t size = sizeof(signature);

			assert_int_equal(
			    clv_key_can(key, schemes[i]), CLV_PATH_PADDED);
			assert_ok(clv_key_sign(
			    key, schemes[i], "m", 1, signature, &size, &err));
			assert_int_equal(size, clv_key_signature_size(key));
			assert_true(verifies(
			    algorithms[a], schemes[i], signature, size));
		}
		clv_key_free(&key);
	}
	assert_int_equal(fake.signs, 0);
	assert_int_equal(fake.raws, 14);
}

static void
test_key_can__is_none_where_nothing_helps(void **state)
{
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	clv_key *key = open_key(CLV_RSA_2048);

	(void)state;
	fake.lacks = FAKE_LACKS_PSS | FAKE_LACKS_RAW;
	assert_int_equal(clv_key_can(key, CLV_RSA_PSS_SHA256), CLV_PATH_NONE);
	assert_int_equal(
	    clv_key_can(key, CLV_RSA_PKCS1_SHA256), CLV_PATH_NATIVE);
	assert_fails(CLV_UNSUPPORTED,
	    clv_key_sign(
		key, CLV_RSA_PSS_SHA256, "m", 1, signature, &size, &err));
	assert_int_equal(clv_key_can(key, CLV_ECDSA_SHA256), CLV_PATH_NONE);
	assert_int_equal(clv_key_can(key, CLV_SCHEME_NONE), CLV_PATH_NONE);
	clv_key_free(&key);
}

/* Encrypts with OpenSSL; `padding` RSA_NO_PADDING takes a whole block. */
static void
encrypt(int padding, const char *hash, const void *message, size_t size,
    uint8_t *out)
{
	EVP_PKEY_CTX *encrypter = EVP_PKEY_CTX_new_from_pkey(
	    NULL, fake_openssl_key(CLV_RSA_2048, 0), NULL);
	size_t out_size = 256;

	assert_int_equal(EVP_PKEY_encrypt_init(encrypter), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(encrypter, padding), 1);
	if (hash != NULL) {
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_oaep_md_name(encrypter, hash, NULL),
		    1);
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_mgf1_md_name(encrypter, hash, NULL),
		    1);
	}
	assert_int_equal(
	    EVP_PKEY_encrypt(encrypter, out, &out_size, message, size), 1);
	EVP_PKEY_CTX_free(encrypter);
}

static void
test_key_decrypt__unpads_oaep_of_every_length(void **state)
{
	static const struct {
		clv_scheme scheme;
		const char *hash;
		size_t most;
	} cases[] = {{CLV_RSA_OAEP_SHA1, "SHA1", 256 - 42},
	    {CLV_RSA_OAEP_SHA256, "SHA256", 256 - 66}};
	uint8_t message[256];
	uint8_t ciphertext[256];
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	clv_key *key = open_key(CLV_RSA_2048);

	(void)state;
	memset(message, 1, sizeof(message)); /* looks like the separator */
	fake.lacks = FAKE_RAW_ONLY;
	for (size_t i = 0; i < 2; i++)
		for (size_t n = 0; n <= cases[i].most;
		     n += n == 0 ? 1 : cases[i].most - 1) {
			size_t size = sizeof(plaintext);

			encrypt(RSA_PKCS1_OAEP_PADDING, cases[i].hash, message,
			    n, ciphertext);
			assert_ok(clv_key_decrypt(key, cases[i].scheme,
			    ciphertext, 256, plaintext, &size, &err));
			assert_int_equal(size, n);
			assert_memory_equal(plaintext, message, n);
		}
	clv_key_free(&key);
}

static void
test_key_decrypt__tells_no_bad_oaep_from_another(void **state)
{
	uint8_t block[256];
	uint8_t ciphertext[256];
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	char *told = NULL;
	clv_key *key = open_key(CLV_RSA_2048);

	(void)state;
	fake.lacks = FAKE_RAW_ONLY;
	for (size_t i = 0; i < 40; i++) {
		size_t size = sizeof(plaintext);
		clv_error *err = NULL;

		/* First byte wrong (Manger), label wrong, no separator. */
		memset(block, (int)i, sizeof(block));
		block[0] = (uint8_t)(i % 2);
		encrypt(RSA_NO_PADDING, NULL, block, 256, ciphertext);
		assert_int_equal(clv_key_decrypt(key, CLV_RSA_OAEP_SHA256,
				     ciphertext, 256, plaintext, &size, &err),
		    CLV_CRYPTO);
		if (told == NULL)
			told = strdup(clv_error_message(err));
		assert_string_equal(told, clv_error_message(err));
		assert_int_equal(clv_error_code(err), 0);
		clv_error_free(&err);
	}
	free(told);
	clv_key_free(&key);
}

/* EME-PKCS1-v1_5 by hand: 00 02 PS 00 M. */
static void
test_key_decrypt__unpads_pkcs1_or_gives_random_bytes(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
		bool good;
	} cases[] = {
	    {"right", 255, 7, true},
	    {"first byte", 0, 1, false},
	    {"second byte", 1, 1, false},
	    {"zero in the first 8 bytes of PS", 9, 0, false},
	    {"PS of 8 bytes", 10, 0, true},
	    {"no zero", 100, 9, false},
	};
	uint8_t block[256];
	uint8_t ciphertext[256];
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	uint8_t again[CLV_PLAINTEXT_MAX];
	clv_key *key = open_key(CLV_RSA_2048);

	(void)state;
	fake.lacks = FAKE_LACKS_DECRYPT;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t size = sizeof(plaintext);
		size_t again_size = sizeof(again);

		memset(block, 9, sizeof(block));
		block[0] = 0;
		block[1] = 2;
		if (i != 5)
			block[100] = 0;
		block[cases[i].at] = cases[i].value;
		encrypt(RSA_NO_PADDING, NULL, block, 256, ciphertext);
		assert_ok(clv_key_decrypt(key, CLV_RSA_PKCS1, ciphertext, 256,
		    plaintext, &size, &err));
		if (cases[i].good) {
			const size_t from = i == 4 ? 11 : 101;

			assert_int_equal(size, 256 - from);
			assert_memory_equal(plaintext, block + from, size);
			continue;
		}
		assert_true(size <= 256 - 11);
		assert_ok(clv_key_decrypt(key, CLV_RSA_PKCS1, ciphertext, 256,
		    again, &again_size, &err));
		assert_int_equal(size, again_size);
		assert_memory_equal(plaintext, again, size);
	}
	clv_key_free(&key);
}

/* A device that removes the padding itself and refuses: the same as above,
 * also for a key that was opened anew. */
static void
test_key_decrypt__replaces_a_refusal_of_the_device(void **state)
{
	uint8_t ciphertext[256];
	uint8_t first[CLV_PLAINTEXT_MAX];
	uint8_t second[CLV_PLAINTEXT_MAX];
	size_t first_size = sizeof(first);
	size_t second_size = sizeof(second);
	clv_key *key = open_key(CLV_RSA_2048);

	(void)state;
	encrypt(RSA_PKCS1_OAEP_PADDING, "SHA1", "x", 1, ciphertext);
	fake.lacks = FAKE_LACKS_RAW;
	assert_int_equal(clv_key_can(key, CLV_RSA_PKCS1), CLV_PATH_NATIVE);
	assert_ok(clv_key_decrypt(
	    key, CLV_RSA_PKCS1, ciphertext, 256, first, &first_size, &err));
	clv_key_free(&key);

	key = open_key(CLV_RSA_2048);
	fake.lacks = 0;
	assert_int_equal(clv_key_can(key, CLV_RSA_PKCS1), CLV_PATH_PADDED);
	assert_ok(clv_key_decrypt(
	    key, CLV_RSA_PKCS1, ciphertext, 256, second, &second_size, &err));
	assert_int_equal(first_size, second_size);
	assert_memory_equal(first, second, first_size);
	clv_key_free(&key);
}

/*
 * fork() wipes secrets in the child. A rejection computed from zeros could be
 * computed by anybody; two keys would give the same one.
 */
static void
test_key_decrypt__rejects_in_a_child_as_in_its_parent(void **state)
{
	clv_key *keys[2];
	uint8_t ciphertext[256];
	uint8_t messages[2][CLV_PLAINTEXT_MAX];
	size_t sizes[2];
	int result = -1;
	pid_t child;

	(void)state;
	memset(ciphertext, 0x11, sizeof(ciphertext));
	ciphertext[0] = 0;
	for (unsigned i = 0; i < 2; i++) {
		sizes[i] = sizeof(messages[i]);
		assert_ok(clv_key_open(
		    context, fake_uri(CLV_RSA_2048, i), &keys[i], &err));
		assert_ok(clv_key_decrypt(keys[i], CLV_RSA_PKCS1, ciphertext,
		    256, messages[i], &sizes[i], &err));
	}
	assert_false(sizes[0] == sizes[1] &&
	    memcmp(messages[0], messages[1], sizes[0]) == 0);
	child = fork();
	assert_true(child >= 0);
	for (unsigned i = 0; child == 0 && i < 2; i++) {
		uint8_t message[CLV_PLAINTEXT_MAX];
		size_t size = sizeof(message);

		if (clv_key_decrypt(keys[i], CLV_RSA_PKCS1, ciphertext, 256,
			message, &size, NULL) != CLV_OK)
			_exit(2);
		if (size != sizes[i] || memcmp(message, messages[i], size) != 0)
			_exit(3);
	}
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, &result, 0), child);
	assert_int_equal(result, 0);
	clv_key_free(&keys[0]);
	clv_key_free(&keys[1]);
}

/* What is no matter of the ciphertext is told. */
static void
test_key_decrypt__tells_that_the_device_is_gone(void **state)
{
	uint8_t ciphertext[256];
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	size_t size = sizeof(plaintext);
	clv_key *key = open_key(CLV_RSA_2048);

	(void)state;
	encrypt(RSA_PKCS1_OAEP_PADDING, "SHA1", "x", 1, ciphertext);
	fake.fails = CLV_DEVICE_GONE;
	assert_fails(CLV_DEVICE_GONE,
	    clv_key_decrypt(key, CLV_RSA_OAEP_SHA1, ciphertext, 256, plaintext,
		&size, &err));
	clv_key_free(&key);
}

/* FIPS 186-5: a P-256 key signs the leftmost 32 bytes of a longer digest. */
static void
test_key_sign__cuts_long_digests_to_the_order(void **state)
{
	uint8_t signature[CLV_SIGNATURE_MAX];
	uint8_t der[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	size_t der_size = sizeof(der);
	clv_key *key = open_key(CLV_EC_P256);

	(void)state;
	assert_ok(clv_key_sign(
	    key, CLV_ECDSA_SHA384, "m", 1, signature, &size, &err));
	assert_int_equal(size, 64);
	assert_ok(clv_ecdsa_to_der(signature, size, der, &der_size, &err));
	assert_true(verifies(CLV_EC_P256, CLV_ECDSA_SHA384, der, der_size));
	clv_key_free(&key);
}

static void
test_ecdsa_der__goes_both_ways_and_is_strict(void **state)
{
	uint8_t raw[64];
	uint8_t again[64];
	uint8_t der[80];
	size_t size = sizeof(der);

	(void)state;
	memset(raw, 0xff, sizeof(raw));
	raw[32] = 0; /* s is short */
	raw[33] = 1;
	assert_ok(clv_ecdsa_to_der(raw, 64, der, &size, &err));
	assert_ok(clv_ecdsa_from_der(der, size, again, 64, &err));
	assert_memory_equal(raw, again, 64);
	assert_fails(
	    CLV_CORRUPT, clv_ecdsa_from_der(der, size - 1, again, 64, &err));
	assert_fails(
	    CLV_CORRUPT, clv_ecdsa_from_der(der, size, again, 62, &err));
	der[size] = 0;
	assert_fails(
	    CLV_CORRUPT, clv_ecdsa_from_der(der, size + 1, again, 64, &err));
	size = 10;
	assert_fails(CLV_INVALID, clv_ecdsa_to_der(raw, 64, der, &size, &err));
	assert_fails(CLV_INVALID, clv_ecdsa_to_der(raw, 63, der, &size, &err));
	/* A negative r, as a careless encoder writes it. */
	assert_fails(CLV_CORRUPT,
	    clv_ecdsa_from_der(
		(const uint8_t *)"\x30\x06\x02\x01\xff\x02\x01\x01", 8, again,
		64, &err));
}

static void
test_key_probe__ends_where_nothing_is_learnt(void **state)
{
	struct clv_probe_entry entries[CLV_PROBE_MAX];
	size_t count = 7;
	clv_key *key = open_key(CLV_RSA_2048);

	(void)state;
	fake.fails = CLV_DEVICE_GONE;
	assert_fails(
	    CLV_DEVICE_GONE, clv_key_probe(key, entries, &count, &err));
	assert_int_equal(count, 0);
	assert_int_equal(
	    clv_key_probe(key, entries, &count, NULL), CLV_DEVICE_GONE);
	/* A refusal is an answer. */
	fake.fails = CLV_UNSUPPORTED;
	assert_ok(clv_key_probe(key, entries, &count, &err));
	assert_int_equal(count, 7);
	for (size_t i = 0; i < count; i++) {
		assert_false(entries[i].serves);
		assert_string_equal(
		    entries[i].reason, "the device lacks the mechanism");
	}
	clv_key_free(&key);
}

static void
test_key_probe__names_the_way_and_the_reason(void **state)
{
	struct clv_probe_entry entries[CLV_PROBE_MAX];
	size_t count = 0;
	clv_key *key = open_key(CLV_RSA_2048);

	(void)state;
	fake.lacks = FAKE_LACKS_PSS | FAKE_LACKS_RAW;
	assert_ok(clv_key_probe(key, entries, &count, &err));
	assert_int_equal(count, 7);
	for (size_t i = 0; i < count; i++) {
		const bool pss =
		    strcmp(entries[i].policy, "Aes256_Sha256_RsaPss") == 0;

		assert_int_equal(entries[i].serves, !pss);
		if (pss)
			assert_string_equal(entries[i].reason,
			    "the device lacks the mechanism");
	}
	clv_key_free(&key);

	key = open_key(CLV_ED25519);
	assert_ok(clv_key_probe(key, entries, &count, &err));
	assert_int_equal(count, 3);
	assert_string_equal(entries[0].policy, "ECC_curve25519");
	assert_true(entries[0].serves);
	fake.fails = CLV_CRYPTO;
	assert_ok(clv_key_probe(key, entries, &count, &err));
	assert_false(entries[0].serves);
	assert_string_equal(entries[0].reason, "signing failed");
	clv_key_free(&key);
}

static char logged[512];

static void
keep_line(void *user, clv_log_level level, const char *line)
{
	(void)user;
	if (level == CLV_LOG_DEBUG)
		(void)snprintf(logged, sizeof(logged), "%s", line);
}

/* What a decryption came to is nothing for a log: see RFC 8017, 7.2.2. */
static void
test_key_operate__tells_a_log_what_it_may_know(void **state)
{
	uint8_t in[256] = {1}, out[CLV_SIGNATURE_MAX];
	size_t size = sizeof(out);
	clv_key *key = open_key(CLV_RSA_2048);
	char expected[256];

	(void)state;
	clv_context_set_log(context, CLV_LOG_INFO, keep_line, NULL);
	logged[0] = '\0';
	assert_ok(
	    clv_key_sign(key, CLV_RSA_PKCS1_SHA256, "m", 1, out, &size, &err));
	assert_string_equal(logged, "");
	clv_context_set_log(context, CLV_LOG_DEBUG, keep_line, NULL);
	size = sizeof(out);
	assert_ok(
	    clv_key_sign(key, CLV_RSA_PKCS1_SHA256, "m", 1, out, &size, &err));
	(void)snprintf(
	    expected, sizeof(expected), "%s, sign: OK, ", clv_key_uri(key));
	assert_memory_equal(logged, expected, strlen(expected));
	size = 1;
	assert_fails(CLV_INVALID,
	    clv_key_sign(key, CLV_RSA_PKCS1_SHA256, "m", 1, out, &size, &err));
	assert_non_null(strstr(logged, ", sign: INVALID, "));
	size = sizeof(out);
	assert_fails(CLV_CRYPTO,
	    clv_key_decrypt(
		key, CLV_RSA_OAEP_SHA256, in, sizeof(in), out, &size, &err));
	(void)snprintf(
	    expected, sizeof(expected), "%s, decrypt", clv_key_uri(key));
	assert_string_equal(logged, expected);
	clv_key_free(&key);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_key_operate__tells_a_log_what_it_may_know),
	    TEST(test_key_sign__pads_here_what_the_device_lacks),
	    TEST(test_key_can__is_none_where_nothing_helps),
	    TEST(test_key_decrypt__unpads_oaep_of_every_length),
	    TEST(test_key_decrypt__tells_no_bad_oaep_from_another),
	    TEST(test_key_decrypt__unpads_pkcs1_or_gives_random_bytes),
	    TEST(test_key_decrypt__replaces_a_refusal_of_the_device),
	    TEST(test_key_decrypt__rejects_in_a_child_as_in_its_parent),
	    TEST(test_key_decrypt__tells_that_the_device_is_gone),
	    TEST(test_key_sign__cuts_long_digests_to_the_order),
	    TEST(test_ecdsa_der__goes_both_ways_and_is_strict),
	    TEST(test_key_probe__names_the_way_and_the_reason),
	    TEST(test_key_probe__ends_where_nothing_is_learnt),
	};
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);

	fake_forget();
	return failed;
}
