/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What is on the token: how keys are kept, listed and deleted, and the
 * certificates beside them. */

#include "p11_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <claviger/certificate.h>

#include "fake/p11_client.h"

static clv_context *context;
static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE session;
static clv_store *held; /* keeps the module initialised */

/* Our own session stands beside the backend's, on the same module. */
static int
start(void **state)
{
	if (p11_lab_start(state) != 0 || p11_lab_renew(state) != 0)
		return -1;
	context = p11_context();
	held = p11_store(context);
	p11 = p11_load(lab.proxy_path);
	return p11 == NULL;
}

static int
stop(void **state)
{
	clv_store_free(&held);
	clv_context_free(&context);
	return p11_lab_stop(state);
}

static CK_OBJECT_HANDLE
find(CK_OBJECT_CLASS class, const char *label)
{
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)},
	    {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	CK_OBJECT_HANDLE found[2];
	CK_ULONG count = 0;

	assert_int_equal(p11->C_FindObjectsInit(session, wanted, 2), CKR_OK);
	assert_int_equal(p11->C_FindObjects(session, found, 2, &count), CKR_OK);
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	assert_true(count <= 1);
	return count == 1 ? found[0] : CK_INVALID_HANDLE;
}

static bool
flag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 77;
	CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};

	assert_int_equal(
	    p11->C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	return value == CK_TRUE;
}

static void
open_session(void)
{
	assert_int_equal(p11_open(p11, LAB_LABEL, &session), CKR_OK);
}

static void
check_private(const char *label, bool rsa)
{
	const CK_OBJECT_HANDLE key = find(CKO_PRIVATE_KEY, label);

	assert_int_not_equal(key, CK_INVALID_HANDLE);
	assert_true(flag(key, CKA_TOKEN));
	assert_true(flag(key, CKA_PRIVATE));
	assert_true(flag(key, CKA_SENSITIVE));
	assert_false(flag(key, CKA_EXTRACTABLE));
	assert_true(flag(key, CKA_SIGN));
	assert_int_equal(flag(key, CKA_DECRYPT), rsa);
	assert_false(flag(key, CKA_UNWRAP));
	assert_false(flag(key, CKA_DERIVE));
}

static void
test_key__is_kept_as_it_should(void **state)
{
	static const struct {
		clv_algorithm algorithm;
		bool rsa;
	} kinds[] = {
	    {CLV_RSA_2048, true}, {CLV_EC_P256, false}, {CLV_ED25519, false}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		clv_key *key = p11_key(context, kinds[i].algorithm, "kept");
		size_t size = 0;

		open_session();
		check_private("kept", kinds[i].rsa);
		assert_int_not_equal(
		    find(CKO_PUBLIC_KEY, "kept"), CK_INVALID_HANDLE);
		assert_false(clv_key_properties(key) & CLV_KEY_EXTRACTABLE);
		assert_true(clv_key_properties(key) & CLV_KEY_GENERATED_LOCAL);
		/* SoftHSM is not hardware, and does not say so. */
		assert_false(clv_key_properties(key) & CLV_KEY_HARDWARE);
		(void)clv_key_id(key, &size);
		assert_int_equal(size, 20);
		assert_ok(lab_sign(key, &err));
		p11_key_delete(&key);
		assert_int_equal(
		    find(CKO_PRIVATE_KEY, "kept"), CK_INVALID_HANDLE);
		assert_int_equal(
		    find(CKO_PUBLIC_KEY, "kept"), CK_INVALID_HANDLE);
		assert_int_equal(p11->C_CloseSession(session), CKR_OK);
	}
}

