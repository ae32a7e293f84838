/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What a view of a live application has: keys, certificates and lists. */

#include "live_fixture.h"

#include <stdlib.h>
#include <string.h>

static clv_status
problem_of(const clv_live_view *view)
{
	const struct clv_live_slot slot = slot_of(view);

	assert_int_equal(slot.key == NULL, slot.problem != NULL);
	return clv_error_status(slot.problem);
}

/* ---- keys ---- */

static void
test_live_view__is_the_same_while_nothing_changes(void **state)
{
	clv_live_view *first = view_now();
	clv_live_view *second = view_now();

	(void)state;
	assert_ptr_equal(first, second);
	assert_usable(first);
	clv_live_view_free(&first);
	clv_live_view_free(&second);
	clv_live_view_free(&second);
}

static void
test_live_view__goes_on_with_the_old_key_after_a_commit(void **state)
{
	clv_live_view *old = view_now();
	clv_live_view *new;
	char *key;

	(void)state;
	renew();
	new = view_now();
	assert_ptr_not_equal(old, new);
	assert_string_not_equal(
	    clv_live_view_transaction(old), clv_live_view_transaction(new));
	key = present_key();
	assert_string_equal(clv_key_uri(slot_of(new).key), key);
	assert_string_not_equal(clv_key_uri(slot_of(old).key), key);
	/* The file of the old key is gone. */
	assert_int_equal(files("pki/own/private/*.pem"), 1);
	assert_usable(old);
	assert_usable(new);
	clv_live_view_free(&old);
	clv_live_view_free(&new);
	free(key);
}

static void
test_live_view__outlives_its_handle(void **state)
{
	clv_live_view *view = view_now();

	(void)state;
	clv_live_free(&live);
	assert_usable(view);
	assert_string_equal(
	    clv_application_uri(clv_live_view_application(view)), TEST_URI);
	clv_live_view_free(&view);
}

static void
test_live_view__never_has_a_key_that_was_swapped(void **state)
{
	clv_live_view *old = view_now();
	clv_live_view *view;
	char *uri = present_key();
	const char *path = strchr(uri, ':') + 1;

	(void)state;
	command_ok(place, "cp -p '%s' kept", path);
	command_ok(place,
	    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
	    "-out '%s'",
	    path);
	view = view_now();
	assert_int_equal(problem_of(view), CLV_CHANGED);
	assert_usable(old);
	clv_live_view_free(&view);
	/* Still so, when it is looked at anew. */
	assert_ok(clv_live_check(live, &err));
	view = view_now();
	assert_int_equal(problem_of(view), CLV_CHANGED);
	clv_live_view_free(&view);
	command_ok(place, "cp -p kept '%s'", path);
	view = view_now();
	assert_usable(view);
	clv_live_view_free(&view);
	clv_live_view_free(&old);
	free(uri);
}

static void
test_live_open__finds_a_key_that_was_swapped_before(void **state)
{
	clv_live_view *view;
	char *uri = present_key();

	(void)state;
	clv_live_free(&live);
	command_ok(place,
	    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
	    "-out '%s'",
	    strchr(uri, ':') + 1);
	assert_ok(clv_live_open(context, directory, &live, &err));
	view = view_now();
	assert_int_equal(problem_of(view), CLV_CHANGED);
	clv_live_view_free(&view);
	free(uri);
}

/* Key and certificate exchanged together fit each other; but nobody has
 * committed them. */
static void
test_live_view__finds_a_swapped_pair(void **state)
{
	clv_live_view *view;
	char *uri = present_key();
	const char *path = strchr(uri, ':') + 1;
	struct clv_slot slot;

	(void)state;
	assert_true(clv_application_slot(application, 0, &slot));
	command_ok(place,
	    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	    "-nodes -keyout '%s' -outform DER -out '%s' -subj /CN=Pump "
	    "-addext subjectAltName=URI:" TEST_URI,
	    path, slot.certificate);
	view = view_now();
	assert_int_equal(problem_of(view), CLV_CHANGED);
	clv_live_view_free(&view);
	assert_ok(clv_live_check(live, &err));
	view = view_now();
	assert_int_equal(problem_of(view), CLV_CHANGED);
	clv_live_view_free(&view);
	/* A transaction mends it. */
	renew();
	view = view_now();
	assert_usable(view);
	clv_live_view_free(&view);
	free(uri);
}

static void
test_live_view__says_why_a_slot_is_unusable(void **state)
{
	clv_live_view *view;
	char *uri = present_key();
	const char *path = strchr(uri, ':') + 1;

	(void)state;
	command_ok(place, "chmod 0644 '%s'", path);
	view = view_now();
	assert_int_equal(problem_of(view), CLV_POLICY);
	clv_live_view_free(&view);
	command_ok(place, "chmod 0600 '%s' && mv '%s' kept", path, path);
	view = view_now();
	assert_int_equal(problem_of(view), CLV_NOT_FOUND);
	clv_live_view_free(&view);
	command_ok(place, "mv kept '%s'", path);
	view = view_now();
	assert_usable(view);
	clv_live_view_free(&view);
	free(uri);
}

static void
test_live_get_view__fails_while_the_configuration_is_insecure(void **state)
{
	clv_live_view *old = view_now();
	clv_live_view *view = NULL;

	(void)state;
	command_ok(place, "chmod 0666 '%s/claviger.conf'", directory);
	assert_fails(CLV_POLICY, clv_live_get_view(live, &view, &err));
	assert_null(view);
	assert_fails(CLV_POLICY, clv_live_get_view(live, &view, &err));
	assert_usable(old);
	command_ok(place, "chmod 0644 '%s/claviger.conf'", directory);
	view = view_now();
	assert_usable(view);
	clv_live_view_free(&view);
	clv_live_view_free(&old);
}

/* ---- TrustLists ---- */

static void
test_live_view__has_the_list_of_its_transaction(void **state)
{
	clv_live_view *old = view_now();
	clv_live_view *new;
	const clv_trust_snapshot *list = NULL;
	size_t size = 0;
	uint8_t *der = peer(&size);
	clv_txn *txn = NULL;

	(void)state;
	assert_int_equal(verify(old, der, size), CLV_UNTRUSTED);
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(clv_txn_trust_add(
	    txn, GROUP, CLV_TRUST_TRUSTED_CERTIFICATES, der, size, &err));
	assert_ok(
	    clv_txn_self_sign(txn, GROUP, TYPE, CLV_EC_P256, NULL, 30, &err));
	assert_ok(clv_txn_commit(txn, &err));
	clv_txn_free(&txn);
	new = view_now();
	assert_int_equal(verify(new, der, size), CLV_OK);
	assert_int_equal(verify(old, der, size), CLV_UNTRUSTED);
	assert_fails(
	    CLV_NOT_FOUND, clv_live_view_trust(new, "Other", &list, &err));
	clv_live_view_free(&new);
	clv_live_view_free(&old);
	free(der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    LIVE_TEST(test_live_view__is_the_same_while_nothing_changes),
	    LIVE_TEST(test_live_view__goes_on_with_the_old_key_after_a_commit),
	    LIVE_TEST(test_live_view__outlives_its_handle),
	    LIVE_TEST(test_live_view__never_has_a_key_that_was_swapped),
	    LIVE_TEST(test_live_open__finds_a_key_that_was_swapped_before),
	    LIVE_TEST(test_live_view__finds_a_swapped_pair),
	    LIVE_TEST(test_live_view__says_why_a_slot_is_unusable),
	    LIVE_TEST(
		test_live_get_view__fails_while_the_configuration_is_insecure),
	    LIVE_TEST(test_live_view__has_the_list_of_its_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
