/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What an application's security rests on, wherever it lies. */

#include "application/application.h"
#include "application/audit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/guard/internal.h"

/* The directory, and at most these things for each group and slot. */
#define ROOTS_MAX (1U + CLV_GROUPS_MAX + 8U * CLV_SLOTS_MAX)

struct survey {
	const clv_guard *guard;
	bool fix;
	clv_guard_visit_fn *visit;
	void *user;
	clv_guard_grade worst;
	/* What was judged with all that is in it: real paths. */
	char *roots[ROOTS_MAX];
	size_t count;
};

static clv_status
cancelled(const char *path, clv_error **err)
{
	return clv_error_raise(err, CLV_CANCELLED,
	    &(struct clv_error_info){.operation = "survey", .subject = path},
	    "the visitor stopped");
}

/* What can't be judged is a finding, not the end. */
static clv_status
report_failure(struct survey *survey, const char *path, clv_guard_policy policy,
    const clv_error *failure, clv_error **err)
{
	survey->worst = CLV_GUARD_INSECURE;
	return survey->visit(survey->user, path, policy, NULL, 0, failure)
	    ? CLV_OK
	    : cancelled(path, err);
}

static bool
is_below(const char *path, const char *root)
{
	const size_t size = strlen(root);

	return strncmp(path, root, size) == 0 &&
	    (path[size] == '/' || path[size] == '\0' || size == 1);
}

/* Whether it was judged already, as part of something. Links count where they
 * lead: a survey does not descend into them. */
static bool
is_known(const struct survey *survey, const char *real)
{
	for (size_t i = 0; i < survey->count; i++)
		if (is_below(real, survey->roots[i]))
			return true;
	return false;
}

static clv_status
survey_root(struct survey *survey, const char *path, clv_guard_policy policy,
    clv_error **err)
{
	clv_guard_grade grade = CLV_GUARD_SECURE;
	clv_error *failure = NULL;
	char *real = realpath(path, NULL);
	clv_status status;

	if (real != NULL && is_known(survey, real) &&
	    (policy != CLV_GUARD_KEY ||
		clv_guard_classify(real) == CLV_GUARD_KEY)) {
		free(real);
		return CLV_OK;
	}
	status = clv_guard_survey_as(survey->guard, policy, path, survey->fix,
	    survey->visit, survey->user, &grade, &failure);
	if (real != NULL && survey->count < ROOTS_MAX)
		survey->roots[survey->count++] = real;
	else
		free(real);
	if (grade > survey->worst)
		survey->worst = grade;
	if (status == CLV_CANCELLED)
		status = cancelled(path, err);
	else if (status != CLV_OK)
		status = report_failure(survey, path, policy, failure, err);
	clv_error_free(&failure);
	return status;
}

/* A file that a source of secrets names. What is relative starts at whatever
 * directory the application will run in: nobody knows. */
static clv_status
survey_source(struct survey *survey, const char *source, clv_error **err)
{
	clv_uri *uri = NULL;
	clv_status status = CLV_OK;

	if (source == NULL || clv_uri_parse(source, &uri, NULL) != CLV_OK)
		return CLV_OK;
	if (clv_uri_path(uri) != NULL && *clv_uri_path(uri) == '/')
		status =
		    survey_root(survey, clv_uri_path(uri), CLV_GUARD_KEY, err);
	clv_uri_free(&uri);
	return status;
}

/* Whatever the scheme: a path, a module that is run, a file with a secret. */
static clv_status
survey_uri(
    struct survey *survey, const char *text, bool is_key, clv_error **err)
{
	clv_uri *uri = NULL;
	const char *path;
	const char *module;
	clv_status status;

	if (text == NULL)
		return CLV_OK;
	if ((status = clv_uri_parse(text, &uri, err)) != CLV_OK)
		return status;
	path = clv_uri_path(uri);
	module = clv_uri_get(uri, CLV_URI_QUERY, "module-path", NULL);
	if (path != NULL && *path == '/')
		status = survey_root(survey, path,
		    is_key ? CLV_GUARD_KEY : clv_guard_classify(path), err);
	if (status == CLV_OK && module != NULL && *module == '/')
		status = survey_root(survey, module, CLV_GUARD_CONFIG, err);
	if (status == CLV_OK)
		status = survey_source(survey,
		    clv_uri_get(uri, CLV_URI_QUERY, "pin-source", NULL), err);
	clv_uri_free(&uri);
	return status;
}

