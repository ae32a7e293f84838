/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What callers can set and ask of a signature, in OpenSSL's words. */

#include "keys/provider/signature.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "keys/key.h"

void
clv_signature_reset(struct clv_signature *signature)
{
	const bool rsa = signature->pkey->type == CLV_PKEY_RSA;

	signature->padding = rsa ? CLV_PADDING_PKCS1 : CLV_PADDING_NONE;
	signature->mgf1_hash = CLV_HASH_NONE;
	signature->salt = RSA_PSS_SALTLEN_AUTO;
	signature->digest_fixed = false;
}

static int
hash_of(const struct clv_signature *signature, const char *name, clv_hash *hash)
{
	*hash = clv_digest_by_name(name);
	if (*hash != CLV_HASH_NONE)
		return 1;
	return clv_provider_fail(signature->provider, CLV_UNSUPPORTED,
	    "digest %s is not supported", name);
}

int
clv_signature_set_digest(struct clv_signature *signature, const char *name)
{
	clv_hash hash;

	if (hash_of(signature, name, &hash) != 1)
		return 0;
	if (signature->digest_fixed && hash != signature->hash)
		return clv_provider_fail(signature->provider, CLV_INVALID,
		    "the digest was chosen already");
	signature->hash = hash;
	return 1;
}

/* Paddings go by number or by name. */
static int
set_padding(struct clv_signature *signature, const OSSL_PARAM *param)
{
	int number = 0;

	if (param->data_type == OSSL_PARAM_UTF8_STRING) {
		if (strcmp(param->data, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0)
			number = RSA_PKCS1_PADDING;
		else if (strcmp(param->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0)
			number = RSA_PKCS1_PSS_PADDING;
	} else if (OSSL_PARAM_get_int(param, &number) != 1) {
		return 0;
	}
	if (number != RSA_PKCS1_PADDING && number != RSA_PKCS1_PSS_PADDING)
		return clv_provider_fail(signature->provider, CLV_UNSUPPORTED,
		    "signatures are padded by PKCS#1 v1.5 or PSS");
	signature->padding =
	    number == RSA_PKCS1_PADDING ? CLV_PADDING_PKCS1 : CLV_PADDING_PSS;
	return 1;
}

static const struct salt_name {
	const char *name;
	int salt;
} salt_names[] = {{OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST},
    {OSSL_PKEY_RSA_PSS_SALT_LEN_MAX, RSA_PSS_SALTLEN_MAX},
    {OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, RSA_PSS_SALTLEN_AUTO},
    /* Since OpenSSL 3.1: at most the digest's size. */
    {"auto-digestmax", RSA_PSS_SALTLEN_AUTO}};

#define SALT_NAMES (sizeof(salt_names) / sizeof(salt_names[0]))

static bool
parse_salt(const char *text, int *salt)
{
	char *end = NULL;
	long number;

	for (size_t i = 0; i < SALT_NAMES; i++)
		if (strcmp(text, salt_names[i].name) == 0) {
			*salt = salt_names[i].salt;
			return true;
		}
	errno = 0;
	number = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < 0 ||
	    number > (long)CLV_SIGNATURE_MAX)
		return false;
	*salt = (int)number;
	return true;
}

static int
set_salt(struct clv_signature *signature, const OSSL_PARAM *param)
{
	int salt = 0;
	const bool read = param->data_type == OSSL_PARAM_UTF8_STRING
	    ? parse_salt(param->data, &salt)
	    : OSSL_PARAM_get_int(param, &salt) == 1;

	/* -4 is "auto-digestmax". */
	if (read && salt == -4)
		salt = RSA_PSS_SALTLEN_AUTO;
	if (!read || salt < RSA_PSS_SALTLEN_MAX ||
	    salt > (int)CLV_SIGNATURE_MAX)
		return clv_provider_fail(
		    signature->provider, CLV_INVALID, "no such salt length");
	if (signature->padding != CLV_PADDING_PSS)
		return clv_provider_fail(
		    signature->provider, CLV_INVALID, "only PSS has a salt");
	signature->salt = salt;
	return 1;
}

static int
set_mgf1(struct clv_signature *signature, const OSSL_PARAM *param)
{
	if (signature->padding != CLV_PADDING_PSS)
		return clv_provider_fail(signature->provider, CLV_INVALID,
		    "only PSS has a mask generator");
	return hash_of(signature, param->data, &signature->mgf1_hash);
}

static int
set_digest(struct clv_signature *signature, const OSSL_PARAM *param)
{
	return clv_signature_set_digest(signature, param->data);
}

static bool
is_text(const OSSL_PARAM *param)
{
	return param->data_type == OSSL_PARAM_UTF8_STRING &&
	    param->data != NULL;
}

typedef int set_fn(struct clv_signature *signature, const OSSL_PARAM *param);

/* Sets one parameter if it is given. Names are taken as they are: OpenSSL
 * ends them with a 0 byte. */
static int
set_one(struct clv_signature *signature, const OSSL_PARAM *params,
    const char *name, set_fn *set, bool text)
{
	const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, name);

	if (param == NULL)
		return 1;
	if (param->data == NULL || (text && !is_text(param)))
		return clv_provider_fail(signature->provider, CLV_INVALID,
		    "parameter %s is of the wrong type", name);
	return set(signature, param);
}

