/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Operations that need no clv_key: verifying, and all there is for software
 * keys. They go to OpenSSL's own provider, one call for one call; the results
 * are OpenSSL's: 1 for done.
 */
#ifndef CLV_KEYS_PROVIDER_DELEGATE_H
#define CLV_KEYS_PROVIDER_DELEGATE_H

#include "keys/provider/pkey.h"

struct clv_delegate {
	EVP_MD_CTX *digest;    /* of a digest-and-sign operation, or NULL */
	EVP_PKEY_CTX *context; /* the digest's, if there is one */
};

/* Which operation to begin. */
enum clv_delegate_task {
	CLV_DELEGATE_SIGN,
	CLV_DELEGATE_VERIFY,
	CLV_DELEGATE_ENCRYPT,
	CLV_DELEGATE_DECRYPT
};

int clv_delegate_begin(struct clv_delegate *delegate,
    const struct clv_pkey *pkey, enum clv_delegate_task task,
    const OSSL_PARAM *params);
/* The same with the digest `name` (NULL: as the key wants it) before it. */
int clv_delegate_begin_digest(struct clv_delegate *delegate,
    const struct clv_pkey *pkey, enum clv_delegate_task task, const char *name,
    const OSSL_PARAM *params);
bool clv_delegate_copy(
    struct clv_delegate *to, const struct clv_delegate *from);
void clv_delegate_end(struct clv_delegate *delegate);

#endif
