/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "card_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lab_card card;
CK_FUNCTION_LIST *p11;
CK_SESSION_HANDLE session;
CK_BYTE card_key_id;
CK_MECHANISM_TYPE card_mechanism;

int
card_start(void **state)
{
	(void)state;
	assert_int_equal(lab_card_open(&card), 0);
	assert_non_null(p11 = p11_load(card.module));
	return 0;
}

int
card_stop(void **state)
{
	(void)state;
	p11->C_Finalize(NULL);
	return 0;
}

CK_FLAGS
card_flags(void)
{
	CK_TOKEN_INFO info;
	CK_SLOT_ID slot;

	return p11_find_token(p11, NULL, &slot, &info) == CKR_OK ? info.flags
								 : 0;
}

void
card_wait_until_present(int present)
{
	for (int i = 0; i < 500; i++) {
		if ((card_flags() != 0) == present)
			return;
		usleep(10000);
	}
	fail_msg("the card is%s there", present ? " not" : "");
}

int
card_renew(void **state)
{
	(void)state;
	assert_int_equal(lab_card_command("insert"), 0);
	assert_int_equal(lab_card_command("resetpin"), 0);
	p11->C_Finalize(NULL);
	/* NULL: with CKF_OS_LOCKING_OK OpenSC's PIV driver deadlocks when a
	 * card is pulled in the middle of an operation. */
	assert_rv(CKR_OK, p11->C_Initialize(NULL));
	card_wait_until_present(1);
	assert_rv(CKR_OK, p11_open(p11, NULL, &session));
	assert_rv(CKR_OK, p11_login(p11, session, CKU_USER, card.pin));
	return 0;
}

CK_OBJECT_HANDLE
card_find(CK_OBJECT_CLASS class, CK_BYTE id)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;

	assert_rv(CKR_OK, p11_find_key(p11, session, class, id, &key));
	return key;
}

static CK_RV
sign(CK_BYTE *signature, CK_ULONG *size)
{
	return p11_sign(p11, session, card_mechanism,
	    card_find(CKO_PRIVATE_KEY, card_key_id), signature, size);
}

void
card_sign_and_verify(CK_MECHANISM_TYPE mechanism, CK_BYTE id)
{
	CK_BYTE signature[512];
	CK_ULONG size = sizeof(signature);

	assert_rv(CKR_OK,
	    p11_sign(p11, session, mechanism, card_find(CKO_PRIVATE_KEY, id),
		signature, &size));
	assert_rv(CKR_OK,
	    p11_verify(p11, session, mechanism, card_find(CKO_PUBLIC_KEY, id),
		signature, size));
	/* OpenSC says CKR_GENERAL_ERROR for a wrong RSA signature. */
	signature[size - 1] ^= 1;
	assert_int_not_equal(CKR_OK,
	    p11_verify(p11, session, mechanism, card_find(CKO_PUBLIC_KEY, id),
		signature, size));
}

static CK_RV
login(const char *pin)
{
	return p11_login(p11, session, CKU_USER, pin);
}

void
test_card_pin__locks_after_three(void **state)
{
	struct lab_card_stat stat;

	(void)state;
	assert_rv(CKR_OK, p11->C_Logout(session));
	assert_rv(CKR_PIN_INCORRECT, login("000000"));
	assert_int_equal(card_flags() & CKF_USER_PIN_FINAL_TRY, 0);
	assert_rv(CKR_PIN_INCORRECT, login("000001"));
	assert_true(card_flags() & CKF_USER_PIN_FINAL_TRY);
	assert_int_equal(lab_card_stat(&stat), 0);
	assert_int_equal(stat.tries, 1);
	assert_rv(CKR_PIN_LOCKED, login("000002"));
	assert_true(card_flags() & CKF_USER_PIN_LOCKED);
	assert_rv(CKR_PIN_LOCKED, login(card.pin));
	assert_int_equal(lab_card_stat(&stat), 0);
	assert_int_equal(stat.tries, 0);
}

void
test_card_pin__lock_outlives_the_session(void **state)
{
	struct lab_card_stat stat;

	(void)state;
	assert_rv(CKR_OK, p11->C_Logout(session));
	assert_rv(CKR_PIN_INCORRECT, login("000000"));
	assert_int_equal(lab_card_command("pull"), 0);
	card_wait_until_present(0);
	assert_int_equal(lab_card_command("insert"), 0);
	card_wait_until_present(1);
	assert_int_equal(lab_card_stat(&stat), 0);
	assert_int_equal(stat.tries, 2);
	assert_rv(CKR_OK, p11_open(p11, NULL, &session));
	assert_rv(CKR_OK, login(card.pin));
	assert_int_equal(lab_card_stat(&stat), 0);
	assert_int_equal(stat.tries, 3);
}

void
test_card_pull__idle_card_is_gone_and_comes_back(void **state)
{
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO token_info;
	CK_SLOT_ID slot;

	(void)state;
	assert_rv(CKR_OK, p11_find_token(p11, NULL, &slot, &token_info));
	card_sign_and_verify(card_mechanism, card_key_id);
	assert_int_equal(lab_card_command("pull"), 0);
	card_wait_until_present(0);
	assert_rv(CKR_OK, p11->C_GetSlotInfo(slot, &slot_info));
	assert_false(slot_info.flags & CKF_TOKEN_PRESENT);
	assert_rv(
	    CKR_TOKEN_NOT_PRESENT, p11->C_GetTokenInfo(slot, &token_info));
	assert_rv(CKR_SESSION_HANDLE_INVALID, p11->C_Logout(session));

	assert_int_equal(lab_card_command("insert"), 0);
	card_wait_until_present(1);
	assert_rv(CKR_OK, p11_open(p11, NULL, &session));
	assert_rv(CKR_OK, login(card.pin));
	card_sign_and_verify(card_mechanism, card_key_id);
}

void
test_card_pull__during_a_signature_fails_and_recovers(void **state)
{
	CK_BYTE signature[512];
	CK_ULONG size = sizeof(signature);
	struct lab_card_stat before, after;
	CK_RV rv;

	(void)state;
	assert_int_equal(lab_card_stat(&before), 0);
	assert_int_equal(lab_card_command("pullduring 1"), 0);
	rv = sign(signature, &size);
	print_message("pulled during C_Sign: 0x%lx\n", rv);
	assert_true(rv == CKR_GENERAL_ERROR || rv == CKR_DEVICE_REMOVED ||
	    rv == CKR_DEVICE_ERROR);
	assert_int_equal(lab_card_stat(&after), 0);
	assert_string_equal(after.where, "out");
	assert_int_equal(after.operations, before.operations + 1);
	card_renew(NULL);
	card_sign_and_verify(card_mechanism, card_key_id);
}
