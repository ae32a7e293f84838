/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The token that the proxy makes of SoftHSM: PINs that lock, pinpads, keys
 * that ask each time, tokens that are pulled, fewer sessions and mechanisms. */

#include "testing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake/proxy_fixture.h"

#define PIN_FLAGS \
	(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)

static CK_FLAGS
token_flags(void)
{
	CK_TOKEN_INFO info;
	CK_SLOT_ID slot;

	assert_rv(CKR_OK, p11_find_token(p11, LAB_LABEL, &slot, &info));
	return info.flags;
}

static CK_RV
login(const char *pin)
{
	return p11_login(p11, session, CKU_USER, pin);
}

static void
test_proxy_pin__locks_after_three_and_shows_it(void **state)
{
	(void)state;
	run("pin-tries 3");
	assert_rv(CKR_OK, p11->C_Logout(session));
	proxy->clear_counters();
	assert_int_equal(token_flags() & PIN_FLAGS, 0);
	assert_rv(CKR_PIN_INCORRECT, login("wrong1"));
	assert_int_equal(token_flags() & PIN_FLAGS, CKF_USER_PIN_COUNT_LOW);
	assert_rv(CKR_PIN_INCORRECT, login("wrong2"));
	assert_int_equal(token_flags() & PIN_FLAGS,
	    CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
	assert_rv(CKR_PIN_LOCKED, login("wrong3"));
	assert_int_equal(token_flags() & PIN_FLAGS, CKF_USER_PIN_LOCKED);
	assert_rv(CKR_PIN_LOCKED, login(LAB_PIN));
	assert_int_equal(proxy->shared()->failed_logins, 3);
	assert_int_equal(proxy->shared()->logins, 0);

	/* The security officer helps. */
	assert_rv(CKR_OK, p11_login(p11, session, CKU_SO, LAB_SO_PIN));
	assert_rv(CKR_OK,
	    p11->C_InitPIN(
		session, (CK_BYTE *)(char[]){LAB_PIN}, strlen(LAB_PIN)));
	assert_rv(CKR_OK, p11->C_Logout(session));
	assert_int_equal(token_flags() & PIN_FLAGS, 0);
	assert_rv(CKR_OK, login(LAB_PIN));
	assert_int_equal(proxy->shared()->logins, 1);
}

static void
test_proxy_pin__right_one_gives_all_tries_back(void **state)
{
	(void)state;
	run("pin-tries 3");
	assert_rv(CKR_OK, p11->C_Logout(session));
	assert_rv(CKR_PIN_INCORRECT, login("wrong1"));
	assert_rv(CKR_PIN_INCORRECT, login("wrong2"));
	assert_rv(CKR_OK, login(LAB_PIN));
	assert_rv(CKR_USER_ALREADY_LOGGED_IN, login(LAB_PIN));
	assert_int_equal(proxy->shared()->tries_left, 3);
	assert_rv(CKR_PIN_INCORRECT,
	    p11->C_SetPIN(session, (CK_BYTE *)(char[]){"wrong3"}, 6,
		(CK_BYTE *)(char[]){"567890"}, 6));
	assert_int_equal(proxy->shared()->tries_left, 2);
}

/* Runs pkcs11-tool through the proxy; its output is in the file `out`. */
static int
run_tool(const char *arguments)
{
	char command[1024];

	snprintf(command, sizeof(command),
	    "CLAVIGER_P11_PROXY=%s/proxy.conf pkcs11-tool --module %s "
	    "--token-label " LAB_LABEL " %s >%s/out 2>&1",
	    softhsm.dir, FOREIGN_PROXY_PATH, arguments, softhsm.dir);
	return system(command);
}

static int
output_has(const char *text)
{
	char path[LAB_PATH + 8], output[8192];
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "%s/out", softhsm.dir);
	assert_non_null(file = fopen(path, "r"));
	size = fread(output, 1, sizeof(output) - 1, file);
	fclose(file);
	output[size] = '\0';
	return strstr(output, text) != NULL;
}

static void
write_conf(const char *more)
{
	char path[LAB_PATH + 16];
	FILE *file;

	snprintf(path, sizeof(path), "%s/proxy.conf", softhsm.dir);
	assert_non_null(file = fopen(path, "w"));
	fprintf(file, "module %s\nstate %s/proxy.state\n%s\n", softhsm.module,
	    softhsm.dir, more);
	assert_int_equal(fclose(file), 0);
}

