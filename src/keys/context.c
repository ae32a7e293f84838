/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/context.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/crypto.h"
#include "base/secret_source.h"

static clv_status
openssl_failed(clv_error **err)
{
	const clv_status status = clv_error_raise(err, CLV_INTERNAL,
	    &(struct clv_error_info){.operation = "make context",
		.domain = CLV_DOMAIN_OPENSSL,
		.code = (int64_t)ERR_peek_last_error()},
	    "OpenSSL has no default provider with SHA-1 and SHA-2");

	ERR_clear_error();
	return status;
}

static clv_status
set_up_openssl(clv_context *context, clv_error **err)
{
	context->openssl = clv_crypto_context();
	if (context->openssl == NULL)
		return openssl_failed(err);
	for (int hash = CLV_HASH_SHA1; hash <= CLV_HASH_SHA512; hash++) {
		context->digests[hash] = EVP_MD_fetch(
		    context->openssl, clv_hash_name((clv_hash)hash), NULL);
		if (context->digests[hash] == NULL)
			return openssl_failed(err);
	}
	return CLV_OK;
}

static void
sources_destroy(struct clv_sources *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		free(sources->text[i]);
}

static void
context_destroy(clv_context *context)
{
	sources_destroy(&context->sources);
	sources_destroy(&context->new_sources);
	clv_guard_free(&context->guard);
	for (int hash = CLV_HASH_SHA1; hash <= CLV_HASH_SHA512; hash++)
		EVP_MD_free(context->digests[hash]);
	free(context);
}

static clv_status
add_builtin_backends(clv_context *context, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0; status == CLV_OK && clv_builtin_backends[i] != NULL;
	     i++)
		status = clv_context_add_backend(
		    context, clv_builtin_backends[i], err);
	return status;
}

clv_status
clv_context_new(clv_context **out, clv_error **err)
{
	clv_context *context = calloc(1, sizeof(*context));
	clv_status status;

	*out = NULL;
	if (context == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "make context"},
		    "out of memory");
	atomic_init(&context->references, 1);
	atomic_flag_clear(&context->told_unlocked);
	if ((status = clv_guard_new(&context->guard, err)) != CLV_OK ||
	    (status = set_up_openssl(context, err)) != CLV_OK ||
	    (status = add_builtin_backends(context, err)) != CLV_OK) {
		context_destroy(context);
		return status;
	}
	*out = context;
	return CLV_OK;
}

clv_context *
clv_context_ref(clv_context *context)
{
	(void)atomic_fetch_add(&context->references, 1);
	return context;
}

void
clv_context_free(clv_context **context)
{
	if (context == NULL || *context == NULL)
		return;
	if (atomic_fetch_sub(&(*context)->references, 1) == 1)
		context_destroy(*context);
	*context = NULL;
}

void
clv_context_set_log(
    clv_context *context, clv_log_level level, clv_log_fn *fn, void *user)
{
	context->logger =
	    (struct clv_logger){.fn = fn, .user = user, .level = level};
}

void
clv_context_set_ask(clv_context *context, clv_ask_fn *fn, void *user)
{
	context->ask = fn;
	context->ask_user = user;
}

static bool
is_backend_source(const clv_context *context, const char *source)
{
	const char *colon = strchr(source, ':');
	char scheme[32];
	const struct clv_backend *backend;

	if (colon == NULL || (size_t)(colon - source) >= sizeof(scheme))
		return false;
	memcpy(scheme, source, (size_t)(colon - source));
	scheme[colon - source] = '\0';
	backend = clv_context_backend(context, scheme);
	return backend != NULL && backend->unseal != NULL;
}

static clv_status
add_source(clv_context *context, struct clv_sources *sources,
    const char *source, clv_error **err)
{
	static const struct clv_error_info info = {
	    .operation = "add secret source",
	    .remedy = "use prompt, fd:N, cred:NAME, keyring:NAME, file:PATH or "
		      "tpm2:FILE"};

	if (source == NULL ||
	    (!clv_source_known(source) && !is_backend_source(context, source)))
		return clv_error_raise(
		    err, CLV_INVALID, &info, "unknown kind of source");
	if (sources->count == CLV_SOURCES_MAX)
		return clv_error_raise(err, CLV_TOO_LARGE, &info,
		    "more than %u sources", CLV_SOURCES_MAX);
	sources->text[sources->count] = strdup(source);
	if (sources->text[sources->count] == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, &info, "out of memory");
	sources->count++;
	return CLV_OK;
}

clv_status
clv_context_add_secret_source(
    clv_context *context, const char *source, clv_error **err)
{
	return add_source(context, &context->sources, source, err);
}

clv_status
clv_context_add_new_secret_source(
    clv_context *context, const char *source, clv_error **err)
{
	return add_source(context, &context->new_sources, source, err);
}

void
clv_context_set_guard(clv_context *context, clv_guard **guard)
{
	clv_guard_free(&context->guard);
	context->guard = *guard;
	*guard = NULL;
}

static const char *
missing_method(const struct clv_backend *backend)
{
	if (backend->scheme == NULL || backend->description == NULL)
		return "scheme or description";
	if (backend->store_open == NULL || backend->store_close == NULL)
		return "store_open or store_close";
	if (backend->key_list == NULL || backend->key_open == NULL ||
	    backend->key_close == NULL)
		return "key_list, key_open or key_close";
	if (backend->key_facts == NULL || backend->key_can == NULL ||
	    backend->key_sign == NULL)
		return "key_facts, key_can or key_sign";
	return NULL;
}

clv_status
clv_context_add_backend(
    clv_context *context, const struct clv_backend *backend, clv_error **err)
{
	static const struct clv_error_info info = {.operation = "add backend"};
	const char *missing;

	if (backend->api != CLV_BACKEND_API)
		return clv_error_raise(err, CLV_INVALID, &info,
		    "it was made for version %u of the backend API, this is %u",
		    backend->api, CLV_BACKEND_API);
	missing = missing_method(backend);
	if (missing != NULL)
		return clv_error_raise(err, CLV_INVALID, &info,
		    "it lacks what is required: %s", missing);
	if (clv_context_backend(context, backend->scheme) != NULL)
		return clv_error_raise(err, CLV_EXISTS, &info,
		    "scheme \"%s\" is taken", backend->scheme);
	if (context->backend_count == CLV_BACKENDS_MAX)
		return clv_error_raise(err, CLV_TOO_LARGE, &info,
		    "more than %u backends", CLV_BACKENDS_MAX);
	context->backends[context->backend_count++] = backend;
	return CLV_OK;
}

const struct clv_backend *
clv_context_backend(const clv_context *context, const char *scheme)
{
	for (size_t i = 0; i < context->backend_count; i++)
		if (strcmp(context->backends[i]->scheme, scheme) == 0)
			return context->backends[i];
	return NULL;
}

const char *
clv_context_scheme(const clv_context *context, size_t index)
{
	return index < context->backend_count ? context->backends[index]->scheme
					      : NULL;
}

const clv_guard *
clv_context_guard(const clv_context *context)
{
	return context->guard;
}
