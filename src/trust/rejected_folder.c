/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/rejected_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "trust/certificate.h"
#include "trust/content.h"
#include "trust/item.h"

#define LOCK_NAME ".claviger-lock"
#define LOCK_WAIT_MS 2000
#define FILE_MODE 0644
#define LINK_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

struct clv_rejected_folder {
	char *root;
	struct clv_rejected_limits limits;
};

/* One file of the directory. */
struct file {
	char *name;
	off_t size;
	struct timespec time;
};

struct listing {
	struct file *files;
	size_t count;
	size_t capacity;
};

static clv_status
raise_errno(clv_error **err, const char *operation, const char *subject)
{
	const int code = errno;

	return clv_error_raise(err,
	    code == ENOENT                        ? CLV_NOT_FOUND
		: code == EACCES || code == EROFS ? CLV_PERMISSION
						  : CLV_IO,
	    &(struct clv_error_info){.operation = operation,
		.subject = subject,
		.domain = CLV_DOMAIN_ERRNO,
		.code = code,
		.remedy = code == EACCES
		    ? "let the application's account write to rejected/certs"
		    : NULL},
	    "%s", strerror(code));
}

static clv_status
raise_no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "keep RejectedList"},
	    "out of memory");
}

clv_status
clv_rejected_folder_new(const char *root,
    const struct clv_rejected_limits *limits, struct clv_rejected_folder **out,
    clv_error **err)
{
	struct clv_rejected_folder *folder = calloc(1, sizeof(*folder));

	*out = NULL;
	if (folder == NULL || (folder->root = strdup(root)) == NULL) {
		free(folder);
		return raise_no_memory(err);
	}
	folder->limits = *limits;
	*out = folder;
	return CLV_OK;
}

void
clv_rejected_folder_free(struct clv_rejected_folder **folder)
{
	if (*folder == NULL)
		return;
	free((*folder)->root);
	free(*folder);
	*folder = NULL;
}

/* ---- opening ---- */

static int
open_below(int at, const char *name, bool make)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, name, flags);

	if (fd < 0 && errno == ENOENT && make &&
	    (mkdirat(at, name, 0755) == 0 || errno == EEXIST))
		fd = openat(at, name, flags);
	return fd;
}

struct opened {
	int rejected;
	int certs;
	int lock;
};

