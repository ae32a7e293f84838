/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/list.h"

#include <stdlib.h>
#include <string.h>

#include "trust/signature.h"

static clv_status
raise_no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "open TrustList"},
	    "out of memory");
}

/* ---- options ---- */

static const struct clv_trust_options default_options = {
    .interval_ms = CLV_WATCH_INTERVAL_MS,
    .max_files = CLV_TRUST_MAX_FILES,
    .max_file_size = CLV_TRUST_MAX_FILE_SIZE,
    .rejected = {CLV_TRUST_MAX_REJECTED, CLV_TRUST_MAX_REJECTED_SIZE},
};

clv_status
clv_trust_options_new(clv_trust_options **out, clv_error **err)
{
	*out = malloc(sizeof(**out));
	if (*out == NULL)
		return raise_no_memory(err);
	**out = default_options;
	return CLV_OK;
}

void
clv_trust_options_free(clv_trust_options **options)
{
	if (options == NULL || *options == NULL)
		return;
	clv_guard_free(&(*options)->guard);
	free(*options);
	*options = NULL;
}

clv_status
clv_trust_options_set_guard(
    clv_trust_options *options, const clv_guard *guard, clv_error **err)
{
	clv_guard *copy = NULL;
	clv_status status;

	if ((status = clv_guard_copy(guard, &copy, err)) != CLV_OK)
		return status;
	clv_guard_free(&options->guard);
	options->guard = copy;
	return CLV_OK;
}

void
clv_trust_options_set_log(
    clv_trust_options *options, clv_log_level level, clv_log_fn *fn, void *user)
{
	options->logger = (struct clv_logger){fn, user, level};
}

void
clv_trust_options_set_create(clv_trust_options *options, bool create)
{
	options->create = create;
}

void
clv_trust_options_set_polling(
    clv_trust_options *options, bool polling, unsigned interval_ms)
{
	options->polling = polling;
	options->interval_ms =
	    interval_ms != 0 ? interval_ms : CLV_WATCH_INTERVAL_MS;
}

clv_status
clv_trust_options_set_limit(clv_trust_options *options, clv_trust_limit limit,
    size_t value, clv_error **err)
{
	size_t *const places[] = {
	    [CLV_TRUST_LIMIT_FILES] = &options->max_files,
	    [CLV_TRUST_LIMIT_FILE_SIZE] = &options->max_file_size,
	    [CLV_TRUST_LIMIT_REJECTED] = &options->rejected.count,
	    [CLV_TRUST_LIMIT_REJECTED_SIZE] = &options->rejected.bytes,
	};

	if ((int)limit < CLV_TRUST_LIMIT_FILES ||
	    limit > CLV_TRUST_LIMIT_REJECTED_SIZE ||
	    (value == 0 && limit <= CLV_TRUST_LIMIT_FILE_SIZE) ||
	    value >= SIZE_MAX / 2)
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "limit TrustList"},
		    "limit %d can't be %zu", (int)limit, value);
	*places[limit] = value;
	return CLV_OK;
}

/* ---- opening ---- */

static clv_status
copy_options(
    clv_trust *trust, const clv_trust_options *options, clv_error **err)
{
	trust->logger = options->logger;
	trust->max_files = options->max_files;
	trust->loader.max_size = options->max_file_size;
	if (options->guard != NULL)
		return clv_guard_copy(options->guard, &trust->guard, err);
	return clv_guard_new(&trust->guard, err);
}

/* What can fail is judged now: an application should hear of an insecure
 * TrustList when it starts, and not from its first client. */
static clv_status
open_directory(
    clv_trust *trust, const clv_trust_options *options, clv_error **err)
{
	bool made = false;
	clv_status status;

	if (options->create) {
		status = clv_layout_create(trust->path, &made, err);
		if (status != CLV_OK)
			return status;
	}
	status =
	    clv_layout_open(trust->guard, trust->path, &trust->layout, err);
	if (status == CLV_OK)
		status = clv_layout_recognise(&trust->layout, err);
	if (status != CLV_OK)
		return status;
	trust->loader.guard = trust->guard;
	trust->loader.layout = &trust->layout;
	return clv_watch_new(trust->path, options->polling,
	    options->interval_ms, &trust->watch, err);
}

