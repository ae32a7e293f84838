/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* RSA padding for devices that only do the raw operation (RFC 8017). */
#ifndef CLV_KEYS_PADDING_H
#define CLV_KEYS_PADDING_H

#include <claviger/backend.h>

#include "keys/context.h"

/* Signing: pads a digest to `size` bytes; EMSA-PKCS1-v1_5 (9.2) or EMSA-PSS
 * (9.1.1). `bits` is the modulus's. */
clv_status clv_padding_encode(const clv_context *context,
    const struct clv_mechanism *mechanism, const uint8_t *digest,
    size_t digest_size, uint8_t *padded, size_t size, unsigned bits,
    clv_error **err);

/* Decrypting: EME-OAEP (7.1.2) in constant time. False for anything that is
 * wrong. `plaintext` has room for `size` bytes. */
bool clv_padding_decode_oaep(const clv_context *context, clv_hash hash,
    const uint8_t *padded, size_t size, uint8_t *plaintext,
    size_t *plaintext_size);

/* All ones if the condition holds, else 0; without a branch. */
size_t clv_mask_zero(size_t value);
size_t clv_mask_less(size_t a, size_t b);
size_t clv_mask_select(size_t mask, size_t yes, size_t no);

#endif
