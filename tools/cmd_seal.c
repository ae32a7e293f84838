/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* seal */

#include "commands.h"

#include <claviger/seal.h>

#include <stdlib.h>
#include <string.h>

enum { OUT, TCTI };

#define SECRET_MAX 4096

/* tpm2:FILE, with the TCTI if one was named. */
static char *
make_uri(const char *path, const char *tcti)
{
	char *uri = NULL, *with_tcti = NULL, *encoded = NULL;
	clv_error *err = NULL;

	if (clv_uri_build("tpm2", path, NULL, &uri, &err) == CLV_OK &&
	    tcti == NULL)
		return uri;
	if (uri != NULL &&
	    clv_uri_encode(tcti, strlen(tcti), &encoded, &err) == CLV_OK &&
	    asprintf(&with_tcti, "%s?tcti=%s", uri, encoded) < 0)
		with_tcti = NULL;
	if (with_tcti == NULL)
		(void)program_fail(&err);
	clv_free(uri);
	clv_free(encoded);
	return with_tcti;
}

/* One newline at the end is not part of it, as with all sources. */
static bool
read_secret(clv_secret *secret)
{
	if (!program_read(NULL, SECRET_MAX, secret))
		return false;
	if (secret->size > 0 && secret->data[secret->size - 1] == '\n')
		secret->data[--secret->size] = 0;
	return true;
}

static int
seal(struct program *program, const char *path, const char *tcti)
{
	clv_context *context = program_context(program);
	clv_secret secret = CLV_SECRET_INIT;
	clv_error *err = NULL;
	char *uri = context != NULL ? make_uri(path, tcti) : NULL;
	int status = EXIT_REFUSED;

	if (uri != NULL && read_secret(&secret)) {
		if (clv_seal(context, uri, &secret, &err) == CLV_OK) {
			fprintf(stderr,
			    "sealed to this machine's TPM; use it with: "
			    "--pin-source '%s'\n",
			    uri);
			status = EXIT_DONE;
		} else {
			status = program_fail(&err);
		}
	}
	clv_secret_clear(&secret);
	free(uri);
	return status;
}

int
cmd_seal(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"out", required_argument, NULL, OUT},
	    {"tcti", required_argument, NULL, TCTI}, PROGRAM_OPTIONS};
	const char *out = NULL, *tcti = NULL;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == '?')
			return EXIT_USAGE;
		if (option == OPTION_HELP)
			return EXIT_DONE;
		*(option == OUT ? &out : &tcti) = optarg;
	}
	if (optind != argc || out == NULL)
		return program_usage(program, "--out FILE is needed");
	return seal(program, out, tcti);
}
