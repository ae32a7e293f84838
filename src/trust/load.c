/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "trust/content.h"

/* Twice the longest tick (HZ=100), which is the clock of most file systems;
 * where times have no fraction, their second. */
#define TICK_NS INT64_C(20000000)
#define SECOND_NS INT64_C(1000000000)

void
clv_trust_loader_clear(struct clv_trust_loader *loader)
{
	free(loader->buffer);
	loader->buffer = NULL;
	loader->capacity = 0;
}

static bool
is_crl_folder(enum clv_trust_folder folder)
{
	return folder == CLV_FOLDER_TRUSTED_CRL ||
	    folder == CLV_FOLDER_ISSUER_CRL;
}

static enum clv_trust_where
where_of(enum clv_trust_folder folder)
{
	return folder == CLV_FOLDER_TRUSTED_CERTS ||
		folder == CLV_FOLDER_TRUSTED_CRL
	    ? CLV_TRUST_TRUSTED
	    : CLV_TRUST_ISSUER;
}

/* ---- what stat(2) tells ---- */

static uint64_t
mix(uint64_t sum, uint64_t value)
{
	sum = (sum ^ value) * UINT64_C(0x9E3779B97F4A7C15);
	return sum ^ sum >> 29;
}

static uint64_t
print_of(const struct stat *about)
{
	uint64_t sum = mix(1, about->st_dev);

	sum = mix(sum, about->st_ino);
	sum = mix(sum, (uint64_t)about->st_size);
	sum = mix(sum, (uint64_t)about->st_mtim.tv_sec);
	sum = mix(sum, (uint64_t)about->st_mtim.tv_nsec);
	sum = mix(sum, (uint64_t)about->st_ctim.tv_sec);
	sum = mix(sum, (uint64_t)about->st_ctim.tv_nsec);
	sum = mix(sum, about->st_mode);
	sum = mix(sum, about->st_uid);
	return mix(sum, about->st_nlink);
}

static int64_t
nanoseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * SECOND_NS + time->tv_nsec;
}

/* Whether it was changed so shortly before now that a change after now could
 * leave the same time. A time in the future proves nothing either. */
static bool
is_racy(const struct stat *about)
{
	const int64_t step =
	    about->st_ctim.tv_nsec == 0 ? 2 * SECOND_NS : TICK_NS;
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return nanoseconds(&about->st_ctim) > nanoseconds(&now) - step;
}

/* "issuer" may have become "issuers", and verdicts name the file. */
static bool
is_in_place(const struct clv_layout *layout, const struct clv_trust_file *file)
{
	const char *name = layout->names[file->folder];

	return strlen(name) + 1 == file->name_at &&
	    strncmp(name, file->path, strlen(name)) == 0;
}

bool
clv_trust_is_unchanged(
    const struct clv_trust_loader *loader, const struct clv_trust_file *file)
{
	const int folder = loader->layout->folders[file->folder];
	struct stat about;

	return !file->racy && !clv_trust_file_is_unsettled(file) &&
	    is_in_place(loader->layout, file) &&
	    fstatat(folder, clv_trust_file_name(file), &about,
		AT_SYMLINK_NOFOLLOW) == 0 &&
	    print_of(&about) == file->print;
}

/* ---- opening ---- */

/* Makes `failure` the file's problem, unless it is everybody's. */
static clv_status
note_problem(struct clv_trust_file *file, clv_status status,
    clv_error **failure, clv_error **err)
{
	const int64_t code = clv_error_get_domain(*failure) == CLV_DOMAIN_ERRNO
	    ? clv_error_code(*failure)
	    : 0;

	if (status == CLV_NO_MEMORY || code == EMFILE || code == ENFILE ||
	    code == ENOMEM) {
		if (err != NULL)
			*err = *failure;
		else
			clv_error_free(failure);
		return status;
	}
	file->problem = *failure;
	/* A disk, or a network, that comes back makes no event. */
	file->failed = status == CLV_IO;
	return CLV_OK;
}

