/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* TrustLists in transactions: two of them, and one that two groups share. */

#include "lists_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "application/transaction.h"
#include "keys/context.h"

static void
read_generation(struct clv_generation *generation)
{
	assert_ok(clv_state_read_generation(clv_context_guard(context),
	    application->directory_fd, generation, &err));
}

/* ---- committing ---- */

static void
test_txn_commit__changes_key_and_two_lists_at_once(void **state)
{
	char *old = present_thumbprint(application);
	clv_txn *txn = begin();
	struct clv_generation last;
	char *now;

	(void)state;
	stage_renewal(txn);
	stage_both(txn);
	assert_int_equal(changed(readers), 0);
	assert_int_equal(files("pki/trusted/certs/*.der"), 0);
	commit(&txn);
	assert_int_equal(changed(readers), 2);
	assert_int_equal(changed_afresh(), 2);
	assert_int_equal(files("pki/trusted/certs/*.der"), 1);
	now = present_thumbprint(application);
	assert_string_not_equal(old, now);
	read_generation(&last);
	/* The slot, and three groups that share two lists. */
	assert_int_equal(last.count, 4);
	assert_string_equal(last.changes[0].type, TYPE);
	assert_string_equal(last.changes[1].group, GROUP);
	assert_null(last.changes[1].type);
	assert_string_equal(last.changes[2].group, USERS);
	assert_string_equal(last.changes[3].group, SHARED);
	clv_generation_clear(&last);
	free(old);
	free(now);
}

static void
test_txn_commit__of_lists_alone_leaves_slots_and_keys_alone(void **state)
{
	char *old = present_thumbprint(application);
	clv_txn *txn = begin();
	struct clv_generation first;
	struct clv_generation second;
	char *now;

	(void)state;
	command_ok(directory, "stat -c %%Y%%i claviger.conf >before");
	stage_add(txn, USERS, TRUSTED, &user.der);
	commit(&txn);
	command_ok(directory,
	    "stat -c %%Y%%i claviger.conf | cmp - before && test ! -e "
	    "state/keys");
	assert_true(list_has(readers[1], TRUSTED, &user.der));
	now = present_thumbprint(application);
	assert_string_equal(old, now);
	read_generation(&first);
	assert_int_equal(first.count, 2);
	/* What makes no difference is no transaction. */
	txn = begin();
	stage_add(txn, USERS, TRUSTED, &user.der);
	commit(&txn);
	read_generation(&second);
	assert_string_equal(first.nonce, second.nonce);
	clv_generation_clear(&first);
	clv_generation_clear(&second);
	free(old);
	free(now);
}

static void
test_txn_commit__replaces_and_removes(void **state)
{
	clv_txn *txn = begin();
	clv_trust_data *data = NULL;
	char thumbprint[41];

	(void)state;
	stage_add(txn, GROUP, TRUSTED, &user.der);
	stage_add(txn, GROUP, ISSUERS, &ca.der);
	stage_add(txn, GROUP, ISSUERS, &crl);
	commit(&txn);
	assert_true(list_has(readers[0], ALL, &crl));
	assert_ok(clv_trust_data_new(&data, &err));
	assert_ok(clv_trust_data_specify(data, TRUSTED, &err));
	assert_ok(clv_trust_data_add(
	    data, TRUSTED, peer.der.bytes, peer.der.size, &err));
	txn = begin();
	assert_ok(clv_txn_trust_replace(txn, GROUP, data, &err));
	clv_trust_data_free(&data);
	pki_thumbprint(&ca.der, thumbprint);
	assert_ok(clv_txn_trust_remove(txn, GROUP, ISSUERS, thumbprint, &err));
	commit(&txn);
	assert_false(list_has(readers[0], ALL, &user.der));
	assert_true(list_has(readers[0], TRUSTED, &peer.der));
	/* The CRL goes with its CA. */
	assert_false(list_has(readers[0], ALL, &crl));
	assert_false(list_has(readers[0], ALL, &ca.der));
}

