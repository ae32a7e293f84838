/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Making, finding and destroying keys. */

#include <stdlib.h>
#include <string.h>

#include "keys/key.h"
#include "keys/options.h"

/* How often another label is made up before giving in. */
#define LABEL_TURNS 100U

clv_status
clv_key_make(clv_store *store, clv_algorithm algorithm,
    const clv_key_options *options, const clv_secret *pkcs8, clv_key **out,
    clv_error **err)
{
	const struct clv_backend *backend = store->backend;
	char room[CLV_LABEL_ROOM];
	struct clv_key_spec spec;
	void *handle = NULL;
	clv_status status = CLV_EXISTS;

	for (unsigned turn = 0; turn < LABEL_TURNS; turn++) {
		clv_error_free(err);
		status = clv_key_options_spec(
		    options, backend, algorithm, turn, room, &spec, err);
		if (status != CLV_OK)
			return status;
		status = pkcs8 != NULL
		    ? backend->key_import(
			  store->handle, &spec, pkcs8, &handle, err)
		    : backend->key_generate(store->handle, &spec, &handle, err);
		if (status != CLV_EXISTS || spec.label_given)
			break;
	}
	if (status != CLV_OK)
		return status;
	return clv_key_wrap(store, handle, out, err);
}

clv_status
clv_key_generate(clv_store *store, clv_algorithm algorithm,
    const clv_key_options *options, clv_key **out, clv_error **err)
{
	*out = NULL;
	if (store->backend->key_generate == NULL)
		return clv_store_unsupported(store, "generate key", err);
	if (algorithm == CLV_RSA_OTHER ||
	    clv_algorithm_describe(algorithm) == NULL)
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "generate key",
			.subject = clv_store_uri(store)},
		    "unknown algorithm");
	return clv_key_make(store, algorithm, options, NULL, out, err);
}

static clv_status
open_uri(clv_store *store, const clv_uri *uri, clv_key **out, clv_error **err)
{
	void *handle = NULL;
	const clv_status status =
	    store->backend->key_open(store->handle, uri, &handle, err);

	if (status != CLV_OK)
		return status;
	return clv_key_wrap(store, handle, out, err);
}

clv_status
clv_key_open_in(
    clv_store *store, const char *text, clv_key **out, clv_error **err)
{
	clv_uri *uri = NULL;
	clv_status status;

	*out = NULL;
	status = clv_uri_parse(text, &uri, err);
	if (status == CLV_OK &&
	    strcmp(clv_uri_scheme(uri), store->backend->scheme) != 0)
		status = clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "open key",
			.subject = clv_uri_redacted(uri)},
		    "the store is a \"%s:\" store", store->backend->scheme);
	if (status == CLV_OK)
		status = open_uri(store, uri, out, err);
	clv_uri_free(&uri);
	return status;
}

typedef clv_status uri_method(void *store, const clv_uri *uri, clv_error **err);

/* Opens the store of the key that `text` names. */
static clv_status
open_store_of(
    clv_context *context, const char *text, clv_store **store, clv_error **err)
{
	clv_uri *uri = NULL;
	clv_status status = clv_uri_parse(text, &uri, err);

	if (status == CLV_OK)
		status = clv_store_open_uri(context, &uri, true, store, err);
	clv_uri_free(&uri);
	return status;
}

static clv_status
call(clv_store *store, uri_method *method, const char *operation,
    clv_error **err)
{
	if (method == NULL)
		return clv_store_unsupported(store, operation, err);
	return method(store->handle, store->uri, err);
}

clv_status
clv_key_delete(clv_context *context, const char *uri, clv_error **err)
{
	clv_store *store = NULL;
	clv_status status = open_store_of(context, uri, &store, err);

	if (status == CLV_OK)
		status =
		    call(store, store->backend->key_delete, "delete key", err);
	clv_store_free(&store);
	return status;
}

clv_status
clv_key_change_secret(clv_context *context, const char *uri, clv_error **err)
{
	clv_store *store = NULL;
	clv_status status = open_store_of(context, uri, &store, err);

	if (status == CLV_OK)
		status = call(store, store->backend->key_change_secret,
		    "change password", err);
	clv_store_free(&store);
	return status;
}

clv_status
clv_key_open(
    clv_context *context, const char *uri, clv_key **out, clv_error **err)
{
	clv_store *store = NULL;
	clv_status status = open_store_of(context, uri, &store, err);

	*out = NULL;
	if (status == CLV_OK)
		status = open_uri(store, store->uri, out, err);
	clv_store_free(&store);
	return status;
}
