/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Keys that are open already, on a module that answers from the input from
 * now on: no crash, no endless loop, no signature that the public key does not
 * confirm. What fuzz_pkcs11.c does from the start, this does some twenty times
 * faster, and deeper in what follows a loss. Now and then the module is honest
 * for once: the key must then work, whatever went before.
 *
 * The first byte chooses what is done; the module reads the rest.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <claviger/key.h>

#include "hostile_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define HONEST_EACH 256U

static clv_key *rsa;
static clv_key *ec;
static EVP_PKEY *ec_public;
static const uint8_t honest[65536];

static clv_key *
open_key(const char *attribute)
{
	clv_key *key = NULL;

	hostile_token_answers(honest, sizeof(honest));
	if (hostile_token_open(attribute, &key) != CLV_OK)
		abort();
	return key;
}

static void
start(void)
{
	const unsigned char *der;
	size_t size = 0;

	rsa = open_key("id=%01");
	ec = open_key("id=%02");
	der = clv_key_public(ec, &size);
	ec_public = d2i_PUBKEY(NULL, &der, (long)size);
}

static bool
is_right(const uint8_t *signature, size_t size)
{
	uint8_t der[CLV_SIGNATURE_MAX];
	size_t der_size = sizeof(der);
	EVP_MD_CTX *verifier = EVP_MD_CTX_new();
	const bool right =
	    clv_ecdsa_to_der(signature, size, der, &der_size, NULL) == CLV_OK &&
	    EVP_DigestVerifyInit_ex(
		verifier, NULL, "SHA2-256", NULL, NULL, ec_public, NULL) == 1 &&
	    EVP_DigestVerify(
		verifier, der, der_size, (const uint8_t *)"m", 1) == 1;

	EVP_MD_CTX_free(verifier);
	return right;
}

static clv_status
sign_ec(clv_error **err)
{
	uint8_t out[CLV_SIGNATURE_MAX];
	size_t size = sizeof(out);
	const clv_status status =
	    clv_key_sign(ec, CLV_ECDSA_SHA256, "m", 1, out, &size, err);

	if (status == CLV_OK && !is_right(out, size))
		abort();
	return status;
}

/* The module has no private half for this one: no signature can be right. */
static void
sign_rsa(clv_scheme scheme)
{
	uint8_t out[CLV_SIGNATURE_MAX];
	size_t size = sizeof(out);

	if (clv_key_sign(rsa, scheme, "m", 1, out, &size, NULL) == CLV_OK)
		abort();
}

static void
decrypt(clv_scheme scheme)
{
	uint8_t out[CLV_PLAINTEXT_MAX];
	uint8_t in[CLV_SIGNATURE_MAX] = {0};
	size_t size = sizeof(out);

	(void)clv_key_decrypt(
	    rsa, scheme, in, clv_key_signature_size(rsa), out, &size, NULL);
}

static void
be_honest(void)
{
	clv_error *err = NULL;

	hostile_token_answers(honest, sizeof(honest));
	if (sign_ec(&err) == CLV_OK)
		return;
	fprintf(stderr, "an honest module does not help: %s\n",
	    clv_error_message(err));
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static unsigned long count;

	if (rsa == NULL)
		start();
	if (size == 0)
		return 0;
	hostile_token_answers(bytes + 1, size - 1);
	switch (bytes[0] % 5) {
	case 0:
		(void)sign_ec(NULL);
		break;
	case 1:
		sign_rsa(CLV_RSA_PKCS1_SHA256);
		break;
	case 2:
		sign_rsa(CLV_RSA_PSS_SHA256);
		break;
	case 3:
		decrypt(CLV_RSA_OAEP_SHA256);
		break;
	default:
		decrypt(CLV_RSA_OAEP_SHA1);
		break;
	}
	hostile_token_check();
	if (++count % HONEST_EACH == 0)
		be_honest();
	return 0;
}
