/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MOST_TRIES 16

/* What becomes the file: nameless as long as the file system can, so that a
 * crash leaves nothing behind. */
struct draft {
	int directory;
	const char *target;
	int fd;
	char name[48]; /* empty while it has none */
};

static clv_status
write_error(const char *subject, const char *what, clv_error **err)
{
	const bool denied = errno == EACCES || errno == EPERM || errno == EROFS;

	return clv_error_raise(err,
	    errno == EEXIST       ? CLV_EXISTS
		: errno == ENOENT ? CLV_NOT_FOUND
		: denied          ? CLV_PERMISSION
				  : CLV_IO,
	    &(struct clv_error_info){.operation = "write",
		.subject = subject,
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno},
	    "%s: %s", what, strerror(errno));
}

clv_status
clv_file_write_all(int fd, const char *subject, const void *bytes, size_t size,
    clv_error **err)
{
	const unsigned char *at = bytes;

	while (size > 0) {
		const ssize_t done = write(fd, at, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return write_error(subject, "can't be written", err);
		at += done;
		size -= (size_t)done;
	}
	return CLV_OK;
}

clv_status
clv_file_sync(int fd, const char *subject, clv_error **err)
{
	if (fsync(fd) == 0)
		return CLV_OK;
	return write_error(subject, "can't be made durable", err);
}

static clv_status
sync_directory(int directory, const char *subject, clv_error **err)
{
	const int fd =
	    openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	clv_status status = CLV_OK;

	if (fd < 0)
		return write_error(
		    subject, "its directory can't be opened", err);
	/* EINVAL: a file system that has nothing to write there. */
	if (fsync(fd) != 0 && errno != EINVAL)
		status = write_error(
		    subject, "its directory can't be made durable", err);
	(void)close(fd);
	return status;
}

/* A new name, for a file that is to be linked or created. */
static void
invent_name(char *name, size_t size)
{
	unsigned char random[8] = {0};

	/* A repeated name is found out by O_EXCL. */
	if (getrandom(random, sizeof(random), 0) < 0)
		memset(random, 0, sizeof(random));
	(void)snprintf(name, size,
	    ".claviger-%02x%02x%02x%02x%02x%02x%02x%02x.tmp", random[0],
	    random[1], random[2], random[3], random[4], random[5], random[6],
	    random[7]);
}

static bool
create_named(struct draft *draft)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	for (int tries = 0; tries < MOST_TRIES; tries++) {
		invent_name(draft->name, sizeof(draft->name));
		draft->fd = openat(draft->directory, draft->name, flags, 0600);
		if (draft->fd >= 0)
			return true;
		if (errno != EEXIST)
			break;
	}
	draft->name[0] = '\0';
	return false;
}

static clv_status
create_draft(struct draft *draft, clv_error **err)
{
	draft->fd =
	    openat(draft->directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	/* Not every file system knows nameless files. */
	if (draft->fd < 0 &&
	    (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) &&
	    create_named(draft))
		return CLV_OK;
	return draft->fd >= 0
	    ? CLV_OK
	    : write_error(
		  draft->target, "no file can be made in its directory", err);
}

/* Root must not take a file away from the account that reads it. */
static bool
keep_owner(const struct draft *draft)
{
	struct stat old;

	if (geteuid() != 0 ||
	    fstatat(draft->directory, draft->target, &old,
		AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(old.st_mode))
		return true;
	return fchown(draft->fd, old.st_uid, old.st_gid) == 0;
}

/* The directory's default ACL was inherited; held back by the mode 0600 until
 * now, it goes before the mode is widened and before anything is written. */
static clv_status
protect(const struct draft *draft, mode_t permissions, enum clv_file_mode mode,
    clv_error **err)
{
	if (fremovexattr(draft->fd, "system.posix_acl_access") != 0 &&
	    errno != ENODATA && errno != ENOTSUP)
		return write_error(
		    draft->target, "its ACL can't be removed", err);
	if (mode == CLV_FILE_REPLACE && !keep_owner(draft))
		return write_error(
		    draft->target, "its owner can't be kept", err);
	if (fchmod(draft->fd, permissions) != 0)
		return write_error(draft->target, "its mode can't be set", err);
	return CLV_OK;
}

static bool
link_nameless(const struct draft *draft, const char *name)
{
	char path[48];

	(void)snprintf(
	    path, sizeof(path), "/proc/thread-self/fd/%d", draft->fd);
	return linkat(AT_FDCWD, path, draft->directory, name,
		   AT_SYMLINK_FOLLOW) == 0;
}

static bool
give_name(struct draft *draft)
{
	for (int tries = 0; tries < MOST_TRIES; tries++) {
		invent_name(draft->name, sizeof(draft->name));
		if (link_nameless(draft, draft->name))
			return true;
		if (errno != EEXIST)
			break;
	}
	draft->name[0] = '\0';
	return false;
}

/* Moves a named draft to a name that must be free. */
static bool
move_to_new(struct draft *draft)
{
	const int directory = draft->directory;

	if (renameat2(directory, draft->name, directory, draft->target,
		RENAME_NOREPLACE) == 0) {
		draft->name[0] = '\0';
		return true;
	}
	/* A file system without RENAME_NOREPLACE: a link never replaces. The
	 * draft's own name is removed at the end. */
	return errno == EINVAL &&
	    linkat(directory, draft->name, directory, draft->target, 0) == 0;
}

static bool
replace(struct draft *draft)
{
	if (*draft->name == '\0' && !give_name(draft))
		return false;
	if (renameat(draft->directory, draft->name, draft->directory,
		draft->target) != 0)
		return false;
	draft->name[0] = '\0';
	return true;
}

static clv_status
publish(struct draft *draft, enum clv_file_mode mode, clv_error **err)
{
	bool done;

	if (mode == CLV_FILE_REPLACE)
		done = replace(draft);
	else if (*draft->name == '\0')
		done = link_nameless(draft, draft->target);
	else
		done = move_to_new(draft);
	return done
	    ? CLV_OK
	    : write_error(draft->target, "can't be put in its place", err);
}

static clv_status
check_name(const char *name, clv_error **err)
{
	if (*name != '\0' && strchr(name, '/') == NULL &&
	    strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		return CLV_OK;
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = "write", .subject = name},
	    "it is not the name of a file");
}

clv_status
clv_file_write_atomic(int directory, const char *name, const void *bytes,
    size_t size, mode_t permissions, enum clv_file_mode mode, clv_error **err)
{
	struct draft draft = {.directory = directory, .target = name, .fd = -1};
	clv_status status;

	if ((status = check_name(name, err)) != CLV_OK ||
	    (status = create_draft(&draft, err)) != CLV_OK)
		return status;
	if ((status = protect(&draft, permissions, mode, err)) != CLV_OK ||
	    (status = clv_file_write_all(draft.fd, name, bytes, size, err)) !=
		CLV_OK ||
	    (status = clv_file_sync(draft.fd, name, err)) != CLV_OK ||
	    (status = publish(&draft, mode, err)) != CLV_OK)
		goto out;
	status = sync_directory(directory, name, err);
out:
	if (*draft.name != '\0')
		(void)unlinkat(directory, draft.name, 0);
	(void)close(draft.fd);
	return status;
}

clv_status
clv_file_unlink(int directory, const char *name, clv_error **err)
{
	const clv_status status = check_name(name, err);

	if (status != CLV_OK)
		return status;
	if (unlinkat(directory, name, 0) != 0)
		return write_error(name, "can't be removed", err);
	return sync_directory(directory, name, err);
}
