/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/application.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
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

static clv_status
open_directory(const char *directory, int *fd, clv_error **err)
{
	*fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0)
		return CLV_OK;
	return clv_error_raise(err,
	    errno == ENOENT || errno == ENOTDIR ? CLV_NOT_FOUND
						: CLV_PERMISSION,
	    &(struct clv_error_info){.operation = "open application",
		.subject = directory,
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno,
		.remedy = "claviger init DIR --uri APPLICATION-URI"},
	    "there is no such directory");
}

clv_status
clv_application_open(clv_context *context, const char *directory,
    clv_application **out, clv_error **err)
{
	struct clv_config config = {0};
	unsigned char *text = NULL;
	char *path = NULL;
	size_t size = 0;
	int fd = -1;
	clv_status status;

	*out = NULL;
	status = open_directory(directory, &fd, err);
	if (status != CLV_OK)
		return status;
	path = join(directory, CLV_CONFIG_NAME);
	status = path == NULL
	    ? no_memory(err)
	    : clv_guard_read(clv_context_guard(context), CLV_GUARD_CONFIG, fd,
		  CLV_CONFIG_NAME, CLV_CONFIG_MAX, &text, &size, err);
	if (status == CLV_OK)
		status = clv_config_parse(path, text, size, &config, err);
	if (status == CLV_OK)
		status = clv_application_wrap(
		    context, directory, fd, &config, out, err);
	else
		(void)close(fd);
	clv_free(text);
	free(path);
	return status;
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

bool
clv_application_slot(
    const clv_application *application, size_t index, struct clv_slot *slot)
{
	const struct clv_config *config = &application->config;
	const struct clv_config_slot *from = &config->slots[index];

	if (index >= config->slot_count)
		return false;
	*slot = (struct clv_slot){.group = config->groups[from->group].name,
	    .type = from->type,
	    .store = application->slots[index].store,
	    .key = application->slots[index].key,
	    .certificate = application->slots[index].certificate};
	return true;
}

bool
clv_application_find(const clv_application *application, const char *group,
    const char *type, size_t *index)
{
	struct clv_slot slot;

	for (*index = 0; clv_application_slot(application, *index, &slot);
	     (*index)++)
		if (strcmp(slot.group, group) == 0 &&
		    strcmp(slot.type, type) == 0)
			return true;
	return false;
}

static clv_status
empty_slot(const clv_application *application, const char *group,
    const char *type, const char *what, clv_error **err)
{
	return clv_error_raise(err, CLV_NOT_FOUND,
	    &(struct clv_error_info){.operation = "read application",
		.subject = application->directory},
	    "slot %s/%s has no %s", group, type, what);
}

clv_status
clv_application_key(const clv_application *application, const char *group,
    const char *type, clv_key **out, clv_error **err)
{
	size_t index;

	*out = NULL;
	if (!clv_application_find(application, group, type, &index) ||
	    application->slots[index].key == NULL)
		return empty_slot(application, group, type, "key", err);
	return clv_key_open(
	    application->context, application->slots[index].key, out, err);
}

clv_status
clv_application_certificate(const clv_application *application,
    const char *group, const char *type, clv_certificate **out, clv_error **err)
{
	const struct clv_config *config = &application->config;
	unsigned char *bytes = NULL;
	size_t size = 0;
	size_t index;
	clv_status status;

	*out = NULL;
	if (!clv_application_find(application, group, type, &index) ||
	    config->slots[index].certificate == NULL)
		return empty_slot(application, group, type, "certificate", err);
	status = clv_guard_read(application->guard, CLV_GUARD_TRUST,
	    application->directory_fd, config->slots[index].certificate,
	    CLV_CONFIG_MAX, &bytes, &size, err);
	if (status == CLV_OK)
		status = clv_certificate_parse(
		    application->context, bytes, size, out, err);
	clv_free(bytes);
	return status;
}
