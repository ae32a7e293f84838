/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Keys by name: OSSL_STORE, PEM files that lead to a key, passphrases. */

#include <claviger/openssl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "unit/keys/evp_fixture.h"

static const unsigned char message[] = "the quick brown fox";

struct world {
	struct evp_world evp;
	char directory[64];
	char path[96];   /* of a plain P-256 key */
	char locked[96]; /* the same, with the password "sesame" */
	EVP_PKEY *own;
};

static void
write_key(const char *path, EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_openssl(PEM_write_PKCS8PrivateKey(file, key, cipher,
	    cipher != NULL ? "sesame" : NULL, 6, NULL, NULL));
	assert_int_equal(fclose(file), 0);
}

static int
setup(void **state)
{
	static struct world world;

	(void)umask(077);
	(void)snprintf(world.directory, sizeof(world.directory),
	    "/tmp/claviger-store.XXXXXX");
	assert_non_null(mkdtemp(world.directory));
	(void)snprintf(
	    world.path, sizeof(world.path), "%s/key.pem", world.directory);
	(void)snprintf(world.locked, sizeof(world.locked), "%s/locked.pem",
	    world.directory);
	world.own = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	write_key(world.path, world.own, NULL);
	write_key(world.locked, world.own, EVP_aes_256_cbc());
	evp_world_open(&world.evp);
	*state = &world;
	return 0;
}

static int
teardown(void **state)
{
	struct world *world = *state;
	const int status = evp_world_close(&world->evp);

	EVP_PKEY_free(world->own);
	(void)unlink(world->path);
	(void)unlink(world->locked);
	(void)rmdir(world->directory);
	return status;
}

/* A passphrase and how often it was asked for. */
struct person {
	const char *passphrase;
	int asked;
};

static int
answer(UI *ui, UI_STRING *string)
{
	struct person *person = UI_get0_user_data(ui);

	if (UI_get_string_type(string) != UIT_PROMPT)
		return 1;
	person->asked++;
	if (person->passphrase == NULL)
		return 0;
	return UI_set_result(ui, string, person->passphrase) == 0;
}

/* What a store has, of the expected kind (0: all). */
static OSSL_STORE_INFO *
load(const struct world *world, const char *uri, int expected,
    struct person *person)
{
	UI_METHOD *method = UI_create_method("a person in a test");
	OSSL_STORE_CTX *store;
	OSSL_STORE_INFO *info = NULL;

	assert_int_equal(UI_method_set_reader(method, answer), 0);
	store = OSSL_STORE_open_ex(
	    uri, world->evp.libctx, NULL, method, person, NULL, NULL, NULL);
	assert_openssl(store != NULL);
	if (expected != 0)
		assert_openssl(OSSL_STORE_expect(store, expected));
	while (info == NULL && !OSSL_STORE_eof(store))
		info = OSSL_STORE_load(store);
	(void)OSSL_STORE_close(store);
	UI_destroy_method(method);
	return info;
}

static EVP_PKEY *
load_key(const struct world *world, const char *scheme, const char *path,
    struct person *person)
{
	char uri[160];
	OSSL_STORE_INFO *info;
	EVP_PKEY *key = NULL;

	(void)snprintf(uri, sizeof(uri), "claviger:%s:%s", scheme, path);
	info = load(world, uri, OSSL_STORE_INFO_PKEY, person);
	if (info != NULL)
		key = OSSL_STORE_INFO_get1_PKEY(info);
	OSSL_STORE_INFO_free(info);
	return key;
}

static int
sign(const struct world *world, EVP_PKEY *key)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char signature[128];
	size_t size = sizeof(signature);
	int done = EVP_DigestSignInit_ex(digest, NULL, "SHA256",
		       world->evp.libctx, NULL, key, NULL) == 1 &&
	    EVP_DigestSign(
		digest, signature, &size, message, sizeof(message)) == 1;

	if (done)
		done = EVP_DigestVerifyInit(
			   digest, NULL, EVP_sha256(), NULL, world->own) == 1 &&
		    EVP_DigestVerify(
			digest, signature, size, message, sizeof(message)) == 1;
	EVP_MD_CTX_free(digest);
	return done;
}

static void
test_store__opens_a_key_that_signs(void **state)
{
	const struct world *world = *state;
	struct person nobody = {NULL, 0};
	EVP_PKEY *key = load_key(world, "file", world->path, &nobody);

	assert_openssl(key != NULL);
	assert_ptr_equal(EVP_PKEY_get0_provider(key), world->evp.ours);
	assert_int_equal(EVP_PKEY_eq(key, world->own), 1);
	assert_openssl(sign(world, key));
	assert_int_equal(nobody.asked, 0);
	EVP_PKEY_free(key);
}

static void
test_store__asks_the_program_for_the_passphrase(void **state)
{
	const struct world *world = *state;
	struct person person = {"sesame", 0};
	EVP_PKEY *key = load_key(world, "pem", world->locked, &person);

	assert_openssl(key != NULL);
	assert_openssl(sign(world, key));
	assert_int_equal(person.asked, 1);
	EVP_PKEY_free(key);
}

/* Each wrong PIN brings a token nearer to its lock. */
static void
test_store__tries_a_wrong_passphrase_once(void **state)
{
	const struct world *world = *state;
	struct person person = {"wrong", 0};

	assert_null(load_key(world, "pem", world->locked, &person));
	assert_int_equal(person.asked, 1);
	assert_int_equal(ERR_GET_REASON(ERR_peek_error()), -CLV_AUTH);
	ERR_clear_error();
	person = (struct person){NULL, 0};
	assert_null(load_key(world, "pem", world->locked, &person));
	assert_int_equal(person.asked, 1);
	ERR_clear_error();
}

