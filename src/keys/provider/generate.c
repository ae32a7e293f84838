/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * New keys. A program that has the module loaded and wants an ephemeral key,
 * as TLS does for every connection, may be sent here by OpenSSL; it gets what
 * OpenSSL's own provider makes.
 */

#include "keys/provider/keymgmt.h"

#include <stdlib.h>

#include <openssl/evp.h>

struct generator {
	const struct clv_provider *provider;
	enum clv_pkey_type type;
	int selection;
	EVP_PKEY_CTX *context;
};

static bool
makes_keys(const struct generator *generator)
{
	return (generator->selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
}

/* Takes over `context`. */
static bool
start(struct generator *generator, EVP_PKEY_CTX *context)
{
	EVP_PKEY_CTX_free(generator->context);
	generator->context = context;
	if (context == NULL)
		return false;
	return (makes_keys(generator) ? EVP_PKEY_keygen_init(context)
				      : EVP_PKEY_paramgen_init(context)) == 1;
}

void *
clv_generator_new(const struct clv_provider *provider, enum clv_pkey_type type,
    int selection, const OSSL_PARAM *params)
{
	struct generator *generator = calloc(1, sizeof(*generator));

	if (generator == NULL)
		return NULL;
	generator->provider = provider;
	generator->type = type;
	generator->selection = selection;
	if (start(generator, clv_pkey_context_of(type)) &&
	    clv_generator_set_params(generator, params))
		return generator;
	clv_generator_free(generator);
	return NULL;
}

int
clv_generator_set_template(void *context, void *template)
{
	struct generator *generator = context;

	return start(generator, clv_pkey_context(template));
}

int
clv_generator_set_params(void *context, const OSSL_PARAM params[])
{
	struct generator *generator = context;

	return params == NULL || params->key == NULL ||
	    EVP_PKEY_CTX_set_params(generator->context, params) == 1;
}

void *
clv_generator_run(void *context, OSSL_CALLBACK *progress, void *argument)
{
	struct generator *generator = context;
	struct clv_pkey *pkey =
	    clv_pkey_new(generator->provider, generator->type);
	EVP_PKEY *made = NULL;

	(void)progress;
	(void)argument;
	if (pkey == NULL)
		return NULL;
	if (EVP_PKEY_generate(generator->context, &made) != 1) {
		clv_pkey_free(&pkey);
		return NULL;
	}
	clv_pkey_set_software(pkey, made,
	    makes_keys(generator) ? OSSL_KEYMGMT_SELECT_ALL
				  : OSSL_KEYMGMT_SELECT_ALL_PARAMETERS);
	return pkey;
}

void
clv_generator_free(void *context)
{
	struct generator *generator = context;

	EVP_PKEY_CTX_free(generator->context);
	free(generator);
}