static void
test_proxy_pin__stays_locked_in_other_processes(void **state)
{
	char directive[LAB_PATH + 32];
	struct p11_proxy_shared *shared;

	(void)state;
	if (system("command -v pkcs11-tool >/dev/null") != 0)
		fail_msg("pkcs11-tool is missing: apt-get install opensc");
	write_conf("pin-tries 3");
	snprintf(
	    directive, sizeof(directive), "state %s/proxy.state", softhsm.dir);
	run(directive);
	shared = proxy->shared();

	assert_int_not_equal(run_tool("--login --pin 000000 -O"), 0);
	assert_true(output_has("CKR_PIN_INCORRECT"));
	assert_int_equal(shared->tries_left, 2);
	assert_int_not_equal(run_tool("--login --pin 000000 -O"), 0);
	assert_true(output_has("CKR_PIN_INCORRECT"));
	assert_int_equal(run_tool("-L"), 0);
	assert_true(output_has("final user PIN try"));
	assert_int_not_equal(run_tool("--login --pin 000000 -O"), 0);
	assert_true(output_has("CKR_PIN_LOCKED"));
	assert_int_not_equal(run_tool("--login --pin " LAB_PIN " -O"), 0);
	assert_true(output_has("CKR_PIN_LOCKED"));
	assert_int_equal(shared->failed_logins, 3);
	assert_true(shared->calls[P11_PROXY_C_Login] == 4);

	shared->tries_left = 1;
	assert_int_equal(run_tool("--login --pin " LAB_PIN " -O"), 0);
	assert_int_equal(shared->tries_left, 3);
}

static void
test_proxy_conf__mistakes_keep_it_from_loading(void **state)
{
	(void)state;
	write_conf("fault C_Sing CKR_DEVICE_ERROR");
	assert_int_not_equal(run_tool("-L"), 0);
	assert_true(output_has("fault C_Sing CKR_DEVICE_ERROR: no such"));
	assert_true(output_has("Failed to load pkcs11 module"));
}

static void
test_proxy_pinpad__takes_no_pin_from_the_program(void **state)
{
	(void)state;
	run("pinpad " LAB_PIN);
	assert_rv(CKR_OK, p11->C_Logout(session));
	assert_true(token_flags() & CKF_PROTECTED_AUTHENTICATION_PATH);
	assert_rv(CKR_ARGUMENTS_BAD, login(LAB_PIN));
	assert_rv(CKR_OK, login(NULL));
	assert_rv(CKR_OK, p11->C_Logout(session));
	run("pinpad 999999");
	assert_rv(CKR_PIN_INCORRECT, login(NULL));
	run("pinpad " LAB_PIN "; fault C_Login CKR_FUNCTION_CANCELED at 1");
	assert_rv(CKR_FUNCTION_CANCELED, login(NULL));
	assert_rv(CKR_OK, login(NULL));
}

static void
test_proxy_always_authenticate__wants_a_login_for_each_signature(void **state)
{
	CK_BBOOL always = CK_FALSE;
	CK_ATTRIBUTE wanted = {CKA_ALWAYS_AUTHENTICATE, &always, 1};
	CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
	CK_BYTE digest[32] = {1}, signature[64];
	CK_ULONG size = sizeof(signature);

	(void)state;
	run("always-authenticate");
	/* The last right PIN is what a context-specific login must bring. */
	renew_session();
	assert_rv(
	    CKR_OK, p11->C_GetAttributeValue(session, private_key, &wanted, 1));
	assert_int_equal(always, CK_TRUE);
	assert_rv(CKR_USER_NOT_LOGGED_IN, sign_p256(NULL, NULL));

	assert_rv(CKR_OK, p11->C_SignInit(session, &mechanism, private_key));
	assert_rv(CKR_PIN_INCORRECT,
	    p11_login(p11, session, CKU_CONTEXT_SPECIFIC, "wrong1"));
	assert_rv(
	    CKR_OK, p11_login(p11, session, CKU_CONTEXT_SPECIFIC, LAB_PIN));
	assert_rv(CKR_OK,
	    p11->C_Sign(session, digest, sizeof(digest), signature, &size));
	assert_rv(CKR_OPERATION_NOT_INITIALIZED,
	    p11_login(p11, session, CKU_CONTEXT_SPECIFIC, LAB_PIN));
	assert_rv(CKR_USER_NOT_LOGGED_IN, sign_p256(NULL, NULL));
}

