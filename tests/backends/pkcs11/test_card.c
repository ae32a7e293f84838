/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Cards behind OpenSC and pcscd: run with tests/fake/with-card PIV|ISO. */

#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <claviger/certificate.h>
#include <claviger/context.h>
#include <claviger/key.h>

#include "fake/token_lab.h"
#include "p11_lab.h"

static struct lab_card card;
static clv_context *context;
static const char *pin;
static unsigned asked;

static bool
is_piv(void)
{
	return strcmp(card.kind, "PIV") == 0;
}

static clv_status
answer(void *user, const struct clv_ask_request *request, clv_secret *secret,
    clv_error **err)
{
	(void)user;
	(void)request;
	asked++;
	return clv_secret_set(secret, pin, strlen(pin), err);
}

static void
command(const char *text)
{
	assert_int_equal(lab_card_command(text), 0);
}

static int
start(void **state)
{
	(void)state;
	if (lab_card_open(&card) != 0)
		return -1;
	(void)setenv("XDG_STATE_HOME", card.dir, 1);
	pin = card.pin;
	if (clv_context_new(&context, NULL) != CLV_OK)
		return -1;
	clv_context_set_ask(context, answer, NULL);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	clv_context_free(&context);
	return 0;
}

static clv_key *
open_key(const char *id, const char *query)
{
	char uri[512];
	clv_key *key = NULL;

	(void)snprintf(uri, sizeof(uri), "pkcs11:id=%%%s?module-path=%s%s", id,
	    card.module, query);
	assert_ok(clv_key_open(context, uri, &key, &err));
	return key;
}

/* The key of each card that signs RSA (ISO) or ECDSA (PIV). */
static clv_key *
open_signer(void)
{
	return open_key("01", "");
}

static void
test_card__keys_work(void **state)
{
	clv_key *key = open_signer();

	(void)state;
	assert_true(clv_key_properties(key) & CLV_KEY_HARDWARE);
	assert_false(clv_key_properties(key) & CLV_KEY_EXTRACTABLE);
	for (int i = 0; i < 20; i++)
		assert_ok(lab_sign(key, &err));
	assert_int_equal(asked, 1);
	clv_key_free(&key);
}

static void
test_piv__each_slot_does_its_work(void **state)
{
	clv_key *signature;
	clv_key *management;
	clv_key *authentication;

	(void)state;
	if (!is_piv())
		return;
	/* 9D: decrypts; OpenSC pads for it. */
	management = open_key("03", "");
	assert_ok(lab_decrypt(management, CLV_RSA_PKCS1, &err));
	assert_ok(lab_decrypt(management, CLV_RSA_OAEP_SHA1, &err));
	assert_ok(lab_decrypt(management, CLV_RSA_OAEP_SHA256, &err));
	/* 9E: without a PIN. */
	authentication = open_key("04", "");
	assert_ok(lab_sign(authentication, &err));
	/* 9C: with one for each signature. */
	signature = open_key("02", "");
	assert_true(
	    clv_key_properties(signature) & CLV_KEY_ALWAYS_AUTHENTICATE);
	asked = 0;
	assert_ok(lab_sign(signature, &err));
	assert_ok(lab_sign(signature, &err));
	assert_ok(lab_sign_scheme(signature, CLV_RSA_PSS_SHA256, &err));
	assert_int_equal(asked, 3);
	clv_key_free(&signature);
	clv_key_free(&management);
	clv_key_free(&authentication);
}

static void
test_piv__certificate_is_read(void **state)
{
	clv_certificate *certificate = NULL;
	clv_key *key;
	uint8_t *der = NULL;
	size_t size = 0;

	(void)state;
	if (!is_piv())
		return;
	key = open_signer();
	assert_ok(clv_key_read_certificates(key, &der, &size, &err));
	assert_ok(
	    clv_certificate_parse(context, der, size, &certificate, &err));
	assert_true(clv_certificate_matches(certificate, key));
	clv_certificate_free(&certificate);
	clv_free(der);
	clv_key_free(&key);
}

static void
test_piv__keys_are_made_elsewhere(void **state)
{
	clv_store *store = NULL;
	clv_key *key = NULL;
	clv_error *err = NULL;
	char uri[512];

	(void)state;
	if (!is_piv())
		return;
	(void)snprintf(uri, sizeof(uri), "pkcs11:?module-path=%s", card.module);
	assert_ok(clv_store_open(context, uri, &store, &err));
	assert_int_equal(clv_key_generate(store, CLV_EC_P256, NULL, &key, &err),
	    CLV_UNSUPPORTED);
	assert_non_null(strstr(clv_error_remedy(err), "piv-tool"));
	clv_error_free(&err);
	clv_store_free(&store);
}

