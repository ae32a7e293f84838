/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* doctor: the path guard's verdict on files, directories and applications */

#include "commands.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <claviger/application.h>

enum { OPTION_FIX = 1, OPTION_ADMIN, OPTION_ADMINS };

/* What the visitor counts and shows. */
struct doctor {
	bool json;
	bool named; /* --application */
	bool fix;
	cJSON *objects; /* with --json */
	size_t count[CLV_GUARD_INSECURE + 1];
	size_t failed;
	size_t fixed;
	/* The account that owns what root refuses; root if there is none. */
	uid_t owner;
};

/* With --fix, why there still is something to do. */
static const char *
why_left(const char *path, const clv_guard_finding *finding)
{
	if (strcmp(path, finding->path) != 0)
		return "it is above what is judged, and others may rely on it";
	if (finding->code == CLV_GUARD_OWNER ||
	    finding->code == CLV_GUARD_LINK_OWNER ||
	    finding->code == CLV_GUARD_HARD_LINK)
		return "it only takes rights away";
	return "somebody else could still put another one in its place";
}

static void
print_finding(
    const char *path, const clv_guard_finding *finding, bool wanted_fix)
{
	printf("  %s: ", clv_guard_code_name(finding->code));
	if (strcmp(path, finding->path) != 0) {
		program_print_text(stdout, finding->path);
		printf(": ");
	}
	printf("%s\n", finding->reason);
	if (finding->command != NULL) {
		printf("    fix: ");
		program_print_text(stdout, finding->command);
		printf("\n");
		if (wanted_fix)
			printf("    not done by --fix: %s\n",
			    why_left(path, finding));
	} else if (finding->advice != NULL) {
		printf("    %s\n", finding->advice);
	}
}

static void
print_object(const struct doctor *doctor, const char *path,
    clv_guard_policy policy, const clv_guard_report *report, size_t fixed,
    const clv_error *failure)
{
	if (report != NULL && clv_guard_report_count(report) == 0 && fixed == 0)
		return;
	program_print_text(stdout, path);
	if (report == NULL) {
		printf(clv_error_status(failure) == CLV_CORRUPT
			? ": not to be relied on: "
			: ": not judged: ");
		program_print_text(stdout, clv_error_reason(failure));
		printf("\n");
		if (clv_error_remedy(failure) != NULL) {
			printf("    fix: ");
			program_print_text(stdout, clv_error_remedy(failure));
			printf("\n");
		}
		return;
	}
	printf(": %s (%s)",
	    clv_guard_grade_name(clv_guard_report_grade(report)),
	    clv_guard_policy_name(policy));
	printf(fixed > 0 ? ", mended\n" : "\n");
	for (size_t i = 0; i < clv_guard_report_count(report); i++)
		print_finding(
		    path, clv_guard_report_finding(report, i), doctor->fix);
}

static void
add_findings(cJSON *object, const clv_guard_report *report)
{
	cJSON *findings = cJSON_AddArrayToObject(object, "findings");

	for (size_t i = 0; i < clv_guard_report_count(report); i++) {
		const clv_guard_finding *finding =
		    clv_guard_report_finding(report, i);
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(
		    entry, "code", clv_guard_code_name(finding->code));
		cJSON_AddStringToObject(
		    entry, "grade", clv_guard_grade_name(finding->grade));
		cJSON_AddStringToObject(entry, "path", finding->path);
		cJSON_AddStringToObject(entry, "reason", finding->reason);
		if (finding->command != NULL)
			cJSON_AddStringToObject(
			    entry, "command", finding->command);
		if (finding->advice != NULL)
			cJSON_AddStringToObject(
			    entry, "advice", finding->advice);
		cJSON_AddBoolToObject(entry, "fixable", finding->fixable);
		cJSON_AddItemToArray(findings, entry);
	}
}

static void
add_object(cJSON *objects, const char *path, clv_guard_policy policy,
    const clv_guard_report *report, size_t fixed, const clv_error *failure)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "path", path);
	cJSON_AddStringToObject(
	    object, "policy", clv_guard_policy_name(policy));
	cJSON_AddStringToObject(object, "grade",
	    clv_guard_grade_name(report != NULL ? clv_guard_report_grade(report)
						: CLV_GUARD_INSECURE));
	cJSON_AddNumberToObject(object, "fixed", (double)fixed);
	if (report != NULL)
		add_findings(object, report);
	else
		cJSON_AddStringToObject(
		    object, "error", clv_error_message(failure));
	cJSON_AddItemToArray(objects, object);
}

