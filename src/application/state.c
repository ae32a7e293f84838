/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "application/audit.h"
#include "application/lists.h"
#include "base/file.h"

#define LOCK_NAME "lock"
#define FILE_MODE 0644
#define DIRECTORY_MODE 0755

/* Root must not make what the application's account can't write. */
static void
give_to_owner(const clv_application *application, int fd)
{
	struct stat about;

	if (geteuid() == 0 && fstat(application->directory_fd, &about) == 0)
		(void)!fchown(fd, about.st_uid, about.st_gid);
}

static clv_status
make_directory(const clv_application *application, clv_error **err)
{
	const int parent = application->directory_fd;

	/* The second call is for an unusual umask. */
	if ((mkdirat(parent, CLV_STATE_NAME, DIRECTORY_MODE) == 0 &&
		fchmodat(parent, CLV_STATE_NAME, DIRECTORY_MODE, 0) == 0) ||
	    errno == EEXIST)
		return clv_file_sync(parent, application->directory, err);
	return clv_error_raise(err,
	    errno == EACCES || errno == EROFS || errno == EPERM ? CLV_PERMISSION
								: CLV_IO,
	    &(struct clv_error_info){.operation = "make",
		.subject = CLV_STATE_NAME,
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno},
	    "the directory can't be made");
}

