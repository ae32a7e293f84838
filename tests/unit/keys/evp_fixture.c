/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "unit/keys/evp_fixture.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

char evp_log[1024];

static void
keep_log(void *user, clv_log_level level, const char *line)
{
	(void)user;
	(void)level;
	(void)snprintf(evp_log, sizeof(evp_log), "%s", line);
}

clv_context *
evp_context(void)
{
	clv_context *context = NULL;

	assert_ok(clv_context_new(&context, &err));
	assert_ok(clv_context_add_backend(context, &fake_backend, &err));
	clv_context_set_log(context, CLV_LOG_INFO, keep_log, NULL);
	return context;
}

int
evp_setup(void **state)
{
	fake_reset();
	*evp_log = '\0';
	*state = evp_context();
	return 0;
}

int
evp_teardown(void **state)
{
	clv_context *context = *state;

	clv_context_free(&context);
	if (atomic_load(&fake.open_keys) != 0 || ERR_peek_error() != 0) {
		ERR_print_errors_fp(stderr);
		(void)fprintf(stderr, "%zu keys left open\n",
		    atomic_load(&fake.open_keys));
		return -1;
	}
	return 0;
}

int
evp_forget(void **state)
{
	(void)state;
	fake_forget();
	return 0;
}

EVP_PKEY *
evp_open_number(clv_context *context, clv_algorithm algorithm, unsigned number)
{
	clv_key *key = NULL;
	EVP_PKEY *pkey = NULL;

	assert_ok(
	    clv_key_open(context, fake_uri(algorithm, number), &key, &err));
	assert_ok(clv_key_evp(key, &pkey, &err));
	clv_key_free(&key);
	return pkey;
}

EVP_PKEY *
evp_open(clv_context *context, clv_algorithm algorithm)
{
	return evp_open_number(context, algorithm, 0);
}

const EVP_MD *
evp_digest(clv_algorithm algorithm)
{
	switch (algorithm) {
	case CLV_ED25519:
	case CLV_ED448:
		return NULL;
	case CLV_EC_P384:
	case CLV_EC_BRAINPOOL384:
		return EVP_sha384();
	default:
		return EVP_sha256();
	}
}

static void
add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_openssl(X509_add_ext(certificate, extension, -1));
	X509_EXTENSION_free(extension);
}

X509 *
evp_certificate(EVP_PKEY *key, const char *name, X509 *issuer,
    EVP_PKEY *issuer_key, const EVP_MD *digest)
{
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_NAME_new();

	assert_openssl(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
	    (const unsigned char *)name, -1, -1, 0));
	assert_openssl(X509_set_version(certificate, X509_VERSION_3));
	assert_openssl(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7));
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -60));
	assert_non_null(
	    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400));
	assert_openssl(X509_set_subject_name(certificate, subject));
	assert_openssl(X509_set_issuer_name(certificate,
	    issuer != NULL ? X509_get_subject_name(issuer) : subject));
	assert_openssl(X509_set_pubkey(certificate, key));
	add_extension(certificate, NID_basic_constraints,
	    issuer != NULL ? "CA:FALSE" : "critical,CA:TRUE");
	assert_true(X509_sign(certificate,
			issuer_key != NULL ? issuer_key : key, digest) > 0);
	X509_NAME_free(subject);
	return certificate;
}

void
evp_world_open(struct evp_world *world)
{
	world->libctx = OSSL_LIB_CTX_new();
	assert_openssl(OSSL_PROVIDER_add_builtin(
	    world->libctx, "claviger", clv_provider_init));
	world->ours = OSSL_PROVIDER_load(world->libctx, "claviger");
	world->theirs = OSSL_PROVIDER_load(world->libctx, "default");
	assert_non_null(world->ours);
	assert_non_null(world->theirs);
}

int
evp_world_close(struct evp_world *world)
{
	const bool clean = ERR_peek_error() == 0;

	if (!clean)
		ERR_print_errors_fp(stderr);
	if (world->ours != NULL)
		(void)OSSL_PROVIDER_unload(world->ours);
	(void)OSSL_PROVIDER_unload(world->theirs);
	OSSL_LIB_CTX_free(world->libctx);
	return clean ? 0 : -1;
}

void
evp_check(long result, const char *what, const char *file, int line)
{
	char reason[256];

	if (result == 1)
		return;
	ERR_error_string_n(ERR_peek_last_error(), reason, sizeof(reason));
	ERR_print_errors_fp(stderr);
	print_error("%s: %ld, %s\n", what, result, reason);
	_fail(file, line);
}
