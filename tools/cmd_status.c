/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* status */

#include "commands.h"

#include "status.h"

static int
print(const struct program *program, const clv_application *application)
{
	struct status status;
	int printed = EXIT_DONE;
	bool good;

	if (!status_gather(program->context, application, &status)) {
		status_clear(&status);
		return program_refuse(NULL, "status: out of memory");
	}
	if (program->json)
		printed = status_print_json(&status);
	else
		status_print(&status);
	good = status.good && !status_audit_is_bad(&status);
	status_clear(&status);
	return good ? printed : EXIT_REFUSED;
}

int
cmd_status(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {PROGRAM_OPTIONS};
	clv_application *application = NULL;
	clv_error *err = NULL;
	clv_context *context;
	int status;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1)
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
	if (optind != argc - 1)
		return program_usage(program, "one DIR is needed");
	context = program_context(program);
	if (context == NULL)
		return EXIT_REFUSED;
	if (clv_application_open(context, argv[optind], &application, &err))
		return program_fail(&err);
	status = print(program, application);
	clv_application_free(&application);
	return status;
}
