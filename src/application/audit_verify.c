/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Reading the audit log and checking its chain. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "application/audit.h"
#include "application/state.h"

/* How often the log is listed again because it was rotated meanwhile. */
#define TURNS 10

struct check {
	const clv_application *application;
	struct clv_audit_summary *summary;
	struct clv_audit_head head;
	uint64_t known; /* number of the record that is known; 0: none */
	const char *known_hash;
	uint64_t last; /* of the record before; 0: there is none */
	char hash[CLV_AUDIT_HASH];
	clv_audit_visit_fn *fn;
	void *user;
	uint64_t file;
	size_t line;
	clv_error **err;
};

/* Free it with free(); NULL: no memory. */
static char *
path_of(const struct check *check)
{
	char *path = NULL;

	return asprintf(&path, "%s/" CLV_AUDIT_DIRECTORY,
		   check->application->directory) < 0
	    ? NULL
	    : path;
}

static clv_status
broken(struct check *check, uint64_t sequence, const char *why)
{
	char name[CLV_AUDIT_NAME];
	char *path = path_of(check);
	clv_status status;

	clv_audit_name(check->file, name);
	check->summary->broken = sequence;
	status = clv_error_raise(check->err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "check audit log",
		.subject = path != NULL ? path : CLV_AUDIT_DIRECTORY,
		.remedy = "find out who could write to the directory, and "
			  "compare with a backup"},
	    "record %llu (%s, line %zu): %s", (unsigned long long)sequence,
	    name, check->line, why);
	free(path);
	return status;
}

/* In this order: the record of a commit goes last. */
bool
clv_audit_must_exist(const clv_application *application)
{
	const int directory = application->directory_fd;

	return (application->config.audit_begun ||
		   faccessat(directory, CLV_LAST_PATH, F_OK, 0) == 0) &&
	    faccessat(directory, CLV_STATE_NAME "/" CLV_REDO_NAME, F_OK, 0) !=
	    0 &&
	    errno == ENOENT;
}

static clv_status
gone(struct check *check, clv_error **err)
{
	char *path = path_of(check);
	clv_status status;

	check->summary->broken = 1;
	status = clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "check audit log",
		.subject = path != NULL ? path : CLV_AUDIT_DIRECTORY,
		.remedy = "find out who could write to the directory, and "
			  "restore the log from a backup; the next change "
			  "begins a new one"},
	    "the log is gone, although something was recorded");
	free(path);
	return status;
}

/* ---- the chain ---- */

static clv_status
compare_hash(struct check *check, uint64_t sequence, const char *hash)
{
	if (sequence == check->head.last && strcmp(hash, check->head.hash) != 0)
		return broken(check, sequence, "it was changed");
	if (sequence == check->known && strcmp(hash, check->known_hash) != 0)
		return broken(
		    check, sequence, "it is not the one that was known");
	return CLV_OK;
}

static clv_status
follow(struct check *check, uint64_t sequence, const char *previous)
{
	static const char zeros[] = "0000000000000000000000000000000000000000"
				    "000000000000000000000000";

	if (check->last == 0) {
		/* What is older was rotated out; `head` knows. */
		if (sequence == 1)
			return strcmp(previous, zeros) == 0
			    ? CLV_OK
			    : broken(check, 1, "it was not the first");
		return check->head.first != 0 && sequence > check->head.first
		    ? broken(check, check->head.first,
			  "it is missing, at the beginning")
		    : CLV_OK;
	}
	if (sequence > check->last + 1)
		return broken(check, check->last + 1, "it is missing");
	if (sequence <= check->last)
		return broken(
		    check, sequence, "it stands here again, or was moved");
	if (strcmp(previous, check->hash) != 0)
		return broken(check, check->last,
		    "it was changed, or the one behind it put in its place");
	return CLV_OK;
}

static clv_status
check_line(struct check *check, const char *line, size_t size)
{
	char previous[CLV_AUDIT_HASH];
	char hash[CLV_AUDIT_HASH];
	uint64_t sequence = 0;
	clv_status status;

	if (!clv_audit_read_line(line, size, &sequence, previous))
		return broken(check, check->last + 1, "a line is no record");
	clv_audit_hash(line, size, hash);
	if ((status = follow(check, sequence, previous)) != CLV_OK ||
	    (status = compare_hash(check, sequence, hash)) != CLV_OK)
		return status;
	if (check->summary->first == 0)
		check->summary->first = sequence;
	check->summary->last = sequence;
	check->last = sequence;
	memcpy(check->hash, hash, sizeof(check->hash));
	return CLV_OK;
}

static clv_status
check_end(struct check *check)
{
	struct clv_audit_summary *summary = check->summary;

	check->line++;
	if (check->head.last > check->last)
		return broken(
		    check, check->last + 1, "it is missing, at the end");
	if (check->known > check->last)
		return broken(check, check->last + 1,
		    "it is missing, at the end: a later one is known");
	/* The first record makes `head` durable. */
	if (check->head.first == 0 && check->last > 1)
		return broken(check, check->last,
		    "state/audit/head is missing or damaged: nobody can tell "
		    "whether this was the last");
	if (check->last != 0)
		(void)snprintf(summary->end, sizeof(summary->end), "%llu:%s",
		    (unsigned long long)check->last, check->hash);
	return CLV_OK;
}

/* ---- reading ---- */

