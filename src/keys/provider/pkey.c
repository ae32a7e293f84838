/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/provider/pkey.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "keys/key.h"
#include "keys/provider/asker.h"

const char *
clv_pkey_type_name(enum clv_pkey_type type)
{
	static const char *const names[] = {
	    [CLV_PKEY_RSA] = "RSA",
	    [CLV_PKEY_EC] = "EC",
	    [CLV_PKEY_ED25519] = "ED25519",
	    [CLV_PKEY_ED448] = "ED448",
	};

	return names[type];
}

static enum clv_pkey_type
type_of(const clv_key *key)
{
	if (key->family == CLV_FAMILY_RSA)
		return CLV_PKEY_RSA;
	if (key->family == CLV_FAMILY_EC)
		return CLV_PKEY_EC;
	return key->algorithm == CLV_ED448 ? CLV_PKEY_ED448 : CLV_PKEY_ED25519;
}

struct clv_pkey *
clv_pkey_new(const struct clv_provider *provider, enum clv_pkey_type type)
{
	struct clv_pkey *pkey = calloc(1, sizeof(*pkey));

	if (pkey == NULL)
		return NULL;
	atomic_init(&pkey->references, 1);
	pkey->provider = provider;
	pkey->type = type;
	/* Only a curve is something apart from the key itself. */
	if (type != CLV_PKEY_EC)
		pkey->selection = OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
	return pkey;
}

struct clv_pkey *
clv_pkey_new_for(const struct clv_provider *provider, clv_key *key)
{
	struct clv_pkey *pkey = clv_pkey_new(provider, type_of(key));

	if (pkey != NULL)
		(void)clv_pkey_set_key(pkey, key);
	return pkey;
}

struct clv_pkey *
clv_pkey_ref(struct clv_pkey *pkey)
{
	(void)atomic_fetch_add(&pkey->references, 1);
	return pkey;
}

void
clv_pkey_free(struct clv_pkey **pkey)
{
	struct clv_pkey *gone;

	if (pkey == NULL || *pkey == NULL)
		return;
	gone = *pkey;
	*pkey = NULL;
	if (atomic_fetch_sub(&gone->references, 1) != 1)
		return;
	EVP_PKEY_free(gone->openssl);
	clv_key_free(&gone->key);
	clv_asker_free(&gone->asker);
	free(gone);
}

bool
clv_pkey_set_key(struct clv_pkey *pkey, clv_key *key)
{
	if (pkey->openssl != NULL || type_of(key) != pkey->type ||
	    EVP_PKEY_up_ref(key->public_key) != 1)
		return false;
	pkey->key = clv_key_ref(key);
	pkey->openssl = key->public_key;
	pkey->libctx = key->store->context->openssl;
	pkey->selection = OSSL_KEYMGMT_SELECT_ALL;
	return true;
}

void
clv_pkey_set_software(struct clv_pkey *pkey, EVP_PKEY *openssl, int selection)
{
	EVP_PKEY_free(pkey->openssl);
	pkey->openssl = openssl;
	pkey->libctx = clv_provider_home();
	pkey->selection |= selection;
}

EVP_PKEY_CTX *
clv_pkey_context(const struct clv_pkey *pkey)
{
	if (pkey->openssl == NULL)
		return NULL;
	return EVP_PKEY_CTX_new_from_pkey(
	    pkey->libctx, pkey->openssl, CLV_PROPERTIES_DEFAULT);
}

EVP_PKEY_CTX *
clv_pkey_context_of(enum clv_pkey_type type)
{
	return EVP_PKEY_CTX_new_from_name(clv_provider_home(),
	    clv_pkey_type_name(type), CLV_PROPERTIES_DEFAULT);
}

int
clv_pkey_operate(struct clv_pkey *pkey, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, uint8_t *output,
    size_t *output_size)
{
	clv_error *err = NULL;
	clv_status status;

	(void)ERR_set_mark();
	status = clv_key_operate(
	    pkey->key, mechanism, input, input_size, output, output_size, &err);
	(void)ERR_pop_to_mark();
	if (status == CLV_OK)
		return 1;
	return clv_provider_fail_with(pkey->provider, pkey->key, &err);
}
