/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Keys that share a CKA_ID, as other programs make them: each has a public
 * half of its own, and keeps it when another one goes. */

#include "p11_lab.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <claviger/certificate.h>

#include "fake/p11_client.h"

static clv_context *context;
static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE session;
static clv_store *held; /* keeps the module initialised */

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

/* Our own session, logged in beside the backend's, for each test; and no
 * objects of the test before. */
static int
renew(void **state)
{
	static CK_OBJECT_HANDLE found[512];
	CK_ULONG count = 0;

	if (p11_lab_renew(state) != 0 ||
	    p11_open(p11, LAB_LABEL, &session) != CKR_OK)
		return -1;
	(void)p11_login(p11, session, CKU_USER, LAB_PIN);
	if (p11->C_FindObjectsInit(session, NULL, 0) != CKR_OK ||
	    p11->C_FindObjects(session, found, 512, &count) != CKR_OK ||
	    p11->C_FindObjectsFinal(session) != CKR_OK)
		return -1;
	while (count > 0)
		(void)p11->C_DestroyObject(session, found[--count]);
	return 0;
}

static int
calm(void **state)
{
	(void)state;
	(void)p11->C_CloseSession(session);
	return 0;
}

static CK_BYTE p256[] = {
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static CK_BYTE p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
static CK_ULONG bits = 2048;

static const CK_ATTRIBUTE on_p256 = {CKA_EC_PARAMS, p256, sizeof(p256)};
static const CK_ATTRIBUTE on_p384 = {CKA_EC_PARAMS, p384, sizeof(p384)};
static const CK_ATTRIBUTE of_2048 = {CKA_MODULUS_BITS, &bits, sizeof(bits)};

struct pair {
	CK_OBJECT_HANDLE public;
	CK_OBJECT_HANDLE private;
};

/* As pkcs11-tool does it with --label and --id. */
static struct pair
make(const CK_ATTRIBUTE *kind, const char *public_label,
    const char *private_label, CK_BYTE id)
{
	CK_MECHANISM mechanism = {kind->type == CKA_EC_PARAMS
		? CKM_EC_KEY_PAIR_GEN
		: CKM_RSA_PKCS_KEY_PAIR_GEN,
	    NULL, 0};
	CK_ATTRIBUTE public[] = {*kind, {CKA_TOKEN, &yes, 1}, {CKA_ID, &id, 1},
	    {CKA_LABEL, (void *)(uintptr_t)public_label, strlen(public_label)}};
	CK_ATTRIBUTE private[] = {{CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1},
	    {CKA_SENSITIVE, &yes, 1}, {CKA_EXTRACTABLE, &no, 1},
	    {CKA_SIGN, &yes, 1}, {CKA_ID, &id, 1},
	    {CKA_LABEL, (void *)(uintptr_t)private_label,
		strlen(private_label)}};
	struct pair pair;

	assert_int_equal(p11->C_GenerateKeyPair(session, &mechanism, public, 4,
			     private, 7, &pair.public, &pair.private),
	    CKR_OK);
	return pair;
}

static size_t
count(CK_OBJECT_CLASS class, const char *label)
{
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)},
	    {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	CK_OBJECT_HANDLE found[8];
	CK_ULONG number = 0;

	assert_int_equal(p11->C_FindObjectsInit(session, wanted, 2), CKR_OK);
	assert_int_equal(
	    p11->C_FindObjects(session, found, 8, &number), CKR_OK);
	assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
	return number;
}

static clv_key *
open_key(const char *path)
{
	clv_key *key = NULL;

	assert_ok(clv_key_open(context, p11_uri(path, ""), &key, &err));
	return key;
}

static bool
same_public(const clv_key *one, const clv_key *other)
{
	size_t size = 0;
	size_t other_size = 0;
	const uint8_t *der = clv_key_public(one, &size);
	const uint8_t *other_der = clv_key_public(other, &other_size);

	return size == other_size && memcmp(der, other_der, size) == 0;
}

