/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "public.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/crypto.h"

static const struct kind {
	clv_algorithm algorithm;
	TPMI_ALG_PUBLIC type;
	TPM2_ECC_CURVE curve;
	UINT16 bits;
} kinds[] = {
    {CLV_RSA_2048, TPM2_ALG_RSA, 0, 2048},
    {CLV_RSA_3072, TPM2_ALG_RSA, 0, 3072},
    {CLV_RSA_4096, TPM2_ALG_RSA, 0, 4096},
    {CLV_EC_P256, TPM2_ALG_ECC, TPM2_ECC_NIST_P256, 256},
    {CLV_EC_P384, TPM2_ALG_ECC, TPM2_ECC_NIST_P384, 384},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

#define OWN_ATTRIBUTES                                     \
	(TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_FIXEDTPM | \
	    TPMA_OBJECT_FIXEDPARENT)

const TPM2B_PUBLIC clv_tpm_seal_template = {
    .publicArea =
	{
	    .type = TPM2_ALG_KEYEDHASH,
	    .nameAlg = TPM2_ALG_SHA256,
	    .objectAttributes = OWN_ATTRIBUTES | TPMA_OBJECT_NODA,
	    .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL,
	},
};

bool
clv_tpm_has(const TPMT_PUBLIC *public_area, TPMA_OBJECT attribute)
{
	return (public_area->objectAttributes & attribute) != 0;
}

static void
describe_rsa(TPMT_PUBLIC *area, UINT16 bits)
{
	area->objectAttributes |= TPMA_OBJECT_DECRYPT;
	area->parameters.rsaDetail =
	    (TPMS_RSA_PARMS){.symmetric.algorithm = TPM2_ALG_NULL,
		.scheme.scheme = TPM2_ALG_NULL,
		.keyBits = bits};
}

static void
describe_ecc(TPMT_PUBLIC *area, TPM2_ECC_CURVE curve)
{
	area->parameters.eccDetail =
	    (TPMS_ECC_PARMS){.symmetric.algorithm = TPM2_ALG_NULL,
		.scheme.scheme = TPM2_ALG_NULL,
		.curveID = curve,
		.kdf.scheme = TPM2_ALG_NULL};
}

bool
clv_tpm_key_template(clv_algorithm algorithm, bool lockable, TPM2B_PUBLIC *out)
{
	TPMT_PUBLIC *area = &out->publicArea;

	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].algorithm != algorithm)
			continue;
		memset(out, 0, sizeof(*out));
		area->type = kinds[i].type;
		area->nameAlg = TPM2_ALG_SHA256;
		area->objectAttributes = OWN_ATTRIBUTES |
		    TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
		    (lockable ? 0 : TPMA_OBJECT_NODA);
		if (kinds[i].type == TPM2_ALG_RSA)
			describe_rsa(area, kinds[i].bits);
		else
			describe_ecc(area, kinds[i].curve);
		return true;
	}
	return false;
}

clv_algorithm
clv_tpm_algorithm(const TPMT_PUBLIC *public_area)
{
	const bool rsa = public_area->type == TPM2_ALG_RSA;

	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].type == public_area->type &&
		    (rsa ? kinds[i].bits ==
				public_area->parameters.rsaDetail.keyBits
			 : kinds[i].curve ==
				public_area->parameters.eccDetail.curveID))
			return kinds[i].algorithm;
	return rsa ? CLV_RSA_OTHER : CLV_ALGORITHM_NONE;
}

size_t
clv_tpm_key_bytes(const TPMT_PUBLIC *public_area)
{
	if (public_area->type == TPM2_ALG_RSA)
		return public_area->unique.rsa.size;
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].type == TPM2_ALG_ECC &&
		    kinds[i].curve == public_area->parameters.eccDetail.curveID)
			return kinds[i].bits / 8U;
	return 0;
}

/* Part 2, 12.2.3.5: 0 stands for the usual exponent. */
static size_t
write_exponent(UINT32 exponent, uint8_t bytes[4])
{
	size_t size = 4;

	clv_tpm_write_u32(bytes, exponent == 0 ? 65537 : exponent);
	while (size > 1 && bytes[0] == 0)
		memmove(bytes, bytes + 1, --size);
	return size;
}

static size_t
rsa_spki(const TPMT_PUBLIC *area, uint8_t *out, struct clv_span *bits)
{
	struct clv_private_key key = {.kind = clv_key_kind_of(CLV_RSA_2048)};
	uint8_t exponent[4];

	if (area->unique.rsa.size == 0 || area->unique.rsa.buffer[0] == 0 ||
	    area->unique.rsa.size * 8U != area->parameters.rsaDetail.keyBits)
		return 0;
	key.rsa[CLV_RSA_N] =
	    (struct clv_span){area->unique.rsa.buffer, area->unique.rsa.size};
	key.rsa[CLV_RSA_E] = (struct clv_span){exponent,
	    write_exponent(area->parameters.rsaDetail.exponent, exponent)};
	return clv_public_key_write(&key, out, bits);
}

static size_t
ecc_spki(const TPMT_PUBLIC *area, uint8_t *out, struct clv_span *bits)
{
	const TPMS_ECC_POINT *unique = &area->unique.ecc;
	const size_t bytes = clv_tpm_key_bytes(area);
	struct clv_private_key key = {
	    .kind = clv_key_kind_of(clv_tpm_algorithm(area))};
	uint8_t point[CLV_POINT_MAX] = {0x04}; /* uncompressed */

	if (bytes == 0 || key.kind == NULL || unique->x.size > bytes ||
	    unique->y.size > bytes)
		return 0;
	memcpy(point + 1 + bytes - unique->x.size, unique->x.buffer,
	    unique->x.size);
	memcpy(point + 1 + 2 * bytes - unique->y.size, unique->y.buffer,
	    unique->y.size);
	key.point = (struct clv_span){point, 1 + 2 * bytes};
	return clv_public_key_write(&key, out, bits);
}

size_t
clv_tpm_spki(const TPMT_PUBLIC *public_area, uint8_t out[CLV_SPKI_MAX],
    struct clv_span *bits)
{
	if (public_area->type == TPM2_ALG_RSA)
		return rsa_spki(public_area, out, bits);
	if (public_area->type == TPM2_ALG_ECC)
		return ecc_spki(public_area, out, bits);
	return 0;
}

bool
clv_tpm_key_id(const TPMT_PUBLIC *public_area, uint8_t out[CLV_SPKI_MAX],
    uint8_t id[CLV_TPM_ID_SIZE])
{
	struct clv_span bits;

	return !clv_tpm_has(public_area, TPMA_OBJECT_RESTRICTED) &&
	    clv_tpm_spki(public_area, out, &bits) != 0 &&
	    EVP_Q_digest(clv_crypto_context(), "SHA1", NULL, bits.data,
		bits.size, id, NULL) == 1;
}

TPM2_ALG_ID
clv_tpm_fixed_scheme(const TPMT_PUBLIC *public_area, TPM2_ALG_ID *hash)
{
	const TPMU_PUBLIC_PARMS *parameters = &public_area->parameters;

	if (public_area->type == TPM2_ALG_RSA) {
		*hash = parameters->rsaDetail.scheme.details.anySig.hashAlg;
		return parameters->rsaDetail.scheme.scheme;
	}
	*hash = parameters->eccDetail.scheme.details.anySig.hashAlg;
	return parameters->eccDetail.scheme.scheme;
}
