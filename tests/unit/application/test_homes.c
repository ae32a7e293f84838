/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* One application with a key in a file, one on a token and one in a TPM. */

#include "fixture.h"

#include <claviger/audit.h>
#include <claviger/live.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <claviger/ask.h>

#include "fake/swtpm_lab.h"
#include "fake/token_lab.h"

static struct lab_softhsm softhsm;
static struct swtpm_lab swtpm;

/* Where the keys of the three slots live. */
static struct {
	const char *type;
	clv_algorithm algorithm;
	char store[512];
} homes[] = {
    {TYPE, CLV_EC_P256, "file:"}, /* the fixture made it */
    {"EccNistP384", CLV_EC_P384, ""},
    {"RsaSha256", CLV_RSA_2048, ""},
};

#define HOMES (sizeof(homes) / sizeof(homes[0]))

static clv_status
answer(void *user, const struct clv_ask_request *request, clv_secret *secret,
    clv_error **err)
{
	(void)user;
	if (request->attempt > 1)
		return CLV_CANCELLED;
	return clv_secret_set(secret, LAB_PIN, strlen(LAB_PIN), err);
}

static int
set_up_homes(void **state)
{
	char path[128];

	if (set_up(state) != 0)
		return 1;
	clv_context_set_ask(context, answer, NULL);
	(void)snprintf(path, sizeof(path), "%s/seen", place);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(setenv("XDG_STATE_HOME", path, 1), 0);
	assert_int_equal(lab_softhsm_start(&softhsm, place), 0);
	assert_int_equal(swtpm_lab_start(&swtpm), 0);
	(void)snprintf(homes[1].store, sizeof(homes[1].store),
	    "pkcs11:token=" LAB_LABEL "?module-path=%s", softhsm.module);
	(void)snprintf(homes[2].store, sizeof(homes[2].store), "tpm2:?tcti=%s",
	    swtpm.tcti);
	return 0;
}

static int
tear_down_homes(void **state)
{
	const int status = tear_down(state);

	swtpm_lab_stop(&swtpm);
	return status;
}

static clv_status
sign(const struct clv_live_slot *slot)
{
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	return clv_key_sign(slot->key,
	    clv_algorithm_describe(clv_key_algorithm(slot->key))->scheme,
	    "message", 7, signature, &size, NULL);
}

static void
assert_usable(const clv_live_view *view, const char *type)
{
	struct clv_live_slot slot;

	assert_true(clv_live_view_find(view, GROUP, type, &slot));
	if (slot.problem != NULL)
		fail_msg("%s: %s", type, clv_error_message(slot.problem));
	assert_true(clv_certificate_matches(slot.certificate, slot.key));
	assert_int_equal(sign(&slot), CLV_OK);
}

/* New keys for all three slots, as one. */
static void
renew_all(void)
{
	clv_txn *txn = NULL;

	assert_ok(clv_txn_open(application, &txn, &err));
	for (size_t i = 0; i < HOMES; i++)
		assert_ok(clv_txn_self_sign(txn, GROUP, homes[i].type,
		    homes[i].algorithm, NULL, 30, &err));
	assert_ok(clv_txn_commit(txn, &err));
	clv_txn_free(&txn);
}

static void
add_slots(void)
{
	for (size_t i = 1; i < HOMES; i++)
		assert_ok(clv_application_add_slot(
		    application, GROUP, homes[i].type, homes[i].store, &err));
}

static void
test_application__has_keys_in_a_file_a_token_and_a_tpm(void **state)
{
	struct clv_audit_summary summary;
	clv_application *reader = NULL;
	clv_live_view *old = NULL;
	clv_live_view *new = NULL;
	struct clv_live_slot slot;
	clv_live *live = NULL;
	clv_key *key = NULL;

	(void)state;
	add_slots();
	renew_all();
	assert_ok(clv_application_open(context, directory, &reader, &err));
	for (size_t i = 0; i < HOMES; i++) {
		assert_ok(clv_application_key(
		    reader, GROUP, homes[i].type, &key, &err));
		assert_int_equal(strncmp(clv_key_uri(key), homes[i].store,
				     strcspn(homes[i].store, ":")),
		    0);
		clv_key_free(&key);
	}
	clv_application_free(&reader);

	assert_ok(clv_live_open(context, directory, &live, &err));
	assert_ok(clv_live_get_view(live, &old, &err));
	for (size_t i = 0; i < HOMES; i++)
		assert_usable(old, homes[i].type);
	renew_all();
	assert_ok(clv_live_get_view(live, &new, &err));
	for (size_t i = 0; i < HOMES; i++)
		assert_usable(new, homes[i].type);
	/* What the header says of keys that have been destroyed. */
	assert_usable(old, homes[0].type);
	assert_usable(old, homes[2].type);
	assert_true(clv_live_view_find(old, GROUP, homes[1].type, &slot));
	assert_int_not_equal(sign(&slot), CLV_OK);
	assert_ok(clv_audit_verify(application, NULL, &summary, &err));
	clv_live_view_free(&old);
	clv_live_view_free(&new);
	clv_live_free(&live);
}

static void
test_live_view__goes_on_without_a_device_that_is_away(void **state)
{
	clv_live_view *view = NULL;
	struct clv_live_slot slot;
	clv_live *live = NULL;

	(void)state;
	add_slots();
	renew_all();
	swtpm_lab_kill(&swtpm);
	assert_ok(clv_live_open(context, directory, &live, &err));
	assert_ok(clv_live_get_view(live, &view, &err));
	assert_usable(view, homes[0].type);
	assert_usable(view, homes[1].type);
	assert_true(clv_live_view_find(view, GROUP, homes[2].type, &slot));
	assert_non_null(slot.problem);
	assert_null(slot.key);
	clv_live_view_free(&view);
	assert_int_equal(swtpm_lab_restart(&swtpm), 0);
	assert_ok(clv_live_check(live, &err));
	assert_ok(clv_live_get_view(live, &view, &err));
	for (size_t i = 0; i < HOMES; i++)
		assert_usable(view, homes[i].type);
	clv_live_view_free(&view);
	clv_live_free(&live);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up_homes, tear_down_homes)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_application__has_keys_in_a_file_a_token_and_a_tpm),
	    TEST(test_live_view__goes_on_without_a_device_that_is_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
