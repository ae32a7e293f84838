/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/prepare.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* ---- the list as it will be ---- */

static clv_status
build_entry(struct clv_trust_builder *builder,
    const struct clv_trust_entry *entry, clv_error **err)
{
	if (entry->cert != NULL)
		return clv_trust_builder_add_cert(
		    builder, entry->cert, entry->where, err);
	return clv_trust_builder_add_crl(
	    builder, entry->crl, entry->where, err);
}

static void
unbuild_file(
    struct clv_trust_builder *builder, const struct clv_trust_file *file)
{
	for (size_t i = 0; file != NULL && i < file->count; i++) {
		const struct clv_trust_entry *entry = &file->entries[i];

		if (entry->cert != NULL)
			(void)clv_trust_builder_remove_cert(
			    builder, entry->cert, entry->where);
		else
			(void)clv_trust_builder_remove_crl(
			    builder, entry->crl, entry->where);
	}
}

static clv_status
build_op(const struct clv_change *change, struct clv_trust_builder *builder,
    const struct clv_trust_op *op, clv_error **err)
{
	struct clv_trust_file *file = NULL;
	clv_status status;

	unbuild_file(builder,
	    clv_trust_files_find(&change->trust->files, op->folder, op->name));
	if (op->remove)
		return CLV_OK;
	status = clv_trust_file_new(
	    op->folder, change->layout.names[op->folder], op->name, &file, err);
	if (status == CLV_OK)
		status = clv_trust_load_bytes(file, op->content, op->size, err);
	for (size_t i = 0; status == CLV_OK && i < file->count; i++)
		status = build_entry(builder, &file->entries[i], err);
	clv_trust_file_free(&file);
	return status;
}

/* A CRL file that can't be read and that stays. */
static const char *
lost_crl(const struct clv_change *change)
{
	const struct clv_trust_files *files = &change->trust->files;
	struct clv_trust_file *file = NULL;
	size_t bucket = 0;

	if (files->lost_crls == 0)
		return NULL;
	while ((file = clv_trust_files_next(files, file, &bucket)) != NULL)
		if (file->problem != NULL &&
		    (file->folder == CLV_FOLDER_TRUSTED_CRL ||
			file->folder == CLV_FOLDER_ISSUER_CRL) &&
		    clv_journal_find(change->ops,
			(enum clv_trust_folder)file->folder,
			clv_trust_file_name(file)) == NULL)
			return file->path;
	return NULL;
}

static clv_status
build(const struct clv_change *change, clv_trust_snapshot *base,
    clv_trust_snapshot **out, clv_error **err)
{
	const struct clv_journal *ops = change->ops;
	struct clv_trust_builder *builder = NULL;
	clv_status status;

	status =
	    clv_trust_builder_new(change->trust->engine, base, &builder, err);
	for (size_t i = 0; status == CLV_OK && i < ops->count; i++)
		status = build_op(change, builder, &ops->ops[i], err);
	if (status == CLV_OK)
		status = clv_trust_builder_set_lost_crl(
		    builder, lost_crl(change), err);
	if (status == CLV_OK)
		status = clv_trust_builder_finish(&builder, out, err);
	clv_trust_builder_free(&builder);
	return status;
}

clv_status
clv_change_snapshot(
    struct clv_change *change, clv_trust_snapshot **out, clv_error **err)
{
	clv_trust *trust = change->trust;
	clv_trust_snapshot *base = NULL;
	clv_status status;

	*out = NULL;
	if (change->ops->count == 0)
		return clv_trust_get_snapshot(trust, out, err);
	if ((status = clv_trust_refresh(trust, err)) != CLV_OK)
		return status;
	clv_journal_seal(change->ops);
	(void)pthread_mutex_lock(&trust->reading);
	base = clv_trust_cell_acquire(&trust->cell);
	status = build(change, base, out, err);
	(void)pthread_mutex_unlock(&trust->reading);
	clv_trust_snapshot_unref(base);
	return status;
}

/* ---- size ---- */

