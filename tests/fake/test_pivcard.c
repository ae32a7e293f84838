/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The virtual PIV card through pcscd and OpenSC's module. OpenSC numbers the
 * slots 9A, 9C, 9D, 9E as CKA_ID 1 to 4. */

#include "testing.h"

#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "fake/card_fixture.h"

enum { ID_9A = 1, ID_9C, ID_9D, ID_9E };

static void
test_pivcard_sign__each_slot_has_a_working_key(void **state)
{
	(void)state;
	card_sign_and_verify(CKM_ECDSA, ID_9A);
	card_sign_and_verify(CKM_ECDSA, ID_9E);
}

static void
test_pivcard_9e__needs_no_pin(void **state)
{
	CK_OBJECT_HANDLE key;

	(void)state;
	/* A logout may leave the card verified; taking it out does not. */
	assert_int_equal(lab_card_command("pull"), 0);
	card_wait_until_present(0);
	assert_int_equal(lab_card_command("insert"), 0);
	card_wait_until_present(1);
	assert_rv(CKR_OK, p11_open(p11, NULL, &session));
	card_sign_and_verify(CKM_ECDSA, ID_9E);
	/* The others can't even be seen. */
	assert_rv(CKR_OBJECT_HANDLE_INVALID,
	    p11_find_key(p11, session, CKO_PRIVATE_KEY, ID_9A, &key));
	assert_rv(CKR_OK, p11_login(p11, session, CKU_USER, card.pin));
	card_sign_and_verify(CKM_ECDSA, ID_9A);
}

static void
test_pivcard_login__survives_being_polled_for(void **state)
{
	struct lab_card_stat before, after;

	(void)state;
	card_sign_and_verify(CKM_ECDSA, ID_9A);
	assert_int_equal(lab_card_stat(&before), 0);
	card_sign_and_verify(CKM_ECDSA, ID_9A);
	assert_int_equal(lab_card_stat(&after), 0);
	after.commands += after.commands - before.commands;
	usleep(1200000); /* the reader asks every 400 ms */
	card_sign_and_verify(CKM_ECDSA, ID_9A);
	assert_int_equal(lab_card_stat(&before), 0);
	/* No more commands than at once: no new selection, no PIN. */
	assert_int_equal(before.commands, after.commands);
}

static CK_BBOOL
is_always_authenticate(CK_OBJECT_HANDLE key)
{
	CK_BBOOL always = 2;
	CK_ATTRIBUTE wanted = {CKA_ALWAYS_AUTHENTICATE, &always, 1};

	assert_rv(CKR_OK, p11->C_GetAttributeValue(session, key, &wanted, 1));
	return always;
}

static CK_RV
sign_9c(const char *pin)
{
	CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
	CK_BYTE data[32] = {1}, signature[256];
	CK_ULONG size = sizeof(signature);
	CK_RV rv = p11->C_SignInit(
	    session, &mechanism, card_find(CKO_PRIVATE_KEY, ID_9C));

	if (rv == CKR_OK && pin != NULL)
		rv = p11_login(p11, session, CKU_CONTEXT_SPECIFIC, pin);
	if (rv != CKR_OK)
		return rv;
	return p11->C_Sign(session, data, sizeof(data), signature, &size);
}

static void
test_pivcard_9c__wants_the_pin_each_time(void **state)
{
	CK_OBJECT_HANDLE key;

	(void)state;
	assert_int_equal(
	    is_always_authenticate(card_find(CKO_PRIVATE_KEY, ID_9C)), CK_TRUE);
	assert_int_equal(
	    is_always_authenticate(card_find(CKO_PRIVATE_KEY, ID_9D)),
	    CK_FALSE);
	assert_rv(CKR_OK, sign_9c(card.pin));
	assert_rv(CKR_OK, sign_9c(card.pin));
	/* After this OpenSC thinks that the user has been logged out. */
	assert_rv(CKR_USER_NOT_LOGGED_IN, sign_9c(NULL));
	assert_rv(CKR_OBJECT_HANDLE_INVALID,
	    p11_find_key(p11, session, CKO_PRIVATE_KEY, ID_9C, &key));
}

static EVP_PKEY *
public_key_of(CK_BYTE id)
{
	CK_BYTE der[2048];
	const unsigned char *end = der;
	CK_ATTRIBUTE wanted = {CKA_VALUE, der, sizeof(der)};
	X509 *certificate;
	EVP_PKEY *key;

	assert_rv(CKR_OK,
	    p11->C_GetAttributeValue(
		session, card_find(CKO_CERTIFICATE, id), &wanted, 1));
	certificate = d2i_X509(NULL, &end, (long)wanted.ulValueLen);
	assert_non_null(certificate);
	key = X509_get_pubkey(certificate);
	X509_free(certificate);
	return key;
}

static void
test_pivcard_9d__decrypts(void **state)
{
	CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
	EVP_PKEY *key = public_key_of(ID_9D);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	unsigned char cipher[256];
	size_t cipher_size = sizeof(cipher);
	CK_BYTE plain[256];
	CK_ULONG plain_size = sizeof(plain);

	(void)state;
	assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
	assert_true(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0);
	assert_int_equal(EVP_PKEY_encrypt(context, cipher, &cipher_size,
			     (const unsigned char *)"secret", 6),
	    1);
	assert_rv(CKR_OK,
	    p11->C_DecryptInit(
		session, &mechanism, card_find(CKO_PRIVATE_KEY, ID_9D)));
	assert_rv(CKR_OK,
	    p11->C_Decrypt(session, cipher, cipher_size, plain, &plain_size));
	assert_int_equal(plain_size, 6);
	assert_memory_equal(plain, "secret", 6);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, card_renew)
	const struct CMUnitTest tests[] = {
	    TEST(test_pivcard_sign__each_slot_has_a_working_key),
	    TEST(test_pivcard_9e__needs_no_pin),
	    TEST(test_pivcard_login__survives_being_polled_for),
	    TEST(test_pivcard_9c__wants_the_pin_each_time),
	    TEST(test_pivcard_9d__decrypts),
	    TEST(test_card_pin__locks_after_three),
	    TEST(test_card_pin__lock_outlives_the_session),
	    TEST(test_card_pull__idle_card_is_gone_and_comes_back),
	    TEST(test_card_pull__during_a_signature_fails_and_recovers),
	};

	card_key_id = ID_9A;
	card_mechanism = CKM_ECDSA;
	return cmocka_run_group_tests(tests, card_start, card_stop);
}
