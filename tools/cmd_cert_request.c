/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* cert request */

#include "commands.h"

#include <claviger/transaction.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "subject_options.h"

enum { OUT = 1, GROUP, SLOT, NEW_KEY, ALG };

struct request {
	const char *source; /* a directory or a key's URI */
	const char *output;
	const char *group;
	const char *type;
	bool new_key;
	clv_algorithm algorithm; /* of the new key; or that of the old one */
	clv_subject *subject;
	bool described; /* by options */
	bool has_uri;
	bool has_name;
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
	else if (option == NEW_KEY)
		request->new_key = true;
	else if (option == ALG) {
		request->algorithm = clv_algorithm_by_name(optarg);
		if (request->algorithm == CLV_ALGORITHM_NONE)
			return program_usage(
			    program, "\"%s\" is no algorithm", optarg);
	} else {
		request->described = true;
		request->has_uri |= option == SUBJECT_URI;
		request->has_name |= option == SUBJECT_CN;
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
	    {"slot", required_argument, NULL, SLOT},
	    {"new-key", no_argument, NULL, NEW_KEY},
	    {"alg", required_argument, NULL, ALG}, PROGRAM_OPTIONS};
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
	if (request->algorithm != CLV_ALGORITHM_NONE && !request->new_key)
		return program_usage(program, "--alg goes with --new-key");
	request->source = argv[optind];
	return EXIT_DONE;
}

/* The slot that is meant: the one of --slot, or the only one. */
static clv_status
find_slot(const clv_application *application, const struct request *request,
    const char **type, clv_error **err)
{
	struct clv_slot slot;
	struct clv_slot other;

	*type = request->type != NULL ? request->type : "";
	if (request->type != NULL ||
	    !clv_application_slot(application, 0, &slot))
		return CLV_OK;
	*type = slot.type;
	if (!clv_application_slot(application, 1, &other))
		return CLV_OK;
	return clv_error_raise(err, CLV_AMBIGUOUS,
	    &(struct clv_error_info){.operation = "make request",
		.remedy = "choose one with --slot"},
	    "there are several slots, such as %s and %s", slot.type,
	    other.type);
}

/* --alg, or what the present key is. */
static clv_status
choose_algorithm(const clv_application *application,
    const struct request *request, const char *type, clv_algorithm *algorithm,
    clv_error **err)
{
	clv_certificate *certificate = NULL;
	clv_status status;

	*algorithm = request->algorithm;
	if (*algorithm != CLV_ALGORITHM_NONE)
		return CLV_OK;
	status = clv_application_certificate(
	    application, request->group, type, &certificate, err);
	if (status == CLV_OK)
		*algorithm = clv_certificate_algorithm(certificate);
	clv_certificate_free(&certificate);
	return status;
}

static clv_status
make_key(clv_application *application, const struct request *request,
    const char *type, clv_key **key, clv_error **err)
{
	clv_algorithm algorithm = CLV_ALGORITHM_NONE;
	clv_txn *txn = NULL;
	clv_status status;

	if ((status = choose_algorithm(
		 application, request, type, &algorithm, err)) == CLV_OK &&
	    (status = clv_txn_open(application, &txn, err)) == CLV_OK)
		status = clv_txn_new_key(
		    txn, request->group, type, algorithm, key, err);
	clv_txn_free(&txn);
	return status;
}

/* A key that waits for its certificate is what is to be certified. */
static clv_status
open_key(clv_application *application, const struct request *request,
    const char *type, clv_key **key, clv_error **err)
{
	char *pending = NULL;
	clv_status status;

	if (request->new_key)
		return make_key(application, request, type, key, err);
	status = clv_application_pending_uri(
	    application, request->group, type, &pending, err);
	if (status == CLV_OK && pending != NULL) {
		progress_clear();
		fprintf(stderr,
		    "claviger: for the new key, which waits for its "
		    "certificate\n");
		status = clv_application_pending_key(
		    application, request->group, type, key, err);
	} else if (status == CLV_OK) {
		status = clv_application_key(
		    application, request->group, type, key, err);
	}
	clv_free(pending);
	return status;
}

static clv_status
request_for_application(clv_context *context, const struct request *request,
    uint8_t **der, size_t *size, clv_error **err)
{
	clv_application *application = NULL;
	const char *type = NULL;
	clv_key *key = NULL;
	clv_status status;

	status =
	    clv_application_open(context, request->source, &application, err);
	if (status == CLV_OK)
		status = find_slot(application, request, &type, err);
	if (status == CLV_OK)
		status = open_key(application, request, type, &key, err);
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

/* What goes with an application does not with a key, and the reverse. */
static int
check(const struct program *program, const struct request *request, bool is_key)
{
	if (!is_key && request->described)
		return program_usage(program,
		    "an application has its own names: leave --uri, --cn and "
		    "so on out");
	if (is_key && request->new_key)
		return program_usage(program,
		    "--new-key is for an application's slot; make a key with "
		    "claviger key generate");
	if (is_key && !(request->has_uri && request->has_name))
		return program_usage(
		    program, "with a KEY-URI, --uri and --cn are needed");
	return EXIT_DONE;
}

static int
make(struct program *program, const struct request *request)
{
	clv_context *context = program_context(program);
	clv_error *err = NULL;
	uint8_t *der = NULL;
	char *pem;
	size_t size = 0;
	bool is_key;
	int status;

	if (context == NULL)
		return EXIT_REFUSED;
	is_key = is_key_uri(context, request->source);
	status = check(program, request, is_key);
	if (status != EXIT_DONE)
		return status;
	progress_start(request->new_key ? "making the key" : "opening the key");
	if (is_key)
		(void)request_for_key(context, request, &der, &size, &err);
	else
		(void)request_for_application(
		    context, request, &der, &size, &err);
	progress_stop();
	if (der == NULL)
		return program_fail(&err);
	pem = program_pem("CERTIFICATE REQUEST", der, size);
	status = program_give_pem(program, request->output, "request", pem);
	free(pem);
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
