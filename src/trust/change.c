/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "trust/item.h"

#define LOCK_NAME "lock"
#define LOCK_WAIT_MS 10000
#define FILE_MODE 0644

/* ---- begin and end ---- */

/* Whoever may write to the directory may take the lock. */
static mode_t
lock_mode(const struct clv_layout *layout)
{
	struct stat about;

	if (fstat(layout->state, &about) != 0)
		return FILE_MODE;
	return FILE_MODE | (about.st_mode & 0020);
}

static clv_status
open_layout(struct clv_change *change, clv_error **err)
{
	clv_trust *trust = change->trust;
	bool made = false;
	clv_status status;

	status =
	    clv_layout_open(trust->guard, trust->path, &change->layout, err);
	if (status == CLV_OK)
		status = clv_layout_complete(&change->layout, &made, err);
	if (status == CLV_OK && made)
		status = clv_layout_open(
		    trust->guard, trust->path, &change->layout, err);
	return status;
}

/* What another writer left. One that is not decided by now never will be: who
 * was to decide it is gone, or we would not have the lock. */
static clv_status
finish_other(struct clv_change *change, clv_error **err)
{
	const struct clv_layout *layout = &change->layout;
	struct clv_journal *journal = NULL;
	clv_status status;

	change->swept = clv_file_sweep(layout->state);
	status = clv_journal_read(
	    change->trust->guard, layout, &journal, &change->found, err);
	if (status == CLV_OK && change->found == CLV_JOURNAL_IN_FORCE)
		status = clv_journal_apply(layout, journal, err);
	else if (status == CLV_OK && change->found == CLV_JOURNAL_WAITING)
		status = clv_file_unlink(layout->state, CLV_JOURNAL_NAME, err);
	else if (status == CLV_OK && change->found == CLV_JOURNAL_OVER)
		(void)unlinkat(layout->state, CLV_JOURNAL_NAME, 0);
	clv_journal_free(&journal);
	return status;
}

clv_status
clv_change_begin(struct clv_change *change, clv_trust *trust, clv_error **err)
{
	clv_status status;

	*change = (struct clv_change){
	    .trust = trust, .layout = CLV_LAYOUT_INIT, .lock = -1};
	(void)pthread_mutex_lock(&trust->writing);
	if ((status = open_layout(change, err)) != CLV_OK ||
	    (status = clv_file_lock(change->layout.state, LOCK_NAME,
		 lock_mode(&change->layout), LOCK_WAIT_MS, &change->lock,
		 err)) != CLV_OK ||
	    (status = finish_other(change, err)) != CLV_OK)
		return status;
	return clv_journal_new(&change->ops, err);
}

clv_status
clv_change_draft(struct clv_change *change, clv_trust *trust, clv_error **err)
{
	clv_status status;

	*change = (struct clv_change){.trust = trust,
	    .layout = CLV_LAYOUT_INIT,
	    .lock = -1,
	    .draft = true};
	status =
	    clv_layout_open(trust->guard, trust->path, &change->layout, err);
	if (status == CLV_OK)
		status = clv_journal_new(&change->ops, err);
	return status;
}

void
clv_change_end(struct clv_change *change)
{
	clv_trust *trust = change->trust;
	const bool changed =
	    change->result.added > 0 || change->result.removed > 0;

	if (change->lock >= 0)
		(void)close(change->lock);
	clv_layout_close(&change->layout);
	clv_journal_free(&change->ops);
	if (change->draft)
		return;
	(void)pthread_mutex_unlock(&trust->writing);
	/* So that no check has to: but only if the list was ever read. */
	if (changed && atomic_load(&trust->cell.current) != NULL)
		(void)clv_trust_refresh(trust, NULL);
}

/* ---- putting ---- */

static enum clv_trust_folder
folder_of(bool crl, enum clv_trust_where where)
{
	if (where == CLV_TRUST_TRUSTED)
		return crl ? CLV_FOLDER_TRUSTED_CRL : CLV_FOLDER_TRUSTED_CERTS;
	return crl ? CLV_FOLDER_ISSUER_CRL : CLV_FOLDER_ISSUER_CERTS;
}

clv_status
clv_change_put_cert(struct clv_change *change,
    const struct clv_trust_cert *cert, enum clv_trust_where where,
    clv_error **err)
{
	char name[CLV_TRUST_NAME_SIZE];

	clv_trust_name_cert(cert, name);
	return clv_journal_add(change->ops, folder_of(false, where), name,
	    cert->der, cert->size, err);
}

clv_status
clv_change_put_crl(struct clv_change *change, const struct clv_trust_crl *crl,
    enum clv_trust_where where, clv_error **err)
{
	char name[CLV_TRUST_NAME_SIZE];

	clv_trust_name_crl(crl, name);
	return clv_journal_add(change->ops, folder_of(true, where), name,
	    crl->der, crl->size, err);
}

static clv_status
put_entry(struct clv_change *change, const struct clv_trust_entry *entry,
    clv_error **err)
{
	if (entry->cert != NULL)
		return clv_change_put_cert(
		    change, entry->cert, entry->where, err);
	return clv_change_put_crl(change, entry->crl, entry->where, err);
}

