/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * file: private keys in files that only the application and root may read.
 *
 * A store is a directory, a key a file in it: PKCS#8 in PEM, readable by any
 * other program; new ones are called LABEL.pem and have mode 0600 from the
 * first moment. Traditional RSA and EC keys and DER are read, too. There are
 * no options and no URI attributes.
 */

#include "keyfile.h"

#include "base/pem.h"

static const char *const attributes[] = {NULL};

static clv_status
encode(struct clv_keyfile_store *store, const struct clv_key_spec *spec,
    const char *subject, const clv_secret *pkcs8,
    const struct clv_soft_key *key, clv_secret *text, clv_error **err)
{
	const struct clv_span der = {pkcs8->data, pkcs8->size};
	const clv_status status =
	    clv_secret_alloc(text, CLV_PEM_ENCODED(der.size), err);

	(void)store;
	(void)spec;
	(void)subject;
	(void)key;
	if (status == CLV_OK)
		clv_pem_append(text, "PRIVATE KEY", der);
	return status;
}

static const struct clv_keyfile_kind kind = {
    .scheme = "file", .attributes = attributes, .encode = encode};

static clv_status
store_open(clv_host *host, const clv_uri *uri, bool of_key, void **store,
    clv_error **err)
{
	return clv_keyfile_store_open(&kind, host, uri, of_key, store, err);
}

extern const struct clv_backend clv_backend_file;

const struct clv_backend clv_backend_file = {
    .api = CLV_BACKEND_API,
    .scheme = "file",
    .description = "keys in files that only the application can read",
    .capabilities = CLV_STORE_GENERATES | CLV_STORE_IMPORTS |
	CLV_STORE_DELETES | CLV_STORE_LISTS,
    .store_open = store_open,
    .store_close = clv_keyfile_store_close,
    .key_list = clv_keyfile_list,
    .key_open = clv_keyfile_open,
    .key_generate = clv_keyfile_generate,
    .key_import = clv_keyfile_import,
    .key_delete = clv_keyfile_delete,
    .key_close = clv_keyfile_close,
    .key_facts = clv_keyfile_facts,
    .key_can = clv_keyfile_can,
    .key_sign = clv_keyfile_sign,
    .key_decrypt = clv_keyfile_decrypt,
    .key_rsa_raw = clv_keyfile_rsa_raw,
};
