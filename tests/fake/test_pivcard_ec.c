/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* A PIV card with P-384 in 9A and 9C and P-256 in 9D: ECDSA and ECDH. */

#include "testing.h"

#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "fake/card_fixture.h"

enum { ID_9A = 1, ID_9C, ID_9D };

static void
test_pivcard_sign__p384_in_9a(void **state)
{
	(void)state;
	card_sign_and_verify(CKM_ECDSA, ID_9A);
}

/* The point of a key object, without the OCTET STRING around it. */
static size_t
get_point(CK_OBJECT_HANDLE key, CK_BYTE point[65])
{
	CK_BYTE der[80];
	CK_ATTRIBUTE wanted = {CKA_EC_POINT, der, sizeof(der)};

	assert_rv(CKR_OK, p11->C_GetAttributeValue(session, key, &wanted, 1));
	assert_int_equal(wanted.ulValueLen, 67);
	memcpy(point, der + 2, 65);
	return 65;
}

static CK_RV
derive(CK_BYTE *peer, CK_ULONG peer_size, CK_BYTE secret[32])
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
	CK_ULONG size = 32;
	struct ck_ecdh1_derive_params parameters = {
	    .kdf = CKD_NULL,
	    .public_data_len = peer_size,
	    .public_data = peer,
	};
	CK_MECHANISM mechanism = {
	    CKM_ECDH1_DERIVE, &parameters, sizeof(parameters)};
	CK_ATTRIBUTE wanted[] = {
	    {CKA_CLASS, &class, sizeof(class)},
	    {CKA_KEY_TYPE, &type, sizeof(type)},
	    {CKA_TOKEN, &no, sizeof(no)},
	    {CKA_SENSITIVE, &no, sizeof(no)},
	    {CKA_EXTRACTABLE, &yes, sizeof(yes)},
	    {CKA_VALUE_LEN, &size, sizeof(size)},
	};
	CK_ATTRIBUTE value = {CKA_VALUE, secret, 32};
	CK_OBJECT_HANDLE key;
	CK_RV rv = p11->C_DeriveKey(session, &mechanism,
	    card_find(CKO_PRIVATE_KEY, ID_9D), wanted, 6, &key);

	return rv != CKR_OK ? rv
			    : p11->C_GetAttributeValue(session, key, &value, 1);
}

static void
test_pivcard_ecdh__both_sides_agree(void **state)
{
	EVP_PKEY *ours = EVP_EC_gen("P-256"), *card_key = EVP_PKEY_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(ours, NULL);
	CK_BYTE our_point[65], card_point[65], secret[32];
	unsigned char our_secret[32];
	size_t size = sizeof(our_secret), point_size;

	(void)state;
	point_size = get_point(card_find(CKO_PUBLIC_KEY, ID_9D), card_point);
	assert_int_equal(EVP_PKEY_copy_parameters(card_key, ours), 1);
	assert_int_equal(
	    EVP_PKEY_set1_encoded_public_key(card_key, card_point, point_size),
	    1);
	assert_int_equal(EVP_PKEY_derive_init(context), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(context, card_key), 1);
	assert_int_equal(EVP_PKEY_derive(context, our_secret, &size), 1);

	assert_int_equal(
	    EVP_PKEY_get_octet_string_param(ours, "encoded-pub-key", our_point,
		sizeof(our_point), &point_size),
	    1);
	assert_rv(CKR_OK, derive(our_point, point_size, secret));
	assert_memory_equal(secret, our_secret, sizeof(our_secret));
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(card_key);
	EVP_PKEY_free(ours);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, card_renew)
	const struct CMUnitTest tests[] = {
	    TEST(test_pivcard_sign__p384_in_9a),
	    TEST(test_pivcard_ecdh__both_sides_agree),
	};

	return cmocka_run_group_tests(tests, card_start, card_stop);
}
