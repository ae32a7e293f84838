/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Writing files that the command line names. */

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ACL "system.posix_acl_access"
#define ACL_MAX 4096U /* some 500 entries */

/* What is to be written, and where. */
struct output {
	const char *name; /* as on the command line */
	char *path;       /* where links led */
	const void *bytes;
	size_t size;
	bool private;
	bool exists;
	struct stat before; /* what is there */
};

static bool
complain(const struct output *output, const char *why)
{
	(void)program_refuse(NULL, "write %s: %s", output->name, why);
	return false;
}

static bool
write_all(const struct output *output, int fd)
{
	const unsigned char *at = output->bytes;
	size_t left = output->size;

	while (left > 0) {
		const ssize_t put = write(fd, at, left);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return complain(output, strerror(errno));
		at += put;
		left -= (size_t)put;
	}
	return true;
}

static bool
write_standard(const struct output *output)
{
	if (fwrite(output->bytes, 1, output->size, stdout) == output->size)
		return program_finish() == EXIT_DONE;
	return complain(output, strerror(errno));
}

/* Anything but a regular file, such as /dev/tty, is written as it is. */
static bool
write_special(const struct output *output)
{
	const int fd = open(output->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	bool good;

	if (fd < 0)
		return complain(output, strerror(errno));
	good = write_all(output, fd);
	(void)close(fd);
	return good;
}

/* ---- who may read it ---- */

/* With an ACL, the mode of the group is that of the mask: without the one, the
 * other would give the group too much. */
static bool
keep_acl(const struct output *output, int fd)
{
	char acl[ACL_MAX];
	const ssize_t size = getxattr(output->path, ACL, acl, sizeof(acl));

	if (size >= 0)
		return fsetxattr(fd, ACL, acl, (size_t)size, 0) == 0;
	if (errno != ENODATA && errno != ENOTSUP)
		return false;
	/* What the directory gives to new files. */
	return fremovexattr(fd, ACL) == 0 || errno == ENODATA ||
	    errno == ENOTSUP;
}

static bool
keep_rights(const struct output *output, int fd)
{
	const struct stat *before = &output->before;
	struct stat now;

	if (fstat(fd, &now) != 0)
		return complain(output, strerror(errno));
	if ((now.st_uid != before->st_uid || now.st_gid != before->st_gid) &&
	    fchown(fd, before->st_uid, before->st_gid) != 0)
		return complain(output,
		    "it is another account's, and can't be left to that one");
	if (!keep_acl(output, fd) || fchmod(fd, before->st_mode & 0777U) != 0)
		return complain(output, strerror(errno));
	return true;
}

static bool
set_rights(const struct output *output, int fd)
{
	if (output->exists)
		return keep_rights(output, fd);
	if (output->private && fchmod(fd, 0600) != 0)
		return complain(output, strerror(errno));
	return true;
}

/* ---- replacing ---- */

static bool
write_beside(const struct output *output, const char *temporary)
{
	const mode_t mode = output->private || output->exists ? 0600 : 0644;
	const int fd =
	    open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	bool good;

	if (fd < 0)
		return complain(output, strerror(errno));
	good = set_rights(output, fd) && write_all(output, fd);
	if (good && fsync(fd) != 0)
		good = complain(output, strerror(errno));
	(void)close(fd);
	if (good && rename(temporary, output->path) != 0)
		good = complain(output, strerror(errno));
	if (!good)
		(void)unlink(temporary);
	return good;
}

static bool
replace(const struct output *output)
{
	char *temporary = NULL;
	bool good;

	if (asprintf(&temporary, "%s.%ld.tmp", output->path, (long)getpid()) <
	    0)
		return complain(output, "out of memory");
	good = write_beside(output, temporary);
	free(temporary);
	return good;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* A link leads to what is replaced. Where it leads the kernel has to say
 * first: it does not follow what others put into /tmp. */
static bool
replace_existing(struct output *output)
{
	struct stat found;
	bool good;

	output->path = realpath(output->name, NULL);
	if (output->path == NULL)
		return complain(output, strerror(errno));
	good =
	    stat(output->path, &found) == 0 && is_same(&found, &output->before);
	good = good ? replace(output)
		    : complain(output, "it was exchanged just now");
	free(output->path);
	return good;
}

static bool
replace_nothing(struct output *output)
{
	struct stat link;
	bool good;

	if (lstat(output->name, &link) == 0)
		return complain(output, "the link leads to nothing");
	output->path = strdup(output->name);
	good = output->path != NULL ? replace(output)
				    : complain(output, "out of memory");
	free(output->path);
	return good;
}

static bool
is_standard(const struct stat *about)
{
	struct stat standard;

	return fstat(STDOUT_FILENO, &standard) == 0 &&
	    is_same(about, &standard);
}

static bool
write_output(struct output *output)
{
	if (output->name == NULL || strcmp(output->name, "-") == 0) {
		output->name = "standard output";
		return write_standard(output);
	}
	output->exists = stat(output->name, &output->before) == 0;
	if (!output->exists && errno != ENOENT)
		return complain(output, strerror(errno));
	if (!output->exists)
		return replace_nothing(output);
	if (!S_ISREG(output->before.st_mode))
		return write_special(output);
	/* By its name in /dev. */
	if (is_standard(&output->before))
		return write_standard(output);
	return replace_existing(output);
}

bool
program_write(const char *path, const void *bytes, size_t size)
{
	struct output output = {.name = path, .bytes = bytes, .size = size};

	return write_output(&output);
}

bool
program_write_private(const char *path, const void *bytes, size_t size)
{
	struct output output = {
	    .name = path, .bytes = bytes, .size = size, .private = true};

	return write_output(&output);
}
