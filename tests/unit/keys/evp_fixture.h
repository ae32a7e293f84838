/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* EVP_PKEYs of keys in the fake backend. */
#ifndef CLV_TESTS_EVP_FIXTURE_H
#define CLV_TESTS_EVP_FIXTURE_H

#include <claviger/openssl.h>

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include "fake/fake_backend.h"
#include "testing.h"

/* A context with the fake backend; the log goes to evp_log. */
clv_context *evp_context(void);
extern char evp_log[1024];

/* For cmocka: state is the context; fails if a key is left open or an entry
 * on the error queue. */
int evp_setup(void **state);
int evp_teardown(void **state);
#define EVP_TEST(name) \
	cmocka_unit_test_setup_teardown(name, evp_setup, evp_teardown)
/* Of the group: frees the keys. */
int evp_forget(void **state);

/* The key as an EVP_PKEY that is the only one to hold it. */
EVP_PKEY *evp_open(clv_context *context, clv_algorithm algorithm);
EVP_PKEY *evp_open_number(
    clv_context *context, clv_algorithm algorithm, unsigned number);

/* The digest that certificates of this key have; NULL for EdDSA. */
const EVP_MD *evp_digest(clv_algorithm algorithm);

/* A certificate and its key's name, signed by `issuer_key` (NULL: itself). */
X509 *evp_certificate(EVP_PKEY *key, const char *name, X509 *issuer,
    EVP_PKEY *issuer_key, const EVP_MD *digest);

/* The provider in a library context of its own, beside OpenSSL's. */
struct evp_world {
	OSSL_LIB_CTX *libctx;
	OSSL_PROVIDER *ours, *theirs;
};
void evp_world_open(struct evp_world *world);
/* For a teardown: -1 if there is an entry on the error queue. `ours` may have
 * been unloaded and be NULL. */
int evp_world_close(struct evp_world *world);

/* Fails with OpenSSL's errors, if `result` is not 1. */
void evp_check(long result, const char *what, const char *file, int line);
#define assert_openssl(call) evp_check((call), #call, __FILE__, __LINE__)

#endif
