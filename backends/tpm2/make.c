/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* New keys: made by the TPM, or given to it. */

#include "key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "commands.h"
#include "wrap.h"

struct making {
	struct clv_tpm_store *store;
	const struct clv_key_spec *spec;
	bool lockable;
	clv_secret auth;
	clv_secret sensitive; /* of an imported key */
	clv_secret owner;
	TPM2B_PUBLIC template;
	struct clv_tpm_object object;
	char *name; /* of the file; NULL for a persistent key */
};

static void
making_clear(struct making *making)
{
	clv_secret_clear(&making->auth);
	clv_secret_clear(&making->sensitive);
	clv_secret_clear(&making->owner);
	free(making->name);
}

static clv_status
refuse(const struct making *making, clv_status status, const char *reason,
    clv_error **err)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "make TPM key",
		.subject = making->store->use.subject},
	    "%s", reason);
}

/* "lockout" = "on" or "off": whether the TPM counts wrong auth values. */
static clv_status
read_options(struct making *making, clv_error **err)
{
	const char *const *option = making->spec->options;

	for (; option != NULL && *option != NULL; option += 2) {
		if (strcmp(option[1], "on") == 0)
			making->lockable = true;
		else if (strcmp(option[1], "off") != 0)
			return refuse(making, CLV_INVALID,
			    "lockout must be \"on\" or \"off\"", err);
	}
	if (making->spec->id != NULL)
		return refuse(making, CLV_UNSUPPORTED,
		    "a TPM key has no identifier but its own hash", err);
	return CLV_OK;
}

static clv_status
prepare(struct making *making, clv_error **err)
{
	const struct clv_tpm_store *store = making->store;
	clv_status status = read_options(making, err);

	if (status != CLV_OK)
		return status;
	if (store->directory == NULL && making->spec->label_given)
		return refuse(making, CLV_UNSUPPORTED,
		    "a persistent key has a handle instead of a label", err);
	if (store->directory != NULL &&
	    asprintf(&making->name, "%s" CLV_TPM_SUFFIX, making->spec->label) <
		0) {
		making->name = NULL;
		return refuse(making, CLV_NO_MEMORY, "out of memory", err);
	}
	return CLV_OK;
}

/* ---- the work ---- */

static TSS2_RC
finish_object(struct clv_tpm_link *link, struct making *making)
{
	struct clv_tpm_object *object = &making->object;

	object->parent = making->store->parent;
	object->parent_name = link->primary.name;
	return clv_tpm_name_of(&object->public_area, &object->name);
}

static TSS2_RC
need_parent(struct clv_tpm_link *link, const struct making *making)
{
	return clv_tpm_need_parent(
	    link, making->store->parent, &making->store->parent_name);
}

static TSS2_RC
create(struct clv_tpm_link *link, void *job)
{
	struct making *making = job;
	const struct clv_tpm_recipe recipe = {.template = &making->template,
	    .auth = clv_tpm_auth_of(&making->auth)};
	TSS2_RC rc = need_parent(link, making);

	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_create(link, &recipe, &making->object.private_area,
		    &making->object.public_area);
	return rc != TSS2_RC_SUCCESS ? rc : finish_object(link, making);
}

static TSS2_RC
import(struct clv_tpm_link *link, void *job)
{
	struct making *making = job;
	struct clv_tpm_duplicate duplicate;
	TPM2B_NAME name;
	TSS2_RC rc = need_parent(link, making);

	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_name_of(&making->template, &name);
	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_wrap(link->crypto,
		    &link->primary.public_area.publicArea, &name,
		    &making->sensitive, &duplicate);
	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_import(link, &making->template,
		    (struct clv_span){duplicate.bytes, duplicate.size},
		    &duplicate.seed, &making->object.private_area);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	making->object.public_area = making->template;
	return finish_object(link, making);
}

/* Loads the key and makes that copy persistent. */
static TSS2_RC
persist(struct clv_tpm_link *link, void *job)
{
	struct making *making = job;
	const struct clv_tpm_auth owner = clv_tpm_auth_of(&making->owner);
	struct clv_tpm_handle handle = {.name = &making->object.name};
	TSS2_RC rc = clv_tpm_need(link, &making->object, &handle.handle);

	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_evict_control(
		    link, &owner, &handle, making->store->handle);
	return rc;
}

