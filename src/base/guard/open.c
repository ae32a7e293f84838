/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What callers ask of the guard: judge, open, read. */

#include "base/guard/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* How often something may change between the judgement and the opening. */
#define MOST_TRIES 8

static clv_status
check_request(const struct clv_guard_request *request, clv_error **err)
{
	const char *path = request->path;
	const char *why = NULL;

	if (request->policy < CLV_GUARD_KEY ||
	    request->policy > CLV_GUARD_CONFIG)
		why = "there is no such policy";
	else if (request->entry_only &&
	    (*path == '\0' || strchr(path, '/') != NULL ||
		strcmp(path, ".") == 0 || strcmp(path, "..") == 0))
		why = "it is not the name of an entry";
	if (why == NULL)
		return CLV_OK;
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = "judge", .subject = path},
	    "%s", why);
}

/* Gives the report to a caller who wants it, or clears it. */
static clv_status
hand_over(clv_guard_report *report, clv_guard_report **out, clv_error **err)
{
	if (out == NULL) {
		clv_guard_report_clear(report);
		return CLV_OK;
	}
	*out = malloc(sizeof(**out));
	if (*out == NULL) {
		clv_guard_report_clear(report);
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "judge"},
		    "out of memory");
	}
	**out = *report;
	return CLV_OK;
}

clv_status
clv_guard_check_at(const clv_guard *guard, clv_guard_policy policy,
    int directory, const char *path, clv_guard_report **out, clv_error **err)
{
	const struct clv_guard_request request = {.guard = guard,
	    .policy = policy,
	    .directory = directory,
	    .path = path,
	    .want = CLV_GUARD_WANT_ANY};

	return clv_guard_check_request(&request, out, NULL, NULL, err);
}

clv_status
clv_guard_check_request(const struct clv_guard_request *request,
    clv_guard_report **out, int *fd, struct statx *stat, clv_error **err)
{
	clv_guard_report report;
	struct statx local;
	clv_status status;
	int pinned;

	*out = NULL;
	if ((status = check_request(request, err)) != CLV_OK)
		return status;
	status = clv_guard_walk(
	    request, &report, &pinned, stat != NULL ? stat : &local, err);
	if (status == CLV_OK)
		status = hand_over(&report, out, err);
	else
		clv_guard_report_clear(&report);
	if (fd != NULL && status == CLV_OK)
		*fd = pinned;
	else if (pinned >= 0)
		(void)close(pinned);
	return status;
}

static clv_status
refuse_empty_path(const char *path, clv_error **err)
{
	if (*path != '\0')
		return CLV_OK;
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = "judge"},
	    "the path is empty");
}

clv_status
clv_guard_check(const clv_guard *guard, clv_guard_policy policy,
    const char *path, clv_guard_report **out, clv_error **err)
{
	const clv_status status = refuse_empty_path(path, err);

	*out = NULL;
	return status != CLV_OK
	    ? status
	    : clv_guard_check_at(guard, policy, AT_FDCWD, path, out, err);
}

static clv_status
open_error(const struct clv_guard_request *request, clv_error **err)
{
	const bool leased = errno == EAGAIN;
	const bool denied = errno == EACCES || errno == EPERM;

	return clv_error_raise(err,
	    leased       ? CLV_BUSY
		: denied ? CLV_PERMISSION
			 : CLV_IO,
	    &(struct clv_error_info){.operation = "open",
		.subject = request->path,
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno,
		.retryable = leased},
	    "%s",
	    leased       ? "another process holds a lease on it"
		: denied ? "this account may not read it"
			 : strerror(errno));
}

/* Opens the inode behind the pinned descriptor; -1 in `*fd` if it has changed
 * since it was judged. */
static clv_status
open_pinned(const struct clv_guard_request *request, int pinned,
    const struct statx *judged, int *fd, clv_error **err)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	char path[CLV_GUARD_FD_PATH];
	struct statx opened;
	clv_status status;

	clv_guard_fd_path(pinned, path);
	*fd = open(path, flags);
	if (*fd < 0)
		return open_error(request, err);
	status = clv_guard_stat(*fd, request->path, &opened, err);
	if (status == CLV_OK && clv_guard_same_inode(judged, &opened) &&
	    clv_guard_same_state(judged, &opened))
		return CLV_OK;
	(void)close(*fd);
	*fd = -1;
	return status;
}

static bool
is_refused(const clv_guard *guard, const clv_guard_report *report)
{
	return report->grade >=
	    (guard->strict ? CLV_GUARD_WEAK : CLV_GUARD_INSECURE);
}

