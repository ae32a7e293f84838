/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Slots that are emptied and filled again, and certificates that the
 * TrustList of their group has to let in. */

#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "application/transaction.h"
#include "base/file.h"
#include "keys/subject.h"
#include "unit/trust/pki.h"

#define KEYS "pki/own/private/*.pem"
#define ISSUED_URI "urn:test:application" /* what pki_issue() writes */

static bool
has_pending(void)
{
	char *uri = NULL;
	bool found;

	assert_ok(
	    clv_application_pending_uri(application, GROUP, TYPE, &uri, &err));
	found = uri != NULL;
	clv_free(uri);
	return found;
}

static void
make_pending(clv_txn *txn)
{
	assert_ok(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, NULL, &err));
}

static void
assert_empty(const clv_application *reader)
{
	struct clv_slot slot;
	clv_key *key = NULL;

	assert_true(clv_application_slot(reader, 0, &slot));
	assert_null(slot.key);
	assert_null(slot.certificate);
	assert_non_null(slot.store);
	assert_fails(CLV_NOT_FOUND,
	    clv_application_key(reader, GROUP, TYPE, &key, &err));
}

/* ---- deleting ---- */

static void
test_txn_delete__empties_the_slot_and_destroys_its_keys(void **state)
{
	clv_application *reader = NULL;
	clv_txn *txn = begin();

	(void)state;
	make_pending(txn);
	assert_int_equal(files(KEYS), 2);
	assert_ok(clv_txn_delete(txn, GROUP, TYPE, &err));
	/* Nothing before the commit. */
	assert_int_equal(files(KEYS), 2);
	commit(&txn);
	assert_empty(application);
	assert_int_equal(files(KEYS), 0);
	assert_false(has_pending());
	assert_ok(clv_application_open(context, directory, &reader, &err));
	assert_empty(reader);
	clv_application_free(&reader);
}

static void
test_txn_delete__refuses_an_empty_slot(void **state)
{
	clv_txn *txn = begin();
	clv_error *err = NULL;

	(void)state;
	assert_fails(
	    CLV_INVALID, clv_txn_delete(txn, GROUP, "RsaSha256", &err));
	assert_ok(clv_txn_delete(txn, GROUP, TYPE, &err));
	assert_int_equal(clv_txn_delete(txn, GROUP, TYPE, &err), CLV_NOT_FOUND);
	assert_int_equal(clv_error_get_domain(err), CLV_DOMAIN_OPCUA);
	assert_int_equal(clv_error_code(err), CLV_SC_BAD_INVALID_STATE);
	clv_error_free(&err);
	commit(&txn);
	txn = begin();
	assert_fails(CLV_NOT_FOUND, clv_txn_delete(txn, GROUP, TYPE, &err));
	clv_txn_free(&txn);
}

static void
test_txn_delete__forgets_the_certificate_that_was_staged(void **state)
{
	clv_txn *txn = begin();
	clv_key *key = NULL;
	uint8_t *der;
	size_t size = 0;

	(void)state;
	assert_ok(clv_application_key(application, GROUP, TYPE, &key, &err));
	der = certificate_for(key, TEST_URI, &size);
	assert_ok(
	    clv_txn_certificate(txn, GROUP, TYPE, der, size, NULL, 0, &err));
	assert_ok(clv_txn_delete(txn, GROUP, TYPE, &err));
	/* The key goes: a certificate for it is of no use. */
	assert_fails(CLV_INVALID,
	    clv_txn_certificate(txn, GROUP, TYPE, der, size, NULL, 0, &err));
	commit(&txn);
	assert_empty(application);
	clv_key_free(&key);
	clv_free(der);
}

static void
test_txn_delete__leaves_the_key_that_is_asked_for_afterwards(void **state)
{
	clv_txn *txn = begin();

	(void)state;
	assert_ok(clv_txn_delete(txn, GROUP, TYPE, &err));
	make_pending(txn);
	commit(&txn);
	assert_empty(application);
	assert_true(has_pending());
	assert_int_equal(files(KEYS), 1);
}

static void
test_txn_delete__does_not_take_pending_keys_for_certificates(void **state)
{
	clv_txn *txn = begin();
	clv_key *key = NULL;
	uint8_t *der;
	size_t size = 0;

	(void)state;
	assert_ok(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &key, &err));
	der = certificate_for(key, TEST_URI, &size);
	assert_ok(clv_txn_delete(txn, GROUP, TYPE, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_certificate(txn, GROUP, TYPE, der, size, NULL, 0, &err));
	clv_txn_free(&txn);
	/* Nothing was committed: it waits on. */
	assert_true(has_pending());
	clv_key_free(&key);
	clv_free(der);
}

