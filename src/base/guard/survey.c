/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Judges an application's directory with all that is in it. */

#include "base/guard/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/guard/classify.h"

#define MOST_LEVELS 64U
#define MOST_OBJECTS 1000000U

struct survey {
	const clv_guard *guard;
	clv_guard_visit_fn *visit;
	void *user;
	clv_guard_grade worst;
	size_t objects;
};

static clv_status
survey_error(
    clv_status status, const char *path, const char *what, clv_error **err)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "survey", .subject = path},
	    "%s", what);
}

static clv_status
visit(struct survey *survey, const char *path, clv_guard_policy policy,
    const clv_guard_report *report, size_t fixed, const clv_error *failure,
    clv_error **err)
{
	const clv_guard_grade grade =
	    report != NULL ? report->grade : CLV_GUARD_INSECURE;

	if (grade > survey->worst)
		survey->worst = grade;
	if (survey->visit(survey->user, path, policy, report, fixed, failure))
		return CLV_OK;
	return survey_error(CLV_CANCELLED, path, "the visitor stopped", err);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static bool
add_name(char ***names, size_t *count, const char *name)
{
	char **more = *names;

	/* Room for a power of two. */
	if ((*count & (*count - 1)) == 0) {
		more = reallocarray(
		    *names, *count > 0 ? *count * 2 : 1, sizeof(*more));
		if (more == NULL)
			return false;
		*names = more;
	}
	more[*count] = strdup(name);
	if (more[*count] == NULL)
		return false;
	(*count)++;
	return true;
}

/* The entries of a directory in order. Closes `fd`. errno on failure. */
static bool
list_entries(int fd, char ***names, size_t *count)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;

	if (directory == NULL) {
		(void)close(fd);
		return false;
	}
	errno = 0;
	while ((entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0 &&
		    (*count >= MOST_OBJECTS ||
			!add_name(names, count, entry->d_name)))
			errno = *count >= MOST_OBJECTS ? E2BIG : ENOMEM;
		if (errno != 0)
			break;
	}
	fd = errno;
	(void)closedir(directory);
	errno = fd;
	if (errno == 0 && *count > 0)
		qsort(*names, *count, sizeof(**names), compare_names);
	return errno == 0;
}

static clv_status survey_object(struct survey *survey,
    const struct clv_guard_request *request, const char *path, unsigned level,
    bool fix, clv_error **err);

static clv_status
survey_entry(struct survey *survey, int directory, const char *name,
    const char *above, unsigned level, bool fix, clv_error **err)
{
	const bool slash = *above != '\0' && above[strlen(above) - 1] == '/';
	struct clv_guard_request request = {.guard = survey->guard,
	    .directory = directory,
	    .path = name,
	    .want = CLV_GUARD_WANT_ANY,
	    .entry_only = true};
	char *path = NULL;
	clv_status status;

	if (asprintf(&path, "%s%s%s", above, slash ? "" : "/", name) < 0)
		return survey_error(CLV_NO_MEMORY, above, "out of memory", err);
	request.policy = clv_guard_classify_at(directory, name, path);
	status = survey_object(survey, &request, path, level, fix, err);
	free(path);
	return status;
}

/* A directory that can't be listed is no reason to stop: it is reported. */
static clv_status
report_unlisted(struct survey *survey, const char *path,
    clv_guard_policy policy, clv_error **err)
{
	clv_error *failure = NULL;
	clv_status status;

	if (errno == E2BIG || errno == ENOMEM)
		return survey_error(
		    errno == E2BIG ? CLV_TOO_LARGE : CLV_NO_MEMORY, path,
		    "it has too many entries", err);
	(void)clv_guard_system_error(path, "can't be listed", &failure);
	status = visit(survey, path, policy, NULL, 0, failure, err);
	clv_error_free(&failure);
	return status;
}

