/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* RSA decryption; encryption goes to OpenSSL's own provider. */

#include "keys/provider/asym_cipher.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "keys/key.h"

/* RFC 5246, 7.4.7.1. */
#define PREMASTER_SIZE 48U

static void *
cipher_new(void *provider, const char *properties)
{
	struct clv_cipher *cipher = calloc(1, sizeof(*cipher));

	(void)properties;
	if (cipher != NULL)
		cipher->provider = provider;
	return cipher;
}

static void
cipher_free(void *context)
{
	struct clv_cipher *cipher = context;

	clv_delegate_end(&cipher->delegate);
	clv_pkey_free(&cipher->pkey);
	free(cipher);
}

static void *
cipher_dup(void *context)
{
	struct clv_cipher *cipher = context;
	struct clv_cipher *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *cipher;
	copy->delegate = (struct clv_delegate){0};
	if (copy->pkey != NULL)
		(void)clv_pkey_ref(copy->pkey);
	if (!cipher->delegated ||
	    clv_delegate_copy(&copy->delegate, &cipher->delegate))
		return copy;
	cipher_free(copy);
	return NULL;
}

static int
take_key(struct clv_cipher *cipher, struct clv_pkey *pkey)
{
	if (pkey == NULL || pkey->openssl == NULL)
		return clv_provider_fail(
		    cipher->provider, CLV_INVALID, "no key");
	(void)clv_pkey_ref(pkey);
	clv_pkey_free(&cipher->pkey);
	cipher->pkey = pkey;
	return 1;
}

static int
encrypt_init(void *context, void *key, const OSSL_PARAM params[])
{
	struct clv_cipher *cipher = context;

	if (take_key(cipher, key) != 1)
		return 0;
	cipher->delegated = true;
	return clv_delegate_begin(
	    &cipher->delegate, cipher->pkey, CLV_DELEGATE_ENCRYPT, params);
}

static int
encrypt(void *context, unsigned char *output, size_t *size, size_t room,
    const unsigned char *input, size_t input_size)
{
	struct clv_cipher *cipher = context;

	*size = room;
	return EVP_PKEY_encrypt(
	    cipher->delegate.context, output, size, input, input_size);
}

static int
decrypt_init(void *context, void *key, const OSSL_PARAM params[])
{
	struct clv_cipher *cipher = context;

	if (take_key(cipher, key) != 1)
		return 0;
	cipher->delegated = cipher->pkey->key == NULL;
	if (cipher->delegated)
		return clv_delegate_begin(&cipher->delegate, cipher->pkey,
		    CLV_DELEGATE_DECRYPT, params);
	cipher->padding = RSA_PKCS1_PADDING;
	cipher->hash = cipher->mgf1_hash = CLV_HASH_NONE;
	cipher->client_version = cipher->negotiated_version = 0;
	return clv_cipher_set_params(cipher, params);
}

/* All ones if both are equal, else 0; takes the same time. */
static uint8_t
equal_mask(uint32_t a, uint32_t b)
{
	const uint32_t difference = a ^ b;

	return (uint8_t)(((difference | (0U - difference)) >> 31) - 1U);
}

/*
 * RFC 5246, 7.4.7.1: a premaster secret that is wrong in any way is replaced
 * by a random one, and nobody is told. The key makes up a message of its own
 * where the padding is wrong, which is the same to the caller.
 */
