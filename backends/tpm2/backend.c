/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "key.h"

static unsigned
capabilities_of(void *handle)
{
	const struct clv_tpm_store *store = handle;

	return store->directory != NULL ? CLV_STORE_CHANGES_SECRET : 0;
}

static const char *const options[] = {"lockout", NULL};

extern const struct clv_backend clv_backend_tpm2;

const struct clv_backend clv_backend_tpm2 = {
    .api = CLV_BACKEND_API,
    .scheme = "tpm2",
    .description = "Keys in a TPM 2.0 (tpm2-tss)",
    .capabilities = CLV_STORE_GENERATES | CLV_STORE_IMPORTS |
	CLV_STORE_DELETES | CLV_STORE_LISTS | CLV_STORE_HARDWARE |
	CLV_STORE_SECRET,
    .options = options,
    .store_open = clv_tpm_store_open,
    .store_close = clv_tpm_store_close,
    .store_capabilities = capabilities_of,
    .key_list = clv_tpm_key_list,
    .key_open = clv_tpm_key_open,
    .key_generate = clv_tpm_key_generate,
    .key_import = clv_tpm_key_import,
    .key_delete = clv_tpm_key_delete,
    .key_change_secret = clv_tpm_key_change_secret,
    .key_close = clv_tpm_key_close,
    .key_facts = clv_tpm_key_facts,
    .key_can = clv_tpm_key_can,
    .key_sign = clv_tpm_key_sign,
    .key_decrypt = clv_tpm_key_decrypt,
    .key_rsa_raw = clv_tpm_key_rsa_raw,
    .key_has_rsa_raw = clv_tpm_key_has_rsa_raw,
    .seal = clv_tpm_seal,
    .unseal = clv_tpm_unseal_file,
};