/* ---- putting it where it belongs ---- */

static clv_status
keep_in_tpm(struct making *making, clv_error **err)
{
	const clv_status status = clv_tpm_run_as_owner(&making->store->use,
	    persist, making, &making->owner, "make TPM key persistent", err);

	clv_tpm_drop(making->store->use.tpm, &making->object);
	if (status == CLV_OK) {
		making->object.persistent = making->store->handle;
		making->object.private_area.size = 0;
	}
	return status;
}

static clv_status
keep_in_file(struct making *making, clv_error **err)
{
	const struct clv_tpm_object *object = &making->object;
	const struct clv_tpm_keyfile file = {.kind = CLV_TPM_LOADABLE,
	    .empty_auth = making->auth.size == 0,
	    .parent = object->parent,
	    .parent_name = object->parent_name,
	    .public_area = object->public_area,
	    .private_area = object->private_area};

	return clv_tpm_file_write(making->store->use.host,
	    making->store->directory, making->name, false, &file, err);
}

static clv_status
keep(struct making *making, void **out, clv_error **err)
{
	struct clv_tpm_key *key = NULL;
	clv_status status = making->store->directory != NULL
	    ? keep_in_file(making, err)
	    : keep_in_tpm(making, err);

	if (status == CLV_OK)
		status = clv_tpm_key_new(making->store, making->name,
		    &making->object, &making->auth, &key, err);
	*out = key;
	return status;
}

/* Before the TPM works for seconds: is the name free? */
static clv_status
check_free(struct making *making, clv_error **err)
{
	struct clv_tpm_keyfile file;
	char *path = NULL;
	clv_status status;

	if (making->name == NULL)
		return CLV_OK;
	if (asprintf(&path, "%s/%s", making->store->directory, making->name) <
	    0)
		return refuse(making, CLV_NO_MEMORY, "out of memory", err);
	status =
	    clv_tpm_file_read(making->store->use.host, path, path, &file, NULL);
	free(path);
	return status == CLV_OK
	    ? refuse(making, CLV_EXISTS, "a key of that label is there", err)
	    : CLV_OK;
}

clv_status
clv_tpm_key_generate(
    void *handle, const struct clv_key_spec *spec, void **key, clv_error **err)
{
	struct making making = {.store = handle, .spec = spec};
	clv_status status = prepare(&making, err);

	*key = NULL;
	if (status == CLV_OK &&
	    !clv_tpm_key_template(
		spec->algorithm, making.lockable, &making.template))
		status = refuse(&making, CLV_UNSUPPORTED,
		    "TPMs have no keys of this kind", err);
	if (status == CLV_OK)
		status = check_free(&making, err);
	if (status == CLV_OK)
		status = clv_tpm_auth_ask_new(&making.store->use,
		    making.store->pin_source, spec->label, &making.auth, err);
	if (status == CLV_OK)
		status = clv_tpm_run(&making.store->use, NULL, create, &making,
		    "make TPM key", err);
	if (status == CLV_OK)
		status = keep(&making, key, err);
	making_clear(&making);
	return status;
}

clv_status
clv_tpm_key_import(void *handle, const struct clv_key_spec *spec,
    const clv_secret *pkcs8, void **key, clv_error **err)
{
	struct making making = {.store = handle, .spec = spec};
	struct clv_tpm_auth auth;
	clv_status status = prepare(&making, err);

	*key = NULL;
	if (status == CLV_OK)
		status = check_free(&making, err);
	if (status == CLV_OK)
		status = clv_tpm_auth_ask_new(&making.store->use,
		    making.store->pin_source, spec->label, &making.auth, err);
	auth = clv_tpm_auth_of(&making.auth);
	if (status == CLV_OK)
		status = clv_tpm_sensitive_make(pkcs8, &auth, making.lockable,
		    &making.template, &making.sensitive, err);
	if (status == CLV_OK)
		status = clv_tpm_run(&making.store->use, NULL, import, &making,
		    "import TPM key", err);
	if (status == CLV_OK)
		status = keep(&making, key, err);
	making_clear(&making);
	return status;
}
