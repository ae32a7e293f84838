/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/public.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

static clv_algorithm
rsa_of(int bits)
{
	switch (bits) {
	case 2048:
		return CLV_RSA_2048;
	case 3072:
		return CLV_RSA_3072;
	case 4096:
		return CLV_RSA_4096;
	default:
		return CLV_RSA_OTHER;
	}
}

/* A provider may say "prime256v1", "P-256" or "secp256r1": compare NIDs. */
static clv_algorithm
curve_of(const EVP_PKEY *key)
{
	static const clv_algorithm curves[] = {
	    CLV_EC_P256, CLV_EC_P384, CLV_EC_BRAINPOOL256, CLV_EC_BRAINPOOL384};
	char name[64];
	int nid;

	if (EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) != 1)
		return CLV_ALGORITHM_NONE;
	nid = OBJ_txt2nid(name);
	if (nid == NID_undef)
		nid = EC_curve_nist2nid(name);
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (OBJ_txt2nid(clv_algorithm_describe(curves[i])->group) ==
		    nid)
			return curves[i];
	return CLV_ALGORITHM_NONE;
}

clv_algorithm
clv_public_algorithm(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "RSA"))
		return rsa_of(EVP_PKEY_get_bits(key));
	if (EVP_PKEY_is_a(key, "EC"))
		return curve_of(key);
	if (EVP_PKEY_is_a(key, "ED25519"))
		return CLV_ED25519;
	if (EVP_PKEY_is_a(key, "ED448"))
		return CLV_ED448;
	return CLV_ALGORITHM_NONE;
}

clv_status
clv_public_parse(OSSL_LIB_CTX *openssl, const uint8_t *der, size_t size,
    EVP_PKEY **out, clv_error **err)
{
	const unsigned char *at = der;
	clv_status status;

	*out = NULL;
	if (der != NULL && size <= LONG_MAX)
		*out = d2i_PUBKEY_ex(NULL, &at, (long)size, openssl, NULL);
	if (*out != NULL && at == der + size)
		return CLV_OK;
	status = clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "read public key",
		.domain = CLV_DOMAIN_OPENSSL,
		.code = (int64_t)ERR_peek_last_error()},
	    "it is not one DER SubjectPublicKeyInfo");
	ERR_clear_error();
	EVP_PKEY_free(*out);
	*out = NULL;
	return status;
}
