/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* cert show */

#include "commands.h"

#include <time.h>

#define FILE_MAX (1024U * 1024U)

static const char *
algorithm_name(const clv_certificate *certificate)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(clv_certificate_algorithm(certificate));

	return info != NULL ? info->name : "not one of OPC UA's";
}

static void
print_line(const char *name, const char *value)
{
	printf("%-16s", name);
	program_print_text(stdout, value);
	printf("\n");
}

static void
print_validity(const clv_certificate *certificate)
{
	const int64_t from = clv_certificate_not_before(certificate);
	const int64_t until = clv_certificate_not_after(certificate);
	const int64_t now = (int64_t)time(NULL);
	char buffer[32];

	print_line("valid from", program_time(from, buffer));
	printf("%-16s%s", "valid until", program_time(until, buffer));
	if (now < from)
		printf("  (not yet valid)\n");
	else if (now > until)
		printf("  (EXPIRED)\n");
	else
		printf(
		    "  (%lld days left)\n", (long long)((until - now) / 86400));
}

static void
print(const clv_certificate *certificate)
{
	const char *uri = clv_certificate_application_uri(certificate);
	const char *host;

	print_line("subject", clv_certificate_subject(certificate));
	print_line("issuer",
	    clv_certificate_is_self_signed(certificate)
		? "itself"
		: clv_certificate_issuer(certificate));
	print_line("ApplicationUri", uri != NULL ? uri : "none");
	for (size_t i = 0;
	     (host = clv_certificate_host(certificate, i)) != NULL; i++)
		print_line(i == 0 ? "hosts" : "", host);
	print_validity(certificate);
	print_line("key", algorithm_name(certificate));
	print_line("key usage", clv_certificate_key_usage(certificate));
	print_line(
	    "extended usage", clv_certificate_extended_key_usage(certificate));
	print_line("CA", clv_certificate_is_ca(certificate) ? "yes" : "no");
	print_line("serial", clv_certificate_serial(certificate));
	print_line("thumbprint", clv_certificate_thumbprint(certificate));
}

static int
print_json(const clv_certificate *certificate)
{
	cJSON *document = cJSON_CreateObject();
	cJSON *hosts = cJSON_AddArrayToObject(document, "hosts");
	const char *uri = clv_certificate_application_uri(certificate);
	const char *host;
	char buffer[32];

	for (size_t i = 0;
	     (host = clv_certificate_host(certificate, i)) != NULL; i++)
		cJSON_AddItemToArray(hosts, cJSON_CreateString(host));
	cJSON_AddStringToObject(
	    document, "subject", clv_certificate_subject(certificate));
	cJSON_AddStringToObject(
	    document, "issuer", clv_certificate_issuer(certificate));
	cJSON_AddBoolToObject(document, "selfSigned",
	    clv_certificate_is_self_signed(certificate));
	if (uri != NULL)
		cJSON_AddStringToObject(document, "applicationUri", uri);
	cJSON_AddStringToObject(document, "validFrom",
	    program_time(clv_certificate_not_before(certificate), buffer));
	cJSON_AddStringToObject(document, "validUntil",
	    program_time(clv_certificate_not_after(certificate), buffer));
	cJSON_AddStringToObject(
	    document, "algorithm", algorithm_name(certificate));
	cJSON_AddStringToObject(
	    document, "keyUsage", clv_certificate_key_usage(certificate));
	cJSON_AddStringToObject(document, "extendedKeyUsage",
	    clv_certificate_extended_key_usage(certificate));
	cJSON_AddBoolToObject(
	    document, "ca", clv_certificate_is_ca(certificate));
	cJSON_AddStringToObject(
	    document, "serial", clv_certificate_serial(certificate));
	cJSON_AddStringToObject(
	    document, "thumbprint", clv_certificate_thumbprint(certificate));
	return program_print_json(&document);
}

int
cmd_cert_show(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {PROGRAM_OPTIONS};
	clv_certificate *certificate = NULL;
	clv_secret bytes = CLV_SECRET_INIT;
	clv_error *err = NULL;
	clv_context *context;
	int status = EXIT_REFUSED;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1)
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
	if (optind != argc - 1)
		return program_usage(program, "one FILE is needed");
	context = program_context(program);
	if (context == NULL || !program_read(argv[optind], FILE_MAX, &bytes))
		goto out;
	if (clv_certificate_parse(
		context, bytes.data, bytes.size, &certificate, &err)) {
		status = program_fail(&err);
		goto out;
	}
	status = EXIT_DONE;
	if (program->json)
		status = print_json(certificate);
	else
		print(certificate);
out:
	clv_certificate_free(&certificate);
	clv_secret_clear(&bytes);
	return status;
}
