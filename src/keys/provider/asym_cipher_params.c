/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What callers can set and ask of a decryption, in OpenSSL's words. */

#include "keys/provider/asym_cipher.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

static const struct padding_name {
	const char *name;
	int padding;
} padding_names[] = {{OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING},
    {OSSL_PKEY_RSA_PAD_MODE_OAEP, RSA_PKCS1_OAEP_PADDING},
    {"oeap", RSA_PKCS1_OAEP_PADDING}, /* OpenSSL's old slip of the pen */
    {"", RSA_PKCS1_WITH_TLS_PADDING}};

#define PADDING_NAMES (sizeof(padding_names) / sizeof(padding_names[0]))

static bool
is_padding(int padding)
{
	for (size_t i = 0; i < PADDING_NAMES; i++)
		if (padding_names[i].padding == padding)
			return true;
	return false;
}

static int
set_padding(struct clv_cipher *cipher, const OSSL_PARAM *param)
{
	int padding = 0;

	if (param->data_type != OSSL_PARAM_UTF8_STRING) {
		if (OSSL_PARAM_get_int(param, &padding) != 1)
			return 0;
	} else {
		for (size_t i = 0; i < PADDING_NAMES; i++)
			if (strcmp(param->data, padding_names[i].name) == 0)
				padding = padding_names[i].padding;
	}
	if (!is_padding(padding))
		return clv_provider_fail(cipher->provider, CLV_UNSUPPORTED,
		    "decryption is padded by PKCS#1 v1.5 or OAEP");
	cipher->padding = padding;
	/* RFC 8017, A.2.1: OAEP's default hash. */
	if (padding == RSA_PKCS1_OAEP_PADDING && cipher->hash == CLV_HASH_NONE)
		cipher->hash = CLV_HASH_SHA1;
	return 1;
}

static int
set_hash(
    const struct clv_cipher *cipher, const OSSL_PARAM *param, clv_hash *hash)
{
	const clv_hash found = param->data_type == OSSL_PARAM_UTF8_STRING
	    ? clv_digest_by_name(param->data)
	    : CLV_HASH_NONE;

	if (found == CLV_HASH_NONE)
		return clv_provider_fail(cipher->provider, CLV_UNSUPPORTED,
		    "this digest is not supported for OAEP");
	*hash = found;
	return 1;
}

static int
set_digest(struct clv_cipher *cipher, const OSSL_PARAM *param)
{
	return set_hash(cipher, param, &cipher->hash);
}

static int
set_mgf1(struct clv_cipher *cipher, const OSSL_PARAM *param)
{
	return set_hash(cipher, param, &cipher->mgf1_hash);
}

static int
set_label(struct clv_cipher *cipher, const OSSL_PARAM *param)
{
	if (param->data_size == 0)
		return 1;
	return clv_provider_fail(cipher->provider, CLV_UNSUPPORTED,
	    "OAEP is supported without a label only");
}

static int
set_client_version(struct clv_cipher *cipher, const OSSL_PARAM *param)
{
	return OSSL_PARAM_get_uint(param, &cipher->client_version);
}

static int
set_negotiated_version(struct clv_cipher *cipher, const OSSL_PARAM *param)
{
	return OSSL_PARAM_get_uint(param, &cipher->negotiated_version);
}

/* Wrong PKCS#1 v1.5 padding is always answered by a made-up message. */
static int
set_implicit_rejection(struct clv_cipher *cipher, const OSSL_PARAM *param)
{
	(void)cipher;
	(void)param;
	return 1;
}

/* Since OpenSSL 3.2. */
#define IMPLICIT_REJECTION "implicit-rejection"

/* In the order in which they depend on each other. */
static const struct setting {
	const char *name;
	int (*set)(struct clv_cipher *cipher, const OSSL_PARAM *param);
} settings[] = {
    {OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, set_digest},
    {OSSL_ASYM_CIPHER_PARAM_PAD_MODE, set_padding},
    {OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, set_mgf1},
    {OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, set_label},
    {OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, set_client_version},
    {OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, set_negotiated_version},
    {IMPLICIT_REJECTION, set_implicit_rejection},
};

