/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Public keys: as a token has them, as DER, and used to check what the
 * private half did. */
#ifndef CLV_PKCS11_PUBLIC_H
#define CLV_PKCS11_PUBLIC_H

#include <openssl/bn.h>
#include <openssl/evp.h>

#include <claviger/backend.h>

#include "object.h"

struct p11_public {
	OSSL_LIB_CTX *openssl; /* borrowed */
	EVP_PKEY *key;
	clv_algorithm algorithm;
	clv_family family;
	size_t size; /* of a signature */
	uint8_t *der;
	size_t der_size;
	size_t bits_size; /* of the key itself, with which `der` ends */
	/* RSA's, so that a check needs nothing but one power. */
	BIGNUM *modulus;
	BIGNUM *exponent;
	BN_MONT_CTX *montgomery;
	BIGNUM *unscale; /* R ^ 65537, if that is the exponent; verify.c */
	/* Of what it was read from, as in p11_object. */
	char label[P11_LABEL_MAX + 1];
	bool has_label;
};

void clv_p11_public_clear(struct p11_public *public);

/* The public key objects that go by the private key's id or label. */
CK_RV clv_p11_publics_find(struct p11_call *call,
    const struct p11_object *object, CK_OBJECT_HANDLE *found, size_t room,
    size_t *count);
/* What one of them, or the private key itself, holds; public->key is NULL if it
 * is of no use. */
CK_RV clv_p11_public_read(struct p11_call *call, CK_OBJECT_HANDLE handle,
    CK_KEY_TYPE type, struct p11_public *public);
/* The same for a certificate. */
CK_RV clv_p11_public_read_certificate(
    struct p11_call *call, CK_OBJECT_HANDLE handle, struct p11_public *public);

/* Fills RSA's numbers, which the next two need, from the key. */
bool clv_p11_public_prepare_rsa(struct p11_public *public);

/* Whether a signature holds, as key_sign() of backend.h describes both. */
bool clv_p11_public_verify(const struct p11_public *public,
    const struct clv_mechanism *mechanism, const uint8_t *input,
    size_t input_size, const uint8_t *signature);

/* Whether `output` to the public exponent's power is `input`. */
bool clv_p11_public_confirms(const struct p11_public *public,
    const uint8_t *output, const uint8_t *input);

/* Fills der, der_size and bits_size from the others; encode.c. */
bool clv_p11_public_encode(struct p11_public *public);
/* SHA-1 of the key's bits: RFC 5280, 4.2.1.2 (1). */
bool clv_p11_public_id(const struct p11_public *public, uint8_t id[20]);

/* DER of the OID that CKA_EC_PARAMS of a new key has; NULL if there is none. */
const uint8_t *clv_p11_curve(clv_algorithm algorithm, size_t *size);

/* The other way round; CLV_ALGORITHM_NONE for any other curve. */
clv_algorithm clv_p11_curve_find(const uint8_t *params, size_t size);

/* EMSA-PKCS1-v1_5 before the padding: DigestInfo. `room` has
 * CLV_DIGEST_INFO_MAX bytes more than the digest. 0 for an unknown hash. */
size_t clv_p11_digest_info(
    clv_hash hash, const uint8_t *digest, size_t digest_size, uint8_t *room);

#endif
