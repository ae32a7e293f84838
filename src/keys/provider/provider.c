/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The provider as OpenSSL sees it: who it is, what it offers, how it fails. */

#include "keys/provider/provider.h"

#include <claviger/openssl.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "keys/key.h"

/* openssl.cnf, section of the provider: sources of secrets (see ask.h),
 * separated by spaces or commas. */
#define PARAM_SECRET_SOURCE "secret-source"

int
clv_provider_fail(const struct clv_provider *provider, clv_status status,
    const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	provider->new_error(provider->handle);
	provider->set_error_debug(provider->handle, NULL, 0, CLV_PROVIDER_NAME);
	provider->vset_error(
	    provider->handle, (uint32_t)-status, format, arguments);
	va_end(arguments);
	return 0;
}

/* Where this thread wants an error itself. */
static _Thread_local clv_error **caught;

void
clv_provider_catch(clv_error **reason)
{
	caught = reason;
}

int
clv_provider_fail_with(
    const struct clv_provider *provider, const clv_key *key, clv_error **err)
{
	const clv_status status = clv_error_status(*err);
	const char *remedy = clv_error_remedy(*err);
	const bool wanted = caught != NULL && *caught == NULL;

	if (key != NULL && remedy != NULL && !wanted)
		clv_log_line(&key->store->context->logger, CLV_LOG_ERROR,
		    "%s; fix: %s", clv_error_message(*err), remedy);
	if (key == NULL && remedy != NULL)
		(void)clv_provider_fail(provider, status, "%s; fix: %s",
		    clv_error_message(*err), remedy);
	else
		(void)clv_provider_fail(
		    provider, status, "%s", clv_error_message(*err));
	if (wanted) {
		*caught = *err;
		*err = NULL; /* transferred */
	}
	clv_error_free(err);
	return 0;
}

/* Reasons are the classes of failure with their sign turned. */
static const OSSL_ITEM reasons[] = {
#define REASON(status, text)                                   \
	{                                                      \
		(unsigned)-(status), (void *)(uintptr_t)(text) \
	}
    REASON(CLV_INVALID, "invalid argument"), REASON(CLV_NOT_FOUND, "not found"),
    REASON(CLV_AMBIGUOUS, "more than one object fits"),
    REASON(CLV_EXISTS, "exists already"),
    REASON(CLV_AUTH, "pin or password missing or wrong"),
    REASON(CLV_AUTH_LAST_TRY, "only one try is left"),
    REASON(CLV_LOCKED, "locked"), REASON(CLV_BUSY, "busy"),
    REASON(CLV_DEVICE_GONE, "device gone"),
    REASON(CLV_PERMISSION, "permission denied"),
    REASON(CLV_POLICY, "refused by policy"),
    REASON(CLV_UNSUPPORTED, "not supported"),
    REASON(CLV_CHANGED, "object changed"), REASON(CLV_CORRUPT, "corrupt"),
    REASON(CLV_IO, "input or output error"), REASON(CLV_TIMEOUT, "timeout"),
    REASON(CLV_CANCELLED, "cancelled"), REASON(CLV_NO_MEMORY, "out of memory"),
    REASON(CLV_TOO_LARGE, "too large"), REASON(CLV_DEFERRED, "answer deferred"),
    REASON(CLV_CRYPTO, "cryptographic operation failed"),
    REASON(CLV_UNTRUSTED, "not trusted"),
    REASON(CLV_INTERNAL, "internal error"),
#undef REASON
    {0, NULL}};

#define NAMES_RSA "RSA:rsaEncryption:1.2.840.113549.1.1.1"
#define NAMES_EC "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define NAMES_ED25519 "ED25519:1.3.101.112"
#define NAMES_ED448 "ED448:1.3.101.113"

#define OFFER(names, functions)                            \
	{                                                  \
		names, CLV_PROPERTIES_OWN, functions, NULL \
	}
