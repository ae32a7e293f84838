/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/application.h"
#include "application/audit.h"
#include "application/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/guard/internal.h"
#include "keys/context.h"
#include "keys/subject.h"

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "open application"},
	    "out of memory");
}

static char *
join(const char *directory, const char *path)
{
	char *joined = NULL;

	if (*path == '/')
		return strdup(path);
	if (asprintf(&joined, "%s/%s", directory, path) < 0)
		return NULL;
	return joined;
}

clv_status
clv_application_resolve(
    const char *directory, const char *text, char **out, clv_error **err)
{
	clv_uri *uri = NULL;
	char *path = NULL;
	clv_status status = clv_uri_parse(text, &uri, err);

	*out = NULL;
	if (status != CLV_OK)
		return status;
	if (clv_uri_path(uri) == NULL || *clv_uri_path(uri) == '/') {
		*out = strdup(text);
		if (*out == NULL)
			status = no_memory(err);
	} else {
		path = join(directory, clv_uri_path(uri));
		status = path != NULL
		    ? clv_uri_build(clv_uri_scheme(uri), path, uri, out, err)
		    : no_memory(err);
	}
	free(path);
	clv_uri_free(&uri);
	return status;
}

clv_status
clv_application_relate(const clv_application *application, const char *text,
    char **out, clv_error **err)
{
	const size_t size = strlen(application->directory);
	clv_uri *uri = NULL;
	const char *path;
	char *built = NULL;
	clv_status status = clv_uri_parse(text, &uri, err);

	*out = NULL;
	if (status != CLV_OK)
		return status;
	path = clv_uri_path(uri);
	if (path != NULL && strncmp(path, application->directory, size) == 0 &&
	    path[size] == '/')
		status = clv_uri_build(
		    clv_uri_scheme(uri), path + size + 1, uri, &built, err);
	if (status == CLV_OK) {
		*out = strdup(built != NULL ? built : text);
		if (*out == NULL)
			status = clv_error_raise(
			    err, CLV_NO_MEMORY, NULL, "out of memory");
	}
	clv_free(built);
	clv_uri_free(&uri);
	return status;
}

/* The context's guard, and the administrators that the file names. */
static clv_status
make_guard(clv_application *application, clv_error **err)
{
	const struct clv_config *config = &application->config;
	clv_status status;

	status = clv_guard_copy(
	    clv_context_guard(application->context), &application->guard, err);
	for (size_t i = 0; status == CLV_OK && i < config->user_count; i++)
		status = clv_guard_add_administrator(
		    application->guard, config->users[i], err);
	for (size_t i = 0; status == CLV_OK && i < config->user_group_count;
	     i++)
		status = clv_guard_add_administrators(
		    application->guard, config->user_groups[i], err);
	return status;
}

static clv_status
resolve_trust_lists(clv_application *application, clv_error **err)
{
	for (size_t i = 0; i < application->config.group_count; i++) {
		application->trust_lists[i] = join(application->directory,
		    application->config.groups[i].trust_list);
		if (application->trust_lists[i] == NULL)
			return no_memory(err);
	}
	return CLV_OK;
}

static void
slot_clear(struct clv_slot_paths *paths)
{
	clv_free(paths->store);
	clv_free(paths->key);
	free(paths->certificate);
	*paths = (struct clv_slot_paths){0};
}

clv_status
clv_application_refresh(
    clv_application *application, size_t index, clv_error **err)
{
	const struct clv_config_slot *slot = &application->config.slots[index];
	struct clv_slot_paths *paths = &application->slots[index];
	const char *directory = application->directory;
	clv_status status;

	slot_clear(paths);
	status =
	    clv_application_resolve(directory, slot->store, &paths->store, err);
	if (status == CLV_OK && slot->key != NULL)
		status = clv_application_resolve(
		    directory, slot->key, &paths->key, err);
	if (status == CLV_OK && slot->certificate != NULL) {
		paths->certificate = join(directory, slot->certificate);
		if (paths->certificate == NULL)
			status = no_memory(err);
	}
	return status;
}

static clv_status
resolve_slots(clv_application *application, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0;
	     status == CLV_OK && i < application->config.slot_count; i++)
		status = clv_application_refresh(application, i, err);
	return status;
}

clv_status
clv_application_wrap(clv_context *context, const char *directory, int fd,
    struct clv_config *config, clv_application **out, clv_error **err)
{
	clv_application *application = calloc(1, sizeof(*application));
	clv_status status;

