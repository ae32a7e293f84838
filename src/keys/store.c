/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/store.h"

#include <stdlib.h>

static clv_status
find_backend(const clv_context *context, const clv_uri *uri,
    const struct clv_backend **out, clv_error **err)
{
	*out = clv_context_backend(context, clv_uri_scheme(uri));
	if (*out != NULL)
		return CLV_OK;
	return clv_error_raise(err, CLV_UNSUPPORTED,
	    &(struct clv_error_info){.operation = "open store",
		.subject = clv_uri_redacted(uri),
		.remedy = "use one of file:, pem:, pkcs11:, tpm2:, or build "
			  "the library with that backend"},
	    "no backend for \"%s:\"", clv_uri_scheme(uri));
}

clv_status
clv_store_open_uri(clv_context *context, clv_uri **uri, bool of_key,
    clv_store **out, clv_error **err)
{
	const struct clv_backend *backend;
	clv_store *store;
	clv_status status = find_backend(context, *uri, &backend, err);

	*out = NULL;
	if (status != CLV_OK)
		return status;
	store = calloc(1, sizeof(*store));
	if (store == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "open store"},
		    "out of memory");
	atomic_init(&store->references, 1);
	store->context = clv_context_ref(context);
	store->host.context = context;
	store->backend = backend;
	status = backend->store_open(
	    &store->host, *uri, of_key, &store->handle, err);
	if (status != CLV_OK) {
		clv_context_free(&store->context);
		free(store);
		return status;
	}
	store->uri = *uri;
	*uri = NULL; /* transferred */
	*out = store;
	return CLV_OK;
}

clv_status
clv_store_open(
    clv_context *context, const char *text, clv_store **out, clv_error **err)
{
	clv_uri *uri = NULL;
	clv_status status;

	*out = NULL;
	status = clv_uri_parse(text, &uri, err);
	if (status == CLV_OK)
		status = clv_store_open_uri(context, &uri, false, out, err);
	clv_uri_free(&uri);
	return status;
}

clv_store *
clv_store_ref(clv_store *store)
{
	(void)atomic_fetch_add(&store->references, 1);
	return store;
}

void
clv_store_free(clv_store **store)
{
	clv_store *last;

	if (store == NULL || *store == NULL)
		return;
	last = *store;
	*store = NULL;
	if (atomic_fetch_sub(&last->references, 1) != 1)
		return;
	last->backend->store_close(last->handle);
	clv_uri_free(&last->uri);
	clv_context_free(&last->context);
	free(last);
}

const char *
clv_store_uri(const clv_store *store)
{
	return clv_uri_redacted(store->uri);
}

unsigned
clv_store_capabilities(const clv_store *store)
{
	const struct clv_backend *backend = store->backend;
	unsigned capabilities = backend->capabilities;

	if (backend->store_capabilities != NULL)
		capabilities |= backend->store_capabilities(store->handle);
	return capabilities;
}

clv_context *
clv_store_context(const clv_store *store)
{
	return store->context;
}

clv_status
clv_store_unsupported(
    const clv_store *store, const char *operation, clv_error **err)
{
	return clv_error_raise(err, CLV_UNSUPPORTED,
	    &(struct clv_error_info){
		.operation = operation, .subject = clv_store_uri(store)},
	    "\"%s:\" stores can't do that", store->backend->scheme);
}