clv_status
clv_change_put_bytes(struct clv_change *change, enum clv_trust_where where,
    const uint8_t *bytes, size_t size, const char *path, clv_error **err)
{
	struct clv_trust_file *file = NULL;
	clv_status status;

	/* As if it lay in the list's folder already. */
	status =
	    clv_trust_file_new(folder_of(false, where), "", path, &file, err);
	if (status != CLV_OK)
		return status;
	status = clv_trust_load_bytes(file, bytes, size, err);
	for (size_t i = 0; i < file->count && status == CLV_OK; i++)
		status = put_entry(change, &file->entries[i], err);
	clv_trust_file_free(&file);
	return status;
}

/* ---- dropping ---- */

struct drop {
	struct clv_change *change;
	clv_change_fn *fn;
	void *user;
	unsigned broken;
	/* What this same change has done to files before. */
	struct clv_journal before;
	clv_error **err;
};

static clv_status
drop_file(struct drop *drop, const struct clv_trust_file *file)
{
	return clv_journal_remove(drop->change->ops,
	    (enum clv_trust_folder)file->folder, clv_trust_file_name(file),
	    drop->err);
}

/* A directory is nobody's certificate: it stays. */
static clv_status
drop_broken(struct drop *drop, const struct clv_trust_file *file)
{
	const int folder = drop->change->layout.folders[file->folder];
	struct stat about;

	if ((drop->broken & 1U << file->folder) == 0 ||
	    fstatat(folder, clv_trust_file_name(file), &about,
		AT_SYMLINK_NOFOLLOW) != 0 ||
	    S_ISDIR(about.st_mode))
		return CLV_OK;
	return drop_file(drop, file);
}

static clv_status
drop_entries(struct drop *drop, const struct clv_trust_file *file)
{
	clv_status status;
	size_t dropped = 0;
	bool *drops = calloc(file->count, sizeof(*drops));

	if (drops == NULL)
		return clv_error_raise(
		    drop->err, CLV_NO_MEMORY, NULL, "out of memory");
	for (size_t i = 0; i < file->count; i++) {
		drops[i] = drop->fn(drop->user, &file->entries[i]);
		dropped += drops[i] ? 1 : 0;
	}
	status = dropped > 0 ? drop_file(drop, file) : CLV_OK;
	for (size_t i = 0; i < file->count; i++)
		if (status == CLV_OK && dropped > 0 && !drops[i])
			status = put_entry(
			    drop->change, &file->entries[i], drop->err);
	free(drops);
	return status;
}

/* What this same change was going to add. Its operations are in order
 * afterwards, until the next one comes behind them. */
static void
drop_ops(struct drop *drop)
{
	struct clv_journal *ops = drop->change->ops;

	clv_journal_seal(ops);
	for (size_t i = 0; i < ops->count; i++) {
		struct clv_trust_op *op = &ops->ops[i];
		struct clv_trust_file *file = NULL;

		if (op->remove ||
		    clv_trust_file_new(op->folder, "", op->name, &file, NULL) !=
			CLV_OK)
			continue;
		if (clv_trust_load_bytes(file, op->content, op->size, NULL) ==
			CLV_OK &&
		    drop->fn(drop->user, &file->entries[0]))
			op->remove = true;
		clv_trust_file_free(&file);
	}
}

static clv_status
drop_from(struct drop *drop, const struct clv_trust_file *file)
{
	/* Its operation was looked at. Others have come behind the sorted
	 * ones meanwhile, and may have moved them all. */
	drop->before.ops = drop->change->ops->ops;
	if (clv_journal_find(&drop->before, (enum clv_trust_folder)file->folder,
		clv_trust_file_name(file)) != NULL)
		return CLV_OK;
	return file->count > 0 ? drop_entries(drop, file)
			       : drop_broken(drop, file);
}

clv_status
clv_change_drop(struct clv_change *change, clv_change_fn *fn, void *user,
    unsigned broken, clv_error **err)
{
	struct drop drop = {.change = change,
	    .fn = fn,
	    .user = user,
	    .broken = broken,
	    .err = err};
	clv_trust *trust = change->trust;
	struct clv_trust_file *file = NULL;
	clv_status status;
	size_t bucket = 0;

	drop_ops(&drop);
	drop.before.count = change->ops->count;
	if ((status = clv_trust_refresh(trust, err)) != CLV_OK)
		return status;
	(void)pthread_mutex_lock(&trust->reading);
	while (status == CLV_OK &&
	    (file = clv_trust_files_next(&trust->files, file, &bucket)) != NULL)
		status = drop_from(&drop, file);
	(void)pthread_mutex_unlock(&trust->reading);
	return status;
}

/* ---- committing ---- */