/* lab_sign() ends the process if what was signed does not fit the key. */
static void
both_sign(clv_key **keys)
{
	assert_false(same_public(keys[0], keys[1]));
	for (int i = 0; i < 6; i++) {
		assert_ok(lab_sign(keys[i % 2], &err));
		assert_ok(lab_sign(keys[i % 2], &err));
	}
	p11_lab_run("remove; insert");
	assert_ok(lab_sign(keys[1], &err));
	assert_ok(lab_sign(keys[0], &err));
}

static void
opened_in_either_order_both_sign(const char *one, const char *other)
{
	for (int turn = 0; turn < 2; turn++) {
		clv_key *keys[] = {
		    open_key(turn ? one : other), open_key(turn ? other : one)};

		both_sign(keys);
		clv_key_free(&keys[0]);
		clv_key_free(&keys[1]);
	}
}

static void
test_labels__tell_public_halves_apart(void **state)
{
	clv_key *key;

	(void)state;
	(void)make(&on_p256, "sA", "sA", 0x31);
	(void)make(&on_p256, "sB", "sB", 0x31);
	lab.proxy->clear_counters();
	key = open_key("object=sB");
	clv_key_free(&key);
	assert_int_equal(lab.proxy->calls("C_Sign"), 0);
	opened_in_either_order_both_sign("object=sA", "object=sB");
}

/* Public halves whose labels say nothing. */
static void
test_signature__tells_public_halves_apart(void **state)
{
	(void)state;
	(void)make(&on_p256, "pubkey", "tA", 0x32);
	(void)make(&on_p256, "pubkey", "tB", 0x32);
	(void)make(&on_p384, "pubkey", "tC", 0x32);
	opened_in_either_order_both_sign("object=tA", "object=tB");
	opened_in_either_order_both_sign("object=tB", "object=tC");
}

static void
test_one_candidate__is_not_asked_to_prove_itself(void **state)
{
	clv_key *key;

	(void)state;
	(void)make(&on_p256, "PIV AUTH pubkey", "PIV AUTH key", 0x33);
	lab.proxy->clear_counters();
	key = open_key("id=%33");
	assert_int_equal(lab.proxy->calls("C_SignInit"), 0);
	assert_ok(lab_sign(key, &err));
	clv_key_free(&key);
}

/* The other key's public half is the only one that goes by the id. */
static void
test_lost_public_half__is_not_replaced_by_anothers(void **state)
{
	clv_key *key = NULL;
	struct pair pair;

	(void)state;
	(void)make(&on_p256, "uA", "uA", 0x34);
	pair = make(&on_p256, "uB", "uB", 0x34);
	assert_int_equal(p11->C_DestroyObject(session, pair.public), CKR_OK);
	assert_fails(CLV_UNSUPPORTED,
	    clv_key_open(context, p11_uri("object=uB", ""), &key, &err));
	key = open_key("object=uA");
	assert_ok(lab_sign(key, &err));
	clv_key_free(&key);
	/* A deletion takes nothing along that is not the key's. */
	assert_ok(clv_key_delete(context, p11_uri("object=uB", ""), &err));
	assert_int_equal(count(CKO_PRIVATE_KEY, "uB"), 0);
	assert_int_equal(count(CKO_PUBLIC_KEY, "uA"), 1);
}

static void
set_label(CK_OBJECT_HANDLE object, const char *label)
{
	CK_ATTRIBUTE attribute = {
	    CKA_LABEL, (void *)(uintptr_t)label, strlen(label)};

	assert_int_equal(
	    p11->C_SetAttributeValue(session, object, &attribute, 1), CKR_OK);
}

/* Labels that lie are found out by the first signature; the token is not to
 * blame, and the keys are good. */
static void
test_exchanged_labels__are_not_told_as_a_broken_token(void **state)
{
	clv_key *key;
	clv_error *err = NULL;
	struct pair one;
	struct pair other;

	(void)state;
	one = make(&on_p256, "vA", "vA", 0x35);
	other = make(&on_p256, "vB", "vB", 0x35);
	set_label(one.public, "vB");
	set_label(other.public, "vA");
	key = open_key("object=vA");
	assert_int_equal(lab_sign(key, &err), CLV_AMBIGUOUS);
	assert_null(strstr(clv_error_remedy(err), "delete"));
	assert_null(strstr(clv_error_remedy(err), "not trust"));
	clv_error_free(&err);
	clv_key_free(&key);
}

