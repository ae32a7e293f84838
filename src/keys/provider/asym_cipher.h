/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_KEYS_PROVIDER_ASYM_CIPHER_H
#define CLV_KEYS_PROVIDER_ASYM_CIPHER_H

#include "keys/provider/delegate.h"
#include "keys/provider/digest.h"

/* A decryption or encryption under way. */
struct clv_cipher {
	const struct clv_provider *provider;
	struct clv_pkey *pkey;
	/* Whether `delegate` does it; what follows is then not used. */
	bool delegated;
	struct clv_delegate delegate;

	int padding; /* OpenSSL's number */
	clv_hash hash;
	clv_hash mgf1_hash; /* NONE: the same as `hash` */
	unsigned client_version, negotiated_version; /* of TLS */
};

/* asym_cipher_params.c */
OSSL_FUNC_asym_cipher_get_ctx_params_fn clv_cipher_get_params;
OSSL_FUNC_asym_cipher_gettable_ctx_params_fn clv_cipher_gettable;
OSSL_FUNC_asym_cipher_set_ctx_params_fn clv_cipher_set_params;
OSSL_FUNC_asym_cipher_settable_ctx_params_fn clv_cipher_settable;

#endif
