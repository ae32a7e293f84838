/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_KEYS_PROVIDER_EVP_H
#define CLV_KEYS_PROVIDER_EVP_H

/* The parameter, an octet pointer to the clv_key, that clv_key_evp() imports
 * a key with. */
#define CLV_EVP_PARAM_KEY "claviger-key"

#endif