static void
test_txn_cancel__of_a_deletion_leaves_the_slot(void **state)
{
	char *before = present_thumbprint(application);
	clv_txn *txn = begin();
	char *after;

	(void)state;
	assert_ok(clv_txn_delete(txn, GROUP, TYPE, &err));
	assert_ok(clv_txn_cancel(txn, &err));
	assert_ok(clv_txn_commit(txn, &err));
	clv_txn_free(&txn);
	after = present_thumbprint(application);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

/* ---- self-signing ---- */

static void
self_sign(clv_txn *txn, const clv_subject *subject)
{
	assert_ok(clv_txn_self_sign(
	    txn, GROUP, TYPE, CLV_EC_P256, subject, 30, &err));
}

static void
test_txn_self_sign__fills_a_slot_with_a_new_key(void **state)
{
	char *old = present_thumbprint(application);
	clv_txn *txn = begin();
	char *now;

	(void)state;
	assert_ok(clv_txn_delete(txn, GROUP, TYPE, &err));
	commit(&txn);
	txn = begin();
	make_pending(txn); /* is discarded */
	self_sign(txn, NULL);
	commit(&txn);
	assert_int_equal(files(KEYS), 1);
	assert_false(has_pending());
	now = present_thumbprint(application);
	assert_string_not_equal(old, now);
	free(old);
	free(now);
}

static void
test_txn_self_sign__may_follow_the_deletion(void **state)
{
	char *old_key = present_key();
	clv_txn *txn = begin();
	char *new_key;

	(void)state;
	assert_ok(clv_txn_delete(txn, GROUP, TYPE, &err));
	self_sign(txn, NULL);
	commit(&txn);
	new_key = present_key();
	assert_string_not_equal(old_key, new_key);
	assert_int_equal(files(KEYS), 1);
	free(old_key);
	free(new_key);
}

static void
test_txn_self_sign__that_fails_leaves_no_key(void **state)
{
	clv_subject *subject = NULL;
	clv_txn *txn = begin();

	(void)state;
	assert_fails(CLV_INVALID,
	    clv_txn_self_sign(
		txn, GROUP, TYPE, CLV_EC_P256, NULL, 99999, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_self_sign(txn, GROUP, TYPE, CLV_RSA_2048, NULL, 30, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_self_sign(
		txn, GROUP, "RsaSha256", CLV_RSA_2048, NULL, 30, &err));
	assert_ok(clv_subject_new(&subject, &err));
	assert_ok(clv_subject_set_application_uri(subject, "urn:other", &err));
	assert_ok(clv_subject_set_common_name(subject, "Pump", &err));
	assert_fails(CLV_INVALID,
	    clv_txn_self_sign(
		txn, GROUP, TYPE, CLV_EC_P256, subject, 30, &err));
	clv_subject_free(&subject);
	clv_txn_free(&txn);
	assert_int_equal(files(KEYS), 1);
	assert_false(has_pending());
}

/* ---- verifying ---- */

static struct pki_identity root;
static struct pki_identity ca;
static struct pki_identity issued; /* for the slot's pending key */
static struct blob root_crl;
static struct blob ca_crl;

static int
set_up_issued(void **state)
{
	clv_key *key = NULL;
	clv_txn *txn = NULL;
	const uint8_t *public;
	size_t size = 0;

	(void)set_up(state);
	command_ok(
	    directory, "sed -i 's/" TEST_URI "/" ISSUED_URI "/' claviger.conf");
	clv_application_free(&application);
	assert_ok(clv_application_open(context, directory, &application, &err));
	pki_make(&root, "Root", true, NULL);
	pki_make(&ca, "CA", true, &root);
	txn = begin();
	assert_ok(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &key, &err));
	clv_txn_free(&txn);
	public = clv_key_public(key, &size);
	pki_issue(
	    &issued, d2i_PUBKEY(NULL, &public, (long)size), "Pump", false, &ca);
	clv_key_free(&key);
	root_crl = pki_crl(&root, 1, NULL, -60);
	ca_crl = pki_crl(&ca, 1, NULL, -60);
	return 0;
}

static int
tear_down_issued(void **state)
{
	pki_drop(&issued);
	pki_drop(&ca);
	pki_drop(&root);
	blob_drop(&root_crl);
	blob_drop(&ca_crl);
	return tear_down(state);
}

static void
add(clv_txn *txn, clv_trust_mask list, const struct blob *blob)
{
	assert_ok(
	    clv_txn_trust_add(txn, GROUP, list, blob->bytes, blob->size, &err));
}

static clv_status
install(clv_txn *txn, clv_error **err)
{
	return clv_txn_certificate(
	    txn, GROUP, TYPE, issued.der.bytes, issued.der.size, NULL, 0, err);
}

static void
assert_refused(clv_txn *txn, clv_statuscode code)
{
	clv_error *err = NULL;

	assert_int_equal(install(txn, &err), CLV_UNTRUSTED);
	assert_int_equal(clv_error_get_domain(err), CLV_DOMAIN_OPCUA);
	assert_int_equal(clv_error_code(err), code);
	clv_error_free(&err);
}

static void
test_txn_verify__is_off_unless_asked_for(void **state)
{
	clv_txn *txn = begin();

	(void)state;
	assert_ok(install(txn, &err));
	commit(&txn);
	assert_int_equal(files("pki/trusted/certs/*.der"), 0);
}

static void
test_txn_verify__asks_the_list_as_it_will_be(void **state)
{
	clv_txn *txn = begin();

	(void)state;
	clv_txn_set_verify(txn, true);
	assert_refused(txn, CLV_SC_BAD_CERTIFICATE_CHAIN_INCOMPLETE);
	add(txn, CLV_TRUST_ISSUER_CERTIFICATES, &ca.der);
	assert_refused(txn, CLV_SC_BAD_CERTIFICATE_CHAIN_INCOMPLETE);
	add(txn, CLV_TRUST_ISSUER_CERTIFICATES, &root.der);
	assert_refused(txn, CLV_SC_BAD_CERTIFICATE_UNTRUSTED);
	add(txn, CLV_TRUST_TRUSTED_CERTIFICATES, &root.der);
	/* That there are no CRLs can be suppressed, and so is. */
	assert_ok(install(txn, &err));
	commit(&txn);
	assert_false(has_pending());
}

static void
test_txn_verify__does_not_believe_the_chain_that_comes_along(void **state)
{
	struct blob chain = pki_join(&ca.der, &root.der);
	clv_txn *txn = begin();

	(void)state;
	add(txn, CLV_TRUST_TRUSTED_CERTIFICATES, &root.der);
	clv_txn_set_verify(txn, true);
	assert_fails(CLV_UNTRUSTED,
	    clv_txn_certificate(txn, GROUP, TYPE, issued.der.bytes,
		issued.der.size, chain.bytes, chain.size, &err));
	clv_txn_free(&txn);
	blob_drop(&chain);
}

static void
test_txn_commit__keeps_the_chain(void **state)
{
	struct blob reversed = pki_join(&root.der, &ca.der);
	struct blob ordered = pki_join(&ca.der, &root.der);
	clv_txn *txn = begin();
	uint8_t *chain = NULL;
	size_t size = 0;

	(void)state;
	assert_fails(CLV_NOT_FOUND,
	    clv_application_chain(
		application, GROUP, TYPE, &chain, &size, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_certificate(txn, GROUP, TYPE, issued.der.bytes,
		issued.der.size, root.der.bytes, root.der.size, &err));
	assert_ok(clv_txn_certificate(txn, GROUP, TYPE, issued.der.bytes,
	    issued.der.size, reversed.bytes, reversed.size, &err));
	commit(&txn);
	assert_ok(clv_application_chain(
	    application, GROUP, TYPE, &chain, &size, &err));
	assert_int_equal(size, ordered.size);
	assert_memory_equal(chain, ordered.bytes, size);
	clv_free(chain);
	blob_drop(&reversed);
	blob_drop(&ordered);
}

static void
test_txn_verify__asks_again_at_the_commit(void **state)
{
	clv_txn *txn = begin();
	struct blob revoking = pki_crl(&ca, 2, &issued, -30);
	clv_error *err = NULL;
	char thumbprint[41];

	(void)state;
	add(txn, CLV_TRUST_TRUSTED_CERTIFICATES, &root.der);
	add(txn, CLV_TRUST_ISSUER_CERTIFICATES, &ca.der);
	add(txn, CLV_TRUST_TRUSTED_CERTIFICATES, &root_crl);
	add(txn, CLV_TRUST_ISSUER_CERTIFICATES, &ca_crl);
	clv_txn_set_verify(txn, true);
	assert_ok(install(txn, &err));
	/* What is staged behind it counts as well. */
	add(txn, CLV_TRUST_ISSUER_CERTIFICATES, &revoking);
	assert_int_equal(clv_txn_commit(txn, &err), CLV_UNTRUSTED);
	assert_int_equal(clv_error_code(err), CLV_SC_BAD_CERTIFICATE_REVOKED);
	clv_error_free(&err);
	assert_true(has_pending());
	assert_int_equal(files("pki/trusted/certs/*.der"), 0);
	assert_int_equal(files("pki/.claviger/journal"), 0);
	pki_thumbprint(&revoking, thumbprint);
	assert_ok(clv_txn_trust_remove(
	    txn, GROUP, CLV_TRUST_ISSUER_CRLS, thumbprint, &err));
	commit(&txn);
	assert_false(has_pending());
	blob_drop(&revoking);
}

static void
test_txn_verify__asks_a_list_that_others_changed_meanwhile(void **state)
{
	clv_txn *txn = begin();
	clv_trust *trust = NULL;
	char path[160];
	char thumbprint[41];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/pki", directory);
	assert_ok(clv_trust_open(path, NULL, &trust, &err));
	assert_ok(clv_trust_add(trust, CLV_TRUST_TRUSTED_CERTIFICATES,
	    root.der.bytes, root.der.size, NULL, &err));
	assert_ok(clv_trust_add(trust, CLV_TRUST_ISSUER_CERTIFICATES,
	    ca.der.bytes, ca.der.size, NULL, &err));
	clv_txn_set_verify(txn, true);
	assert_ok(install(txn, &err));
	pki_thumbprint(&ca.der, thumbprint);
	assert_ok(clv_trust_remove(
	    trust, CLV_TRUST_ALL_LISTS, thumbprint, NULL, &err));
	assert_fails(CLV_UNTRUSTED, clv_txn_commit(txn, &err));
	clv_txn_free(&txn);
	assert_true(has_pending());
	clv_trust_free(&trust);
}

static void
test_txn_verify__locks_no_list_that_stays_as_it_is(void **state)
{
	clv_txn *txn = begin();
	char path[160];
	int state_folder;
	int lock = -1;

	(void)state;
	add(txn, CLV_TRUST_TRUSTED_CERTIFICATES, &root.der);
	add(txn, CLV_TRUST_ISSUER_CERTIFICATES, &ca.der);
	commit(&txn);
	(void)snprintf(path, sizeof(path), "%s/pki/.claviger", directory);
	state_folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(clv_file_lock(state_folder, "lock", 0644, 0, &lock, &err));
	txn = begin();
	clv_txn_set_verify(txn, true);
	assert_ok(install(txn, &err));
	commit(&txn);
	assert_false(has_pending());
	(void)close(lock);
	(void)close(state_folder);
}

static void
test_txn_verify__does_not_ask_about_self_signed_ones(void **state)
{
	clv_txn *txn = begin();

	(void)state;
	clv_txn_set_verify(txn, true);
	self_sign(txn, NULL);
	commit(&txn);
	assert_false(has_pending());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define VERIFY(name) \
	cmocka_unit_test_setup_teardown(name, set_up_issued, tear_down_issued)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_txn_delete__empties_the_slot_and_destroys_its_keys),
	    TEST(test_txn_delete__refuses_an_empty_slot),
	    TEST(test_txn_delete__forgets_the_certificate_that_was_staged),
	    TEST(test_txn_delete__leaves_the_key_that_is_asked_for_afterwards),
	    TEST(test_txn_delete__does_not_take_pending_keys_for_certificates),
	    TEST(test_txn_cancel__of_a_deletion_leaves_the_slot),
	    TEST(test_txn_self_sign__fills_a_slot_with_a_new_key),
	    TEST(test_txn_self_sign__may_follow_the_deletion),
	    TEST(test_txn_self_sign__that_fails_leaves_no_key),
	    VERIFY(test_txn_verify__is_off_unless_asked_for),
	    VERIFY(test_txn_verify__asks_the_list_as_it_will_be),
	    VERIFY(
		test_txn_verify__does_not_believe_the_chain_that_comes_along),
	    VERIFY(test_txn_commit__keeps_the_chain),
	    VERIFY(test_txn_verify__asks_again_at_the_commit),
	    VERIFY(test_txn_verify__asks_a_list_that_others_changed_meanwhile),
	    VERIFY(test_txn_verify__locks_no_list_that_stays_as_it_is),
	    VERIFY(test_txn_verify__does_not_ask_about_self_signed_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
