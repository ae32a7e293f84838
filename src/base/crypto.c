/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/crypto.h"

#include <stdatomic.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>

static _Atomic(OSSL_LIB_CTX *) shared;

/* The provider is built into libcrypto, so neither files nor environment
 * have a say; it stays loaded as long as the context. */
static OSSL_LIB_CTX *
context_new(void)
{
	OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();

	if (context != NULL && OSSL_PROVIDER_load(context, "default") == NULL) {
		OSSL_LIB_CTX_free(context);
		context = NULL;
	}
	return context;
}

OSSL_LIB_CTX *
clv_crypto_context(void)
{
	OSSL_LIB_CTX *context = atomic_load(&shared);
	OSSL_LIB_CTX *winner = NULL;

	if (context != NULL)
		return context;
	context = context_new();
	if (context == NULL)
		return NULL;
	if (atomic_compare_exchange_strong(&shared, &winner, context))
		return context;
	OSSL_LIB_CTX_free(context); /* another thread was faster */
	return winner;
}

clv_status
clv_crypto_raise(clv_error **err, clv_status status, const char *operation,
    const char *reason)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = operation,
		.domain = CLV_DOMAIN_OPENSSL,
		.code = (int64_t)ERR_peek_last_error()},
	    "%s", reason);
}