static void
test_proxy_remove__ends_sessions_and_empties_the_slot(void **state)
{
	CK_SLOT_ID slots[4];
	CK_ULONG count = 4;
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO token_info;
	CK_SESSION_HANDLE other;

	(void)state;
	assert_rv(CKR_OK, p11->C_GetSlotList(CK_TRUE, slots, &count));
	run("remove");
	assert_rv(CKR_DEVICE_REMOVED, sign_p256(NULL, NULL));
	assert_rv(CKR_SESSION_HANDLE_INVALID, sign_p256(NULL, NULL));
	assert_rv(CKR_TOKEN_NOT_PRESENT,
	    p11->C_OpenSession(
		slots[0], CKF_SERIAL_SESSION, NULL, NULL, &other));
	assert_rv(
	    CKR_TOKEN_NOT_PRESENT, p11->C_GetTokenInfo(slots[0], &token_info));
	assert_rv(CKR_OK, p11->C_GetSlotInfo(slots[0], &slot_info));
	assert_false(slot_info.flags & CKF_TOKEN_PRESENT);
	assert_rv(CKR_OK, p11->C_GetSlotList(CK_TRUE, NULL, &count));
	assert_int_equal(count, 0);
	assert_rv(CKR_OK, p11->C_GetSlotList(CK_FALSE, NULL, &count));
	assert_int_equal(count, 2);

	run("insert");
	assert_rv(CKR_SESSION_HANDLE_INVALID, sign_p256(NULL, NULL));
	renew_session();
	assert_rv(CKR_OK, sign_p256(NULL, NULL));
}

static void
test_proxy_pull__happens_in_the_middle_of_an_operation(void **state)
{
	(void)state;
	run("pull C_Sign at 2");
	assert_rv(CKR_OK, sign_p256(NULL, NULL));
	assert_rv(CKR_DEVICE_REMOVED, sign_p256(NULL, NULL));
	assert_int_equal(proxy->shared()->removed, 1);
	run("insert");
	renew_session();
	run("clear; blink C_Sign at 1");
	assert_rv(CKR_DEVICE_REMOVED, sign_p256(NULL, NULL));
	assert_int_equal(proxy->shared()->removed, 0);
	assert_rv(CKR_SESSION_HANDLE_INVALID, sign_p256(NULL, NULL));
	renew_session();
	assert_rv(CKR_OK, sign_p256(NULL, NULL));
}

static _Atomic int stop_signing, signatures;

/* With a session of its own, as Cryptoki wants it. */
static void *
sign_on_and_on(void *unused)
{
	CK_BYTE signature[64];
	CK_ULONG size;
	CK_SESSION_HANDLE own = 0;
	CK_OBJECT_HANDLE key = 0;

	(void)unused;
	while (!stop_signing) {
		size = sizeof(signature);
		if (p11_sign(p11, own, CKM_ECDSA, key, signature, &size) ==
		    CKR_OK) {
			signatures++;
			continue;
		}
		if (p11_open(p11, LAB_LABEL, &own) != CKR_OK)
			continue;
		p11_login(p11, own, CKU_USER, LAB_PIN);
		p11_find_key(p11, own, CKO_PRIVATE_KEY, 1, &key);
	}
	return NULL;
}

static void
test_proxy_remove__is_safe_while_others_sign(void **state)
{
	pthread_t threads[4];

	(void)state;
	stop_signing = 0;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, sign_on_and_on, NULL), 0);
	for (int i = 0; i < 20; i++) {
		const int before = signatures;

		run("remove");
		usleep(2000);
		run("insert");
		while (signatures == before)
			usleep(1000);
	}
	stop_signing = 1;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	renew_session();
	assert_rv(CKR_OK, sign_p256(NULL, NULL));
}

static void
test_proxy_slot_offset__renumbers_the_slots(void **state)
{
	CK_SLOT_ID before, after;
	CK_TOKEN_INFO info;
	CK_SESSION_INFO session_info;

	(void)state;
	assert_rv(CKR_OK, p11_find_token(p11, LAB_LABEL, &before, &info));
	run("slot-offset 1000");
	assert_rv(CKR_OK, p11_find_token(p11, LAB_LABEL, &after, &info));
	assert_int_equal(after, before + 1000);
	assert_rv(CKR_SLOT_ID_INVALID, p11->C_GetTokenInfo(before, &info));
	assert_rv(CKR_OK, p11->C_GetSessionInfo(session, &session_info));
	assert_int_equal(session_info.slotID, after);
}

static void *
wait_for_event(void *slot)
{
	static CK_RV rv;

	rv = p11->C_WaitForSlotEvent(0, slot, NULL);
	return &rv;
}

static void
test_proxy_event__wakes_the_one_who_waits(void **state)
{
	CK_SLOT_ID slot = 0;
	pthread_t thread;
	void *result;

	(void)state;
	while (p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL) == CKR_OK)
		;
	assert_rv(
	    CKR_NO_EVENT, p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL));
	assert_int_equal(
	    pthread_create(&thread, NULL, wait_for_event, &slot), 0);
	usleep(20000);
	run("remove; insert");
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_rv(CKR_OK, *(CK_RV *)result);
	assert_int_not_equal(slot, 0);
	renew_session();
}

