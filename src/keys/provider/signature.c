/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Signatures: the way through OpenSSL's calls. */

#include "keys/provider/signature.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/params.h>

#include "keys/key.h"

static void *
signature_new(void *provider, const char *properties)
{
	struct clv_signature *signature = calloc(1, sizeof(*signature));

	(void)properties;
	if (signature != NULL)
		signature->provider = provider;
	return signature;
}

static void
signature_free(void *context)
{
	struct clv_signature *signature = context;

	clv_delegate_end(&signature->delegate);
	EVP_MD_CTX_free(signature->digest);
	clv_pkey_free(&signature->pkey);
	free(signature);
}

static bool
copy_state(struct clv_signature *copy, const struct clv_signature *signature)
{
	if (signature->delegated)
		return clv_delegate_copy(&copy->delegate, &signature->delegate);
	if (signature->digest == NULL)
		return true;
	copy->digest = EVP_MD_CTX_new();
	return copy->digest != NULL &&
	    EVP_MD_CTX_copy_ex(copy->digest, signature->digest) == 1;
}

static void *
signature_dup(void *context)
{
	struct clv_signature *signature = context;
	struct clv_signature *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *signature;
	copy->delegate = (struct clv_delegate){0};
	copy->digest = NULL;
	if (copy->pkey != NULL)
		(void)clv_pkey_ref(copy->pkey);
	if (copy_state(copy, signature))
		return copy;
	signature_free(copy);
	return NULL;
}

/* A missing key means: the one before. */
static int
take_key(struct clv_signature *signature, struct clv_pkey *pkey)
{
	if (pkey != NULL) {
		(void)clv_pkey_ref(pkey);
		clv_pkey_free(&signature->pkey);
		signature->pkey = pkey;
	}
	if (signature->pkey != NULL && signature->pkey->openssl != NULL)
		return 1;
	return clv_provider_fail(signature->provider, CLV_INVALID, "no key");
}

static int
sign_init(void *context, void *key, const OSSL_PARAM params[])
{
	struct clv_signature *signature = context;

	if (take_key(signature, key) != 1)
		return 0;
	signature->delegated = signature->pkey->key == NULL;
	if (signature->delegated)
		return clv_delegate_begin(&signature->delegate, signature->pkey,
		    CLV_DELEGATE_SIGN, params);
	clv_signature_reset(signature);
	return clv_signature_set_params(signature, params);
}

static int
sign(void *context, unsigned char *output, size_t *size, size_t room,
    const unsigned char *input, size_t input_size)
{
	struct clv_signature *signature = context;

	if (signature->delegated) {
		*size = room;
		return EVP_PKEY_sign(signature->delegate.context, output, size,
		    input, input_size);
	}
	if (output != NULL)
		return clv_signature_make(
		    signature, input, input_size, output, size, room);
	*size = clv_signature_room(signature);
	return *size > 0;
}

static int
verify_init(void *context, void *key, const OSSL_PARAM params[])
{
	struct clv_signature *signature = context;

	if (take_key(signature, key) != 1)
		return 0;
	signature->delegated = true;
	return clv_delegate_begin(
	    &signature->delegate, signature->pkey, CLV_DELEGATE_VERIFY, params);
}

static int
verify(void *context, const unsigned char *given, size_t given_size,
    const unsigned char *input, size_t input_size)
{
	struct clv_signature *signature = context;

	return EVP_PKEY_verify(
	    signature->delegate.context, given, given_size, input, input_size);
}

static bool
is_eddsa(const struct clv_signature *signature)
{
	return signature->pkey->key->family == CLV_FAMILY_ED;
}

/* OPC UA's and OpenSSL's default, for those who name none. */
static const char *
digest_or_default(const struct clv_signature *signature, const char *name)
{
	if (name != NULL && *name != '\0')
		return name;
	return signature->hash != CLV_HASH_NONE
	    ? clv_digest_name(signature->hash)
	    : "SHA256";
}

static int
start_digest(struct clv_signature *signature)
{
	const EVP_MD *digest =
	    clv_digest_of(signature->pkey->key, signature->hash);

	if (signature->digest == NULL)
		signature->digest = EVP_MD_CTX_new();
	return signature->digest != NULL &&
	    EVP_DigestInit_ex2(signature->digest, digest, NULL) == 1;
}

static int
digest_sign_init(
    void *context, const char *name, void *key, const OSSL_PARAM params[])
{
	struct clv_signature *signature = context;

	if (take_key(signature, key) != 1)
		return 0;
	signature->delegated = signature->pkey->key == NULL;
	if (signature->delegated)
		return clv_delegate_begin_digest(&signature->delegate,
		    signature->pkey, CLV_DELEGATE_SIGN, name, params);
	clv_signature_reset(signature);
	if (is_eddsa(signature)) {
		if (name == NULL || *name == '\0')
			return 1;
		return clv_provider_fail(signature->provider, CLV_INVALID,
		    "this key signs messages, not digests");
	}
	if (clv_signature_set_digest(
		signature, digest_or_default(signature, name)) != 1)
		return 0;
	signature->digest_fixed = true;
	return clv_signature_set_params(signature, params) == 1 &&
	    start_digest(signature);
}

