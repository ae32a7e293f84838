/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

#include "store.h"

EVP_PKEY *
keys_get(unsigned number)
{
	struct bytes der;

	if (!store_get(CARD_KEYS, number, &der))
		return NULL;
	return d2i_AutoPrivateKey(NULL, &der.data, (long)der.size);
}

void
keys_put(unsigned number, EVP_PKEY *key)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	const int size = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;

	if (size > 0)
		store_put(CARD_KEYS, number, (struct bytes){der, (size_t)size});
	OPENSSL_clear_free(der, size > 0 ? (size_t)size : 0);
	PKCS8_PRIV_KEY_INFO_free(info);
}

EVP_PKEY *
keys_generate(const char *algorithm)
{
	if (strncmp(algorithm, "rsa", 3) == 0)
		return EVP_RSA_gen((unsigned)atoi(algorithm + 3));
	return EVP_EC_gen(algorithm);
}

static void
put_number(struct buffer *buffer, unsigned tag, EVP_PKEY *key, const char *name)
{
	BIGNUM *number = NULL;
	unsigned char bytes[1024];
	int size;

	if (!EVP_PKEY_get_bn_param(key, name, &number))
		return;
	size = BN_bn2bin(number, bytes);
	buffer_put_tlv(buffer, tag, bytes, (size_t)size);
	BN_free(number);
}

void
keys_put_public(struct buffer *buffer, EVP_PKEY *key)
{
	unsigned char point[256];
	size_t size;

	if (EVP_PKEY_is_a(key, "RSA")) {
		put_number(buffer, 0x81, key, OSSL_PKEY_PARAM_RSA_N);
		put_number(buffer, 0x82, key, OSSL_PKEY_PARAM_RSA_E);
	} else if (EVP_PKEY_get_octet_string_param(key,
		       OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point),
		       &size)) {
		buffer_put_tlv(buffer, 0x86, point, size);
	}
}

/* Room for one result behind what is in the buffer. */
static bool
has_room(const struct buffer *output, size_t *room)
{
	*room = sizeof(output->data) - output->size;
	return *room >= 1024;
}

static bool
finish(EVP_PKEY_CTX *context, bool ok, struct buffer *output, size_t size)
{
	if (ok)
		output->size += size;
	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return ok;
}

bool
keys_rsa(EVP_PKEY *key, bool sign, int padding, struct bytes input,
    struct buffer *output)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	uint8_t *to = output->data + output->size;
	size_t size = 0;
	bool ok = context != NULL && has_room(output, &size);

	if (sign)
		ok = ok && EVP_PKEY_sign_init(context) > 0 &&
		    EVP_PKEY_CTX_set_rsa_padding(context, padding) > 0 &&
		    EVP_PKEY_sign(context, to, &size, input.data, input.size) >
			0;
	else
		ok = ok && EVP_PKEY_decrypt_init(context) > 0 &&
		    EVP_PKEY_CTX_set_rsa_padding(context, padding) > 0 &&
		    EVP_PKEY_decrypt(
			context, to, &size, input.data, input.size) > 0;
	return finish(context, ok, output, size);
}

bool
keys_ecdsa(EVP_PKEY *key, struct bytes hash, struct buffer *output)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	size_t size = 0;
	const bool ok = context != NULL && has_room(output, &size) &&
	    EVP_PKEY_sign_init(context) > 0 &&
	    EVP_PKEY_sign(context, output->data + output->size, &size,
		hash.data, hash.size) > 0;

	return finish(context, ok, output, size);
}

bool
keys_ecdh(EVP_PKEY *key, struct bytes point, struct buffer *output)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	EVP_PKEY *peer = EVP_PKEY_new();
	size_t size = 0;
	const bool ok = context != NULL && peer != NULL &&
	    has_room(output, &size) &&
	    EVP_PKEY_copy_parameters(peer, key) > 0 &&
	    EVP_PKEY_set1_encoded_public_key(peer, point.data, point.size) >
		0 &&
	    EVP_PKEY_derive_init(context) > 0 &&
	    EVP_PKEY_derive_set_peer(context, peer) > 0 &&
	    EVP_PKEY_derive(context, output->data + output->size, &size) > 0;

	EVP_PKEY_free(peer);
	return finish(context, ok, output, size);
}
