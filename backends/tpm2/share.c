/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Secrets for the holder of a TPM key: the salt of a session, the seed of a
 * duplicate.
 */

#include "crypto.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <tss2/tss2_mu.h>

#include <claviger/secret.h>

#include "base/crypto.h"

static const struct curve {
	TPM2_ECC_CURVE id;
	size_t bytes;
	const char *name;
} curves[] = {
    {TPM2_ECC_NIST_P256, 32, "P-256"},
    {TPM2_ECC_NIST_P384, 48, "P-384"},
    {TPM2_ECC_NIST_P521, 66, "P-521"},
};

static const struct curve *
curve_find(TPM2_ECC_CURVE id)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].id == id)
			return &curves[i];
	return NULL;
}

static OSSL_PARAM *
rsa_parameters(const TPMT_PUBLIC *public_area)
{
	const UINT32 exponent = public_area->parameters.rsaDetail.exponent;
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *parameters = NULL;
	BIGNUM *n = BN_bin2bn(
	    public_area->unique.rsa.buffer, public_area->unique.rsa.size, NULL);

	if (build != NULL && n != NULL &&
	    public_area->unique.rsa.size * 8U ==
		public_area->parameters.rsaDetail.keyBits &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_uint32(build, OSSL_PKEY_PARAM_RSA_E,
		exponent == 0 ? 65537 : exponent) == 1)
		parameters = OSSL_PARAM_BLD_to_param(build);
	BN_free(n);
	OSSL_PARAM_BLD_free(build);
	return parameters;
}

