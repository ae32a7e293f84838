/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* clv_key_evp(): what such an EVP_PKEY is, and how it fails. */

#include <claviger/openssl.h>

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "unit/keys/evp_fixture.h"

static const clv_algorithm algorithms[] = {CLV_RSA_2048, CLV_RSA_3072,
    CLV_EC_P256, CLV_EC_P384, CLV_EC_BRAINPOOL256, CLV_EC_BRAINPOOL384,
    CLV_ED25519, CLV_ED448};
#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

static const unsigned char message[] = "the quick brown fox";

static void
test_evp_describe__is_like_openssls_own_key(void **state)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		EVP_PKEY *key = evp_open(*state, algorithms[i]);
		EVP_PKEY *own = fake_openssl_key(algorithms[i], 0);
		const struct clv_algorithm_info *info =
		    clv_algorithm_describe(algorithms[i]);

		assert_true(EVP_PKEY_is_a(key, info->openssl));
		assert_int_equal(
		    EVP_PKEY_get_base_id(key), EVP_PKEY_get_base_id(own));
		assert_int_equal(
		    EVP_PKEY_get_bits(key), EVP_PKEY_get_bits(own));
		assert_int_equal(
		    EVP_PKEY_get_size(key), EVP_PKEY_get_size(own));
		assert_int_equal(EVP_PKEY_get_security_bits(key),
		    EVP_PKEY_get_security_bits(own));
		assert_int_equal(EVP_PKEY_missing_parameters(key), 0);
		EVP_PKEY_free(key);
	}
}

static void
test_evp_eq__finds_the_same_key_across_providers(void **state)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		EVP_PKEY *key = evp_open(*state, algorithms[i]);
		EVP_PKEY *again = evp_open(*state, algorithms[i]);
		EVP_PKEY *other = evp_open_number(*state, algorithms[i], 1);
		EVP_PKEY *own = fake_openssl_key(algorithms[i], 0);

		assert_int_equal(EVP_PKEY_eq(key, again), 1);
		assert_int_equal(EVP_PKEY_eq(key, own), 1);
		assert_int_equal(EVP_PKEY_eq(own, key), 1);
		assert_int_equal(EVP_PKEY_eq(key, other), 0);
		assert_int_equal(EVP_PKEY_eq(own, other), 0);
		assert_int_equal(EVP_PKEY_parameters_eq(key, own), 1);
		EVP_PKEY_free(key);
		EVP_PKEY_free(again);
		EVP_PKEY_free(other);
	}
}

static void
test_evp_public__is_written_like_openssls_own_key(void **state)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		EVP_PKEY *key = evp_open(*state, algorithms[i]);
		unsigned char *der = NULL, *own = NULL;
		const int size = i2d_PUBKEY(key, &der);
		BIO *pem = BIO_new(BIO_s_mem());
		EVP_PKEY *read;

		assert_int_equal(
		    i2d_PUBKEY(fake_openssl_key(algorithms[i], 0), &own), size);
		assert_memory_equal(der, own, (size_t)size);
		assert_openssl(PEM_write_bio_PUBKEY(pem, key));
		read = PEM_read_bio_PUBKEY(pem, NULL, NULL, NULL);
		assert_int_equal(EVP_PKEY_eq(read, key), 1);
		EVP_PKEY_free(read);
		BIO_free(pem);
		OPENSSL_free(der);
		OPENSSL_free(own);
		EVP_PKEY_free(key);
	}
}

static void
test_evp_params__tell_the_public_half(void **state)
{
	EVP_PKEY *rsa = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY *ec = evp_open(*state, CLV_EC_P384);
	EVP_PKEY *ed = evp_open(*state, CLV_ED25519);
	BIGNUM *modulus = NULL, *private = NULL;
	unsigned char raw[32], own[32], *point = NULL;
	char group[32], digest[32];
	size_t size = sizeof(raw);

	assert_openssl(
	    EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_N, &modulus));
	assert_int_equal(BN_num_bits(modulus), 2048);
	assert_int_not_equal(
	    EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_D, &private), 1);
	assert_openssl(EVP_PKEY_get_group_name(ec, group, sizeof(group), NULL));
	assert_string_equal(group, "secp384r1");
	assert_int_equal(EVP_PKEY_get1_encoded_public_key(ec, &point), 97);
	assert_openssl(EVP_PKEY_get_raw_public_key(ed, raw, &size));
	assert_openssl(EVP_PKEY_get_raw_public_key(
	    fake_openssl_key(CLV_ED25519, 0), own, &size));
	assert_memory_equal(raw, own, sizeof(raw));
	assert_int_equal(
	    EVP_PKEY_get_default_digest_name(rsa, digest, sizeof(digest)), 1);
	assert_string_equal(digest, "SHA256");
	/* 2: mandatory; none at all. */
	assert_int_equal(
	    EVP_PKEY_get_default_digest_name(ed, digest, sizeof(digest)), 2);
	assert_string_equal(digest, "UNDEF");
	ERR_clear_error();
	BN_free(modulus);
	OPENSSL_free(point);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(ed);
}

