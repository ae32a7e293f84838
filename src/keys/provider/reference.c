/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Key files that hold no key but say where it is, for programs that can open
 * a PEM file and nothing else:
 *
 *     -----BEGIN CLAVIGER KEY URI-----
 *     base64 of "claviger:KEY-URI"
 *     -----END CLAVIGER KEY URI-----
 *
 * Two decoders, because OpenSSL accepts a key only from a decoder of DER: one
 * takes the PEM off, the other opens the key. A URI may name a module to be
 * loaded, so that a reference is followed only where a private key is asked
 * for by name, not by a program that looks what some file is.
 */

#include "keys/provider/provider.h"

#include <claviger/uri.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "keys/provider/deliver.h"

#define BEGIN_ANY "-----BEGIN "
#define BEGIN_OURS "-----BEGIN CLAVIGER KEY URI-----"
#define END_OURS "-----END CLAVIGER KEY URI-----"
#define SCHEME CLV_PROVIDER_NAME ":"
#define LINE_SIZE 256
#define STORE_URI_MAX (CLV_URI_MAX + sizeof(SCHEME))
#define BASE64_SIZE ((STORE_URI_MAX + 2) / 3 * 4)

/* There is nothing to remember but the provider. */
static void *
decoder_new(void *provider)
{
	return provider;
}

static void
decoder_free(void *context)
{
	(void)context;
}

static bool
starts(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* Up to the first line of a PEM block; whether it is ours. */
static bool
find_begin(const struct clv_provider *provider, OSSL_CORE_BIO *bio)
{
	char line[LINE_SIZE];

	while (provider->bio_gets(bio, line, sizeof(line)) > 0)
		if (starts(line, BEGIN_ANY))
			return starts(line, BEGIN_OURS);
	return false;
}

/* The base64 text without white space; 0 bytes if it does not end well. */
static size_t
read_base64(const struct clv_provider *provider, OSSL_CORE_BIO *bio, char *text)
{
	char line[LINE_SIZE];
	size_t size = 0;

	while (provider->bio_gets(bio, line, sizeof(line)) > 0) {
		const size_t length = strcspn(line, " \r\n");

		if (starts(line, END_OURS))
			return size;
		if (size + length > BASE64_SIZE)
			return 0;
		memcpy(text + size, line, length);
		size += length;
	}
	return 0;
}

static size_t
decode_base64(const char *text, size_t size, unsigned char *out)
{
	int decoded;
	size_t padding = 0;

	if (size < 4 || size % 4 != 0)
		return 0;
	decoded = EVP_DecodeBlock(out, (const unsigned char *)text, (int)size);
	for (size_t i = size; i > size - 2 && text[i - 1] == '='; i--)
		padding++;
	return decoded > 0 ? (size_t)decoded - padding : 0;
}

static int
pass_on(
    unsigned char *uri, size_t size, OSSL_CALLBACK *callback, void *argument)
{
	int type = OSSL_OBJECT_PKEY;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
	    OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE,
		(char *)(uintptr_t)CLV_REFERENCE_STRUCTURE, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_OBJECT_PARAM_DATA, uri, size),
	    OSSL_PARAM_construct_end()};

	return callback(params, argument);
}

/* "Empty-handed" is 1: OpenSSL goes on with other decoders. */
static int
decode_pem(void *context, OSSL_CORE_BIO *bio, int selection,
    OSSL_CALLBACK *callback, void *argument,
    OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument)
{
	const struct clv_provider *provider = context;
	char text[BASE64_SIZE];
	unsigned char uri[BASE64_SIZE];
	size_t size;

	(void)selection;
	(void)passphrase;
	(void)passphrase_argument;
	if (!find_begin(provider, bio))
		return 1;
	size = read_base64(provider, bio, text);
	size = decode_base64(text, size, uri);
	return size > 0 ? pass_on(uri, size, callback, argument) : 1;
}

static int
does_private_keys(void *provider, int selection)
{
	(void)provider;
	return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

static int
decode_uri(void *context, OSSL_CORE_BIO *bio, int selection,
    OSSL_CALLBACK *callback, void *argument,
    OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument)
{
	const struct clv_provider *provider = context;
	char uri[STORE_URI_MAX + 1];
	size_t size = 0, got = 0;
	struct clv_pkey *pkey;
	int done;

	if (!does_private_keys(context, selection))
		return 1;
	while (size < STORE_URI_MAX &&
	    provider->bio_read(bio, uri + size, STORE_URI_MAX - size, &got) ==
		1)
		size += got;
	uri[size] = '\0';
	if (!starts(uri, SCHEME) || strlen(uri) != size)
		return 1;
	pkey = clv_deliver_open(
	    provider, uri + strlen(SCHEME), passphrase, passphrase_argument);
	if (pkey == NULL)
		return 0;
	done = clv_deliver_key(pkey, callback, argument);
	clv_pkey_free(&pkey);
	return done;
}

#define FUNCTION(name, function)                 \
	{                                        \
		name, (void (*)(void))(function) \
	}

const OSSL_DISPATCH clv_decoder_pem[] = {
    FUNCTION(OSSL_FUNC_DECODER_NEWCTX, decoder_new),
    FUNCTION(OSSL_FUNC_DECODER_FREECTX, decoder_free),
    FUNCTION(OSSL_FUNC_DECODER_DECODE, decode_pem), {0, NULL}};

const OSSL_DISPATCH clv_decoder_uri[] = {
    FUNCTION(OSSL_FUNC_DECODER_NEWCTX, decoder_new),
    FUNCTION(OSSL_FUNC_DECODER_FREECTX, decoder_free),
    FUNCTION(OSSL_FUNC_DECODER_DOES_SELECTION, does_private_keys),
    FUNCTION(OSSL_FUNC_DECODER_DECODE, decode_uri), {0, NULL}};
