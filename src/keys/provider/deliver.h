/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Handing keys to OpenSSL where it asked for what a name stands for. */
#ifndef CLV_KEYS_PROVIDER_DELIVER_H
#define CLV_KEYS_PROVIDER_DELIVER_H

#include "keys/provider/pkey.h"

/* Opens the key that `uri` names. NULL, and an entry on the error queue, if
 * that fails. */
struct clv_pkey *clv_deliver_open(const struct clv_provider *provider,
    const char *uri, OSSL_PASSPHRASE_CALLBACK *passphrase, void *argument);

/* Give `deliver` a key or a certificate. What it returns. */
int clv_deliver_key(
    struct clv_pkey *pkey, OSSL_CALLBACK *deliver, void *argument);
int clv_deliver_certificate(
    const uint8_t *der, size_t size, OSSL_CALLBACK *deliver, void *argument);

#endif
