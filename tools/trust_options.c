/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust_options.h"

#include <claviger/audit.h>

#include <stdlib.h>
#include <unistd.h>

static bool
is_application(const char *directory)
{
	char *path = NULL;
	bool found = false;

	if (asprintf(&path, "%s/claviger.conf", directory) >= 0)
		found = access(path, F_OK) == 0;
	free(path);
	return found;
}

/* The list of an application: claviger.conf may name administrators. */
static clv_status
open_application(struct program *program, const char *directory,
    clv_trust **out, clv_error **err)
{
	clv_application *application = NULL;
	clv_status status = clv_application_open(
	    program_context(program), directory, &application, err);

	if (status == CLV_OK)
		status = clv_application_open_trust_list(
		    application, CLV_DEFAULT_APPLICATION_GROUP, out, err);
	clv_application_free(&application);
	return status;
}

static clv_status
open_list(struct program *program, const char *directory, clv_trust **out,
    clv_error **err)
{
	clv_trust_options *options = NULL;
	clv_status status = clv_trust_options_new(&options, err);

	if (status == CLV_OK)
		status = clv_trust_options_set_guard(
		    options, clv_context_guard(program_context(program)), err);
	if (status == CLV_OK)
		status = clv_trust_open(directory, options, out, err);
	clv_trust_options_free(&options);
	return status;
}

clv_trust *
trust_open(struct program *program, const char *directory)
{
	clv_trust *trust = NULL;
	clv_error *err = NULL;

	if (program_context(program) == NULL)
		return NULL;
	if ((is_application(directory)
		    ? open_application(program, directory, &trust, &err)
		    : open_list(program, directory, &trust, &err)) != CLV_OK)
		(void)program_fail(&err);
	return trust;
}

uint32_t
trust_validation(struct program *program, const char *directory)
{
	clv_application *application = NULL;
	uint32_t bits = CLV_VALIDATION_DEFAULT;

	if (is_application(directory) &&
	    clv_application_open(program_context(program), directory,
		&application, NULL) == CLV_OK)
		bits = clv_application_validation(
		    application, CLV_DEFAULT_APPLICATION_GROUP);
	clv_application_free(&application);
	return bits;
}

void
trust_record(struct program *program, const char *directory,
    const char *certificate, const char *detail)
{
	const struct clv_audit_event event = {.event = "trust-list-changed",
	    .group = CLV_DEFAULT_APPLICATION_GROUP,
	    .certificate = certificate,
	    .detail = detail};
	clv_application *application = NULL;
	clv_error *err = NULL;

	if (!is_application(directory))
		return;
	if (clv_application_open(program_context(program), directory,
		&application, &err) == CLV_OK)
		(void)clv_audit_append(application, &event, &err);
	if (err != NULL)
		fprintf(stderr, "claviger: it is done, but not recorded: %s\n",
		    clv_error_message(err));
	clv_application_free(&application);
	clv_error_free(&err);
}

const char *
trust_argument(int argc, char **argv)
{
	return optind < argc ? argv[optind++] : NULL;
}

int
trust_no_options(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {PROGRAM_OPTIONS};
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1)
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
	return -1;
}

void
trust_tell_change(const clv_trust_change *change)
{
	fprintf(stderr, "claviger: %zu added, %zu removed, %zu there before\n",
	    change->added, change->removed, change->unchanged);
}
