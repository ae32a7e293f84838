/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* From what has changed in the directories to the next snapshot. */

#include "trust/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trust/signature.h"

/* So often the directories may change while they are read before what was
 * read last is taken. */
#define ROUNDS_MAX 100

struct refresh {
	clv_trust *trust;
	/* NULL: nothing has changed yet, or all is built anew at the end. */
	struct clv_trust_builder *builder;
	bool anew;
	bool first; /* the list was never read: nothing comes or goes */
	bool relist[CLV_FOLDER_COUNT];
	bool again; /* another round is needed */
	clv_status status;
	clv_error **err;
};

/* ---- one file ---- */

static clv_status
build_entry(
    struct refresh *refresh, const struct clv_trust_entry *entry, bool gone)
{
	struct clv_trust_builder *builder = refresh->builder;

	if (!gone && entry->cert != NULL)
		return clv_trust_builder_add_cert(
		    builder, entry->cert, entry->where, refresh->err);
	if (!gone)
		return clv_trust_builder_add_crl(
		    builder, entry->crl, entry->where, refresh->err);
	if (entry->cert != NULL)
		(void)clv_trust_builder_remove_cert(
		    builder, entry->cert, entry->where);
	else
		(void)clv_trust_builder_remove_crl(
		    builder, entry->crl, entry->where);
	return CLV_OK;
}

static clv_status
build_file(
    struct refresh *refresh, const struct clv_trust_file *file, bool gone)
{
	for (size_t i = 0; i < file->count; i++) {
		clv_status status = CLV_OK;

		if (!refresh->anew)
			status = build_entry(refresh, &file->entries[i], gone);
		if (status != CLV_OK)
			return status;
		if (!refresh->first)
			clv_notices_record(
			    refresh->trust->notices, &file->entries[i], gone);
	}
	return CLV_OK;
}

static clv_status
need_builder(struct refresh *refresh)
{
	clv_trust *trust = refresh->trust;
	clv_trust_snapshot *base;
	clv_status status;

	if (refresh->builder != NULL || refresh->anew)
		return CLV_OK;
	base = clv_trust_cell_acquire(&trust->cell);
	status = clv_trust_builder_new(
	    trust->engine, base, &refresh->builder, refresh->err);
	clv_trust_snapshot_unref(base);
	return status;
}

/* A CRL that was read stays in force while its file is there, but can't be
 * read: it must not be enough to damage a file to make it forgive. */
static bool
keeps_crls(const struct clv_trust_file *old)
{
	for (size_t i = 0; i < old->count; i++)
		if (old->entries[i].crl == NULL)
			return false;
	return old->count > 0;
}

/* Puts `file` (NULL: it is gone) in the place of `old` (NULL: it is new). */
static clv_status
replace_file(struct refresh *refresh, struct clv_trust_file *old,
    struct clv_trust_file *file)
{
	struct clv_trust_files *files = &refresh->trust->files;
	clv_status status = CLV_OK;
	bool kept = false;

	if (old != NULL && file != NULL)
		/* Under another path, when "issuer" becomes "issuers", it is
		 * told anew: verdicts name the file. */
		kept = file->problem != NULL
		    ? keeps_crls(old)
		    : strcmp(old->path, file->path) == 0 &&
			clv_trust_file_same_content(old, file);
	if (old != NULL)
		clv_trust_files_take(files, old);
	if (kept)
		clv_trust_file_move_content(file, old);
	else if ((old != NULL && old->count > 0) ||
	    (file != NULL && file->count > 0))
		status = need_builder(refresh);
	if (status == CLV_OK && old != NULL)
		status = build_file(refresh, old, true);
	if (status == CLV_OK && file != NULL && !kept)
		status = build_file(refresh, file, false);
	clv_trust_file_free(&old);
	if (file != NULL && status == CLV_OK)
		status = clv_trust_files_put(files, file, refresh->err);
	if (status != CLV_OK)
		clv_trust_file_free(&file);
	return status;
}

static clv_status
raise_too_many(const clv_trust *trust, clv_error **err)
{
	return clv_error_raise(err, CLV_TOO_LARGE,
	    &(struct clv_error_info){.operation = "read",
		.subject = trust->path,
		.remedy = "raise the limit of files if they are all meant "
			  "to be there"},
	    "more than %zu files", trust->max_files);
}

static clv_status
load_name(
    struct refresh *refresh, enum clv_trust_folder folder, const char *name)
{
	clv_trust *trust = refresh->trust;
	struct clv_trust_file *old =
	    clv_trust_files_find(&trust->files, folder, name);
	struct clv_trust_file *file = NULL;
	clv_status status;