static double
seconds_since(const struct timespec *then)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) +
	    1e-9 * (double)(now.tv_nsec - then->tv_nsec);
}

static clv_status
sign_within(clv_key *key, double limit, clv_error **err)
{
	struct timespec then;
	clv_status status;

	(void)clock_gettime(CLOCK_MONOTONIC, &then);
	status = lab_sign(key, err);
	assert_true(seconds_since(&then) < limit);
	return status;
}

/* pcscd needs a moment to see a card come or go. */
static void
sign_until_it_works(clv_key *key)
{
	clv_status status = CLV_DEVICE_GONE;

	for (int i = 0; i < 100 && status != CLV_OK; i++) {
		const struct timespec nap = {0, 100000000};

		status = lab_sign(key, NULL);
		if (status != CLV_OK)
			(void)nanosleep(&nap, NULL);
	}
	assert_int_equal(status, CLV_OK);
}

static void
wait_until_gone(clv_key *key)
{
	for (int i = 0; i < 100; i++)
		if (lab_sign(key, NULL) == CLV_DEVICE_GONE)
			return;
	fail_msg("the card does not go");
}

static void
test_card__pulled_is_told_at_once_and_put_back_goes_on(void **state)
{
	clv_key *key = open_signer();

	(void)state;
	assert_ok(lab_sign(key, &err));
	asked = 0;
	for (int i = 0; i < 3; i++) {
		command("pull");
		wait_until_gone(key);
		assert_fails(CLV_DEVICE_GONE, sign_within(key, 5, &err));
		command("insert");
		sign_until_it_works(key);
	}
	assert_int_equal(asked, 0);
	clv_key_free(&key);
}

static void
test_card__pulled_in_mid_signature_does_not_deadlock(void **state)
{
	clv_key *key = open_signer();
	clv_status status;

	(void)state;
	assert_ok(lab_sign(key, &err));
	asked = 0;
	for (int i = 0; i < 3; i++) {
		command("pullduring 1");
		(void)alarm(60);
		status = sign_within(key, 20, NULL);
		assert_true(status == CLV_DEVICE_GONE || status == CLV_IO ||
		    status == CLV_OK);
		command("insert");
		sign_until_it_works(key);
		(void)alarm(0);
	}
	assert_int_equal(asked, 0);
	clv_key_free(&key);
}

/* pcscd may be updated under a running application. */
static void
test_card__a_restarted_daemon_is_found_again(void **state)
{
	clv_key *key = open_signer();
	const char *restart = getenv("CLAVIGER_CARD_RESTART");

	(void)state;
	assert_non_null(restart);
	assert_ok(lab_sign(key, &err));
	asked = 0;
	assert_int_equal(system(restart), 0);
	sign_until_it_works(key);
	for (int i = 0; i < 5; i++)
		assert_ok(lab_sign(key, &err));
	assert_int_equal(asked, 0);
	clv_key_free(&key);
}

/* The last one, since the card has two tries afterwards. */
static void
test_card__a_wrong_pin_costs_one_try(void **state)
{
	struct lab_card_stat stat;
	clv_key *key = NULL;
	char uri[512];

	(void)state;
	(void)snprintf(
	    uri, sizeof(uri), "pkcs11:id=%%01?module-path=%s", card.module);
	pin = "999999";
	for (int i = 0; i < 5; i++)
		assert_fails(CLV_AUTH, clv_key_open(context, uri, &key, &err));
	assert_int_equal(lab_card_stat(&stat), 0);
	assert_int_equal(stat.tries, 2);
	pin = card.pin;
	assert_ok(clv_key_open(context, uri, &key, &err));
	assert_ok(lab_sign(key, &err));
	clv_key_free(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_card__keys_work),
	    cmocka_unit_test(test_piv__each_slot_does_its_work),
	    cmocka_unit_test(test_piv__certificate_is_read),
	    cmocka_unit_test(test_piv__keys_are_made_elsewhere),
	    cmocka_unit_test(
		test_card__pulled_is_told_at_once_and_put_back_goes_on),
	    cmocka_unit_test(
		test_card__pulled_in_mid_signature_does_not_deadlock),
	    cmocka_unit_test(test_card__a_restarted_daemon_is_found_again),
	    cmocka_unit_test(test_card__a_wrong_pin_costs_one_try),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