	*out = NULL;
	if (application == NULL) {
		(void)close(fd);
		clv_config_clear(config);
		return no_memory(err);
	}
	application->context = clv_context_ref(context);
	application->directory_fd = fd;
	application->config = *config;
	memset(config, 0, sizeof(*config)); /* transferred */
	application->directory = realpath(directory, NULL);
	status = application->directory != NULL ? CLV_OK : no_memory(err);
	if (status == CLV_OK)
		status = make_guard(application, err);
	if (status == CLV_OK)
		status = resolve_trust_lists(application, err);
	if (status == CLV_OK)
		status = resolve_slots(application, err);
	if (status != CLV_OK)
		clv_application_free(&application);
	*out = application;
	return status;
}

char *
clv_application_command(const char *words, const char *directory)
{
	char *quoted = clv_guard_quote(directory);
	char *command = NULL;

	if (quoted != NULL && asprintf(&command, "%s %s", words, quoted) < 0)
		command = NULL;
	free(quoted);
	return command;
}

static clv_status
refuse_directory(const char *directory, int code, clv_status status,
    const char *remedy, const char *reason, clv_error **err)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "open application",
		.subject = directory,
		.domain = CLV_DOMAIN_ERRNO,
		.code = code,
		.remedy = remedy},
	    "%s", reason);
}

static clv_status
open_directory(const char *directory, int *fd, clv_error **err)
{
	char *remedy;
	clv_status status;
	int code;

	*fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0)
		return CLV_OK;
	code = errno;
	switch (code) {
	case ENOTDIR:
		return refuse_directory(directory, code, CLV_NOT_FOUND,
		    "give the application's directory",
		    "it, or what it should lie in, is no directory", err);
	case ENOENT:
		remedy = clv_application_command(
		    "claviger init --uri APPLICATION-URI", directory);
		status = refuse_directory(directory, code, CLV_NOT_FOUND,
		    remedy, "there is no such directory", err);
		free(remedy);
		return status;
	case EACCES:
	case EPERM:
		return refuse_directory(directory, code, CLV_PERMISSION,
		    "give its absolute path, to an account that may go there",
		    "this account may not go there", err);
	default:
		return refuse_directory(
		    directory, code, CLV_IO, NULL, strerror(code), err);
	}
}

static clv_status
read_config(const clv_guard *guard, const char *directory, int fd,
    const struct clv_redo *redo, struct clv_config *config, clv_error **err)
{
	const struct clv_redo_file *file = clv_redo_find(redo, CLV_CONFIG_NAME);
	unsigned char *text = NULL;
	char *path = join(directory, CLV_CONFIG_NAME);
	size_t size = 0;
	clv_status status = CLV_OK;

	if (path == NULL)
		return no_memory(err);
	if (file == NULL)
		status = clv_guard_read(guard, CLV_GUARD_CONFIG, fd,
		    CLV_CONFIG_NAME, CLV_CONFIG_MAX, &text, &size, err);
	if (status == CLV_OK)
		status =
		    clv_config_parse(path, file != NULL ? file->bytes : text,
			file != NULL ? file->size : size, config, err);
	clv_free(text);
	free(path);
	return status;
}

/* The record of a transaction counts more than the files, and is read first:
 * once it is gone, the files are in place. */
clv_status
clv_application_read_only(clv_context *context, const char *directory,
    clv_application **out, clv_error **err)
{
	const clv_guard *guard = clv_context_guard(context);
	struct clv_config config = {0};
	struct clv_redo *redo = NULL;
	int fd = -1;
	clv_status status;

	*out = NULL;
	status = open_directory(directory, &fd, err);
	if (status != CLV_OK)
		return status;
	if ((status = clv_state_read_redo(guard, fd, &redo, err)) != CLV_OK ||
	    (status = read_config(guard, directory, fd, redo, &config, err)) !=
		CLV_OK)
		(void)close(fd);
	else
		status = clv_application_wrap(
		    context, directory, fd, &config, out, err);
	if (status == CLV_OK) {
		(*out)->redo = redo;
		redo = NULL; /* transferred */
	}
	clv_redo_free(&redo);
	return status;
}

void
clv_application_swap(clv_application *left, clv_application *right)
{
	const clv_application kept = *left;

	*left = *right;
	*right = kept;
}

clv_status
clv_application_reload(clv_application *application, clv_error **err)
{
	clv_application *fresh = NULL;
	clv_status status;

	status = clv_application_read_only(
	    application->context, application->directory, &fresh, err);
	if (status == CLV_OK)
		clv_application_swap(application, fresh);
	clv_application_free(&fresh);
	return status;
}

/* Finishes what a killed writer left, if nobody else is writing. Who may not
 * write goes on with what the record says. */