static void
test_txn_commit__counts_what_was_staged_before(void **state)
{
	clv_txn *txn = begin();
	char thumbprint[41];

	(void)state;
	pki_thumbprint(&peer.der, thumbprint);
	stage_add(txn, GROUP, TRUSTED, &peer.der);
	assert_ok(clv_txn_trust_remove(txn, GROUP, TRUSTED, thumbprint, &err));
	assert_fails(CLV_NOT_FOUND,
	    clv_txn_trust_remove(txn, GROUP, TRUSTED, thumbprint, &err));
	stage_add(txn, GROUP, TRUSTED, &user.der);
	commit(&txn);
	assert_false(list_has(readers[0], ALL, &peer.der));
	assert_true(list_has(readers[0], TRUSTED, &user.der));
}

static void
test_txn_commit__keeps_the_crls_of_a_ca_that_is_renewed_in_it(void **state)
{
	struct pki_identity renewed;
	clv_txn *txn = begin();
	char thumbprint[41];

	(void)state;
	EVP_PKEY_up_ref(ca.key);
	pki_issue(&renewed, ca.key, "CA", true, NULL);
	stage_add(txn, GROUP, ISSUERS, &ca.der);
	stage_add(txn, GROUP, ISSUERS, &crl);
	commit(&txn);
	txn = begin();
	stage_add(txn, GROUP, ISSUERS, &renewed.der);
	pki_thumbprint(&ca.der, thumbprint);
	assert_ok(clv_txn_trust_remove(txn, GROUP, ISSUERS, thumbprint, &err));
	commit(&txn);
	assert_false(list_has(readers[0], ALL, &ca.der));
	assert_true(list_has(readers[0], ALL, &renewed.der));
	assert_true(list_has(readers[0], ALL, &crl));
	pki_drop(&renewed);
}

static void
test_txn_commit__keeps_what_others_changed_meanwhile(void **state)
{
	clv_txn *txn = begin();
	char thumbprint[41];

	(void)state;
	assert_ok(clv_trust_add(
	    readers[0], TRUSTED, user.der.bytes, user.der.size, NULL, &err));
	pki_thumbprint(&user.der, thumbprint);
	stage_add(txn, GROUP, TRUSTED, &peer.der);
	assert_ok(clv_txn_trust_remove(txn, GROUP, TRUSTED, thumbprint, &err));
	/* Somebody else is quicker, and adds another one. */
	assert_ok(
	    clv_trust_remove(readers[0], TRUSTED, thumbprint, NULL, &err));
	assert_ok(clv_trust_add(
	    readers[0], ISSUERS, ca.der.bytes, ca.der.size, NULL, &err));
	commit(&txn);
	assert_true(list_has(readers[0], TRUSTED, &peer.der));
	assert_true(list_has(readers[0], ISSUERS, &ca.der));
	assert_false(list_has(readers[0], ALL, &user.der));
}

static void
test_txn_commit__of_a_shared_directory_is_one_change(void **state)
{
	clv_txn *txn = begin();
	char thumbprint[41];

	(void)state;
	pki_thumbprint(&user.der, thumbprint);
	stage_add(txn, USERS, TRUSTED, &user.der);
	/* The other group sees what the first one staged. */
	assert_ok(clv_txn_trust_remove(txn, SHARED, TRUSTED, thumbprint, &err));
	stage_add(txn, SHARED, TRUSTED, &peer.der);
	assert_int_equal(txn->lists.count, 1);
	commit(&txn);
	assert_false(list_has(readers[1], ALL, &user.der));
	assert_true(list_has(readers[1], TRUSTED, &peer.der));
}

