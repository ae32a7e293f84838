/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) of a public key, put together here:
 * i2d_PUBKEY() looks for an encoder each time, which takes longer than all
 * else that opening a key does outside the token.
 */

#include "public.h"

#include <openssl/core_names.h>
#include <openssl/x509.h>

/* What goes into the BIT STRING. Free with OPENSSL_free(). */
struct bits {
	uint8_t *bytes;
	size_t size;
};

/* RFC 8017, A.1.1: RSAPublicKey. */
static bool
encode_rsa(const EVP_PKEY *key, struct bits *bits)
{
	BIGNUM *modulus = NULL;
	BIGNUM *exponent = NULL;
	ASN1_INTEGER *n = NULL;
	ASN1_INTEGER *e = NULL;
	uint8_t *to;
	int inner = 0;

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
	    (n = BN_to_ASN1_INTEGER(modulus, NULL)) != NULL &&
	    (e = BN_to_ASN1_INTEGER(exponent, NULL)) != NULL)
		inner = i2d_ASN1_INTEGER(n, NULL) + i2d_ASN1_INTEGER(e, NULL);
	if (inner > 0) {
		bits->size =
		    (size_t)ASN1_object_size(1, inner, V_ASN1_SEQUENCE);
		bits->bytes = OPENSSL_malloc(bits->size);
	}
	if (bits->bytes != NULL) {
		to = bits->bytes;
		ASN1_put_object(
		    &to, 1, inner, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
		(void)i2d_ASN1_INTEGER(n, &to);
		(void)i2d_ASN1_INTEGER(e, &to);
	}
	ASN1_INTEGER_free(n);
	ASN1_INTEGER_free(e);
	BN_free(modulus);
	BN_free(exponent);
	return bits->bytes != NULL;
}

static bool
encode_point(const EVP_PKEY *key, bool edwards, struct bits *bits)
{
	bits->bytes = OPENSSL_malloc(P11_POINT_MAX);
	bits->size = P11_POINT_MAX;
	if (bits->bytes == NULL)
		return false;
	return edwards
	    ? EVP_PKEY_get_raw_public_key(key, bits->bytes, &bits->size) == 1
	    : EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
		  bits->bytes, P11_POINT_MAX, &bits->size) == 1;
}

static bool
wrap(struct p11_public *public, const struct clv_algorithm_info *info,
    struct bits *bits)
{
	X509_PUBKEY *wrapped = X509_PUBKEY_new_ex(public->openssl, NULL);
	const int kind = info->family == CLV_FAMILY_RSA ? NID_rsaEncryption
	    : info->family == CLV_FAMILY_EC ? NID_X9_62_id_ecPublicKey
					    : OBJ_sn2nid(info->openssl);
	ASN1_OBJECT *curve = NULL;
	int type = V_ASN1_UNDEF;
	int size = -1;

	if (info->family == CLV_FAMILY_RSA)
		type = V_ASN1_NULL;
	if (info->family == CLV_FAMILY_EC) {
		type = V_ASN1_OBJECT;
		curve = OBJ_nid2obj(OBJ_txt2nid(info->group));
	}
	public->bits_size = bits->size;
	if (wrapped != NULL &&
	    X509_PUBKEY_set0_param(wrapped, OBJ_nid2obj(kind), type, curve,
		bits->bytes, (int)bits->size) == 1) {
		bits->bytes = NULL; /* transferred */
		size = i2d_X509_PUBKEY(wrapped, &public->der);
	}
	X509_PUBKEY_free(wrapped);
	public->der_size = size > 0 ? (size_t)size : 0;
	return size > 0;
}

bool
clv_p11_public_encode(struct p11_public *public)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(public->algorithm);
	struct bits bits = {0};
	bool done;

	done = public->family == CLV_FAMILY_RSA
	    ? encode_rsa(public->key, &bits)
	    : encode_point(public->key, public->family == CLV_FAMILY_ED, &bits);
	done = done && wrap(public, info, &bits);
	OPENSSL_free(bits.bytes);
	return done;
}

bool
clv_p11_public_id(const struct p11_public *public, uint8_t id[20])
{
	size_t size = 0;

	return EVP_Q_digest(public->openssl, "SHA1", NULL,
		   public->der + public->der_size - public->bits_size,
		   public->bits_size, id, &size) == 1;
}
