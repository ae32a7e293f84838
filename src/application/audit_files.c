/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The files of the audit log. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "application/audit.h"
#include "application/state.h"
#include "base/file.h"

#define SUFFIX ".jsonl"

static clv_status
system_failed(const char *what, const char *path, clv_error **err)
{
	const int code = errno;

	return clv_error_raise(err,
	    code == EACCES || code == EPERM || code == EROFS ? CLV_PERMISSION
							     : CLV_IO,
	    &(struct clv_error_info){.operation = what,
		.subject = path,
		.domain = CLV_DOMAIN_ERRNO,
		.code = code},
	    "%s", strerror(code));
}

void
clv_audit_name(uint64_t number, char name[CLV_AUDIT_NAME])
{
	(void)snprintf(
	    name, CLV_AUDIT_NAME, "%06llu" SUFFIX, (unsigned long long)number);
}

/* The number of a file that is named as we do it; 0 for any other. */
static uint64_t
number_of(const char *name)
{
	char again[CLV_AUDIT_NAME];
	const uint64_t number = strtoull(name, NULL, 10);

	clv_audit_name(number, again);
	return strcmp(name, again) == 0 ? number : 0;
}

static int
compare(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left;
	const uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

clv_status
clv_audit_files_list(
    int directory, struct clv_audit_files *files, clv_error **err)
{
	const int own =
	    openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = own >= 0 ? fdopendir(own) : NULL;
	const struct dirent *entry;
	clv_status status = CLV_OK;

	files->count = 0;
	if (stream == NULL) {
		status = system_failed("read", CLV_AUDIT_DIRECTORY, err);
		if (own >= 0)
			(void)close(own);
		return status;
	}
	while (status == CLV_OK && (entry = readdir(stream)) != NULL) {
		const uint64_t number = number_of(entry->d_name);

		if (number == 0)
			continue;
		if (files->count < CLV_AUDIT_FILES_MAX)
			files->numbers[files->count++] = number;
		else
			status = clv_error_raise(err, CLV_TOO_LARGE,
			    &(struct clv_error_info){.operation = "read",
				.subject = CLV_AUDIT_DIRECTORY},
			    "it has more than %u files", CLV_AUDIT_FILES_MAX);
	}
	(void)closedir(stream);
	qsort(files->numbers, files->count, sizeof(files->numbers[0]), compare);
	return status;
}

clv_status
clv_audit_open_directory(
    const clv_application *application, int *fd, clv_error **err)
{
	return clv_guard_open_directory(application->guard, CLV_GUARD_CONFIG,
	    application->directory_fd, CLV_AUDIT_DIRECTORY, fd, NULL, err);
}

void
clv_audit_give(
    const clv_application *application, int directory, const char *name)
{
	struct stat about;

	if (geteuid() == 0 && fstat(application->directory_fd, &about) == 0)
		(void)!fchownat(directory, name, about.st_uid, about.st_gid,
		    AT_SYMLINK_NOFOLLOW);
}

static clv_status
make(const clv_application *application, const char *path, clv_error **err)
{
	const int parent = application->directory_fd;

	if (mkdirat(parent, path, 0755) != 0)
		return errno == EEXIST ? CLV_OK
				       : system_failed("make", path, err);
	/* For an unusual umask; then durable, with its name. */
	if (fchmodat(parent, path, 0755, 0) != 0)
		return system_failed("make", path, err);
	clv_audit_give(application, parent, path);
	return CLV_OK;
}

static clv_status
sync_directory(
    const clv_application *application, const char *path, clv_error **err)
{
	int fd = -1;
	clv_status status = clv_guard_open_directory(application->guard,
	    CLV_GUARD_CONFIG, application->directory_fd, path, &fd, NULL, err);

	if (status == CLV_OK)
		status = clv_file_sync(fd, path, err);
	if (fd >= 0)
		(void)close(fd);
	return status;
}

clv_status
clv_audit_make_directory(
    const clv_application *application, int *fd, clv_error **err)
{
	clv_error *failure = NULL;
	clv_status status = clv_audit_open_directory(application, fd, &failure);

	if (status == CLV_NOT_FOUND) {
		clv_error_free(&failure);
		if ((status = make(application, CLV_STATE_NAME, err)) !=
			CLV_OK ||
		    (status = make(application, CLV_AUDIT_DIRECTORY, err)) !=
			CLV_OK ||
		    (status = sync_directory(application, "", err)) != CLV_OK ||
		    (status = sync_directory(
			 application, CLV_STATE_NAME, err)) != CLV_OK)
			return status;
		return clv_audit_open_directory(application, fd, err);
	}
	if (status != CLV_OK && err != NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	return status;
}

clv_status
clv_audit_read_file(const clv_application *application, int directory,
    uint64_t number, char **bytes, size_t *size, clv_error **err)
{
	char name[CLV_AUDIT_NAME];
	unsigned char *read = NULL;
	int fd = -1;
	clv_status status;

	*bytes = NULL;
	*size = 0;
	clv_audit_name(number, name);
	status = clv_guard_open_entry(application->guard, CLV_GUARD_CONFIG,
	    directory, name, &fd, NULL, err);
	if (status == CLV_OK)
		status = clv_file_read(
		    fd, name, CLV_AUDIT_FILE_MAX, &read, size, err);
	if (fd >= 0)
		(void)close(fd);
	*bytes = (char *)read;
	return status;
}
