/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The journal on disk: committing, carrying out, reading it back. */

#include "trust/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* A journal holds whole lists. */
#define JOURNAL_MAX ((size_t)2 << 30)
#define FILE_MODE 0644

/* Up to so many files are made durable one by one; more, by one syncfs(2),
 * which waits for all that the file system holds. */
#define SYNC_EACH_MAX 32

static clv_status
raise_errno(clv_error **err, const char *operation, const char *subject)
{
	const int code = errno;

	return clv_error_raise(err,
	    code == EACCES || code == EPERM || code == EROFS ? CLV_PERMISSION
							     : CLV_IO,
	    &(struct clv_error_info){.operation = operation,
		.subject = subject,
		.domain = CLV_DOMAIN_ERRNO,
		.code = code},
	    "%s", strerror(code));
}

/* ---- reading ---- */

/* Empty text if the file is not there. */
static clv_status
read_state_file(const clv_guard *guard, const struct clv_layout *layout,
    const char *name, uint8_t **text, size_t *size, clv_error **err)
{
	clv_error *failure = NULL;
	clv_status status;
	int fd = -1;

	*text = NULL;
	*size = 0;
	status = clv_guard_open_entry(
	    guard, CLV_GUARD_TRUST, layout->state, name, &fd, NULL, &failure);
	if (status == CLV_OK) {
		status =
		    clv_file_read(fd, name, JOURNAL_MAX, text, size, &failure);
		(void)close(fd);
	}
	if (status == CLV_NOT_FOUND)
		status = CLV_OK;
	else if (status != CLV_OK && err != NULL) {
		clv_error_free(err);
		*err = failure;
		return status;
	}
	clv_error_free(&failure);
	return status;
}

static clv_status
read_done(const clv_guard *guard, const struct clv_layout *layout,
    char nonce[CLV_NONCE_SIZE], clv_error **err)
{
	uint8_t *text = NULL;
	size_t size = 0;
	clv_status status;

	memset(nonce, 0, CLV_NONCE_SIZE);
	status =
	    read_state_file(guard, layout, CLV_JOURNAL_DONE, &text, &size, err);
	if (status == CLV_OK && size == CLV_NONCE_SIZE)
		memcpy(nonce, text, CLV_NONCE_SIZE - 1);
	free(text);
	return status;
}

static clv_status
judge(const clv_guard *guard, const struct clv_layout *layout,
    const struct clv_journal *journal, enum clv_journal_found *found,
    clv_error **err)
{
	char done[CLV_NONCE_SIZE];
	bool decided = true;
	clv_status status = read_done(guard, layout, done, err);

	if (status != CLV_OK)
		return status;
	if (strcmp(done, journal->nonce) == 0) {
		*found = CLV_JOURNAL_OVER;
		return CLV_OK;
	}
	if (journal->when.path != NULL)
		status = clv_decision_ask(
		    guard, layout->root, &journal->when, &decided, err);
	if (status == CLV_OK)
		*found = decided ? CLV_JOURNAL_IN_FORCE : CLV_JOURNAL_WAITING;
	return status;
}

clv_status
clv_journal_read(const clv_guard *guard, const struct clv_layout *layout,
    struct clv_journal **out, enum clv_journal_found *found, clv_error **err)
{
	struct clv_journal *journal = NULL;
	uint8_t *text = NULL;
	size_t size = 0;
	clv_status status;

	*out = NULL;
	*found = CLV_JOURNAL_NONE;
	if (layout->state < 0)
		return CLV_OK;
	status =
	    read_state_file(guard, layout, CLV_JOURNAL_NAME, &text, &size, err);
	if (status != CLV_OK || text == NULL)
		return status;
	if ((status = clv_journal_parse(text, size, &journal, err)) == CLV_OK)
		status = judge(guard, layout, journal, found, err);
	if (status == CLV_OK && *found != CLV_JOURNAL_OVER) {
		*out = journal;
		journal = NULL; /* transferred */
	}
	clv_journal_free(&journal);
	return status;
}

/* ---- writing ---- */

clv_status
clv_journal_commit(const struct clv_layout *layout,
    const struct clv_journal *journal, clv_error **err)
{
	uint8_t *text = NULL;
	size_t size = 0;
	clv_status status;

	if ((status = clv_journal_encode(journal, &text, &size, err)) == CLV_OK)
		status = clv_file_write_atomic(layout->state, CLV_JOURNAL_NAME,
		    text, size, FILE_MODE, CLV_FILE_REPLACE, err);
	free(text);
	return status;
}

