/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * TLS groups. libssl leaves a group out whose keys it would get from another
 * provider than the one that offers the group. Where elliptic curve keys come
 * from us, the groups have to as well; where they don't, ours are left out.
 */

#include "keys/provider/provider.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

struct taker {
	OSSL_CALLBACK *callback;
	void *argument;
};

static int
pass_on_curve(const OSSL_PARAM params[], void *user)
{
	const struct taker *taker = user;
	const OSSL_PARAM *algorithm =
	    OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_ALG);

	if (algorithm == NULL || strcmp(algorithm->data, "EC") != 0)
		return 1;
	return taker->callback(params, taker->argument);
}

int
clv_provider_capabilities(void *context, const char *capability,
    OSSL_CALLBACK *callback, void *argument)
{
	struct taker taker = {callback, argument};
	EVP_KEYMGMT *keymgmt;
	int done = 0;

	(void)context;
	if (strcmp(capability, "TLS-GROUP") != 0)
		return 1;
	keymgmt = EVP_KEYMGMT_fetch(
	    clv_provider_home(), "EC", CLV_PROPERTIES_DEFAULT);
	if (keymgmt != NULL)
		done = OSSL_PROVIDER_get_capabilities(
		    EVP_KEYMGMT_get0_provider(keymgmt), capability,
		    pass_on_curve, &taker);
	EVP_KEYMGMT_free(keymgmt);
	return done;
}
