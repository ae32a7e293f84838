/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* A card's private keys, kept in its memory as PKCS#8. They are what the fake
 * card protects, not what protects anything. */
#ifndef CLV_FAKE_CARD_KEYS_H
#define CLV_FAKE_CARD_KEYS_H

#include <openssl/evp.h>

#include "tlv.h"

/* The kind of the store's records that are keys. */
#define CARD_KEYS 1U

/* The caller frees it. NULL if there is none. */
EVP_PKEY *keys_get(unsigned number);
void keys_put(unsigned number, EVP_PKEY *key);

/* "rsa2048", "rsa3072", "P-256", ... NULL if OpenSSL can't. */
EVP_PKEY *keys_generate(const char *algorithm);

/* Appends tag 81 modulus and 82 exponent, or 86 point. */
void keys_put_public(struct buffer *buffer, EVP_PKEY *key);

/* padding: RSA_NO_PADDING, RSA_PKCS1_PADDING. False: not possible. */
bool keys_rsa(EVP_PKEY *key, bool sign, int padding, struct bytes input,
    struct buffer *output);
/* A DER signature over a hash. */
bool keys_ecdsa(EVP_PKEY *key, struct bytes hash, struct buffer *output);
/* The shared X coordinate; the point is the other side's. */
bool keys_ecdh(EVP_PKEY *key, struct bytes point, struct buffer *output);

#endif
