/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/provider/delegate.h"

#include <openssl/evp.h>

int
clv_delegate_begin(struct clv_delegate *delegate, const struct clv_pkey *pkey,
    enum clv_delegate_task task, const OSSL_PARAM *params)
{
	clv_delegate_end(delegate);
	delegate->context = clv_pkey_context(pkey);
	if (delegate->context == NULL)
		return 0;
	switch (task) {
	case CLV_DELEGATE_SIGN:
		return EVP_PKEY_sign_init_ex(delegate->context, params);
	case CLV_DELEGATE_VERIFY:
		return EVP_PKEY_verify_init_ex(delegate->context, params);
	case CLV_DELEGATE_ENCRYPT:
		return EVP_PKEY_encrypt_init_ex(delegate->context, params);
	case CLV_DELEGATE_DECRYPT:
		return EVP_PKEY_decrypt_init_ex(delegate->context, params);
	}
	return 0;
}

int
clv_delegate_begin_digest(struct clv_delegate *delegate,
    const struct clv_pkey *pkey, enum clv_delegate_task task, const char *name,
    const OSSL_PARAM *params)
{
	clv_delegate_end(delegate);
	if (pkey->openssl == NULL ||
	    (delegate->digest = EVP_MD_CTX_new()) == NULL)
		return 0;
	return task == CLV_DELEGATE_SIGN
	    ? EVP_DigestSignInit_ex(delegate->digest, &delegate->context, name,
		  pkey->libctx, CLV_PROPERTIES_DEFAULT, pkey->openssl, params)
	    : EVP_DigestVerifyInit_ex(delegate->digest, &delegate->context,
		  name, pkey->libctx, CLV_PROPERTIES_DEFAULT, pkey->openssl,
		  params);
}

bool
clv_delegate_copy(struct clv_delegate *to, const struct clv_delegate *from)
{
	*to = (struct clv_delegate){0};
	if (from->digest == NULL) {
		to->context = EVP_PKEY_CTX_dup(from->context);
		return to->context != NULL;
	}
	to->digest = EVP_MD_CTX_new();
	if (to->digest == NULL ||
	    EVP_MD_CTX_copy_ex(to->digest, from->digest) != 1)
		return false;
	to->context = EVP_MD_CTX_get_pkey_ctx(to->digest);
	return true;
}

void
clv_delegate_end(struct clv_delegate *delegate)
{
	if (delegate->digest == NULL)
		EVP_PKEY_CTX_free(delegate->context);
	EVP_MD_CTX_free(delegate->digest);
	*delegate = (struct clv_delegate){0};
}
