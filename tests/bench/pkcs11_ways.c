/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "pkcs11_ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/pkcs11.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ossl_typ.h>
#include <openssl/rsa.h>

#include <claviger/context.h>
#include <claviger/key.h>
#include <claviger/openssl.h>

#include "fake/p11_client.h"

/* Names that libp11's header needs, and OpenSSL hides as deprecated. */
typedef struct rsa_meth_st RSA_METHOD;
typedef struct ec_key_method_st EC_KEY_METHOD;
#include <libp11.h>

static struct place here;
static unsigned char digest[32] = "thirty-two bytes to be signed...";

static bool
complain(const char *way, const char *what)
{
	fprintf(stderr, "%s: %s failed\n", way, what);
	return false;
}

/* Bare Cryptoki: a session per thread, the handle found once. */

static CK_FUNCTION_LIST *list;
static CK_OBJECT_HANDLE raw_key;
static CK_SESSION_HANDLE raw_first;

static bool
raw_open(const struct place *place)
{
	CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};

	here = *place;
	list = p11_load(place->module);
	return (list != NULL && list->C_Initialize(&arguments) == CKR_OK &&
		   p11_open(list, place->token, &raw_first) == CKR_OK &&
		   p11_login(list, raw_first, CKU_USER, place->pin) == CKR_OK &&
		   p11_find_key(list, raw_first, CKO_PRIVATE_KEY,
		       place->rsa ? 1 : 2, &raw_key) == CKR_OK) ||
	    complain("raw", "setting up");
}

static void *
raw_thread_open(void)
{
	CK_SESSION_HANDLE *session = malloc(sizeof(*session));

	if (session == NULL || p11_open(list, here.token, session) != CKR_OK)
		return NULL;
	return session;
}

static bool
raw_sign(void *thread)
{
	static const unsigned char info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09,
	    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
	    0x04, 0x20};
	const CK_SESSION_HANDLE session = *(CK_SESSION_HANDLE *)thread;
	CK_MECHANISM mechanism = {here.rsa ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0};
	unsigned char input[sizeof(info) + sizeof(digest)];
	unsigned char signature[256];
	CK_ULONG size = sizeof(signature);
	CK_ULONG input_size = sizeof(digest);

	if (here.rsa) {
		memcpy(input, info, sizeof(info));
		memcpy(input + sizeof(info), digest, sizeof(digest));
		input_size = sizeof(input);
	} else {
		memcpy(input, digest, sizeof(digest));
	}
	return list->C_SignInit(session, &mechanism, raw_key) == CKR_OK &&
	    list->C_Sign(session, input, input_size, signature, &size) ==
	    CKR_OK;
}

/* Claviger: one shared key. */

static clv_key *clv_shared;

static clv_status
answer(void *user, const struct clv_ask_request *request, clv_secret *secret,
    clv_error **err)
{
	(void)user;
	(void)request;
	return clv_secret_set(secret, here.pin, strlen(here.pin), err);
}

static bool
claviger_open(const struct place *place)
{
	clv_context *context = NULL;
	clv_error *err = NULL;
	char uri[1024];

	here = *place;
	(void)snprintf(uri, sizeof(uri),
	    "pkcs11:token=%s;object=%s?module-path=%s", place->token,
	    place->rsa ? "rsa" : "ec", place->module);
	if (clv_context_new(&context, &err) == CLV_OK)
		clv_context_set_ask(context, answer, NULL);
	if (clv_key_open(context, uri, &clv_shared, &err) == CLV_OK)
		return true;
	return complain("claviger", clv_error_message(err));
}

static void *
no_thread_state(void)
{
	return digest;
}

static void
nothing(void *thread)
{
	(void)thread;
}

static bool
claviger_sign(void *thread)
{
	uint8_t signature[256];
	size_t size = sizeof(signature);

	(void)thread;
	return clv_key_sign_digest(clv_shared,
		   here.rsa ? CLV_RSA_PKCS1_SHA256 : CLV_ECDSA_SHA256, digest,
		   sizeof(digest), signature, &size, NULL) == CLV_OK;
}

/* An EVP_PKEY, from whomever: one for all, a context per thread. */

static EVP_PKEY *evp_shared;

