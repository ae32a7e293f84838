/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* cert request */

#include "commands.h"

#include "subject_options.h"

enum { OUT = 1 };

struct request {
	const char *uri;
	const char *output;
	clv_subject *subject;
};

static int
read_arguments(
    struct program *program, int argc, char **argv, struct request *request)
{
	static const struct option options[] = {SUBJECT_OPTIONS,
	    {"out", required_argument, NULL, OUT}, PROGRAM_OPTIONS};
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		int status;

		if (option == OPTION_HELP)
			return -1;
		if (option == '?')
			return EXIT_USAGE;
		status =
		    subject_option(program, request->subject, option, optarg);
		if (status == -1)
			request->output = optarg;
		else if (status != EXIT_DONE)
			return status;
	}
	if (optind != argc - 1)
		return program_usage(program, "one KEY-URI is needed");
	request->uri = argv[optind];
	return EXIT_DONE;
}

static int
make(struct program *program, const struct request *request)
{
	clv_context *context = program_context(program);
	clv_error *err = NULL;
	clv_key *key = NULL;
	uint8_t *der = NULL;
	size_t size = 0;
	int status;

	if (context == NULL)
		return EXIT_REFUSED;
	progress_start("opening the key");
	if (clv_key_open(context, request->uri, &key, &err) == CLV_OK)
		(void)clv_certificate_request(
		    key, request->subject, &der, &size, &err);
	progress_stop();
	if (der == NULL)
		status = program_fail(&err);
	else
		status = program_write_pem(
		    request->output, "CERTIFICATE REQUEST", der, size);
	clv_free(der);
	clv_key_free(&key);
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
