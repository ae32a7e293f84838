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
complain_of_size(const char *path, size_t max)
{
	(void)program_refuse(
	    NULL, "read %s: too large: at most %zu bytes are taken", path, max);
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
				return complain_of_size(path, max);
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
		return complain_of_size(path, max);
	out->data[out->size] = '\0';
	return true;
}

/* -1 after a complaint. */
static int
open_input(const char *path)
{
	struct stat about;
	/* Of a pipe, what is still to come is wanted, too. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		(void)complain("read", path, strerror(errno));
	} else if (fstat(fd, &about) != 0 || S_ISDIR(about.st_mode)) {
		(void)complain("read", path, "is a directory");
		(void)close(fd);
		return -1;
	}
	return fd;
}

bool
program_read(const char *path, size_t max, clv_secret *out)
{
	bool good;
	int fd;

	if (is_standard(path))
		return read_all(STDIN_FILENO, "standard input", max, out);
	fd = open_input(path);
	if (fd < 0)
		return false;
	good = read_all(fd, path, max, out);
	(void)close(fd);
	return good;
}

static bool
read_pieces(int fd, const char *path, program_piece_fn *take, void *user)
{
	unsigned char piece[65536];
	ssize_t got;
	bool good = true;

	do {
		got = read(fd, piece, sizeof(piece));
		if (got < 0 && errno != EINTR)
			return complain("read", path, strerror(errno));
		if (got > 0)
			good = take(user, piece, (size_t)got);
	} while (good && got != 0);
	clv_wipe(piece, sizeof(piece));
	return good;
}

bool
program_read_pieces(const char *path, program_piece_fn *take, void *user)
{
	bool good;
	int fd;

	if (is_standard(path))
		return read_pieces(STDIN_FILENO, "standard input", take, user);
	fd = open_input(path);
	if (fd < 0)
		return false;
	good = read_pieces(fd, path, take, user);
	(void)close(fd);
	return good;
}
