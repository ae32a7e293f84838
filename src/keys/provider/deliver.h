/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Handing keys to OpenSSL where it asked for what a name stands for. */
#ifndef CLV_KEYS_PROVIDER_DELIVER_H
#define CLV_KEYS_PROVIDER_DELIVER_H

#include "keys/provider/provider.h"

/*
 * Opens the key that `uri` names and gives it to `deliver`. 1 for done; else
 * there is an entry on the error queue, unless `deliver` made none.
 */
int clv_deliver_key(const struct clv_provider *provider, const char *uri,
    OSSL_CALLBACK *deliver, void *argument,
    OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument);

#endif