static clv_status
survey_entries(struct survey *survey, int pinned, const char *path,
    clv_guard_policy policy, unsigned level, bool fix, clv_error **err)
{
	const int fd = openat(pinned, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	clv_status status = CLV_OK;
	char **names = NULL;
	size_t count = 0;

	if (level >= MOST_LEVELS)
		status = survey_error(
		    CLV_TOO_LARGE, path, "it is nested too deeply", err);
	if (status != CLV_OK || fd < 0 || !list_entries(fd, &names, &count)) {
		if (status != CLV_OK && fd >= 0)
			(void)close(fd);
		free_names(names, count);
		return status != CLV_OK
		    ? status
		    : report_unlisted(survey, path, policy, err);
	}
	for (size_t i = 0; i < count && status == CLV_OK; i++)
		status = survey_entry(
		    survey, pinned, names[i], path, level + 1, fix, err);
	free_names(names, count);
	return status;
}

static bool
is_link(const struct clv_guard_request *request)
{
	struct statx stat;

	return request->entry_only &&
	    statx(request->directory, request->path, AT_SYMLINK_NOFOLLOW,
		STATX_TYPE, &stat) == 0 &&
	    S_ISLNK(stat.stx_mode);
}

/* Judges one object, mends and reports it, and goes into it. */
static clv_status
survey_object(struct survey *survey, const struct clv_guard_request *request,
    const char *path, unsigned level, bool fix, clv_error **err)
{
	clv_guard_report *report = NULL;
	clv_error *failure = NULL;
	const bool link = is_link(request);
	struct statx stat = {0};
	size_t fixed = 0;
	int pinned = -1;
	clv_status status;

	if (++survey->objects > MOST_OBJECTS)
		return survey_error(
		    CLV_TOO_LARGE, path, "there are too many files", err);
	status =
	    clv_guard_check_request(request, &report, &pinned, &stat, &failure);
	if (status == CLV_OK && fix)
		status =
		    clv_guard_fix_request(request, &report, &fixed, &failure);
	if (status != CLV_OK)
		clv_guard_report_free(&report);
	status =
	    visit(survey, path, request->policy, report, fixed, failure, err);

	/* What stands in a directory that others can write may be theirs: it
	 * is not mended. */
	if (status == CLV_OK && report != NULL && pinned >= 0 &&
	    S_ISDIR(stat.stx_mode) && !link)
		status = survey_entries(survey, pinned, path, request->policy,
		    level, fix && report->grade < CLV_GUARD_INSECURE, err);
	if (pinned >= 0)
		(void)close(pinned);
	clv_guard_report_free(&report);
	clv_error_free(&failure);
	return status;
}

clv_status
clv_guard_survey_as(const clv_guard *guard, clv_guard_policy policy,
    const char *path, bool fix, clv_guard_visit_fn *visitor, void *user,
    clv_guard_grade *worst, clv_error **err)
{
	const struct clv_guard_request request = {.guard = guard,
	    .policy = policy,
	    .directory = AT_FDCWD,
	    .path = path,
	    .want = CLV_GUARD_WANT_ANY};
	struct survey survey = {.guard = guard, .visit = visitor, .user = user};
	clv_guard_report *start = NULL;
	clv_status status;

	*worst = CLV_GUARD_INSECURE;
	/* The starting point must be there; below, failures are findings. */
	status = clv_guard_check(guard, request.policy, path, &start, err);
	if (status != CLV_OK)
		return status;
	clv_guard_report_free(&start);
	status = survey_object(&survey, &request, path, 0, fix, err);
	if (status == CLV_OK)
		*worst = survey.worst;
	return status;
}

clv_status
clv_guard_survey(const clv_guard *guard, const char *path, bool fix,
    clv_guard_visit_fn *visitor, void *user, clv_guard_grade *worst,
    clv_error **err)
{
	return clv_guard_survey_as(guard, clv_guard_classify(path), path, fix,
	    visitor, user, worst, err);
}
