/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

static const char *
group_of(unsigned kind)
{
	switch (kind) {
	case CLV_KEY_KIND_P256:
		return "P-256";
	case CLV_KEY_KIND_P384:
		return "P-384";
	case CLV_KEY_KIND_P521:
		return "P-521";
	case CLV_KEY_KIND_BRAINPOOL256:
		return "brainpoolP256r1";
	case CLV_KEY_KIND_BRAINPOOL384:
		return "brainpoolP384r1";
	default:
		return "brainpoolP512r1";
	}
}

static EVP_PKEY *
from_parameters(const char *type, OSSL_PARAM *parameters)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) !=
		1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static EVP_PKEY *
make_ec(const char *group, struct clv_der point)
{
	char name[32];
	uint8_t bytes[CLV_POINT_MAX];
	OSSL_PARAM parameters[3];

	/* OSSL_PARAM wants them writable. */
	if (clv_der_size(&point) > sizeof(bytes))
		return NULL;
	memcpy(bytes, point.at, clv_der_size(&point));
	(void)strncpy(name, group, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	parameters[0] = OSSL_PARAM_construct_utf8_string(
	    OSSL_PKEY_PARAM_GROUP_NAME, name, 0);
	parameters[1] = OSSL_PARAM_construct_octet_string(
	    OSSL_PKEY_PARAM_PUB_KEY, bytes, clv_der_size(&point));
	parameters[2] = OSSL_PARAM_construct_end();
	return from_parameters("EC", parameters);
}

/* OSSL_PARAM has numbers in the machine's byte order. */
static bool
to_native(const struct clv_der *magnitude, uint8_t *out, size_t space)
{
	const size_t size = clv_der_size(magnitude);
	const int number = 1;

	if (size > space)
		return false;
	if (*(const uint8_t *)&number == 0)
		memcpy(out, magnitude->at, size);
	else
		for (size_t i = 0; i < size; i++)
			out[i] = magnitude->at[size - 1 - i];
	return true;
}

static EVP_PKEY *
make_rsa(struct clv_der key)
{
	uint8_t modulus[CLV_RSA_BITS_MAX / 8], exponent[8];
	struct clv_der numbers, n, e;
	OSSL_PARAM parameters[3];

	if (!clv_der_read(&key, CLV_DER_SEQUENCE, &numbers) ||
	    !clv_der_unsigned(&numbers, &n) ||
	    !clv_der_unsigned(&numbers, &e) ||
	    !to_native(&n, modulus, sizeof(modulus)) ||
	    !to_native(&e, exponent, sizeof(exponent)))
		return NULL;
	parameters[0] = OSSL_PARAM_construct_BN(
	    OSSL_PKEY_PARAM_RSA_N, modulus, clv_der_size(&n));
	parameters[1] = OSSL_PARAM_construct_BN(
	    OSSL_PKEY_PARAM_RSA_E, exponent, clv_der_size(&e));
	parameters[2] = OSSL_PARAM_construct_end();
	return from_parameters("RSA", parameters);
}

EVP_PKEY *
clv_public_key_make(const struct clv_trust_cert *cert)
{
	const struct clv_der key =
	    clv_der_of(cert->der + cert->key_bits.at, cert->key_bits.size);

	switch (cert->key_kind) {
	case CLV_KEY_KIND_RSA:
		return make_rsa(key);
	case CLV_KEY_KIND_ED25519:
	case CLV_KEY_KIND_ED448:
		return EVP_PKEY_new_raw_public_key_ex(NULL,
		    cert->key_kind == CLV_KEY_KIND_ED448 ? "ED448" : "ED25519",
		    NULL, key.at, clv_der_size(&key));
	default:
		return make_ec(group_of(cert->key_kind), key);
	}
}
