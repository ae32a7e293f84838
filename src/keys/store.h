/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_KEYS_STORE_H
#define CLV_KEYS_STORE_H

#include <claviger/backend.h>
#include <claviger/key.h>

#include <stdatomic.h>

#include "keys/context.h"

struct clv_store {
	atomic_size_t references;
	clv_context *context;
	struct clv_host host;
	const struct clv_backend *backend;
	void *handle;
	clv_uri *uri;
};

/* Opens the store that `*uri` names or (of_key) the one its key lives in.
 * On success the store owns `*uri`. */
clv_status clv_store_open_uri(clv_context *context, clv_uri **uri, bool of_key,
    clv_store **out, clv_error **err);

clv_context *clv_store_context(const clv_store *store);

/* Raises CLV_UNSUPPORTED for something that such stores can't do. */
clv_status clv_store_unsupported(
    const clv_store *store, const char *operation, clv_error **err);

#endif
