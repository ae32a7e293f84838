/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What bench-tpm2 compares with: tpm2-openssl, the OpenSSL provider. */
#ifndef CLV_BENCH_TPM2_OPENSSL_H
#define CLV_BENCH_TPM2_OPENSSL_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/types.h>

struct theirs;

/* Starts a TPM, reached through the TCTI that counts, and makes a key. */
struct theirs *theirs_open(bool rsa);
void theirs_close(struct theirs **theirs);
/* All with a struct theirs: the key is kept, or loaded from its file. */
bool theirs_sign(void *theirs);
bool theirs_sign_fresh(void *theirs);
/* PKCS#1 v1.5: version 1.1.1 has no OAEP. */
bool theirs_decrypt(void *theirs);

/* OAEP with SHA-256, or PKCS#1 v1.5. */
bool theirs_encrypt_with(EVP_PKEY *public, bool oaep, uint8_t ciphertext[256]);

#endif
