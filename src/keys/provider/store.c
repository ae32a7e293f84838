/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * "claviger:KEY-URI" as OSSL_STORE opens it: one private key.
 */

#include "keys/provider/provider.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/store.h>

#include "keys/provider/deliver.h"

struct store {
	const struct clv_provider *provider;
	char *uri;
	bool unwanted; /* the program wants something else than a key */
	bool done;
};

static void *
store_open(void *provider, const char *uri)
{
	static const char scheme[] = CLV_PROVIDER_NAME ":";
	struct store *store;

	if (strncasecmp(uri, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	store = calloc(1, sizeof(*store));
	if (store == NULL)
		return NULL;
	store->provider = provider;
	store->uri = strdup(uri + sizeof(scheme) - 1);
	if (store->uri != NULL)
		return store;
	free(store);
	return NULL;
}

static const OSSL_PARAM *
store_settable(void *provider)
{
	static const OSSL_PARAM params[] = {
	    OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL), OSSL_PARAM_END};

	(void)provider;
	return params;
}

static int
store_set_params(void *context, const OSSL_PARAM params[])
{
	struct store *store = context;
	const OSSL_PARAM *param =
	    OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);
	int expected = 0;

	if (param == NULL)
		return 1;
	if (OSSL_PARAM_get_int(param, &expected) != 1)
		return 0;
	store->unwanted = expected != 0 && expected != OSSL_STORE_INFO_PKEY &&
	    expected != OSSL_STORE_INFO_PUBKEY;
	return 1;
}

static int
store_load(void *context, OSSL_CALLBACK *deliver, void *argument,
    OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument)
{
	struct store *store = context;

	store->done = true;
	if (store->unwanted)
		return 0;
	return clv_deliver_key(store->provider, store->uri, deliver, argument,
	    passphrase, passphrase_argument);
}

static int
store_eof(void *context)
{
	const struct store *store = context;

	return store->done || store->unwanted;
}

static int
store_close(void *context)
{
	struct store *store = context;

	free(store->uri);
	free(store);
	return 1;
}

#define FUNCTION(name, function)                 \
	{                                        \
		name, (void (*)(void))(function) \
	}

const OSSL_DISPATCH clv_store_loader[] = {
    FUNCTION(OSSL_FUNC_STORE_OPEN, store_open),
    FUNCTION(OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, store_settable),
    FUNCTION(OSSL_FUNC_STORE_SET_CTX_PARAMS, store_set_params),
    FUNCTION(OSSL_FUNC_STORE_LOAD, store_load),
    FUNCTION(OSSL_FUNC_STORE_EOF, store_eof),
    FUNCTION(OSSL_FUNC_STORE_CLOSE, store_close), {0, NULL}};
