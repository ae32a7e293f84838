/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The system calls that several parts of the guard share. */

#include "base/guard/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

void
clv_guard_fd_path(int fd, char path[CLV_GUARD_FD_PATH])
{
	/* Of the thread: descriptor tables can be unshared. */
	(void)snprintf(path, CLV_GUARD_FD_PATH, "/proc/thread-self/fd/%d", fd);
}

static clv_status
status_of(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return CLV_NOT_FOUND;
	case EACCES:
	case EPERM:
		return CLV_PERMISSION;
	case ENAMETOOLONG:
	case EBADF:
		return CLV_INVALID;
	case ENOMEM:
		return CLV_NO_MEMORY;
	case EAGAIN:
		return CLV_BUSY;
	case ESTALE:
		return CLV_CHANGED;
	default:
		return CLV_IO;
	}
}

clv_status
clv_guard_system_error(const char *subject, const char *what, clv_error **err)
{
	const clv_status status = status_of(errno);

	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "judge",
		.subject = subject,
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno,
		.retryable = status == CLV_BUSY || status == CLV_CHANGED},
	    "%s: %s", what, strerror(errno));
}

clv_status
clv_guard_stat(int fd, const char *subject, struct statx *stat, clv_error **err)
{
	if (statx(fd, "", AT_EMPTY_PATH, CLV_GUARD_STATX, stat) == 0)
		return CLV_OK;
	return clv_guard_system_error(subject, "can't be examined", err);
}

bool
clv_guard_same_inode(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino &&
	    a->stx_dev_major == b->stx_dev_major &&
	    a->stx_dev_minor == b->stx_dev_minor;
}

bool
clv_guard_same_state(const struct statx *a, const struct statx *b)
{
	return a->stx_mode == b->stx_mode && a->stx_uid == b->stx_uid &&
	    a->stx_gid == b->stx_gid &&
	    a->stx_ctime.tv_sec == b->stx_ctime.tv_sec &&
	    a->stx_ctime.tv_nsec == b->stx_ctime.tv_nsec;
}