/* What can't be proven is refused: neither is taken at random. */
static void
test_unproven__is_ambiguous(void **state)
{
	clv_key *key = NULL;

	(void)state;
	(void)make(&on_p256, "pubkey", "wA", 0x36);
	(void)make(&on_p256, "pubkey", "wB", 0x36);
	p11_lab_run("hide CKM_ECDSA");
	assert_fails(CLV_AMBIGUOUS,
	    clv_key_open(context, p11_uri("object=wA", ""), &key, &err));
	p11_lab_run("reset");
	key = open_key("object=wA");
	assert_ok(lab_sign(key, &err));
	clv_key_free(&key);
}

static void
test_list__shows_keys_with_one_id(void **state)
{
	clv_key_list *list = NULL;

	(void)state;
	(void)make(&on_p256, "pubkey", "xA", 0x37);
	(void)make(&on_p384, "pubkey", "xB", 0x37);
	lab.proxy->clear_counters();
	assert_ok(clv_key_list_get(held, &list, &err));
	assert_int_equal(clv_key_list_count(list), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct clv_key_entry *entry = clv_key_list_at(list, i);

		assert_null(entry->problem);
		assert_int_equal(entry->algorithm,
		    strcmp(entry->label, "xA") == 0 ? CLV_EC_P256
						    : CLV_EC_P384);
	}
	assert_int_equal(lab.proxy->calls("C_Sign"), 0);
	clv_key_list_free(&list);
}

static void
test_delete__leaves_namesakes_their_public_halves(void **state)
{
	clv_key *key;

	(void)state;
	(void)make(&on_p256, "ecA", "ecA", 0x07);
	(void)make(&on_p256, "ecB", "ecB", 0x07);
	assert_ok(clv_key_delete(context, p11_uri("object=ecA", ""), &err));
	assert_int_equal(count(CKO_PRIVATE_KEY, "ecA"), 0);
	assert_int_equal(count(CKO_PUBLIC_KEY, "ecA"), 0);
	assert_int_equal(count(CKO_PUBLIC_KEY, "ecB"), 1);
	key = open_key("object=ecB");
	assert_ok(lab_sign(key, &err));
	p11_key_delete(&key);
	assert_int_equal(count(CKO_PUBLIC_KEY, "ecB"), 0);
}

/* A certificate that some other program has put there. */
static void
put_certificate(const char *label, CK_BYTE id, const uint8_t *der, size_t size)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_OBJECT_HANDLE made;
	CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &class, sizeof(class)},
	    {CKA_CERTIFICATE_TYPE, &type, sizeof(type)}, {CKA_TOKEN, &yes, 1},
	    {CKA_PRIVATE, &no, 1}, {CKA_ID, &id, 1},
	    {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
	    {CKA_SUBJECT, &id, 1}, {CKA_VALUE, (void *)(uintptr_t)der, size}};

	assert_int_equal(
	    p11->C_CreateObject(session, attributes, 8, &made), CKR_OK);
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
test_delete__leaves_other_kinds_and_certificates(void **state)
{
	clv_key *rsa;
	clv_key *ec;
	clv_key *other;
	uint8_t *der = NULL;
	size_t size = 0;

	(void)state;
	(void)make(&of_2048, "rA", "rA", 0x21);
	(void)make(&on_p256, "eB", "eB", 0x21);
	(void)make(&on_p256, "other", "other", 0x22);
	rsa = open_key("object=rA");
	ec = open_key("object=eB");
	other = open_key("object=other");
	self_sign(other, "Unrelated", &der, &size);
	put_certificate("unrelated", 0x21, der, size);
	clv_free(der);
	self_sign(rsa, "RSA", &der, &size);
	assert_ok(clv_key_write_certificates(rsa, der, size, &err));
	clv_free(der);
	self_sign(ec, "EC", &der, &size);
	assert_ok(clv_key_write_certificates(ec, der, size, &err));
	clv_free(der);
	assert_int_equal(count(CKO_CERTIFICATE, "unrelated"), 1);
	assert_int_equal(count(CKO_CERTIFICATE, "rA"), 1);
	p11_key_delete(&rsa);
	assert_int_equal(count(CKO_PUBLIC_KEY, "rA"), 0);
	assert_int_equal(count(CKO_CERTIFICATE, "rA"), 0);
	assert_int_equal(count(CKO_PUBLIC_KEY, "eB"), 1);
	assert_int_equal(count(CKO_CERTIFICATE, "eB"), 1);
	assert_int_equal(count(CKO_CERTIFICATE, "unrelated"), 1);
	assert_ok(clv_key_read_certificates(ec, &der, &size, &err));
	clv_free(der);
	p11_key_delete(&ec);
	assert_int_equal(count(CKO_CERTIFICATE, "eB"), 0);
	assert_int_equal(count(CKO_CERTIFICATE, "unrelated"), 1);
	p11_key_delete(&other);
}

