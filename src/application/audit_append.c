/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Appending to the audit log. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "application/audit.h"
#include "application/state.h"
#include "base/file.h"

#define LOCK_WAIT_MS 10000
#define FILE_MODE 0644
#define HOUR 3600

/* The log while it is locked. */
struct log {
	const clv_application *application;
	int directory;
	int lock; /* of `head` */
	int file; /* the newest */
	off_t size;
	struct clv_audit_files files;
	struct clv_audit_head head;
	/* The record that the next one follows. */
	uint64_t last;
	char hash[CLV_AUDIT_HASH];
	const char *loss; /* what is missing, that the next record tells */
};

static clv_status
failed(const char *what, clv_error **err)
{
	const int code = errno;

	return clv_error_raise(err,
	    code == EACCES || code == EPERM || code == EROFS ? CLV_PERMISSION
							     : CLV_IO,
	    &(struct clv_error_info){.operation = what,
		.subject = CLV_AUDIT_DIRECTORY,
		.domain = CLV_DOMAIN_ERRNO,
		.code = code},
	    "%s", strerror(code));
}

static void
close_log(struct log *log)
{
	const int fds[] = {log->file, log->lock, log->directory};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

/* ---- opening ---- */

/* Opens for writing what the guard has judged, and nothing else. */
static clv_status
open_file(struct log *log, uint64_t number, clv_error **err)
{
	char name[CLV_AUDIT_NAME];
	char path[32];
	int judged = -1;
	clv_status status;

	clv_audit_name(number, name);
	status = clv_guard_open_entry(log->application->guard, CLV_GUARD_CONFIG,
	    log->directory, name, &judged, NULL, err);
	if (status != CLV_OK)
		return status;
	if (log->file >= 0)
		(void)close(log->file);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", judged);
	log->file = open(path, O_RDWR | O_CLOEXEC);
	if (log->file < 0)
		status = failed("append to", err);
	(void)close(judged);
	return status;
}

/*
 * Reads back from the end of the open file: what is behind the last newline
 * was never finished, and goes. Gives the last line; false if there is none.
 */
static clv_status
read_tail(struct log *log, char **line, size_t *size, clv_error **err)
{
	struct stat about;
	char *end;
	off_t start;
	ssize_t got;

	*line = NULL;
	*size = 0;
	if (fstat(log->file, &about) != 0)
		return failed("read", err);
	start = about.st_size > (off_t)(2 * CLV_AUDIT_LINE_MAX)
	    ? about.st_size - (off_t)(2 * CLV_AUDIT_LINE_MAX)
	    : 0;
	*line = malloc(2 * CLV_AUDIT_LINE_MAX);
	if (*line == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	got = pread(log->file, *line, (size_t)(about.st_size - start), start);
	if (got < 0 || got != about.st_size - start)
		return failed("read", err);
	end = memrchr(*line, '\n', (size_t)got);
	log->size = end != NULL ? start + (end - *line) + 1 : start;
	if (log->size != about.st_size && ftruncate(log->file, log->size) != 0)
		return failed("repair", err);
	if (end != NULL) {
		const char *before =
		    memrchr(*line, '\n', (size_t)(end - *line));

		before = before != NULL ? before + 1 : *line;
		*size = (size_t)(end - before);
		memmove(*line, before, *size);
	}
	return CLV_OK;
}

/* Finds the last record: a new file may be empty. */
static clv_status
find_last(struct log *log, clv_error **err)
{
	clv_status status = CLV_OK;
	off_t size = -1;
	bool found = false;

	for (size_t i = log->files.count; status == CLV_OK && !found && i > 0;
	     i--) {
		char previous[CLV_AUDIT_HASH];
		char *line = NULL;
		size_t length = 0;

		status = open_file(log, log->files.numbers[i - 1], err);
		if (status == CLV_OK)
			status = read_tail(log, &line, &length, err);
		if (size < 0)
			size = log->size;
		found = status == CLV_OK && length > 0;
		if (found) {
			clv_audit_hash(line, length, log->hash);
			/* What is no record will be found by a check. */
			if (!clv_audit_read_line(
				line, length, &log->last, previous))
				log->last = log->head.last;
		}
		free(line);
	}
	if (status != CLV_OK || log->files.count == 0)
		return status;
	log->size = size;
	return open_file(log, log->files.numbers[log->files.count - 1], err);
}

/*
 * What the next record follows. If `head` knows of more, or of another one
 * with this number, the log was tampered with: the chain goes on from what was
 * true, so that this stays visible.
 */
static void
choose_last(struct log *log)
{
	if (log->head.first != 0 && log->head.last >= log->last) {
		log->last = log->head.last;
		memcpy(log->hash, log->head.hash, sizeof(log->hash));
	} else if (log->last == 0) {
		memset(log->hash, '0', sizeof(log->hash) - 1);
	}
}

/* Without `head` the end may be cut off; after a crash that goes for the very
 * first record only. */
static void
find_loss(struct log *log)
{
	if (log->head.first != 0 || !clv_audit_must_exist(log->application))
		return;
	if (log->last == 0)
		log->loss = "the log before this one is gone";
	else if (log->last > 1)
		log->loss = "state/audit/head was missing or damaged: records "
			    "before this one may be gone";
}

static clv_status
open_log(const clv_application *application, struct log *log, clv_error **err)
{
	clv_status status;

	*log = (struct log){.application = application,
	    .directory = -1,
	    .lock = -1,
	    .file = -1};
	if ((status = clv_audit_make_directory(
		 application, &log->directory, err)) != CLV_OK ||
	    (status = clv_file_lock(log->directory, CLV_AUDIT_HEAD, FILE_MODE,
		 LOCK_WAIT_MS, &log->lock, err)) != CLV_OK ||
	    (status = clv_audit_files_list(log->directory, &log->files, err)) !=
		CLV_OK)
		return status;
	clv_audit_give(application, log->directory, CLV_AUDIT_HEAD);
	clv_audit_head_read(log->lock, &log->head);
	status = find_last(log, err);
	if (status != CLV_OK)
		return status;
	find_loss(log);
	choose_last(log);
	return CLV_OK;
}

/* ---- rotating ---- */

static clv_status
add_file(struct log *log, clv_error **err)
{
	const uint64_t number = log->files.count > 0
	    ? log->files.numbers[log->files.count - 1] + 1
	    : 1;
	char name[CLV_AUDIT_NAME];
	clv_status status;

	if (log->files.count == CLV_AUDIT_FILES_MAX)
		return clv_error_raise(err, CLV_TOO_LARGE,
		    &(struct clv_error_info){.operation = "append to",
			.subject = CLV_AUDIT_DIRECTORY},
		    "it has too many files");
	clv_audit_name(number, name);
	status = clv_file_write_atomic(
	    log->directory, name, "", 0, FILE_MODE, CLV_FILE_CREATE_NEW, err);
	if (status != CLV_OK)
		return status;
	clv_audit_give(log->application, log->directory, name);
	log->files.numbers[log->files.count++] = number;
	log->size = 0;
	return open_file(log, number, err);
}

/* The number of the first record of a file. */
static bool
first_of(const struct log *log, uint64_t number, uint64_t *sequence)
{
	char previous[CLV_AUDIT_HASH];
	char *bytes = NULL;
	size_t size = 0;
	const char *end;
	bool found;

	if (clv_audit_read_file(log->application, log->directory, number,
		&bytes, &size, NULL) != CLV_OK)
		return false;
	end = memchr(bytes, '\n', size);
	found = end != NULL &&
	    clv_audit_read_line(
		bytes, (size_t)(end - bytes), sequence, previous);
	clv_free(bytes);
	return found;
}

/* The oldest file goes. `head` says so first, durably, so that nobody takes
 * it for tampering. */
static clv_status
drop_oldest(struct log *log, clv_error **err)
{
	char name[CLV_AUDIT_NAME];
	uint64_t first = 0;
	clv_status status;

	if (!first_of(log, log->files.numbers[1], &first))
		return CLV_OK; /* left as it is, for whoever looks into it */
	log->head.first = first;
	status = clv_audit_head_write(log->lock, &log->head, true, err);
	if (status != CLV_OK)
		return status;
	clv_audit_name(log->files.numbers[0], name);
	if (unlinkat(log->directory, name, 0) != 0 && errno != ENOENT)
		return failed("rotate", err);
	log->files.count--;
	memmove(log->files.numbers, log->files.numbers + 1,
	    log->files.count * sizeof(log->files.numbers[0]));
	return CLV_OK;
}

static clv_status
rotate(struct log *log, clv_error **err)
{
	const struct clv_config *config = &log->application->config;
	clv_status status = CLV_OK;

	while (status == CLV_OK && log->files.count > 1 &&
	    log->files.count > config->audit_files) {
		const size_t before = log->files.count;

		status = drop_oldest(log, err);
		if (log->files.count == before)
			break;
	}
	return status;
}

/* ---- appending ---- */

static bool
has_repeat(const struct log *log, uint64_t number, const char *id,
    enum clv_audit_repeat repeat)
{
	char *bytes = NULL;
	size_t size = 0;
	bool found = false;
	const char *at;
	const char *end;

	if (clv_audit_read_file(log->application, log->directory, number,
		&bytes, &size, NULL) != CLV_OK)
		return false;
	at = bytes;
	while (!found &&
	    (end = memchr(at, '\n', size - (size_t)(at - bytes))) != NULL) {
		int64_t age = 0;

		found = clv_audit_has_id(at, (size_t)(end - at), id, &age) &&
		    (repeat == CLV_AUDIT_ONCE || (age >= 0 && age < HOUR));
		at = end + 1;
	}
	clv_free(bytes);
	return found;
}

static bool
is_repeated(const struct log *log, const char *id, enum clv_audit_repeat repeat)
{
	bool found = false;

	if (repeat == CLV_AUDIT_ALWAYS || id == NULL)
		return false;
	for (size_t i = log->files.count; !found && i > 0; i--)
		found = has_repeat(log, log->files.numbers[i - 1], id, repeat);
	return found;
}

/* All of it, durably, or nothing of it. */
static clv_status
append_line(struct log *log, const char *line, size_t size, clv_error **err)
{
	clv_status status;

	if (lseek(log->file, log->size, SEEK_SET) < 0)
		return failed("append to", err);
	status =
	    clv_file_write_all(log->file, CLV_AUDIT_DIRECTORY, line, size, err);
	if (status == CLV_OK && fdatasync(log->file) != 0)
		status = failed("append to", err);
	if (status != CLV_OK)
		(void)!ftruncate(log->file, log->size);
	return status;
}

/* The record is there: if `head` can't follow, the next one makes it. */
static void
move_head(struct log *log, const char *line, size_t size)
{
	const bool is_new = log->head.first == 0;

	if (is_new &&
	    (log->files.count == 0 ||
		!first_of(log, log->files.numbers[0], &log->head.first)))
		log->head.first = log->last + 1;
	log->head.last = log->last + 1;
	clv_audit_hash(line, size - 1, log->head.hash);
	(void)clv_audit_head_write(log->lock, &log->head, is_new, NULL);
}

static clv_status
append(struct log *log, const char *body, clv_error **err)
{
	clv_status status = CLV_OK;
	size_t size = 0;
	char *line = clv_audit_make_line(log->last + 1, log->hash, body, &size);

	if (line == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	if (size > CLV_AUDIT_LINE_MAX)
		status = clv_error_raise(err, CLV_TOO_LARGE,
		    &(struct clv_error_info){.operation = "record event"},
		    "a record has at most %u bytes", CLV_AUDIT_LINE_MAX);
	if (status == CLV_OK &&
	    (log->files.count == 0 ||
		(log->size > 0 &&
		    (size_t)log->size + size >
			log->application->config.audit_size)))
		status = add_file(log, err);
	if (status == CLV_OK)
		status = append_line(log, line, size, err);
	if (status == CLV_OK) {
		move_head(log, line, size);
		log->last = log->head.last;
		memcpy(log->hash, log->head.hash, sizeof(log->hash));
		log->size += (off_t)size;
		(void)rotate(log, NULL);
	}
	free(line);
	return status;
}

/* A new log must not look as if it were the whole one. */
static clv_status
tell_loss(struct log *log, clv_error **err)
{
	const struct clv_audit_event event = {
	    .event = "log-lost", .outcome = CLV_CORRUPT, .detail = log->loss};
	char *body = NULL;
	clv_status status;

	if (log->loss == NULL)
		return CLV_OK;
	status = clv_audit_make_body(&event, NULL, NULL, &body, err);
	if (status == CLV_OK)
		status = append(log, body, err);
	free(body);
	return status;
}

clv_status
clv_audit_prepare(const clv_application *application, clv_error **err)
{
	struct log log;
	clv_status status = open_log(application, &log, err);

	if (status == CLV_OK)
		status = tell_loss(&log, err);
	close_log(&log);
	return status;
}

clv_status
clv_audit_write(const clv_application *application, const char *body,
    const char *id, enum clv_audit_repeat repeat, clv_error **err)
{
	struct log log;
	clv_status status = open_log(application, &log, err);

	if (status == CLV_OK)
		status = tell_loss(&log, err);
	if (status == CLV_OK && !is_repeated(&log, id, repeat))
		status = append(&log, body, err);
	close_log(&log);
	return status;
}

clv_status
clv_audit_append(const clv_application *application,
    const struct clv_audit_event *event, clv_error **err)
{
	char *body = NULL;
	clv_status status = clv_audit_make_body(event, NULL, NULL, &body, err);

	if (status == CLV_OK)
		status = clv_audit_write(
		    application, body, NULL, CLV_AUDIT_ALWAYS, err);
	free(body);
	return status;
}
