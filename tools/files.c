/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_standard(const char *path)
{
	return path == NULL || strcmp(path, "-") == 0;
}

static bool
complain(const char *what, const char *path, const char *why)
{
	(void)program_refuse(NULL, "%s %s: %s", what, path, why);
	return false;
}

static bool
read_all(int fd, const char *path, size_t max, clv_secret *out)
{
	clv_error *err = NULL;
	clv_secret grown = CLV_SECRET_INIT;

	if (clv_secret_alloc(out, max < 65536 ? max : 65536, &err)) {
		(void)program_fail(&err);
		return false;
	}
	for (;;) {
		ssize_t got;

		if (out->size == out->capacity) {
			if (out->size >= max ||
			    clv_secret_alloc(&grown, max, NULL) != CLV_OK)
				return complain("read", path, "too large");
			memcpy(grown.data, out->data, out->size);
			grown.size = out->size;
			clv_secret_move(out, &grown);
		}
		got =
		    read(fd, out->data + out->size, out->capacity - out->size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return complain("read", path, strerror(errno));
		if (got == 0)
			break;
		out->size += (size_t)got;
	}
	if (out->size > max)
		return complain("read", path, "too large");
	out->data[out->size] = '\0';
	return true;
}

bool
program_read(const char *path, size_t max, clv_secret *out)
{
	struct stat about;
	bool good;
	int fd;

	if (is_standard(path))
		return read_all(STDIN_FILENO, "standard input", max, out);
	/* Of a pipe, what is still to come is wanted, too. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return complain("read", path, strerror(errno));
	if (fstat(fd, &about) != 0 || S_ISDIR(about.st_mode))
		good = complain("read", path, "is a directory");
	else
		good = read_all(fd, path, max, out);
	(void)close(fd);
	return good;
}

static bool
write_all(int fd, const char *path, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	while (size > 0) {
		const ssize_t put = write(fd, at, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return complain("write", path, strerror(errno));
		at += put;
		size -= (size_t)put;
	}
	return true;
}

/* Anything but a regular file, such as /dev/stdout, is written as it is. */
static bool
is_special(const char *path)
{
	struct stat about;

	return stat(path, &about) == 0 && !S_ISREG(about.st_mode);
}

static bool
write_special(const char *path, const void *bytes, size_t size)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	bool good;

	if (fd < 0)
		return complain("write", path, strerror(errno));
	good = write_all(fd, path, bytes, size);
	(void)close(fd);
	return good;
}

static bool
write_beside(
    const char *path, const char *temporary, const void *bytes, size_t size)
{
	const int fd =
	    open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool good;

	if (fd < 0)
		return complain("write", path, strerror(errno));
	good = write_all(fd, path, bytes, size);
	if (good && fsync(fd) != 0)
		good = complain("write", path, strerror(errno));
	(void)close(fd);
	if (good && rename(temporary, path) != 0)
		good = complain("write", path, strerror(errno));
	if (!good)
		(void)unlink(temporary);
	return good;
}

bool
program_write(const char *path, const void *bytes, size_t size)
{
	char *temporary = NULL;
	bool good;

	if (is_standard(path)) {
		if (fwrite(bytes, 1, size, stdout) == size)
			return program_finish() == EXIT_DONE;
		return complain("write", "standard output", strerror(errno));
	}
	if (is_special(path))
		return write_special(path, bytes, size);
	if (asprintf(&temporary, "%s.%ld.tmp", path, (long)getpid()) < 0)
		return complain("write", path, "out of memory");
	good = write_beside(path, temporary, bytes, size);
	free(temporary);
	return good;
}
