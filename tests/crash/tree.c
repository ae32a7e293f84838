/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* nftw(3) passes nothing on. */
static const char *source;
static const char *target;
static const char *wanted;
static size_t counted;
static uint64_t digest;

static void
give_up(const char *path)
{
	perror(path);
	exit(2);
}

static void
copy_file(const char *from, const char *to, mode_t mode)
{
	char buffer[65536];
	const int in = open(from, O_RDONLY | O_CLOEXEC);
	const int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	ssize_t size;

	if (in < 0 || out < 0)
		give_up(to);
	while ((size = read(in, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, (size_t)size) != size)
			give_up(to);
	(void)fchmod(out, mode);
	(void)close(in);
	(void)close(out);
}

static int
copy_one(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
	char to[512];

	(void)ftw;
	(void)snprintf(to, sizeof(to), "%s%s", target, path + strlen(source));
	if (kind == FTW_D) {
		if (mkdir(to, about->st_mode & 07777) != 0)
			give_up(to);
	} else {
		copy_file(path, to, about->st_mode & 07777);
	}
	return 0;
}

void
tree_copy(const char *from, const char *to)
{
	source = from;
	target = to;
	if (nftw(from, copy_one, 16, FTW_PHYS) != 0)
		give_up(from);
}

static int
remove_one(
    const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
	(void)about;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void
tree_remove(const char *path)
{
	if (nftw(path, remove_one, 16, FTW_PHYS | FTW_DEPTH) != 0 &&
	    errno != ENOENT)
		give_up(path);
}

static int
count_one(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
	const size_t size = strlen(path);
	const size_t length = strlen(wanted);

	(void)about;
	(void)ftw;
	if (kind == FTW_F && size >= length &&
	    strcmp(path + size - length, wanted) == 0)
		counted++;
	return 0;
}

size_t
tree_count(const char *path, const char *suffix)
{
	wanted = suffix;
	counted = 0;
	(void)nftw(path, count_one, 16, FTW_PHYS);
	return counted;
}

/* FNV-1a; of one file, so that the order of files does not matter. */
static uint64_t
mix(uint64_t value, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < size; i++)
		value = (value ^ at[i]) * 0x100000001b3U;
	return value;
}

static uint64_t
mix_content(uint64_t value, const char *path)
{
	char buffer[8192];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = 0;

	while (fd >= 0 && (size = read(fd, buffer, sizeof(buffer))) > 0)
		value = mix(value, buffer, (size_t)size);
	if (fd >= 0)
		(void)close(fd);
	return value;
}

static int
digest_one(
    const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
	const char *name = path + ftw->base;
	uint64_t value = 0xcbf29ce484222325U;

	value = mix(value, path, (size_t)ftw->base);
	value = mix(value, name, strnlen(name, 10));
	if (kind == FTW_F)
		value = mix(value, &about->st_size, sizeof(about->st_size));
	if (strcmp(name, "claviger.conf") == 0)
		value = mix_content(value, path);
	digest += value;
	return 0;
}

uint64_t
tree_digest(const char *path)
{
	digest = 0;
	(void)nftw(path, digest_one, 16, FTW_PHYS);
	return digest;
}