/* As careless programs make keys. */
static void
make_extractable(const char *label)
{
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_BYTE curve[] = {
	    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
	CK_BYTE id[] = {0x77};
	CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE public[] = {{CKA_EC_PARAMS, curve, sizeof(curve)},
	    {CKA_TOKEN, &yes, 1}, {CKA_ID, id, 1}};
	CK_ATTRIBUTE private[] = {{CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1},
	    {CKA_SENSITIVE, &no, 1}, {CKA_EXTRACTABLE, &yes, 1},
	    {CKA_SIGN, &yes, 1}, {CKA_ID, id, 1},
	    {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	CK_OBJECT_HANDLE pair[2];

	assert_int_equal(p11->C_GenerateKeyPair(session, &mechanism, public, 3,
			     private, 7, &pair[0], &pair[1]),
	    CKR_OK);
}

static const struct clv_key_entry *
entry_of(const clv_key_list *list, const char *label)
{
	for (size_t i = 0; i < clv_key_list_count(list); i++)
		if (strcmp(clv_key_list_at(list, i)->label, label) == 0)
			return clv_key_list_at(list, i);
	return NULL;
}

static void
test_extractable__is_refused_unless_allowed(void **state)
{
	clv_key *anchor = p11_key(context, CLV_EC_P256, "anchor");
	clv_key_list *list = NULL;
	clv_store *store = p11_store(context);
	clv_key *key = NULL;

	(void)state;
	open_session();
	make_extractable("careless");
	assert_fails(CLV_POLICY,
	    clv_key_open(context, p11_uri("object=careless", ""), &key, &err));
	assert_ok(clv_key_open(context,
	    p11_uri("object=careless", "insecure-extractable=yes"), &key,
	    &err));
	assert_true(clv_key_properties(key) & CLV_KEY_EXTRACTABLE);
	assert_ok(lab_sign(key, &err));
	assert_ok(clv_key_list_get(store, &list, &err));
	assert_non_null(entry_of(list, "careless")->problem);
	assert_null(entry_of(list, "anchor")->problem);
	clv_key_list_free(&list);
	clv_store_free(&store);
	p11_key_delete(&key);
	p11_key_delete(&anchor);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void
make_odd_objects(void)
{
	CK_OBJECT_CLASS classes[] = {CKO_DATA, CKO_SECRET_KEY};
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE;
	CK_BYTE value[] = {1, 2, 3, 4, 5, 6, 7, 8};
	CK_OBJECT_HANDLE object;
	CK_ATTRIBUTE data[] = {{CKA_CLASS, &classes[0], sizeof(classes[0])},
	    {CKA_TOKEN, &yes, 1}, {CKA_VALUE, value, sizeof(value)}};
	CK_ATTRIBUTE secret[] = {{CKA_CLASS, &classes[1], sizeof(classes[1])},
	    {CKA_KEY_TYPE, &generic, sizeof(generic)}, {CKA_TOKEN, &yes, 1},
	    {CKA_VALUE, value, sizeof(value)}};

	assert_int_equal(
	    p11->C_CreateObject(session, data, 3, &object), CKR_OK);
	assert_int_equal(
	    p11->C_CreateObject(session, secret, 4, &object), CKR_OK);
}

/* Put together by us, it is what OpenSSL makes of the key. */
static void
check_public(const clv_key *key)
{
	size_t size = 0;
	const uint8_t *der = clv_key_public(key, &size);
	const unsigned char *from = der;
	EVP_PKEY *public = d2i_PUBKEY(NULL, &from, (long)size);
	unsigned char *again = NULL;

	assert_non_null(public);
	assert_int_equal(i2d_PUBKEY(public, &again), size);
	assert_memory_equal(again, der, size);
	OPENSSL_free(again);
	EVP_PKEY_free(public);
}

static void
test_list__sees_all_whatever_else_there_is(void **state)
{
	static const clv_algorithm algorithms[] = {CLV_RSA_2048, CLV_EC_P256,
	    CLV_EC_P384, CLV_EC_BRAINPOOL256, CLV_ED25519, CLV_ED448};
	clv_store *store = p11_store(context);
	clv_key_list *list = NULL;
	clv_key *keys[6];
	CK_OBJECT_HANDLE lonely;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		keys[i] = p11_key(context, algorithms[i],
		    clv_algorithm_describe(algorithms[i])->name);
	open_session();
	/* CKA_ID 9 without a public half, and a curve that is not ours. */
	assert_int_equal(p11_generate_p256(p11, session, 9), CKR_OK);
	assert_int_equal(
	    p11_find_key(p11, session, CKO_PUBLIC_KEY, 9, &lonely), CKR_OK);
	assert_int_equal(p11->C_DestroyObject(session, lonely), CKR_OK);
	make_odd_objects();
	assert_ok(clv_key_list_get(store, &list, &err));
	assert_int_equal(clv_key_list_count(list), 7);
	for (size_t i = 0; i < 6; i++) {
		const struct clv_key_entry *entry =
		    entry_of(list, clv_algorithm_describe(algorithms[i])->name);

		assert_non_null(entry);
		check_public(keys[i]);
		assert_int_equal(entry->algorithm, algorithms[i]);
		assert_null(entry->problem);
		assert_string_equal(entry->uri, clv_key_uri(keys[i]));
	}
	for (size_t i = 0; i < 7; i++)
		assert_true((clv_key_list_at(list, i)->algorithm ==
				CLV_ALGORITHM_NONE) ==
		    (clv_key_list_at(list, i)->problem != NULL));
	clv_key_list_free(&list);
	for (size_t i = 0; i < 6; i++)
		p11_key_delete(&keys[i]);
	assert_int_equal(
	    p11_find_key(p11, session, CKO_PRIVATE_KEY, 9, &lonely), CKR_OK);
	assert_int_equal(p11->C_DestroyObject(session, lonely), CKR_OK);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
	clv_store_free(&store);
}

/* As pkcs11-tool does it without --id, or programs with much to say. */
static void
make_pair(const char *label, const CK_BYTE *id, CK_ULONG id_size)
{
	CK_BBOOL yes = CK_TRUE;
	CK_BBOOL no = CK_FALSE;
	CK_BYTE curve[] = {
	    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
	CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE public[] = {{CKA_EC_PARAMS, curve, sizeof(curve)},
	    {CKA_TOKEN, &yes, 1},
	    {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
	    {CKA_ID, (void *)(uintptr_t)id, id_size}};
	CK_ATTRIBUTE private[] = {{CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1},
	    {CKA_SENSITIVE, &yes, 1}, {CKA_EXTRACTABLE, &no, 1},
	    {CKA_SIGN, &yes, 1},
	    {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
	    {CKA_ID, (void *)(uintptr_t)id, id_size}};
	const CK_ULONG skipped = id_size == 0 ? 1 : 0;
	CK_OBJECT_HANDLE pair[2];

	assert_int_equal(
	    p11->C_GenerateKeyPair(session, &mechanism, public, 4 - skipped,
		private, 7 - skipped, &pair[0], &pair[1]),
	    CKR_OK);
}

/* Opens it, uses it, loses it, uses it again, and deletes it. */
static void
live_through_a_loss(const char *path, const char *label)
{
	clv_key *key = NULL;

	assert_ok(clv_key_open(context, p11_uri(path, ""), &key, &err));
	assert_ok(lab_sign(key, &err));
	p11_lab_run("remove; insert");
	assert_ok(lab_sign(key, &err));
	p11_key_delete(&key);
	open_session();
	assert_int_equal(find(CKO_PRIVATE_KEY, label), CK_INVALID_HANDLE);
	assert_int_equal(find(CKO_PUBLIC_KEY, label), CK_INVALID_HANDLE);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void
test_key__without_an_id_goes_by_its_label(void **state)
{
	clv_key *anchor = p11_key(context, CLV_EC_P256, "numbered");

	(void)state;
	open_session();
	make_pair("unnumbered", NULL, 0);
	live_through_a_loss("object=unnumbered", "unnumbered");
	assert_ok(lab_sign(anchor, &err));
	p11_key_delete(&anchor);
}

static void
test_key__with_an_endless_label_goes_by_its_id(void **state)
{
	static const CK_BYTE id[] = {0x55, 0x66};
	clv_key *anchor = p11_key(context, CLV_EC_P256, "short");
	char label[400];

	(void)state;
	memset(label, 'x', sizeof(label));
	label[sizeof(label) - 1] = '\0';
	open_session();
	make_pair(label, id, sizeof(id));
	live_through_a_loss("id=%55%66", label);
	p11_key_delete(&anchor);
}

static void
test_fallback__pads_what_the_token_lacks(void **state)
{
	clv_key *key = p11_key(context, CLV_RSA_2048, "padded");
	clv_key *again = NULL;
	struct clv_probe_entry entries[CLV_PROBE_MAX];
	size_t count = 0;

	(void)state;
	assert_int_equal(clv_key_can(key, CLV_RSA_PSS_SHA256), CLV_PATH_NATIVE);
	assert_ok(lab_sign_scheme(key, CLV_RSA_PSS_SHA256, &err));
	/* SoftHSM has OAEP, but with SHA-1 only: found out by trying. */
	assert_ok(lab_decrypt(key, CLV_RSA_OAEP_SHA256, &err));
	assert_int_equal(
	    clv_key_can(key, CLV_RSA_OAEP_SHA256), CLV_PATH_PADDED);
	assert_int_equal(clv_key_can(key, CLV_RSA_OAEP_SHA1), CLV_PATH_NATIVE);
	assert_ok(lab_decrypt(key, CLV_RSA_OAEP_SHA1, &err));
	assert_ok(lab_decrypt(key, CLV_RSA_PKCS1, &err));
	p11_lab_run("hide CKM_RSA_PKCS_PSS; hide CKM_RSA_PKCS_OAEP");
	assert_ok(clv_key_open(context, clv_key_uri(key), &again, &err));
	assert_int_equal(
	    clv_key_can(again, CLV_RSA_PSS_SHA256), CLV_PATH_PADDED);
	assert_ok(lab_sign_scheme(again, CLV_RSA_PSS_SHA256, &err));
	assert_ok(lab_decrypt(again, CLV_RSA_OAEP_SHA1, &err));
	assert_ok(clv_key_probe(again, entries, &count, &err));
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++)
		assert_true(entries[i].serves);
	clv_key_free(&again);
	p11_lab_run("reset");
	p11_key_delete(&key);
}

static void
self_sign(clv_key *key, const char *name, uint8_t **der, size_t *size)
{
	clv_subject *subject = NULL;

	assert_ok(clv_subject_new(&subject, &err));
	assert_ok(
	    clv_subject_set_application_uri(subject, "urn:test:app", &err));
	assert_ok(clv_subject_set_common_name(subject, name, &err));
	assert_ok(clv_certificate_self_sign(key, subject, 1, der, size, &err));
	clv_subject_free(&subject);
}

static void
test_certificates__are_replaced_and_go_with_the_key(void **state)
{
	clv_key *key = p11_key(context, CLV_EC_P256, "certified");
	uint8_t *first = NULL;
	uint8_t *second = NULL;
	uint8_t *read = NULL;
	size_t first_size = 0;
	size_t second_size = 0;
	size_t size = 0;

	(void)state;
	self_sign(key, "First", &first, &first_size);
	self_sign(key, "Second", &second, &second_size);
	assert_fails(
	    CLV_NOT_FOUND, clv_key_read_certificates(key, &read, &size, &err));
	assert_ok(clv_key_write_certificates(key, first, first_size, &err));
	assert_ok(clv_key_write_certificates(key, second, second_size, &err));
	assert_ok(clv_key_read_certificates(key, &read, &size, &err));
	assert_int_equal(size, second_size);
	assert_memory_equal(read, second, size);
	open_session();
	assert_int_not_equal(
	    find(CKO_CERTIFICATE, "certified"), CK_INVALID_HANDLE);
	clv_free(read);
	clv_free(first);
	clv_free(second);
	p11_key_delete(&key);
	assert_int_equal(find(CKO_CERTIFICATE, "certified"), CK_INVALID_HANDLE);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void
test_generate__leaves_nothing_after_a_failure(void **state)
{
	clv_store *store = p11_store(context);
	clv_key_options *options = NULL;
	clv_key *key = NULL;

	(void)state;
	assert_ok(clv_key_options_new(&options, &err));
	assert_ok(clv_key_options_set_label(options, "half", &err));
	/* The pair is made, but its attributes can't be read. */
	p11_lab_run("fault C_GetAttributeValue CKR_DEVICE_MEMORY");
	assert_fails(CLV_TOO_LARGE,
	    clv_key_generate(store, CLV_EC_P256, options, &key, &err));
	p11_lab_run("clear");
	open_session();
	assert_int_equal(find(CKO_PRIVATE_KEY, "half"), CK_INVALID_HANDLE);
	assert_int_equal(find(CKO_PUBLIC_KEY, "half"), CK_INVALID_HANDLE);
	assert_int_equal(p11->C_CloseSession(session), CKR_OK);
	clv_key_options_free(&options);
	clv_store_free(&store);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup(NAME, p11_lab_renew)
	const struct CMUnitTest tests[] = {
	    TEST(test_key__is_kept_as_it_should),
	    TEST(test_extractable__is_refused_unless_allowed),
	    TEST(test_list__sees_all_whatever_else_there_is),
	    TEST(test_key__without_an_id_goes_by_its_label),
	    TEST(test_key__with_an_endless_label_goes_by_its_id),
	    TEST(test_fallback__pads_what_the_token_lacks),
	    TEST(test_certificates__are_replaced_and_go_with_the_key),
	    TEST(test_generate__leaves_nothing_after_a_failure),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