#define END                            \
	{                              \
		NULL, NULL, NULL, NULL \
	}

static const OSSL_ALGORITHM keys_builtin[] = {OFFER(NAMES_RSA, clv_keymgmt_rsa),
    OFFER(NAMES_EC, clv_keymgmt_ec), OFFER(NAMES_ED25519, clv_keymgmt_ed25519),
    OFFER(NAMES_ED448, clv_keymgmt_ed448), END};

static const OSSL_ALGORITHM signatures_builtin[] = {
    OFFER(NAMES_RSA, clv_signature_rsa), OFFER("ECDSA", clv_signature_ecdsa),
    OFFER(NAMES_ED25519, clv_signature_eddsa),
    OFFER(NAMES_ED448, clv_signature_eddsa), END};

static const OSSL_ALGORITHM ciphers_builtin[] = {
    OFFER(NAMES_RSA, clv_asym_cipher_rsa), END};

static const OSSL_ALGORITHM keys_loadable[] = {
    OFFER(NAMES_RSA, clv_keymgmt_rsa_loadable),
    OFFER(NAMES_EC, clv_keymgmt_ec_loadable),
    OFFER(NAMES_ED25519, clv_keymgmt_ed25519_loadable),
    OFFER(NAMES_ED448, clv_keymgmt_ed448_loadable), END};

static const OSSL_ALGORITHM signatures_loadable[] = {
    OFFER("CLAVIGER-RSA", clv_signature_rsa),
    OFFER("CLAVIGER-ECDSA", clv_signature_ecdsa),
    OFFER("CLAVIGER-ED25519", clv_signature_eddsa),
    OFFER("CLAVIGER-ED448", clv_signature_eddsa), END};

static const OSSL_ALGORITHM ciphers_loadable[] = {
    OFFER("CLAVIGER-RSA", clv_asym_cipher_rsa), END};

static const OSSL_ALGORITHM stores[] = {
    OFFER(CLV_PROVIDER_NAME, clv_store_loader), END};

/* The second is called for keys of every type: its name only has to be that
 * of some key. */
static const OSSL_ALGORITHM decoders[] = {
    {"DER", CLV_PROPERTIES_OWN ",input=pem", clv_decoder_pem, NULL},
    {NAMES_RSA,
	CLV_PROPERTIES_OWN ",input=der,structure=" CLV_REFERENCE_STRUCTURE,
	clv_decoder_uri, NULL},
    END};

static const OSSL_ALGORITHM *
query_builtin(void *context, int operation, int *no_cache)
{
	(void)context;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT:
		return keys_builtin;
	case OSSL_OP_SIGNATURE:
		return signatures_builtin;
	case OSSL_OP_ASYM_CIPHER:
		return ciphers_builtin;
	default:
		return NULL;
	}
}

static const OSSL_ALGORITHM *
query_loadable(void *context, int operation, int *no_cache)
{
	(void)context;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT:
		return keys_loadable;
	case OSSL_OP_SIGNATURE:
		return signatures_loadable;
	case OSSL_OP_ASYM_CIPHER:
		return ciphers_loadable;
	case OSSL_OP_STORE:
		return stores;
	case OSSL_OP_DECODER:
		return decoders;
	default:
		return NULL;
	}
}

static const OSSL_ITEM *
get_reasons(void *context)
{
	(void)context;
	return reasons;
}

static const OSSL_PARAM *
gettable(void *context)
{
	static const OSSL_PARAM params[] = {
	    OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
	    OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
	    OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, NULL, 0),
	    OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL), OSSL_PARAM_END};

	(void)context;
	return params;
}

static bool
answer(OSSL_PARAM params[], const char *name, const char *value)
{
	OSSL_PARAM *param = OSSL_PARAM_locate(params, name);

	return param == NULL || OSSL_PARAM_set_utf8_ptr(param, value) == 1;
}

