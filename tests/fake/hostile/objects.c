/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "objects.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "fixtures.h"

/* OBJECT IDENTIFIER 1.2.840.10045.3.1.7 */
static const unsigned char p256_oid[] = {
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

/* The secret number of the P-256 key is 1, so that its public point, here in
 * an OCTET STRING, is the curve's generator (SP 800-186, 3.2.1.3). */
static const unsigned char p256_point[] = {0x04, 0x41, 0x04, 0x6b, 0x17, 0xd1,
    0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40,
    0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39,
    0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f,
    0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
    0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51,
    0xf5};

static const CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY,
			     public_key = CKO_PUBLIC_KEY,
			     certificate = CKO_CERTIFICATE;
static const CK_KEY_TYPE rsa = CKK_RSA, ec = CKK_EC;
static const CK_CERTIFICATE_TYPE x509 = CKC_X_509;
static const CK_ULONG modulus_bits = 2048;
static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

#define IS_RSA (1U << OBJECT_RSA | 1U << OBJECT_RSA_PUBLIC)
#define IS_EC (1U << OBJECT_P256 | 1U << OBJECT_P256_PUBLIC)
#define IS_PRIVATE (1U << OBJECT_RSA | 1U << OBJECT_P256)
#define IS_PUBLIC (1U << OBJECT_RSA_PUBLIC | 1U << OBJECT_P256_PUBLIC)
#define IS_CERTIFICATE (1U << OBJECT_CERTIFICATE)
#define IS_ANY (IS_PRIVATE | IS_PUBLIC | IS_CERTIFICATE)

static const struct {
	unsigned objects;
	CK_ATTRIBUTE_TYPE type;
	const void *value;
	size_t size;
} attributes[] = {
    {IS_PRIVATE, CKA_CLASS, &private_key, sizeof(private_key)},
    {IS_PUBLIC, CKA_CLASS, &public_key, sizeof(public_key)},
    {IS_CERTIFICATE, CKA_CLASS, &certificate, sizeof(certificate)},
    {IS_ANY, CKA_TOKEN, &yes, sizeof(yes)},
    {IS_PRIVATE, CKA_PRIVATE, &yes, sizeof(yes)},
    {IS_PUBLIC | IS_CERTIFICATE, CKA_PRIVATE, &no, sizeof(no)},
    {IS_RSA | IS_CERTIFICATE, CKA_LABEL, "rsa", 3},
    {IS_EC, CKA_LABEL, "p256", 4},
    {IS_RSA | IS_CERTIFICATE, CKA_ID, "\x01", 1},
    {IS_EC, CKA_ID, "\x02", 1},
    {IS_RSA, CKA_KEY_TYPE, &rsa, sizeof(rsa)},
    {IS_EC, CKA_KEY_TYPE, &ec, sizeof(ec)},
    {IS_RSA, CKA_MODULUS, fixture_modulus, sizeof(fixture_modulus)},
    {IS_RSA, CKA_PUBLIC_EXPONENT, "\x01\x00\x01", 3},
    {IS_RSA, CKA_MODULUS_BITS, &modulus_bits, sizeof(modulus_bits)},
    {IS_EC, CKA_EC_PARAMS, p256_oid, sizeof(p256_oid)},
    {1U << OBJECT_P256_PUBLIC, CKA_EC_POINT, p256_point, sizeof(p256_point)},
    {IS_PRIVATE, CKA_SENSITIVE, &yes, sizeof(yes)},
    {IS_PRIVATE, CKA_ALWAYS_SENSITIVE, &yes, sizeof(yes)},
    {IS_PRIVATE, CKA_EXTRACTABLE, &no, sizeof(no)},
    {IS_PRIVATE, CKA_NEVER_EXTRACTABLE, &yes, sizeof(yes)},
    {IS_PRIVATE, CKA_ALWAYS_AUTHENTICATE, &no, sizeof(no)},
    {IS_PRIVATE, CKA_SIGN, &yes, sizeof(yes)},
    {IS_PUBLIC, CKA_VERIFY, &yes, sizeof(yes)},
    {1U << OBJECT_RSA, CKA_DECRYPT, &yes, sizeof(yes)},
    {1U << OBJECT_P256, CKA_DECRYPT, &no, sizeof(no)},
    {IS_PRIVATE, CKA_UNWRAP, &no, sizeof(no)},
    {IS_PRIVATE, CKA_DERIVE, &no, sizeof(no)},
    {IS_RSA | IS_EC, CKA_LOCAL, &yes, sizeof(yes)},
    {IS_ANY, CKA_MODIFIABLE, &yes, sizeof(yes)},
    {IS_CERTIFICATE, CKA_CERTIFICATE_TYPE, &x509, sizeof(x509)},
    {IS_CERTIFICATE, CKA_VALUE, fixture_certificate,
	sizeof(fixture_certificate)},
};

const void *
object_attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, size_t *size)
{
	if (object == 0 || object >= OBJECTS_END)
		object = OBJECT_P256;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (attributes[i].type == type &&
		    (attributes[i].objects >> object & 1) != 0) {
			*size = attributes[i].size;
			return attributes[i].value;
		}
	return NULL;
}

bool
object_matches(
    CK_OBJECT_HANDLE object, const CK_ATTRIBUTE *wanted, CK_ULONG count)
{
	for (CK_ULONG i = 0; i < count; i++) {
		size_t size;
		const void *value =
		    object_attribute(object, wanted[i].type, &size);

		if (value == NULL || size != wanted[i].ulValueLen ||
		    memcmp(value, wanted[i].pValue, size) != 0)
			return false;
	}
	return true;
}

static EVP_PKEY *
make_key(void)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	BIGNUM *secret = BN_new();
	OSSL_PARAM *parameters = NULL;
	EVP_PKEY *key = NULL;

	if (builder != NULL && maker != NULL && secret != NULL &&
	    BN_one(secret) &&
	    OSSL_PARAM_BLD_push_utf8_string(
		builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, secret) &&
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
		p256_point + 2, sizeof(p256_point) - 2) &&
	    (parameters = OSSL_PARAM_BLD_to_param(builder)) != NULL &&
	    EVP_PKEY_fromdata_init(maker) > 0)
		EVP_PKEY_fromdata(maker, &key, EVP_PKEY_KEYPAIR, parameters);
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(maker);
	BN_free(secret);
	return key;
}

bool
object_sign(const CK_BYTE *hash, size_t size, CK_BYTE signature[64])
{
	static EVP_PKEY *key; /* reachable for ever, on purpose */
	unsigned char der[80];
	const unsigned char *end = der;
	size_t der_size = sizeof(der);
	EVP_PKEY_CTX *context;
	ECDSA_SIG *parts = NULL;
	bool ok;

	if (key == NULL)
		key = make_key();
	context = EVP_PKEY_CTX_new(key, NULL);
	ok = size <= 64 && context != NULL && EVP_PKEY_sign_init(context) > 0 &&
	    EVP_PKEY_sign(context, der, &der_size, hash, size) > 0 &&
	    (parts = d2i_ECDSA_SIG(NULL, &end, (long)der_size)) != NULL &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, 32) == 32 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + 32, 32) == 32;
	ECDSA_SIG_free(parts);
	EVP_PKEY_CTX_free(context);
	return ok;
}
