/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* TrustLists of a transaction that is being committed, or was. */

#include "application/lists.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "application/state.h"
#include "base/file.h"

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "change TrustList"},
	    "out of memory");
}

/* ---- locks ---- */

static int
compare(const void *left, const void *right)
{
	const struct clv_layout *a =
	    &(*(struct clv_txn_list *const *)left)->trust->layout;
	const struct clv_layout *b =
	    &(*(struct clv_txn_list *const *)right)->trust->layout;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static clv_status
begin(struct clv_txn_list *list, clv_error **err)
{
	clv_status status;

	list->begun = true;
	status = clv_change_begin(&list->change, list->trust, err);
	for (size_t i = 0; status == CLV_OK && i < list->count; i++)
		status = clv_lists_grant(&list->change, &list->wishes[i], err);
	if (status == CLV_OK)
		status = clv_change_check_size(&list->change, err);
	return status;
}

/* In one order for everybody: two applications may share two lists. */
clv_status
clv_lists_begin(struct clv_txn_lists *lists, clv_error **err)
{
	struct clv_txn_list *order[CLV_GROUPS_MAX];
	size_t count = 0;
	clv_status status = CLV_OK;

	/* Those that are only asked stay as they are. */
	for (size_t i = 0; i < lists->count; i++)
		if (lists->lists[i].count > 0)
			order[count++] = &lists->lists[i];
	if (count > 1)
		qsort(order, count, sizeof(order[0]), compare);
	for (size_t i = 0; status == CLV_OK && i < count; i++)
		status = begin(order[i], err);
	return status;
}

void
clv_lists_end(struct clv_txn_lists *lists)
{
	for (size_t i = 0; i < lists->count; i++) {
		struct clv_txn_list *list = &lists->lists[i];

		if (list->begun)
			clv_change_end(&list->change);
		list->begun = false;
	}
}

/* ---- two phases ---- */

/* How many directories `path` lies below `directory`; -1: it does not. */
static int
depth_below(const char *directory, const char *path)
{
	const size_t size = strlen(directory);
	int depth = 0;

	if (strncmp(path, directory, size) != 0 ||
	    (path[size] != '/' && path[size] != '\0'))
		return -1;
	for (path += size; *path != '\0'; path++)
		depth += *path == '/' ? 1 : 0;
	return depth;
}

/* Where a list finds the record: a list inside of the application's directory
 * looks upwards, so that both may be moved or restored together. */
static clv_status
name_record(const clv_application *application, const struct clv_layout *layout,
    char **path, clv_error **err)
{
	static const char record[] = CLV_STATE_NAME "/" CLV_REDO_NAME;
	char link[64];
	char real[PATH_MAX];
	ssize_t size;
	int depth;
	FILE *out;
	size_t length = 0;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", layout->root);
	size = readlink(link, real, sizeof(real) - 1);
	if (size < 0)
		return clv_error_raise(err, CLV_IO,
		    &(struct clv_error_info){.operation = "change TrustList",
			.subject = layout->path,
			.domain = CLV_DOMAIN_ERRNO,
			.code = errno},
		    "its path can't be found out");
	real[size] = '\0';
	depth = depth_below(application->directory, real);
	out = open_memstream(path, &length);
	if (out == NULL)
		return no_memory(err);
	if (depth < 0)
		(void)fprintf(out, "%s/", application->directory);
	for (int i = 0; i < depth; i++)
		(void)fputs("../", out);
	(void)fputs(record, out);
	if (fclose(out) == 0 && *path != NULL)
		return CLV_OK;
	free(*path);
	*path = NULL;
	return no_memory(err);
}

static clv_status
prepare(struct clv_txn_list *list, const clv_application *application,
    struct clv_redo *redo, clv_error **err)
{
	struct clv_decision when = {.path = NULL};
	clv_status status;

	memcpy(when.nonce, redo->nonce, sizeof(when.nonce));
	status =
	    name_record(application, &list->change.layout, &when.path, err);
	if (status == CLV_OK)
		status = clv_change_prepare(&list->change, &when, err);
	if (status == CLV_OK && !clv_change_is_empty(&list->change))
		status = clv_redo_list(redo, list->path, err);
	clv_decision_clear(&when);
	return status;
}

clv_status
clv_lists_prepare(struct clv_txn_lists *lists,
    const clv_application *application, struct clv_redo *redo, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0; status == CLV_OK && i < lists->count; i++)
		if (lists->lists[i].begun)
			status =
			    prepare(&lists->lists[i], application, redo, err);
	return status;
}

void
clv_lists_discard(struct clv_txn_lists *lists)
{
	for (size_t i = 0; i < lists->count; i++)
		if (lists->lists[i].begun)
			(void)clv_change_discard(&lists->lists[i].change, NULL);
}

clv_status
clv_lists_carry_out(struct clv_txn_lists *lists, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0; status == CLV_OK && i < lists->count; i++)
		status = clv_change_carry_out(&lists->lists[i].change, err);
	return status;
}

/* ---- what others left ---- */

static void
add_up(const struct clv_change_recovery *found, struct clv_recovery *done)
{
	done->lists += found->found == CLV_JOURNAL_IN_FORCE ? 1 : 0;
	done->discarded += found->found == CLV_JOURNAL_WAITING ? 1 : 0;
	done->swept += found->swept;
}

static clv_status
recover(const clv_application *application, const char *path,
    struct clv_recovery *done, clv_error **err)
{
	struct clv_change_recovery found;
	clv_trust *trust = NULL;
	clv_status status = clv_lists_open(application, path, &trust, err);

	if (status == CLV_OK)
		status = clv_change_recover(trust, &found, err);
	if (status == CLV_OK)
		add_up(&found, done);
	clv_trust_free(&trust);
	return status;
}

clv_status
clv_lists_finish(const clv_application *application,
    const struct clv_redo *redo, struct clv_recovery *done, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0; status == CLV_OK && i < redo->list_count; i++)
		status = recover(application, redo->lists[i], done, err);
	return status;
}

/* Whether a writer left anything that is seen at once. */
static bool
is_littered(const clv_application *application, const char *list)
{
	const struct dirent *entry;
	char *path = NULL;
	DIR *stream = NULL;
	bool found = false;
	int fd = -1;

	if (asprintf(&path, "%s/" CLV_STATE_FOLDER, list) < 0)
		return false;
	if (clv_guard_open_directory(application->guard, CLV_GUARD_TRUST,
		application->directory_fd, path, &fd, NULL, NULL) == CLV_OK)
		stream = fdopendir(fd);
	if (stream == NULL && fd >= 0)
		(void)close(fd);
	while (stream != NULL && !found && (entry = readdir(stream)) != NULL)
		found = strcmp(entry->d_name, CLV_JOURNAL_NAME) == 0 ||
		    clv_file_is_temporary(entry->d_name);
	if (stream != NULL)
		(void)closedir(stream);
	free(path);
	return found;
}

void
clv_lists_sweep(const clv_application *application, struct clv_recovery *done)
{
	const struct clv_config *config = &application->config;

	for (size_t i = 0; i < config->group_count; i++)
		if (is_littered(application, config->groups[i].trust_list))
			(void)recover(application, config->groups[i].trust_list,
			    done, NULL);
}
