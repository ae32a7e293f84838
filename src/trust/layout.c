/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRUSTED, ISSUER, LIST_COUNT };

static const char *const list_names[LIST_COUNT] = {"trusted", "issuer"};

static clv_status
raise_errno(clv_error **err, const char *operation, const char *subject)
{
	const int code = errno;

	return clv_error_raise(err,
	    code == ENOENT ? CLV_NOT_FOUND
		: code == EACCES || code == EPERM || code == EROFS
		? CLV_PERMISSION
		: CLV_IO,
	    &(struct clv_error_info){.operation = operation,
		.subject = subject,
		.domain = CLV_DOMAIN_ERRNO,
		.code = code},
	    "%s", strerror(code));
}

clv_status
clv_layout_absolute(const char *path, char **absolute, clv_error **err)
{
	char *directory = NULL;
	int length;

	*absolute = NULL;
	if (path[0] == '/') {
		*absolute = strdup(path);
	} else {
		directory = get_current_dir_name();
		if (directory == NULL)
			return raise_errno(
			    err, "find the current directory", NULL);
		length = asprintf(absolute, "%s/%s", directory, path);
		free(directory);
		if (length < 0)
			*absolute = NULL;
	}
	if (*absolute == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	for (size_t end = strlen(*absolute);
	     end > 1 && (*absolute)[end - 1] == '/'; end--)
		(*absolute)[end - 1] = '\0';
	return CLV_OK;
}

/* A part of the layout that may be missing. */
static clv_status
open_part(const clv_guard *guard, int directory, const char *name, int *fd,
    clv_error **err)
{
	clv_error *failure = NULL;
	clv_status status;

	*fd = -1;
	status = clv_guard_open_directory(
	    guard, CLV_GUARD_TRUST, directory, name, fd, NULL, &failure);
	if (status == CLV_NOT_FOUND) {
		clv_error_free(&failure);
		return CLV_OK;
	}
	if (status != CLV_OK && err != NULL) {
		clv_error_free(err);
		*err = failure;
		return status;
	}
	clv_error_free(&failure);
	return status;
}

static const char *
folder_name(size_t folder, bool issuers)
{
	static const char *const names[2][CLV_FOLDER_COUNT] = {
	    {"trusted/certs", "trusted/crl", "issuer/certs", "issuer/crl"},
	    {"trusted/certs", "trusted/crl", "issuers/certs", "issuers/crl"},
	};

	return names[issuers ? 1 : 0][folder];
}

static clv_status
open_lists(const clv_guard *guard, struct clv_layout *layout, clv_error **err)
{
	bool issuers = false;
	clv_status status;

	for (int i = 0; i < LIST_COUNT; i++) {
		status = open_part(
		    guard, layout->root, list_names[i], &layout->lists[i], err);
		if (status != CLV_OK)
			return status;
	}
	if (layout->lists[ISSUER] < 0) {
		status = open_part(guard, layout->root, "issuers",
		    &layout->lists[ISSUER], err);
		if (status != CLV_OK)
			return status;
		issuers = layout->lists[ISSUER] >= 0;
	}
	for (size_t i = 0; i < CLV_FOLDER_COUNT; i++) {
		layout->names[i] = folder_name(i, issuers);
		status = open_part(guard, layout->root, layout->names[i],
		    &layout->folders[i], err);
		if (status != CLV_OK)
			return status;
		if (layout->folders[i] >= 0 &&
		    fstat(layout->folders[i], &layout->about[i]) != 0)
			return raise_errno(err, "look at", layout->names[i]);
	}
	return CLV_OK;
}

static clv_status
identify_root(struct clv_layout *layout, clv_error **err)
{
	struct stat about;

	if (fstat(layout->root, &about) != 0)
		return raise_errno(err, "look at", layout->path);
	layout->device = about.st_dev;
	layout->inode = about.st_ino;
	return CLV_OK;
}

clv_status
clv_layout_open(const clv_guard *guard, const char *path,
    struct clv_layout *layout, clv_error **err)
{
	struct clv_layout opened = CLV_LAYOUT_INIT;
	clv_status status;

	opened.path = strdup(path);
	if (opened.path == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	status = clv_guard_open_directory(
	    guard, CLV_GUARD_TRUST, AT_FDCWD, path, &opened.root, NULL, err);
	if (status != CLV_OK)
		goto out;
	if ((status = identify_root(&opened, err)) != CLV_OK ||
	    (status = open_part(guard, opened.root, CLV_STATE_FOLDER,
		 &opened.state, err)) != CLV_OK ||
	    (status = open_lists(guard, &opened, err)) != CLV_OK)
		goto out;

	clv_layout_close(layout);
	*layout = opened;
	opened = (struct clv_layout)CLV_LAYOUT_INIT; /* transferred */
out:
	clv_layout_close(&opened);
	return status;
}

/* Whether there is anything but what lies about in new directories. */
static bool
has_entries(int directory)
{
	const int own =
	    openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = own >= 0 ? fdopendir(own) : NULL;
	const struct dirent *entry;
	bool found = false;

	if (stream == NULL) {
		if (own >= 0)
			(void)close(own);
		return false;
	}
	while (!found && (entry = readdir(stream)) != NULL)
		found = entry->d_name[0] != '.' &&
		    strcmp(entry->d_name, "lost+found") != 0;
	(void)closedir(stream);
	return found;
}

clv_status
clv_layout_recognise(const struct clv_layout *layout, clv_error **err)
{
	static const char *const others[] = {"own", "rejected"};

	if (layout->state >= 0 || layout->lists[TRUSTED] >= 0 ||
	    layout->lists[ISSUER] >= 0)
		return CLV_OK;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (faccessat(layout->root, others[i], F_OK, 0) == 0)
			return CLV_OK;
	if (!has_entries(layout->root))
		return CLV_OK;
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = "open TrustList",
		.subject = layout->path,
		.remedy = "name the directory that has trusted and issuer in "
			  "it, or a new one; other products' directories can "
			  "be imported"},
	    "it is no TrustList: it has files, but none of trusted, issuer, "
	    "rejected, own");
}

