/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* AlgorithmIdentifiers of signatures, for certificates and messages. */

#include "keys/provider/signature.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* RFC 4055, 3.1, whose default salt is not written in DER. */
#define SALT_DEFAULT 20

/* With a NULL as parameters, as everybody writes it. */
static X509_ALGOR *
hash_algorithm(int hash)
{
	X509_ALGOR *algorithm = X509_ALGOR_new();

	if (algorithm != NULL &&
	    X509_ALGOR_set0(algorithm, OBJ_nid2obj(hash), V_ASN1_NULL, NULL) ==
		1)
		return algorithm;
	X509_ALGOR_free(algorithm);
	return NULL;
}

/* MaskGenAlgorithm: MGF1 with its hash as parameter. */
static X509_ALGOR *
mask_generator(int hash)
{
	X509_ALGOR *inner = hash_algorithm(hash), *outer = X509_ALGOR_new();
	ASN1_STRING *packed = NULL;

	if (inner != NULL && outer != NULL)
		packed =
		    ASN1_item_pack(inner, ASN1_ITEM_rptr(X509_ALGOR), NULL);
	X509_ALGOR_free(inner);
	if (packed != NULL &&
	    X509_ALGOR_set0(
		outer, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, packed) == 1)
		return outer;
	ASN1_STRING_free(packed);
	X509_ALGOR_free(outer);
	return NULL;
}

static RSA_PSS_PARAMS *
pss_params(const struct clv_signature *signature)
{
	const int hash = clv_digest_nid(signature->hash);
	const size_t salt = clv_signature_salt_size(signature);
	RSA_PSS_PARAMS *params = RSA_PSS_PARAMS_new();

	if (params == NULL)
		return NULL;
	/* SHA-1 is the default, not written in DER. */
	if (signature->hash != CLV_HASH_SHA1 &&
	    ((params->hashAlgorithm = hash_algorithm(hash)) == NULL ||
		(params->maskGenAlgorithm = mask_generator(hash)) == NULL))
		goto fail;
	if (salt != SALT_DEFAULT &&
	    ((params->saltLength = ASN1_INTEGER_new()) == NULL ||
		ASN1_INTEGER_set_uint64(params->saltLength, salt) != 1))
		goto fail;
	return params;
fail:
	RSA_PSS_PARAMS_free(params);
	return NULL;
}

static bool
set_pss(X509_ALGOR *algorithm, const struct clv_signature *signature)
{
	RSA_PSS_PARAMS *params = pss_params(signature);
	ASN1_STRING *packed = NULL;

	if (params != NULL)
		packed = ASN1_item_pack(
		    params, ASN1_ITEM_rptr(RSA_PSS_PARAMS), NULL);
	RSA_PSS_PARAMS_free(params);
	if (packed != NULL &&
	    X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_rsassaPss),
		V_ASN1_SEQUENCE, packed) == 1)
		return true;
	ASN1_STRING_free(packed);
	return false;
}

static bool
set_combined(X509_ALGOR *algorithm, int hash, int key, int parameters)
{
	int combined = NID_undef;

	return hash != NID_undef &&
	    OBJ_find_sigid_by_algs(&combined, hash, key) == 1 &&
	    X509_ALGOR_set0(
		algorithm, OBJ_nid2obj(combined), parameters, NULL) == 1;
}

static bool
set_algorithm(X509_ALGOR *algorithm, const struct clv_signature *signature)
{
	const int hash = clv_digest_nid(signature->hash);

	switch (signature->pkey->type) {
	case CLV_PKEY_RSA:
		if (signature->hash == CLV_HASH_NONE)
			return false;
		return signature->padding == CLV_PADDING_PSS
		    ? set_pss(algorithm, signature)
		    : set_combined(
			  algorithm, hash, NID_rsaEncryption, V_ASN1_NULL);
	case CLV_PKEY_EC:
		return set_combined(
		    algorithm, hash, NID_X9_62_id_ecPublicKey, V_ASN1_UNDEF);
	case CLV_PKEY_ED25519:
		return X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ED25519),
			   V_ASN1_UNDEF, NULL) == 1;
	case CLV_PKEY_ED448:
		return X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ED448),
			   V_ASN1_UNDEF, NULL) == 1;
	}
	return false;
}

uint8_t *
clv_algorithm_id(const struct clv_signature *signature, int *size)
{
	X509_ALGOR *algorithm = X509_ALGOR_new();
	uint8_t *der = NULL;

	*size = 0;
	if (algorithm != NULL && set_algorithm(algorithm, signature))
		*size = i2d_X509_ALGOR(algorithm, &der);
	X509_ALGOR_free(algorithm);
	return *size > 0 ? der : NULL;
}
