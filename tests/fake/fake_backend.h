/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A backend in memory whose abilities, failures and delays a test chooses. It
 * signs and decrypts with OpenSSL.
 *
 *     fake:algorithm=rsa2048             the key of that algorithm
 *     fake:algorithm=rsa2048;number=1    another one
 *
 * A key is made when it is first opened or asked for and is the same until
 * the process ends. Settings apply to all keys at once; each test begins with
 * fake_reset().
 */
#ifndef CLV_FAKE_BACKEND_H
#define CLV_FAKE_BACKEND_H

#include <claviger/backend.h>

#include <stdatomic.h>

#include <openssl/types.h>

enum fake_lacks {
	FAKE_LACKS_PSS = 1,
	FAKE_LACKS_PKCS1 = 2, /* signatures */
	FAKE_LACKS_OAEP = 4,
	FAKE_LACKS_DECRYPT = 8, /* with any padding */
	FAKE_LACKS_RAW = 16,
	/* PSS with a salt that is not as long as the hash, as with a TPM. */
	FAKE_LACKS_OTHER_SALTS = 32,
	FAKE_RAW_ONLY = 1 | 2 | 4 | 8
};

struct fake_backend {
	_Atomic unsigned lacks;   /* bits of fake_lacks */
	_Atomic clv_status fails; /* what operations answer; CLV_OK: none */
	_Atomic unsigned delay;   /* of an operation, microseconds */
	atomic_size_t signs, decrypts, raws; /* calls */
	atomic_size_t open_keys;             /* keys that are not closed yet */
	/* What the last operation was. */
	struct clv_mechanism last;
};

extern struct fake_backend fake;
extern const struct clv_backend fake_backend;

void fake_reset(void);
/* The same key as OpenSSL has it. Borrowed. */
EVP_PKEY *fake_openssl_key(clv_algorithm algorithm, unsigned number);
/* Its URI; static storage, changed by the next call of the thread. */
const char *fake_uri(clv_algorithm algorithm, unsigned number);
/* Frees all keys; none may be open. */
void fake_forget(void);

#endif
