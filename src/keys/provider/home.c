/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/provider/provider.h"

#include <pthread.h>

#include <openssl/crypto.h>
#include <openssl/provider.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(OSSL_LIB_CTX *) home;

static OSSL_LIB_CTX *
home_new(void)
{
	OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

	if (libctx == NULL)
		return NULL;
	if (OSSL_PROVIDER_add_builtin(
		libctx, CLV_PROVIDER_NAME, clv_provider_init_builtin) == 1 &&
	    OSSL_PROVIDER_load(libctx, "default") != NULL &&
	    OSSL_PROVIDER_load(libctx, CLV_PROVIDER_NAME) != NULL)
		return libctx;
	OSSL_LIB_CTX_free(libctx);
	return NULL;
}

OSSL_LIB_CTX *
clv_provider_home(void)
{
	OSSL_LIB_CTX *libctx = atomic_load(&home);

	if (libctx != NULL)
		return libctx;
	(void)pthread_mutex_lock(&lock);
	libctx = atomic_load(&home);
	if (libctx == NULL) {
		libctx = home_new();
		atomic_store(&home, libctx);
	}
	(void)pthread_mutex_unlock(&lock);
	return libctx;
}