/* A part that is not there and was not there is current, too. */
static bool
is_same(int at, const char *name, int fd)
{
	struct stat pinned;
	struct stat found;

	if (fstatat(at, name, &found, 0) != 0)
		return errno == ENOENT && fd < 0;
	return fd >= 0 && fstat(fd, &pinned) == 0 &&
	    found.st_dev == pinned.st_dev && found.st_ino == pinned.st_ino;
}

bool
clv_layout_is_current(const struct clv_layout *layout)
{
	bool same = is_same(AT_FDCWD, layout->path, layout->root) &&
	    is_same(layout->root, CLV_STATE_FOLDER, layout->state) &&
	    is_same(layout->root, "trusted", layout->lists[TRUSTED]);

	for (size_t i = 0; i < CLV_FOLDER_COUNT; i++)
		same = same &&
		    is_same(layout->root, layout->names[i], layout->folders[i]);
	return same;
}

static void
close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

void
clv_layout_close(struct clv_layout *layout)
{
	close_fd(layout->root);
	close_fd(layout->state);
	for (size_t i = 0; i < LIST_COUNT; i++)
		close_fd(layout->lists[i]);
	for (size_t i = 0; i < CLV_FOLDER_COUNT; i++)
		close_fd(layout->folders[i]);
	free(layout->path);
	*layout = (struct clv_layout)CLV_LAYOUT_INIT;
}

/* mkdir is subject to the umask, so the mode is set afterwards: only ever
 * to more than it was made with. */
static clv_status
make_directory(
    int at, const char *name, mode_t mode, bool *made, clv_error **err)
{
	struct stat above;
	struct stat about;
	clv_status status = CLV_OK;
	int fd;

	if (mkdirat(at, name, mode & 0700) != 0) {
		if (errno == EEXIST)
			return CLV_OK;
		return raise_errno(err, "make directory", name);
	}
	*made = true;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return raise_errno(err, "make directory", name);
	if (fstat(at, &above) != 0 || fstat(fd, &about) != 0) {
		status = raise_errno(err, "make directory", name);
		goto out;
	}
	if ((mode & 0050) != 0)
		mode |= above.st_mode & 0020;
	if (fchmod(fd, mode | (about.st_mode & S_ISGID)) != 0 ||
	    fsync(fd) != 0 || fsync(at) != 0)
		status = raise_errno(err, "make directory", name);
out:
	(void)close(fd);
	return status;
}

/* Makes "list/folder" for each name, below an open root. */
static clv_status
make_parts(int root, const char *const names[][2], size_t count, bool *made,
    clv_error **err)
{
	for (size_t i = 0; i < count; i++) {
		const mode_t mode =
		    strcmp(names[i][1], "private") == 0 ? 0700 : 0755;
		clv_status status =
		    make_directory(root, names[i][0], 0755, made, err);
		int list;

		if (status != CLV_OK)
			return status;
		list = openat(
		    root, names[i][0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (list < 0)
			return raise_errno(err, "open", names[i][0]);
		status = make_directory(list, names[i][1], mode, made, err);
		(void)close(list);
		if (status != CLV_OK)
			return status;
	}
	return CLV_OK;
}

/* The directory that `path` is to be in. Returns its descriptor and where
 * the last name of `path` begins, or -1. */
static int
open_parent(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	int fd;

	*name = slash + 1;
	parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (parent == NULL)
		return -1;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(parent);
	return fd;
}

static clv_status
make_root(const char *path, bool *made, clv_error **err)
{
	const char *name = NULL;
	const int parent = open_parent(path, &name);
	clv_status status;

	if (parent < 0)
		return raise_errno(err, "make directory", path);
	status = make_directory(parent, name, 0755, made, err);
	(void)close(parent);
	return status;
}

clv_status
clv_layout_create(const char *path, bool *made, clv_error **err)
{
	static const char *const names[][2] = {{"own", "certs"},
	    {"own", "private"}, {"trusted", "certs"}, {"trusted", "crl"},
	    {"issuer", "certs"}, {"issuer", "crl"}, {"rejected", "certs"}};
	clv_status status;
	int root;

	*made = false;
	if ((status = make_root(path, made, err)) != CLV_OK)
		return status;
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return raise_errno(err, "open", path);
	status = make_parts(
	    root, names, sizeof(names) / sizeof(names[0]), made, err);
	if (status == CLV_OK)
		status =
		    make_directory(root, CLV_STATE_FOLDER, 0755, made, err);
	(void)close(root);
	return status;
}

clv_status
clv_layout_complete(
    const struct clv_layout *layout, bool *made, clv_error **err)
{
	const char *const issuer =
	    strncmp(layout->names[CLV_FOLDER_ISSUER_CERTS], "issuers", 7) == 0
	    ? "issuers"
	    : "issuer";
	const char *const names[][2] = {{"trusted", "certs"},
	    {"trusted", "crl"}, {issuer, "certs"}, {issuer, "crl"}};
	bool complete = layout->state >= 0;
	clv_status status;

	*made = false;
	for (size_t i = 0; i < CLV_FOLDER_COUNT; i++)
		complete = complete && layout->folders[i] >= 0;
	if (complete)
		return CLV_OK;
	status =
	    make_directory(layout->root, CLV_STATE_FOLDER, 0755, made, err);
	if (status != CLV_OK)
		return status;
	return make_parts(
	    layout->root, names, sizeof(names) / sizeof(names[0]), made, err);
}
