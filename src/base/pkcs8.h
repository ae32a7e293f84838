/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Private keys as bytes: whatever people have, turned into one strict PKCS#8
 * PrivateKeyInfo. The software backends and key import stand on this. All
 * work on key bytes happens in clv_secret, without copies elsewhere.
 */
#ifndef CLV_BASE_PKCS8_H
#define CLV_BASE_PKCS8_H

#include <claviger/algorithm.h>
#include <claviger/secret.h>

/* Asks for the password of an encrypted key; `attempt` counts from 1. */
typedef clv_status clv_pkcs8_password_fn(
    void *user, unsigned attempt, clv_secret *password, clv_error **err);

/* What clv_pkcs8_read() found. */
struct clv_pkcs8_facts {
	clv_algorithm algorithm;
	bool encrypted;    /* it was */
	bool weak;         /* ... with legacy PEM encryption or a weak KDF */
	bool traditional;  /* PKCS#1 or SEC 1 instead of PKCS#8 */
	uint64_t scrypt_n; /* scrypt's N; 0: not scrypt */
};

/*
 * Reads PEM or DER: PrivateKeyInfo, EncryptedPrivateKeyInfo (PBES2 with
 * scrypt or PBKDF2), traditional RSA and EC keys, legacy encrypted PEM. Gives
 * DER PrivateKeyInfo, checked: DER throughout, nothing behind it, a known
 * algorithm, numbers that fit together.
 *
 * CLV_CORRUPT, CLV_UNSUPPORTED (kind of key or encryption), CLV_TOO_LARGE
 * (absurd work factor), CLV_AUTH (password; the callback said so in the end).
 * `ask` may be NULL: an encrypted key is then CLV_AUTH.
 */
clv_status clv_pkcs8_read(const clv_secret *pem_or_der,
    clv_pkcs8_password_fn *ask, void *user, clv_secret *pkcs8,
    struct clv_pkcs8_facts *facts, clv_error **err);

/*
 * What can be seen without a password. The algorithm is that of a PUBLIC KEY
 * block beside the key, whose DER `public_key` gets; without one it is NONE
 * and `public_key` empty. clv_pkcs8_read() compares that block with the key.
 * CLV_CORRUPT, CLV_UNSUPPORTED, CLV_TOO_LARGE.
 */
clv_status clv_pkcs8_inspect(const clv_secret *pem_or_der,
    clv_secret *public_key, struct clv_pkcs8_facts *facts, clv_error **err);

/* Whether the bytes look like a private key of any of these forms; cheap. */
bool clv_pkcs8_looks_like_key(const void *bytes, size_t size);

#endif