static int
get_params(void *context, OSSL_PARAM params[])
{
	OSSL_PARAM *status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);

	(void)context;
	return answer(params, OSSL_PROV_PARAM_NAME, "Claviger") &&
	    answer(params, OSSL_PROV_PARAM_VERSION, clv_version()) &&
	    answer(params, OSSL_PROV_PARAM_BUILDINFO, clv_version()) &&
	    (status == NULL || OSSL_PARAM_set_int(status, 1) == 1);
}

static void
teardown(void *context)
{
	struct clv_provider *provider = context;

	free(provider->sources);
	free(provider);
}

static void
take_core(struct clv_provider *provider, const OSSL_DISPATCH *in)
{
	for (; in->function_id != 0; in++)
		switch (in->function_id) {
		case OSSL_FUNC_CORE_GET_PARAMS:
			provider->get_params = OSSL_FUNC_core_get_params(in);
			break;
		case OSSL_FUNC_CORE_NEW_ERROR:
			provider->new_error = OSSL_FUNC_core_new_error(in);
			break;
		case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
			provider->set_error_debug =
			    OSSL_FUNC_core_set_error_debug(in);
			break;
		case OSSL_FUNC_CORE_VSET_ERROR:
			provider->vset_error = OSSL_FUNC_core_vset_error(in);
			break;
		case OSSL_FUNC_BIO_GETS:
			provider->bio_gets = OSSL_FUNC_BIO_gets(in);
			break;
		case OSSL_FUNC_BIO_READ_EX:
			provider->bio_read = OSSL_FUNC_BIO_read_ex(in);
			break;
		default:
			break;
		}
}

/* What openssl.cnf says in the provider's section. */
static bool
take_settings(struct clv_provider *provider)
{
	const char *sources = NULL;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_ptr(
		PARAM_SECRET_SOURCE, (char **)(uintptr_t)&sources, 0),
	    OSSL_PARAM_construct_end()};

	if (provider->get_params(provider->handle, params) != 1 ||
	    sources == NULL)
		return true;
	provider->sources = strdup(sources);
	return provider->sources != NULL;
}

static struct clv_provider *
provider_new(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in)
{
	struct clv_provider *provider = calloc(1, sizeof(*provider));

	if (provider == NULL)
		return NULL;
	provider->handle = handle;
	take_core(provider, in);
	if (provider->get_params != NULL && provider->new_error != NULL &&
	    provider->set_error_debug != NULL && provider->vset_error != NULL &&
	    provider->bio_gets != NULL && provider->bio_read != NULL)
		return provider;
	free(provider);
	return NULL;
}

#define FUNCTION(name, function)                 \
	{                                        \
		name, (void (*)(void))(function) \
	}
#define FUNCTIONS_OF_ALL                                            \
	FUNCTION(OSSL_FUNC_PROVIDER_TEARDOWN, teardown),            \
	    FUNCTION(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, gettable), \
	    FUNCTION(OSSL_FUNC_PROVIDER_GET_PARAMS, get_params),    \
	    FUNCTION(OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, get_reasons)

static const OSSL_DISPATCH functions_builtin[] = {FUNCTIONS_OF_ALL,
    FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query_builtin), {0, NULL}};

static const OSSL_DISPATCH functions_loadable[] = {FUNCTIONS_OF_ALL,
    FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query_loadable),
    FUNCTION(OSSL_FUNC_PROVIDER_GET_CAPABILITIES, clv_provider_capabilities),
    {0, NULL}};

int
clv_provider_init_builtin(const OSSL_CORE_HANDLE *handle,
    const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **context)
{
	*context = provider_new(handle, in);
	*out = functions_builtin;
	return *context != NULL;
}

int
clv_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **context)
{
	struct clv_provider *provider = provider_new(handle, in);

	if (provider != NULL && !take_settings(provider)) {
		teardown(provider);
		provider = NULL;
	}
	*context = provider;
	*out = functions_loadable;
	return provider != NULL;
}
