/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* cert install */

#include "commands.h"

#include <claviger/application.h>

#include <string.h>

#define FILE_MAX (1024U * 1024U)

enum { GROUP = 1, TYPE };

struct install {
	const char *directory;
	const char *file;
	const char *group;
	const char *type;
};

static int
read_arguments(
    struct program *program, int argc, char **argv, struct install *install)
{
	static const struct option options[] = {
	    {"group", required_argument, NULL, GROUP},
	    {"slot", required_argument, NULL, TYPE}, PROGRAM_OPTIONS};
	int option;

	install->group = CLV_DEFAULT_APPLICATION_GROUP;
	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == OPTION_HELP)
			return -1;
		if (option == '?')
			return EXIT_USAGE;
		if (option == GROUP)
			install->group = optarg;
		else
			install->type = optarg;
	}
	if (optind != argc - 2)
		return program_usage(program, "DIR and FILE are needed");
	install->directory = argv[optind];
	install->file = argv[optind + 1];
	return EXIT_DONE;
}

static clv_status
put(clv_context *context, clv_application *application,
    const struct install *install, const clv_secret *bytes, clv_error **err)
{
	clv_certificate *certificate = NULL;
	const uint8_t *der;
	size_t size = 0;
	clv_status status;

	status = clv_certificate_parse(
	    context, bytes->data, bytes->size, &certificate, err);
	if (status != CLV_OK)
		return status;
	der = clv_certificate_der(certificate, &size);
	status = clv_application_install(application,
	    install->type != NULL ? install->group : NULL, install->type, der,
	    size, err);
	if (status == CLV_OK)
		fprintf(stderr, "claviger: installed %s\n",
		    clv_certificate_thumbprint(certificate));
	clv_certificate_free(&certificate);
	return status;
}

static int
run(struct program *program, const struct install *install)
{
	clv_context *context = program_context(program);
	clv_application *application = NULL;
	clv_secret bytes = CLV_SECRET_INIT;
	clv_error *err = NULL;
	clv_status status;

	if (context == NULL || !program_read(install->file, FILE_MAX, &bytes)) {
		clv_secret_clear(&bytes);
		return EXIT_REFUSED;
	}
	status = clv_application_open(
	    context, install->directory, &application, &err);
	if (status == CLV_OK)
		status = put(context, application, install, &bytes, &err);
	clv_application_free(&application);
	clv_secret_clear(&bytes);
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
