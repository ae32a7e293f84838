/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* trust verify */

#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trust_options.h"

#define FILE_MAX (1024U * 1024U)

enum { CHAIN = 1, ROLE, HOSTNAME, URI, SUPPRESS, AT };

struct verification {
	const char *directory;
	const char *file;
	const char *chain;
	clv_verify_options *options;
	bool has_role;  /* one was given */
	bool to_server; /* and it is that of a server */
	bool has_host;
	uint32_t suppress; /* besides what the group does */
	bool failed;       /* after a complaint */
};

static bool
add_suppressions(uint32_t *bits, char *text, clv_error **err)
{
	char *word;

	while ((word = strsep(&text, ",")) != NULL) {
		const uint32_t bit = clv_validation_bit(word);

		if (bit == 0) {
			(void)clv_error_raise(err, CLV_INVALID, NULL,
			    "--suppress knows no \"%s\"", word);
			return false;
		}
		*bits |= bit;
	}
	return true;
}

static bool
set_role(struct verification *verification, const char *text, clv_error **err)
{
	clv_verify_role role;

	if (strcmp(text, "client") == 0)
		role = CLV_VERIFY_CLIENT;
	else if (strcmp(text, "server") == 0)
		role = CLV_VERIFY_SERVER;
	else if (strcmp(text, "user") == 0)
		role = CLV_VERIFY_USER;
	else if (strcmp(text, "https") == 0)
		role = CLV_VERIFY_HTTPS;
	else {
		(void)clv_error_raise(err, CLV_INVALID, NULL,
		    "--role is client, server, user or https, not \"%s\"",
		    text);
		return false;
	}
	verification->has_role = true;
	verification->to_server =
	    role == CLV_VERIFY_SERVER || role == CLV_VERIFY_HTTPS;
	return clv_verify_options_set_role(verification->options, role, err) ==
	    CLV_OK;
}

/* RFC 3339 in UTC, as the program prints it, or a day. */
static bool
set_time(clv_verify_options *options, const char *text, clv_error **err)
{
	struct tm parts = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);

	if (end == NULL || *end != '\0') {
		memset(&parts, 0, sizeof(parts));
		end = strptime(text, "%Y-%m-%d", &parts);
	}
	if (end == NULL || *end != '\0') {
		(void)clv_error_raise(err, CLV_INVALID, NULL,
		    "--at takes a time such as 2026-11-23T12:00:00Z, not "
		    "\"%s\"",
		    text);
		return false;
	}
	clv_verify_options_set_time(options, (int64_t)timegm(&parts));
	return true;
}

static bool
handle(struct verification *verification, int option, clv_error **err)
{
	clv_verify_options *options = verification->options;

	switch (option) {
	case CHAIN:
		verification->chain = optarg;
		return true;
	case ROLE:
		return set_role(verification, optarg, err);
	case HOSTNAME:
		verification->has_host = true;
		return clv_verify_options_set_hostname(options, optarg, err) ==
		    CLV_OK;
	case URI:
		return clv_verify_options_set_application_uri(
			   options, optarg, err) == CLV_OK;
	case SUPPRESS:
		return add_suppressions(&verification->suppress, optarg, err);
	default:
		return set_time(options, optarg, err);
	}
}

/* Hosts are those of servers: nobody else's certificate has to name one. */
static bool
settle_role(struct verification *verification, clv_error **err)
{
	if (!verification->has_host || verification->to_server)
		return true;
	if (!verification->has_role)
		return set_role(verification, "server", err);
	(void)clv_error_raise(
	    err, CLV_INVALID, NULL, "--hostname is for --role server or https");
	return false;
}

static int
read_arguments(struct program *program, int argc, char **argv,
    struct verification *verification)
{
	static const struct option options[] = {
	    {"chain", required_argument, NULL, CHAIN},
	    {"role", required_argument, NULL, ROLE},
	    {"hostname", required_argument, NULL, HOSTNAME},
	    {"uri", required_argument, NULL, URI},
	    {"suppress", required_argument, NULL, SUPPRESS},
	    {"at", required_argument, NULL, AT}, PROGRAM_OPTIONS};
	clv_error *err = NULL;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == OPTION_HELP)
			return -1;
		if (option == '?')
			return EXIT_USAGE;
		if (!handle(verification, option, &err)) {
			(void)program_usage(
			    program, "%s", clv_error_reason(err));
			clv_error_free(&err);
			return EXIT_USAGE;
		}
	}
	if (!settle_role(verification, &err)) {
		(void)program_usage(program, "%s", clv_error_reason(err));
		clv_error_free(&err);
		return EXIT_USAGE;
	}
	verification->directory = trust_argument(argc, argv);
	verification->file = trust_argument(argc, argv);
	if (verification->file == NULL || optind != argc)
		return program_usage(program, "DIR and CERT are needed");
	return EXIT_DONE;
}

/* Appends the DER of a file's certificates, which may be PEM. */
static bool
append(struct program *program, const char *file, clv_secret *all)
{
	clv_certificate *certificate = NULL;
	clv_secret bytes = CLV_SECRET_INIT;
	clv_error *err = NULL;
	const uint8_t *der = NULL;
	size_t size = 0;
	bool good = program_read(file, FILE_MAX, &bytes);

	if (!good)
		goto out;
	/* Hostile DER goes to the verification as it is; it tells more. */
	der = bytes.data;
	size = bytes.size;
	if (size > 0 && der[0] != 0x30) {
		good =
		    clv_certificate_parse(program_context(program), bytes.data,
			bytes.size, &certificate, &err) == CLV_OK;
		if (!good) {
			(void)program_fail(&err);
			goto out;
		}
		der = clv_certificate_der(certificate, &size);
	}
	if (all->size + size > all->capacity) {
		(void)program_refuse(NULL, "%s: too large", file);
		good = false;
		goto out;
	}
	memcpy(all->data + all->size, der, size);
	all->size += size;
out:
	clv_certificate_free(&certificate);
	clv_secret_clear(&bytes);
	return good;
}

