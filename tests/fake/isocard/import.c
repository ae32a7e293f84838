/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "import.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

const char *
import_curve(struct bytes parameters)
{
	struct bytes prime;

	if (!tlv_find(parameters, 0x81, &prime) || prime.size < 2)
		return NULL;
	if (prime.data[0] == 0xa9 && prime.size == 32)
		return "brainpoolP256r1";
	if (prime.data[0] != 0xff)
		return NULL;
	return prime.size == 32 ? "P-256" : prime.size == 48 ? "P-384" : NULL;
}

enum { P, Q, Q_INVERSE, D_P, D_Q, PARTS };

/* n, e and d from the primes. */
static bool
push_key(OSSL_PARAM_BLD *builder, BIGNUM *const parts[PARTS], BN_CTX *context)
{
	BIGNUM *n = BN_CTX_get(context), *e = BN_CTX_get(context);
	BIGNUM *p1 = BN_CTX_get(context), *q1 = BN_CTX_get(context);
	BIGNUM *phi = BN_CTX_get(context), *d = BN_CTX_get(context);

	return d != NULL && BN_mul(n, parts[P], parts[Q], context) &&
	    BN_set_word(e, RSA_F4) && BN_sub(p1, parts[P], BN_value_one()) &&
	    BN_sub(q1, parts[Q], BN_value_one()) &&
	    BN_mul(phi, p1, q1, context) &&
	    BN_mod_inverse(d, e, phi, context) != NULL &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_D, d) &&
	    OSSL_PARAM_BLD_push_BN(
		builder, OSSL_PKEY_PARAM_RSA_FACTOR1, parts[P]) &&
	    OSSL_PARAM_BLD_push_BN(
		builder, OSSL_PKEY_PARAM_RSA_FACTOR2, parts[Q]) &&
	    OSSL_PARAM_BLD_push_BN(
		builder, OSSL_PKEY_PARAM_RSA_EXPONENT1, parts[D_P]) &&
	    OSSL_PARAM_BLD_push_BN(
		builder, OSSL_PKEY_PARAM_RSA_EXPONENT2, parts[D_Q]) &&
	    OSSL_PARAM_BLD_push_BN(
		builder, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, parts[Q_INVERSE]);
}

static EVP_PKEY *
build_rsa(BIGNUM *const parts[PARTS])
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BN_CTX *context = BN_CTX_new();
	OSSL_PARAM *parameters = NULL;
	EVP_PKEY *key = NULL;

	/* The builder refers to the numbers, so the context outlives it. */
	if (builder != NULL && maker != NULL && context != NULL) {
		BN_CTX_start(context);
		if (push_key(builder, parts, context) &&
		    (parameters = OSSL_PARAM_BLD_to_param(builder)) != NULL &&
		    EVP_PKEY_fromdata_init(maker) > 0)
			EVP_PKEY_fromdata(
			    maker, &key, EVP_PKEY_KEYPAIR, parameters);
		BN_CTX_end(context);
	}
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(maker);
	BN_CTX_free(context);
	return key;
}

/* 92 p, 93 q, 94 1/q mod p, 95 dP, 96 dQ */
static EVP_PKEY *parse_rsa(struct bytes template)
{
	BIGNUM *parts[PARTS] = {NULL};
	struct bytes value;
	EVP_PKEY *key = NULL;
	bool complete = true;

	for (unsigned i = 0; complete && i < PARTS; i++) {
		complete = tlv_find(template, 0x92 + i, &value);
		if (complete)
			parts[i] = BN_bin2bn(value.data, (int)value.size, NULL);
	}
	if (complete)
		key = build_rsa(parts);
	for (unsigned i = 0; i < PARTS; i++)
		BN_clear_free(parts[i]);
	return key;
}

/* The public point, which the command does not bring. */
static size_t
compute_point(const char *curve, const BIGNUM *secret, uint8_t point[200])
{
	const int nist = EC_curve_nist2nid(curve);
	EC_GROUP *group = EC_GROUP_new_by_curve_name(
	    nist != NID_undef ? nist : OBJ_sn2nid(curve));
	EC_POINT *public_point = group != NULL ? EC_POINT_new(group) : NULL;
	size_t size = 0;

	if (public_point != NULL &&
	    EC_POINT_mul(group, public_point, secret, NULL, NULL, NULL))
		size = EC_POINT_point2oct(group, public_point,
		    POINT_CONVERSION_UNCOMPRESSED, point, 200, NULL);
	EC_POINT_free(public_point);
	EC_GROUP_free(group);
	return size;
}

static EVP_PKEY *
build_ec(const char *curve, const BIGNUM *secret)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	uint8_t point[200];
	const size_t size = compute_point(curve, secret, point);
	OSSL_PARAM *parameters = NULL;
	EVP_PKEY *key = NULL;

	if (builder != NULL && maker != NULL && size > 0 &&
	    OSSL_PARAM_BLD_push_utf8_string(
		builder, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, secret) &&
	    OSSL_PARAM_BLD_push_octet_string(
		builder, OSSL_PKEY_PARAM_PUB_KEY, point, size) &&
	    (parameters = OSSL_PARAM_BLD_to_param(builder)) != NULL &&
	    EVP_PKEY_fromdata_init(maker) > 0)
		EVP_PKEY_fromdata(maker, &key, EVP_PKEY_KEYPAIR, parameters);
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(maker);
	return key;
}

/* The curve's parameters, and 88 the secret number. */
static EVP_PKEY *parse_ec(struct bytes template)
{
	const char *curve = import_curve(template);
	struct bytes value;
	BIGNUM *secret;
	EVP_PKEY *key;

	if (curve == NULL || !tlv_find(template, 0x88, &value))
		return NULL;
	secret = BN_bin2bn(value.data, (int)value.size, NULL);
	key = secret != NULL ? build_ec(curve, secret) : NULL;
	BN_clear_free(secret);
	return key;
}

EVP_PKEY *
import_key(struct bytes data)
{
	struct bytes template;

	if (tlv_find(data, 0x7f48, &template))
		return parse_rsa(template);
	return tlv_find(data, 0xe0, &template) ? parse_ec(template) : NULL;
}
