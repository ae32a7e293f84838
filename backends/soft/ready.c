/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* OpenSSL's contexts, set up once per worker and mechanism. */

#include "internal.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/crypto.h"

static bool
serves(const struct ready *ready, const struct clv_mechanism *b)
{
	const struct clv_mechanism *a = &ready->mechanism;

	return (ready->context != NULL || ready->digest != NULL) &&
	    a->padding == b->padding && a->hash == b->hash &&
	    a->salt_size == b->salt_size && a->decrypts == b->decrypts;
}

static void
clear(struct ready *ready)
{
	EVP_PKEY_CTX_free(ready->context);
	EVP_MD_CTX_free(ready->digest);
	*ready = (struct ready){.context = NULL};
}

/* The place for another mechanism: a free one, or that of the oldest. */
static struct ready *
make_room(struct worker *worker)
{
	struct ready *ready = &worker->ready[worker->count % READY_MAX];

	clear(ready);
	worker->count++;
	return ready;
}

static bool
set_hash(EVP_PKEY_CTX *context, clv_hash hash)
{
	EVP_MD *md =
	    EVP_MD_fetch(clv_crypto_context(), clv_hash_name(hash), NULL);
	const bool done =
	    md != NULL && EVP_PKEY_CTX_set_signature_md(context, md) == 1;

	EVP_MD_free(md);
	return done;
}

static bool
prepare_rsa_signing(
    EVP_PKEY_CTX *context, const struct clv_mechanism *mechanism)
{
	if (mechanism->padding == CLV_PADDING_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(
			   context, RSA_PKCS1_PADDING) == 1 &&
		    set_hash(context, mechanism->hash);
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) ==
	    1 &&
	    set_hash(context, mechanism->hash) &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md_name(
		context, clv_hash_name(mechanism->hash), NULL) == 1 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(
		context, (int)mechanism->salt_size) == 1;
}

/* Without a padding, the operation is the raw one. */
static bool
prepare_decryption(EVP_PKEY_CTX *context, const struct clv_mechanism *mechanism)
{
	const char *hash = clv_hash_name(mechanism->hash);

	if (EVP_PKEY_decrypt_init(context) != 1)
		return false;
	if (mechanism->padding == CLV_PADDING_NONE)
		return EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) ==
		    1;
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) ==
	    1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(context, hash, NULL) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, hash, NULL) == 1;
}

static bool
prepare(const struct clv_soft_key *key, struct ready *ready)
{
	const struct clv_mechanism *mechanism = &ready->mechanism;

	if (key->family == CLV_FAMILY_ED) {
		ready->digest = EVP_MD_CTX_new();
		return ready->digest != NULL &&
		    EVP_DigestSignInit_ex(ready->digest, NULL, NULL,
			clv_crypto_context(), NULL, key->pkey, NULL) == 1;
	}
	ready->context =
	    EVP_PKEY_CTX_new_from_pkey(clv_crypto_context(), key->pkey, NULL);
	if (ready->context == NULL)
		return false;
	if (mechanism->decrypts)
		return prepare_decryption(ready->context, mechanism);
	if (EVP_PKEY_sign_init(ready->context) != 1)
		return false;
	/* ECDSA takes digests of any length if it is told no hash. */
	return key->family == CLV_FAMILY_EC ||
	    prepare_rsa_signing(ready->context, mechanism);
}

struct ready *
clv_soft_ready(const struct clv_soft_key *key, struct worker *worker,
    const struct clv_mechanism *mechanism)
{
	struct ready *ready;

	for (size_t i = 0; i < READY_MAX; i++)
		if (serves(&worker->ready[i], mechanism))
			return &worker->ready[i];
	ready = make_room(worker);
	ready->mechanism = *mechanism;
	if (prepare(key, ready))
		return ready;
	clear(ready);
	return NULL;
}