	if (old == NULL && trust->files.count >= trust->max_files)
		return raise_too_many(trust, refresh->err);
	status =
	    clv_trust_load(&trust->loader, folder, name, &file, refresh->err);
	if (status != CLV_OK || (file == NULL && old == NULL))
		return status;
	if (file != NULL)
		file->seen = true;
	return replace_file(refresh, old, file);
}

/* ---- a folder ---- */

/* Hidden names are other programs' temporary files, and ours. */
static bool
is_hidden(const char *name)
{
	return name[0] == '.';
}

static clv_status
list_entry(struct refresh *refresh, enum clv_trust_folder folder,
    const struct dirent *entry)
{
	const char *name = entry->d_name;
	clv_trust *trust = refresh->trust;
	struct clv_trust_file *file =
	    clv_trust_files_find(&trust->files, folder, name);

	trust->loader.is_regular = entry->d_type == DT_REG;
	if (file == NULL || !clv_trust_is_unchanged(&trust->loader, file))
		return load_name(refresh, folder, name);
	file->seen = true;
	return CLV_OK;
}

static clv_status
list_names(struct refresh *refresh, enum clv_trust_folder folder)
{
	const struct clv_layout *layout = &refresh->trust->layout;
	const int fd = openat(
	    layout->folders[folder], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
	clv_status status = CLV_OK;
	struct dirent *entry;

	errno = entries == NULL ? errno : 0;
	while (entries != NULL && status == CLV_OK &&
	    (entry = readdir(entries)) != NULL) {
		if (!is_hidden(entry->d_name))
			status = list_entry(refresh, folder, entry);
		errno = 0;
	}
	if (status == CLV_OK && errno != 0)
		status = clv_error_raise(refresh->err, CLV_IO,
		    &(struct clv_error_info){.operation = "list",
			.subject = layout->names[folder],
			.domain = CLV_DOMAIN_ERRNO,
			.code = errno},
		    "%s", strerror(errno));
	if (entries != NULL)
		(void)closedir(entries);
	else if (fd >= 0)
		(void)close(fd);
	return status;
}

/* Files that a committed change adds and that are not on disk yet. */
static clv_status
list_journal(struct refresh *refresh, enum clv_trust_folder folder)
{
	const struct clv_journal *journal = refresh->trust->journal;
	clv_status status = CLV_OK;

	for (size_t i = 0;
	     status == CLV_OK && journal != NULL && i < journal->count; i++)
		if (journal->ops[i].folder == folder)
			status =
			    load_name(refresh, folder, journal->ops[i].name);
	return status;
}

static clv_status
sweep(struct refresh *refresh, enum clv_trust_folder folder)
{
	struct clv_trust_files *files = &refresh->trust->files;
	struct clv_trust_file *file;
	size_t bucket = 0;

	file = clv_trust_files_next(files, NULL, &bucket);
	while (file != NULL) {
		struct clv_trust_file *next;
		clv_status status = CLV_OK;
		size_t at = bucket;

		next = clv_trust_files_next(files, file, &at);
		if (file->folder == folder && !file->seen)
			status = replace_file(refresh, file, NULL);
		if (status != CLV_OK)
			return status;
		file = next;
		bucket = at;
	}
	return CLV_OK;
}

static clv_status
list_folder(struct refresh *refresh, enum clv_trust_folder folder)
{
	struct clv_trust_files *files = &refresh->trust->files;
	struct clv_trust_file *file = NULL;
	clv_status status = CLV_OK;
	size_t bucket = 0;

	while ((file = clv_trust_files_next(files, file, &bucket)) != NULL)
		if (file->folder == folder)
			file->seen = false;
	if (refresh->trust->layout.folders[folder] >= 0)
		status = list_names(refresh, folder);
	if (status == CLV_OK)
		status = list_journal(refresh, folder);
	if (status == CLV_OK)
		status = sweep(refresh, folder);
	return status;
}

/* ---- what the watch tells ---- */

static void
on_change(void *user, enum clv_trust_folder folder, const char *name)
{
	struct refresh *refresh = user;

	/* "..data" is what Kubernetes turns to make links lead elsewhere. */
	if (name == NULL || strncmp(name, "..", 2) == 0)
		refresh->relist[folder] = true;
	else if (refresh->status == CLV_OK && !is_hidden(name))
		refresh->status = load_name(refresh, folder, name);
}

/* What is changed by a journal that came, or was by one that went, is looked
 * at file by file. */
static clv_status
load_ops(struct refresh *refresh, const struct clv_journal *journal)
{
	clv_status status = CLV_OK;

	for (size_t i = 0;
	     status == CLV_OK && journal != NULL && i < journal->count; i++)
		status = load_name(
		    refresh, journal->ops[i].folder, journal->ops[i].name);
	return status;
}

/* Keeps in mind what the journal that was found waits for. */
static void
keep_decision(clv_trust *trust, struct clv_journal *journal, bool decided)
{
	clv_decision_clear(&trust->when);
	if (journal != NULL) {
		trust->when = journal->when;
		journal->when.path = NULL; /* transferred */
	}
	trust->decided = decided;
	atomic_store(&trust->asking, trust->when.path != NULL);
}

/* Without the kernel's word for it, the files of a change that was waiting
 * may have been read half carried out. */
static void
distrust_listing(struct refresh *refresh)
{
	if (clv_watch_is_exact(refresh->trust->watch))
		return;
	refresh->again = true;
	for (size_t i = 0; i < CLV_FOLDER_COUNT; i++)
		refresh->relist[i] = true;
}

static clv_status
read_journal(struct refresh *refresh)
{
	clv_trust *trust = refresh->trust;
	const bool waited = trust->when.path != NULL && !trust->decided;
	struct clv_journal *old = trust->journal;
	struct clv_journal *journal = NULL;
	enum clv_journal_found found;
	clv_status status;

	status = clv_journal_read(
	    trust->guard, &trust->layout, &journal, &found, refresh->err);
	if (status != CLV_OK)
		return status;
	keep_decision(trust, journal, found == CLV_JOURNAL_IN_FORCE);
	if (found == CLV_JOURNAL_WAITING)
		clv_journal_free(&journal);
	if (waited && found != CLV_JOURNAL_WAITING && journal == NULL)
		distrust_listing(refresh);
	trust->journal = journal;
	trust->loader.journal = journal;
	/* Also if it has the nonce of before: somebody may have written other
	 * things into it. */
	status = load_ops(refresh, old);
	if (status == CLV_OK)
		status = load_ops(refresh, journal);
	clv_journal_free(&old);
	return status;
}

/*
 * Asks what a journal waits for, or counts by. True if it has to be read
 * again: also if the question fails, for then reading it tells why. A journal
 * that has gone may have been decided and carried out in between.
 */
static bool
has_other_answer(const clv_trust *trust)
{
	bool decided = false;

	if (trust->when.path == NULL)
		return false;
	return clv_decision_ask(trust->guard, trust->layout.root, &trust->when,
		   &decided, NULL) != CLV_OK ||
	    decided != trust->decided ||
	    (!decided &&
		faccessat(trust->layout.state, CLV_JOURNAL_NAME, F_OK, 0) != 0);
}

static clv_status
reopen(struct refresh *refresh)
{
	clv_trust *trust = refresh->trust;
	clv_status status;

	/* What is moved between opening and watching would be missed. */
	for (int tries = 0; tries < ROUNDS_MAX; tries++) {
		status = clv_layout_open(
		    trust->guard, trust->path, &trust->layout, refresh->err);
		if (status != CLV_OK)
			return status;
		clv_watch_attach(trust->watch, &trust->layout);
		if (clv_layout_is_current(&trust->layout))
			break;
	}
	for (size_t i = 0; i < CLV_FOLDER_COUNT; i++)
		refresh->relist[i] = true;
	return CLV_OK;
}

/* The directories above may have become insecure, what links lead to may have
 * changed, and what could not be read may be readable now. */
static clv_status
audit(struct refresh *refresh)
{
	clv_trust *trust = refresh->trust;
	struct clv_trust_file *file = NULL;
	size_t bucket = 0;
	clv_status status;
	int fd = -1;

	status = clv_guard_open_directory(trust->guard, CLV_GUARD_TRUST,
	    AT_FDCWD, trust->path, &fd, NULL, refresh->err);
	if (status != CLV_OK)
		return status;
	(void)close(fd);
	if (trust->files.unsettled == 0)
		return CLV_OK;
	while (
	    (file = clv_trust_files_next(&trust->files, file, &bucket)) != NULL)
		if (clv_trust_file_is_unsettled(file))
			refresh->relist[file->folder] = true;
	return CLV_OK;
}

static clv_status
take_round(struct refresh *refresh)
{
	clv_trust *trust = refresh->trust;
	unsigned flags = clv_watch_drain(trust->watch, on_change, refresh);
	clv_status status = refresh->status;

	if (trust->stale)
		flags |= CLV_WATCH_REOPEN;
	/* What failed may have failed because it was moved away. */
	if ((flags & CLV_WATCH_REOPEN) != 0) {
		if (status != CLV_OK && refresh->err != NULL)
			clv_error_free(refresh->err);
		refresh->status = CLV_OK;
		status = reopen(refresh);
		flags |= CLV_WATCH_JOURNAL;
	}
	trust->stale = true;
	if (status == CLV_OK && (flags & CLV_WATCH_AUDIT) != 0)
		status = audit(refresh);
	if (status == CLV_OK &&
	    ((flags & CLV_WATCH_JOURNAL) != 0 || has_other_answer(trust)))
		status = read_journal(refresh);
	for (size_t i = 0; i < CLV_FOLDER_COUNT && status == CLV_OK; i++)
		if (refresh->relist[i]) {
			refresh->relist[i] = false;
			status = list_folder(refresh, (enum clv_trust_folder)i);
		}
	/* Nobody had begun to carry it out: what was read is the old list. */
	if (status == CLV_OK && !trust->decided && has_other_answer(trust))
		status = read_journal(refresh);
	trust->stale = status != CLV_OK;
	return status;
}

/* ---- the whole ---- */

/* After a failure half-way the table of files is right, as far as it goes,
 * and the snapshot is not: it is built anew. */
static clv_status
rebuild(struct refresh *refresh)
{
	clv_trust *trust = refresh->trust;
	struct clv_trust_file *file = NULL;
	clv_status status;
	size_t bucket = 0;

	status = clv_trust_builder_new(
	    trust->engine, NULL, &refresh->builder, refresh->err);
	if (status == CLV_OK)
		status = clv_trust_builder_reserve(
		    refresh->builder, trust->files.count, refresh->err);
	while (status == CLV_OK &&
	    (file = clv_trust_files_next(&trust->files, file, &bucket)) != NULL)
		for (size_t i = 0; i < file->count && status == CLV_OK; i++)
			status = build_entry(refresh, &file->entries[i], false);
	return status;
}

/* The first of the CRL files that can't be read. */
static const char *
lost_crl(const clv_trust *trust)
{
	struct clv_trust_file *file = NULL;
	size_t bucket = 0;

	if (trust->files.lost_crls == 0)
		return NULL;
	while (
	    (file = clv_trust_files_next(&trust->files, file, &bucket)) != NULL)
		if (file->problem != NULL &&
		    (file->folder == CLV_FOLDER_TRUSTED_CRL ||
			file->folder == CLV_FOLDER_ISSUER_CRL))
			break;
	return file != NULL ? file->path : NULL;
}

static clv_status
publish(struct refresh *refresh)
{
	clv_trust *trust = refresh->trust;
	clv_trust_snapshot *snapshot = NULL;
	clv_status status;

	status = clv_trust_builder_set_lost_crl(
	    refresh->builder, lost_crl(trust), refresh->err);
	if (status == CLV_OK)
		status = clv_trust_builder_finish(
		    &refresh->builder, &snapshot, refresh->err);
	if (status != CLV_OK)
		return status;
	clv_trust_cell_publish(&trust->cell, snapshot);
	clv_notices_publish(trust->notices);
	return CLV_OK;
}

/* Whether the snapshot says the same of lost CRLs as the files do. */
static bool
lost_is_told(clv_trust *trust)
{
	clv_trust_snapshot *snapshot = clv_trust_cell_acquire(&trust->cell);
	const bool told =
	    snapshot != NULL && clv_trust_snapshot_lost_crl(snapshot) != NULL;

	clv_trust_snapshot_unref(snapshot);
	return told == (trust->files.lost_crls > 0);
}

static clv_status
refresh_list(clv_trust *trust, clv_error **err)
{
	struct refresh refresh = {.trust = trust, .err = err};
	clv_status status = CLV_OK;

	refresh.first = atomic_load(&trust->cell.current) == NULL;
	refresh.anew = trust->stale || refresh.first;
	trust->stale = refresh.anew;
	for (int round = 0; status == CLV_OK && round < ROUNDS_MAX; round++) {
		refresh.again = false;
		status = take_round(&refresh);
		if (!clv_watch_has_more(trust->watch) && !refresh.again)
			break;
	}
	if (status == CLV_OK && refresh.anew)
		status = rebuild(&refresh);
	else if (status == CLV_OK && !lost_is_told(trust))
		status = need_builder(&refresh);
	if (status == CLV_OK && refresh.builder != NULL)
		status = publish(&refresh);
	clv_trust_builder_free(&refresh.builder);
	if (status == CLV_OK)
		clv_watch_settle(trust->watch);
	trust->stale = status != CLV_OK;
	return status;
}

clv_status
clv_trust_refresh(clv_trust *trust, clv_error **err)
{
	clv_status status = CLV_OK;

	(void)pthread_mutex_lock(&trust->reading);
	/* Another thread may have done it while this one waited. */
	if (trust->stale || !clv_trust_is_quiet(trust))
		status = refresh_list(trust, err);
	(void)pthread_mutex_unlock(&trust->reading);
	return status;
}
