/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "crypto.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <claviger/secret.h>

#include "base/crypto.h"

/* The hashes that objects are named with. */
static const struct {
	TPM2_ALG_ID id;
	size_t size;
	const char *name;
} hashes[] = {
    {TPM2_ALG_SHA256, 32, "SHA2-256"},
    {TPM2_ALG_SHA384, 48, "SHA2-384"},
    {TPM2_ALG_SHA512, 64, "SHA2-512"},
    {TPM2_ALG_SHA1, 20, "SHA1"},
};
#define HASHES (sizeof(hashes) / sizeof(hashes[0]))

struct clv_tpm_crypto {
	OSSL_LIB_CTX *context;
	EVP_MD *digests[HASHES];
	EVP_MAC_CTX *macs[HASHES];
	EVP_MD_CTX *digest;
	EVP_CIPHER *aes128;
	EVP_CIPHER *aes256;
	EVP_CIPHER_CTX *cipher;
};

static int
hash_index(TPM2_ALG_ID hash)
{
	for (size_t i = 0; i < HASHES; i++)
		if (hashes[i].id == hash)
			return (int)i;
	return -1;
}

size_t
clv_tpm_hash_size(TPM2_ALG_ID hash)
{
	const int index = hash_index(hash);

	return index < 0 ? 0 : hashes[index].size;
}

const char *
clv_tpm_hash_name(TPM2_ALG_ID hash)
{
	const int index = hash_index(hash);

	return index < 0 ? NULL : hashes[index].name;
}

static bool
fetch_hashes(struct clv_tpm_crypto *crypto)
{
	EVP_MAC *mac = EVP_MAC_fetch(crypto->context, "HMAC", NULL);
	bool fetched = mac != NULL;

	for (size_t i = 0; fetched && i < HASHES; i++) {
		char *name = OPENSSL_strdup(hashes[i].name);
		const OSSL_PARAM digest[] = {
		    OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_DIGEST, name, 0),
		    OSSL_PARAM_construct_end()};

		crypto->digests[i] =
		    EVP_MD_fetch(crypto->context, hashes[i].name, NULL);
		crypto->macs[i] = EVP_MAC_CTX_new(mac);
		fetched = name != NULL && crypto->digests[i] != NULL &&
		    crypto->macs[i] != NULL &&
		    EVP_MAC_CTX_set_params(crypto->macs[i], digest) == 1;
		OPENSSL_free(name);
	}
	EVP_MAC_free(mac);
	return fetched;
}

struct clv_tpm_crypto *
clv_tpm_crypto_new(void)
{
	struct clv_tpm_crypto *crypto = calloc(1, sizeof(*crypto));

	if (crypto == NULL)
		return NULL;
	crypto->context = clv_crypto_context();
	if (crypto->context == NULL || !fetch_hashes(crypto))
		goto fail;
	crypto->aes128 = EVP_CIPHER_fetch(crypto->context, "AES-128-CFB", NULL);
	crypto->aes256 = EVP_CIPHER_fetch(crypto->context, "AES-256-CFB", NULL);
	crypto->digest = EVP_MD_CTX_new();
	crypto->cipher = EVP_CIPHER_CTX_new();
	if (crypto->aes128 && crypto->aes256 && crypto->digest &&
	    crypto->cipher)
		return crypto;
fail:
	clv_tpm_crypto_free(&crypto);
	return NULL;
}

void
clv_tpm_crypto_free(struct clv_tpm_crypto **crypto)
{
	struct clv_tpm_crypto *gone = *crypto;

	if (gone == NULL)
		return;
	for (size_t i = 0; i < HASHES; i++) {
		EVP_MAC_CTX_free(gone->macs[i]);
		EVP_MD_free(gone->digests[i]);
	}
	EVP_CIPHER_CTX_free(gone->cipher);
	EVP_MD_CTX_free(gone->digest);
	EVP_CIPHER_free(gone->aes128);
	EVP_CIPHER_free(gone->aes256);
	free(gone);
	*crypto = NULL;
}

