/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* New keys. */

#include "internal.h"

#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/crypto.h"

struct generation {
	clv_algorithm algorithm;
	clv_secret *pkcs8;
	clv_secret numbers; /* big-endian, one after the other */
};

static EVP_PKEY *
generate(clv_algorithm algorithm)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(algorithm);
	unsigned bits = info->bits;
	char group[32] = "";
	OSSL_PARAM parameters[2] = {OSSL_PARAM_END, OSSL_PARAM_END};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(
	    clv_crypto_context(), info->openssl, NULL);
	EVP_PKEY *pkey = NULL;

	if (info->family == CLV_FAMILY_RSA) {
		parameters[0] =
		    OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_BITS, &bits);
	} else if (info->group != NULL) {
		(void)snprintf(group, sizeof(group), "%s", info->group);
		parameters[0] = OSSL_PARAM_construct_utf8_string(
		    OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	}
	if (context == NULL || EVP_PKEY_keygen_init(context) != 1 ||
	    EVP_PKEY_CTX_set_params(context, parameters) != 1 ||
	    EVP_PKEY_generate(context, &pkey) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(context);
	return pkey;
}

static void
reverse(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size / 2; i++) {
		const uint8_t byte = bytes[i];

		bytes[i] = bytes[size - 1 - i];
		bytes[size - 1 - i] = byte;
	}
}

/* Gets a number in the machine's byte order and turns it round. */
static bool
get_number(struct generation *the, const EVP_PKEY *pkey, const char *name,
    size_t size, struct clv_span *out)
{
	uint8_t *to = the->numbers.data + the->numbers.size;
	OSSL_PARAM parameters[2] = {
	    OSSL_PARAM_construct_BN(name, to, size), OSSL_PARAM_END};

	if (size > the->numbers.capacity - the->numbers.size ||
	    EVP_PKEY_get_params(pkey, parameters) != 1)
		return false;
	if (clv_machine_is_little_endian())
		reverse(to, size);
	the->numbers.size += size;
	*out = (struct clv_span){to, size};
	return true;
}

static bool
get_rsa(
    struct generation *the, const EVP_PKEY *pkey, struct clv_private_key *key)
{
	const size_t size = clv_algorithm_describe(the->algorithm)->bits / 8;

	for (size_t i = 0; i < CLV_RSA_NUMBERS; i++)
		if (!get_number(the, pkey, clv_soft_rsa_names[i],
			i <= CLV_RSA_D ? size : size / 2, &key->rsa[i]))
			return false;
	return true;
}

static bool
get_numbers(
    struct generation *the, const EVP_PKEY *pkey, struct clv_private_key *key)
{
	size_t size = the->numbers.capacity;

	*key = (struct clv_private_key){.kind = clv_key_kind_of(the->algorithm),
	    .algorithm = the->algorithm};
	switch (key->kind->family) {
	case CLV_FAMILY_RSA:
		return get_rsa(the, pkey, key);
	case CLV_FAMILY_EC:
		return get_number(the, pkey, OSSL_PKEY_PARAM_PRIV_KEY,
		    key->kind->secret_size, &key->secret);
	default:
		key->secret = (struct clv_span){
		    the->numbers.data, key->kind->secret_size};
		return EVP_PKEY_get_raw_private_key(
			   pkey, the->numbers.data, &size) == 1 &&
		    size == key->kind->secret_size;
	}
}

static clv_status
make(struct generation *the, clv_error **err)
{
	EVP_PKEY *pkey = generate(the->algorithm);
	struct clv_private_key key;
	uint8_t point[CLV_POINT_MAX];
	clv_status status;

	if (pkey == NULL || !get_numbers(the, pkey, &key))
		status = clv_crypto_raise(err, CLV_CRYPTO, "generate key",
		    "OpenSSL can't generate the key");
	else
		status = clv_private_key_check(&key, point, err);
	if (status == CLV_OK)
		status = clv_private_key_write(&key, the->pkcs8, err);
	EVP_PKEY_free(pkey);
	return status;
}

static clv_status
run_generation(void *argument, clv_error **err)
{
	clv_status status;

	if (clv_crypto_context() == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "generate key"},
		    "out of memory");
	(void)ERR_set_mark();
	status = make(argument, err);
	(void)ERR_pop_to_mark();
	return status;
}

clv_status
clv_soft_generate(clv_algorithm algorithm, clv_secret *pkcs8, clv_error **err)
{
	struct generation the = {
	    .algorithm = algorithm, .pkcs8 = pkcs8, .numbers = CLV_SECRET_INIT};
	clv_status status;

	if (clv_key_kind_of(algorithm) == NULL || algorithm == CLV_RSA_OTHER)
		return clv_error_raise(err, CLV_UNSUPPORTED,
		    &(struct clv_error_info){.operation = "generate key"},
		    "keys of this kind can't be generated");
	status = clv_secret_alloc(&the.numbers, CLV_PKCS8_MAX, err);
	if (status == CLV_OK)
		status = clv_run_privately(run_generation, &the, err);
	clv_secret_clear(&the.numbers);
	return status;
}
