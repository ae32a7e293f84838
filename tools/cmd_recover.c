/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* recover */

#include "commands.h"

#include <claviger/transaction.h>

static const char *
plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static void
print(const struct clv_recovery *done, bool failed)
{
	if (done->finished)
		printf("finished a transaction that was interrupted\n");
	if (done->lists > 0)
		printf("finished the change of %zu TrustList%s\n", done->lists,
		    plural(done->lists));
	if (done->discarded > 0)
		printf("discarded the change of %zu TrustList%s, which was "
		       "not committed\n",
		    done->discarded, plural(done->discarded));
	if (done->destroyed > 0)
		printf("destroyed %zu unused key%s\n", done->destroyed,
		    plural(done->destroyed));
	if (done->swept > 0)
		printf("removed %zu temporary file%s\n", done->swept,
		    plural(done->swept));
	if (done->left > 0)
		printf("%zu unused key%s\n", done->left,
		    done->left == 1 ? " is left" : "s are left");
	if (!failed && !done->finished &&
	    done->lists + done->discarded + done->destroyed + done->swept +
		    done->left ==
		0)
		printf("nothing to do\n");
}

static int
print_json(const struct clv_recovery *done)
{
	cJSON *document = cJSON_CreateObject();

	cJSON_AddBoolToObject(document, "finished", done->finished);
	cJSON_AddNumberToObject(document, "listsFinished", (double)done->lists);
	cJSON_AddNumberToObject(
	    document, "listsDiscarded", (double)done->discarded);
	cJSON_AddNumberToObject(
	    document, "keysDestroyed", (double)done->destroyed);
	cJSON_AddNumberToObject(document, "filesRemoved", (double)done->swept);
	cJSON_AddNumberToObject(document, "keysLeft", (double)done->left);
	return program_print_json(&document);
}

static int
recover(struct program *program, const char *directory)
{
	clv_context *context = program_context(program);
	struct clv_recovery done = {.finished = false};
	clv_application *application = NULL;
	clv_error *err = NULL;
	int status;

	if (context == NULL)
		return EXIT_REFUSED;
	if (clv_application_open(context, directory, &application, &err))
		return program_fail(&err);
	(void)clv_application_recover(application, &done, &err);
	clv_application_free(&application);
	if (program->json)
		status = print_json(&done);
	else {
		print(&done, err != NULL);
		status = EXIT_DONE;
	}
	return err != NULL ? program_fail(&err) : status;
}

int
cmd_recover(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {PROGRAM_OPTIONS};
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1)
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
	if (optind != argc - 1)
		return program_usage(program, "one DIR is needed");
	return recover(program, argv[optind]);
}