TSS2_RC
clv_tpm_random(struct clv_tpm_crypto *crypto, uint8_t *bytes, size_t size)
{
	return RAND_priv_bytes_ex(crypto->context, bytes, size, 256) == 1
	    ? TSS2_RC_SUCCESS
	    : CLV_TPM_RC_INTERNAL;
}

TSS2_RC
clv_tpm_digest(struct clv_tpm_crypto *crypto, TPM2_ALG_ID hash,
    const struct clv_span *pieces, size_t count, uint8_t *digest)
{
	const int index = hash_index(hash);

	if (index < 0 ||
	    EVP_DigestInit_ex2(crypto->digest, crypto->digests[index], NULL) !=
		1)
		return CLV_TPM_RC_INTERNAL;
	for (size_t i = 0; i < count; i++)
		if (EVP_DigestUpdate(
			crypto->digest, pieces[i].data, pieces[i].size) != 1)
			return CLV_TPM_RC_INTERNAL;
	return EVP_DigestFinal_ex(crypto->digest, digest, NULL) == 1
	    ? TSS2_RC_SUCCESS
	    : CLV_TPM_RC_INTERNAL;
}

TSS2_RC
clv_tpm_hmac(struct clv_tpm_crypto *crypto, TPM2_ALG_ID hash,
    const uint8_t *key, size_t key_size, const struct clv_span *pieces,
    size_t count, uint8_t *digest)
{
	const int index = hash_index(hash);
	size_t size;

	if (index < 0 ||
	    EVP_MAC_init(crypto->macs[index], key, key_size, NULL) != 1)
		return CLV_TPM_RC_INTERNAL;
	for (size_t i = 0; i < count; i++)
		if (EVP_MAC_update(crypto->macs[index], pieces[i].data,
			pieces[i].size) != 1)
			return CLV_TPM_RC_INTERNAL;
	return EVP_MAC_final(
		   crypto->macs[index], digest, &size, hashes[index].size) == 1
	    ? TSS2_RC_SUCCESS
	    : CLV_TPM_RC_INTERNAL;
}

static void
put_u32(uint8_t *to, size_t value)
{
	to[0] = (uint8_t)(value >> 24);
	to[1] = (uint8_t)(value >> 16);
	to[2] = (uint8_t)(value >> 8);
	to[3] = (uint8_t)value;
}

TSS2_RC
clv_tpm_kdfa(struct clv_tpm_crypto *crypto, TPM2_ALG_ID hash,
    const uint8_t *key, size_t key_size, const char *label, struct clv_span u,
    struct clv_span v, uint8_t *out, size_t size)
{
	const size_t step = clv_tpm_hash_size(hash);
	uint8_t counter[4], bits[4], block[CLV_TPM_DIGEST_MAX];
	const struct clv_span pieces[] = {{counter, 4},
	    {(const uint8_t *)label, strlen(label) + 1}, u, v, {bits, 4}};
	TSS2_RC rc = TSS2_RC_SUCCESS;

	put_u32(bits, size * 8);
	for (size_t done = 0, i = 1; done < size && rc == TSS2_RC_SUCCESS;
	     done += step, i++) {
		const size_t part = size - done < step ? size - done : step;

		put_u32(counter, i);
		rc = clv_tpm_hmac(crypto, hash, key, key_size, pieces,
		    sizeof(pieces) / sizeof(pieces[0]), block);
		if (rc == TSS2_RC_SUCCESS)
			memcpy(out + done, block, part);
	}
	clv_wipe(block, sizeof(block));
	return rc;
}

TSS2_RC
clv_tpm_cfb(struct clv_tpm_crypto *crypto, bool encrypt, const uint8_t *key,
    size_t key_size, const uint8_t *iv, uint8_t *bytes, size_t size)
{
	const EVP_CIPHER *aes =
	    key_size == 16 ? crypto->aes128 : crypto->aes256;
	int done = 0;

	if (EVP_CipherInit_ex2(
		crypto->cipher, aes, key, iv, encrypt ? 1 : 0, NULL) != 1 ||
	    EVP_CipherUpdate(crypto->cipher, bytes, &done, bytes, (int)size) !=
		1 ||
	    (size_t)done != size)
		return CLV_TPM_RC_INTERNAL;
	return TSS2_RC_SUCCESS;
}
