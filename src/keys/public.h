/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Public keys: what kind they are. */
#ifndef CLV_KEYS_PUBLIC_H
#define CLV_KEYS_PUBLIC_H

#include <claviger/algorithm.h>

#include <openssl/types.h>

/* What kind of key it is; NONE if OPC UA has no use for it. */
clv_algorithm clv_public_algorithm(const EVP_PKEY *key);

/* Parses DER SubjectPublicKeyInfo with nothing behind it. */
clv_status clv_public_parse(OSSL_LIB_CTX *openssl, const uint8_t *der,
    size_t size, EVP_PKEY **out, clv_error **err);

#endif