static clv_status
read_lines(struct check *check, char *bytes, size_t size, bool newest)
{
	clv_status status = CLV_OK;
	char *at = bytes;
	char *end;

	check->line = 0;
	while (status == CLV_OK &&
	    (end = memchr(at, '\n', size - (size_t)(at - bytes))) != NULL) {
		*end = '\0';
		check->line++;
		if (check->fn == NULL)
			status = check_line(check, at, (size_t)(end - at));
		else if (!check->fn(check->user, at, (size_t)(end - at)))
			status = CLV_CANCELLED;
		at = end + 1;
	}
	if (status != CLV_OK || at == bytes + size)
		return status;
	check->summary->torn = true;
	if (newest || check->fn != NULL)
		return CLV_OK;
	check->line++;
	return broken(check, check->last + 1, "it is cut off");
}

static clv_status
read_files(const clv_application *application, int directory,
    const struct clv_audit_files *files, struct check *check)
{
	clv_status status = CLV_OK;

	check->summary->files = files->count;
	for (size_t i = 0; status == CLV_OK && i < files->count; i++) {
		char *bytes = NULL;
		size_t size = 0;

		check->file = files->numbers[i];
		status = clv_audit_read_file(application, directory,
		    files->numbers[i], &bytes, &size, check->err);
		if (status == CLV_OK)
			status = read_lines(
			    check, bytes, size, i + 1 == files->count);
		clv_free(bytes);
		/* Rotated out since it was listed. */
		if (status == CLV_NOT_FOUND && check->fn != NULL) {
			clv_error_free(check->err);
			status = CLV_OK;
		}
	}
	return status;
}

/* `head` is read first: what is appended later is behind it. */
static clv_status
read_head(const clv_application *application, int directory,
    struct clv_audit_head *head, clv_error **err)
{
	clv_error *failure = NULL;
	int fd = -1;
	clv_status status = clv_guard_open_entry(application->guard,
	    CLV_GUARD_CONFIG, directory, CLV_AUDIT_HEAD, &fd, NULL, &failure);

	if (status == CLV_OK)
		clv_audit_head_read(fd, head);
	if (fd >= 0)
		(void)close(fd);
	if (status == CLV_NOT_FOUND)
		status = CLV_OK;
	if (status != CLV_OK && err != NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	return status;
}

static clv_status
read_once(const clv_application *application, int directory,
    struct check *check, clv_error **err)
{
	struct clv_audit_files files;
	clv_status status;

	check->err = err;
	*check->summary = (struct clv_audit_summary){.first = 0};
	check->last = 0;
	check->file = 1;
	check->line = 0;
	status = read_head(application, directory, &check->head, err);
	if (status == CLV_OK)
		status = clv_audit_files_list(directory, &files, err);
	if (status == CLV_OK)
		status = read_files(application, directory, &files, check);
	if (status == CLV_OK && check->fn == NULL)
		status = check_end(check);
	return status;
}

static clv_status
read_log(
    const clv_application *application, struct check *check, clv_error **err)
{
	/* First, so that what is recorded meanwhile is no matter. */
	const bool must_have =
	    check->fn == NULL && clv_audit_must_exist(application);
	clv_error *failure = NULL;
	int directory = -1;
	clv_status status;

	check->application = application;
	check->err = err;
	*check->summary = (struct clv_audit_summary){.first = 0};
	status = clv_audit_open_directory(application, &directory, &failure);
	if (status == CLV_NOT_FOUND) {
		clv_error_free(&failure);
		return must_have || check->known != 0
		    ? gone(check, err)
		    : CLV_OK; /* nothing was ever recorded */
	}
	/* A file that was listed may have been rotated out. */
	for (int turn = 0; status == CLV_OK && turn < TURNS; turn++) {
		clv_error_free(&failure);
		status = read_once(application, directory, check, &failure);
		if (status != CLV_NOT_FOUND || check->fn != NULL)
			break;
		status = CLV_OK;
	}
	if (directory >= 0)
		(void)close(directory);
	if (status == CLV_OK && must_have && check->last == 0)
		status = gone(check, &failure);
	if (err != NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	return status;
}

clv_status
clv_audit_visit(const clv_application *application, clv_audit_visit_fn *fn,
    void *user, clv_error **err)
{
	struct clv_audit_summary summary;
	struct check check = {.summary = &summary, .fn = fn, .user = user};
	const clv_status status = read_log(application, &check, err);

	if (status == CLV_CANCELLED)
		return clv_error_raise(err, CLV_CANCELLED,
		    &(struct clv_error_info){.operation = "read audit log"},
		    "the visitor stopped");
	return status;
}

/* "SEQ:SHA-256" */
static bool
read_known(const char *known, struct check *check)
{
	char *end = NULL;

	check->known = strtoull(known, &end, 10);
	check->known_hash = end + 1;
	return check->known > 0 && *end == ':' &&
	    strlen(end + 1) == CLV_AUDIT_HASH - 1 &&
	    strspn(end + 1, "0123456789abcdef") == CLV_AUDIT_HASH - 1;
}

clv_status
clv_audit_verify(const clv_application *application, const char *known,
    struct clv_audit_summary *summary, clv_error **err)
{
	struct check check = {.summary = summary};

	*summary = (struct clv_audit_summary){.first = 0};
	if (known != NULL && !read_known(known, &check))
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){
			.operation = "check audit log", .subject = known},
		    "the end of a log is a number, ':' and a SHA-256");
	return read_log(application, &check, err);
}
