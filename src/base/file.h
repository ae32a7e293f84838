/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Reading whole files and replacing them so that a crash leaves the old
 * content or the new one. Nothing here judges who may do it: see guard.h.
 * `subject` is what error messages call the file.
 */
#ifndef CLV_BASE_FILE_H
#define CLV_BASE_FILE_H

#include <claviger/error.h>
#include <claviger/secret.h>

#include <sys/types.h>

/*
 * Reads from the current offset to the end into a secret, unbuffered, so that
 * no copy stays behind. CLV_TOO_LARGE over `max` bytes (or CLV_SECRET_MAX).
 * Only regular files: others are CLV_INVALID, unread.
 */
clv_status clv_file_read_secret(
    int fd, const char *subject, size_t max, clv_secret *out, clv_error **err);

/* The same into malloc'ed memory; a 0 byte follows the content. */
clv_status clv_file_read(int fd, const char *subject, size_t max,
    unsigned char **out, size_t *size, clv_error **err);

enum clv_file_mode {
	CLV_FILE_REPLACE,   /* an existing file is replaced */
	CLV_FILE_CREATE_NEW /* an existing file is CLV_EXISTS and untouched */
};

/*
 * Writes a file durably: a nameless or temporary file beside it gets exactly
 * `permissions` and no ACL, whatever the umask or the directory's default
 * ACL, before its first byte; then content, fsync, rename or link, fsync of
 * the directory. On failure the old file is untouched and no temporary file
 * is left, with one exception that is told apart: if only the directory's
 * fsync failed, the status is CLV_IO and the new file is in place, but may
 * not survive a power cut. `name` is one component.
 */
clv_status clv_file_write_atomic(int directory, const char *name,
    const void *bytes, size_t size, mode_t permissions, enum clv_file_mode mode,
    clv_error **err);

/* Removes a name and makes that durable. CLV_NOT_FOUND if it is not there. */
clv_status clv_file_unlink(int directory, const char *name, clv_error **err);

/* Whether clv_file_write_atomic() gives such names to what is not finished, or
 * others who write likewise. */
bool clv_file_is_temporary(const char *name);

/* Removes such files, which killed writers left, and counts them. The caller
 * holds the lock that keeps other writers away. */
size_t clv_file_sweep(int directory);

/* fsync, final: a failure must discard what was written. */
clv_status clv_file_sync(int fd, const char *subject, clv_error **err);

/* Writes all of it, in spite of signals and short writes. */
clv_status clv_file_write_all(int fd, const char *subject, const void *bytes,
    size_t size, clv_error **err);

/*
 * Opens (and, with `permissions`, creates) the lock file `name` and takes the
 * writer lock on it: an open-file-description lock, which lasts until `*fd`
 * and its duplicates are closed, and which threads and forked children do not
 * lose by accident. Waits up to `wait_ms` milliseconds; then CLV_BUSY,
 * retryable. The lock file must not be replaced or removed.
 */
clv_status clv_file_lock(int directory, const char *name, mode_t permissions,
    int wait_ms, int *fd, clv_error **err);

#endif
