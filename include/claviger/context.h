/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * The context: what all stores and keys of an application share.
 *
 * A context holds the backends, the log, the ways to ask for secrets and the
 * path guard's settings. Set it up on one thread, then use it from any. It
 * lives until clv_context_free() and the last store and key made from it are
 * gone. Two contexts share nothing but what a device makes them share (a
 * PKCS#11 module is initialised once per process).
 */
#ifndef CLAVIGER_CONTEXT_H
#define CLAVIGER_CONTEXT_H

#include <claviger/ask.h>
#include <claviger/guard.h>
#include <claviger/log.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clv_context clv_context;
struct clv_backend;

/**
 * Makes a context with the built-in backends, no log, no source of secrets
 * and a guard that trusts root and the effective user.
 * @return CLV_NO_MEMORY
 */
CLV_API clv_status clv_context_new(clv_context **out, clv_error **err);
/** Gives the context up and clears the pointer. Accepts NULL. */
CLV_API void clv_context_free(clv_context **context);

/*
 * Setting up: before the first store is opened, on one thread.
 */

/** Sends messages up to `level` to `fn`; NULL sends none. */
CLV_API void clv_context_set_log(
    clv_context *context, clv_log_level level, clv_log_fn *fn, void *user);

/** Asks `fn` for PINs and passwords that no source has; NULL asks nobody. */
CLV_API void clv_context_set_ask(
    clv_context *context, clv_ask_fn *fn, void *user);

/**
 * Adds a source of secrets (see ask.h); sources are asked in this order.
 * @return CLV_INVALID for an unknown kind of source
 */
CLV_API clv_status clv_context_add_secret_source(
    clv_context *context, const char *source, clv_error **err);
/** Adds a source for secrets that are being set (::CLV_ASK_NEW_PASSWORD,
 * ::CLV_ASK_NEW_KEY_AUTH); without one, those above serve. */
CLV_API clv_status clv_context_add_new_secret_source(
    clv_context *context, const char *source, clv_error **err);

/** Takes over guard settings (administrators and so on): the context owns
 * `*guard` from now on, and the pointer is cleared. */
CLV_API void clv_context_set_guard(clv_context *context, clv_guard **guard);

/**
 * Adds a backend made outside the library. `backend` must stay valid as long
 * as the context. See backend.h.
 * @return CLV_INVALID if its API version or a required method is wrong,
 *         CLV_EXISTS if the scheme is taken
 */
CLV_API clv_status clv_context_add_backend(
    clv_context *context, const struct clv_backend *backend, clv_error **err);

/*
 * Looking: any thread.
 */

/** The scheme of backend `index`, such as "file"; NULL past the end. */
CLV_API const char *clv_context_scheme(
    const clv_context *context, size_t index);
/** The guard in force. Borrowed. */
CLV_API const clv_guard *clv_context_guard(const clv_context *context);

#ifdef __cplusplus
}
#endif

#endif
