/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "keys/public.h"

static clv_status
remember_modulus(clv_key *key, clv_error **err)
{
	BIGNUM *modulus = NULL;
	int done = 0;

	key->modulus = malloc(key->signature_size);
	if (key->modulus != NULL &&
	    EVP_PKEY_get_bn_param(
		key->public_key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1)
		done = BN_bn2binpad(
			   modulus, key->modulus, (int)key->signature_size) > 0;
	BN_free(modulus);
	if (done)
		return CLV_OK;
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "open key"}, "out of memory");
}

static clv_status
measure(clv_key *key, clv_error **err)
{
	const struct clv_algorithm_info *info;
	clv_status status;

	status = clv_public_parse(key->store->context->openssl,
	    key->facts.public_key, key->facts.public_key_size, &key->public_key,
	    err);
	if (status != CLV_OK)
		return status;
	key->algorithm = clv_public_algorithm(key->public_key);
	info = clv_algorithm_describe(key->algorithm);
	if (info == NULL)
		return clv_error_raise(err, CLV_UNSUPPORTED,
		    &(struct clv_error_info){
			.operation = "open key", .subject = key->facts.uri},
		    "OPC UA has no security policy for this kind of key");
	key->family = info->family;
	key->bits = info->bits;
	key->signature_size = info->signature;
	if (key->family != CLV_FAMILY_RSA)
		return CLV_OK;
	key->bits = (unsigned)EVP_PKEY_get_bits(key->public_key);
	key->signature_size = (key->bits + 7) / 8;
	if (key->signature_size > CLV_SIGNATURE_MAX || key->bits < 1024)
		return clv_error_raise(err, CLV_UNSUPPORTED,
		    &(struct clv_error_info){
			.operation = "open key", .subject = key->facts.uri},
		    "RSA keys of %u bits are out of range", key->bits);
	return remember_modulus(key, err);
}

static void
key_destroy(clv_key *key)
{
	key->backend->key_close(key->handle);
	EVP_PKEY_free(key->public_key);
	free(key->modulus);
	clv_key_forget_rejection(key);
	clv_store_free(&key->store);
	free(key);
}

clv_status
clv_key_wrap(clv_store *store, void *handle, clv_key **out, clv_error **err)
{
	clv_key *key = calloc(1, sizeof(*key));
	clv_status status;

	*out = NULL;
	if (key == NULL) {
		store->backend->key_close(handle);
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "open key"},
		    "out of memory");
	}
	atomic_init(&key->references, 1);
	key->store = clv_store_ref(store);
	key->backend = store->backend;
	key->handle = handle;
	key->backend->key_facts(handle, &key->facts);
	status = measure(key, err);
	if (status != CLV_OK) {
		key_destroy(key);
		return status;
	}
	*out = key;
	return CLV_OK;
}

clv_key *
clv_key_ref(clv_key *key)
{
	(void)atomic_fetch_add(&key->references, 1);
	return key;
}

void
clv_key_free(clv_key **key)
{
	if (key == NULL || *key == NULL)
		return;
	if (atomic_fetch_sub(&(*key)->references, 1) == 1)
		key_destroy(*key);
	*key = NULL;
}

const char *
clv_key_uri(const clv_key *key)
{
	return key->facts.uri;
}

const char *
clv_key_label(const clv_key *key)
{
	return key->facts.label;
}

clv_algorithm
clv_key_algorithm(const clv_key *key)
{
	return key->algorithm;
}

unsigned
clv_key_bits(const clv_key *key)
{
	return key->bits;
}

const uint8_t *
clv_key_id(const clv_key *key, size_t *size)
{
	*size = key->facts.id_size;
	return key->facts.id;
}

const uint8_t *
clv_key_public(const clv_key *key, size_t *size)
{
	*size = key->facts.public_key_size;
	return key->facts.public_key;
}

size_t
clv_key_signature_size(const clv_key *key)
{
	return key->signature_size;
}

unsigned
clv_key_properties(const clv_key *key)
{
	return key->facts.properties;
}