static clv_status
raise_errno(clv_error **err, const char *path)
{
	const int code = errno;

	return clv_error_raise(err,
	    code == EACCES       ? CLV_PERMISSION
		: code == ENOMEM ? CLV_NO_MEMORY
				 : CLV_IO,
	    &(struct clv_error_info){.operation = "read",
		.subject = path,
		.remedy = code == EACCES ? "let the application's account "
					   "read it: chmod a+r"
					 : NULL,
		.domain = CLV_DOMAIN_ERRNO,
		.code = code},
	    "%s", strerror(code));
}

/*
 * Whether nobody but the folder's owner, or root, may write to it: the guard
 * has found them trustworthy, so that it need not be asked about each of
 * 100,000 files. Without the group's write bit, no ACL entry can have it.
 */
static bool
is_plainly_safe(const struct stat *file, const struct stat *folder)
{
	return S_ISREG(file->st_mode) && (file->st_mode & 0022) == 0 &&
	    file->st_nlink == 1 && file->st_dev == folder->st_dev &&
	    (file->st_uid == 0 || file->st_uid == folder->st_uid);
}

/* Opens what is known to be a regular file; false leaves it to the guard. */
static bool
open_plain(struct clv_trust_loader *loader, const struct clv_trust_file *file,
    int *fd, struct stat *about)
{
	const int flags =
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	const struct clv_layout *layout = loader->layout;

	*fd = openat(
	    layout->folders[file->folder], clv_trust_file_name(file), flags);
	if (*fd >= 0 && fstat(*fd, about) == 0 &&
	    is_plainly_safe(about, &layout->about[file->folder]))
		return true;
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	return false;
}

/* The guard's own judgement, with its reasons and remedies. */
static clv_status
open_judged(struct clv_trust_loader *loader, struct clv_trust_file *file,
    int *fd, struct stat *about, clv_error **err)
{
	const int folder = loader->layout->folders[file->folder];
	clv_status status;

	*fd = -1;
	status = clv_guard_open_entry(loader->guard, CLV_GUARD_TRUST, folder,
	    clv_trust_file_name(file), fd, NULL, err);
	if (status == CLV_OK && fstat(*fd, about) != 0) {
		status = raise_errno(err, file->path);
		(void)close(*fd);
		*fd = -1;
	}
	return status;
}

/* What is not a regular file is left to the guard, which opens nothing that
 * could hang or do something. */