static clv_status
survey_chain(struct survey *survey, const char *directory, const char *chain,
    clv_error **err)
{
	char *path = NULL;
	clv_status status;

	if (chain == NULL)
		return CLV_OK;
	if (*chain == '/')
		return survey_root(survey, chain, CLV_GUARD_TRUST, err);
	if (asprintf(&path, "%s/%s", directory, chain) < 0)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	status = survey_root(survey, path, CLV_GUARD_TRUST, err);
	free(path);
	return status;
}

static clv_status
survey_slot(struct survey *survey, const clv_application *application,
    size_t index, clv_error **err)
{
	const struct clv_slot_paths *paths = &application->slots[index];
	clv_status status;

	if ((status = survey_uri(survey, paths->store, false, err)) != CLV_OK ||
	    (status = survey_uri(survey, paths->key, true, err)) != CLV_OK)
		return status;
	if (paths->certificate != NULL)
		status = survey_root(
		    survey, paths->certificate, CLV_GUARD_TRUST, err);
	return status != CLV_OK
	    ? status
	    : survey_chain(survey, application->directory,
		  application->config.slots[index].chain, err);
}

static clv_status
survey_named(
    struct survey *survey, const clv_application *application, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0;
	     status == CLV_OK && i < application->config.group_count; i++)
		status = survey_root(
		    survey, application->trust_lists[i], CLV_GUARD_TRUST, err);
	for (size_t i = 0;
	     status == CLV_OK && i < application->config.slot_count; i++)
		status = survey_slot(survey, application, i, err);
	return status;
}

/* A log that was tampered with tells that somebody could. */
static clv_status
survey_audit(
    struct survey *survey, const clv_application *application, clv_error **err)
{
	struct clv_audit_summary summary;
	clv_error *failure = NULL;
	char *path = NULL;
	clv_status status = CLV_OK;

	if (clv_audit_verify(application, NULL, &summary, &failure) ==
	    CLV_CORRUPT) {
		if (asprintf(&path, "%s/" CLV_AUDIT_DIRECTORY,
			application->directory) < 0)
			status = clv_error_raise(
			    err, CLV_NO_MEMORY, NULL, "out of memory");
		else
			status = report_failure(
			    survey, path, CLV_GUARD_CONFIG, failure, err);
		free(path);
	}
	clv_error_free(&failure);
	return status;
}

static bool
has_config(const char *directory, char **config)
{
	if (asprintf(config, "%s/%s", directory, CLV_CONFIG_NAME) < 0)
		*config = NULL;
	return *config != NULL &&
	    faccessat(AT_FDCWD, *config, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * What claviger.conf names is mended only if nobody else could have written
 * it to begin with: else a stranger would have us change files of his choice.
 */
static clv_status
survey_application(struct survey *survey, clv_context *context,
    const char *directory, const char *config, clv_error **err)
{
	clv_application *application = NULL;
	clv_error *failure = NULL;
	bool believed;
	clv_status status;

	believed = clv_application_read_only(
		       context, directory, &application, &failure) == CLV_OK;
	if (believed)
		survey->guard = application->guard;
	status =
	    survey_root(survey, directory, clv_guard_classify(directory), err);
	if (status == CLV_OK && !believed && survey->fix) {
		survey->fix = false;
		clv_error_free(&failure);
		(void)clv_application_read_only(
		    context, directory, &application, &failure);
	}
	if (status == CLV_OK && application == NULL)
		status = report_failure(
		    survey, config, CLV_GUARD_CONFIG, failure, err);
	else if (status == CLV_OK)
		status = survey_named(survey, application, err);
	if (status == CLV_OK && application != NULL)
		status = survey_audit(survey, application, err);
	clv_application_free(&application);
	clv_error_free(&failure);
	return status;
}

clv_status
clv_application_survey(clv_context *context, const char *path, bool fix,
    clv_guard_visit_fn *visit, void *user, clv_guard_grade *worst,
    clv_error **err)
{
	struct survey survey = {.guard = clv_context_guard(context),
	    .fix = fix,
	    .visit = visit,
	    .user = user};
	char *config = NULL;
	clv_status status;

	*worst = CLV_GUARD_INSECURE;
	if (!has_config(path, &config)) {
		free(config);
		return clv_guard_survey(
		    survey.guard, path, fix, visit, user, worst, err);
	}
	status = survey_application(&survey, context, path, config, err);
	if (status == CLV_OK)
		*worst = survey.worst;
	while (survey.count > 0)
		free(survey.roots[--survey.count]);
	free(config);
	return status;
}
