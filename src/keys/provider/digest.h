/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Digests by the names OpenSSL and its users have for them. */
#ifndef CLV_KEYS_PROVIDER_DIGEST_H
#define CLV_KEYS_PROVIDER_DIGEST_H

#include <claviger/key.h>

#include <openssl/types.h>

/* NONE for an unknown one. */
clv_hash clv_digest_by_name(const char *name);
/* The one with digests of this size, for ECDSA without a digest's name. */
clv_hash clv_digest_by_size(size_t size);
/* The name to answer with, such as "SHA256"; "" for none. */
const char *clv_digest_name(clv_hash hash);
int clv_digest_nid(clv_hash hash);
/* OpenSSL's implementation, borrowed from the key's context. */
const EVP_MD *clv_digest_of(const clv_key *key, clv_hash hash);

/*
 * Takes the DigestInfo (RFC 8017, 9.2) apart that callers hand to a PKCS#1
 * v1.5 signature when they name no digest. Gives the digest in it, or NULL.
 */
const uint8_t *clv_digest_info_open(
    const uint8_t *info, size_t size, clv_hash *hash);

#endif
