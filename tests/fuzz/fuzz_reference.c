/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* PEM files that lead to a key, as OpenSSL hands them to the provider. A
 * public key is asked for, so that no reference is followed. */

#include <claviger/openssl.h>

#include <stdlib.h>

#include <openssl/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static OSSL_LIB_CTX *
load(void)
{
	OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

	if (OSSL_PROVIDER_add_builtin(libctx, "claviger", clv_provider_init) !=
		1 ||
	    OSSL_PROVIDER_load(libctx, "claviger") == NULL ||
	    OSSL_PROVIDER_load(libctx, "default") == NULL)
		abort();
	return libctx;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static OSSL_LIB_CTX *libctx;
	BIO *pem;
	EVP_PKEY *key;

	if (libctx == NULL)
		libctx = load();
	if (size > 65536)
		return -1;
	pem = BIO_new_mem_buf(bytes, (int)size);
	key = PEM_read_bio_PUBKEY_ex(pem, NULL, NULL, NULL, libctx, NULL);
	EVP_PKEY_free(key);
	BIO_free(pem);
	ERR_clear_error();
	return 0;
}