static clv_status
open_file(struct clv_trust_loader *loader, struct clv_trust_file *file,
    bool known, int *fd, struct stat *about, clv_error **err)
{
	const int folder = loader->layout->folders[file->folder];

	*fd = -1;
	if (known && open_plain(loader, file, fd, about))
		return CLV_OK;
	if (fstatat(folder, clv_trust_file_name(file), about,
		AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? CLV_NOT_FOUND
				       : raise_errno(err, file->path);
	file->link = S_ISLNK(about->st_mode);
	if (!known && S_ISREG(about->st_mode) &&
	    open_plain(loader, file, fd, about))
		return CLV_OK;
	return open_judged(loader, file, fd, about, err);
}

/* ---- reading ---- */

static clv_status
fit_buffer(struct clv_trust_loader *loader, size_t size, clv_error **err)
{
	uint8_t *buffer;

	if (size <= loader->capacity)
		return CLV_OK;
	size = size < 65536 ? 65536 : size;
	buffer = malloc(size);
	if (buffer == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	free(loader->buffer);
	loader->buffer = buffer;
	loader->capacity = size;
	return CLV_OK;
}

/* Up to the end, which need not be where stat(2) saw it. */
static clv_status
read_all(struct clv_trust_loader *loader, int fd, const char *path,
    size_t expected, size_t *size, clv_error **err)
{
	clv_status status;

	*size = 0;
	if (expected > loader->max_size)
		return clv_error_raise(err, CLV_TOO_LARGE,
		    &(struct clv_error_info){
			.operation = "read", .subject = path},
		    "%zu bytes are more than the %zu that are allowed",
		    expected, loader->max_size);
	if ((status = fit_buffer(loader, expected + 1, err)) != CLV_OK)
		return status;
	while (*size <= expected) {
		const ssize_t got =
		    read(fd, loader->buffer + *size, expected + 1 - *size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return raise_errno(err, path);
		*size += (size_t)got;
		/* A whole regular file comes at once. */
		if (got == 0 || *size == expected)
			break;
	}
	return CLV_OK;
}

static clv_status
read_file(struct clv_trust_loader *loader, struct clv_trust_file *file,
    bool known, clv_error **err)
{
	struct stat about;
	size_t size = 0;
	clv_status status;
	int fd;

	status = open_file(loader, file, known, &fd, &about, err);
	if (status == CLV_NOT_FOUND && file->link)
		return clv_error_raise(err, CLV_IO,
		    &(struct clv_error_info){
			.operation = "read", .subject = file->path},
		    "the symbolic link leads nowhere");
	if (status != CLV_OK)
		return status;
	file->print = print_of(&about);
	file->racy = is_racy(&about);
	status =
	    read_all(loader, fd, file->path, (size_t)about.st_size, &size, err);
	(void)close(fd);
	if (status != CLV_OK)
		return status;
	return clv_trust_load_bytes(file, loader->buffer, size, err);
}

/* ---- understanding ---- */

static clv_status
parse_item(struct clv_trust_file *file, const struct clv_content_item *item,
    struct clv_trust_entry *entry, clv_error **err)
{
	entry->where = where_of((enum clv_trust_folder)file->folder);
	if (item->kind == CLV_CONTENT_CRL)
		return clv_trust_crl_parse(
		    item->der, item->size, file->path, &entry->crl, err);
	if (!is_crl_folder((enum clv_trust_folder)file->folder))
		return clv_trust_cert_parse(
		    item->der, item->size, file->path, NULL, &entry->cert, err);
	return clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "read",
		.subject = file->path,
		.remedy = "move it to the folder certs beside this one"},
	    "a certificate lies among CRLs");
}

static bool
is_chain(const struct clv_trust_file *file)
{
	for (size_t i = 0; i + 1 < file->count; i++)
		if (file->entries[i].cert == NULL ||
		    file->entries[i + 1].cert == NULL ||
		    !clv_trust_cert_names_issuer(
			file->entries[i].cert, file->entries[i + 1].cert))
			return false;
	return file->count > 1;
}

clv_status
clv_trust_load_bytes(struct clv_trust_file *file, const uint8_t *bytes,
    size_t size, clv_error **err)
{
	struct clv_content content;
	clv_status status;

	status = clv_content_parse(bytes, size, file->path, &content, err);
	if (status != CLV_OK)
		return status;
	if ((status = clv_trust_file_fit(file, content.count, err)) != CLV_OK)
		goto out;
	for (size_t i = 0; i < content.count && status == CLV_OK; i++)
		status =
		    parse_item(file, &content.items[i], &file->entries[i], err);
	if (status != CLV_OK) {
		/* All or nothing: half a file is nobody's intention. */
		(void)clv_trust_file_fit(file, 0, NULL);
		goto out;
	}
	if (is_chain(file))
		for (size_t i = 1; i < file->count; i++)
			file->entries[i].where = CLV_TRUST_ISSUER;
out:
	clv_content_clear(&content);
	return status;
}

/* ---- loading ---- */

static clv_status
load_op(
    struct clv_trust_file *file, const struct clv_trust_op *op, clv_error **err)
{
	/* On disk it may still be the old one: not to be reused. */
	file->racy = true;
	if (op->remove)
		return CLV_NOT_FOUND;
	return clv_trust_load_bytes(file, op->content, op->size, err);
}

clv_status
clv_trust_load(struct clv_trust_loader *loader, enum clv_trust_folder folder,
    const char *name, struct clv_trust_file **out, clv_error **err)
{
	const struct clv_trust_op *op =
	    clv_journal_find(loader->journal, folder, name);
	const bool known = loader->is_regular;
	struct clv_trust_file *file = NULL;
	clv_error *failure = NULL;
	clv_status status;

	*out = NULL;
	loader->is_regular = false;
	status = clv_trust_file_new(
	    folder, loader->layout->names[folder], name, &file, err);
	if (status != CLV_OK)
		return status;
	status = op != NULL ? load_op(file, op, &failure)
			    : read_file(loader, file, known, &failure);
	if (status == CLV_NOT_FOUND) {
		clv_error_free(&failure);
		clv_trust_file_free(&file);
		return CLV_OK;
	}
	if (status != CLV_OK)
		status = note_problem(file, status, &failure, err);
	if (status != CLV_OK)
		clv_trust_file_free(&file);
	*out = file;
	return status;
}