/* More certificates than a shelf had room for; the key's own is still found,
 * wherever it stands among them. */
static void
test_certificates__are_found_among_many(void **state)
{
	static const uint8_t nothing[] = {0x30, 0x00};
	clv_key *keys[2];
	uint8_t *der = NULL;
	size_t size = 0;

	(void)state;
	(void)make(&on_p256, "first", "first", 0x41);
	(void)make(&on_p256, "last", "last", 0x42);
	keys[0] = open_key("object=first");
	keys[1] = open_key("object=last");
	for (int i = 0; i < 2; i++) {
		for (int n = 0; n < 200; n++)
			put_certificate("junk", 0x43, nothing, sizeof(nothing));
		self_sign(keys[i], "One of many", &der, &size);
		assert_ok(clv_key_write_certificates(keys[i], der, size, &err));
		clv_free(der);
	}
	for (int i = 0; i < 2; i++) {
		assert_ok(
		    clv_key_read_certificates(keys[i], &der, &size, &err));
		clv_free(der);
		p11_key_delete(&keys[i]);
	}
}

/* One key imported twice has one id; each object has its halves. */
static void
test_delete__of_a_twin_leaves_the_other(void **state)
{
	static const char *const labels[] = {"twin one", "twin two"};
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	clv_key *keys[2] = {NULL, NULL};
	unsigned char *der = NULL;
	const int size = i2d_PrivateKey(pair, &der);
	clv_secret secret = CLV_SECRET_INIT;

	(void)state;
	assert_ok(clv_secret_set(&secret, der, (size_t)size, &err));
	for (int i = 0; i < 2; i++) {
		clv_key_options *options = NULL;

		assert_ok(clv_key_options_new(&options, &err));
		assert_ok(clv_key_options_set_label(options, labels[i], &err));
		assert_ok(
		    clv_key_import(held, &secret, options, &keys[i], &err));
		clv_key_options_free(&options);
	}
	clv_secret_clear(&secret);
	OPENSSL_free(der);
	EVP_PKEY_free(pair);
	p11_key_delete(&keys[0]);
	assert_int_equal(count(CKO_PUBLIC_KEY, labels[0]), 0);
	assert_int_equal(count(CKO_PUBLIC_KEY, labels[1]), 1);
	assert_ok(lab_sign(keys[1], &err));
	p11_key_delete(&keys[1]);
	assert_int_equal(count(CKO_PUBLIC_KEY, labels[1]), 0);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, renew, calm)
	const struct CMUnitTest tests[] = {
	    TEST(test_labels__tell_public_halves_apart),
	    TEST(test_signature__tells_public_halves_apart),
	    TEST(test_one_candidate__is_not_asked_to_prove_itself),
	    TEST(test_lost_public_half__is_not_replaced_by_anothers),
	    TEST(test_exchanged_labels__are_not_told_as_a_broken_token),
	    TEST(test_unproven__is_ambiguous),
	    TEST(test_list__shows_keys_with_one_id),
	    TEST(test_delete__leaves_namesakes_their_public_halves),
	    TEST(test_delete__leaves_other_kinds_and_certificates),
	    TEST(test_delete__of_a_twin_leaves_the_other),
	    TEST(test_certificates__are_found_among_many),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
