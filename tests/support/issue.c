/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "issue.h"

#include <claviger/openssl.h>

#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509v3.h>

static void
must(int good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "issue_again: %s\n", what);
	exit(2);
}

static X509 *
decode(const uint8_t *der, size_t size)
{
	X509 *certificate = d2i_X509(NULL, &der, (long)size);

	must(certificate != NULL, "no certificate");
	return certificate;
}

/* The old one names the old issuer's key. */
static void
drop_authority_key_id(X509 *certificate)
{
	const int at =
	    X509_get_ext_by_NID(certificate, NID_authority_key_identifier, -1);

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(certificate, at));
}

uint8_t *
issue_again(const uint8_t *der, size_t size, clv_key *key,
    const uint8_t *issuer_der, size_t issuer_size, size_t *made_size)
{
	X509 *certificate = decode(der, size);
	X509 *issuer = decode(issuer_der, issuer_size);
	EVP_PKEY *with = NULL;
	uint8_t *made;
	uint8_t *end;

	must(clv_key_evp(key, &with, NULL) == CLV_OK, "no key");
	drop_authority_key_id(certificate);
	must(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) &&
		X509_sign(certificate, with, EVP_sha256()) > 0,
	    "it can't be signed");
	*made_size = (size_t)i2d_X509(certificate, NULL);
	made = malloc(*made_size);
	must(made != NULL, "out of memory");
	end = made;
	must(i2d_X509(certificate, &end) > 0, "it can't be encoded");
	EVP_PKEY_free(with);
	X509_free(issuer);
	X509_free(certificate);
	return made;
}
