/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Resolves a path as the kernel would, but one component at a time, with
 * every object on the way pinned by a descriptor and judged before its
 * content (the next entry, or the target of a link) is believed.
 */

#include "base/guard/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MOST_LINKS 40U

static clv_status
go_up(struct clv_walk *walk, clv_error **err)
{
	struct statx stat;
	clv_status status;
	int fd;

	status = clv_walk_open_directory(
	    clv_walk_path_of(walk), walk->current, "..", &fd, &stat, err);
	if (status != CLV_OK)
		return status;
	clv_walk_pop_name(walk);
	clv_walk_enter(walk, fd, &stat);
	return CLV_OK;
}

/* A link's target goes before the rest of the path. */
static clv_status
follow(struct clv_walk *walk, int link, clv_error **err)
{
	char target[PATH_MAX];
	const size_t rest = strlen(walk->rest);
	const ssize_t size = readlinkat(link, "", target, sizeof(target));

	if (size < 0)
		return clv_guard_system_error(
		    clv_walk_path_of(walk), "can't be followed", err);
	if (size == 0) {
		errno = ENOENT;
		return clv_guard_system_error(
		    clv_walk_path_of(walk), "leads nowhere", err);
	}
	if ((size_t)size >= sizeof(target) ||
	    (size_t)size + 1 + rest >= sizeof(walk->rest))
		return clv_walk_too_long(walk, err);
	clv_walk_pop_name(walk);
	memmove(walk->rest + size + 1, walk->rest, rest + 1);
	memcpy(walk->rest, target, (size_t)size);
	/* Nothing after it: no slash either, which would ask for a directory.
	 */
	walk->rest[size] = rest > 0 ? '/' : '\0';
	return walk->rest[0] == '/' ? clv_walk_enter_root(walk, err) : CLV_OK;
}

static clv_status
walk_link(
    struct clv_walk *walk, int link, const struct statx *stat, clv_error **err)
{
	const struct clv_guard_object object =
	    clv_walk_object_of(walk, CLV_GUARD_LINK, link, stat);
	bool exposes;
	struct statfs system;
	clv_status status;

	if ((status = clv_walk_judge_mount(walk, &object, err)) != CLV_OK ||
	    (status = clv_guard_judge(&walk->judged, &object, &exposes, err)) !=
		CLV_OK)
		return status;
	if (fstatfs(link, &system) != 0)
		return clv_guard_system_error(
		    object.path, "its file system is not known", err);
	if (system.f_type == PROC_SUPER_MAGIC)
		return clv_walk_stop(walk, CLV_GUARD_LINK_MAGIC,
		    "it is a link of /proc, which is not a path", err);
	if (++walk->links > MOST_LINKS)
		return clv_walk_stop(walk, CLV_GUARD_LINK_LOOP,
		    "there are more than 40 symbolic links on the way", err);
	return follow(walk, link, err);
}