static int
digest_sign_update(void *context, const unsigned char *data, size_t size)
{
	struct clv_signature *signature = context;

	if (signature->delegated)
		return EVP_DigestSignUpdate(
		    signature->delegate.digest, data, size);
	return signature->digest != NULL &&
	    EVP_DigestUpdate(signature->digest, data, size) == 1;
}

static int
digest_sign_final(
    void *context, unsigned char *output, size_t *size, size_t room)
{
	struct clv_signature *signature = context;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned digest_size = 0;

	if (signature->delegated) {
		*size = room;
		return EVP_DigestSignFinal(
		    signature->delegate.digest, output, size);
	}
	if (output == NULL)
		return sign(context, NULL, size, 0, NULL, 0);
	if (signature->digest == NULL ||
	    EVP_DigestFinal_ex(signature->digest, digest, &digest_size) != 1)
		return 0;
	return clv_signature_make(
	    signature, digest, digest_size, output, size, room);
}

static int
digest_sign(void *context, unsigned char *output, size_t *size, size_t room,
    const unsigned char *message, size_t message_size)
{
	struct clv_signature *signature = context;

	if (signature->delegated) {
		*size = room;
		return EVP_DigestSign(signature->delegate.digest, output, size,
		    message, message_size);
	}
	if (output == NULL || is_eddsa(signature))
		return sign(context, output, size, room, message, message_size);
	return digest_sign_update(context, message, message_size) == 1 &&
	    digest_sign_final(context, output, size, room) == 1;
}

static int
digest_verify_init(
    void *context, const char *name, void *key, const OSSL_PARAM params[])
{
	struct clv_signature *signature = context;

	if (take_key(signature, key) != 1)
		return 0;
	signature->delegated = true;
	return clv_delegate_begin_digest(&signature->delegate, signature->pkey,
	    CLV_DELEGATE_VERIFY, name, params);
}

static int
digest_verify_update(void *context, const unsigned char *data, size_t size)
{
	struct clv_signature *signature = context;

	return EVP_DigestVerifyUpdate(signature->delegate.digest, data, size);
}

static int
digest_verify_final(
    void *context, const unsigned char *given, size_t given_size)
{
	struct clv_signature *signature = context;

	return EVP_DigestVerifyFinal(
	    signature->delegate.digest, given, given_size);
}

static int
digest_verify(void *context, const unsigned char *given, size_t given_size,
    const unsigned char *message, size_t message_size)
{
	struct clv_signature *signature = context;

	return EVP_DigestVerify(signature->delegate.digest, given, given_size,
	    message, message_size);
}

#define FUNCTION(name, function)                 \
	{                                        \
		name, (void (*)(void))(function) \
	}

#define FUNCTIONS_ALL                                                         \
	FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, signature_new),                  \
	    FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, signature_free),            \
	    FUNCTION(OSSL_FUNC_SIGNATURE_DUPCTX, signature_dup),              \
	    FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_sign_init), \
	    FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, digest_sign),           \
	    FUNCTION(                                                         \
		OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, digest_verify_init),  \
	    FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, digest_verify),       \
	    FUNCTION(                                                         \
		OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, clv_signature_get_params)

/* EdDSA signs messages as a whole, so it has only what is above. */
#define FUNCTIONS_OF_DIGESTS(gettable, settable)                               \
	FUNCTION(OSSL_FUNC_SIGNATURE_SIGN_INIT, sign_init),                    \
	    FUNCTION(OSSL_FUNC_SIGNATURE_SIGN, sign),                          \
	    FUNCTION(OSSL_FUNC_SIGNATURE_VERIFY_INIT, verify_init),            \
	    FUNCTION(OSSL_FUNC_SIGNATURE_VERIFY, verify),                      \
	    FUNCTION(                                                          \
		OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_sign_update),   \
	    FUNCTION(                                                          \
		OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, digest_sign_final),     \
	    FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE,                 \
		digest_verify_update),                                         \
	    FUNCTION(                                                          \
		OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, digest_verify_final), \
	    FUNCTION(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettable),       \
	    FUNCTION(                                                          \
		OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, clv_signature_set_params), \
	    FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable)

const OSSL_DISPATCH clv_signature_rsa[] = {FUNCTIONS_ALL,
    FUNCTIONS_OF_DIGESTS(
	clv_signature_gettable_rsa, clv_signature_settable_rsa),
    {0, NULL}};

const OSSL_DISPATCH clv_signature_ecdsa[] = {FUNCTIONS_ALL,
    FUNCTIONS_OF_DIGESTS(
	clv_signature_gettable_ecdsa, clv_signature_settable_ecdsa),
    {0, NULL}};

const OSSL_DISPATCH clv_signature_eddsa[] = {FUNCTIONS_ALL,
    FUNCTION(
	OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, clv_signature_gettable_eddsa),
    {0, NULL}};