static clv_status
open_directory(const clv_application *application, int *fd, clv_error **err)
{
	clv_error *failure = NULL;
	clv_status status;

	status = clv_guard_open_directory(application->guard, CLV_GUARD_CONFIG,
	    application->directory_fd, CLV_STATE_NAME, fd, NULL, &failure);
	if (status == CLV_NOT_FOUND) {
		clv_error_free(&failure);
		status = make_directory(application, err);
		if (status == CLV_OK)
			status = clv_guard_open_directory(application->guard,
			    CLV_GUARD_CONFIG, application->directory_fd,
			    CLV_STATE_NAME, fd, NULL, err);
		if (status == CLV_OK)
			give_to_owner(application, *fd);
		return status;
	}
	if (status != CLV_OK && err != NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	return status;
}

clv_status
clv_state_lock(const clv_application *application, int wait_ms,
    struct clv_state *state, clv_error **err)
{
	clv_status status;

	*state = (struct clv_state)CLV_STATE_INIT;
	status = open_directory(application, &state->directory, err);
	if (status == CLV_OK)
		status = clv_file_lock(state->directory, LOCK_NAME, FILE_MODE,
		    wait_ms, &state->lock, err);
	if (status == CLV_OK)
		give_to_owner(application, state->lock);
	else
		clv_state_unlock(state);
	return status;
}

void
clv_state_unlock(struct clv_state *state)
{
	if (state->lock >= 0)
		(void)close(state->lock);
	if (state->directory >= 0)
		(void)close(state->directory);
	*state = (struct clv_state)CLV_STATE_INIT;
}

/* No bytes if the file is not there. */
static clv_status
read_file(const clv_guard *guard, int directory, const char *path, size_t max,
    unsigned char **bytes, size_t *size, clv_error **err)
{
	clv_error *failure = NULL;
	clv_status status;

	*bytes = NULL;
	*size = 0;
	status = clv_guard_read(guard, CLV_GUARD_CONFIG, directory, path, max,
	    bytes, size, &failure);
	if (status == CLV_NOT_FOUND)
		status = CLV_OK;
	if (status != CLV_OK && err != NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	return status;
}

clv_status
clv_state_read_redo(const clv_guard *guard, int directory,
    struct clv_redo **out, clv_error **err)
{
	unsigned char *bytes = NULL;
	size_t size = 0;
	clv_status status;

	*out = NULL;
	status = read_file(guard, directory, CLV_STATE_NAME "/" CLV_REDO_NAME,
	    CLV_REDO_MAX, &bytes, &size, err);
	if (status == CLV_OK && bytes != NULL)
		status = clv_redo_parse(bytes, size, out, err);
	clv_free(bytes);
	return status;
}

clv_status
clv_state_read_generation(const clv_guard *guard, int directory,
    struct clv_generation *out, clv_error **err)
{
	const struct clv_redo_file *file;
	struct clv_redo *redo = NULL;
	unsigned char *bytes = NULL;
	size_t size = 0;
	clv_status status;

	*out = (struct clv_generation){.count = 0};
	status = clv_state_read_redo(guard, directory, &redo, err);
	if (status != CLV_OK)
		return status;
	file = clv_redo_find(redo, CLV_LAST_PATH);
	if (file != NULL)
		status =
		    clv_generation_parse(file->bytes, file->size, out, err);
	else
		status = read_file(guard, directory, CLV_LAST_PATH,
		    CLV_REDO_MAX, &bytes, &size, err);
	if (status == CLV_OK && bytes != NULL)
		status = clv_generation_parse(bytes, size, out, err);
	clv_free(bytes);
	clv_redo_free(&redo);
	return status;
}

clv_status
clv_state_read_ledger(const clv_application *application,
    struct clv_ledger *ledger, clv_error **err)
{
	const struct clv_redo_file *file =
	    clv_redo_find(application->redo, CLV_LEDGER_PATH);
	unsigned char *bytes = NULL;
	size_t size = 0;
	clv_status status;

	ledger->count = 0;
	if (file != NULL)
		return clv_ledger_parse(file->bytes, file->size, ledger, err);
	status = read_file(application->guard, application->directory_fd,
	    CLV_LEDGER_PATH, CLV_REDO_MAX, &bytes, &size, err);
	if (status == CLV_OK && bytes != NULL)
		status = clv_ledger_parse(bytes, size, ledger, err);
	clv_free(bytes);
	return status;
}

clv_status
clv_state_write_ledger(const struct clv_state *state,
    const struct clv_ledger *ledger, clv_error **err)
{
	char *text = NULL;
	size_t size = 0;
	clv_status status = clv_ledger_print(ledger, &text, &size, err);

	if (status == CLV_OK)
		status =
		    clv_file_write_atomic(state->directory, CLV_LEDGER_NAME,
			text, size, FILE_MODE, CLV_FILE_REPLACE, err);
	free(text);
	return status;
}

/* A record that is there although writing it failed: only its directory
 * could not be made durable. That it is gone should be, before the changes of
 * TrustLists are discarded that it would decide. */
static bool
take_back(const struct clv_state *state)
{
	if (unlinkat(state->directory, CLV_REDO_NAME, 0) != 0)
		return errno == ENOENT;
	(void)fsync(state->directory);
	return true;
}

clv_status
clv_state_commit(const struct clv_state *state, const struct clv_redo *redo,
    bool *committed, clv_error **err)
{
	uint8_t *text = NULL;
	size_t size = 0;
	clv_status status = clv_redo_encode(redo, &text, &size, err);

	*committed = false;
	if (status != CLV_OK)
		return status;
	status = clv_file_write_atomic(state->directory, CLV_REDO_NAME, text,
	    size, FILE_MODE, CLV_FILE_REPLACE, err);
	*committed = status == CLV_OK || !take_back(state);
	free(text);
	return status;
}

static clv_status
open_parent(const clv_application *application, const char *path,
    const char *name, int *fd, clv_error **err)
{
	char *parent = strndup(path, (size_t)(name - path));
	clv_status status;

	if (parent == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY, NULL, "no memory");
	status = clv_guard_open_directory(application->guard, CLV_GUARD_TRUST,
	    application->directory_fd, parent, fd, NULL, err);
	free(parent);
	return status;
}

static clv_status
put_file(const clv_application *application, const struct clv_redo_file *file,
    clv_error **err)
{
	const char *slash = strrchr(file->path, '/');
	const char *name = slash != NULL ? slash + 1 : file->path;
	int fd = -1;
	clv_status status;

	status = open_parent(application, file->path, name, &fd, err);
	if (status != CLV_OK)
		return status;
	status = clv_file_write_atomic(fd, name, file->bytes, file->size,
	    FILE_MODE, CLV_FILE_REPLACE, err);
	(void)close(fd);
	return status;
}

clv_status
clv_state_apply(const clv_application *application,
    const struct clv_state *state, const struct clv_redo *redo, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0; status == CLV_OK && i < redo->count; i++)
		status = put_file(application, &redo->files[i], err);
	if (status == CLV_OK)
		status = clv_audit_tell_redo(application, redo, err);
	if (status == CLV_OK)
		status = clv_file_unlink(state->directory, CLV_REDO_NAME, err);
	return status;
}

static size_t
sweep_directory(const clv_application *application, const char *path)
{
	size_t swept;
	int fd = -1;

	if (clv_guard_open_directory(application->guard, CLV_GUARD_TRUST,
		application->directory_fd, path, &fd, NULL, NULL) != CLV_OK)
		return 0;
	swept = clv_file_sweep(fd);
	(void)close(fd);
	return swept;
}

/* Where transactions write. We hold the lock: nobody is at it. */
static size_t
sweep(const clv_application *application)
{
	size_t swept = sweep_directory(application, "") +
	    sweep_directory(application, CLV_STATE_NAME);

	for (size_t i = 0; i < application->config.group_count; i++) {
		char *path = NULL;

		if (asprintf(&path, "%s/own/certs",
			application->config.groups[i].trust_list) < 0)
			continue;
		swept += sweep_directory(application, path);
		free(path);
	}
	return swept;
}

static clv_status
finish(const clv_application *application, const struct clv_state *state,
    const struct clv_redo *redo, struct clv_recovery *done, clv_error **err)
{
	clv_status status = clv_lists_finish(application, redo, done, err);

	if (status == CLV_OK)
		status = clv_state_apply(application, state, redo, err);
	if (status == CLV_OK)
		done->finished = true;
	return status;
}

clv_status
clv_state_recover(const clv_application *application,
    const struct clv_state *state, struct clv_recovery *done, clv_error **err)
{
	struct clv_recovery unwanted = {.finished = false};
	struct clv_redo *redo = NULL;
	clv_status status;

	if (done == NULL)
		done = &unwanted;
	done->swept += sweep(application);
	status = clv_state_read_redo(
	    application->guard, application->directory_fd, &redo, err);
	if (status == CLV_OK && redo != NULL)
		status = finish(application, state, redo, done, err);
	if (status == CLV_OK)
		clv_lists_sweep(application, done);
	clv_redo_free(&redo);
	return status;
}
