/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/provider/deliver.h"

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include "keys/provider/asker.h"

struct clv_pkey *
clv_deliver_open(const struct clv_provider *provider, const char *uri,
    OSSL_PASSPHRASE_CALLBACK *passphrase, void *argument)
{
	struct clv_asker *asker = NULL;
	struct clv_pkey *pkey;
	clv_key *key = NULL;
	clv_error *err = NULL;

	if (clv_asker_open_key(provider, uri, passphrase, argument, &key,
		&asker, &err) != CLV_OK) {
		(void)clv_provider_fail_with(provider, NULL, &err);
		return NULL;
	}
	pkey = clv_pkey_new_for(provider, key);
	clv_key_free(&key);
	if (pkey != NULL) {
		pkey->asker = asker; /* transferred */
		return pkey;
	}
	clv_asker_free(&asker);
	(void)clv_provider_fail(provider, CLV_NO_MEMORY, "out of memory");
	return NULL;
}

/* The reference is the address of the key, of which pkey_load() in keymgmt.c
 * takes a reference of its own. */
int
clv_deliver_key(struct clv_pkey *pkey, OSSL_CALLBACK *deliver, void *argument)
{
	int type = OSSL_OBJECT_PKEY;
	const char *name = clv_pkey_type_name(pkey->type);
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
	    OSSL_PARAM_construct_utf8_string(
		OSSL_OBJECT_PARAM_DATA_TYPE, (char *)(uintptr_t)name, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_OBJECT_PARAM_REFERENCE, &pkey, sizeof(struct clv_pkey *)),
	    OSSL_PARAM_construct_end()};

	return deliver(params, argument);
}

int
clv_deliver_certificate(
    const uint8_t *der, size_t size, OSSL_CALLBACK *deliver, void *argument)
{
	int type = OSSL_OBJECT_CERT;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
	    OSSL_PARAM_construct_octet_string(
		OSSL_OBJECT_PARAM_DATA, (void *)(uintptr_t)der, size),
	    OSSL_PARAM_construct_end()};

	return deliver(params, argument);
}