static void
test_evp_private__is_never_written(void **state)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		EVP_PKEY *key = evp_open(*state, algorithms[i]);
		BIO *out = BIO_new(BIO_s_mem());
		unsigned char *der = NULL, raw[64];
		size_t raw_size = sizeof(raw);
		OSSL_PARAM *params = NULL;

		assert_int_not_equal(PEM_write_bio_PrivateKey(
					 out, key, NULL, NULL, 0, NULL, NULL),
		    1);
		assert_int_equal(BIO_pending(out), 0);
		assert_true(i2d_PrivateKey(key, &der) <= 0);
		assert_null(EVP_PKEY2PKCS8(key));
		assert_int_not_equal(
		    EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params), 1);
		assert_int_not_equal(
		    EVP_PKEY_get_raw_private_key(key, raw, &raw_size), 1);
		ERR_clear_error();
		BIO_free(out);
		EVP_PKEY_free(key);
	}
}

static void
test_evp_dup__is_the_same_key(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_EC_P256);
	EVP_PKEY *copy = EVP_PKEY_dup(key);
	EVP_PKEY *curve = EVP_PKEY_new();

	assert_non_null(copy);
	assert_int_equal(EVP_PKEY_eq(key, copy), 1);
	/* The private half came along, as a reference. */
	assert_int_equal(atomic_load(&fake.open_keys), 1);
	assert_openssl(EVP_PKEY_copy_parameters(curve, key));
	assert_int_equal(EVP_PKEY_parameters_eq(curve, key), 1);
	assert_int_not_equal(EVP_PKEY_eq(curve, key), 1);
	ERR_clear_error();
	EVP_PKEY_free(curve);
	EVP_PKEY_free(key);
	EVP_PKEY_free(copy);
}

static void
test_evp_set__changes_nothing(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_EC_P256);
	unsigned char *point = NULL;
	const size_t size = EVP_PKEY_get1_encoded_public_key(
	    fake_openssl_key(CLV_EC_P256, 1), &point);

	assert_int_not_equal(
	    EVP_PKEY_set1_encoded_public_key(key, point, size), 1);
	assert_int_equal(EVP_PKEY_eq(key, fake_openssl_key(CLV_EC_P256, 0)), 1);
	ERR_clear_error();
	OPENSSL_free(point);
	EVP_PKEY_free(key);
}

static void
test_evp_check__judges_the_public_half(void **state)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		EVP_PKEY *key = evp_open(*state, algorithms[i]);
		EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

		assert_openssl(EVP_PKEY_public_check(context));
		assert_openssl(EVP_PKEY_check(context));
		EVP_PKEY_CTX_free(context);
		EVP_PKEY_free(key);
	}
}

static void
test_evp_free__gives_the_key_up(void **state)
{
	clv_context *context = evp_context();
	EVP_PKEY *key = evp_open(context, CLV_EC_P256);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char signature[128];
	size_t size = sizeof(signature);

	(void)state;
	/* The context and its OpenSSL go with the last key. */
	clv_context_free(&context);
	assert_openssl(
	    EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key));
	EVP_PKEY_free(key);
	assert_int_equal(atomic_load(&fake.open_keys), 1);
	assert_openssl(
	    EVP_DigestSign(digest, signature, &size, message, sizeof(message)));
	EVP_MD_CTX_free(digest);
	assert_int_equal(atomic_load(&fake.open_keys), 0);
}

static int
sign_once(EVP_PKEY *key, unsigned char *signature, size_t *size)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	const int done =
	    EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(digest, signature, size, message, sizeof(message)) ==
		1;

	EVP_MD_CTX_free(digest);
	return done;
}

static void
test_evp_failure__is_one_entry_with_our_message(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	unsigned char signature[256];
	size_t size = sizeof(signature);
	const char *data = NULL, *function = NULL;
	int flags = 0;
	unsigned long code;

	atomic_store(&fake.fails, CLV_DEVICE_GONE);
	assert_int_equal(sign_once(key, signature, &size), 0);
	code = ERR_get_error_all(NULL, NULL, &function, &data, &flags);
	assert_int_equal(ERR_GET_REASON(code), -CLV_DEVICE_GONE);
	assert_string_equal(ERR_reason_error_string(code), "device gone");
	assert_true(flags & ERR_TXT_STRING);
	assert_string_equal(data, "use fake key: as the test wants it");
	assert_string_equal(function, "claviger");
	assert_int_equal(ERR_peek_error(), 0);
	/* The remedy goes to the log. */
	assert_non_null(strstr(evp_log, "fix: ask for less"));

	atomic_store(&fake.fails, CLV_OK);
	size = sizeof(signature);
	assert_int_equal(sign_once(key, signature, &size), 1);
	EVP_PKEY_free(key);
}

