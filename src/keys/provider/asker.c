/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/provider/asker.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <claviger/context.h>

/* What OpenSSL's own callbacks use (PEM_BUFSIZE). */
#define PASSPHRASE_MAX 1024U

struct clv_asker {
	/* NULL outside of clv_asker_open_key(). */
	OSSL_PASSPHRASE_CALLBACK *passphrase;
	void *argument;
	unsigned answered; /* purposes that got an answer, a bit for each */
};

static const char *
describe(clv_ask_purpose purpose)
{
	switch (purpose) {
	case CLV_ASK_PIN:
	case CLV_ASK_CONTEXT_PIN:
		return "PIN";
	case CLV_ASK_KEY_AUTH:
	case CLV_ASK_OWNER_AUTH:
		return "TPM authorisation";
	default:
		return "key password";
	}
}

static clv_status
refuse(const struct clv_ask_request *request, clv_status status,
    const char *reason, clv_error **err)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "get secret",
		.subject = request->uri,
		.remedy = "give it with -passin, or name a secret-source in "
			  "the provider's section of openssl.cnf"},
	    "%s", reason);
}

static clv_status
call(struct clv_asker *asker, const struct clv_ask_request *request,
    clv_secret *answer, clv_error **err)
{
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_PASSPHRASE_PARAM_INFO,
		(char *)(uintptr_t)describe(request->purpose), 0),
	    OSSL_PARAM_construct_end()};
	clv_status status = clv_secret_alloc(answer, PASSPHRASE_MAX, err);
	size_t size = 0;

	if (status != CLV_OK)
		return status;
	if (asker->passphrase((char *)answer->data, PASSPHRASE_MAX, &size,
		params, asker->argument) != 1 ||
	    size > PASSPHRASE_MAX)
		return refuse(
		    request, CLV_AUTH, "nobody gave the passphrase", err);
	answer->size = size;
	answer->data[size] = 0;
	asker->answered |= 1U << request->purpose;
	return CLV_OK;
}

/*
 * OpenSSL gives the same passphrase however often it is asked, and nobody
 * knows whether a person typed it: so one try for each purpose, and none
 * where a wrong one locks the device.
 */
static clv_status
ask(void *user, const struct clv_ask_request *request, clv_secret *answer,
    clv_error **err)
{
	struct clv_asker *asker = user;

	if (asker->passphrase == NULL)
		return refuse(request, CLV_AUTH,
		    "it is needed again, but can be asked for only while the "
		    "key is being opened",
		    err);
	if ((request->flags & CLV_ASK_FINAL_TRY) != 0)
		return refuse(request, CLV_AUTH_LAST_TRY,
		    "a wrong one would lock the device now", err);
	if ((asker->answered & 1U << request->purpose) != 0)
		return refuse(
		    request, CLV_AUTH, "the passphrase is wrong", err);
	return call(asker, request, answer, err);
}

/* Splits at spaces and commas. */
static clv_status
add_sources(clv_context *context, const char *sources, clv_error **err)
{
	char *copy = sources != NULL ? strdup(sources) : NULL, *rest = copy;
	const char *source;
	clv_status status = CLV_OK;

	if (sources != NULL && copy == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	while (status == CLV_OK && copy != NULL &&
	    (source = strsep(&rest, " ,")) != NULL)
		if (*source != '\0')
			status =
			    clv_context_add_secret_source(context, source, err);
	free(copy);
	return status;
}

clv_status
clv_asker_open_key(const struct clv_provider *provider, const char *uri,
    OSSL_PASSPHRASE_CALLBACK *passphrase, void *argument, clv_key **key,
    struct clv_asker **out, clv_error **err)
{
	struct clv_asker *asker = calloc(1, sizeof(*asker));
	clv_context *context = NULL;
	clv_status status;

	*key = NULL;
	*out = NULL;
	if (asker == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	asker->passphrase = passphrase;
	asker->argument = argument;
	if ((status = clv_context_new(&context, err)) == CLV_OK) {
		clv_context_set_ask(context, ask, asker);
		status = add_sources(context, provider->sources, err);
	}
	if (status == CLV_OK)
		status = clv_key_open(context, uri, key, err);
	asker->passphrase = NULL;
	asker->argument = NULL;
	clv_context_free(&context);
	if (status == CLV_OK)
		*out = asker;
	else
		clv_asker_free(&asker);
	return status;
}

void
clv_asker_free(struct clv_asker **asker)
{
	if (asker == NULL)
		return;
	free(*asker);
	*asker = NULL;
}
