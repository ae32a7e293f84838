/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What a PKCS#1 v1.5 signature is made of besides the digest. */
#ifndef CLV_BASE_DIGEST_INFO_H
#define CLV_BASE_DIGEST_INFO_H

#include <stddef.h>
#include <stdint.h>

#include <claviger/algorithm.h>

#define CLV_DIGEST_INFO_MAX 19U

/*
 * The DER of DigestInfo up to the digest (RFC 8017, 9.2, note 1), at most
 * CLV_DIGEST_INFO_MAX bytes; NULL if there is none for this hash.
 */
const uint8_t *clv_digest_info_prefix(clv_hash hash, size_t *size);

#endif
