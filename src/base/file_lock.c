/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS 5

static clv_status
lock_error(const char *name, clv_status status, clv_error **err)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "lock",
		.subject = name,
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno},
	    "%s", strerror(errno));
}

/* Opens what is there, or makes it; whoever loses the race opens the
 * winner's. */
static int
open_lock(int directory, const char *name, mode_t permissions)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(directory, name, flags);

	if (fd >= 0 || errno != ENOENT || permissions == 0)
		return fd;
	fd = openat(directory, name, flags | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return errno == EEXIST ? openat(directory, name, flags) : -1;
	(void)fremovexattr(fd, "system.posix_acl_access");
	(void)fchmod(fd, permissions);
	return fd;
}

static bool
try_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static clv_status
wait_for_lock(int fd, const char *name, int wait_ms, clv_error **err)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	for (int waited = 0;; waited += PAUSE_MS) {
		if (try_lock(fd))
			return CLV_OK;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return lock_error(name, CLV_IO, err);
		if (waited >= wait_ms)
			break;
		(void)nanosleep(&pause, NULL);
	}
	return clv_error_raise(err, CLV_BUSY,
	    &(struct clv_error_info){
		.operation = "lock", .subject = name, .retryable = true},
	    "another process is writing");
}

clv_status
clv_file_lock(int directory, const char *name, mode_t permissions, int wait_ms,
    int *fd, clv_error **err)
{
	struct stat stat;
	clv_status status;

	*fd = open_lock(directory, name, permissions);
	if (*fd < 0)
		return lock_error(name,
		    errno == ENOENT ? CLV_NOT_FOUND
			: errno == EACCES || errno == EROFS || errno == EPERM
			? CLV_PERMISSION
			: CLV_IO,
		    err);
	if (fstat(*fd, &stat) != 0 || !S_ISREG(stat.st_mode))
		status = clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){
			.operation = "lock", .subject = name},
		    "it is not a regular file");
	else
		status = wait_for_lock(*fd, name, wait_ms, err);
	if (status != CLV_OK) {
		(void)close(*fd);
		*fd = -1;
	}
	return status;
}
