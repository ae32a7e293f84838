/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_KEYS_CONTEXT_H
#define CLV_KEYS_CONTEXT_H

#include <claviger/backend.h>
#include <claviger/context.h>

#include <stdatomic.h>

#include <openssl/types.h>

#include "base/log.h"

#define CLV_BACKENDS_MAX 16U
#define CLV_SOURCES_MAX 8U

struct clv_sources {
	char *text[CLV_SOURCES_MAX];
	size_t count;
};

struct clv_context {
	atomic_size_t references;
	struct clv_logger logger;
	clv_ask_fn *ask;
	void *ask_user;
	struct clv_sources sources;     /* of secrets that exist */
	struct clv_sources new_sources; /* of those to be set; or the above */
	clv_guard *guard;
	const struct clv_backend *backends[CLV_BACKENDS_MAX];
	size_t backend_count;
	atomic_flag told_unlocked; /* that secrets can't be locked */

	/* clv_crypto_context(), in which algorithms are looked up once. */
	OSSL_LIB_CTX *openssl;
	EVP_MD *digests[CLV_HASH_SHA512 + 1];
};

clv_context *clv_context_ref(clv_context *context);

/* NULL if there is none. */
const struct clv_backend *clv_context_backend(
    const clv_context *context, const char *scheme);

/* The backends that are built in (registry.c). NULL at the end. */
extern const struct clv_backend *const clv_builtin_backends[];

/* What a backend sees of the context; one per open store. */
struct clv_host {
	clv_context *context;
	/* Turns whose source had nothing when it was asked last (ask.c). */
	atomic_uint nothing;
};

#endif
