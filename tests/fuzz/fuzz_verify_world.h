/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the targets for certificates and CRLs share: a CA whose key is always
 * the same, so that an input means the same in every run. */
#ifndef CLV_FUZZ_VERIFY_WORLD_H
#define CLV_FUZZ_VERIFY_WORLD_H

#include "trust/signature.h"
#include "trust/snapshot.h"

#include <openssl/evp.h>

/* 2030-06-15T12:00:00Z */
#define WORLD_NOW INT64_C(1907755200)

struct world {
	EVP_PKEY *key; /* Ed25519 */
	struct clv_trust_engine *engine;
	struct clv_trust_cert *ca;   /* "CN=ca", no key identifier */
	struct clv_trust_cert *leaf; /* issued by it, serial 5 */
};

/* Made at the first call; never freed. */
struct world *world_get(void);

/*
 * Replaces the signature of a certificate or CRL: SEQUENCE { tbs, algorithm,
 * signature } gets Ed25519 and the CA's signature over its tbs, if it can be
 * told. Returns malloc'ed bytes, or NULL.
 */
uint8_t *world_sign(const uint8_t *der, size_t size, size_t *signed_size);

#define must(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

#endif