int
clv_signature_set_params(void *context, const OSSL_PARAM params[])
{
	struct clv_signature *signature = context;

	if (params == NULL || params->key == NULL)
		return 1;
	if (signature->delegated)
		return EVP_PKEY_CTX_set_params(
		    signature->delegate.context, params);
	if (set_one(signature, params, OSSL_SIGNATURE_PARAM_DIGEST, set_digest,
		true) != 1)
		return 0;
	if (signature->pkey->type != CLV_PKEY_RSA)
		return 1;
	/* What depends on the padding comes after it. */
	return set_one(signature, params, OSSL_SIGNATURE_PARAM_PAD_MODE,
		   set_padding, false) == 1 &&
	    set_one(signature, params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN,
		set_salt, false) == 1 &&
	    set_one(signature, params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST,
		set_mgf1, true) == 1;
}

static int
get_algorithm_id(const struct clv_signature *signature, OSSL_PARAM *param)
{
	int size = 0;
	uint8_t *der = clv_algorithm_id(signature, &size);
	int done = 0;

	if (der != NULL)
		done = OSSL_PARAM_set_octet_string(param, der, (size_t)size);
	OPENSSL_free(der);
	return done;
}

static int
get_padding(const struct clv_signature *signature, OSSL_PARAM *param)
{
	const bool pss = signature->padding == CLV_PADDING_PSS;

	if (param->data_type == OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_set_utf8_string(param,
		    pss ? OSSL_PKEY_RSA_PAD_MODE_PSS
			: OSSL_PKEY_RSA_PAD_MODE_PKCSV15);
	return OSSL_PARAM_set_int(
	    param, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
}

static int
get_salt(const struct clv_signature *signature, OSSL_PARAM *param)
{
	char number[16];

	if (param->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_set_int(param, signature->salt);
	for (size_t i = 0; i < SALT_NAMES; i++)
		if (signature->salt == salt_names[i].salt)
			return OSSL_PARAM_set_utf8_string(
			    param, salt_names[i].name);
	(void)snprintf(number, sizeof(number), "%d", signature->salt);
	return OSSL_PARAM_set_utf8_string(param, number);
}

static int
get_digest(const struct clv_signature *signature, OSSL_PARAM *param)
{
	return OSSL_PARAM_set_utf8_string(
	    param, clv_digest_name(signature->hash));
}

static int
get_digest_size(const struct clv_signature *signature, OSSL_PARAM *param)
{
	return OSSL_PARAM_set_size_t(param, clv_hash_size(signature->hash));
}

static int
get_mgf1(const struct clv_signature *signature, OSSL_PARAM *param)
{
	return OSSL_PARAM_set_utf8_string(param,
	    clv_digest_name(signature->mgf1_hash != CLV_HASH_NONE
		    ? signature->mgf1_hash
		    : signature->hash));
}

typedef int get_fn(const struct clv_signature *signature, OSSL_PARAM *param);

static int
get_one(const struct clv_signature *signature, OSSL_PARAM *params,
    const char *name, get_fn *get)
{
	OSSL_PARAM *param = OSSL_PARAM_locate(params, name);

	return param == NULL || get(signature, param) == 1;
}

int
clv_signature_get_params(void *context, OSSL_PARAM params[])
{
	const struct clv_signature *signature = context;

	if (signature->delegated)
		return EVP_PKEY_CTX_get_params(
		    signature->delegate.context, params);
	if (!get_one(signature, params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID,
		get_algorithm_id) ||
	    !get_one(
		signature, params, OSSL_SIGNATURE_PARAM_DIGEST, get_digest) ||
	    !get_one(signature, params, OSSL_SIGNATURE_PARAM_DIGEST_SIZE,
		get_digest_size))
		return 0;
	if (signature->pkey->type != CLV_PKEY_RSA)
		return 1;
	return get_one(signature, params, OSSL_SIGNATURE_PARAM_PAD_MODE,
		   get_padding) &&
	    get_one(signature, params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN,
		get_salt) &&
	    get_one(
		signature, params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST, get_mgf1);
}

#define TEXT(name) OSSL_PARAM_utf8_string(name, NULL, 0)
#define ALGORITHM_ID \
	OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0)

/* A list of parameters, whatever the context. */
#define LIST(function, ...)                                       \
	const OSSL_PARAM *function(void *context, void *provider) \
	{                                                         \
		static const OSSL_PARAM params[] = {              \
		    __VA_ARGS__, OSSL_PARAM_END};                 \
                                                                  \
		(void)context;                                    \
		(void)provider;                                   \
		return params;                                    \
	}

LIST(clv_signature_gettable_rsa, ALGORITHM_ID,
    TEXT(OSSL_SIGNATURE_PARAM_DIGEST), TEXT(OSSL_SIGNATURE_PARAM_PAD_MODE),
    TEXT(OSSL_SIGNATURE_PARAM_PSS_SALTLEN),
    TEXT(OSSL_SIGNATURE_PARAM_MGF1_DIGEST))
LIST(clv_signature_gettable_ecdsa, ALGORITHM_ID,
    TEXT(OSSL_SIGNATURE_PARAM_DIGEST),
    OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL))
LIST(clv_signature_gettable_eddsa, ALGORITHM_ID)
LIST(clv_signature_settable_rsa, TEXT(OSSL_SIGNATURE_PARAM_DIGEST),
    TEXT(OSSL_SIGNATURE_PARAM_PROPERTIES), TEXT(OSSL_SIGNATURE_PARAM_PAD_MODE),
    TEXT(OSSL_SIGNATURE_PARAM_PSS_SALTLEN),
    TEXT(OSSL_SIGNATURE_PARAM_MGF1_DIGEST),
    TEXT(OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES))
LIST(clv_signature_settable_ecdsa, TEXT(OSSL_SIGNATURE_PARAM_DIGEST),
    OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL),
    TEXT(OSSL_SIGNATURE_PARAM_PROPERTIES))
