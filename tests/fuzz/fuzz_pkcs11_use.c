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

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <claviger/context.h>
#include <claviger/key.h>

#include "fake/hostile_module.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* More calls than an honest module would ever see. */
#define CALLS_MAX 200000U
#define HONEST_EACH 256U

static struct {
	void (*set_input)(const uint8_t *data, size_t size);
	size_t (*calls)(void);
} hostile;
static clv_context *context;
static clv_key *rsa;
static clv_key *ec;
static EVP_PKEY *ec_public;
static const uint8_t honest[65536];

static clv_status
answer(void *user, const struct clv_ask_request *request, clv_secret *secret,
    clv_error **err)
{
	/* A new one each time: refused ones are not tried again. */
	static unsigned count;
	char pin[16];

	(void)user;
	if (request->attempt > 2)
		return CLV_CANCELLED;
	(void)snprintf(pin, sizeof(pin), "%06u", ++count);
	return clv_secret_set(secret, pin, strlen(pin), err);
}

static void
find(void *module, const char *name, void *function)
{
	void *symbol = dlsym(module, name);

	if (symbol == NULL)
		abort();
	memcpy(function, &symbol, sizeof(symbol));
}

static clv_key *
open_key(const char *attribute)
{
	char uri[PATH_MAX + 128];
	clv_key *key = NULL;

	(void)snprintf(uri, sizeof(uri),
	    "pkcs11:%s?module-path=%s&verify=always&insecure-extractable=yes",
	    attribute, HOSTILE_PATH);
	hostile.set_input(honest, sizeof(honest));
	if (clv_key_open(context, uri, &key, NULL) != CLV_OK)
		abort();
	return key;
}

static void
start(void)
{
	static char dir[] = "/tmp/clv-fuzz-p11-XXXXXX";
	void *module = dlopen(HOSTILE_PATH, RTLD_NOW | RTLD_LOCAL);
	const unsigned char *der;
	size_t size = 0;

	if (module == NULL || mkdtemp(dir) == NULL)
		abort();
	find(module, "hostile_module_set_input", &hostile.set_input);
	find(module, "hostile_module_calls", &hostile.calls);
	/* No file is written for each input: this process remembers. */
	(void)rmdir(dir);
	(void)setenv("XDG_STATE_HOME", dir, 1);
	if (clv_context_new(&context, NULL) != CLV_OK)
		abort();
	clv_context_set_ask(context, answer, NULL);
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

	hostile.set_input(honest, sizeof(honest));
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

	if (context == NULL)
		start();
	if (size == 0)
		return 0;
	hostile.set_input(bytes + 1, size - 1);
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
	if (hostile.calls() > CALLS_MAX)
		abort();
	if (++count % HONEST_EACH == 0)
		be_honest();
	return 0;
}