static void
test_store__gives_what_is_expected_only(void **state)
{
	const struct world *world = *state;
	struct person nobody = {NULL, 0};
	char uri[160];
	OSSL_STORE_INFO *info;

	(void)snprintf(uri, sizeof(uri), "claviger:file:%s", world->path);
	info = load(world, uri, 0, &nobody);
	assert_int_equal(OSSL_STORE_INFO_get_type(info), OSSL_STORE_INFO_PKEY);
	OSSL_STORE_INFO_free(info);
	assert_null(load(world, uri, OSSL_STORE_INFO_CERT, &nobody));
	assert_null(load(world, uri, OSSL_STORE_INFO_CRL, &nobody));
	ERR_clear_error();
}

static void
test_store__failure_says_why_and_what_mends_it(void **state)
{
	const struct world *world = *state;
	struct person nobody = {NULL, 0};
	const char *data = NULL;
	int flags = 0;
	unsigned long code;

	assert_int_equal(chmod(world->path, 0644), 0);
	assert_null(load_key(world, "file", world->path, &nobody));
	code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
	assert_int_equal(ERR_GET_REASON(code), -CLV_POLICY);
	assert_non_null(strstr(data, "fix: chmod 0600 "));
	assert_int_equal(ERR_peek_error(), 0);
}

/* The PEM file for programs that open nothing else. */
static EVP_PKEY *
follow(const struct world *world, const char *uri, struct person *person,
    pem_password_cb *callback)
{
	BIO *pem = BIO_new(BIO_s_mem());
	EVP_PKEY *key;

	assert_true(PEM_write_bio(pem, "CLAVIGER KEY URI", "",
			(const unsigned char *)uri, (long)strlen(uri)) > 0);
	key = PEM_read_bio_PrivateKey_ex(
	    pem, NULL, callback, person, world->evp.libctx, NULL);
	BIO_free(pem);
	return key;
}

static int
answer_pem(char *buffer, int size, int writing, void *user)
{
	struct person *person = user;

	(void)writing;
	person->asked++;
	return snprintf(buffer, (size_t)size, "%s", person->passphrase);
}

static void
test_reference__leads_to_the_key(void **state)
{
	const struct world *world = *state;
	struct person person = {"sesame", 0};
	char uri[160];
	EVP_PKEY *key;

	(void)snprintf(uri, sizeof(uri), "claviger:file:%s", world->path);
	key = follow(world, uri, &person, answer_pem);
	assert_openssl(key != NULL);
	assert_openssl(sign(world, key));
	assert_int_equal(person.asked, 0);
	EVP_PKEY_free(key);
	(void)snprintf(uri, sizeof(uri), "claviger:pem:%s", world->locked);
	key = follow(world, uri, &person, answer_pem);
	assert_openssl(key != NULL);
	assert_openssl(sign(world, key));
	assert_int_equal(person.asked, 1);
	EVP_PKEY_free(key);
}

static void
test_reference__that_leads_nowhere_is_refused(void **state)
{
	static const char *const uris[] = {"claviger:", "claviger:file:",
	    "claviger:file:/nowhere/key.pem", "claviger:nothing:x", "x"};
	const struct world *world = *state;
	struct person person = {"sesame", 0};
	char other[160];
	char *large = malloc(20000);

	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++)
		assert_null(follow(world, uris[i], &person, answer_pem));
	/* Not a key's URI with "claviger:" before it. */
	(void)snprintf(other, sizeof(other), "file:%s", world->path);
	assert_null(follow(world, other, &person, answer_pem));
	memset(large, 'x', 19999);
	large[19999] = '\0';
	memcpy(large, "claviger:file:/", 15);
	assert_null(follow(world, large, &person, answer_pem));
	free(large);
	ERR_clear_error();
}

static void
test_provider__unloaded_with_a_key_in_use(void **state)
{
	struct world *world = *state;
	struct person nobody = {NULL, 0};
	EVP_PKEY *key = load_key(world, "file", world->path, &nobody);
	EVP_PKEY *copy;

	assert_openssl(key != NULL);
	assert_openssl(OSSL_PROVIDER_unload(world->evp.ours));
	world->evp.ours = NULL;
	/* Whether it still signs is OpenSSL's affair; it may not crash. */
	(void)sign(world, key);
	copy = EVP_PKEY_dup(key);
	EVP_PKEY_free(copy);
	EVP_PKEY_free(key);
	ERR_clear_error();
}

static void
test_provider__can_be_loaded_again(void **state)
{
	struct world *world = *state;
	struct person nobody = {NULL, 0};

	for (int i = 0; i < 5; i++) {
		EVP_PKEY *key = load_key(world, "file", world->path, &nobody);

		assert_openssl(key != NULL);
		assert_openssl(sign(world, key));
		EVP_PKEY_free(key);
		assert_openssl(OSSL_PROVIDER_unload(world->evp.ours));
		world->evp.ours =
		    OSSL_PROVIDER_load(world->evp.libctx, "claviger");
		assert_non_null(world->evp.ours);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_store__opens_a_key_that_signs),
	    TEST(test_store__asks_the_program_for_the_passphrase),
	    TEST(test_store__tries_a_wrong_passphrase_once),
	    TEST(test_store__gives_what_is_expected_only),
	    TEST(test_store__failure_says_why_and_what_mends_it),
	    TEST(test_reference__leads_to_the_key),
	    TEST(test_reference__that_leads_nowhere_is_refused),
	    TEST(test_provider__unloaded_with_a_key_in_use),
	    TEST(test_provider__can_be_loaded_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