static int
run_tls(struct clv_cipher *cipher, const uint8_t *input, size_t input_size,
    uint8_t *output, size_t *size)
{
	const struct clv_mechanism mechanism = {.family = CLV_FAMILY_RSA,
	    .padding = CLV_PADDING_PKCS1,
	    .decrypts = true};
	uint8_t plain[CLV_PLAINTEXT_MAX], random[PREMASTER_SIZE];
	size_t plain_size = sizeof(plain);
	uint32_t version;
	uint8_t good;

	if (cipher->client_version == 0)
		return clv_provider_fail(cipher->provider, CLV_INVALID,
		    "the client's TLS version is missing");
	memset(plain, 0, PREMASTER_SIZE);
	if (RAND_priv_bytes_ex(
		cipher->pkey->libctx, random, sizeof(random), 0) != 1 ||
	    clv_pkey_operate(cipher->pkey, &mechanism, input, input_size, plain,
		&plain_size) != 1)
		return 0;
	version = (uint32_t)plain[0] << 8 | plain[1];
	good = equal_mask(version, cipher->client_version);
	if (cipher->negotiated_version != 0)
		good |= equal_mask(version, cipher->negotiated_version);
	good &= equal_mask((uint32_t)plain_size, PREMASTER_SIZE);
	for (size_t i = 0; i < PREMASTER_SIZE; i++)
		output[i] = (uint8_t)((plain[i] & good) | (random[i] & ~good));
	*size = PREMASTER_SIZE;
	clv_wipe(plain, sizeof(plain));
	clv_wipe(random, sizeof(random));
	return 1;
}

static int
run_padded(struct clv_cipher *cipher, const uint8_t *input, size_t input_size,
    uint8_t *output, size_t *size)
{
	const bool oaep = cipher->padding == RSA_PKCS1_OAEP_PADDING;
	const struct clv_mechanism mechanism = {.family = CLV_FAMILY_RSA,
	    .padding = oaep ? CLV_PADDING_OAEP : CLV_PADDING_PKCS1,
	    .hash = oaep ? cipher->hash : CLV_HASH_NONE,
	    .decrypts = true};

	if (oaep && cipher->mgf1_hash != CLV_HASH_NONE &&
	    cipher->mgf1_hash != cipher->hash)
		return clv_provider_fail(cipher->provider, CLV_UNSUPPORTED,
		    "OAEP with %s and MGF1 with %s: only the same is supported",
		    clv_digest_name(cipher->hash),
		    clv_digest_name(cipher->mgf1_hash));
	return clv_pkey_operate(
	    cipher->pkey, &mechanism, input, input_size, output, size);
}

static int
decrypt_here(struct clv_cipher *cipher, uint8_t *output, size_t *size,
    size_t room, const uint8_t *input, size_t input_size)
{
	const bool tls = cipher->padding == RSA_PKCS1_WITH_TLS_PADDING;
	const size_t needed =
	    tls ? PREMASTER_SIZE : cipher->pkey->key->signature_size;

	if (output == NULL) {
		*size = needed;
		return 1;
	}
	if (room < needed)
		return clv_provider_fail(cipher->provider, CLV_INVALID,
		    "%zu bytes are too few for the plaintext", room);
	*size = room;
	return tls ? run_tls(cipher, input, input_size, output, size)
		   : run_padded(cipher, input, input_size, output, size);
}

static int
decrypt(void *context, unsigned char *output, size_t *size, size_t room,
    const unsigned char *input, size_t input_size)
{
	struct clv_cipher *cipher = context;

	if (!cipher->delegated)
		return decrypt_here(
		    cipher, output, size, room, input, input_size);
	*size = room;
	return EVP_PKEY_decrypt(
	    cipher->delegate.context, output, size, input, input_size);
}

#define FUNCTION(name, function)                 \
	{                                        \
		name, (void (*)(void))(function) \
	}

const OSSL_DISPATCH clv_asym_cipher_rsa[] = {
    FUNCTION(OSSL_FUNC_ASYM_CIPHER_NEWCTX, cipher_new),
    FUNCTION(OSSL_FUNC_ASYM_CIPHER_FREECTX, cipher_free),
    FUNCTION(OSSL_FUNC_ASYM_CIPHER_DUPCTX, cipher_dup),
    FUNCTION(OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, encrypt_init),
    FUNCTION(OSSL_FUNC_ASYM_CIPHER_ENCRYPT, encrypt),
    FUNCTION(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, decrypt_init),
    FUNCTION(OSSL_FUNC_ASYM_CIPHER_DECRYPT, decrypt),
    FUNCTION(OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, clv_cipher_get_params),
    FUNCTION(OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, clv_cipher_gettable),
    FUNCTION(OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, clv_cipher_set_params),
    FUNCTION(OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, clv_cipher_settable),
    {0, NULL}};