static void
close_all(struct opened *opened)
{
	const int fds[] = {opened->lock, opened->certs, opened->rejected};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

static clv_status
open_all(const struct clv_rejected_folder *folder, bool write,
    struct opened *opened, clv_error **err)
{
	const int root = open(folder->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	clv_status status = CLV_OK;

	*opened = (struct opened){-1, -1, -1};
	if (root < 0)
		return raise_errno(err, "open", folder->root);
	opened->rejected = open_below(root, "rejected", write);
	if (opened->rejected >= 0)
		opened->certs = open_below(opened->rejected, "certs", write);
	if (opened->certs < 0)
		status = raise_errno(err, "open", "rejected/certs");
	(void)close(root);
	if (status == CLV_OK && write)
		status = clv_file_lock(opened->rejected, LOCK_NAME, FILE_MODE,
		    LOCK_WAIT_MS, &opened->lock, err);
	if (status != CLV_OK)
		close_all(opened);
	return status;
}

/* ---- listing ---- */

static void
drop_listing(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->files[i].name);
	free(listing->files);
}

static bool
add_file(struct listing *listing, const char *name, const struct stat *about)
{
	if (listing->count == listing->capacity) {
		const size_t capacity =
		    listing->capacity == 0 ? 64 : 2 * listing->capacity;
		struct file *files =
		    reallocarray(listing->files, capacity, sizeof(*files));

		if (files == NULL)
			return false;
		listing->files = files;
		listing->capacity = capacity;
	}
	listing->files[listing->count] = (struct file){
	    .name = strdup(name),
	    .size = about->st_size,
	    .time = about->st_mtim,
	};
	if (listing->files[listing->count].name == NULL)
		return false;
	listing->count++;
	return true;
}

static int
newest_first(const void *left, const void *right)
{
	const struct file *a = left;
	const struct file *b = right;

	if (a->time.tv_sec != b->time.tv_sec)
		return a->time.tv_sec > b->time.tv_sec ? -1 : 1;
	if (a->time.tv_nsec != b->time.tv_nsec)
		return a->time.tv_nsec > b->time.tv_nsec ? -1 : 1;
	return strcmp(a->name, b->name);
}

static clv_status
list_files(int certs, struct listing *listing, clv_error **err)
{
	const int fd = openat(certs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
	clv_status status = CLV_OK;
	struct dirent *entry;

	*listing = (struct listing){.files = NULL};
	if (entries == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return raise_errno(err, "list", "rejected/certs");
	}
	while (status == CLV_OK && (entry = readdir(entries)) != NULL) {
		struct stat about;

		if (entry->d_name[0] == '.' ||
		    fstatat(certs, entry->d_name, &about,
			AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(about.st_mode))
			continue;
		if (!add_file(listing, entry->d_name, &about))
			status = raise_no_memory(err);
	}
	(void)closedir(entries);
	if (listing->count > 1)
		qsort(listing->files, listing->count, sizeof(struct file),
		    newest_first);
	if (status != CLV_OK) {
		drop_listing(listing);
		*listing = (struct listing){.files = NULL};
	}
	return status;
}

/* ---- writing ---- */

bool
clv_rejected_folder_name(
    const struct clv_rejected_item *item, char name[CLV_TRUST_NAME_SIZE])
{
	struct clv_trust_cert *cert = NULL;

	if (clv_trust_cert_parse(
		item->der, item->size, NULL, NULL, &cert, NULL) != CLV_OK)
		return false;
	clv_trust_name_cert(cert, name);
	clv_trust_cert_unref(cert);
	return true;
}

/* The file's time is its place in the queue: the clock of file systems is too
 * coarse for that. */
static void
take_time(struct timespec times[2])
{
	(void)clock_gettime(CLOCK_REALTIME, &times[0]);
	times[1] = times[0];
}

/* Whole or not at all, but not durable: it is a hint for a person. */
static clv_status
write_item(int certs, const char *name, const struct clv_rejected_item *item,
    clv_error **err)
{
	static const char temporary[] = ".claviger-rejected.tmp";
	struct timespec times[2];
	clv_status status;
	int fd;

	take_time(times);
	if (utimensat(certs, name, times, AT_SYMLINK_NOFOLLOW) == 0)
		return CLV_OK;
	/* Left behind by one who was killed here; we hold the lock. */
	(void)unlinkat(certs, temporary, 0);
	fd = openat(certs, temporary, O_WRONLY | O_CREAT | O_EXCL | LINK_FLAGS,
	    FILE_MODE);
	if (fd < 0)
		return raise_errno(err, "write", name);
	status = clv_file_write_all(fd, name, item->der, item->size, err);
	(void)futimens(fd, times);
	(void)close(fd);
	if (status == CLV_OK && renameat(certs, temporary, certs, name) != 0)
		status = raise_errno(err, "write", name);
	if (status != CLV_OK)
		(void)unlinkat(certs, temporary, 0);
	return status;
}

static clv_status
trim(const struct clv_rejected_folder *folder, int certs, clv_error **err)
{
	struct listing listing;
	size_t bytes = 0;
	clv_status status;

	if ((status = list_files(certs, &listing, err)) != CLV_OK)
		return status;
	for (size_t i = 0; i < listing.count; i++) {
		const struct file *file = &listing.files[i];

		bytes += (size_t)file->size;
		if (i < folder->limits.count && bytes <= folder->limits.bytes)
			continue;
		bytes -= (size_t)file->size;
		if (unlinkat(certs, file->name, 0) != 0 && errno != ENOENT) {
			status = raise_errno(err, "remove", file->name);
			break;
		}
	}
	drop_listing(&listing);
	return status;
}

clv_status
clv_rejected_folder_write(struct clv_rejected_folder *folder,
    const struct clv_rejected_item *items, size_t count, clv_error **err)
{
	char name[CLV_TRUST_NAME_SIZE];
	struct opened opened;
	clv_status status;

	if ((status = open_all(folder, true, &opened, err)) != CLV_OK)
		return status;
	for (size_t i = 0; i < count && status == CLV_OK; i++)
		if (clv_rejected_folder_name(&items[i], name))
			status = write_item(opened.certs, name, &items[i], err);
	if (status == CLV_OK)
		status = trim(folder, opened.certs, err);
	close_all(&opened);
	return status;
}

/* ---- reading ---- */

/* A file that can't be read, or is not one certificate, is passed over. */
static bool
read_file(int certs, const char *name, size_t max, uint8_t **bytes,
    struct clv_content *content)
{
	const int fd = openat(certs, name, O_RDONLY | LINK_FLAGS);
	size_t size = 0;
	bool read;

	*bytes = NULL;
	if (fd < 0)
		return false;
	read = clv_file_read(fd, name, max, bytes, &size, NULL) == CLV_OK &&
	    clv_content_parse(*bytes, size, name, content, NULL) == CLV_OK;
	(void)close(fd);
	if (read && content->items[0].kind == CLV_CONTENT_CERTIFICATE)
		return true;
	if (read)
		clv_content_clear(content);
	free(*bytes);
	return false;
}

clv_status
clv_rejected_folder_visit(struct clv_rejected_folder *folder,
    clv_rejected_fn *fn, void *user, clv_error **err)
{
	clv_error *failure = NULL;
	struct listing listing;
	struct opened opened;
	clv_status status;
	bool more = true;

	status = open_all(folder, false, &opened, &failure);
	if (status == CLV_NOT_FOUND) {
		clv_error_free(&failure);
		return CLV_OK;
	}
	if (status != CLV_OK) {
		if (err != NULL)
			*err = failure;
		else
			clv_error_free(&failure);
		return status;
	}
	status = list_files(opened.certs, &listing, err);
	for (size_t i = 0; status == CLV_OK && more && i < listing.count; i++) {
		const char *name = listing.files[i].name;
		struct clv_content content;
		uint8_t *bytes;

		if (!read_file(opened.certs, name, folder->limits.bytes, &bytes,
			&content))
			continue;
		more =
		    fn(user, name, content.items[0].der, content.items[0].size);
		clv_content_clear(&content);
		free(bytes);
	}
	if (status == CLV_OK)
		drop_listing(&listing);
	close_all(&opened);
	return status;
}

clv_status
clv_rejected_folder_remove(
    struct clv_rejected_folder *folder, const char *name, clv_error **err)
{
	struct opened opened;
	clv_status status;

	if ((status = open_all(folder, true, &opened, err)) != CLV_OK)
		return status;
	status = clv_file_unlink(opened.certs, name, err);
	close_all(&opened);
	return status;
}
