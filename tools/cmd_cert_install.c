/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* cert install */

#include "commands.h"

#include <claviger/transaction.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>

#define FILE_MAX (1024U * 1024U)
#define CHAIN_FILES 10U /* as many certificates as the library takes */

enum { GROUP = 1, TYPE, CHAIN };

struct install {
	const char *directory;
	const char *file;
	const char *group;
	const char *type;
	const char *chain[CHAIN_FILES];
	size_t chain_files;
};

static int
read_arguments(
    struct program *program, int argc, char **argv, struct install *install)
{
	static const struct option options[] = {
	    {"group", required_argument, NULL, GROUP},
	    {"slot", required_argument, NULL, TYPE},
	    {"chain", required_argument, NULL, CHAIN}, PROGRAM_OPTIONS};
	int option;

	install->group = CLV_DEFAULT_APPLICATION_GROUP;
	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == OPTION_HELP)
			return -1;
		if (option == '?')
			return EXIT_USAGE;
		if (option == GROUP)
			install->group = optarg;
		else if (option == TYPE)
			install->type = optarg;
		else if (install->chain_files < CHAIN_FILES)
			install->chain[install->chain_files++] = optarg;
		else
			return program_usage(program, "too many --chain");
	}
	if (optind != argc - 2)
		return program_usage(program, "DIR and FILE are needed");
	install->directory = argv[optind];
	install->file = argv[optind + 1];
	return EXIT_DONE;
}

/* ---- the chain ---- */

/* Concatenated DER. */
struct chain {
	uint8_t *der;
	size_t size;
};

static bool
append(struct chain *chain, const uint8_t *der, size_t size, clv_error **err)
{
	uint8_t *grown = realloc(chain->der, chain->size + size + 1);

	if (grown == NULL) {
		(void)clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
		return false;
	}
	memcpy(grown + chain->size, der, size);
	chain->der = grown;
	chain->size += size;
	return true;
}

/* All certificates of a PEM file. */
static bool
append_pem(const clv_secret *file, struct chain *chain, clv_error **err)
{
	BIO *bio = BIO_new_mem_buf(file->data, (int)file->size);
	const size_t before = chain->size;
	char *name = NULL;
	char *header = NULL;
	unsigned char *der = NULL;
	long size = 0;
	bool good = bio != NULL;

	while (good && PEM_read_bio(bio, &name, &header, &der, &size) == 1) {
		if (strcmp(name, PEM_STRING_X509) == 0)
			good = append(chain, der, (size_t)size, err);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	BIO_free(bio);
	if (good && chain->size == before)
		(void)clv_error_raise(err, CLV_CORRUPT,
		    &(struct clv_error_info){.operation = "read chain"},
		    "there is no certificate in it");
	return good && chain->size > before;
}

/* What is DER is for the library to judge. */
static bool
append_file(const char *path, struct chain *chain, clv_error **err)
{
	clv_secret file = CLV_SECRET_INIT;
	bool good = program_read(path, FILE_MAX, &file);

	if (good && file.size > 0 && file.data[0] == 0x30)
		good = append(chain, file.data, file.size, err);
	else if (good)
		good = append_pem(&file, chain, err);
	clv_secret_clear(&file);
	return good;
}

static bool
read_chain(const struct install *install, struct chain *chain)
{
	clv_error *err = NULL;
	bool good = true;

	for (size_t i = 0; good && i < install->chain_files; i++)
		good = append_file(install->chain[i], chain, &err);
	if (err != NULL)
		(void)program_fail(&err);
	return good;
}

/* ---- installing ---- */

static clv_status
commit(clv_application *application, const struct install *install,
    const clv_certificate *certificate, const struct chain *chain,
    clv_error **err)
{
	clv_txn *txn = NULL;
	size_t size = 0;
	const uint8_t *der = clv_certificate_der(certificate, &size);
	clv_status status = clv_txn_open(application, &txn, err);

	if (status == CLV_OK)
		status = clv_txn_certificate(txn,
		    install->type != NULL ? install->group : NULL,
		    install->type, der, size, chain->der, chain->size, err);
	if (status == CLV_OK)
		status = clv_txn_commit(txn, err);
	clv_txn_free(&txn);
	return status;
}

/* Not refused: it may be this machine's clock that is wrong. */
static void
warn_of_dates(const clv_certificate *certificate)
{
	const int64_t from = clv_certificate_not_before(certificate);
	const int64_t until = clv_certificate_not_after(certificate);
	const int64_t now = (int64_t)time(NULL);
	char buffer[32];

	if (now < from)
		fprintf(stderr,
		    "claviger: warning: it is not valid before %s\n",
		    program_time(from, buffer));
	else if (now > until)
		fprintf(stderr, "claviger: warning: it expired at %s\n",
		    program_time(until, buffer));
}

static clv_status
put(clv_context *context, clv_application *application,
    const struct install *install, const clv_secret *bytes,
    const struct chain *chain, clv_error **err)
{
	clv_certificate *certificate = NULL;
	clv_status status;

	status = clv_certificate_parse(
	    context, bytes->data, bytes->size, &certificate, err);
	if (status != CLV_OK)
		return status;
	status = commit(application, install, certificate, chain, err);
	if (status == CLV_OK) {
		fprintf(stderr, "claviger: installed %s\n",
		    clv_certificate_thumbprint(certificate));
		warn_of_dates(certificate);
	}
	clv_certificate_free(&certificate);
	return status;
}

static int
run(struct program *program, const struct install *install)
{
	clv_context *context = program_context(program);
	clv_application *application = NULL;
	clv_secret bytes = CLV_SECRET_INIT;
	struct chain chain = {NULL, 0};
	clv_error *err = NULL;
	clv_status status;

	if (context == NULL || !program_read(install->file, FILE_MAX, &bytes) ||
	    !read_chain(install, &chain)) {
		clv_secret_clear(&bytes);
		free(chain.der);
		return EXIT_REFUSED;
	}
	status = clv_application_open(
	    context, install->directory, &application, &err);
	if (status == CLV_OK)
		status =
		    put(context, application, install, &bytes, &chain, &err);
	clv_application_free(&application);
	clv_secret_clear(&bytes);
	free(chain.der);
	return status == CLV_OK ? EXIT_DONE : program_fail(&err);
}

int
cmd_cert_install(struct program *program, int argc, char **argv)
{
	struct install install = {0};
	const int status = read_arguments(program, argc, argv, &install);

	if (status != EXIT_DONE)
		return status == -1 ? EXIT_DONE : status;
	return run(program, &install);
}
