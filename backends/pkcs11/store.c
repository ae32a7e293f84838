/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "store.h"

#include <stdlib.h>

static clv_status
load_module(struct p11_store *store, clv_error **err)
{
	const struct p11_selector *selector = &store->selector;
	char *path = NULL;
	clv_status status = CLV_OK;

	if (selector->module_path != NULL)
		return clv_p11_module_open(
		    selector->module_path, &store->module, err);
	status = clv_p11_module_find(selector->module_name, &path, err);
	if (status == CLV_OK)
		status = clv_p11_module_open(path, &store->module, err);
	free(path);
	return status;
}

static clv_status
no_token(const struct p11_store *store, size_t there, clv_error **err)
{
	if (there == 0)
		return clv_error_raise(err, CLV_DEVICE_GONE,
		    &(struct clv_error_info){.operation = "open store",
			.subject = clv_uri_redacted(store->uri),
			.remedy = "put the token in, or check its reader and "
				  "connection",
			.retryable = true},
		    "there is no token");
	return clv_error_raise(err, CLV_DEVICE_GONE,
	    &(struct clv_error_info){.operation = "open store",
		.subject = clv_uri_redacted(store->uri),
		.remedy = "put the right token in; \"p11-kit list-modules\" "
			  "or pkcs11-tool -L show what is there",
		.retryable = true},
	    "none of the tokens that are there fits (%zu)", there);
}

static clv_status
choose_place(struct p11_store *store, const struct p11_place *places,
    size_t count, const struct p11_place **chosen, clv_error **err)
{
	*chosen = NULL;
	for (size_t i = 0; i < count; i++) {
		if (!places[i].initialised ||
		    !clv_p11_selector_fits(&store->selector, &places[i]))
			continue;
		if (*chosen != NULL)
			return clv_error_raise(err, CLV_AMBIGUOUS,
			    &(struct clv_error_info){.operation = "open store",
				.subject = clv_uri_redacted(store->uri),
				.remedy = "add token= or serial= to the URI"},
			    "more than one token fits");
		*chosen = &places[i];
	}
	return *chosen != NULL ? CLV_OK : no_token(store, count, err);
}

static clv_status
find_token(struct p11_store *store, clv_error **err)
{
	const struct p11_place *chosen;
	struct p11_place *places = NULL;
	size_t count = 0;
	clv_status status;
	CK_RV rv = clv_p11_places_find(store->module, &places, &count);

	if (clv_p11_fault(rv) == P11_FAULT_MODULE) {
		/* A connection that died while nobody looked. */
		if (clv_p11_module_restart(
			store->module, store->module->starts) == CKR_OK)
			rv =
			    clv_p11_places_find(store->module, &places, &count);
	}
	if (rv != CKR_OK)
		return clv_p11_raise(
		    rv, "open store", clv_uri_redacted(store->uri), err);
	status = choose_place(store, places, count, &chosen, err);
	if (status == CLV_OK) {
		rv = clv_p11_token_open(store->module, chosen, &store->token);
		if (rv != CKR_OK)
			status = clv_p11_raise(rv, "open store",
			    clv_uri_redacted(store->uri), err);
	}
	free(places);
	return status;
}

/* A slot that says it is in hardware; SoftHSM's keys are files. */
static void
find_capabilities(struct p11_store *store)
{
	struct p11_visit visit;
	CK_SLOT_INFO info = {0};

	if (clv_p11_module_enter(store->module, &visit) != CKR_OK)
		return;
	clv_p11_gate_unlock(&store->module->gate);
	if (store->module->f->C_GetSlotInfo(
		atomic_load(&store->token->slot), &info) == CKR_OK &&
	    (info.flags & CKF_HW_SLOT) != 0)
		store->capabilities |= CLV_STORE_HARDWARE;
	clv_p11_module_leave(store->module, &visit);
}

static clv_status
check_module(const struct p11_store *store, clv_error **err)
{
	if (clv_p11_selector_fits_module(
		&store->selector, &store->module->info))
		return CLV_OK;
	return clv_error_raise(err, CLV_NOT_FOUND,
	    &(struct clv_error_info){.operation = "open store",
		.subject = clv_uri_redacted(store->uri)},
	    "the module is not the one that library-... describes");
}

clv_status
clv_p11_store_open(clv_host *host, const clv_uri *uri, bool of_key, void **out,
    clv_error **err)
{
	struct p11_store *store = calloc(1, sizeof(*store));
	clv_status status;

	*out = NULL;
	if (store == NULL)
		return clv_p11_no_memory("open store", err);
	store->host = host;
	if ((status = clv_uri_parse(clv_uri_text(uri), &store->uri, err)) !=
		CLV_OK ||
	    (status = clv_p11_selector_read(
		 store->uri, of_key, &store->selector, err)) != CLV_OK ||
	    (status = load_module(store, err)) != CLV_OK ||
	    (status = check_module(store, err)) != CLV_OK)
		goto out;
	if (store->selector.serialise)
		clv_p11_module_serialise(store->module);
	status = find_token(store, err);
	if (status != CLV_OK)
		goto out;
	find_capabilities(store);
	*out = store;
	store = NULL; /* transferred */
out:
	clv_p11_store_close(store);
	return status;
}

void
clv_p11_store_close(void *opaque)
{
	struct p11_store *store = opaque;

	if (store == NULL)
		return;
	clv_p11_token_close(&store->token);
	clv_p11_module_close(&store->module);
	clv_uri_free(&store->uri);
	free(store);
}

unsigned
clv_p11_store_capabilities(void *opaque)
{
	const struct p11_store *store = opaque;

	return store->capabilities;
}