static void
test_txn_cancel__forgets_lists(void **state)
{
	clv_txn *txn = begin();

	(void)state;
	stage_both(txn);
	assert_ok(clv_txn_cancel(txn, &err));
	assert_ok(clv_txn_commit(txn, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_trust_add(
		txn, GROUP, TRUSTED, peer.der.bytes, peer.der.size, &err));
	clv_txn_free(&txn);
	txn = begin();
	stage_both(txn);
	clv_txn_free(&txn);
	assert_int_equal(changed(readers), 0);
	assert_int_equal(files("state/last"), 0);
	/* Not even directories were made. */
	assert_int_equal(files("users/issuer"), 0);
}

/* ---- refusing ---- */

static void
test_txn_trust__refuses_at_once_and_keeps_what_was_staged(void **state)
{
	const struct blob cut = {peer.der.bytes, peer.der.size - 1};
	struct blob half = pki_join(&user.der, &cut);
	clv_trust_data *data = NULL;
	clv_txn *txn = begin();
	char thumbprint[41];

	(void)state;
	stage_add(txn, GROUP, TRUSTED, &peer.der);
	assert_fails(CLV_INVALID,
	    clv_txn_trust_add(
		txn, "Nobody", TRUSTED, user.der.bytes, user.der.size, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_trust_add(txn, GROUP, CLV_TRUST_TRUSTED_CRLS,
		user.der.bytes, user.der.size, &err));
	assert_fails(CLV_CORRUPT,
	    clv_txn_trust_add(txn, GROUP, TRUSTED, "junk", 4, &err));
	assert_fails(
	    CLV_CORRUPT, clv_txn_trust_add(txn, GROUP, TRUSTED, "", 0, &err));
	assert_fails(CLV_CORRUPT,
	    clv_txn_trust_add(
		txn, GROUP, TRUSTED, half.bytes, half.size, &err));
	pki_thumbprint(&user.der, thumbprint);
	assert_fails(CLV_NOT_FOUND,
	    clv_txn_trust_remove(txn, GROUP, TRUSTED, thumbprint, &err));
	pki_thumbprint(&peer.der, thumbprint);
	assert_fails(CLV_NOT_FOUND,
	    clv_txn_trust_remove(txn, GROUP, ISSUERS, thumbprint, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_trust_remove(txn, GROUP, TRUSTED, "peer", &err));
	assert_ok(clv_trust_data_new(&data, &err));
	assert_ok(clv_trust_data_specify(data, TRUSTED, &err));
	assert_ok(clv_trust_data_add(
	    data, TRUSTED, user.der.bytes, user.der.size, &err));
	assert_ok(clv_trust_data_add(data, TRUSTED, cut.bytes, cut.size, &err));
	assert_fails(
	    CLV_CORRUPT, clv_txn_trust_replace(txn, GROUP, data, &err));
	clv_trust_data_free(&data);
	commit(&txn);
	assert_true(list_has(readers[0], TRUSTED, &peer.der));
	assert_false(list_has(readers[0], ALL, &user.der));
	blob_drop(&half);
}

static void
test_txn_trust__refuses_a_list_that_would_be_too_large(void **state)
{
	clv_txn *txn = begin();
	clv_error *err = NULL;

	(void)state;
	stage_add(txn, GROUP, TRUSTED, &peer.der);
	txn->lists.lists[0].trust->max_files = 2;
	stage_add(txn, GROUP, TRUSTED, &user.der);
	assert_int_equal(clv_txn_trust_add(txn, GROUP, ISSUERS, ca.der.bytes,
			     ca.der.size, &err),
	    CLV_TOO_LARGE);
	assert_int_equal(clv_error_get_domain(err), CLV_DOMAIN_OPCUA);
	assert_int_equal(clv_error_code(err), CLV_SC_BAD_REQUEST_TOO_LARGE);
	clv_error_free(&err);
	commit(&txn);
	assert_true(list_has(readers[0], TRUSTED, &user.der));
	assert_false(list_has(readers[0], ALL, &ca.der));
}

static void
test_txn_trust__refuses_a_list_that_is_missing_or_insecure(void **state)
{
	clv_txn *txn = begin();

	(void)state;
	command_ok(directory, "mv users gone");
	assert_fails(CLV_NOT_FOUND,
	    clv_txn_trust_add(
		txn, USERS, TRUSTED, user.der.bytes, user.der.size, &err));
	command_ok(directory, "mv gone users && chmod 0777 users");
	assert_fails(CLV_POLICY,
	    clv_txn_trust_add(
		txn, USERS, TRUSTED, user.der.bytes, user.der.size, &err));
	command_ok(directory, "chmod 0755 users");
	clv_txn_free(&txn);
}

static void
test_txn_commit__that_fails_leaves_all_as_it_was(void **state)
{
	char *old = present_thumbprint(application);
	clv_txn *txn = begin();
	char *now;

	(void)state;
	stage_renewal(txn);
	stage_both(txn);
	/* The second list can't be changed any more. */
	command_ok(directory, "chmod 0777 users");
	assert_fails(CLV_POLICY, clv_txn_commit(txn, &err));
	command_ok(directory, "chmod 0755 users");
	assert_int_equal(changed(readers), 0);
	assert_int_equal(files("pki/.claviger/journal"), 0);
	now = present_thumbprint(application);
	assert_string_equal(old, now);
	/* It is still staged, and can be tried again. */
	commit(&txn);
	assert_int_equal(changed(readers), 2);
	free(old);
	free(now);
}

static void
test_txn_commit__that_cannot_write_its_record_takes_lists_back(void **state)
{
	const struct rlimit little = {1500, RLIM_INFINITY};
	const struct rlimit much = {RLIM_INFINITY, RLIM_INFINITY};
	clv_txn *txn = begin();
	clv_key *key = NULL;
	uint8_t *der;
	size_t size = 0;

	(void)state;
	assert_ok(clv_application_key(application, GROUP, TYPE, &key, &err));
	der = certificate_for(key, TEST_URI, &size);
	assert_ok(
	    clv_txn_certificate(txn, GROUP, TYPE, der, size, NULL, 0, &err));
	stage_both(txn);
	/* Enough for the lists' journals, not for the record. */
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_return_code(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_fails(CLV_IO, clv_txn_commit(txn, &err));
	assert_return_code(setrlimit(RLIMIT_FSIZE, &much), 0);
	/* They had been written. */
	assert_int_equal(files("users/trusted/crl"), 1);
	assert_int_equal(files("users/.claviger/journal"), 0);
	assert_int_equal(files("pki/.claviger/journal"), 0);
	assert_int_equal(changed(readers), 0);
	commit(&txn);
	assert_int_equal(changed(readers), 2);
	clv_key_free(&key);
	clv_free(der);
}

static void
test_application_open_trust_list__needs_a_known_group(void **state)
{
	clv_trust *trust = NULL;

	(void)state;
	assert_ok(
	    clv_application_open_trust_list(application, USERS, &trust, &err));
	assert_string_equal(clv_trust_path(trust),
	    clv_application_trust_list(application, USERS));
	clv_trust_free(&trust);
	trust = (clv_trust *)(void *)&trust;
	assert_fails(CLV_NOT_FOUND,
	    clv_application_open_trust_list(
		application, "NoSuchGroup", &trust, &err));
	assert_null(trust);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    LISTS_TEST(test_application_open_trust_list__needs_a_known_group),
	    LISTS_TEST(test_txn_commit__changes_key_and_two_lists_at_once),
	    LISTS_TEST(
		test_txn_commit__of_lists_alone_leaves_slots_and_keys_alone),
	    LISTS_TEST(test_txn_commit__replaces_and_removes),
	    LISTS_TEST(test_txn_commit__counts_what_was_staged_before),
	    LISTS_TEST(
		test_txn_commit__keeps_the_crls_of_a_ca_that_is_renewed_in_it),
	    LISTS_TEST(test_txn_commit__keeps_what_others_changed_meanwhile),
	    LISTS_TEST(test_txn_commit__of_a_shared_directory_is_one_change),
	    LISTS_TEST(test_txn_cancel__forgets_lists),
	    LISTS_TEST(
		test_txn_trust__refuses_at_once_and_keeps_what_was_staged),
	    LISTS_TEST(test_txn_trust__refuses_a_list_that_would_be_too_large),
	    LISTS_TEST(
		test_txn_trust__refuses_a_list_that_is_missing_or_insecure),
	    LISTS_TEST(test_txn_commit__that_fails_leaves_all_as_it_was),
	    LISTS_TEST(
		test_txn_commit__that_cannot_write_its_record_takes_lists_back),
	};

	return cmocka_run_group_tests(
	    tests, lists_set_up_pki, lists_tear_down_pki);
}
