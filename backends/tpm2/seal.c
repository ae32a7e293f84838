/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A small secret, such as the password of a PEM key or the PIN of a token,
 * that only this TPM can open: it stands in no file in clear, and a copy of
 * the disk is worth nothing.
 */

#include "key.h"

#include <string.h>

#include "auth.h"
#include "commands.h"

struct sealing {
	TPM2_HANDLE parent;
	struct clv_span input;
	struct clv_tpm_keyfile file;
	struct clv_tpm_object object;
	clv_secret *output;
};

static TSS2_RC
seal(struct clv_tpm_link *link, void *job)
{
	static const TPM2B_NAME unknown;
	struct sealing *sealing = job;
	const struct clv_tpm_recipe recipe = {
	    .template = &clv_tpm_seal_template, .sealed = sealing->input};
	TSS2_RC rc = clv_tpm_need_parent(link, sealing->parent, &unknown);

	sealing->file.parent_name = link->primary.name;
	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_create(link, &recipe, &sealing->file.private_area,
		    &sealing->file.public_area);
	return rc;
}

static TSS2_RC
unseal(struct clv_tpm_link *link, void *job)
{
	static const struct clv_tpm_auth no_auth;
	struct sealing *sealing = job;
	struct clv_tpm_handle handle = {.name = &sealing->object.name};
	struct clv_span secret = {NULL, 0};
	TSS2_RC rc = clv_tpm_need(link, &sealing->object, &handle.handle);

	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_unseal(link, &handle, &no_auth, &secret);
	if (rc == TSS2_RC_SUCCESS &&
	    clv_secret_set(sealing->output, secret.data, secret.size, NULL) !=
		CLV_OK)
		rc = CLV_TPM_RC_MEMORY;
	return rc;
}

static clv_status
find_place(clv_host *host, const clv_uri *uri, struct clv_tpm_store **store,
    struct clv_tpm_place *place, clv_error **err)
{
	void *opened = NULL;
	clv_status status = clv_tpm_store_open(host, uri, true, &opened, err);

	*store = opened;
	if (status != CLV_OK)
		return status;
	status = clv_tpm_place_find(*store, uri, place, err);
	if (status == CLV_OK && place->name == NULL) {
		clv_tpm_place_clear(place);
		status = clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "seal secret",
			.subject = clv_uri_redacted(uri)},
		    "a sealed secret needs a file");
	}
	if (status != CLV_OK) {
		clv_tpm_store_close(*store);
		*store = NULL;
	}
	return status;
}

clv_status
clv_tpm_seal(clv_host *host, const clv_uri *uri, const clv_secret *secret,
    clv_error **err)
{
	struct sealing sealing = {.input = {secret->data, secret->size},
	    .file = {.kind = CLV_TPM_SEALED, .empty_auth = true}};
	struct clv_tpm_store *store = NULL;
	struct clv_tpm_place place;
	clv_status status;

	if (secret->size == 0 || secret->size > CLV_TPM_SEALED_MAX)
		return clv_error_raise(err,
		    secret->size == 0 ? CLV_INVALID : CLV_TOO_LARGE,
		    &(struct clv_error_info){.operation = "seal secret",
			.subject = clv_uri_redacted(uri)},
		    "a TPM seals 1 to %u bytes", CLV_TPM_SEALED_MAX);
	status = find_place(host, uri, &store, &place, err);
	if (status != CLV_OK)
		return status;
	sealing.parent = sealing.file.parent = place.parent;
	status =
	    clv_tpm_run(&store->use, NULL, seal, &sealing, "seal secret", err);
	if (status == CLV_OK)
		status = clv_tpm_file_write(host, place.directory, place.name,
		    false, &sealing.file, err);
	clv_tpm_place_clear(&place);
	clv_tpm_store_close(store);
	return status;
}

static clv_status
read_sealed(clv_host *host, const struct clv_tpm_store *store,
    const clv_uri *uri, struct sealing *sealing, clv_error **err)
{
	clv_status status = clv_tpm_file_read(host, clv_uri_path(uri),
	    clv_uri_redacted(uri), &sealing->file, err);

	if (status != CLV_OK)
		return status;
	if (sealing->file.kind != CLV_TPM_SEALED || !sealing->file.empty_auth)
		return clv_error_raise(err, CLV_UNSUPPORTED,
		    &(struct clv_error_info){.operation = "unseal secret",
			.subject = clv_uri_redacted(uri),
			.remedy = "claviger seal --out FILE"},
		    sealing->file.kind == CLV_TPM_SEALED
			? "it has an auth value of its own"
			: "it is a key, not a sealed secret");
	return clv_tpm_object_of(
	    &store->use, &sealing->file, &sealing->object, err);
}

clv_status
clv_tpm_unseal_file(
    clv_host *host, const clv_uri *uri, clv_secret *secret, clv_error **err)
{
	struct sealing sealing = {.output = secret};
	struct clv_tpm_store *store = NULL;
	struct clv_tpm_place place;
	clv_status status = find_place(host, uri, &store, &place, err);

	if (status != CLV_OK)
		return status;
	status = read_sealed(host, store, uri, &sealing, err);
	if (status == CLV_OK)
		status = clv_tpm_run(&store->use, &sealing.object, unseal,
		    &sealing, "unseal secret", err);
	clv_tpm_drop(store->use.tpm, &sealing.object);
	clv_tpm_place_clear(&place);
	clv_tpm_store_close(store);
	return status;
}