static int
lists_mechanism(CK_SLOT_ID slot, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM_TYPE list[256];
	CK_ULONG count = 256;

	assert_rv(CKR_OK, p11->C_GetMechanismList(slot, list, &count));
	for (CK_ULONG i = 0; i < count; i++)
		if (list[i] == type)
			return 1;
	return 0;
}

static void
test_proxy_hide__takes_mechanisms_away(void **state)
{
	CK_MECHANISM_INFO mechanism_info;
	CK_ULONG before = 0, after = 0;
	CK_TOKEN_INFO info;
	CK_SLOT_ID slot;

	(void)state;
	assert_rv(CKR_OK, p11_find_token(p11, LAB_LABEL, &slot, &info));
	assert_rv(CKR_OK, p11->C_GetMechanismList(slot, NULL, &before));
	assert_true(lists_mechanism(slot, CKM_ECDSA));
	run("hide CKM_ECDSA; hide CKM_RSA_PKCS_PSS");
	assert_rv(CKR_OK, p11->C_GetMechanismList(slot, NULL, &after));
	assert_int_equal(after, before - 2);
	assert_false(lists_mechanism(slot, CKM_ECDSA));
	assert_false(lists_mechanism(slot, CKM_RSA_PKCS_PSS));
	assert_true(lists_mechanism(slot, CKM_RSA_PKCS));
	assert_rv(CKR_MECHANISM_INVALID,
	    p11->C_GetMechanismInfo(slot, CKM_ECDSA, &mechanism_info));
	assert_rv(CKR_MECHANISM_INVALID, sign_p256(NULL, NULL));
	run("reset");
	assert_rv(CKR_OK, sign_p256(NULL, NULL));
}

static void
test_proxy_sessions__are_limited(void **state)
{
	CK_SESSION_HANDLE other;
	CK_TOKEN_INFO info;
	CK_SLOT_ID slot;

	(void)state;
	renew_session();
	run("sessions 2");
	assert_rv(CKR_OK, p11_find_token(p11, LAB_LABEL, &slot, &info));
	assert_int_equal(info.ulMaxSessionCount, 2);
	assert_int_equal(info.ulSessionCount, 1);
	assert_rv(CKR_OK, p11_open(p11, LAB_LABEL, &other));
	assert_rv(CKR_SESSION_COUNT, p11_open(p11, LAB_LABEL, &other));
	assert_rv(CKR_OK, p11->C_CloseSession(other));
	assert_rv(CKR_OK, p11_open(p11, LAB_LABEL, &other));
}

static void
test_proxy_log__names_calls_and_results_but_no_pin(void **state)
{
	char directive[LAB_PATH + 16];

	(void)state;
	snprintf(directive, sizeof(directive), "log %s/out", softhsm.dir);
	run(directive);
	run("fault C_Sign CKR_DEVICE_ERROR");
	assert_rv(CKR_DEVICE_ERROR, sign_p256(NULL, NULL));
	renew_session();
	run("log /dev/null");
	assert_true(output_has("C_SignInit session="));
	assert_true(output_has("CKR_DEVICE_ERROR(0x30)"));
	assert_true(output_has("C_Login"));
	assert_false(output_has(LAB_PIN));
}

/* Each test leaves a session that is logged in to the next. */
static int
calm_and_renew(void **state)
{
	if (proxy_calm(state) != 0)
		return -1;
	renew_session();
	return 0;
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, calm_and_renew)
	const struct CMUnitTest tests[] = {
	    TEST(test_proxy_pin__locks_after_three_and_shows_it),
	    TEST(test_proxy_pin__right_one_gives_all_tries_back),
	    TEST(test_proxy_pin__stays_locked_in_other_processes),
	    TEST(test_proxy_conf__mistakes_keep_it_from_loading),
	    TEST(test_proxy_pinpad__takes_no_pin_from_the_program),
	    TEST(
		test_proxy_always_authenticate__wants_a_login_for_each_signature),
	    TEST(test_proxy_remove__ends_sessions_and_empties_the_slot),
	    TEST(test_proxy_pull__happens_in_the_middle_of_an_operation),
	    TEST(test_proxy_remove__is_safe_while_others_sign),
	    TEST(test_proxy_slot_offset__renumbers_the_slots),
	    TEST(test_proxy_event__wakes_the_one_who_waits),
	    TEST(test_proxy_hide__takes_mechanisms_away),
	    TEST(test_proxy_sessions__are_limited),
	    TEST(test_proxy_log__names_calls_and_results_but_no_pin),
	};

	return cmocka_run_group_tests(tests, proxy_start, proxy_stop);
}
