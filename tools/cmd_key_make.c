/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* key generate, import, delete, passwd */

#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#define KEY_FILE_MAX 65536U

enum { LABEL = 1, ID, OPTION, ALG, IN, YES };

/* What generate and import have in common. */
struct making {
	const char *store_uri;
	const char *algorithm;
	const char *input;
	clv_key_options *options;
};

static int
set_id(const struct program *program, clv_key_options *options, const char *hex)
{
	unsigned char id[64];
	clv_error *err = NULL;
	size_t size = 0;

	if (OPENSSL_hexstr2buf_ex(id, sizeof(id), &size, hex, '\0') != 1)
		return program_usage(program,
		    "--id takes 1 to 64 bytes in hexadecimal, not \"%s\"", hex);
	if (clv_key_options_set_id(options, id, size, &err))
		return program_fail(&err);
	return EXIT_DONE;
}

static int
set_special(
    const struct program *program, clv_key_options *options, const char *text)
{
	const char *equals = strchr(text, '=');
	clv_error *err = NULL;
	clv_status status;
	char *name;

	if (equals == NULL || equals == text)
		return program_usage(
		    program, "--option takes NAME=VALUE, not \"%s\"", text);
	name = strndup(text, (size_t)(equals - text));
	if (name == NULL)
		return program_refuse(NULL, "out of memory");
	status = clv_key_options_set(options, name, equals + 1, &err);
	free(name);
	return status == CLV_OK ? EXIT_DONE : program_fail(&err);
}

static int
set_label(clv_key_options *options, const char *label)
{
	clv_error *err = NULL;

	if (clv_key_options_set_label(options, label, &err))
		return program_fail(&err);
	return EXIT_DONE;
}

/* Reads the command line. EXIT_DONE means go on, -1 that help was shown. */
static int
read_arguments(struct program *program, int argc, char **argv,
    const struct option *options, struct making *making)
{
	int status = EXIT_DONE;
	int option;

	while (status == EXIT_DONE &&
	    (option = program_option(program, argc, argv, options)) != -1) {
		if (option == OPTION_HELP)
			return -1;
		if (option == '?')
			return EXIT_USAGE;
		if (option == LABEL)
			status = set_label(making->options, optarg);
		else if (option == ID)
			status = set_id(program, making->options, optarg);
		else if (option == OPTION)
			status = set_special(program, making->options, optarg);
		else if (option == ALG)
			making->algorithm = optarg;
		else if (option == IN)
			making->input = optarg;
	}
	if (status == EXIT_DONE && optind != argc - 1)
		return program_usage(program, "one STORE-URI is needed");
	making->store_uri = argv[optind];
	return status;
}

static int
print_key(const struct program *program, const clv_key *key)
{
	cJSON *document;

	if (!program->json) {
		printf("%s\n", clv_key_uri(key));
		return EXIT_DONE;
	}
	document = cJSON_CreateObject();
	cJSON_AddStringToObject(document, "uri", clv_key_uri(key));
	cJSON_AddStringToObject(document, "algorithm",
	    clv_algorithm_describe(clv_key_algorithm(key))->name);
	cJSON_AddStringToObject(document, "label", clv_key_label(key));
	return program_print_json(&document);
}

/* A key whose URI nobody learns would be lost. */
static int
tell_key(const struct program *program, const clv_key *key)
{
	int status = print_key(program, key);

	if (status == EXIT_DONE)
		status = program_finish();
	if (status == EXIT_DONE)
		return EXIT_DONE;
	fprintf(stderr, "claviger: the key is there nevertheless: ");
	program_print_text(stderr, clv_key_uri(key));
	fprintf(stderr, "\n");
	return status;
}