/* One attempt: CLV_OK with -1 means "again". */
static clv_status
open_once(const struct clv_guard_request *request, clv_guard_report *report,
    int *fd, clv_error **err)
{
	struct statx judged;
	clv_status status;
	int pinned;

	status = clv_guard_walk(request, report, &pinned, &judged, err);
	if (status != CLV_OK)
		return status;
	if (is_refused(request->guard, report))
		status = clv_guard_refuse(
		    request->guard, report, request->path, err);
	else
		status = open_pinned(request, pinned, &judged, fd, err);
	if (pinned >= 0)
		(void)close(pinned);
	return status;
}

static clv_status
changes_all_the_time(const char *path, clv_error **err)
{
	return clv_error_raise(err, CLV_CHANGED,
	    &(struct clv_error_info){
		.operation = "open", .subject = path, .retryable = true},
	    "it changes all the time while it is judged");
}

static clv_status
open_request(const struct clv_guard_request *request, int *fd,
    clv_guard_report **out, clv_error **err)
{
	clv_guard_report report = {0};
	clv_status status, handed = CLV_OK;

	*fd = -1;
	if (out != NULL)
		*out = NULL;
	if ((status = check_request(request, err)) != CLV_OK)
		return status;
	for (int tries = 0; tries < MOST_TRIES && *fd < 0; tries++) {
		clv_guard_report_clear(&report);
		status = open_once(request, &report, fd, err);
		if (status != CLV_OK)
			break;
	}
	if (status == CLV_OK && *fd < 0)
		status = changes_all_the_time(request->path, err);

	if (status == CLV_OK || status == CLV_POLICY || status == CLV_TOO_LARGE)
		handed = hand_over(&report, out, status == CLV_OK ? err : NULL);
	else
		clv_guard_report_clear(&report);
	if (status == CLV_OK && handed != CLV_OK) {
		(void)close(*fd);
		*fd = -1;
		return handed;
	}
	return status;
}

clv_status
clv_guard_open_at(const clv_guard *guard, clv_guard_policy policy,
    int directory, const char *path, int *fd, clv_guard_report **report,
    clv_error **err)
{
	const struct clv_guard_request request = {.guard = guard,
	    .policy = policy,
	    .directory = directory,
	    .path = path,
	    .want = CLV_GUARD_WANT_FILE};

	return open_request(&request, fd, report, err);
}

clv_status
clv_guard_open(const clv_guard *guard, clv_guard_policy policy,
    const char *path, int *fd, clv_guard_report **report, clv_error **err)
{
	const clv_status status = refuse_empty_path(path, err);

	*fd = -1;
	if (report != NULL)
		*report = NULL;
	return status != CLV_OK
	    ? status
	    : clv_guard_open_at(guard, policy, AT_FDCWD, path, fd, report, err);
}

clv_status
clv_guard_open_directory(const clv_guard *guard, clv_guard_policy policy,
    int directory, const char *path, int *fd, clv_guard_report **report,
    clv_error **err)
{
	const struct clv_guard_request request = {.guard = guard,
	    .policy = policy,
	    .directory = directory,
	    .path = path,
	    .want = CLV_GUARD_WANT_DIRECTORY};

	return open_request(&request, fd, report, err);
}

clv_status
clv_guard_open_entry(const clv_guard *guard, clv_guard_policy policy,
    int directory, const char *name, int *fd, clv_guard_report **report,
    clv_error **err)
{
	const struct clv_guard_request request = {.guard = guard,
	    .policy = policy,
	    .directory = directory,
	    .path = name,
	    .want = CLV_GUARD_WANT_FILE,
	    .entry_only = true};

	return open_request(&request, fd, report, err);
}

clv_status
clv_guard_read_secret(const clv_guard *guard, clv_guard_policy policy,
    int directory, const char *path, size_t max, clv_secret *out,
    clv_error **err)
{
	clv_status status;
	int fd;

	clv_secret_clear(out);
	status =
	    clv_guard_open_at(guard, policy, directory, path, &fd, NULL, err);
	if (status != CLV_OK)
		return status;
	status = clv_file_read_secret(fd, path, max, out, err);
	(void)close(fd);
	return status;
}

clv_status
clv_guard_read(const clv_guard *guard, clv_guard_policy policy, int directory,
    const char *path, size_t max, unsigned char **out, size_t *size,
    clv_error **err)
{
	clv_status status;
	int fd;

	*out = NULL;
	*size = 0;
	status =
	    clv_guard_open_at(guard, policy, directory, path, &fd, NULL, err);
	if (status != CLV_OK)
		return status;
	status = clv_file_read(fd, path, max, out, size, err);
	(void)close(fd);
	return status;
}
