/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* cert store, read: the certificates that a token keeps beside a key */

#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define FILE_MAX (256U * 1024U)
#define CHAIN_MAX (1024U * 1024U)

/* Certificates one behind the other, as <claviger/certificate.h> takes them. */
struct chain {
	uint8_t *der;
	size_t size;
};

static bool
append(struct chain *chain, const uint8_t *der, size_t size)
{
	uint8_t *grown = NULL;

	if (size <= CHAIN_MAX - chain->size)
		grown = realloc(chain->der, chain->size + size);
	if (grown == NULL)
		return false;
	memcpy(grown + chain->size, der, size);
	chain->der = grown;
	chain->size += size;
	return true;
}

static bool
complain(const char *path, const char *why)
{
	(void)program_refuse(NULL, "read %s: %s", path, why);
	return false;
}

/* All certificates of a PEM file; false if there is none, or something that
 * can't be read. */
static bool
append_pem(struct chain *chain, const clv_secret *bytes)
{
	BIO *bio = BIO_new_mem_buf(bytes->data, (int)bytes->size);
	unsigned char *der = NULL;
	char *name = NULL;
	char *header = NULL;
	bool good = bio != NULL;
	size_t count = 0;
	long size = 0;

	while (good && PEM_read_bio(bio, &name, &header, &der, &size) == 1) {
		if (strcmp(name, "CERTIFICATE") == 0) {
			good = append(chain, der, (size_t)size);
			count++;
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	good = good && count > 0 &&
	    ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	BIO_free(bio);
	return good;
}

static bool
append_file(struct chain *chain, const char *path)
{
	clv_secret bytes = CLV_SECRET_INIT;
	bool good = program_read(path, FILE_MAX, &bytes);

	if (good && bytes.size > 0 && bytes.data[0] == 0x30)
		good = append(chain, bytes.data, bytes.size) ||
		    complain(path, "too large");
	else if (good)
		good = append_pem(chain, &bytes) ||
		    complain(path, "no certificate, DER or PEM, in it");
	clv_secret_clear(&bytes);
	return good;
}

static int
open_key(struct program *program, const char *uri, clv_key **key)
{
	clv_context *context = program_context(program);
	clv_error *err = NULL;

	if (context == NULL)
		return EXIT_REFUSED;
	progress_start("opening the key");
	(void)clv_key_open(context, uri, key, &err);
	progress_stop();
	return *key != NULL ? EXIT_DONE : program_fail(&err);
}

static int
store(struct program *program, const char *uri, const struct chain *chain)
{
	clv_key *key = NULL;
	clv_error *err = NULL;
	int status = open_key(program, uri, &key);

	if (status != EXIT_DONE)
		return status;
	if (clv_key_write_certificates(key, chain->der, chain->size, &err) !=
	    CLV_OK)
		status = program_fail(&err);
	else
		fprintf(stderr, "claviger: %s the certificates of %s\n",
		    chain->size > 0 ? "stored" : "removed", clv_key_uri(key));
	clv_key_free(&key);
	return status;
}

int
cmd_cert_store(struct program *program, int argc, char **argv)
{
	enum { REMOVE = 1 };
	static const struct option options[] = {
	    {"remove", no_argument, NULL, REMOVE}, PROGRAM_OPTIONS};
	struct chain chain = {0};
	bool removes = false;
	bool good = true;
	int option;
	int status;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
		removes = true;
	}
	if (optind == argc || removes != (optind == argc - 1))
		return program_usage(
		    program, "KEY-URI and FILE..., or --remove, are needed");
	for (int i = optind + 1; good && i < argc; i++)
		good = append_file(&chain, argv[i]);
	status = good ? store(program, argv[optind], &chain) : EXIT_REFUSED;
	free(chain.der);
	return status;
}

/* The token gives DER; others want PEM, one certificate a block. */
static char *
chain_pem(const uint8_t *der, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const uint8_t *end = der + size;
	bool good = bio != NULL;
	char *text = NULL;
	char *pem = NULL;
	long length;

	while (good && der < end) {
		X509 *x509 = d2i_X509(NULL, &der, end - der);

		good = x509 != NULL && PEM_write_bio_X509(bio, x509) == 1;
		X509_free(x509);
	}
	length = good ? BIO_get_mem_data(bio, &text) : 0;
	if (length > 0)
		pem = strndup(text, (size_t)length);
	BIO_free(bio);
	return pem;
}

static int
print(const struct program *program, const char *path, const uint8_t *der,
    size_t size)
{
	char *pem = chain_pem(der, size);
	int status;

	if (pem == NULL)
		return program_refuse(NULL, "the certificates can't be read");
	status = program_give_pem(program, path, "certificates", pem);
	free(pem);
	return status;
}

int
cmd_cert_read(struct program *program, int argc, char **argv)
{
	enum { OUT = 1 };
	static const struct option options[] = {
	    {"out", required_argument, NULL, OUT}, PROGRAM_OPTIONS};
	const char *path = NULL;
	clv_key *key = NULL;
	clv_error *err = NULL;
	uint8_t *der = NULL;
	size_t size = 0;
	int option;
	int status;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
		path = optarg;
	}
	if (optind != argc - 1)
		return program_usage(program, "one KEY-URI is needed");
	status = open_key(program, argv[optind], &key);
	if (status != EXIT_DONE)
		return status;
	if (clv_key_read_certificates(key, &der, &size, &err) == CLV_OK)
		status = print(program, path, der, size);
	else
		status = program_fail(&err);
	clv_free(der);
	clv_key_free(&key);
	return status;
}
