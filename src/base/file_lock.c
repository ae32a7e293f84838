/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS 5

/* Where the lock is, for whoever reads the error: "lock" alone is anywhere. */
static void
find_path(int directory, const char *name, char path[PATH_MAX])
{
	char link[64];
	ssize_t size;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", directory);
	size = readlink(link, path, PATH_MAX - 1);
	if (size <= 0 || (size_t)size + strlen(name) + 2 > PATH_MAX)
		size = 0;
	else
		path[size++] = '/';
	(void)snprintf(path + size, PATH_MAX - (size_t)size, "%s", name);
}

static clv_status
lock_error(int directory, const char *name, clv_status status, clv_error **err)
{
	const int code = errno;
	char path[PATH_MAX];

	find_path(directory, name, path);
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "lock",
		.subject = path,
		.domain = CLV_DOMAIN_ERRNO,
		.code = code,
		.remedy = status == CLV_PERMISSION
		    ? "run it as the account that owns the directory, or as "
		      "root"
		    : NULL},
	    "%s", strerror(code));
}

static clv_status
tell_busy(int directory, const char *name, clv_error **err)
{
	char path[PATH_MAX];

	find_path(directory, name, path);
	return clv_error_raise(err, CLV_BUSY,
	    &(struct clv_error_info){.operation = "lock",
		.subject = path,
		.retryable = true,
		.remedy = "try again when it is done"},
	    "another process is writing");
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
wait_for_lock(
    int fd, int directory, const char *name, int wait_ms, clv_error **err)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	for (int waited = 0;; waited += PAUSE_MS) {
		if (try_lock(fd))
			return CLV_OK;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return lock_error(directory, name, CLV_IO, err);
		if (waited >= wait_ms)
			break;
		(void)nanosleep(&pause, NULL);
	}
	return tell_busy(directory, name, err);
}

clv_status
clv_file_lock(int directory, const char *name, mode_t permissions, int wait_ms,
    int *fd, clv_error **err)
{
	struct stat stat;
	clv_status status;

	*fd = open_lock(directory, name, permissions);
	if (*fd < 0)
		return lock_error(directory, name,
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
		status = wait_for_lock(*fd, directory, name, wait_ms, err);
	if (status != CLV_OK) {
		(void)close(*fd);
		*fd = -1;
	}
	return status;
}
