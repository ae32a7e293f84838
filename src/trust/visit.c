/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Showing what a list holds. */

#include "trust/item.h"
#include "trust/list.h"

#include <stdio.h>
#include <stdlib.h>

static clv_status
raise_cancelled(clv_error **err)
{
	return clv_error_raise(err, CLV_CANCELLED,
	    &(struct clv_error_info){.operation = "go through TrustList"},
	    "stopped by the visitor");
}

static bool
visit_certs(const clv_trust_snapshot *snapshot, unsigned lists,
    clv_trust_visit_fn *fn, void *user, struct clv_trust_item_text *text)
{
	const struct clv_trust_member *member;
	size_t position = 0;

	while ((member = clv_trust_snapshot_next_cert(snapshot, &position)) !=
	    NULL) {
		const clv_trust_mask list =
		    clv_trust_mask_of(false, member->where);

		if ((lists & (unsigned)list) == 0)
			continue;
		clv_trust_item_from_cert(text, member->cert, list);
		if (!fn(user, &text->item))
			return false;
	}
	return true;
}

static bool
visit_crls(const clv_trust_snapshot *snapshot, unsigned lists,
    clv_trust_visit_fn *fn, void *user, struct clv_trust_item_text *text)
{
	const struct clv_trust_crl_member *member;
	size_t position = 0;

	while ((member = clv_trust_snapshot_next_crl(snapshot, &position)) !=
	    NULL) {
		const clv_trust_mask list =
		    clv_trust_mask_of(true, member->where);

		if ((lists & (unsigned)list) == 0)
			continue;
		clv_trust_item_from_crl(text, member->crl, list);
		if (!fn(user, &text->item))
			return false;
	}
	return true;
}

clv_status
clv_trust_visit(clv_trust *trust, unsigned lists, clv_trust_visit_fn *fn,
    void *user, clv_error **err)
{
	struct clv_trust_item_text text;
	clv_trust_snapshot *snapshot;
	clv_status status;

	status = clv_trust_get_snapshot(trust, &snapshot, err);
	if (status != CLV_OK)
		return status;
	if (!visit_certs(snapshot, lists, fn, user, &text) ||
	    !visit_crls(snapshot, lists, fn, user, &text))
		status = raise_cancelled(err);
	clv_trust_snapshot_unref(snapshot);
	return status;
}

/* ---- rejected ---- */

struct rejected_visit {
	clv_trust_visit_fn *fn;
	void *user;
	struct clv_trust_item_text text;
	bool stopped;
};

static bool
visit_rejected(void *user, const char *name, const uint8_t *der, size_t size)
{
	struct rejected_visit *visit = user;
	struct clv_trust_cert *cert = NULL;
	char *path = NULL;

	if (clv_trust_cert_parse(der, size, NULL, NULL, &cert, NULL) != CLV_OK)
		return true;
	clv_trust_item_from_cert(&visit->text, cert, CLV_TRUST_NO_LIST);
	if (asprintf(&path, "rejected/certs/%s", name) >= 0) {
		clv_trust_item_set_file(&visit->text, path);
		free(path);
	}
	visit->stopped = !visit->fn(visit->user, &visit->text.item);
	clv_trust_cert_unref(cert);
	return !visit->stopped;
}

clv_status
clv_trust_visit_rejected(
    clv_trust *trust, clv_trust_visit_fn *fn, void *user, clv_error **err)
{
	struct rejected_visit visit = {.fn = fn, .user = user};
	clv_status status =
	    clv_rejected_visit(trust->rejected, visit_rejected, &visit, err);

	if (status == CLV_OK && visit.stopped)
		status = raise_cancelled(err);
	return status;
}

/* ---- problems ---- */

clv_status
clv_trust_visit_problems(
    clv_trust *trust, clv_trust_problem_fn *fn, void *user, clv_error **err)
{
	struct clv_trust_file *file = NULL;
	struct clv_trust_item_text text;
	clv_status status;
	size_t bucket = 0;

	if ((status = clv_trust_refresh(trust, err)) != CLV_OK)
		return status;
	(void)pthread_mutex_lock(&trust->reading);
	while (status == CLV_OK && trust->files.problems > 0 &&
	    (file = clv_trust_files_next(&trust->files, file, &bucket)) !=
		NULL) {
		if (file->problem == NULL)
			continue;
		clv_trust_item_set_file(&text, file->path);
		if (!fn(user, text.file, file->problem))
			status = raise_cancelled(err);
	}
	(void)pthread_mutex_unlock(&trust->reading);
	return status;
}