/* Without fsync: that follows for all files together, and until then the
 * journal is there. */
static clv_status
put_file(int folder, const struct clv_trust_op *op, clv_error **err)
{
	static const char temporary[] = ".claviger-journal.tmp";
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	clv_status status;
	int fd;

	/* Left behind by one who was killed here; we hold the lock. */
	if (unlinkat(folder, temporary, 0) != 0 && errno != ENOENT)
		return raise_errno(err, "remove", temporary);
	fd = openat(folder, temporary, flags, 0600);
	if (fd < 0)
		return raise_errno(err, "write", op->name);
	status = clv_file_write_all(fd, op->name, op->content, op->size, err);
	if (status == CLV_OK && fchmod(fd, FILE_MODE) != 0)
		status = raise_errno(err, "write", op->name);
	(void)close(fd);
	if (status == CLV_OK &&
	    renameat(folder, temporary, folder, op->name) != 0)
		status = raise_errno(err, "write", op->name);
	if (status != CLV_OK)
		(void)unlinkat(folder, temporary, 0);
	return status;
}

static clv_status
apply_op(const struct clv_layout *layout, const struct clv_trust_op *op,
    clv_error **err)
{
	const int folder = layout->folders[op->folder];

	if (folder < 0)
		return clv_error_raise(err, CLV_NOT_FOUND,
		    &(struct clv_error_info){.operation = "change",
			.subject = layout->names[op->folder]},
		    "the directory is gone");
	if (!op->remove)
		return put_file(folder, op, err);
	if (unlinkat(folder, op->name, 0) != 0 && errno != ENOENT)
		return raise_errno(err, "remove", op->name);
	return CLV_OK;
}

/* For those who know nothing of journals, at no time more is trusted than
 * before or after: what forbids comes first and goes last. */
static unsigned
phase_of(const struct clv_trust_op *op)
{
	const bool crl = op->folder == CLV_FOLDER_TRUSTED_CRL ||
	    op->folder == CLV_FOLDER_ISSUER_CRL;

	if (crl)
		return op->remove ? 3 : 0;
	return op->remove ? 1 : 2;
}

static clv_status
apply_ops(const struct clv_layout *layout, const struct clv_journal *journal,
    clv_error **err)
{
	for (unsigned phase = 0; phase < 4; phase++)
		for (size_t i = 0; i < journal->count; i++) {
			const struct clv_trust_op *op = &journal->ops[i];
			clv_status status;

			if (phase_of(op) != phase)
				continue;
			status = apply_op(layout, op, err);
			if (status != CLV_OK)
				return status;
		}
	return CLV_OK;
}

static clv_status
sync_file(int folder, const char *name, clv_error **err)
{
	const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	clv_status status;

	if (fd < 0)
		return raise_errno(err, "sync", name);
	status = clv_file_sync(fd, name, err);
	(void)close(fd);
	return status;
}

static clv_status
sync_all(const struct clv_layout *layout, const struct clv_journal *journal,
    clv_error **err)
{
	bool touched[CLV_FOLDER_COUNT] = {false};
	const bool each = journal->count <= SYNC_EACH_MAX;

	for (size_t i = 0; i < journal->count; i++) {
		const struct clv_trust_op *op = &journal->ops[i];
		clv_status status;

		touched[op->folder] = true;
		if (!each || op->remove)
			continue;
		status = sync_file(layout->folders[op->folder], op->name, err);
		if (status != CLV_OK)
			return status;
	}
	for (size_t i = 0; i < CLV_FOLDER_COUNT; i++) {
		const int folder = layout->folders[i];

		if (touched[i] && (each ? fsync(folder) : syncfs(folder)) != 0)
			return raise_errno(err, "sync", layout->names[i]);
	}
	return CLV_OK;
}

clv_status
clv_journal_apply(const struct clv_layout *layout,
    const struct clv_journal *journal, clv_error **err)
{
	char done[CLV_NONCE_SIZE];
	clv_status status;

	memcpy(done, journal->nonce, sizeof(done));
	done[sizeof(done) - 1] = '\n';
	if ((status = apply_ops(layout, journal, err)) != CLV_OK ||
	    (status = sync_all(layout, journal, err)) != CLV_OK ||
	    (status = clv_file_write_atomic(layout->state, CLV_JOURNAL_DONE,
		 done, sizeof(done), FILE_MODE, CLV_FILE_REPLACE, err)) !=
		CLV_OK)
		return status;
	return clv_file_unlink(layout->state, CLV_JOURNAL_NAME, err);
}