int
clv_cipher_set_params(void *context, const OSSL_PARAM params[])
{
	struct clv_cipher *cipher = context;

	if (params == NULL || params->key == NULL)
		return 1;
	if (cipher->delegated)
		return EVP_PKEY_CTX_set_params(
		    cipher->delegate.context, params);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const OSSL_PARAM *param =
		    OSSL_PARAM_locate_const(params, settings[i].name);

		if (param != NULL && settings[i].set(cipher, param) != 1)
			return 0;
	}
	return 1;
}

static int
get_padding(const struct clv_cipher *cipher, OSSL_PARAM *param)
{
	if (param->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_set_int(param, cipher->padding);
	for (size_t i = 0; i < PADDING_NAMES; i++)
		if (cipher->padding == padding_names[i].padding)
			return OSSL_PARAM_set_utf8_string(
			    param, padding_names[i].name);
	return 0;
}

static int
get_digest(const struct clv_cipher *cipher, OSSL_PARAM *param)
{
	return OSSL_PARAM_set_utf8_string(param, clv_digest_name(cipher->hash));
}

static int
get_mgf1(const struct clv_cipher *cipher, OSSL_PARAM *param)
{
	return OSSL_PARAM_set_utf8_string(param,
	    clv_digest_name(cipher->mgf1_hash != CLV_HASH_NONE
		    ? cipher->mgf1_hash
		    : cipher->hash));
}

static int
get_label(const struct clv_cipher *cipher, OSSL_PARAM *param)
{
	(void)cipher;
	return OSSL_PARAM_set_octet_ptr(param, NULL, 0);
}

static int
get_client_version(const struct clv_cipher *cipher, OSSL_PARAM *param)
{
	return OSSL_PARAM_set_uint(param, cipher->client_version);
}

static int
get_negotiated_version(const struct clv_cipher *cipher, OSSL_PARAM *param)
{
	return OSSL_PARAM_set_uint(param, cipher->negotiated_version);
}

static const struct answer {
	const char *name;
	int (*get)(const struct clv_cipher *cipher, OSSL_PARAM *param);
} answers[] = {
    {OSSL_ASYM_CIPHER_PARAM_PAD_MODE, get_padding},
    {OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, get_digest},
    {OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, get_mgf1},
    {OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, get_label},
    {OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, get_client_version},
    {OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, get_negotiated_version},
};

int
clv_cipher_get_params(void *context, OSSL_PARAM params[])
{
	const struct clv_cipher *cipher = context;

	if (cipher->delegated)
		return EVP_PKEY_CTX_get_params(
		    cipher->delegate.context, params);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		OSSL_PARAM *param = OSSL_PARAM_locate(params, answers[i].name);

		if (param != NULL && answers[i].get(cipher, param) != 1)
			return 0;
	}
	return 1;
}

#define TEXT(name) OSSL_PARAM_utf8_string(name, NULL, 0)

const OSSL_PARAM *
clv_cipher_gettable(void *context, void *provider)
{
	static const OSSL_PARAM params[] = {
	    TEXT(OSSL_ASYM_CIPHER_PARAM_PAD_MODE),
	    TEXT(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST),
	    TEXT(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST),
	    OSSL_PARAM_octet_ptr(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
	    OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
	    OSSL_PARAM_uint(
		OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),
	    OSSL_PARAM_END};

	(void)context;
	(void)provider;
	return params;
}

const OSSL_PARAM *
clv_cipher_settable(void *context, void *provider)
{
	static const OSSL_PARAM params[] = {
	    TEXT(OSSL_ASYM_CIPHER_PARAM_PAD_MODE),
	    TEXT(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST),
	    TEXT(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST_PROPS),
	    TEXT(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST),
	    TEXT(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST_PROPS),
	    OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
	    OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
	    OSSL_PARAM_uint(
		OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),
	    OSSL_PARAM_uint(IMPLICIT_REJECTION, NULL), OSSL_PARAM_END};

	(void)context;
	(void)provider;
	return params;
}
