/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Private keys in any form: what is accepted is a PrivateKeyInfo that reads
 * as itself, and that OpenSSL and the software key engine take. */

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/pkcs8.h"
#include "soft.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void
check_accepted(const clv_secret *pkcs8, const struct clv_pkcs8_facts *facts)
{
	const unsigned char *at = pkcs8->data;
	PKCS8_PRIV_KEY_INFO *info =
	    d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8->size);
	EVP_PKEY *pkey = info != NULL ? EVP_PKCS82PKEY(info) : NULL;
	struct clv_soft_key *key = NULL;
	struct clv_pkcs8_facts again;
	struct clv_soft_public known;
	clv_secret same = CLV_SECRET_INIT;

	if (at != pkcs8->data + pkcs8->size || pkey == NULL)
		abort();
	if (clv_pkcs8_read(pkcs8, NULL, NULL, &same, &again, NULL) != CLV_OK ||
	    !clv_secret_equal(&same, pkcs8) ||
	    again.algorithm != facts->algorithm)
		abort();
	if (clv_soft_key_new(pkcs8, &key, NULL) != CLV_OK)
		abort();
	clv_soft_key_public(key, &known);
	if (known.algorithm != facts->algorithm)
		abort();
	clv_soft_key_free(&key);
	clv_secret_clear(&same);
	EVP_PKEY_free(pkey);
	PKCS8_PRIV_KEY_INFO_free(info);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct clv_pkcs8_facts facts;
	clv_secret input = CLV_SECRET_INIT;
	clv_secret output = CLV_SECRET_INIT;
	clv_error *err = NULL;
	clv_status status;

	if (clv_secret_set(&input, bytes, size, NULL) != CLV_OK)
		return 0;
	status = clv_pkcs8_read(&input, NULL, NULL, &output, &facts, &err);
	if (status == CLV_OK && !clv_pkcs8_looks_like_key(bytes, size))
		abort();
	if (status == CLV_OK)
		check_accepted(&output, &facts);
	else if (output.data != NULL || *clv_error_reason(err) == '\0' ||
	    status == CLV_INTERNAL)
		abort();
	clv_error_free(&err);
	(void)clv_pkcs8_inspect(&input, &output, &facts, NULL);
	clv_secret_clear(&output);
	clv_secret_clear(&input);
	return 0;
}
