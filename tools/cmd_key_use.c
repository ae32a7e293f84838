/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* key sign, decrypt */

#include "commands.h"

#include <string.h>

/* The largest message that is signed: one secret. */
#define MESSAGE_MAX CLV_SECRET_MAX

enum { SCHEME = 1, RAW, IN, OUT };

struct use {
	const char *uri;
	clv_scheme scheme;
	const char *input;
	const char *output;
	bool raw;
};

static int
read_arguments(struct program *program, int argc, char **argv,
    const struct option *options, struct use *use)
{
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == OPTION_HELP)
			return -1;
		if (option == '?')
			return EXIT_USAGE;
		if (option == SCHEME) {
			use->scheme = clv_scheme_by_name(optarg);
			if (use->scheme == CLV_SCHEME_NONE)
				return program_usage(
				    program, "unknown scheme \"%s\"", optarg);
		} else if (option == RAW) {
			use->raw = true;
		} else if (option == IN) {
			use->input = optarg;
		} else if (option == OUT) {
			use->output = optarg;
		}
	}
	if (optind != argc - 1)
		return program_usage(program, "one KEY-URI is needed");
	if (use->scheme == CLV_SCHEME_NONE)
		return program_usage(program, "--scheme is needed");
	use->uri = argv[optind];
	return EXIT_DONE;
}

/* The key first: a wrong password should not wait for standard input. */
static bool
prepare(struct program *program, const struct use *use, clv_key **key,
    clv_secret *input)
{
	clv_context *context = program_context(program);
	clv_error *err = NULL;

	if (context == NULL)
		return false;
	progress_start("opening the key");
	(void)clv_key_open(context, use->uri, key, &err);
	progress_stop();
	if (*key == NULL) {
		(void)program_fail(&err);
		return false;
	}
	return program_read(use->input, MESSAGE_MAX, input);
}

static int
sign(const struct use *use, clv_key *key, const clv_secret *message)
{
	uint8_t signature[CLV_SIGNATURE_MAX];
	uint8_t der[CLV_SIGNATURE_MAX];
	const uint8_t *result = signature;
	size_t size = sizeof(signature);
	size_t der_size = sizeof(der);
	clv_error *err = NULL;

	if (clv_key_sign(key, use->scheme, message->data, message->size,
		signature, &size, &err))
		return program_fail(&err);
	if (clv_scheme_describe(use->scheme)->family == CLV_FAMILY_EC &&
	    !use->raw) {
		if (clv_ecdsa_to_der(signature, size, der, &der_size, &err))
			return program_fail(&err);
		result = der;
		size = der_size;
	}
	return program_write(use->output, result, size) ? EXIT_DONE
							: EXIT_REFUSED;
}

static int
decrypt(const struct use *use, clv_key *key, const clv_secret *ciphertext)
{
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	size_t size = sizeof(plaintext);
	clv_error *err = NULL;
	int status;

	if (clv_key_decrypt(key, use->scheme, ciphertext->data,
		ciphertext->size, plaintext, &size, &err))
		return program_fail(&err);
	status = program_write_private(use->output, plaintext, size)
	    ? EXIT_DONE
	    : EXIT_REFUSED;
	clv_wipe(plaintext, sizeof(plaintext));
	return status;
}

static int
use_key(struct program *program, int argc, char **argv,
    const struct option *options,
    int (*what)(const struct use *, clv_key *, const clv_secret *))
{
	clv_secret input = CLV_SECRET_INIT;
	struct use use = {0};
	clv_key *key = NULL;
	int status = read_arguments(program, argc, argv, options, &use);

	if (status != EXIT_DONE)
		return status == -1 ? EXIT_DONE : status;
	status = prepare(program, &use, &key, &input) ? what(&use, key, &input)
						      : EXIT_REFUSED;
	clv_secret_clear(&input);
	clv_key_free(&key);
	return status;
}

int
cmd_key_sign(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"scheme", required_argument, NULL, SCHEME},
	    {"raw", no_argument, NULL, RAW},
	    {"in", required_argument, NULL, IN},
	    {"out", required_argument, NULL, OUT}, PROGRAM_OPTIONS};

	return use_key(program, argc, argv, options, sign);
}

int
cmd_key_decrypt(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"scheme", required_argument, NULL, SCHEME},
	    {"in", required_argument, NULL, IN},
	    {"out", required_argument, NULL, OUT}, PROGRAM_OPTIONS};

	return use_key(program, argc, argv, options, decrypt);
}
