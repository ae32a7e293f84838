/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The OpenSSL provider: how an EVP_PKEY reaches a clv_key.
 *
 * It exists in two forms. Built in, it lives in a library context of the
 * library's own, and clv_key_evp() makes EVP_PKEYs from it that can be used
 * in any other. As the module claviger.so it is loaded into a program's
 * library context and opens keys that the program names by URI.
 *
 * Besides clv_keys it carries "software keys": EVP_PKEYs of OpenSSL's default
 * provider. They are what a public half is, and what a program gets that asks
 * for "an RSA key" without saying from which provider, which OpenSSL may well
 * answer with ours. Everything about them is handed on.
 */
#ifndef CLV_KEYS_PROVIDER_H
#define CLV_KEYS_PROVIDER_H

#include <claviger/key.h>

#include <stdarg.h>
#include <stdatomic.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/types.h>

#define CLV_PROVIDER_NAME "claviger"
/* What fetches algorithms of OpenSSL's own provider, and ours. */
#define CLV_PROPERTIES_DEFAULT "provider=default"
#define CLV_PROPERTIES_OWN "provider=" CLV_PROVIDER_NAME

/* A loaded instance: what OpenSSL calls the provider context. */
struct clv_provider {
	const OSSL_CORE_HANDLE *handle;
	char *sources; /* of secrets, as openssl.cnf gives them; or NULL */
	OSSL_FUNC_core_get_params_fn *get_params;
	OSSL_FUNC_core_new_error_fn *new_error;
	OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
	OSSL_FUNC_core_vset_error_fn *vset_error;
	OSSL_FUNC_BIO_gets_fn *bio_gets;
	OSSL_FUNC_BIO_read_ex_fn *bio_read;
};

/* Puts one entry on OpenSSL's error queue. Returns 0, which is OpenSSL's
 * "failed". */
int clv_provider_fail(const struct clv_provider *provider, clv_status status,
    const char *format, ...) CLV_PRINTF(3, 4);
/* The same for an error of the library, which it frees. What mends it goes to
 * the log of the key's context; without a key, to the entry. */
int clv_provider_fail_with(
    const struct clv_provider *provider, const clv_key *key, clv_error **err);
/*
 * What this thread's keys fail with from now on: the first such error goes to
 * `*reason` as well as to OpenSSL's queue, which holds no more than its words.
 * NULL: no more.
 */
void clv_provider_catch(clv_error **reason);
/* Entry of the instance that is built in. */
OSSL_provider_init_fn clv_provider_init_builtin;

/*
 * The library context of the one that is built in, with OpenSSL's default
 * provider beside it. Made at first use, kept until the process ends: an
 * EVP_PKEY's last reference is given up from within OpenSSL, which then still
 * uses the key's provider. NULL if memory ran out.
 */
OSSL_LIB_CTX *clv_provider_home(void);

/* capability.c */
OSSL_FUNC_provider_get_capabilities_fn clv_provider_capabilities;

/* Tables of functions; see OSSL_DISPATCH. */
extern const OSSL_DISPATCH clv_keymgmt_rsa[], clv_keymgmt_ec[],
    clv_keymgmt_ed25519[], clv_keymgmt_ed448[];
extern const OSSL_DISPATCH clv_keymgmt_rsa_loadable[],
    clv_keymgmt_ec_loadable[], clv_keymgmt_ed25519_loadable[],
    clv_keymgmt_ed448_loadable[];
extern const OSSL_DISPATCH clv_signature_rsa[], clv_signature_ecdsa[],
    clv_signature_eddsa[];
extern const OSSL_DISPATCH clv_asym_cipher_rsa[];
extern const OSSL_DISPATCH clv_store_loader[];
extern const OSSL_DISPATCH clv_decoder_pem[], clv_decoder_uri[];

/* What the first decoder calls its result, for the second (reference.c). */
#define CLV_REFERENCE_STRUCTURE "claviger-uri"

#endif
