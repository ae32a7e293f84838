/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/guard/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name of each code, and what to do where no command mends it. */
static const struct {
	const char *name;
	const char *advice;
} codes[] = {
    [CLV_GUARD_OWNER] = {"owner", NULL},
    [CLV_GUARD_OWNER_UNMAPPED] = {"owner-unmapped",
	"map the owner's id into the user namespace, or allow unmapped owners"},
    [CLV_GUARD_OTHERS_READ] = {"others-read", NULL},
    [CLV_GUARD_OTHERS_WRITE] = {"others-write", NULL},
    [CLV_GUARD_GROUP_READ] = {"group-read",
	"do without readers other than the application"},
    [CLV_GUARD_GROUP_WRITE] = {"group-write", NULL},
    [CLV_GUARD_ACL_READ] = {"acl-read",
	"do without readers other than the application"},
    [CLV_GUARD_ACL_WRITE] = {"acl-write", NULL},
    [CLV_GUARD_ACL_SLEEPING] = {"acl-sleeping", NULL},
    [CLV_GUARD_ACL_DEFAULT] = {"acl-default", NULL},
    [CLV_GUARD_ACL_FOREIGN] = {"acl-foreign",
	"move it to a file system with POSIX permissions"},
    [CLV_GUARD_STICKY] = {"sticky",
	"move it to a directory that only the application's account and "
	"administrators can write"},
    [CLV_GUARD_LINK_OWNER] = {"link-owner", NULL},
    [CLV_GUARD_LINK_LOOP] = {"link-loop",
	"name the file itself instead of a chain of symbolic links"},
    [CLV_GUARD_LINK_MAGIC] = {"link-magic",
	"name the file itself instead of a link of /proc"},
    [CLV_GUARD_HARD_LINK] = {"hard-link", NULL},
    [CLV_GUARD_TYPE] = {"type", "name a file of the right kind"},
    [CLV_GUARD_TOO_LARGE] = {"too-large",
	"name the right file, or raise the limit of the path guard"},
    [CLV_GUARD_FUSE] = {"fuse", "move it to a local file system"},
    [CLV_GUARD_REMOTE] = {"remote", "move it to a local file system"},
    [CLV_GUARD_UNREACHABLE] = {"unreachable",
	"use an absolute path, or a directory that exists"},
    [CLV_GUARD_EXECUTE] = {"execute", NULL},
};

static bool
is_known(clv_guard_code code)
{
	return code > 0 && (size_t)code < sizeof(codes) / sizeof(codes[0]);
}

const char *
clv_guard_code_name(clv_guard_code code)
{
	return is_known(code) ? codes[code].name : "unknown";
}

/* What a finding's message can't say in a command. Static. */
static const char *
advice(const clv_guard_finding *finding)
{
	if (finding->command != NULL || !is_known(finding->code))
		return NULL;
	return codes[finding->code].advice;
}

const char *
clv_guard_grade_name(clv_guard_grade grade)
{
	switch (grade) {
	case CLV_GUARD_SECURE:
		return "secure";
	case CLV_GUARD_WEAK:
		return "weak";
	case CLV_GUARD_INSECURE:
		break;
	}
	return "insecure";
}

const char *
clv_guard_policy_name(clv_guard_policy policy)
{
	switch (policy) {
	case CLV_GUARD_KEY:
		return "key";
	case CLV_GUARD_TRUST:
		return "trust";
	case CLV_GUARD_CONFIG:
		return "config";
	}
	return "unknown";
}

static void
free_finding(clv_guard_finding *finding)
{
	free((void *)(uintptr_t)finding->path);
	free((void *)(uintptr_t)finding->reason);
	free((void *)(uintptr_t)finding->command);
}

void
clv_guard_report_clear(clv_guard_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		free_finding(&report->findings[i]);
	free(report->findings);
	free(report->path);
	report->findings = NULL;
	report->path = NULL;
	report->count = 0;
}

void
clv_guard_report_free(clv_guard_report **report)
{
	if (report == NULL || *report == NULL)
		return;
	clv_guard_report_clear(*report);
	free(*report);
	*report = NULL;
}

/* A directory is met again after ".." or a symbolic link. */
static clv_guard_finding *
find_same(const clv_guard_report *report, const clv_guard_finding *finding)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->findings[i].code == finding->code &&
		    strcmp(report->findings[i].path, finding->path) == 0 &&
		    strcmp(report->findings[i].reason, finding->reason) == 0)
			return &report->findings[i];
	return NULL;
}

