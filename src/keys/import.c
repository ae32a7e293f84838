/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Storing keys that were made elsewhere. */

#include "base/pkcs8.h"
#include "keys/key.h"

struct import {
	clv_store *store;
};

static clv_status
ask_import_password(
    void *user, unsigned attempt, clv_secret *password, clv_error **err)
{
	struct import *import = user;
	const struct clv_ask_request request = {.purpose = CLV_ASK_PASSWORD,
	    .label = "the key to import",
	    .attempt = attempt,
	    .tries_left = -1,
	    .flags = attempt > 1 ? CLV_ASK_RETRY : 0};

	return clv_host_ask(
	    &import->store->host, NULL, &request, password, err);
}

clv_status
clv_key_import(clv_store *store, const clv_secret *pem_or_der,
    const clv_key_options *options, clv_key **out, clv_error **err)
{
	struct import import = {.store = store};
	struct clv_pkcs8_facts facts = {0};
	clv_secret pkcs8 = CLV_SECRET_INIT;
	clv_status status;

	*out = NULL;
	if (store->backend->key_import == NULL)
		return clv_store_unsupported(store, "import key", err);
	status = clv_pkcs8_read(
	    pem_or_der, ask_import_password, &import, &pkcs8, &facts, err);
	if (status == CLV_OK)
		status = clv_key_make(
		    store, facts.algorithm, options, &pkcs8, out, err);
	clv_secret_clear(&pkcs8);
	return status;
}