static void
finish(clv_application *application)
{
	struct clv_recovery done = {.finished = false};
	struct clv_state state = CLV_STATE_INIT;
	clv_status status;

	if (clv_state_lock(application, 0, &state, NULL) != CLV_OK)
		return;
	status = clv_state_recover(application, &state, &done, NULL);
	clv_state_unlock(&state);
	if (status == CLV_OK)
		(void)clv_application_reload(application, NULL);
	application->finished = done.finished;
	application->finished_lists = done.lists;
}

/* There is no application to tell of it: its audit log, under the guard that
 * it would have without claviger.conf. */
static void
tell_insecure(
    const clv_context *context, const char *directory, const clv_error *failure)
{
	const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	clv_application *stub = calloc(1, sizeof(*stub));

	if (stub != NULL && fd >= 0 &&
	    faccessat(fd, CLV_CONFIG_NAME, F_OK, 0) == 0 &&
	    clv_guard_copy(clv_context_guard(context), &stub->guard, NULL) ==
		CLV_OK) {
		stub->directory_fd = fd;
		stub->config.audit_size = CLV_AUDIT_SIZE_DEFAULT;
		stub->config.audit_files = CLV_AUDIT_COUNT_MOST;
		clv_audit_tell_refusal(stub, NULL, NULL, CLV_POLICY, failure);
		clv_guard_free(&stub->guard);
	}
	free(stub);
	if (fd >= 0)
		(void)close(fd);
}

clv_status
clv_application_open(clv_context *context, const char *directory,
    clv_application **out, clv_error **err)
{
	clv_error *failure = NULL;
	const clv_status status =
	    clv_application_read_only(context, directory, out, &failure);

	if (status == CLV_POLICY)
		tell_insecure(context, directory, failure);
	if (err != NULL && failure != NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	if (status == CLV_OK && (*out)->redo != NULL)
		finish(*out);
	return status;
}

clv_status
clv_application_read(const clv_application *application, const char *path,
    size_t max, unsigned char **bytes, size_t *size, clv_error **err)
{
	const struct clv_redo_file *file =
	    clv_redo_find(application->redo, path);

	if (file == NULL)
		return clv_guard_read(application->guard, CLV_GUARD_TRUST,
		    application->directory_fd, path, max, bytes, size, err);
	*bytes = malloc(file->size + 1);
	if (*bytes == NULL)
		return no_memory(err);
	memcpy(*bytes, file->bytes, file->size);
	*size = file->size;
	return CLV_OK;
}

void
clv_application_free(clv_application **application)
{
	clv_application *last;

	if (application == NULL || *application == NULL)
		return;
	last = *application;
	*application = NULL;
	(void)close(last->directory_fd);
	free(last->directory);
	for (size_t i = 0; i < CLV_GROUPS_MAX; i++)
		free(last->trust_lists[i]);
	for (size_t i = 0; i < CLV_SLOTS_MAX; i++)
		slot_clear(&last->slots[i]);
	clv_redo_free(&last->redo);
	clv_guard_free(&last->guard);
	clv_config_clear(&last->config);
	clv_context_free(&last->context);
	free(last);
}

clv_status
clv_application_save(const clv_application *application, clv_error **err)
{
	char *text = NULL;
	size_t size = 0;
	clv_status status =
	    clv_config_print(&application->config, &text, &size, err);

	if (status == CLV_OK)
		status = clv_file_write_atomic(application->directory_fd,
		    CLV_CONFIG_NAME, text, size, 0644, CLV_FILE_REPLACE, err);
	free(text);
	return status;
}

const char *
clv_application_directory(const clv_application *application)
{
	return application->directory;
}

const char *
clv_application_uri(const clv_application *application)
{
	return application->config.subject->application_uri;
}

const char *
clv_application_name(const clv_application *application)
{
	return clv_subject_get(application->config.subject, "CN");
}

const clv_subject *
clv_application_subject(const clv_application *application)
{
	return application->config.subject;
}

const char *
clv_application_trust_list(
    const clv_application *application, const char *group)
{
	for (size_t i = 0; i < application->config.group_count; i++)
		if (strcmp(application->config.groups[i].name, group) == 0)
			return application->trust_lists[i];
	return NULL;
}

uint32_t
clv_application_validation(
    const clv_application *application, const char *group)
{
	const struct clv_config *config = &application->config;
	uint32_t bits = CLV_VALIDATION_DEFAULT;

	for (size_t i = 0; i < config->group_count; i++)
		if (strcmp(config->groups[i].name, group) == 0)
			bits |= config->groups[i].suppress;
	return bits;
}
