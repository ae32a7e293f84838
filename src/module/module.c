/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* claviger.so, as OpenSSL loads it; all there is to it is in the library. */

#include <claviger/openssl.h>

#include <openssl/core.h>

CLV_API OSSL_provider_init_fn OSSL_provider_init;

int
OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **context)
{
	return clv_provider_init(handle, in, out, context);
}
