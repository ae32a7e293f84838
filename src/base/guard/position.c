/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Where a walk is: its directory, its path, and how it got there. */

#include "base/guard/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *
clv_walk_path_of(const struct clv_walk *walk)
{
	return walk->path_size > 0 ? walk->path : "/";
}

clv_status
clv_walk_too_long(const struct clv_walk *walk, clv_error **err)
{
	errno = ENAMETOOLONG;
	return clv_guard_system_error(
	    walk->request->path, "can't be walked", err);
}

clv_status
clv_walk_push_name(struct clv_walk *walk, const char *name, clv_error **err)
{
	const size_t size = strlen(name);

	if (walk->path_size + 1 + size >= sizeof(walk->path))
		return clv_walk_too_long(walk, err);
	walk->path[walk->path_size] = '/';
	memcpy(walk->path + walk->path_size + 1, name, size + 1);
	walk->path_size += 1 + size;
	return CLV_OK;
}

void
clv_walk_pop_name(struct clv_walk *walk)
{
	while (walk->path_size > 0 && walk->path[walk->path_size - 1] != '/')
		walk->path_size--;
	if (walk->path_size > 0)
		walk->path_size--;
	walk->path[walk->path_size] = '\0';
}

clv_status
clv_walk_stop(struct clv_walk *walk, clv_guard_code code, const char *reason,
    clv_error **err)
{
	walk->stopped = true;
	return clv_guard_report_add(walk->judged.report,
	    &(clv_guard_finding){.code = code,
		.grade = CLV_GUARD_INSECURE,
		.path = clv_walk_path_of(walk),
		.reason = reason},
	    NULL, err);
}

clv_status
clv_walk_judge_mount(struct clv_walk *walk,
    const struct clv_guard_object *object, clv_error **err)
{
	const struct statx *stat = &object->stat;

	if (walk->has_device && walk->device_major == stat->stx_dev_major &&
	    walk->device_minor == stat->stx_dev_minor)
		return CLV_OK;
	walk->has_device = true;
	walk->device_major = stat->stx_dev_major;
	walk->device_minor = stat->stx_dev_minor;
	return clv_guard_judge_mount(&walk->judged, object, err);
}

struct clv_guard_object
clv_walk_object_of(const struct clv_walk *walk, enum clv_guard_role role,
    int fd, const struct statx *stat)
{
	return (struct clv_guard_object){.fd = fd,
	    .role = role,
	    .path = clv_walk_path_of(walk),
	    .stat = *stat,
	    .exposed = walk->exposes};
}

clv_status
clv_walk_judge_current(struct clv_walk *walk, clv_error **err)
{
	const struct clv_guard_object object = clv_walk_object_of(
	    walk, CLV_GUARD_ANCESTOR, walk->current, &walk->stat);
	clv_status status;

	if (walk->is_judged)
		return CLV_OK;
	walk->is_judged = true;
	if ((status = clv_walk_judge_mount(walk, &object, err)) != CLV_OK)
		return status;
	return clv_guard_judge(&walk->judged, &object, &walk->exposes, err);
}

void
clv_walk_enter(struct clv_walk *walk, int directory, const struct statx *stat)
{
	if (walk->current >= 0)
		(void)close(walk->current);
	walk->current = directory;
	walk->stat = *stat;
	walk->is_judged = false;
	walk->exposes = false;
}

