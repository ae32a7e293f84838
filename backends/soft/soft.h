/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Private keys in this process's memory: what the backends of key files do
 * their operations with. Everything that touches private bytes happens on
 * private stacks (base/private_stack.h), so that freeing a key leaves nothing
 * of it behind. Any number of threads may use one key at once.
 */
#ifndef CLV_BACKENDS_SOFT_H
#define CLV_BACKENDS_SOFT_H

#include <claviger/backend.h>

struct clv_soft_key;

/* What can be told of a key; lives as long as it. */
struct clv_soft_public {
	clv_algorithm algorithm;
	const uint8_t *der; /* SubjectPublicKeyInfo */
	size_t size;
	const uint8_t *id; /* SHA-1 of the BIT STRING (RFC 5280, 4.2.1.2) */
	size_t id_size;
};

/* Makes a new key: a PrivateKeyInfo. CLV_UNSUPPORTED, CLV_CRYPTO,
 * CLV_NO_MEMORY. */
clv_status clv_soft_generate(
    clv_algorithm algorithm, clv_secret *pkcs8, clv_error **err);

/* Makes a key of what clv_pkcs8_read() or clv_soft_generate() gave. */
clv_status clv_soft_key_new(
    const clv_secret *pkcs8, struct clv_soft_key **out, clv_error **err);
/* Frees it and wipes all traces. No operation may be under way. */
void clv_soft_key_free(struct clv_soft_key **key);

void clv_soft_key_public(
    const struct clv_soft_key *key, struct clv_soft_public *out);
/* How well its memory is protected: bits of ::clv_secret_protection_bits. */
unsigned clv_soft_key_protection(const struct clv_soft_key *key);

/* As the methods of struct clv_backend. */
bool clv_soft_key_can(
    const struct clv_soft_key *key, const struct clv_mechanism *mechanism);
clv_status clv_soft_key_sign(struct clv_soft_key *key,
    const struct clv_mechanism *mechanism, const uint8_t *input,
    size_t input_size, uint8_t *signature, clv_error **err);
clv_status clv_soft_key_decrypt(struct clv_soft_key *key,
    const struct clv_mechanism *mechanism, const uint8_t *ciphertext,
    size_t ciphertext_size, uint8_t *plaintext, size_t *size, clv_error **err);
clv_status clv_soft_key_rsa_raw(struct clv_soft_key *key, const uint8_t *input,
    uint8_t *output, clv_error **err);

#endif