static int
generate(struct program *program, const struct making *making)
{
	clv_algorithm algorithm = CLV_ALGORITHM_NONE;
	clv_context *context;
	clv_store *store = NULL;
	clv_error *err = NULL;
	clv_key *key = NULL;
	int status;

	if (making->algorithm != NULL)
		algorithm = clv_algorithm_by_name(making->algorithm);
	if (algorithm == CLV_ALGORITHM_NONE || algorithm == CLV_RSA_OTHER)
		return program_usage(program,
		    "--alg takes one of rsa2048 rsa3072 rsa4096 p256 p384 "
		    "brainpool256 brainpool384 ed25519 ed448");
	context = program_context(program);
	if (context == NULL)
		return EXIT_REFUSED;
	if (clv_store_open(context, making->store_uri, &store, &err))
		return program_fail(&err);
	progress_start("generating the key");
	(void)clv_key_generate(store, algorithm, making->options, &key, &err);
	progress_stop();
	status = key != NULL ? tell_key(program, key) : program_fail(&err);
	clv_key_free(&key);
	clv_store_free(&store);
	return status;
}

static int
import(struct program *program, const struct making *making)
{
	clv_secret bytes = CLV_SECRET_INIT;
	clv_store *store = NULL;
	clv_error *err = NULL;
	clv_key *key = NULL;
	clv_context *context;
	int status;

	if (making->input == NULL)
		return program_usage(program, "--in FILE is needed");
	context = program_context(program);
	if (context == NULL ||
	    !program_read(making->input, KEY_FILE_MAX, &bytes)) {
		clv_secret_clear(&bytes);
		return EXIT_REFUSED;
	}
	if (clv_store_open(context, making->store_uri, &store, &err) ==
	    CLV_OK) {
		progress_start("importing the key");
		(void)clv_key_import(
		    store, &bytes, making->options, &key, &err);
		progress_stop();
	}
	clv_secret_clear(&bytes);
	status = key != NULL ? tell_key(program, key) : program_fail(&err);
	clv_key_free(&key);
	clv_store_free(&store);
	return status;
}

static int
with_options(struct program *program, int argc, char **argv,
    const struct option *options,
    int (*make)(struct program *, const struct making *))
{
	struct making making = {0};
	clv_error *err = NULL;
	int status;

	if (clv_key_options_new(&making.options, &err))
		return program_fail(&err);
	status = read_arguments(program, argc, argv, options, &making);
	if (status == EXIT_DONE)
		status = make(program, &making);
	clv_key_options_free(&making.options);
	return status == -1 ? EXIT_DONE : status;
}

int
cmd_key_generate(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"alg", required_argument, NULL, ALG},
	    {"label", required_argument, NULL, LABEL},
	    {"id", required_argument, NULL, ID},
	    {"option", required_argument, NULL, OPTION}, PROGRAM_OPTIONS};

	return with_options(program, argc, argv, options, generate);
}

int
cmd_key_import(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"in", required_argument, NULL, IN},
	    {"label", required_argument, NULL, LABEL},
	    {"id", required_argument, NULL, ID},
	    {"option", required_argument, NULL, OPTION}, PROGRAM_OPTIONS};

	return with_options(program, argc, argv, options, import);
}

int
cmd_key_delete(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"yes", no_argument, NULL, YES}, PROGRAM_OPTIONS};
	clv_context *context;
	clv_error *err = NULL;
	bool sure = false;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == OPTION_HELP)
			return EXIT_DONE;
		if (option == '?')
			return EXIT_USAGE;
		sure = true;
	}
	if (optind != argc - 1)
		return program_usage(program, "one KEY-URI is needed");
	if (!sure)
		return program_usage(program,
		    "a key that is deleted is gone: say so with --yes");
	context = program_context(program);
	if (context == NULL)
		return EXIT_REFUSED;
	if (clv_key_delete(context, argv[optind], &err))
		return program_fail(&err);
	fprintf(stderr, "claviger: key deleted\n");
	return EXIT_DONE;
}

int
cmd_key_passwd(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {PROGRAM_OPTIONS};
	clv_context *context;
	clv_error *err = NULL;
	clv_status status;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1)
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
	if (optind != argc - 1)
		return program_usage(program, "one KEY-URI is needed");
	context = program_context(program);
	if (context == NULL)
		return EXIT_REFUSED;
	status = clv_key_change_secret(context, argv[optind], &err);
	if (status != CLV_OK)
		return program_fail(&err);
	fprintf(stderr, "claviger: password changed\n");
	return EXIT_DONE;
}
