/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The provider in a program's own library context: it must not be in the way
 * of keys that are not ours, wherever OpenSSL finds it first.
 */

#include <claviger/openssl.h>

#include <string.h>

#include <openssl/core.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "unit/keys/evp_fixture.h"
#include "unit/keys/tls_fixture.h"

static const unsigned char message[] = "the quick brown fox";

static int
setup(void **state)
{
	static struct evp_world world;

	evp_world_open(&world);
	*state = &world;
	return 0;
}

static int
teardown(void **state)
{
	return evp_world_close(*state);
}

/* A new key from the provider of ours or theirs, as `properties` say. */
static EVP_PKEY *
generate(OSSL_LIB_CTX *libctx, const char *properties, const char *type)
{
	if (strcmp(type, "RSA") == 0)
		return EVP_PKEY_Q_keygen(
		    libctx, properties, type, (size_t)2048);
	if (strncmp(type, "ED", 2) == 0)
		return EVP_PKEY_Q_keygen(libctx, properties, type);
	return EVP_PKEY_Q_keygen(libctx, properties, "EC", type);
}

static const char *const types[] = {
    "RSA", "P-256", "secp521r1", "ED25519", "ED448"};
#define TYPES (sizeof(types) / sizeof(types[0]))

static const EVP_MD *
digest_of(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC")
	    ? EVP_sha256()
	    : NULL;
}

static void
sign_and_verify(OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
	const EVP_MD *md = digest_of(key);
	const char *name = md != NULL ? EVP_MD_get0_name(md) : NULL;
	unsigned char signature[512];
	size_t size = sizeof(signature);

	assert_openssl(
	    EVP_DigestSignInit_ex(digest, NULL, name, libctx, NULL, key, NULL));
	assert_openssl(EVP_MD_CTX_copy_ex(copy, digest));
	assert_openssl(
	    EVP_DigestSign(copy, signature, &size, message, sizeof(message)));
	assert_openssl(EVP_DigestVerifyInit_ex(
	    digest, NULL, name, libctx, NULL, key, NULL));
	assert_openssl(EVP_DigestVerify(
	    digest, signature, size, message, sizeof(message)));
	EVP_MD_CTX_free(digest);
	EVP_MD_CTX_free(copy);
}

static void
encrypt_and_decrypt(OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
	unsigned char ciphertext[256], plain[256];
	size_t size = sizeof(ciphertext), plain_size = sizeof(plain);

	assert_openssl(EVP_PKEY_encrypt_init(context));
	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING));
	assert_openssl(EVP_PKEY_encrypt(
	    context, ciphertext, &size, message, sizeof(message)));
	assert_openssl(EVP_PKEY_decrypt_init(context));
	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING));
	assert_openssl(
	    EVP_PKEY_decrypt(context, plain, &plain_size, ciphertext, size));
	assert_int_equal(plain_size, sizeof(message));
	EVP_PKEY_CTX_free(context);
}

static void
test_provider__tells_who_it_is(void **state)
{
	const struct evp_world *world = *state;
	const char *version = NULL;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_ptr(
		OSSL_PROV_PARAM_VERSION, (char **)(uintptr_t)&version, 0),
	    OSSL_PARAM_construct_end()};

	assert_openssl(OSSL_PROVIDER_get_params(world->ours, params));
	assert_string_equal(version, clv_version());
}

static void
test_provider__software_keys_from_ours_work(void **state)
{
	const struct evp_world *world = *state;

	for (size_t i = 0; i < TYPES; i++) {
		EVP_PKEY *key =
		    generate(world->libctx, "provider=claviger", types[i]);

		assert_openssl(key != NULL);
		assert_ptr_equal(EVP_PKEY_get0_provider(key), world->ours);
		sign_and_verify(world->libctx, key);
		if (i == 0)
			encrypt_and_decrypt(world->libctx, key);
		EVP_PKEY_free(key);
	}
}

static void
test_provider__software_keys_of_others_stay_theirs(void **state)
{
	const struct evp_world *world = *state;

	for (size_t i = 0; i < TYPES; i++) {
		EVP_PKEY *key =
		    generate(world->libctx, "provider=default", types[i]);

		assert_ptr_equal(EVP_PKEY_get0_provider(key), world->theirs);
		sign_and_verify(world->libctx, key);
		if (i == 0)
			encrypt_and_decrypt(world->libctx, key);
		EVP_PKEY_free(key);
	}
}

static void
test_provider__software_keys_can_be_written(void **state)
{
	const struct evp_world *world = *state;

	for (size_t i = 0; i < TYPES; i++) {
		EVP_PKEY *key =
		    generate(world->libctx, "provider=claviger", types[i]);
		EVP_PKEY *copy = EVP_PKEY_dup(key), *read;
		unsigned char *der = NULL;
		const int size = i2d_PrivateKey(key, &der);
		const unsigned char *at = der;

		assert_true(size > 0);
		read =
		    d2i_AutoPrivateKey_ex(NULL, &at, size, world->libctx, NULL);
		assert_openssl(EVP_PKEY_eq(key, read));
		assert_openssl(EVP_PKEY_eq(read, copy));
		sign_and_verify(world->libctx, copy);
		OPENSSL_clear_free(der, (size_t)size);
		EVP_PKEY_free(read);
		EVP_PKEY_free(copy);
		EVP_PKEY_free(key);
	}
}