/* Only for what is said: it was judged by the guard. */
static uid_t
foreign_owner(const clv_guard_report *report)
{
	struct stat about;

	for (size_t i = 0; i < clv_guard_report_count(report); i++) {
		const clv_guard_finding *finding =
		    clv_guard_report_finding(report, i);

		if (finding->code == CLV_GUARD_OWNER &&
		    lstat(finding->path, &about) == 0)
			return about.st_uid;
	}
	return 0;
}

static bool
show(void *user, const char *path, clv_guard_policy policy,
    const clv_guard_report *report, size_t fixed, const clv_error *failure)
{
	struct doctor *doctor = user;

	doctor->fixed += fixed;
	if (report != NULL && doctor->owner == 0)
		doctor->owner = foreign_owner(report);
	if (report != NULL)
		doctor->count[clv_guard_report_grade(report)]++;
	else
		doctor->failed++;
	if (doctor->json)
		add_object(
		    doctor->objects, path, policy, report, fixed, failure);
	else
		print_object(doctor, path, policy, report, fixed, failure);
	return true;
}

static int
print_verdict(struct doctor *doctor, clv_guard_grade worst)
{
	cJSON *document;

	if (!doctor->json) {
		printf("%s: %zu secure, %zu weak, %zu insecure, %zu not "
		       "judged; %zu mended\n",
		    clv_guard_grade_name(worst),
		    doctor->count[CLV_GUARD_SECURE],
		    doctor->count[CLV_GUARD_WEAK],
		    doctor->count[CLV_GUARD_INSECURE], doctor->failed,
		    doctor->fixed);
		return program_finish();
	}
	document = cJSON_CreateObject();
	cJSON_AddStringToObject(document, "grade", clv_guard_grade_name(worst));
	cJSON_AddNumberToObject(document, "fixed", (double)doctor->fixed);
	cJSON_AddItemToObject(document, "objects", doctor->objects);
	doctor->objects = NULL; /* transferred */
	return program_print_json(&document);
}

static clv_status
take_option(clv_guard *guard, int option, const char *value, clv_error **err)
{
	switch (option) {
	case OPTION_ADMIN:
		return clv_guard_add_administrator(guard, value, err);
	default:
		return clv_guard_add_administrators(guard, value, err);
	}
}

/* All paths; what can't even be found ends it. */
static int
survey(clv_context *context, char **paths, bool fix, struct doctor *doctor)
{
	clv_guard_grade worst = CLV_GUARD_SECURE, grade;
	clv_error *err = NULL;
	int status;

	for (; *paths != NULL; paths++) {
		if (clv_application_survey(context, *paths, fix, show, doctor,
			&grade, &err) != CLV_OK)
			return program_fail(&err);
		if (grade > worst)
			worst = grade;
	}
	status = print_verdict(doctor, worst);
	if (doctor->owner != 0 && !doctor->named && geteuid() == 0)
		fprintf(stderr,
		    "claviger: if uid %u runs the application, say so: "
		    "--application %u\n",
		    doctor->owner, doctor->owner);
	return status == EXIT_DONE && worst != CLV_GUARD_SECURE ? EXIT_REFUSED
								: status;
}

int
cmd_doctor(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"fix", no_argument, NULL, OPTION_FIX},
	    {"admin", required_argument, NULL, OPTION_ADMIN},
	    {"admins", required_argument, NULL, OPTION_ADMINS},
	    PROGRAM_OPTIONS};
	struct doctor doctor = {.json = false};
	clv_context *context;
	clv_guard *guard = NULL;
	clv_error *err = NULL;
	int status = EXIT_DONE;
	bool fix = false;
	int option;

	if (clv_guard_new(&guard, &err) != CLV_OK)
		return program_fail(&err);
	/* Root judges, and mends what the account itself can't. */
	program->stays_itself = true;
	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == '?' || option == OPTION_HELP) {
			status = option == '?' ? EXIT_USAGE : EXIT_DONE;
			goto out;
		}
		if (option == OPTION_FIX)
			fix = true;
		else if (take_option(guard, option, optarg, &err) != CLV_OK) {
			status = program_fail(&err);
			goto out;
		}
	}
	if (program->application != NULL &&
	    clv_guard_set_application(guard, program->application, &err) !=
		CLV_OK) {
		status = program_fail(&err);
		goto out;
	}
	doctor.named = program->application != NULL;
	doctor.json = program->json;
	if (doctor.json)
		doctor.objects = cJSON_CreateArray();
	if (optind >= argc) {
		status = program_usage(program, "at least one PATH is needed");
	} else if ((context = program_context(program)) == NULL) {
		status = EXIT_REFUSED;
	} else {
		clv_context_set_guard(context, &guard);
		doctor.fix = fix;
		status = survey(context, argv + optind, fix, &doctor);
	}
out:
	cJSON_Delete(doctor.objects);
	clv_guard_free(&guard);
	return status;
}