clv_status
clv_guard_report_add(clv_guard_report *report, const clv_guard_finding *finding,
    char *command, clv_error **err)
{
	clv_guard_finding copy = *finding;
	clv_guard_finding *findings, *known;

	copy.command = command;
	copy.advice = advice(&copy);
	known = find_same(report, finding);
	if (known != NULL) {
		/* On the way first, and the target now. */
		known->fixable = known->fixable || finding->fixable;
		free(command);
		return CLV_OK;
	}
	copy.path = strdup(finding->path);
	copy.reason = strdup(finding->reason);
	findings = reallocarray(
	    report->findings, report->count + 1, sizeof(*findings));
	if (findings != NULL)
		report->findings = findings;
	if (copy.path == NULL || copy.reason == NULL || findings == NULL) {
		free_finding(&copy);
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){
			.operation = "judge", .subject = finding->path},
		    "out of memory");
	}
	report->findings[report->count++] = copy;
	if (copy.grade > report->grade)
		report->grade = copy.grade;
	return CLV_OK;
}

/* A right is taken away only from what is known to be the application's: not
 * if somebody untrusted had a hand in where the path leads, and not if the
 * file goes by another name elsewhere. */
static bool
blocks_mending(const clv_guard_finding *finding)
{
	return !finding->fixable &&
	    (finding->grade == CLV_GUARD_INSECURE ||
		finding->code == CLV_GUARD_HARD_LINK);
}

void
clv_guard_report_settle(clv_guard_report *report)
{
	bool blocked = false;

	for (size_t i = 0; i < report->count; i++)
		blocked = blocked || blocks_mending(&report->findings[i]);
	for (size_t i = 0; blocked && i < report->count; i++)
		report->findings[i].fixable = false;
}

clv_guard_grade
clv_guard_report_grade(const clv_guard_report *report)
{
	return report->grade;
}

clv_guard_policy
clv_guard_report_policy(const clv_guard_report *report)
{
	return report->policy;
}

const char *
clv_guard_report_path(const clv_guard_report *report)
{
	return report->path;
}

size_t
clv_guard_report_count(const clv_guard_report *report)
{
	return report->count;
}

const clv_guard_finding *
clv_guard_report_finding(const clv_guard_report *report, size_t index)
{
	return index < report->count ? &report->findings[index] : NULL;
}

const clv_guard_finding *
clv_guard_report_worst(const clv_guard_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->findings[i].grade == report->grade)
			return &report->findings[i];
	return NULL;
}

/* Nothing is wrong with it, but it is too much. */
static bool
is_only_too_large(const clv_guard_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->findings[i].grade == report->grade &&
		    report->findings[i].code != CLV_GUARD_TOO_LARGE)
			return false;
	return true;
}

/*
 * Root that looks after a service's application must not take it away from
 * the service: whose it is may be all that was not said. NULL if that is not
 * so, or memory ran out.
 */
static char *
remedy_for_root(const clv_guard *guard, const clv_guard_report *report,
    const clv_guard_finding *worst)
{
	char *remedy = NULL;

	if (guard->application != 0 || worst->code != CLV_GUARD_OWNER ||
	    worst->command == NULL ||
	    asprintf(&remedy,
		"if uid %u runs the application, say so (claviger ... "
		"--application %u); if not: %s",
		report->owner, report->owner, worst->command) < 0)
		return NULL;
	return remedy;
}

clv_status
clv_guard_refuse(const clv_guard *guard, const clv_guard_report *report,
    const char *subject, clv_error **err)
{
	const clv_guard_finding *worst = clv_guard_report_worst(report);
	char *for_root = remedy_for_root(guard, report, worst);
	/* Whoever reads it does not know which directory is meant. */
	const char *whole =
	    *subject != '/' && report->path != NULL ? report->path : subject;
	const bool is_itself = strcmp(worst->path, whole) == 0;
	const char *remedy = for_root != NULL ? for_root
	    : worst->command != NULL          ? worst->command
					      : worst->advice;
	clv_status status;

	status = clv_error_raise(err,
	    is_only_too_large(report) ? CLV_TOO_LARGE : CLV_POLICY,
	    &(struct clv_error_info){
		.operation = "open", .subject = whole, .remedy = remedy},
	    "%s%s%s: %s", clv_guard_grade_name(worst->grade),
	    is_itself ? "" : ": ", is_itself ? "" : worst->path, worst->reason);
	free(for_root);
	return status;
}
