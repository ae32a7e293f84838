/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Public areas: what a new key shall be, and what an existing one is in the
 * words of the rest of the world.
 */
#ifndef CLV_TPM2_PUBLIC_H
#define CLV_TPM2_PUBLIC_H

#include "tpm.h"

#include "base/private_key.h"

/* The template of a key that signs, and if it is RSA decrypts, with any
 * scheme. `lockable`: wrong auth values count against the TPM's lockout.
 * False for an algorithm that TPMs don't have. */
bool clv_tpm_key_template(
    clv_algorithm algorithm, bool lockable, TPM2B_PUBLIC *out);
/* That of a sealed secret. */
extern const TPM2B_PUBLIC clv_tpm_seal_template;

/* Writes the SubjectPublicKeyInfo; `size` is 0 for kinds of keys we don't
 * know. `bits`, of which identifiers are made, points into it. */
size_t clv_tpm_spki(const TPMT_PUBLIC *public_area, uint8_t out[CLV_SPKI_MAX],
    struct clv_span *bits);
/* The same with the identifier: SHA-1 of the key (RFC 5280, 4.2.1.2). False
 * for kinds of keys that we don't know, and for storage keys. */
#define CLV_TPM_ID_SIZE 20U
bool clv_tpm_key_id(const TPMT_PUBLIC *public_area, uint8_t out[CLV_SPKI_MAX],
    uint8_t id[CLV_TPM_ID_SIZE]);
clv_algorithm clv_tpm_algorithm(const TPMT_PUBLIC *public_area);

/* Bytes of a modulus, or of one coordinate. */
size_t clv_tpm_key_bytes(const TPMT_PUBLIC *public_area);
/* The scheme a key is bound to; TPM2_ALG_NULL: none. And its hash. */
TPM2_ALG_ID clv_tpm_fixed_scheme(
    const TPMT_PUBLIC *public_area, TPM2_ALG_ID *hash);
bool clv_tpm_has(const TPMT_PUBLIC *public_area, TPMA_OBJECT attribute);

#endif
