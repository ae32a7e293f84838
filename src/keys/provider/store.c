/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * "claviger:KEY-URI" as OSSL_STORE opens it: a private key, and the
 * certificates that are stored with it.
 */

#include "keys/provider/provider.h"

#include <claviger/certificate.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/store.h>

#include "keys/provider/deliver.h"

struct store {
	const struct clv_provider *provider;
	char *uri;
	struct clv_pkey *pkey; /* NULL until something was asked for */
	/* What the program still wants and we may have. */
	bool key, certificates;
	uint8_t *chain; /* DER, one after the other */
	size_t chain_size, chain_at;
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
	store->key = store->certificates = true;
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
	store->key = expected == 0 || expected == OSSL_STORE_INFO_PKEY ||
	    expected == OSSL_STORE_INFO_PUBKEY;
	store->certificates = expected == 0 || expected == OSSL_STORE_INFO_CERT;
	return 1;
}

/* That there are none is no failure: what then is missing, the program says
 * best. */
static void
read_chain(struct store *store)
{
	if (clv_key_read_certificates(store->pkey->key, &store->chain,
		&store->chain_size, NULL) != CLV_OK)
		store->certificates = false;
}

static bool
open_key(
    struct store *store, OSSL_PASSPHRASE_CALLBACK *passphrase, void *argument)
{
	store->pkey =
	    clv_deliver_open(store->provider, store->uri, passphrase, argument);
	if (store->pkey == NULL)
		return false;
	if (store->certificates)
		read_chain(store);
	return true;
}

/* The size of the DER element at the front, 0 if there is none. */
static size_t
element_size(const uint8_t *der, size_t size)
{
	const unsigned char *content = der;
	long length = 0;
	int tag = 0, class = 0;

	if (size > LONG_MAX ||
	    (ASN1_get_object(&content, &length, &tag, &class, (long)size) &
		0x80) != 0)
		return 0;
	return (size_t)(content - der) + (size_t)length;
}

static int
deliver_certificate(struct store *store, OSSL_CALLBACK *deliver, void *argument)
{
	const uint8_t *der = store->chain + store->chain_at;
	const size_t size =
	    element_size(der, store->chain_size - store->chain_at);

	store->chain_at += size;
	if (size == 0 || store->chain_at == store->chain_size)
		store->certificates = false;
	return size > 0 &&
	    clv_deliver_certificate(der, size, deliver, argument);
}

static int
store_load(void *context, OSSL_CALLBACK *deliver, void *argument,
    OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument)
{
	struct store *store = context;

	if (store->pkey == NULL &&
	    !open_key(store, passphrase, passphrase_argument)) {
		store->key = store->certificates = false;
		return 0;
	}
	if (store->key) {
		store->key = false;
		return clv_deliver_key(store->pkey, deliver, argument);
	}
	return store->certificates &&
	    deliver_certificate(store, deliver, argument) == 1;
}

static int
store_eof(void *context)
{
	const struct store *store = context;

	return !store->key && !store->certificates;
}

static int
store_close(void *context)
{
	struct store *store = context;

	clv_pkey_free(&store->pkey);
	clv_free(store->chain);
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
