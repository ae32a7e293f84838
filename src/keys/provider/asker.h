/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Opens keys for programs that load the module: in a context of their own,
 * which gets PINs and passwords from the sources that openssl.cnf names and
 * then from the program's passphrase callback.
 */
#ifndef CLV_KEYS_PROVIDER_ASKER_H
#define CLV_KEYS_PROVIDER_ASKER_H

#include "keys/provider/provider.h"

/* The way to the callback. It has to stay as long as the key does, because a
 * key may want its PIN again. */
struct clv_asker;

/*
 * Opens the key that `uri` names. `passphrase` may be NULL and is not called
 * after the function has returned. Free the asker after the key.
 */
clv_status clv_asker_open_key(const struct clv_provider *provider,
    const char *uri, OSSL_PASSPHRASE_CALLBACK *passphrase, void *argument,
    clv_key **key, struct clv_asker **asker, clv_error **err);
void clv_asker_free(struct clv_asker **asker);

#endif
