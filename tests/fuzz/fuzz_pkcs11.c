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
#include <unistd.h>

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <claviger/certificate.h>
#include <claviger/context.h>
#include <claviger/key.h>

#include "fake/hostile_module.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* More calls than an honest module would ever see. */
#define CALLS_MAX 200000U

static struct {
	void (*set_input)(const uint8_t *data, size_t size);
	size_t (*calls)(void);
} hostile;
static clv_context *context;

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

static void
start(void)
{
	static char dir[] = "/tmp/clv-fuzz-p11-XXXXXX";
	void *module = dlopen(HOSTILE_PATH, RTLD_NOW | RTLD_LOCAL);

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
}

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
	char uri[PATH_MAX + 128];
	clv_key *key = NULL;

	(void)snprintf(uri, sizeof(uri),
	    "pkcs11:%s?module-path=%s&verify=always&insecure-extractable=yes",
	    attribute, HOSTILE_PATH);
	if (clv_key_open(context, uri, &key, NULL) == CLV_OK)
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
	if (clv_store_open(context, uri, &store, NULL) != CLV_OK)
		return;
	if (make &&
	    clv_key_generate(store, CLV_EC_P256, NULL, &key, NULL) == CLV_OK) {
		use(key);
		(void)clv_key_delete(context, clv_key_uri(key), NULL);
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
	if (context == NULL)
		start();
	if (size == 0)
		return 0;
	hostile.set_input(bytes + 1, size - 1);
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
	if (hostile.calls() > CALLS_MAX)
		abort();
	return 0;
}
