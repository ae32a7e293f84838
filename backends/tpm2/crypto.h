/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What a TPM session needs of cryptography, in memory that is set up once.
 *
 * Algorithms are fetched once, in the library's own OpenSSL context: nothing
 * in openssl.cnf (a TPM provider, say) can lead back into this backend, and
 * no operation pays for a new context, which is where ESYS 3.2.1 spends 3 ms
 * per command of an HMAC session. Belongs to one thread at a time.
 */
#ifndef CLV_TPM2_CRYPTO_H
#define CLV_TPM2_CRYPTO_H

#include "errors.h"

#include "base/span.h"

#include <openssl/types.h>

#define CLV_TPM_DIGEST 32U     /* SHA-256, the hash of our sessions */
#define CLV_TPM_DIGEST_MAX 64U /* of any hash an object may be named with */
#define CLV_TPM_POINT_MAX 66U  /* a coordinate, P-521 */

struct clv_tpm_crypto;

struct clv_tpm_crypto *clv_tpm_crypto_new(void);
void clv_tpm_crypto_free(struct clv_tpm_crypto **crypto);

/* Size of a digest, 0 for a hash we don't use. */
size_t clv_tpm_hash_size(TPM2_ALG_ID hash);
/* OpenSSL's name, or NULL. */
const char *clv_tpm_hash_name(TPM2_ALG_ID hash);

TSS2_RC clv_tpm_random(
    struct clv_tpm_crypto *crypto, uint8_t *bytes, size_t size);

/* Hash, and HMAC, over the concatenation of `count` pieces. */
TSS2_RC clv_tpm_digest(struct clv_tpm_crypto *crypto, TPM2_ALG_ID hash,
    const struct clv_span *pieces, size_t count, uint8_t *digest);
TSS2_RC clv_tpm_hmac(struct clv_tpm_crypto *crypto, TPM2_ALG_ID hash,
    const uint8_t *key, size_t key_size, const struct clv_span *pieces,
    size_t count, uint8_t *digest);

/* KDFa (Part 1, 11.4.10.2) with contexts `u` and `v`. */
TSS2_RC clv_tpm_kdfa(struct clv_tpm_crypto *crypto, TPM2_ALG_ID hash,
    const uint8_t *key, size_t key_size, const char *label, struct clv_span u,
    struct clv_span v, uint8_t *out, size_t size);

/* AES in CFB mode, in place; the key is 16 or 32 bytes. */
TSS2_RC clv_tpm_cfb(struct clv_tpm_crypto *crypto, bool encrypt,
    const uint8_t *key, size_t key_size, const uint8_t *iv, uint8_t *bytes,
    size_t size);

/*
 * Makes a secret that only the holder of the private half of `target` learns
 * (Part 1, B.10.3 and C.6.3): for the salt of a session with the label
 * "SECRET", for the seed of a duplicate with "DUPLICATE". `secret` has the
 * size of the target's name hash and room for CLV_TPM_DIGEST_MAX.
 */
TSS2_RC clv_tpm_share_secret(struct clv_tpm_crypto *crypto,
    const TPMT_PUBLIC *target, const char *label, uint8_t *secret,
    TPM2B_ENCRYPTED_SECRET *sealed);

/* The public key as OpenSSL's, checked to be a valid one. NULL on failure. */
EVP_PKEY *clv_tpm_public_evp(const TPMT_PUBLIC *public_area);

#endif