static clv_status
raise_too_large(
    const struct clv_change *change, const char *why, clv_error **err)
{
	return clv_error_raise(err, CLV_TOO_LARGE,
	    &(struct clv_error_info){.operation = "change TrustList",
		.subject = change->trust->path,
		.domain = CLV_DOMAIN_OPCUA,
		.code = CLV_SC_BAD_REQUEST_TOO_LARGE,
		.code_name = "BadRequestTooLarge"},
	    "%s", why);
}

/* How many files there would be, of those that were read. */
static size_t
count_files(const struct clv_change *change)
{
	const struct clv_trust_files *files = &change->trust->files;
	size_t count = files->count;

	for (size_t i = 0; i < change->ops->count; i++) {
		const struct clv_trust_op *op = &change->ops->ops[i];
		const bool there =
		    clv_trust_files_find(files, op->folder, op->name) != NULL;

		if (op->remove && there)
			count--;
		else if (!op->remove && !there)
			count++;
	}
	return count;
}

clv_status
clv_change_check_size(const struct clv_change *change, clv_error **err)
{
	clv_trust *trust = change->trust;
	size_t count;

	clv_journal_seal(change->ops);
	for (size_t i = 0; i < change->ops->count; i++)
		if (change->ops->ops[i].size > trust->loader.max_size)
			return raise_too_large(change,
			    "one of the certificates or CRLs is larger than "
			    "a file may be",
			    err);
	(void)pthread_mutex_lock(&trust->reading);
	count = count_files(change);
	(void)pthread_mutex_unlock(&trust->reading);
	if (count > trust->max_files)
		return raise_too_large(
		    change, "it would have more files than it may", err);
	return CLV_OK;
}

/* ---- in two phases ---- */

bool
clv_change_is_empty(const struct clv_change *change)
{
	return change->ops == NULL || change->ops->count == 0;
}

clv_status
clv_change_prepare(
    struct clv_change *change, const struct clv_decision *when, clv_error **err)
{
	clv_status status;

	clv_change_sift(change);
	if (clv_change_is_empty(change))
		return CLV_OK;
	clv_decision_clear(&change->ops->when);
	change->ops->when = *when;
	change->ops->when.path = strdup(when->path);
	if (change->ops->when.path == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	status = clv_journal_commit(&change->layout, change->ops, err);
	/* It may be there although that failed, not durably. */
	if (status != CLV_OK)
		(void)clv_change_discard(change, NULL);
	return status;
}

clv_status
clv_change_carry_out(struct clv_change *change, clv_error **err)
{
	if (clv_change_is_empty(change))
		return CLV_OK;
	return clv_change_apply(change, err);
}

clv_status
clv_change_discard(struct clv_change *change, clv_error **err)
{
	clv_error *failure = NULL;
	clv_status status;

	change->result = (clv_trust_change){.added = 0};
	if (clv_change_is_empty(change) || change->layout.state < 0)
		return CLV_OK;
	status =
	    clv_file_unlink(change->layout.state, CLV_JOURNAL_NAME, &failure);
	if (status == CLV_NOT_FOUND)
		status = CLV_OK;
	if (status != CLV_OK && err != NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	return status;
}

/* ---- what others left ---- */

clv_status
clv_change_recover(
    clv_trust *trust, struct clv_change_recovery *done, clv_error **err)
{
	struct clv_change change;
	clv_status status;

	*done = (struct clv_change_recovery){.found = CLV_JOURNAL_NONE};
	status = clv_change_begin(&change, trust, err);
	done->found = change.found;
	done->swept = change.swept;
	for (size_t i = 0; status == CLV_OK && i < CLV_FOLDER_COUNT; i++)
		if (change.layout.folders[i] >= 0)
			done->swept += clv_file_sweep(change.layout.folders[i]);
	clv_change_end(&change);
	return status;
}

clv_status
clv_trust_recover(clv_trust *trust, clv_error **err)
{
	struct clv_change_recovery done;

	return clv_change_recover(trust, &done, err);
}