static bool
claviger_evp_open(const struct place *place)
{
	return claviger_open(place) &&
	    clv_key_evp(clv_shared, &evp_shared, NULL) == CLV_OK;
}

static bool
libp11_find(PKCS11_TOKEN *token)
{
	PKCS11_KEY *keys = NULL;
	unsigned count = 0;

	if (PKCS11_enumerate_keys(token, &keys, &count) != 0)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (strcmp(keys[i].label, here.rsa ? "rsa" : "ec") == 0)
			evp_shared = PKCS11_get_private_key(&keys[i]);
	return evp_shared != NULL;
}

static bool
libp11_open(const struct place *place)
{
	PKCS11_CTX *context = PKCS11_CTX_new();
	PKCS11_SLOT *slots = NULL;
	unsigned count = 0;

	here = *place;
	if (PKCS11_CTX_load(context, place->module) != 0 ||
	    PKCS11_enumerate_slots(context, &slots, &count) != 0)
		return complain("libp11", "loading");
	for (unsigned i = 0; i < count; i++)
		if (slots[i].token != NULL &&
		    strcmp(slots[i].token->label, place->token) == 0 &&
		    PKCS11_login(&slots[i], 0, place->pin) == 0 &&
		    libp11_find(slots[i].token))
			return true;
	return complain("libp11", "finding the key");
}

static bool
software_open(const struct place *place)
{
	here = *place;
	evp_shared = place->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	return evp_shared != NULL;
}

static void *
evp_thread_open(void)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(evp_shared, NULL);

	if (context == NULL || EVP_PKEY_sign_init(context) != 1 ||
	    (here.rsa &&
		EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) !=
		    1) ||
	    EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) != 1)
		return NULL;
	return context;
}

static bool
evp_sign(void *thread)
{
	unsigned char signature[256];
	size_t size = sizeof(signature);

	return EVP_PKEY_sign(
		   thread, signature, &size, digest, sizeof(digest)) == 1;
}

/* GnuTLS: one shared key. */

static gnutls_privkey_t gnutls_key;

static int
gnutls_pin(void *user, int attempt, const char *url, const char *label,
    unsigned flags, char *pin, size_t room)
{
	(void)user;
	(void)attempt;
	(void)url;
	(void)label;
	(void)flags;
	(void)snprintf(pin, room, "%s", here.pin);
	return 0;
}

static bool
gnutls_open(const struct place *place)
{
	char url[256];

	here = *place;
	if (gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, NULL) < 0 ||
	    gnutls_pkcs11_add_provider(place->module, NULL) < 0)
		return complain("GnuTLS", "loading");
	gnutls_pkcs11_set_pin_function(gnutls_pin, NULL);
	(void)snprintf(url, sizeof(url),
	    "pkcs11:token=%s;object=%s;type=private", place->token,
	    place->rsa ? "rsa" : "ec");
	if (gnutls_privkey_init(&gnutls_key) < 0 ||
	    gnutls_privkey_import_url(gnutls_key, url, 0) < 0)
		return complain("GnuTLS", "finding the key");
	return true;
}

static bool
gnutls_sign(void *thread)
{
	const gnutls_datum_t hash = {digest, sizeof(digest)};
	gnutls_datum_t signature = {NULL, 0};
	const int done = gnutls_privkey_sign_hash2(gnutls_key,
	    here.rsa ? GNUTLS_SIGN_RSA_SHA256 : GNUTLS_SIGN_ECDSA_SHA256, 0,
	    &hash, &signature);

	(void)thread;
	gnutls_free(signature.data);
	return done >= 0;
}

const struct way ways[] = {
    {"raw", raw_open, raw_thread_open, raw_sign, free},
    {"claviger", claviger_open, no_thread_state, claviger_sign, nothing},
    {"claviger EVP", claviger_evp_open, evp_thread_open, evp_sign, nothing},
    {"libp11 EVP", libp11_open, evp_thread_open, evp_sign, nothing},
    {"GnuTLS", gnutls_open, no_thread_state, gnutls_sign, nothing},
    {"software", software_open, evp_thread_open, evp_sign, nothing},
};
const size_t way_count = sizeof(ways) / sizeof(ways[0]);
