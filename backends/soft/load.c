/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Numbers of a key into OpenSSL, past its decoders, which leave copies. */

#include "internal.h"

#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/crypto.h"

/* Parameters whose numbers lie in a secret, in the machine's byte order. */
struct builder {
	OSSL_PARAM parameters[CLV_RSA_NUMBERS + 1];
	size_t count;
	clv_secret numbers;
};

static bool
add_number(struct builder *builder, const char *name, struct clv_span number)
{
	uint8_t *to = builder->numbers.data + builder->numbers.size;

	if (number.size > builder->numbers.capacity - builder->numbers.size)
		return false;
	for (size_t i = 0; i < number.size; i++)
		to[i] = number.data[clv_machine_is_little_endian()
			? number.size - 1 - i
			: i];
	builder->numbers.size += number.size;
	builder->parameters[builder->count++] =
	    OSSL_PARAM_construct_BN(name, to, number.size);
	return true;
}

static EVP_PKEY *
make(const char *type, OSSL_PARAM *parameters)
{
	EVP_PKEY_CTX *context =
	    EVP_PKEY_CTX_new_from_name(clv_crypto_context(), type, NULL);
	EVP_PKEY *pkey = NULL;

	if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, parameters) !=
		1)
		pkey = NULL;
	EVP_PKEY_CTX_free(context);
	return pkey;
}

const char *const clv_soft_rsa_names[CLV_RSA_NUMBERS] = {
    [CLV_RSA_N] = OSSL_PKEY_PARAM_RSA_N,
    [CLV_RSA_E] = OSSL_PKEY_PARAM_RSA_E,
    [CLV_RSA_D] = OSSL_PKEY_PARAM_RSA_D,
    [CLV_RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
    [CLV_RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
    [CLV_RSA_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
    [CLV_RSA_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
    [CLV_RSA_QI] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1};

static EVP_PKEY *
load_rsa(struct builder *builder, const struct clv_private_key *key)
{
	for (size_t i = 0; i < CLV_RSA_NUMBERS; i++)
		if (!add_number(builder, clv_soft_rsa_names[i], key->rsa[i]))
			return NULL;
	builder->parameters[builder->count] = OSSL_PARAM_construct_end();
	return make("RSA", builder->parameters);
}

static EVP_PKEY *
load_ec(struct builder *builder, const struct clv_private_key *key)
{
	char group[32] = "";
	uint8_t point[CLV_POINT_MAX];

	(void)snprintf(group, sizeof(group), "%s",
	    clv_algorithm_describe(key->algorithm)->group);
	memcpy(point, key->point.data, key->point.size);
	if (!add_number(builder, OSSL_PKEY_PARAM_PRIV_KEY, key->secret))
		return NULL;
	builder->parameters[builder->count++] =
	    OSSL_PARAM_construct_utf8_string(
		OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	builder->parameters[builder->count++] =
	    OSSL_PARAM_construct_octet_string(
		OSSL_PKEY_PARAM_PUB_KEY, point, key->point.size);
	builder->parameters[builder->count] = OSSL_PARAM_construct_end();
	return make("EC", builder->parameters);
}

EVP_PKEY *
clv_soft_load(const struct clv_private_key *key)
{
	struct builder builder = {.numbers = CLV_SECRET_INIT};
	EVP_PKEY *pkey = NULL;

	if (key->kind->family == CLV_FAMILY_ED)
		return EVP_PKEY_new_raw_private_key_ex(clv_crypto_context(),
		    clv_algorithm_describe(key->algorithm)->openssl, NULL,
		    key->secret.data, key->secret.size);
	if (clv_secret_alloc(&builder.numbers, CLV_PKCS8_MAX, NULL) != CLV_OK)
		return NULL;
	if (key->kind->family == CLV_FAMILY_RSA)
		pkey = load_rsa(&builder, key);
	else
		pkey = load_ec(&builder, key);
	clv_secret_clear(&builder.numbers);
	return pkey;
}
