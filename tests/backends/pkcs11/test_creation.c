/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Making keys: whole or not at all, whatever happens meanwhile, and one only
 * of a name, whoever else makes keys. */

#include "p11_lab.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fake/p11_client.h"

#define NAME(FUNCTION) #FUNCTION,
static const char *const functions[] = {P11_PROXY_EACH_FUNCTION(NAME)};
#undef NAME

static clv_context *context;
static clv_store *store;
static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE session;
static clv_secret pkcs8 = CLV_SECRET_INIT;

static void
make_pkcs8(void)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	unsigned char *der = NULL;
	const int size = i2d_PrivateKey(pair, &der);

	assert_ok(clv_secret_set(&pkcs8, der, (size_t)size, &err));
	OPENSSL_free(der);
	EVP_PKEY_free(pair);
}

static int
start(void **state)
{
	if (p11_lab_start(state) != 0 || p11_lab_renew(state) != 0)
		return -1;
	context = p11_context();
	store = p11_store(context);
	p11 = p11_load(lab.proxy_path);
	make_pkcs8();
	return p11 == NULL;
}

static int
stop(void **state)
{
	clv_secret_clear(&pkcs8);
	clv_store_free(&store);
	clv_context_free(&context);
	return p11_lab_stop(state);
}

static void
open_session(void)
{
	assert_int_equal(p11_open(p11, LAB_LABEL, &session), CKR_OK);
	(void)p11_login(p11, session, CKU_USER, LAB_PIN);
}

static void
close_session(void)
{
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

/* All objects of the token with this class, and label if there is one. */
static CK_ULONG
find(CK_OBJECT_CLASS class, const char *label, CK_OBJECT_HANDLE found[8])
{
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)},
	    {CKA_LABEL, (void *)(uintptr_t)label,
		label != NULL ? strlen(label) : 0}};
	CK_ULONG count = 0;

	assert_int_equal(
	    p11->C_FindObjectsInit(session, wanted, label != NULL ? 2 : 1),
	    CKR_OK);
	assert_int_equal(p11->C_FindObjects(session, found, 8, &count), CKR_OK);
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	return count;
}

static CK_ULONG
count(CK_OBJECT_CLASS class, const char *label)
{
	CK_OBJECT_HANDLE found[8];

	return find(class, label, found);
}

