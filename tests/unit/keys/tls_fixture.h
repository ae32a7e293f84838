/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* TLS connections in memory. */
#ifndef CLV_TESTS_TLS_FIXTURE_H
#define CLV_TESTS_TLS_FIXTURE_H

#include <openssl/ssl.h>

struct tls_options {
	OSSL_LIB_CTX *libctx; /* NULL: OpenSSL's default */
	int version;          /* such as TLS1_3_VERSION */
	const char *groups;   /* NULL: OpenSSL's */
	const char *ciphers;  /* of TLS 1.2; NULL: OpenSSL's */
	const char *schemes;  /* signature algorithms; NULL: OpenSSL's */
};

/* Connects a server and a client, which has a key as well, that trust each
 * other's self-signed certificates; sends a line each way. Asserts. */
void tls_connect(const struct tls_options *options, X509 *server,
    EVP_PKEY *server_key, X509 *client, EVP_PKEY *client_key);

#endif
