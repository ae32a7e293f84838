/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The virtual IsoApplet card through pcscd and OpenSC's module. with-card has
 * made the RSA key 01 on it. */

#include "testing.h"

#include "fake/card_fixture.h"

static void
test_isocard_generate__rsa_and_ec_on_the_card(void **state)
{
	(void)state;
	assert_rv(CKR_OK, p11_generate_rsa(p11, session, 0x11, 2048));
	card_sign_and_verify(CKM_RSA_PKCS, 0x11);
	assert_rv(CKR_OK, p11_generate_p256(p11, session, 0x12));
	card_sign_and_verify(CKM_ECDSA_SHA1, 0x12);
}

static void
test_isocard_delete__key_is_gone_for_good(void **state)
{
	CK_OBJECT_HANDLE key;

	(void)state;
	assert_rv(CKR_OK, p11_generate_rsa(p11, session, 0x13, 2048));
	assert_rv(CKR_OK,
	    p11->C_DestroyObject(session, card_find(CKO_PRIVATE_KEY, 0x13)));
	assert_rv(CKR_OK,
	    p11->C_DestroyObject(session, card_find(CKO_PUBLIC_KEY, 0x13)));
	card_renew(NULL);
	assert_rv(CKR_OBJECT_HANDLE_INVALID,
	    p11_find_key(p11, session, CKO_PRIVATE_KEY, 0x13, &key));
	card_sign_and_verify(CKM_RSA_PKCS, 0x01);
}

static void
test_isocard_mechanisms__no_raw_rsa_no_pss_no_oaep(void **state)
{
	static const CK_MECHANISM_TYPE missing[] = {
	    CKM_RSA_X_509,
	    CKM_RSA_PKCS_PSS,
	    CKM_SHA256_RSA_PKCS_PSS,
	    CKM_RSA_PKCS_OAEP,
	    CKM_ECDSA,
	};
	CK_MECHANISM_INFO info;
	CK_TOKEN_INFO token_info;
	CK_SLOT_ID slot;

	(void)state;
	assert_rv(CKR_OK, p11_find_token(p11, NULL, &slot, &token_info));
	assert_rv(CKR_OK, p11->C_GetMechanismInfo(slot, CKM_RSA_PKCS, &info));
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
		assert_rv(CKR_MECHANISM_INVALID,
		    p11->C_GetMechanismInfo(slot, missing[i], &info));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, card_renew)
	const struct CMUnitTest tests[] = {
	    TEST(test_isocard_generate__rsa_and_ec_on_the_card),
	    TEST(test_isocard_delete__key_is_gone_for_good),
	    TEST(test_isocard_mechanisms__no_raw_rsa_no_pss_no_oaep),
	    TEST(test_card_pin__locks_after_three),
	    TEST(test_card_pin__lock_outlives_the_session),
	    TEST(test_card_pull__idle_card_is_gone_and_comes_back),
	    TEST(test_card_pull__during_a_signature_fails_and_recovers),
	};

	card_key_id = 0x01;
	card_mechanism = CKM_RSA_PKCS;
	return cmocka_run_group_tests(tests, card_start, card_stop);
}
