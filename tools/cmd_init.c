/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* init */

#include "commands.h"

#include <claviger/application.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "subject_options.h"

#define ALGORITHMS_MAX 8

enum { KEY = 1, ALG, DAYS };

struct init {
	const char *directory;
	const char *store;
	clv_subject *subject;
	clv_algorithm algorithms[ALGORITHMS_MAX];
	size_t count;
	unsigned long days;
	bool named;
	bool has_uri;
};

static int
add_algorithm(
    const struct program *program, struct init *init, const char *name)
{
	const clv_algorithm algorithm = clv_algorithm_by_name(name);

	if (algorithm == CLV_ALGORITHM_NONE || algorithm == CLV_RSA_OTHER)
		return program_usage(program,
		    "--alg takes one of rsa2048 "
		    "rsa3072 rsa4096 p256 p384 brainpool256 brainpool384 "
		    "ed25519 ed448, not \"%s\"",
		    name);
	if (init->count == ALGORITHMS_MAX)
		return program_usage(program, "too many algorithms");
	init->algorithms[init->count++] = algorithm;
	return EXIT_DONE;
}

static int
handle(const struct program *program, struct init *init, int option)
{
	switch (option) {
	case KEY:
		init->store = optarg;
		return EXIT_DONE;
	case ALG:
		return add_algorithm(program, init, optarg);
	case DAYS:
		return program_number(
			   program, "--days", optarg, 1, 36500, &init->days)
		    ? EXIT_DONE
		    : EXIT_USAGE;
	case SUBJECT_CN:
		init->named = true;
		break;
	case SUBJECT_URI:
		init->has_uri = true;
		break;
	default:
		break;
	}
	return subject_option(program, init->subject, option, optarg);
}

static int
read_arguments(
    struct program *program, int argc, char **argv, struct init *init)
{
	static const struct option options[] = {SUBJECT_OPTIONS,
	    {"key", required_argument, NULL, KEY},
	    {"alg", required_argument, NULL, ALG},
	    {"days", required_argument, NULL, DAYS}, PROGRAM_OPTIONS};
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		int status;

		if (option == OPTION_HELP)
			return -1;
		if (option == '?')
			return EXIT_USAGE;
		status = handle(program, init, option);
		if (status != EXIT_DONE)
			return status;
	}
	if (optind != argc - 1)
		return program_usage(program, "one DIR is needed");
	if (!init->has_uri)
		return program_usage(program,
		    "--uri is needed: the application's URI, such as "
		    "urn:HOST:PRODUCT");
	init->directory = argv[optind];
	if (init->count == 0)
		init->algorithms[init->count++] = CLV_RSA_2048;
	return EXIT_DONE;
}

/* Without --cn, the last part of the directory's name will do. */
static int
name_application(struct init *init)
{
	clv_error *err = NULL;
	const char *name = init->directory;

	for (const char *c = init->directory; *c != '\0'; c++)
		if (*c == '/' && c[1] != '\0' && c[1] != '/')
			name = c + 1;
	if (init->named ||
	    clv_subject_set_common_name(init->subject, name, &err) == CLV_OK)
		return EXIT_DONE;
	return program_fail(&err);
}

static int
print(const struct program *program, const clv_application *application)
{
	cJSON *document;
	cJSON *slots;
	struct clv_slot slot;

	if (!program->json) {
		printf("%s\n", clv_application_directory(application));
		for (size_t i = 0; clv_application_slot(application, i, &slot);
		     i++)
			printf("  %-20s %s\n", slot.type, slot.key);
		return EXIT_DONE;
	}
	document = cJSON_CreateObject();
	cJSON_AddStringToObject(
	    document, "directory", clv_application_directory(application));
	slots = cJSON_AddArrayToObject(document, "slots");
	for (size_t i = 0; clv_application_slot(application, i, &slot); i++) {
		cJSON *object = cJSON_CreateObject();

		cJSON_AddStringToObject(object, "type", slot.type);
		cJSON_AddStringToObject(object, "key", slot.key);
		cJSON_AddStringToObject(
		    object, "certificate", slot.certificate);
		cJSON_AddItemToArray(slots, object);
	}
	return program_print_json(&document);
}

/* A TPM keeps keys better than a file: say so where there is one. */
static void
suggest(const struct init *init)
{
	static const char device[] = "/dev/tpmrm0";

	if (init->store != NULL || access(device, F_OK) != 0)
		return;
	fprintf(stderr,
	    "claviger: this machine has a TPM: with --key tpm2: the key can't "
	    "be copied\n");
	if (access(device, R_OK | W_OK) != 0)
		fprintf(stderr,
		    "  (%s is not yours to use yet: usermod --append --groups "
		    "tss USER)\n",
		    device);
}

/* What root makes in /var/lib, the account that is to have it can't. */
static int
fail(const struct program *program, const struct init *init, clv_error **err)
{
	const bool denied = clv_error_get_domain(*err) == CLV_DOMAIN_ERRNO &&
	    clv_error_code(*err) == EACCES && clv_error_remedy(*err) == NULL;
	const int status = program_fail(err);

	if (denied && program->application != NULL) {
		fprintf(
		    stderr, "  fix: install -d -o %s ", program->application);
		program_print_text(stderr, init->directory);
		fprintf(stderr, "\n");
	}
	return status;
}

static int
make(struct program *program, const struct init *init)
{
	clv_context *context = program_context(program);
	clv_application *application = NULL;
	clv_error *err = NULL;
	int status;

	if (context == NULL)
		return EXIT_REFUSED;
	suggest(init);
	progress_start("making the application");
	(void)clv_application_create(context, init->directory, init->subject,
	    init->store, init->algorithms, init->count, (unsigned)init->days,
	    &application, &err);
	progress_stop();
	status = application != NULL ? print(program, application)
				     : fail(program, init, &err);
	clv_application_free(&application);
	return status;
}

int
cmd_init(struct program *program, int argc, char **argv)
{
	struct init init = {0};
	clv_error *err = NULL;
	int status;

	if (clv_subject_new(&init.subject, &err))
		return program_fail(&err);
	status = read_arguments(program, argc, argv, &init);
	if (status == EXIT_DONE)
		status = name_application(&init);
	if (status == EXIT_DONE)
		status = make(program, &init);
	clv_subject_free(&init.subject);
	return status == -1 ? EXIT_DONE : status;
}