/* Who is who in the table: the first finding about each certificate names
 * it. */
static void
print_chain(clv_verdict *verdict)
{
	const size_t count = clv_verdict_count(verdict);

	printf("%-4s%s\n", "OF", "CERTIFICATE");
	for (unsigned depth = 0; depth <= count; depth++)
		for (size_t i = 0; i < count; i++) {
			const clv_finding *finding =
			    clv_verdict_finding(verdict, i);

			if (finding == NULL || finding->depth != depth)
				continue;
			printf("%-4u", depth);
			program_print_text(stdout, finding->subject);
			printf("%s%s\n",
			    *finding->thumbprint != '\0' ? "  " : "",
			    finding->thumbprint);
			break;
		}
	printf("\n");
}

/* Whoever may put a file there chose its name. */
static void
print_file(const char *file)
{
	if (file == NULL)
		return;
	printf(" [");
	program_print_text(stdout, file);
	printf("]");
}

static void
print_text(clv_verdict *verdict)
{
	print_chain(verdict);
	printf("%-16s%-4s%-38s%s\n", "STEP", "OF", "STATUS", "WHY");
	for (size_t i = 0; i < clv_verdict_count(verdict); i++) {
		const clv_finding *finding = clv_verdict_finding(verdict, i);

		if (finding == NULL)
			break;
		printf("%-16s%-4u%-38s", clv_verify_step_name(finding->step),
		    finding->depth, clv_statuscode_name(finding->status));
		program_print_text(stdout, finding->text);
		printf("%s",
		    finding->suppressed    ? " (suppressed)"
			: finding->warning ? " (warning)"
					   : "");
		print_file(finding->file);
		printf("\n");
	}
	printf("\n%s\n", clv_statuscode_name(clv_verdict_status(verdict)));
}

static int
print_json(clv_verdict *verdict)
{
	cJSON *document = cJSON_CreateObject();
	cJSON *steps = cJSON_AddArrayToObject(document, "steps");

	for (size_t i = 0; i < clv_verdict_count(verdict); i++) {
		const clv_finding *finding = clv_verdict_finding(verdict, i);
		cJSON *object;

		if (finding == NULL)
			break;
		object = cJSON_CreateObject();
		cJSON_AddStringToObject(
		    object, "step", clv_verify_step_name(finding->step));
		cJSON_AddStringToObject(
		    object, "status", clv_statuscode_name(finding->status));
		cJSON_AddNumberToObject(object, "depth", finding->depth);
		cJSON_AddBoolToObject(
		    object, "suppressed", finding->suppressed);
		cJSON_AddBoolToObject(object, "warning", finding->warning);
		cJSON_AddStringToObject(object, "subject", finding->subject);
		cJSON_AddStringToObject(
		    object, "thumbprint", finding->thumbprint);
		cJSON_AddStringToObject(object, "text", finding->text);
		if (finding->file != NULL)
			cJSON_AddStringToObject(object, "file", finding->file);
		cJSON_AddItemToArray(steps, object);
	}
	cJSON_AddStringToObject(document, "status",
	    clv_statuscode_name(clv_verdict_status(verdict)));
	return program_print_json(&document);
}

static int
run(struct program *program, const struct verification *verification)
{
	clv_trust *trust = trust_open(program, verification->directory);
	clv_secret chain = CLV_SECRET_INIT;
	clv_verdict *verdict = NULL;
	clv_error *err = NULL;
	int status = EXIT_REFUSED;

	if (trust == NULL)
		return EXIT_REFUSED;
	if (clv_secret_alloc(&chain, CLV_SECRET_MAX, &err)) {
		status = program_fail(&err);
		goto out;
	}
	if (!append(program, verification->file, &chain) ||
	    (verification->chain != NULL &&
		!append(program, verification->chain, &chain)))
		goto out;
	if (clv_verify_options_set_validation(verification->options,
		verification->suppress |
		    trust_validation(program, verification->directory),
		&err)) {
		status = program_fail(&err);
		goto out;
	}
	/* A bad certificate is an error, too; the verdict tells more. */
	if (clv_trust_verify(trust, chain.data, chain.size,
		verification->options, &verdict, &err) != CLV_OK &&
	    verdict == NULL) {
		status = program_fail(&err);
		goto out;
	}
	clv_error_free(&err);
	status = clv_statuscode_is_bad(clv_verdict_status(verdict))
	    ? EXIT_REFUSED
	    : EXIT_DONE;
	if (!program->json)
		print_text(verdict);
	else if (print_json(verdict) != EXIT_DONE)
		status = EXIT_REFUSED;
out:
	clv_verdict_free(&verdict);
	clv_secret_clear(&chain);
	clv_trust_free(&trust);
	return status;
}

int
cmd_trust_verify(struct program *program, int argc, char **argv)
{
	struct verification verification = {0};
	clv_error *err = NULL;
	int status;

	if (clv_verify_options_new(&verification.options, &err))
		return program_fail(&err);
	status = read_arguments(program, argc, argv, &verification);
	if (status == EXIT_DONE)
		status = run(program, &verification);
	clv_verify_options_free(&verification.options);
	return status == -1 ? EXIT_DONE : status;
}