/* A directory, if more is to come; anything else with O_PATH. */
static int
pin(const struct clv_walk *walk, const char *name)
{
	int fd = -1;

	if (walk->rest[strspn(walk->rest, "/")] != '\0')
		fd = clv_walk_pin_directory(walk->current, name);
	return fd >= 0
	    ? fd
	    : openat(walk->current, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static clv_status
open_once(struct clv_walk *walk, const char *name, int *fd, struct statx *stat,
    clv_error **err)
{
	clv_status status;

	*fd = pin(walk, name);
	if (*fd < 0)
		return clv_guard_system_error(
		    clv_walk_path_of(walk), "can't be reached", err);
	status = clv_guard_stat(*fd, clv_walk_path_of(walk), stat, err);
	if (status != CLV_OK) {
		(void)close(*fd);
		*fd = -1;
	}
	return status;
}

/* Whether something is to be mounted there on first use: file systems say so
 * of places in them (NFS, AFS), an autofs mount is one. */
static clv_status
mounts_on_use(const struct clv_walk *walk, int fd, const struct statx *stat,
    bool *mounts, clv_error **err)
{
	struct statfs system;

	*mounts = (stat->stx_attributes & STATX_ATTR_AUTOMOUNT) != 0;
	if (*mounts || !S_ISDIR(stat->stx_mode))
		return CLV_OK;
	if (fstatfs(fd, &system) != 0)
		return clv_guard_system_error(clv_walk_path_of(walk),
		    "its file system is not known", err);
	*mounts = system.f_type == AUTOFS_SUPER_MAGIC;
	return CLV_OK;
}

/* O_PATH alone does not mount; a slash behind the name does, and waits for
 * it. What can't be mounted must not be judged as the empty place. */
static clv_status
mount_entry(const struct clv_walk *walk, const char *name, clv_error **err)
{
	char slashed[NAME_MAX + 2];
	int fd;

	(void)snprintf(slashed, sizeof(slashed), "%s/", name);
	fd = openat(walk->current, slashed, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return clv_guard_system_error(
		    clv_walk_path_of(walk), "can't be mounted", err);
	(void)close(fd);
	return CLV_OK;
}

/* Opens the next entry, mounted if it is to be. -1 in `*fd` on failure. */
static clv_status
open_entry(struct clv_walk *walk, const char *name, int *fd, struct statx *stat,
    clv_error **err)
{
	bool mounts = false;
	clv_status status = open_once(walk, name, fd, stat, err);

	if (status != CLV_OK)
		return status;
	status = mounts_on_use(walk, *fd, stat, &mounts, err);
	if (status == CLV_OK && !mounts)
		return CLV_OK;
	(void)close(*fd);
	*fd = -1;
	if (status == CLV_OK)
		status = mount_entry(walk, name, err);
	return status == CLV_OK ? open_once(walk, name, fd, stat, err) : status;
}

/* Judges the target, which is not a directory, and what holds it. */
static clv_status
judge_file(struct clv_walk *walk, const char *name, int fd,
    const struct statx *stat, clv_error **err)
{
	struct clv_guard_object object;
	clv_status status;

	clv_walk_pop_name(walk);
	object = clv_walk_object_of(
	    walk, CLV_GUARD_ANCESTOR, walk->current, &walk->stat);
	if (!walk->request->entry_only &&
	    (status = clv_guard_judge_parent(
		 &walk->judged, &object, walk->exposes, err)) != CLV_OK)
		return status;

	if ((status = clv_walk_push_name(walk, name, err)) != CLV_OK)
		return status;
	object = clv_walk_object_of(walk, CLV_GUARD_TARGET, fd, stat);
	if ((status = clv_walk_judge_mount(walk, &object, err)) != CLV_OK)
		return status;
	return clv_guard_judge_target(
	    &walk->judged, &object, walk->request->want, err);
}

static clv_status
judge_directory(struct clv_walk *walk, clv_error **err)
{
	const struct clv_guard_object object = clv_walk_object_of(
	    walk, CLV_GUARD_TARGET, walk->current, &walk->stat);
	const clv_status status = clv_walk_judge_mount(walk, &object, err);

	if (status != CLV_OK)
		return status;
	return clv_guard_judge_target(
	    &walk->judged, &object, walk->request->want, err);
}

/* Takes the next component off the rest; empty if there is none. "." and
 * doubled slashes are no components. */
static clv_status
next_name(struct clv_walk *walk, char name[NAME_MAX + 1], clv_error **err)
{
	const char *at = walk->rest;
	size_t size;

	do {
		at += strspn(at, "/");
		size = strcspn(at, "/");
		at += size;
	} while (size == 1 && at[-1] == '.');
	if (size > NAME_MAX)
		return clv_walk_too_long(walk, err);
	memcpy(name, at - size, size);
	name[size] = '\0';
	memmove(walk->rest, at, strlen(at) + 1);
	return CLV_OK;
}

/* One step down. `*file` gets the target if it is not a directory. */
static clv_status
go_down(struct clv_walk *walk, const char *name, int *file, struct statx *stat,
    clv_error **err)
{
	clv_status status;
	int fd;

	if ((status = clv_walk_push_name(walk, name, err)) != CLV_OK ||
	    (status = open_entry(walk, name, &fd, stat, err)) != CLV_OK)
		return status;
	if (S_ISDIR(stat->stx_mode)) {
		clv_walk_enter(walk, fd, stat);
		return CLV_OK;
	}
	if (S_ISLNK(stat->stx_mode) && walk->request->entry_only) {
		walk->needs_full = walk->stopped = true;
	} else if (S_ISLNK(stat->stx_mode)) {
		status = walk_link(walk, fd, stat, err);
	} else if (walk->rest[0] != '\0') {
		errno = ENOTDIR;
		status = clv_guard_system_error(
		    clv_walk_path_of(walk), "can't be entered", err);
	} else {
		status = judge_file(walk, name, fd, stat, err);
		if (status == CLV_OK) {
			*file = fd;
			return CLV_OK;
		}
	}
	(void)close(fd);
	return status;
}

/* Walks all components. */
static clv_status
go(struct clv_walk *walk, int *fd, struct statx *stat, clv_error **err)
{
	char name[NAME_MAX + 1];
	clv_status status;

	while (!walk->stopped) {
		if ((status = next_name(walk, name, err)) != CLV_OK)
			return status;
		if (*name == '\0') {
			status = judge_directory(walk, err);
			if (status != CLV_OK)
				return status;
			*fd = walk->current;
			*stat = walk->stat;
			walk->current = -1; /* transferred */
			return CLV_OK;
		}
		status = clv_walk_judge_current(walk, err);
		if (status != CLV_OK)
			return status;
		status = strcmp(name, "..") == 0
		    ? go_up(walk, err)
		    : go_down(walk, name, fd, stat, err);
		if (status != CLV_OK || *fd >= 0)
			return status;
	}
	return CLV_OK;
}

/* Without /proc neither ACLs can be read nor pinned files opened. */
static clv_status
check_proc(const char *subject, clv_error **err)
{
	struct statfs system;

	if (statfs("/proc/thread-self/fd", &system) == 0 &&
	    system.f_type == PROC_SUPER_MAGIC)
		return CLV_OK;
	return clv_error_raise(err, CLV_UNSUPPORTED,
	    &(struct clv_error_info){.operation = "judge",
		.subject = subject,
		.remedy = "mount -t proc proc /proc"},
	    "the path guard needs /proc");
}

static clv_status
begin(struct clv_walk *walk, const struct clv_guard_request *request,
    clv_guard_report *report, clv_error **err)
{
	const size_t size = strlen(request->path);

	memset(walk, 0, offsetof(struct clv_walk, path));
	walk->path[0] = '\0';
	walk->request = request;
	walk->judged = (struct clv_guard_case){.guard = request->guard,
	    .policy = request->policy,
	    .report = report};
	walk->current = -1;
	if (size >= PATH_MAX)
		return clv_walk_too_long(walk, err);
	memcpy(walk->rest, request->path, size + 1);
	return *request->path == '/' ? clv_walk_enter_root(walk, err)
				     : clv_walk_enter_start(walk, err);
}

static clv_status
fill_report(const struct clv_walk *walk, clv_guard_report *report, int fd,
    const struct statx *stat, clv_error **err)
{
	clv_guard_report_settle(report);
	report->path = strdup(clv_walk_path_of(walk));
	if (report->path == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){
			.operation = "judge", .subject = walk->request->path},
		    "out of memory");
	if (fd >= 0) {
		report->inode = stat->stx_ino;
		report->device_major = stat->stx_dev_major;
		report->device_minor = stat->stx_dev_minor;
	}
	return CLV_OK;
}

static clv_status
walk_once(struct clv_walk *walk, const struct clv_guard_request *request,
    clv_guard_report *report, int *fd, struct statx *stat, clv_error **err)
{
	clv_status status;

	*report = (clv_guard_report){.policy = request->policy};
	status = begin(walk, request, report, err);
	if (status == CLV_OK)
		status = go(walk, fd, stat, err);
	if (status == CLV_OK)
		status = fill_report(walk, report, *fd, stat, err);
	if (walk->current >= 0)
		(void)close(walk->current);
	if (status != CLV_OK && *fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
	return status;
}

clv_status
clv_guard_walk(const struct clv_guard_request *request,
    clv_guard_report *report, int *fd, struct statx *stat, clv_error **err)
{
	struct clv_guard_request full = *request;
	struct clv_walk *walk;
	clv_status status;

	*fd = -1;
	*report = (clv_guard_report){.policy = request->policy};
	if ((status = check_proc(request->path, err)) != CLV_OK)
		return status;
	if ((walk = malloc(sizeof(*walk))) == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){
			.operation = "judge", .subject = request->path},
		    "out of memory");

	status = walk_once(walk, request, report, fd, stat, err);
	if (status == CLV_OK && walk->needs_full) {
		clv_guard_report_clear(report);
		full.entry_only = false;
		status = walk_once(walk, &full, report, fd, stat, err);
	}
	free(walk);
	return status;
}
