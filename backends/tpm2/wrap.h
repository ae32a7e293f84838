/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A private key from outside, wrapped so that only the TPM's storage key can
 * open it (TPM 2.0 Part 1, 23): what TPM2_Import takes.
 */
#ifndef CLV_TPM2_WRAP_H
#define CLV_TPM2_WRAP_H

#include "public.h"

/* Room for a TPM2B_PRIVATE with the numbers of any key. */
#define CLV_TPM_DUPLICATE_MAX 1024U

struct clv_tpm_duplicate {
	TPM2B_ENCRYPTED_SECRET seed;
	size_t size;
	uint8_t bytes[CLV_TPM_DUPLICATE_MAX];
};

/*
 * The public area and the sensitive one (TPM2B_SENSITIVE, marshalled) of a
 * PKCS#8 key. CLV_UNSUPPORTED for kinds that TPMs don't have.
 */
clv_status clv_tpm_sensitive_make(const clv_secret *pkcs8,
    const struct clv_tpm_auth *auth, bool lockable, TPM2B_PUBLIC *public_area,
    clv_secret *sensitive, clv_error **err);

/* Encrypts the sensitive area for `parent`. */
TSS2_RC clv_tpm_wrap(struct clv_tpm_crypto *crypto, const TPMT_PUBLIC *parent,
    const TPM2B_NAME *name, const clv_secret *sensitive,
    struct clv_tpm_duplicate *out);

#endif
