/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/provider/deliver.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include "keys/key.h"
#include "keys/provider/asker.h"
#include "keys/provider/pkey.h"

/* The reference is the address of the key, of which pkey_load() in keymgmt.c
 * takes a reference of its own. */
static int
deliver_pkey(struct clv_pkey *pkey, OSSL_CALLBACK *deliver, void *argument)
{
	int type = OSSL_OBJECT_PKEY;
	const char *name = clv_pkey_type_name(pkey->type);
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
	    OSSL_PARAM_construct_utf8_string(
		OSSL_OBJECT_PARAM_DATA_TYPE, (char *)(uintptr_t)name, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_OBJECT_PARAM_REFERENCE, &pkey, sizeof(pkey)),
	    OSSL_PARAM_construct_end()};

	return deliver(params, argument);
}

int
clv_deliver_key(const struct clv_provider *provider, const char *uri,
    OSSL_CALLBACK *deliver, void *argument,
    OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument)
{
	struct clv_asker *asker = NULL;
	struct clv_pkey *pkey;
	clv_key *key = NULL;
	clv_error *err = NULL;
	int done;

	if (clv_asker_open_key(provider, uri, passphrase, passphrase_argument,
		&key, &asker, &err) != CLV_OK)
		return clv_provider_fail_with(provider, NULL, &err);
	pkey = clv_pkey_new_for(provider, key);
	clv_key_free(&key);
	if (pkey == NULL) {
		clv_asker_free(&asker);
		return clv_provider_fail(
		    provider, CLV_NO_MEMORY, "out of memory");
	}
	pkey->asker = asker; /* transferred */
	done = deliver_pkey(pkey, deliver, argument);
	clv_pkey_free(&pkey);
	return done;
}
