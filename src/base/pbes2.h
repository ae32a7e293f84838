/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Password-based encryption of private keys: PBES2 (RFC 8018, 6.2) with
 * scrypt (RFC 7914) or PBKDF2, and the old encryption of PEM that OpenSSL
 * once used. Only for code that runs on a private stack (private_stack.h).
 */
#ifndef CLV_BASE_PBES2_H
#define CLV_BASE_PBES2_H

#include <claviger/secret.h>

#include "base/pem.h"
#include "base/span.h"

/* The most work that a file may ask for: about two seconds. */
#define CLV_PBKDF2_ITERATIONS_MAX 2000000U
#define CLV_SCRYPT_MEMORY_MAX (256U * 1024 * 1024)
#define CLV_SCRYPT_WORK_MAX (1024U * 1024 * 1024) /* 128 N r p */

/* The work factor of scrypt; memory is 128 n r bytes. */
struct clv_scrypt_cost {
	uint64_t n;
	uint64_t r;
	uint64_t p;
};

/* How a key is encrypted. Spans are views into what was parsed. */
struct clv_pbes2 {
	struct clv_span salt;
	struct clv_scrypt_cost scrypt; /* n = 0: PBKDF2 */
	uint64_t iterations;           /* 0: the old PEM encryption */
	const char *prf;               /* OpenSSL's names */
	const char *cipher;
	size_t key_size;
	size_t block_size;
	uint8_t iv[16];
	bool weak; /* works, but should be replaced */
};

/* Whether the cost is within limits: n a power of two, bounded memory. */
bool clv_scrypt_cost_is_sane(const struct clv_scrypt_cost *cost);

/*
 * Takes an EncryptedPrivateKeyInfo apart. CLV_CORRUPT, CLV_UNSUPPORTED,
 * CLV_TOO_LARGE (too much work).
 */
clv_status clv_pbes2_parse(struct clv_span der, struct clv_pbes2 *scheme,
    struct clv_span *ciphertext, clv_error **err);

/* Takes RFC 1421 headers apart, as OpenSSL wrote them. CLV_CORRUPT,
 * CLV_UNSUPPORTED. */
clv_status clv_pbes2_parse_headers(
    struct clv_span headers, struct clv_pbes2 *scheme, clv_error **err);

/* CLV_CORRUPT if it can't be a ciphertext, CLV_AUTH if the password is
 * certainly wrong; by chance (1 in 256) a wrong one gives garbage. */
clv_status clv_pbes2_decrypt(const struct clv_pbes2 *scheme,
    struct clv_span ciphertext, const clv_secret *password, clv_secret *out,
    clv_error **err);

/* Encrypts with AES-256-CBC and scrypt; gives an EncryptedPrivateKeyInfo. */
clv_status clv_pbes2_encrypt(const clv_secret *plain,
    const clv_secret *password, const struct clv_scrypt_cost *cost,
    clv_secret *out, clv_error **err);

#endif
