/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_KEYS_KEY_H
#define CLV_KEYS_KEY_H

#include <claviger/backend.h>
#include <claviger/key.h>

#include <stdatomic.h>

#include <openssl/types.h>

#include "keys/store.h"

struct clv_key {
	atomic_size_t references;
	clv_store *store;
	const struct clv_backend *backend;
	void *handle;
	struct clv_key_facts facts;
	clv_algorithm algorithm;
	clv_family family;
	unsigned bits;
	size_t signature_size;
	EVP_PKEY *public_key; /* in the context's OpenSSL */
	uint8_t *modulus;     /* of RSA, signature_size bytes; else NULL */

	_Atomic(struct clv_rejection *) rejection; /* see rejection.c */
};

/* Takes over `handle`, also on failure. */
clv_status clv_key_wrap(
    clv_store *store, void *handle, clv_key **out, clv_error **err);

/*
 * Calls the backend's key_generate or, with `pkcs8`, key_import, with made-up
 * labels until one is free.
 */
clv_status clv_key_make(clv_store *store, clv_algorithm algorithm,
    const clv_key_options *options, const clv_secret *pkcs8, clv_key **out,
    clv_error **err);

/*
 * Any private-key operation: what clv_key_sign_digest() and clv_key_decrypt()
 * are made of. Signing, `input` is the digest (EdDSA: the message) and
 * `output_size` the room, at least the signature's; decrypting, `input` is
 * the ciphertext and the room at least the modulus's.
 */
clv_status clv_key_operate(clv_key *key, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, uint8_t *output,
    size_t *output_size, clv_error **err);

/* The way that clv_key_operate() would take. */
clv_key_path clv_key_path_of(
    const clv_key *key, const struct clv_mechanism *mechanism);

/* The mechanism of a scheme; false for an unknown scheme. */
bool clv_mechanism_of(clv_scheme scheme, struct clv_mechanism *mechanism);

/*
 * rejection.c: what a PKCS#1 v1.5 ciphertext with bad padding decrypts to.
 * To be prepared before the decryption; then either the padding of a raw
 * result is removed, or, if the device did that and refused, the whole
 * message made up.
 */
clv_status clv_key_prepare_rejection(clv_key *key, clv_error **err);
void clv_key_forget_rejection(clv_key *key);
clv_status clv_key_unpad_pkcs1(clv_key *key, const uint8_t *ciphertext,
    const uint8_t *padded, uint8_t *plaintext, size_t *size, clv_error **err);
clv_status clv_key_reject(clv_key *key, const uint8_t *ciphertext,
    uint8_t *plaintext, size_t *size, clv_error **err);

#endif