struct worker {
	EVP_PKEY *key;
	unsigned failures;
};

static void *
work(void *argument)
{
	struct worker *worker = argument;
	unsigned char signature[256];

	for (int i = 0; i < 200; i++) {
		size_t size = sizeof(signature);
		EVP_MD_CTX *digest = EVP_MD_CTX_new();

		if (sign_once(worker->key, signature, &size) != 1 ||
		    EVP_DigestVerifyInit(
			digest, NULL, EVP_sha256(), NULL, worker->key) != 1 ||
		    EVP_DigestVerify(
			digest, signature, size, message, sizeof(message)) != 1)
			worker->failures++;
		EVP_MD_CTX_free(digest);
	}
	return NULL;
}

static void
test_evp_threads__share_a_key(void **state)
{
	enum { THREADS = 8 };
	EVP_PKEY *key = evp_open(*state, CLV_EC_P256);
	pthread_t threads[THREADS];
	struct worker workers[THREADS];

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.key = key};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(workers[i].failures, 0);
	}
	EVP_PKEY_free(key);
}

struct outliving {
	EVP_PKEY *key;
	pthread_barrier_t barrier;
};

/* Draws random numbers for the salt, which leaves something of the library
 * context with this thread. */
static void *
sign_and_outlive(void *argument)
{
	struct outliving *outliving = argument;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = NULL;
	unsigned char signature[256];
	size_t size = sizeof(signature);
	const bool done = EVP_DigestSignInit(digest, &context, EVP_sha256(),
			      NULL, outliving->key) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_DigestSign(
		digest, signature, &size, message, sizeof(message)) == 1;

	EVP_MD_CTX_free(digest);
	(void)pthread_barrier_wait(&outliving->barrier);
	(void)pthread_barrier_wait(&outliving->barrier);
	return done ? NULL : argument;
}

static void
test_evp_threads__outlive_key_and_context(void **state)
{
	clv_context *context = evp_context();
	struct outliving outliving = {.key = evp_open(context, CLV_RSA_2048)};
	void *failed = NULL;
	pthread_t thread;

	(void)state;
	atomic_store(&fake.lacks, FAKE_RAW_ONLY);
	assert_int_equal(pthread_barrier_init(&outliving.barrier, NULL, 2), 0);
	assert_int_equal(
	    pthread_create(&thread, NULL, sign_and_outlive, &outliving), 0);
	(void)pthread_barrier_wait(&outliving.barrier);
	EVP_PKEY_free(outliving.key);
	clv_context_free(&context);
	(void)pthread_barrier_wait(&outliving.barrier);
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	(void)pthread_barrier_destroy(&outliving.barrier);
}

static void *
make_and_free(void *argument)
{
	for (int i = 0; i < 50; i++) {
		EVP_PKEY *key = NULL;

		if (clv_key_evp(argument, &key, NULL) != CLV_OK)
			return argument;
		EVP_PKEY_free(key);
	}
	return NULL;
}

static void
test_evp_threads__make_and_free_at_once(void **state)
{
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	clv_key *key = NULL;
	void *failed = NULL;

	assert_ok(clv_key_open(*state, fake_uri(CLV_ED25519, 0), &key, &err));
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, make_and_free, key), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	clv_key_free(&key);
}

static void
test_evp_fork__child_and_parent_go_on(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_EC_P256);
	unsigned char signature[128];
	size_t size = sizeof(signature);
	int status = -1;
	pid_t child;

	assert_int_equal(sign_once(key, signature, &size), 1);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		size = sizeof(signature);
		_exit(sign_once(key, signature, &size) == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	size = sizeof(signature);
	assert_int_equal(sign_once(key, signature, &size), 1);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    EVP_TEST(test_evp_describe__is_like_openssls_own_key),
	    EVP_TEST(test_evp_eq__finds_the_same_key_across_providers),
	    EVP_TEST(test_evp_public__is_written_like_openssls_own_key),
	    EVP_TEST(test_evp_params__tell_the_public_half),
	    EVP_TEST(test_evp_private__is_never_written),
	    EVP_TEST(test_evp_dup__is_the_same_key),
	    EVP_TEST(test_evp_set__changes_nothing),
	    EVP_TEST(test_evp_check__judges_the_public_half),
	    EVP_TEST(test_evp_free__gives_the_key_up),
	    EVP_TEST(test_evp_failure__is_one_entry_with_our_message),
	    EVP_TEST(test_evp_threads__share_a_key),
	    EVP_TEST(test_evp_threads__make_and_free_at_once),
	    EVP_TEST(test_evp_threads__outlive_key_and_context),
	    EVP_TEST(test_evp_fork__child_and_parent_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, evp_forget);
}