/* Whether a regular file of this name has this content. */
static bool
is_there(int folder, const char *name, const uint8_t *bytes, size_t size)
{
	const int fd = openat(folder, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	unsigned char *found = NULL;
	size_t length = 0;
	bool same;

	if (fd < 0)
		return false;
	same = clv_file_read(fd, name, size, &found, &length, NULL) == CLV_OK &&
	    length == size && memcmp(found, bytes, size) == 0;
	(void)close(fd);
	free(found);
	return same;
}

void
clv_change_sift(struct clv_change *change)
{
	struct clv_journal *ops = change->ops;
	clv_trust_change *result = &change->result;
	size_t kept = 0;

	clv_journal_seal(ops);
	for (size_t i = 0; i < ops->count; i++) {
		struct clv_trust_op *op = &ops->ops[i];
		const int folder = change->layout.folders[op->folder];
		struct stat about;
		bool needed;

		if (op->remove) {
			/* What can't be looked at may be there: try. */
			needed = fstatat(folder, op->name, &about,
				     AT_SYMLINK_NOFOLLOW) == 0 ||
			    errno != ENOENT;
			result->removed += needed ? 1 : 0;
		} else {
			needed =
			    !is_there(folder, op->name, op->content, op->size);
			result->added += needed ? 1 : 0;
			result->unchanged += needed ? 0 : 1;
		}
		if (needed) {
			ops->ops[kept++] = *op;
		} else {
			free(op->name);
			free(op->bytes);
		}
	}
	ops->count = kept;
}

/* Fails, but not without saying that the list is the new one. Takes over
 * `failure`. */
static clv_status
raise_in_force(const struct clv_change *change, const char *but,
    clv_error *failure, clv_error **err)
{
	const clv_status status = clv_error_status(failure);

	(void)clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "carry out change of",
		.subject = change->trust->path,
		.domain = clv_error_get_domain(failure),
		.code = clv_error_code(failure),
		.code_name = clv_error_code_name(failure),
		.retryable = true,
		.remedy = "mend that, then change the list again or run "
			  "claviger recover"},
	    "the change is in force, but %s: %s", but,
	    clv_error_message(failure));
	clv_error_free(&failure);
	return status;
}

static clv_status
hand_over(clv_error *failure, clv_error **err)
{
	const clv_status status = clv_error_status(failure);

	if (err == NULL) {
		clv_error_free(&failure);
		return status;
	}
	clv_error_free(err);
	*err = failure;
	return status;
}

static bool
one_is_in_force(const struct clv_change *change)
{
	const struct clv_trust_op *op = &change->ops->ops[0];
	const int folder = change->layout.folders[op->folder];
	struct stat about;

	if (!op->remove)
		return is_there(folder, op->name, op->content, op->size);
	return fstatat(folder, op->name, &about, AT_SYMLINK_NOFOLLOW) != 0 &&
	    errno == ENOENT;
}

static bool
journal_is_in_force(const struct clv_change *change)
{
	enum clv_journal_found found = CLV_JOURNAL_NONE;
	struct clv_journal *journal = NULL;
	bool same;

	(void)!clv_journal_read(
	    change->trust->guard, &change->layout, &journal, &found, NULL);
	same = found == CLV_JOURNAL_IN_FORCE && journal != NULL &&
	    strcmp(journal->nonce, change->ops->nonce) == 0;
	clv_journal_free(&journal);
	return same;
}

/* What failed may be the last step, which only makes it durable. */
static clv_status
commit_one(struct clv_change *change, clv_error **err)
{
	const struct clv_trust_op *op = &change->ops->ops[0];
	const int folder = change->layout.folders[op->folder];
	clv_error *failure = NULL;
	clv_status status;

	status = op->remove
	    ? clv_file_unlink(folder, op->name, &failure)
	    : clv_file_write_atomic(folder, op->name, op->content, op->size,
		  FILE_MODE, CLV_FILE_REPLACE, &failure);
	if (status == CLV_OK)
		return CLV_OK;
	if (one_is_in_force(change))
		return raise_in_force(
		    change, "may be lost in a power cut", failure, err);
	return hand_over(failure, err);
}

static clv_status
commit_journal(struct clv_change *change, clv_error **err)
{
	clv_error *failure = NULL;

	if (clv_journal_commit(&change->layout, change->ops, &failure) ==
	    CLV_OK)
		return CLV_OK;
	if (journal_is_in_force(change))
		return raise_in_force(change,
		    "is not carried out, and may be lost in a power cut",
		    failure, err);
	return hand_over(failure, err);
}

clv_status
clv_change_apply(struct clv_change *change, clv_error **err)
{
	clv_error *failure = NULL;

	if (clv_journal_apply(&change->layout, change->ops, &failure) == CLV_OK)
		return CLV_OK;
	return raise_in_force(
	    change, "is not carried out in full", failure, err);
}

clv_status
clv_change_commit(struct clv_change *change, clv_error **err)
{
	clv_status status;

	clv_change_sift(change);
	if (change->ops->count == 0)
		return CLV_OK;
	if (change->ops->count == 1)
		return commit_one(change, err);
	status = commit_journal(change, err);
	return status == CLV_OK ? clv_change_apply(change, err) : status;
}