/* Nothing is left of the test before. */
static int
renew(void **state)
{
	static const CK_OBJECT_CLASS classes[] = {
	    CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
	CK_OBJECT_HANDLE found[8];

	if (p11_lab_renew(state) != 0)
		return -1;
	open_session();
	for (size_t i = 0; i < 2; i++)
		for (CK_ULONG n = find(classes[i], NULL, found); n > 0;)
			(void)p11->C_DestroyObject(session, found[--n]);
	close_session();
	return 0;
}

static clv_status
make(bool import, const char *label, clv_key **key)
{
	clv_key_options *options = NULL;
	clv_status status;

	assert_ok(clv_key_options_new(&options, &err));
	assert_ok(clv_key_options_set_label(options, label, &err));
	if (import)
		status = clv_key_import(store, &pkcs8, options, key, NULL);
	else
		status =
		    clv_key_generate(store, CLV_EC_P256, options, key, NULL);
	clv_key_options_free(&options);
	return status;
}

/* What is on the token is what was told. */
static void
check_whole(clv_status status, clv_key **key, const char *what)
{
	const CK_ULONG pairs = status == CLV_OK;

	open_session();
	if (count(CKO_PRIVATE_KEY, NULL) != pairs ||
	    count(CKO_PUBLIC_KEY, NULL) != pairs)
		fail_msg("%s: %s, but there are %lu private and %lu public "
			 "keys",
		    what, clv_status_name(status), count(CKO_PRIVATE_KEY, NULL),
		    count(CKO_PUBLIC_KEY, NULL));
	close_session();
	if (status == CLV_OK) {
		assert_ok(lab_sign(*key, &err));
		p11_key_delete(key);
	}
	assert_null(*key);
}

/* The functions that making a key calls at all. */
static void
find_called(bool import, bool called[P11_PROXY_FUNCTIONS])
{
	clv_key *key = NULL;

	lab.proxy->clear_counters();
	assert_ok(make(import, "swept", &key));
	for (size_t f = 0; f < P11_PROXY_FUNCTIONS; f++)
		called[f] = lab.proxy->calls(functions[f]) > 0;
	p11_key_delete(&key);
}

/* One at a time goes wrong with each call that making a key needs, until there
 * are no more. A single loss is made up for. */
static unsigned
sweep(bool import, const char *verb, const char *how, bool made)
{
	bool called[P11_PROXY_FUNCTIONS];
	unsigned hits = 0;

	find_called(import, called);
	for (size_t f = 0; f < P11_PROXY_FUNCTIONS; f++)
		for (unsigned at = 1; called[f]; at++) {
			char what[200];
			clv_key *key = NULL;
			clv_status status;
			uint64_t calls;

			(void)snprintf(what, sizeof(what), "%s %s %s at %u",
			    verb, functions[f], how, at);
			lab.proxy->clear_counters();
			p11_lab_run("%s", what);
			status = make(import, "swept", &key);
			calls = lab.proxy->calls(functions[f]);
			p11_lab_run("clear");
			if (made && status != CLV_OK)
				fail_msg(
				    "%s: %s", what, clv_status_name(status));
			check_whole(status, &key, what);
			if (calls < at)
				break;
			hits++;
		}
	return hits;
}

static void
test_generate__is_whole_after_a_loss_anywhere(void **state)
{
	(void)state;
	assert_true(sweep(false, "blink", "", true) > 20);
}

static void
test_import__is_whole_after_a_loss_anywhere(void **state)
{
	(void)state;
	assert_true(sweep(true, "blink", "", true) > 20);
}

static void
test_creation__is_whole_after_a_late_error_anywhere(void **state)
{
	(void)state;
	assert_true(sweep(false, "fault", "CKR_DEVICE_ERROR late", false) > 20);
	assert_true(
	    sweep(true, "fault", "CKR_FUNCTION_FAILED late", false) > 20);
}

/* A public key of somebody else's, with the label and the id that ours is to
 * have, is none of a failure's business. */
static void
test_creation__that_fails_leaves_a_foreign_public_key(void **state)
{
	static const uint8_t id[] = {0x0b};
	CK_OBJECT_HANDLE found[8];
	clv_key_options *options = NULL;
	CK_ATTRIBUTE label = {CKA_LABEL, (void *)(uintptr_t) "peer", 4};
	clv_key *key = NULL;

	(void)state;
	open_session();
	assert_int_equal(p11_generate_p256(p11, session, id[0]), CKR_OK);
	assert_int_equal(find(CKO_PRIVATE_KEY, NULL, found), 1);
	assert_int_equal(p11->C_DestroyObject(session, found[0]), CKR_OK);
	assert_int_equal(find(CKO_PUBLIC_KEY, NULL, found), 1);
	assert_int_equal(
	    p11->C_SetAttributeValue(session, found[0], &label, 1), CKR_OK);
	assert_ok(clv_key_options_new(&options, &err));
	assert_ok(clv_key_options_set_label(options, "peer", &err));
	assert_ok(clv_key_options_set_id(options, id, sizeof(id), &err));
	p11_lab_run("fault C_GenerateKeyPair CKR_DEVICE_MEMORY");
	assert_fails(CLV_TOO_LARGE,
	    clv_key_generate(store, CLV_EC_P256, options, &key, &err));
	p11_lab_run("clear");
	assert_int_equal(find(CKO_PUBLIC_KEY, "peer", found), 1);
	assert_int_equal(p11->C_DestroyObject(session, found[0]), CKR_OK);
	close_session();
	clv_key_options_free(&options);
}

#define RACERS 3

/* In a process of its own; exits with what came of it. */
static void
race(void)
{
	clv_context *own = p11_context();
	clv_key_options *options = NULL;
	clv_store *stored = NULL;
	clv_key *key = NULL;
	clv_status status = clv_key_options_new(&options, NULL);

	if (status == CLV_OK)
		status = clv_key_options_set_label(options, "race", NULL);
	if (status == CLV_OK)
		status = clv_store_open(own, p11_uri("", ""), &stored, NULL);
	if (status == CLV_OK)
		status =
		    clv_key_generate(stored, CLV_EC_P256, options, &key, NULL);
	clv_key_options_free(&options);
	clv_key_free(&key);
	clv_store_free(&stored);
	clv_context_free(&own);
	_exit(status == CLV_OK ? 0 : status == CLV_EXISTS ? 1 : 2);
}

/* All look whether the label is free before any of them has made its key. */
static void
test_label__is_given_once_in_a_race(void **state)
{
	unsigned results[3] = {0};

	(void)state;
	p11_lab_run("delay C_GenerateKeyPair 300000");
	for (int i = 0; i < RACERS; i++) {
		const pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			race();
	}
	for (int i = 0; i < RACERS; i++) {
		int result = 0;

		assert_true(wait(&result) > 0);
		assert_true(WIFEXITED(result) && WEXITSTATUS(result) < 3);
		results[WEXITSTATUS(result)]++;
	}
	p11_lab_run("clear");
	open_session();
	assert_int_equal(results[2], 0);
	assert_int_equal(results[0], 1);
	assert_int_equal(count(CKO_PRIVATE_KEY, NULL), 1);
	assert_int_equal(count(CKO_PUBLIC_KEY, NULL), 1);
	close_session();
	assert_ok(clv_key_delete(context, p11_uri("object=race", ""), &err));
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup(NAME, renew)
	const struct CMUnitTest tests[] = {
	    TEST(test_generate__is_whole_after_a_loss_anywhere),
	    TEST(test_import__is_whole_after_a_loss_anywhere),
	    TEST(test_creation__is_whole_after_a_late_error_anywhere),
	    TEST(test_creation__that_fails_leaves_a_foreign_public_key),
	    TEST(test_label__is_given_once_in_a_race),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