int
clv_walk_pin_directory(int at, const char *name)
{
	return openat(at, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

clv_status
clv_walk_open_directory(const char *subject, int at, const char *name, int *fd,
    struct statx *stat, clv_error **err)
{
	clv_status status;

	*fd = clv_walk_pin_directory(at, name);
	if (*fd < 0)
		*fd = openat(
		    at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return clv_guard_system_error(subject, "can't be entered", err);
	status = clv_guard_stat(*fd, subject, stat, err);
	if (status != CLV_OK) {
		(void)close(*fd);
		*fd = -1;
	}
	return status;
}

clv_status
clv_walk_enter_root(struct clv_walk *walk, clv_error **err)
{
	struct statx stat;
	clv_status status;
	int fd;

	walk->path_size = 0;
	walk->path[0] = '\0';
	status = clv_walk_open_directory("/", AT_FDCWD, "/", &fd, &stat, err);
	if (status == CLV_OK)
		clv_walk_enter(walk, fd, &stat);
	return status;
}

static bool
is_same_place(const struct statx *a, const struct statx *b)
{
	return clv_guard_same_inode(a, b) && a->stx_mnt_id == b->stx_mnt_id;
}

/* The name of the directory a relative path starts from. For reports only:
 * what is judged is the descriptor. */
static clv_status
name_start(struct clv_walk *walk, clv_error **err)
{
	char link[CLV_GUARD_FD_PATH];
	const char *start;
	ssize_t size;

	clv_guard_fd_path(walk->current, link);
	size = readlink(link, walk->path, sizeof(walk->path));
	if (size < 0 || (size_t)size >= sizeof(walk->path)) {
		walk->path[0] = '\0';
		return size < 0 && errno != ENAMETOOLONG
		    ? clv_guard_system_error(
			  walk->request->path, "has no name", err)
		    : clv_walk_too_long(walk, err);
	}
	walk->path[size] = '\0';
	/* "(unreachable)/path": outside of the root directory. */
	start = strchr(walk->path, '/');
	if (start == NULL)
		start = walk->path + size;
	walk->path_size = strlen(start);
	memmove(walk->path, start, walk->path_size + 1);
	if (walk->path_size == 1)
		walk->path[--walk->path_size] = '\0';
	return CLV_OK;
}

/* Judges everything above the start, up to the root. A directory that is its
 * own parent ends it; the mount tells apart what is bound to two places. */
static clv_status
climb(struct clv_walk *walk, bool *is_below_root, clv_error **err)
{
	struct statx root, above;
	clv_status status;
	int fd;

	status = clv_walk_open_directory("/", AT_FDCWD, "/", &fd, &root, err);
	if (status != CLV_OK)
		return status;
	(void)close(fd);
	for (;;) {
		status = clv_walk_open_directory(clv_walk_path_of(walk),
		    walk->current, "..", &fd, &above, err);
		if (status != CLV_OK)
			return status;
		if (is_same_place(&walk->stat, &above)) {
			(void)close(fd);
			break;
		}
		clv_walk_pop_name(walk);
		clv_walk_enter(walk, fd, &above);
		status = clv_walk_judge_current(walk, err);
		if (status != CLV_OK)
			return status;
	}
	*is_below_root = is_same_place(&walk->stat, &root);
	return CLV_OK;
}

/* Climbs with a descriptor of its own, then comes back. */
static clv_status
judge_above(struct clv_walk *walk, clv_error **err)
{
	const struct statx stat = walk->stat;
	char *path = strdup(walk->path);
	const int fd = fcntl(walk->current, F_DUPFD_CLOEXEC, 0);
	bool is_below_root = false;
	clv_status status;

	if (path == NULL || fd < 0) {
		errno = path == NULL ? ENOMEM : errno;
		status = clv_guard_system_error(
		    walk->request->path, "can't be walked", err);
		goto out;
	}
	status = climb(walk, &is_below_root, err);
	if (status != CLV_OK)
		goto out;
	walk->path_size = strlen(path);
	memcpy(walk->path, path, walk->path_size + 1);
	clv_walk_enter(walk, fd, &stat);
	free(path);
	if (is_below_root)
		return CLV_OK;
	return clv_walk_stop(walk, CLV_GUARD_UNREACHABLE,
	    "it is not below the root directory of this process", err);
out:
	if (fd >= 0)
		(void)close(fd);
	free(path);
	return status;
}

clv_status
clv_walk_enter_start(struct clv_walk *walk, clv_error **err)
{
	struct statx stat;
	clv_status status;
	int fd;

	status = clv_walk_open_directory(walk->request->path,
	    walk->request->directory, ".", &fd, &stat, err);
	if (status != CLV_OK)
		return status;
	clv_walk_enter(walk, fd, &stat);
	if ((status = name_start(walk, err)) != CLV_OK)
		return status;
	if (stat.stx_nlink == 0)
		return clv_walk_stop(walk, CLV_GUARD_UNREACHABLE,
		    "the directory was removed", err);
	if (!walk->request->entry_only)
		return judge_above(walk, err);
	walk->is_judged = true; /* by the caller */
	return CLV_OK;
}