clv_status
clv_trust_open(const char *directory, const clv_trust_options *options,
    clv_trust **out, clv_error **err)
{
	clv_trust *trust = calloc(1, sizeof(*trust));
	clv_status status;

	*out = NULL;
	if (trust == NULL)
		return raise_no_memory(err);
	trust->layout = (struct clv_layout)CLV_LAYOUT_INIT;
	(void)pthread_mutex_init(&trust->writing, NULL);
	(void)pthread_mutex_init(&trust->reading, NULL);
	trust->stale = true;
	if (options == NULL)
		options = &default_options;
	if ((status = clv_layout_absolute(directory, &trust->path, err)) !=
		CLV_OK ||
	    (status = copy_options(trust, options, err)) != CLV_OK ||
	    (status = open_directory(trust, options, err)) != CLV_OK ||
	    (status = clv_trust_engine_new(&trust->engine, err)) != CLV_OK ||
	    (status = clv_notices_new(&trust->notices, err)) != CLV_OK ||
	    (status = clv_rejected_new(trust->path, &options->rejected,
		 &trust->logger, &trust->rejected, err)) != CLV_OK)
		goto out;

	*out = trust;
	trust = NULL; /* transferred */
out:
	clv_trust_free(&trust);
	return status;
}

void
clv_trust_free(clv_trust **trust)
{
	clv_trust *self = trust != NULL ? *trust : NULL;

	if (self == NULL)
		return;
	clv_rejected_free(&self->rejected);
	clv_notices_free(&self->notices);
	clv_watch_free(&self->watch);
	clv_trust_cell_publish(&self->cell, NULL);
	clv_trust_files_clear(&self->files);
	clv_trust_loader_clear(&self->loader);
	clv_journal_free(&self->journal);
	clv_decision_clear(&self->when);
	clv_layout_close(&self->layout);
	clv_trust_engine_unref(self->engine);
	clv_guard_free(&self->guard);
	(void)pthread_mutex_destroy(&self->writing);
	(void)pthread_mutex_destroy(&self->reading);
	free(self->path);
	free(self);
	*trust = NULL;
}

const char *
clv_trust_path(const clv_trust *trust)
{
	return trust->path;
}

/* ---- checking ---- */

bool
clv_trust_is_quiet(clv_trust *trust)
{
	return clv_watch_is_quiet(trust->watch) && !atomic_load(&trust->asking);
}

clv_status
clv_trust_get_snapshot(
    clv_trust *trust, clv_trust_snapshot **out, clv_error **err)
{
	clv_status status;

	*out = NULL;
	if (!clv_trust_is_quiet(trust) &&
	    (status = clv_trust_refresh(trust, err)) != CLV_OK)
		return status;
	*out = clv_trust_cell_acquire(&trust->cell);
	return CLV_OK;
}

void
clv_trust_snapshot_free(clv_trust_snapshot **snapshot)
{
	if (snapshot == NULL)
		return;
	clv_trust_snapshot_unref(*snapshot);
	*snapshot = NULL;
}

clv_status
clv_trust_verify(clv_trust *trust, const void *der, size_t size,
    const clv_verify_options *options, clv_verdict **out, clv_error **err)
{
	clv_trust_snapshot *snapshot;
	clv_verdict *verdict = NULL;
	clv_status status;

	if (out != NULL)
		*out = NULL;
	status = clv_trust_get_snapshot(trust, &snapshot, err);
	if (status != CLV_OK)
		return status;
	status = clv_verify(snapshot, der, size, options, &verdict, err);
	if (status == CLV_UNTRUSTED && clv_verdict_only_untrusted(verdict)) {
		size_t leaf = 0;
		const uint8_t *bytes = clv_verdict_chain_der(verdict, 0, &leaf);

		clv_trust_reject(trust, bytes, leaf);
	}
	clv_trust_snapshot_unref(snapshot);
	if (out != NULL)
		*out = verdict;
	else
		clv_verdict_free(&verdict);
	return status;
}

/* ---- the RejectedList ---- */

void
clv_trust_reject(clv_trust *trust, const void *der, size_t size)
{
	clv_rejected_put(trust->rejected, der, size);
}

void
clv_trust_flush_rejected(clv_trust *trust)
{
	clv_rejected_flush(trust->rejected);
}
