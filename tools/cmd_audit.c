/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* audit */

#include "commands.h"

#include <claviger/audit.h>

#include <string.h>

enum { VERIFY = 1, END };

struct audit {
	const char *directory;
	const char *known; /* the end of an earlier check */
	bool verify;
	cJSON *records; /* NULL: print */
};

/* ---- records ---- */

static void
print_text(const char *text)
{
	putchar(' ');
	program_print_text(stdout, text);
}

static const char *
text_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
}

static void
print_pair(const cJSON *object, const char *name)
{
	const char *text = text_of(object, name);

	if (text == NULL)
		return;
	printf("  %-12s", name);
	print_text(text);
	putchar('\n');
}

static void
print_change(const cJSON *change)
{
	const char *const parts[] = {"group", "type", "key", "certificate"};

	printf("  %-12s",
	    text_of(change, "what") != NULL ? text_of(change, "what") : "");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (text_of(change, parts[i]) != NULL)
			print_text(text_of(change, parts[i]));
	putchar('\n');
}

static void
print_record(const cJSON *record)
{
	const cJSON *number = cJSON_GetObjectItem(record, "seq");
	const cJSON *change = NULL;
	const char *const heads[] = {
	    "time", "event", "outcome", "account", "program"};
	const char *const pairs[] = {
	    "group", "type", "key", "certificate", "detail"};

	printf("%.0f", cJSON_GetNumberValue(number));
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		print_text(text_of(record, heads[i]) != NULL
			? text_of(record, heads[i])
			: "-");
	putchar('\n');
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		print_pair(record, pairs[i]);
	cJSON_ArrayForEach(change, cJSON_GetObjectItem(record, "changes"))
	    print_change(change);
}

static bool
show(void *user, const char *json, size_t size)
{
	const struct audit *audit = user;
	cJSON *record = cJSON_ParseWithLength(json, size);

	/* Whoever wrote that, it is shown, and --verify finds it. */
	if (record == NULL)
		record = cJSON_CreateObject();
	if (audit->records != NULL) {
		cJSON_AddItemToArray(audit->records, record);
		return true;
	}
	print_record(record);
	cJSON_Delete(record);
	return true;
}

static int
list(struct program *program, const clv_application *application,
    struct audit *audit)
{
	struct clv_audit_summary summary;
	cJSON *document = NULL;
	clv_error *err = NULL;

	if (program->json) {
		document = cJSON_CreateObject();
		audit->records = cJSON_AddArrayToObject(document, "records");
	}
	if (clv_audit_visit(application, show, audit, &err) ||
	    clv_audit_verify(application, NULL, &summary, &err)) {
		if (program->json)
			(void)program_print_json(&document);
		return program_fail(&err);
	}
	return program->json ? program_print_json(&document) : program_finish();
}

/* ---- checking ---- */

static int
verify_json(const struct clv_audit_summary *summary, const clv_error *problem)
{
	cJSON *document = cJSON_CreateObject();

	cJSON_AddBoolToObject(document, "intact", problem == NULL);
	cJSON_AddNumberToObject(document, "first", (double)summary->first);
	cJSON_AddNumberToObject(document, "last", (double)summary->last);
	cJSON_AddNumberToObject(document, "files", (double)summary->files);
	cJSON_AddBoolToObject(document, "torn", summary->torn);
	if (summary->end[0] != '\0')
		cJSON_AddStringToObject(document, "end", summary->end);
	if (problem != NULL) {
		cJSON_AddNumberToObject(
		    document, "broken", (double)summary->broken);
		cJSON_AddStringToObject(
		    document, "problem", clv_error_message(problem));
	}
	return program_print_json(&document);
}

static int
verify(struct program *program, const clv_application *application,
    const struct audit *audit)
{
	struct clv_audit_summary summary;
	clv_error *err = NULL;
	const clv_status status =
	    clv_audit_verify(application, audit->known, &summary, &err);
	int printed = EXIT_DONE;

	if (program->json && (status == CLV_OK || status == CLV_CORRUPT))
		printed = verify_json(&summary, err);
	else if (status == CLV_OK && summary.last == 0)
		printf("nothing was recorded yet\n");
	else if (status == CLV_OK)
		printf("records %llu to %llu are whole%s\nend %s\n",
		    (unsigned long long)summary.first,
		    (unsigned long long)summary.last,
		    summary.torn ? "; a crash left part of a line" : "",
		    summary.end);
	return err != NULL ? program_fail(&err) : printed;
}

static int
run(struct program *program, struct audit *audit)
{
	clv_context *context = program_context(program);
	clv_application *application = NULL;
	clv_error *err = NULL;
	int status;

	if (context == NULL)
		return EXIT_REFUSED;
	if (clv_application_open(context, audit->directory, &application, &err))
		return program_fail(&err);
	status = audit->verify ? verify(program, application, audit)
			       : list(program, application, audit);
	clv_application_free(&application);
	return status;
}

int
cmd_audit(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"verify", no_argument, NULL, VERIFY},
	    {"end", required_argument, NULL, END}, PROGRAM_OPTIONS};
	struct audit audit = {.known = NULL};
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
		audit.verify = true;
		if (option == END)
			audit.known = optarg;
	}
	if (optind != argc - 1)
		return program_usage(program, "one DIR is needed");
	audit.directory = argv[optind];
	return run(program, &audit);
}
