/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "tpm2_openssl.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/x509.h>

#include <claviger/key.h>

#include "fake/swtpm_lab.h"

static const unsigned char message[256] = "a message of a secure channel";

struct theirs {
	struct swtpm_lab lab;
	OSSL_LIB_CTX *context;
	OSSL_PROVIDER *providers[2];
	EVP_PKEY *key;
	char file[LAB_PATH + 16];
	uint8_t ciphertext[256];
};

static EVP_PKEY *
theirs_load(struct theirs *theirs)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex(theirs->file,
	    theirs->context, "?provider=tpm2", NULL, NULL, NULL, NULL, NULL);
	EVP_PKEY *key = NULL;

	while (store != NULL && key == NULL && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *found = OSSL_STORE_load(store);

		if (found != NULL &&
		    OSSL_STORE_INFO_get_type(found) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(found);
		OSSL_STORE_INFO_free(found);
	}
	OSSL_STORE_close(store);
	return key;
}

static bool
open_key(struct theirs *theirs, bool rsa)
{
	char tcti[LAB_PATH + 80];

	if (swtpm_lab_start(&theirs->lab) != 0)
		return false;
	(void)snprintf(
	    theirs->file, sizeof(theirs->file), "%s/key.pem", theirs->lab.dir);
	if (swtpm_lab_run(&theirs->lab,
		(const char *const[]){"openssl", "genpkey", "-provider", "tpm2",
		    "-algorithm", rsa ? "RSA" : "EC", "-pkeyopt",
		    rsa ? "bits:2048" : "group:P-256", "-out", theirs->file,
		    NULL},
		NULL, 0) != 0)
		return false;
	(void)snprintf(tcti, sizeof(tcti), "fault:%s", theirs->lab.tcti);
	(void)setenv("TPM2OPENSSL_TCTI", tcti, 1);
	theirs->context = OSSL_LIB_CTX_new();
	theirs->providers[0] = OSSL_PROVIDER_load(theirs->context, "tpm2");
	theirs->providers[1] = OSSL_PROVIDER_load(theirs->context, "default");
	theirs->key = theirs_load(theirs);
	return theirs->key != NULL;
}

void
theirs_close(struct theirs **theirs)
{
	struct theirs *gone = *theirs;

	if (gone == NULL)
		return;
	EVP_PKEY_free(gone->key);
	for (size_t i = 0; i < 2; i++)
		if (gone->providers[i] != NULL)
			(void)OSSL_PROVIDER_unload(gone->providers[i]);
	OSSL_LIB_CTX_free(gone->context);
	swtpm_lab_stop(&gone->lab);
	free(gone);
	*theirs = NULL;
}

bool
theirs_encrypt_with(EVP_PKEY *public, bool oaep, uint8_t ciphertext[256])
{
	EVP_PKEY_CTX *seal = EVP_PKEY_CTX_new_from_pkey(NULL, public, NULL);
	size_t size = 256;
	const bool done = seal != NULL && EVP_PKEY_encrypt_init(seal) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(
		seal, oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING) == 1 &&
	    (!oaep ||
		EVP_PKEY_CTX_set_rsa_oaep_md_name(seal, "SHA256", NULL) == 1) &&
	    EVP_PKEY_encrypt(seal, ciphertext, &size,
		(const unsigned char *)"plain", 5) == 1;

	EVP_PKEY_CTX_free(seal);
	return done;
}

/* Their public key in other hands. */
static bool
make_ciphertext(struct theirs *theirs)
{
	unsigned char *der = NULL;
	const int size = i2d_PUBKEY(theirs->key, &der);
	const unsigned char *at = der;
	EVP_PKEY *public = size > 0 ? d2i_PUBKEY(NULL, &at, size) : NULL;
	const bool done = public != NULL &&
	    theirs_encrypt_with(public, false, theirs->ciphertext);

	EVP_PKEY_free(public);
	OPENSSL_free(der);
	return done;
}

struct theirs *
theirs_open(bool rsa)
{
	struct theirs *theirs = calloc(1, sizeof(*theirs));

	if (theirs != NULL &&
	    (!open_key(theirs, rsa) || (rsa && !make_ciphertext(theirs))))
		theirs_close(&theirs);
	return theirs;
}

static bool
theirs_sign_with(struct theirs *theirs, EVP_PKEY *key)
{
	unsigned char signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	const bool done =
	    EVP_DigestSignInit_ex(digest, NULL, "SHA256", theirs->context,
		"?provider=tpm2", key, NULL) == 1 &&
	    EVP_DigestSign(
		digest, signature, &size, message, sizeof(message)) == 1;

	EVP_MD_CTX_free(digest);
	return done;
}

bool
theirs_sign(void *subject)
{
	struct theirs *theirs = subject;

	return theirs_sign_with(theirs, theirs->key);
}

bool
theirs_sign_fresh(void *subject)
{
	struct theirs *theirs = subject;
	EVP_PKEY *key = theirs_load(theirs);
	const bool done = key != NULL && theirs_sign_with(theirs, key);

	EVP_PKEY_free(key);
	return done;
}

/* Without an engine for OAEP: PKCS#1 v1.5, which costs the same. */
bool
theirs_decrypt(void *subject)
{
	struct theirs *theirs = subject;
	EVP_PKEY_CTX *open = EVP_PKEY_CTX_new_from_pkey(
	    theirs->context, theirs->key, "?provider=tpm2");
	unsigned char plaintext[256];
	size_t size = sizeof(plaintext);
	const bool done = open != NULL && EVP_PKEY_decrypt_init(open) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(open, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_decrypt(open, plaintext, &size, theirs->ciphertext,
		sizeof(theirs->ciphertext)) == 1 &&
	    size == 5;

	EVP_PKEY_CTX_free(open);
	return done;
}
