/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A module that answers from the input: whatever it says, no crash, no
 * endless loop, no signature that the public key does not confirm.
 *
 * The first byte chooses what is done; the module reads the rest.
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <claviger/certificate.h>
#include <claviger/key.h>

#include "hostile_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Most inputs leave the keys as they are: parsed once. */
static EVP_PKEY *
public_key(const clv_key *key)
{
	static EVP_PKEY *last;
	static uint8_t last_der[4096];
	static size_t last_size;
	size_t size = 0;
	const unsigned char *der = clv_key_public(key, &size);

	if (last != NULL && size == last_size &&
	    memcmp(der, last_der, size) == 0)
		return last;
	if (size > sizeof(last_der))
		abort();
	memcpy(last_der, der, size);
	last_size = size;
	EVP_PKEY_free(last);
	last = d2i_PUBKEY(NULL, &der, (long)size);
	return last;
}

static void
check_signature(clv_key *key, const uint8_t *signature, size_t size)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(clv_key_algorithm(key));
	uint8_t der[CLV_SIGNATURE_MAX];
	size_t der_size = sizeof(der);
	EVP_PKEY *public = public_key(key);
	EVP_MD_CTX *verifier = EVP_MD_CTX_new();

	if (public == NULL || verifier == NULL)
		abort();
	if (info->family == CLV_FAMILY_EC) {
		if (clv_ecdsa_to_der(signature, size, der, &der_size, NULL) !=
		    CLV_OK)
			abort();
		signature = der;
		size = der_size;
	}
	if (EVP_DigestVerifyInit_ex(verifier, NULL,
		info->family == CLV_FAMILY_ED ? NULL : "SHA2-256", NULL, NULL,
		public, NULL) != 1 ||
	    EVP_DigestVerify(
		verifier, signature, size, (const uint8_t *)"m", 1) != 1)
		abort();
	EVP_MD_CTX_free(verifier);
}

static void
use(clv_key *key)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(clv_key_algorithm(key));
	uint8_t out[CLV_SIGNATURE_MAX];
	uint8_t in[CLV_SIGNATURE_MAX] = {0};
	size_t size = sizeof(out);
	uint8_t *chain = NULL;

	clv_scheme scheme = info->family == CLV_FAMILY_RSA
	    ? CLV_RSA_PKCS1_SHA256
	    : info->family == CLV_FAMILY_EC ? CLV_ECDSA_SHA256
					    : info->scheme;
	if (clv_key_sign(key, scheme, "m", 1, out, &size, NULL) == CLV_OK)
		check_signature(key, out, size);
	size = sizeof(out);
	if (info->family == CLV_FAMILY_RSA)
		(void)clv_key_decrypt(key, CLV_RSA_OAEP_SHA256, in,
		    clv_key_signature_size(key), out, &size, NULL);
	size = 0;
	if (clv_key_read_certificates(key, &chain, &size, NULL) == CLV_OK)
		clv_free(chain);
}

static void
open_one(const char *attribute)
{
	clv_key *key = NULL;

	if (hostile_token_open(attribute, &key) == CLV_OK)
		use(key);
	clv_key_free(&key);
}

static void
work_store(bool make)
{
	char uri[PATH_MAX + 128];
	clv_store *store = NULL;
	clv_key_list *list = NULL;
	clv_key *key = NULL;

	(void)snprintf(
	    uri, sizeof(uri), "pkcs11:?module-path=%s", HOSTILE_PATH);
	if (clv_store_open(hostile_token_context(), uri, &store, NULL) !=
	    CLV_OK)
		return;
	if (make &&
	    clv_key_generate(store, CLV_EC_P256, NULL, &key, NULL) == CLV_OK) {
		use(key);
		(void)clv_key_delete(
		    hostile_token_context(), clv_key_uri(key), NULL);
	}
	clv_key_free(&key);
	if (clv_key_list_get(store, &list, NULL) == CLV_OK)
		for (size_t i = 0; i < clv_key_list_count(list); i++)
			if (clv_key_list_at(list, i)->uri == NULL)
				abort();
	clv_key_list_free(&list);
	clv_store_free(&store);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return 0;
	hostile_token_answers(bytes + 1, size - 1);
	switch (bytes[0] % 5) {
	case 0:
		open_one("id=%01");
		break;
	case 1:
		open_one("id=%02");
		break;
	case 2:
		open_one("");
		break;
	case 3:
		work_store(false);
		break;
	default:
		work_store(true);
		break;
	}
	hostile_token_check();
	return 0;
}
