/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* cert request */

#include "commands.h"

#include <claviger/application.h>

#include <string.h>

#include "subject_options.h"

enum { OUT = 1, GROUP, SLOT };

struct request {
	const char *source; /* a directory or a key's URI */
	const char *output;
	const char *group;
	const char *type;
	clv_subject *subject;
	bool described; /* by options */
};

static int
handle(const struct program *program, struct request *request, int option)
{
	int status;

	if (option == OUT)
		request->output = optarg;
	else if (option == GROUP)
		request->group = optarg;
	else if (option == SLOT)
		request->type = optarg;
	else {
		request->described = true;
		status =
		    subject_option(program, request->subject, option, optarg);
		return status;
	}
	return EXIT_DONE;
}

static int
read_arguments(
    struct program *program, int argc, char **argv, struct request *request)
{
	static const struct option options[] = {SUBJECT_OPTIONS,
	    {"out", required_argument, NULL, OUT},
	    {"group", required_argument, NULL, GROUP},
	    {"slot", required_argument, NULL, SLOT}, PROGRAM_OPTIONS};
	int option;

	request->group = CLV_DEFAULT_APPLICATION_GROUP;
	while ((option = program_option(program, argc, argv, options)) != -1) {
		int status;

		if (option == OPTION_HELP)
			return -1;
		if (option == '?')
			return EXIT_USAGE;
		status = handle(program, request, option);
		if (status != EXIT_DONE)
			return status;
	}
	if (optind != argc - 1)
		return program_usage(program, "one DIR or KEY-URI is needed");
	request->source = argv[optind];
	return EXIT_DONE;
}

/* The slot that is meant: the one of --slot, or the only one. */
static clv_status
open_slot(const clv_application *application, const struct request *request,
    clv_key **key, clv_error **err)
{
	const char *type = request->type;
	struct clv_slot slot;
	struct clv_slot other;

	if (type == NULL && clv_application_slot(application, 0, &slot)) {
		if (clv_application_slot(application, 1, &other))
			return clv_error_raise(err, CLV_AMBIGUOUS,
			    &(struct clv_error_info){
				.operation = "make request",
				.remedy = "choose one with --slot"},
			    "there are several slots, such as %s and %s",
			    slot.type, other.type);
		type = slot.type;
	}
	return clv_application_key(
	    application, request->group, type != NULL ? type : "", key, err);
}

static clv_status
request_for_application(clv_context *context, const struct request *request,
    uint8_t **der, size_t *size, clv_error **err)
{
	clv_application *application = NULL;
	clv_key *key = NULL;
	clv_status status;

	status =
	    clv_application_open(context, request->source, &application, err);
	if (status == CLV_OK)
		status = open_slot(application, request, &key, err);
	if (status == CLV_OK)
		status = clv_certificate_request(
		    key, clv_application_subject(application), der, size, err);
	clv_key_free(&key);
	clv_application_free(&application);
	return status;
}

static clv_status
request_for_key(clv_context *context, const struct request *request,
    uint8_t **der, size_t *size, clv_error **err)
{
	clv_key *key = NULL;
	clv_status status = clv_key_open(context, request->source, &key, err);

	if (status == CLV_OK)
		status = clv_certificate_request(
		    key, request->subject, der, size, err);
	clv_key_free(&key);
	return status;
}

/* A scheme that the library knows, and a colon. */
static bool
is_key_uri(const clv_context *context, const char *text)
{
	const char *scheme;

	for (size_t i = 0; (scheme = clv_context_scheme(context, i)) != NULL;
	     i++) {
		const size_t size = strlen(scheme);

		if (strncmp(text, scheme, size) == 0 && text[size] == ':')
			return true;
	}
	return false;
}

static int
make(struct program *program, const struct request *request)
{
	clv_context *context = program_context(program);
	clv_error *err = NULL;
	uint8_t *der = NULL;
	size_t size = 0;
	int status;

	if (context == NULL)
		return EXIT_REFUSED;
	if (!is_key_uri(context, request->source) && request->described)
		return program_usage(program,
		    "an application has its own names: leave --uri, --cn and "
		    "so on out");
	progress_start("opening the key");
	if (is_key_uri(context, request->source))
		(void)request_for_key(context, request, &der, &size, &err);
	else
		(void)request_for_application(
		    context, request, &der, &size, &err);
	progress_stop();
	if (der == NULL)
		status = program_fail(&err);
	else
		status = program_write_pem(
		    request->output, "CERTIFICATE REQUEST", der, size);
	clv_free(der);
	return status;
}

int
cmd_cert_request(struct program *program, int argc, char **argv)
{
	struct request request = {0};
	clv_error *err = NULL;
	int status;

	if (clv_subject_new(&request.subject, &err))
		return program_fail(&err);
	status = read_arguments(program, argc, argv, &request);
	if (status == EXIT_DONE)
		status = make(program, &request);
	clv_subject_free(&request.subject);
	return status == -1 ? EXIT_DONE : status;
}
