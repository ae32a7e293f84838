/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include <claviger/openssl.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "keys/key.h"
#include "keys/provider/evp.h"
#include "keys/provider/provider.h"

static const char *
type_name(const clv_key *key)
{
	return clv_algorithm_describe(key->algorithm)->openssl;
}

static clv_status
fail(const clv_key *key, clv_error **err)
{
	const unsigned long code = ERR_peek_last_error();
	const clv_status status = clv_error_raise(err, CLV_INTERNAL,
	    &(struct clv_error_info){.operation = "make EVP_PKEY",
		.subject = clv_key_uri(key),
		.domain = CLV_DOMAIN_OPENSSL,
		.code = (int64_t)code},
	    "OpenSSL refuses");

	return status;
}

clv_status
clv_key_evp(clv_key *key, EVP_PKEY **out, clv_error **err)
{
	OSSL_LIB_CTX *home = clv_provider_home();
	void *handle = key;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_octet_ptr(CLV_EVP_PARAM_KEY, &handle, 0),
	    OSSL_PARAM_construct_end()};
	EVP_PKEY_CTX *context = NULL;
	clv_status status = CLV_OK;

	*out = NULL;
	(void)ERR_set_mark();
	/* Without a library context this would be the program's own. */
	if (home != NULL)
		context = EVP_PKEY_CTX_new_from_name(
		    home, type_name(key), CLV_PROPERTIES_OWN);
	if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, out, EVP_PKEY_KEYPAIR, params) != 1)
		status = fail(key, err);
	(void)ERR_pop_to_mark();
	EVP_PKEY_CTX_free(context);
	return status;
}