/* An uncompressed point; a TPM may leave leading zeros away. */
static bool
encode_point(const TPMS_ECC_POINT *point, size_t bytes, uint8_t *out)
{
	if (point->x.size > bytes || point->y.size > bytes)
		return false;
	memset(out, 0, 1 + 2 * bytes);
	out[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(out + 1 + bytes - point->x.size, point->x.buffer, point->x.size);
	memcpy(out + 1 + 2 * bytes - point->y.size, point->y.buffer,
	    point->y.size);
	return true;
}

static OSSL_PARAM *
ec_parameters(const TPMT_PUBLIC *public_area)
{
	const struct curve *curve =
	    curve_find(public_area->parameters.eccDetail.curveID);
	uint8_t point[1 + 2 * CLV_TPM_POINT_MAX];
	OSSL_PARAM_BLD *build;
	OSSL_PARAM *parameters = NULL;

	if (curve == NULL ||
	    !encode_point(&public_area->unique.ecc, curve->bytes, point) ||
	    (build = OSSL_PARAM_BLD_new()) == NULL)
		return NULL;
	if (OSSL_PARAM_BLD_push_utf8_string(
		build, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
		point, 1 + 2 * curve->bytes) == 1)
		parameters = OSSL_PARAM_BLD_to_param(build);
	OSSL_PARAM_BLD_free(build);
	return parameters;
}

/* For a point: on the curve, and not at infinity. */
static bool
is_valid(EVP_PKEY *key)
{
	EVP_PKEY_CTX *check =
	    EVP_PKEY_CTX_new_from_pkey(clv_crypto_context(), key, NULL);
	const bool valid =
	    check != NULL && EVP_PKEY_public_check_quick(check) == 1;

	EVP_PKEY_CTX_free(check);
	return valid;
}

EVP_PKEY *
clv_tpm_public_evp(const TPMT_PUBLIC *public_area)
{
	const bool rsa = public_area->type == TPM2_ALG_RSA;
	OSSL_PARAM *parameters = NULL;
	EVP_PKEY_CTX *make = NULL;
	EVP_PKEY *key = NULL;

	if (rsa)
		parameters = rsa_parameters(public_area);
	else if (public_area->type == TPM2_ALG_ECC)
		parameters = ec_parameters(public_area);
	if (parameters != NULL)
		make = EVP_PKEY_CTX_new_from_name(
		    clv_crypto_context(), rsa ? "RSA" : "EC", NULL);
	if (make == NULL || EVP_PKEY_fromdata_init(make) != 1 ||
	    EVP_PKEY_fromdata(make, &key, EVP_PKEY_PUBLIC_KEY, parameters) !=
		1 ||
	    !is_valid(key)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	EVP_PKEY_CTX_free(make);
	OSSL_PARAM_free(parameters);
	return key;
}

/* Part 1, B.10.3: the secret is random, and travels by OAEP with the label. */
static TSS2_RC
share_by_rsa(struct clv_tpm_crypto *crypto, EVP_PKEY *target, TPM2_ALG_ID hash,
    const char *label, uint8_t *secret, TPM2B_ENCRYPTED_SECRET *sealed)
{
	EVP_PKEY_CTX *seal =
	    EVP_PKEY_CTX_new_from_pkey(clv_crypto_context(), target, NULL);
	const size_t label_size = strlen(label) + 1;
	void *copy = OPENSSL_memdup(label, label_size);
	size_t size = sizeof(sealed->secret);
	TSS2_RC rc = clv_tpm_random(crypto, secret, clv_tpm_hash_size(hash));

	if (rc != TSS2_RC_SUCCESS)
		goto out;
	rc = CLV_TPM_RC_INTERNAL;
	if (seal == NULL || copy == NULL || EVP_PKEY_encrypt_init(seal) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(seal, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(
		seal, clv_tpm_hash_name(hash), NULL) != 1 ||
	    EVP_PKEY_CTX_set0_rsa_oaep_label(seal, copy, (int)label_size) != 1)
		goto out;
	copy = NULL; /* transferred */
	if (EVP_PKEY_encrypt(seal, sealed->secret, &size, secret,
		clv_tpm_hash_size(hash)) != 1)
		goto out;
	sealed->size = (UINT16)size;
	rc = TSS2_RC_SUCCESS;
out:
	OPENSSL_free(copy);
	EVP_PKEY_CTX_free(seal);
	return rc;
}

static bool
get_point(EVP_PKEY *key, size_t bytes, TPMS_ECC_POINT *point)
{
	uint8_t encoded[1 + 2 * CLV_TPM_POINT_MAX];
	size_t size = 0;

	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
		encoded, sizeof(encoded), &size) != 1 ||
	    size != 1 + 2 * bytes)
		return false;
	point->x.size = point->y.size = (UINT16)bytes;
	memcpy(point->x.buffer, encoded + 1, bytes);
	memcpy(point->y.buffer, encoded + 1 + bytes, bytes);
	return true;
}

static bool
agree(EVP_PKEY *own, EVP_PKEY *target, size_t bytes, uint8_t *shared)
{
	EVP_PKEY_CTX *derive =
	    EVP_PKEY_CTX_new_from_pkey(clv_crypto_context(), own, NULL);
	size_t size = bytes;
	const bool agreed = derive != NULL &&
	    EVP_PKEY_derive_init(derive) == 1 &&
	    EVP_PKEY_derive_set_peer(derive, target) == 1 &&
	    EVP_PKEY_derive(derive, shared, &size) == 1 && size == bytes;

	EVP_PKEY_CTX_free(derive);
	return agreed;
}

/* KDFe (Part 1, 11.4.10.3) for a result as long as the hash. */
static TSS2_RC
kdfe(struct clv_tpm_crypto *crypto, TPM2_ALG_ID hash, const uint8_t *shared,
    size_t bytes, const char *label, const TPM2B_ECC_PARAMETER *u,
    const TPM2B_ECC_PARAMETER *v, uint8_t *secret)
{
	static const uint8_t one[] = {0, 0, 0, 1};
	const struct clv_span pieces[] = {{one, sizeof(one)}, {shared, bytes},
	    {(const uint8_t *)label, strlen(label) + 1}, {u->buffer, u->size},
	    {v->buffer, v->size}};

	return clv_tpm_digest(
	    crypto, hash, pieces, sizeof(pieces) / sizeof(pieces[0]), secret);
}

/* Part 1, C.6.3: one-pass Diffie-Hellman with a key made for this. */
static TSS2_RC
share_by_ecdh(struct clv_tpm_crypto *crypto, EVP_PKEY *target,
    const struct curve *curve, TPM2_ALG_ID hash, const char *label,
    uint8_t *secret, TPM2B_ENCRYPTED_SECRET *sealed)
{
	EVP_PKEY *own =
	    EVP_PKEY_Q_keygen(clv_crypto_context(), NULL, "EC", curve->name);
	uint8_t shared[CLV_TPM_POINT_MAX];
	TPMS_ECC_POINT ours, theirs;
	size_t size = 0;
	TSS2_RC rc = CLV_TPM_RC_INTERNAL;

	if (own != NULL && get_point(own, curve->bytes, &ours) &&
	    get_point(target, curve->bytes, &theirs) &&
	    agree(own, target, curve->bytes, shared))
		rc = kdfe(crypto, hash, shared, curve->bytes, label, &ours.x,
		    &theirs.x, secret);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPMS_ECC_POINT_Marshal(
		    &ours, sealed->secret, sizeof(sealed->secret), &size);
	sealed->size = (UINT16)size;
	clv_wipe(shared, sizeof(shared));
	EVP_PKEY_free(own);
	return rc;
}

TSS2_RC
clv_tpm_share_secret(struct clv_tpm_crypto *crypto, const TPMT_PUBLIC *target,
    const char *label, uint8_t *secret, TPM2B_ENCRYPTED_SECRET *sealed)
{
	const struct curve *curve = target->type == TPM2_ALG_ECC
	    ? curve_find(target->parameters.eccDetail.curveID)
	    : NULL;
	EVP_PKEY *key;
	TSS2_RC rc;

	if (clv_tpm_hash_size(target->nameAlg) == 0)
		return TPM2_RC_HASH;
	key = clv_tpm_public_evp(target);
	if (key == NULL)
		return TPM2_RC_KEY;
	if (curve != NULL)
		rc = share_by_ecdh(
		    crypto, key, curve, target->nameAlg, label, secret, sealed);
	else
		rc = share_by_rsa(
		    crypto, key, target->nameAlg, label, secret, sealed);
	EVP_PKEY_free(key);
	return rc;
}