/* A program may have a public key only, and ask by name. */
static void
test_provider__public_keys_can_be_imported(void **state)
{
	const struct evp_world *world = *state;

	for (size_t i = 0; i < TYPES; i++) {
		EVP_PKEY *whole = generate(NULL, NULL, types[i]), *key = NULL;
		OSSL_PARAM *params = NULL;
		EVP_PKEY_CTX *context =
		    EVP_PKEY_CTX_new_from_name(world->libctx,
			EVP_PKEY_get0_type_name(whole), "provider=claviger");

		assert_openssl(
		    EVP_PKEY_todata(whole, EVP_PKEY_PUBLIC_KEY, &params));
		assert_openssl(EVP_PKEY_fromdata_init(context));
		assert_openssl(EVP_PKEY_fromdata(
		    context, &key, EVP_PKEY_PUBLIC_KEY, params));
		assert_openssl(EVP_PKEY_eq(key, whole));
		assert_int_equal(EVP_PKEY_missing_parameters(key), 0);
		OSSL_PARAM_free(params);
		EVP_PKEY_CTX_free(context);
		EVP_PKEY_free(key);
		EVP_PKEY_free(whole);
	}
}

/* As TLS does it: parameters, a key from them, the peer's point. */
static void
test_provider__ecdh_works_with_software_keys(void **state)
{
	const struct evp_world *world = *state;
	EVP_PKEY *mine = generate(world->libctx, "provider=claviger", "P-256");
	EVP_PKEY *yours = generate(world->libctx, "provider=default", "P-256");
	EVP_PKEY *peer = EVP_PKEY_new();
	EVP_PKEY_CTX *context;
	unsigned char *point = NULL, secret[2][32];
	const size_t point_size =
	    EVP_PKEY_get1_encoded_public_key(yours, &point);
	size_t size = sizeof(secret[0]);

	assert_openssl(EVP_PKEY_copy_parameters(peer, mine));
	assert_openssl(
	    EVP_PKEY_set1_encoded_public_key(peer, point, point_size));
	assert_openssl(EVP_PKEY_eq(peer, yours));
	context = EVP_PKEY_CTX_new_from_pkey(world->libctx, mine, NULL);
	assert_openssl(EVP_PKEY_derive_init(context));
	assert_openssl(EVP_PKEY_derive_set_peer(context, peer));
	assert_openssl(EVP_PKEY_derive(context, secret[0], &size));
	EVP_PKEY_CTX_free(context);
	context = EVP_PKEY_CTX_new_from_pkey(world->libctx, yours, NULL);
	assert_openssl(EVP_PKEY_derive_init(context));
	assert_openssl(EVP_PKEY_derive_set_peer(context, mine));
	assert_openssl(EVP_PKEY_derive(context, secret[1], &size));
	EVP_PKEY_CTX_free(context);
	assert_memory_equal(secret[0], secret[1], size);
	OPENSSL_free(point);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(yours);
	EVP_PKEY_free(mine);
}

/* TLS makes ephemeral keys by name only. */
static void
test_provider__tls_works_beside_it(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	static const char *const groups[] = {"P-256", "P-384", "X25519"};
	const struct evp_world *world = *state;
	EVP_PKEY *key = generate(NULL, NULL, "RSA");
	EVP_PKEY *other = generate(NULL, NULL, "ED25519");
	X509 *server = evp_certificate(key, "s", NULL, NULL, EVP_sha256());
	X509 *client = evp_certificate(other, "c", NULL, NULL, NULL);

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 3; j++)
			tls_connect(
			    &(struct tls_options){.libctx = world->libctx,
				.version = versions[i],
				.groups = groups[j]},
			    server, key, client, other);
	X509_free(server);
	X509_free(client);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void
test_provider__clv_keys_work_beside_it(void **state)
{
	const struct evp_world *world = *state;
	clv_context *context;
	EVP_PKEY *key;

	fake_reset();
	context = evp_context();
	key = evp_open(context, CLV_RSA_2048);
	sign_and_verify(world->libctx, key);
	encrypt_and_decrypt(world->libctx, key);
	EVP_PKEY_free(key);
	clv_context_free(&context);
	fake_forget();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_provider__tells_who_it_is),
	    TEST(test_provider__software_keys_from_ours_work),
	    TEST(test_provider__software_keys_of_others_stay_theirs),
	    TEST(test_provider__software_keys_can_be_written),
	    TEST(test_provider__public_keys_can_be_imported),
	    TEST(test_provider__ecdh_works_with_software_keys),
	    TEST(test_provider__tls_works_beside_it),
	    TEST(test_provider__clv_keys_work_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
