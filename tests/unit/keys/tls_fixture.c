/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "unit/keys/tls_fixture.h"

#include <string.h>

#include "unit/keys/evp_fixture.h"

static SSL_CTX *
context_new(const struct tls_options *options, X509 *certificate, EVP_PKEY *key,
    X509 *peer)
{
	SSL_CTX *context = SSL_CTX_new_ex(options->libctx, NULL, TLS_method());

	assert_non_null(context);
	SSL_CTX_set_security_level(context, 1);
	assert_openssl(
	    SSL_CTX_set_min_proto_version(context, options->version));
	assert_openssl(
	    SSL_CTX_set_max_proto_version(context, options->version));
	if (options->groups != NULL)
		assert_openssl(SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST,
		    0, (void *)(uintptr_t)options->groups));
	if (options->ciphers != NULL)
		assert_openssl(
		    SSL_CTX_set_cipher_list(context, options->ciphers));
	if (options->schemes != NULL)
		assert_openssl(SSL_CTX_ctrl(context, SSL_CTRL_SET_SIGALGS_LIST,
		    0, (void *)(uintptr_t)options->schemes));
	assert_openssl(SSL_CTX_use_certificate(context, certificate));
	assert_openssl(SSL_CTX_use_PrivateKey(context, key));
	assert_openssl(SSL_CTX_check_private_key(context));
	assert_openssl(
	    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), peer));
	SSL_CTX_set_verify(
	    context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return context;
}

/* Runs both ends in turns until both are done. */
static void
shake_hands(SSL *server, SSL *client)
{
	int done = 0;

	for (int i = 0; i < 10 && done != 2; i++) {
		const int a = SSL_connect(client), b = SSL_accept(server);

		if (a < 0 && SSL_get_error(client, a) != SSL_ERROR_WANT_READ)
			assert_openssl(a);
		if (b < 0 && SSL_get_error(server, b) != SSL_ERROR_WANT_READ)
			assert_openssl(b);
		done = (a == 1) + (b == 1);
	}
	assert_int_equal(done, 2);
}

static void
send_line(SSL *from, SSL *to)
{
	static const char line[] = "hello";
	char read[sizeof(line)];

	assert_int_equal(SSL_write(from, line, sizeof(line)), sizeof(line));
	assert_int_equal(SSL_read(to, read, sizeof(read)), sizeof(line));
	assert_string_equal(read, line);
}

void
tls_connect(const struct tls_options *options, X509 *server_certificate,
    EVP_PKEY *server_key, X509 *client_certificate, EVP_PKEY *client_key)
{
	SSL_CTX *server_context = context_new(
	    options, server_certificate, server_key, client_certificate);
	SSL_CTX *client_context = context_new(
	    options, client_certificate, client_key, server_certificate);
	SSL *server = SSL_new(server_context),
	    *client = SSL_new(client_context);
	BIO *a = NULL, *b = NULL;

	assert_openssl(BIO_new_bio_pair(&a, 0, &b, 0));
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	shake_hands(server, client);
	assert_int_equal(SSL_version(client), options->version);
	send_line(client, server);
	send_line(server, client);
	SSL_free(server);
	SSL_free(client);
	SSL_CTX_free(server_context);
	SSL_CTX_free(client_context);
}
