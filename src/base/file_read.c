/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static clv_status
read_error(const char *subject, clv_error **err)
{
	return clv_error_raise(err, CLV_IO,
	    &(struct clv_error_info){.operation = "read",
		.subject = subject,
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno},
	    "%s", strerror(errno));
}

/* How much there is to read, if it may be read at all. */
static clv_status
expect(int fd, const char *subject, size_t max, size_t *size, clv_error **err)
{
	const struct clv_error_info info = {
	    .operation = "read", .subject = subject};
	struct stat stat;

	if (fstat(fd, &stat) != 0)
		return read_error(subject, err);
	if (!S_ISREG(stat.st_mode))
		return clv_error_raise(
		    err, CLV_INVALID, &info, "it is not a regular file");
	if ((uint64_t)stat.st_size > max)
		return clv_error_raise(err, CLV_TOO_LARGE, &info,
		    "it has %lld bytes, more than the limit of %zu",
		    (long long)stat.st_size, max);
	*size = (size_t)stat.st_size;
	return CLV_OK;
}

/* Reads `size` bytes and makes sure that it ends there: `bytes` has room for
 * one more. */
static clv_status
read_whole(int fd, const char *subject, unsigned char *bytes, size_t size,
    clv_error **err)
{
	size_t done = 0;
	ssize_t got;

	do {
		got = read(fd, bytes + done, size + 1 - done);
		if (got > 0)
			done += (size_t)got;
	} while ((got < 0 && errno == EINTR) || (got > 0 && done <= size));
	if (got < 0)
		return read_error(subject, err);
	if (done != size)
		return clv_error_raise(err, CLV_CHANGED,
		    &(struct clv_error_info){.operation = "read",
			.subject = subject,
			.retryable = true},
		    "its size changed while it was read");
	return CLV_OK;
}

clv_status
clv_file_read_secret(
    int fd, const char *subject, size_t max, clv_secret *out, clv_error **err)
{
	size_t size;
	clv_status status;

	clv_secret_clear(out);
	if ((status = expect(fd, subject, max, &size, err)) != CLV_OK ||
	    (status = clv_secret_alloc(out, size, err)) != CLV_OK)
		return status;
	/* The room of the closing 0 takes the byte that must not come. */
	status = read_whole(fd, subject, out->data, size, err);
	if (status != CLV_OK) {
		clv_secret_clear(out);
		return status;
	}
	out->data[size] = 0;
	out->size = size;
	return CLV_OK;
}

clv_status
clv_file_read(int fd, const char *subject, size_t max, unsigned char **out,
    size_t *size, clv_error **err)
{
	unsigned char *bytes = NULL;
	clv_status status;

	*out = NULL;
	*size = 0;
	if ((status = expect(fd, subject, max, size, err)) != CLV_OK)
		return status;
	if ((bytes = malloc(*size + 1)) == NULL)
		status = clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){
			.operation = "read", .subject = subject},
		    "no memory for %zu bytes", *size);
	else
		status = read_whole(fd, subject, bytes, *size, err);
	if (status != CLV_OK) {
		free(bytes);
		*size = 0;
		return status;
	}
	bytes[*size] = 0;
	*out = bytes;
	return CLV_OK;
}
