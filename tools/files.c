/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Reading files that the command line names. */

#include "program.h"

#include <errno.h>
#include <fcntl.h>
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
