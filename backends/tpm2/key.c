/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Opening, closing, deleting keys, and changing their auth values. */

#include "key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "commands.h"

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY, NULL, "out of memory");
}

clv_status
clv_tpm_object_of(const struct clv_tpm_use *use,
    const struct clv_tpm_keyfile *file, struct clv_tpm_object *object,
    clv_error **err)
{
	TSS2_RC rc;

	*object = (struct clv_tpm_object){.public_area = file->public_area,
	    .private_area = file->private_area,
	    .parent = file->parent,
	    .parent_name = file->parent_name};
	rc = clv_tpm_name_of(&object->public_area, &object->name);
	if (rc != TSS2_RC_SUCCESS)
		return clv_tpm_raise(err, rc, "open TPM key", use->subject);
	return CLV_OK;
}

/* ---- what a key says about itself ---- */

/* "handle=0x81000010;parent-name=000b...": the name makes sure that nobody
 * puts another storage key in its place. */
static char *
path_of_handle(const struct clv_tpm_object *object)
{
	char name[2 * sizeof(object->parent_name.name) + 1] = "";
	char *path = NULL;

	for (size_t i = 0; i < object->parent_name.size; i++)
		(void)snprintf(
		    name + 2 * i, 3, "%02x", object->parent_name.name[i]);
	if (asprintf(&path, "handle=0x%08x%s%s", object->persistent,
		*name != '\0' ? ";parent-name=" : "", name) < 0)
		return NULL;
	return path;
}

static clv_status
write_uri(struct clv_tpm_key *key, const struct clv_tpm_store *store,
    const char *name, clv_error **err)
{
	const char *query = strchr(clv_uri_text(store->uri), '?');
	char *path = NULL;
	clv_status status = CLV_OK;

	if (name == NULL) {
		path = path_of_handle(&key->object);
		if (path == NULL ||
		    asprintf(&key->uri, "tpm2:%s%s", path,
			query != NULL ? query : "") < 0)
			key->uri = NULL;
	} else if (asprintf(&path, "%s/%s", store->directory, name) < 0) {
		path = NULL;
	} else {
		status =
		    clv_uri_build("tpm2", path, store->uri, &key->uri, err);
	}
	free(path);
	if (status != CLV_OK)
		return status;
	key->redacted = key->uri != NULL ? clv_uri_redact(key->uri) : NULL;
	return key->redacted != NULL ? CLV_OK : no_memory(err);
}

static clv_status
write_label(struct clv_tpm_key *key, const char *name, clv_error **err)
{
	if (name != NULL)
		key->label = clv_tpm_label_of(name);
	else if (asprintf(&key->label, "0x%08x", key->object.persistent) < 0)
		key->label = NULL;
	return key->label != NULL ? CLV_OK : no_memory(err);
}

static clv_status
check_kind(struct clv_tpm_key *key, clv_error **err)
{
	const TPMT_PUBLIC *area = &key->object.public_area.publicArea;
	struct clv_span bits;

	if (!clv_tpm_key_id(area, key->spki, key->id))
		return clv_error_raise(err, CLV_UNSUPPORTED,
		    &(struct clv_error_info){
			.operation = "open TPM key", .subject = key->redacted},
		    "it is not an RSA or NIST P key that signs or decrypts");
	key->spki_size = clv_tpm_spki(area, key->spki, &bits);
	key->lockable = !clv_tpm_has(area, TPMA_OBJECT_NODA);
	return CLV_OK;
}

clv_status
clv_tpm_key_new(struct clv_tpm_store *store, const char *name,
    const struct clv_tpm_object *object, clv_secret *auth,
    struct clv_tpm_key **out, clv_error **err)
{
	struct clv_tpm_key *key = calloc(1, sizeof(*key));
	clv_status status;

	*out = NULL;
	if (key == NULL || pthread_mutex_init(&key->auth_lock, NULL) != 0) {
		free(key);
		return no_memory(err);
	}
	key->use = store->use;
	key->object = *object;
	if ((status = write_uri(key, store, name, err)) != CLV_OK ||
	    (status = write_label(key, name, err)) != CLV_OK ||
	    (status = check_kind(key, err)) != CLV_OK) {
		clv_tpm_key_close(key);
		return status;
	}
	key->use.subject = key->redacted;
	key->auth_owner = getpid();
	if (auth != NULL && auth->size > 0) {
		clv_secret_move(&key->auth, auth);
		atomic_store(&key->has_auth, true);
	}
	*out = key;
	return CLV_OK;
}

void
clv_tpm_key_close(void *handle)
{
	struct clv_tpm_key *key = handle;

	clv_tpm_drop(key->use.tpm, &key->object);
	clv_secret_clear(&key->auth);
	(void)pthread_mutex_destroy(&key->auth_lock);
	free(key->pin_source);
	free(key->uri);
	free(key->redacted);
	free(key->label);
	free(key);
}

void
clv_tpm_key_facts(void *handle, struct clv_key_facts *facts)
{
	const struct clv_tpm_key *key = handle;
	const TPMT_PUBLIC *area = &key->object.public_area.publicArea;
	const bool local = clv_tpm_has(area, TPMA_OBJECT_SENSITIVEDATAORIGIN) &&
	    clv_tpm_has(area, TPMA_OBJECT_FIXEDTPM);

	*facts = (struct clv_key_facts){.uri = key->uri,
	    .label = key->label,
	    .id = key->id,
	    .id_size = sizeof(key->id),
	    .public_key = key->spki,
	    .public_key_size = key->spki_size,
	    .properties =
		CLV_KEY_HARDWARE | (local ? CLV_KEY_GENERATED_LOCAL : 0)};
}

/* ---- opening ---- */

struct look {
	struct clv_tpm_object *object;
};

static TSS2_RC
look_up(struct clv_tpm_link *link, void *job)
{
	const struct look *look = job;

	return clv_tpm_read_public(link, look->object->persistent,
	    &look->object->public_area, &look->object->name);
}

static clv_status
find_persistent(const struct clv_tpm_store *store,
    const struct clv_tpm_place *place, struct clv_tpm_object *object,
    clv_error **err)
{
	struct look look = {.object = object};

	*object = (struct clv_tpm_object){.persistent = place->handle,
	    .parent = place->parent,
	    .parent_name = place->parent_name};
	return clv_tpm_run(
	    &store->use, NULL, look_up, &look, "open TPM key", err);
}

static clv_status
check_parent(const struct clv_tpm_store *store,
    const struct clv_tpm_place *place, const struct clv_tpm_keyfile *file,
    clv_error **err)
{
	if (!place->parent_given || place->parent == file->parent)
		return CLV_OK;
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){
		.operation = "open TPM key", .subject = store->use.subject},
	    "the key's parent is 0x%08x", file->parent);
}

static clv_status
find_in_file(const struct clv_tpm_store *store,
    const struct clv_tpm_place *place, const clv_uri *uri,
    struct clv_tpm_object *object, bool *has_auth, clv_error **err)
{
	struct clv_tpm_keyfile file;
	clv_status status = clv_tpm_file_read(store->use.host,
	    clv_uri_path(uri), clv_uri_redacted(uri), &file, err);

	if (status == CLV_OK && file.kind != CLV_TPM_LOADABLE)
		status = clv_error_raise(err, CLV_UNSUPPORTED,
		    &(struct clv_error_info){.operation = "open TPM key",
			.subject = clv_uri_redacted(uri)},
		    "it is a sealed secret, not a key");
	if (status == CLV_OK)
		status = check_parent(store, place, &file, err);
	if (status == CLV_OK)
		status = clv_tpm_object_of(&store->use, &file, object, err);
	if (status == CLV_OK)
		*has_auth = !file.empty_auth;
	return status;
}

static clv_status
try_auth(void *user, const clv_secret *auth, clv_error **err)
{
	return clv_tpm_key_try(user, auth, err);
}

static clv_status
ask(struct clv_tpm_key *key, clv_secret *auth, clv_error **err)
{
	return clv_tpm_auth_ask(&key->use, key->pin_source, key->label,
	    key->lockable, try_auth, key, auth, err);
}

static clv_status
try_empty(struct clv_tpm_key *key, clv_error **err)
{
	const clv_secret empty = CLV_SECRET_INIT;

	return clv_tpm_key_try(key, &empty, err);
}

/* A file says whether its key has an auth value. A persistent key does not:
 * the empty one is tried, unless a wrong one would count. */
static clv_status
get_auth(struct clv_tpm_key *key, bool expected, clv_error **err)
{
	const bool persistent = key->object.persistent != 0;
	clv_status status;

	if (!expected)
		return CLV_OK;
	if (persistent && !key->lockable) {
		status = try_empty(key, err);
		if (status != CLV_AUTH)
			return status;
		clv_error_free(err);
	}
	status = ask(key, &key->auth, err);
	if (status == CLV_OK)
		atomic_store(&key->has_auth, key->auth.size > 0);
	/* Nobody knows it: perhaps there is none, whatever the file says.
	 * (tpm2_encodeobject 5.4 says the contrary of what it means.) */
	if (status != CLV_AUTH || persistent || key->lockable ||
	    try_empty(key, NULL) != CLV_OK)
		return status;
	clv_error_free(err);
	return CLV_OK;
}

clv_status
clv_tpm_key_ask_late(struct clv_tpm_key *key, clv_error **err)
{
	clv_secret auth = CLV_SECRET_INIT;
	const clv_status status = ask(key, &auth, err);

	if (status != CLV_OK)
		return status;
	(void)pthread_mutex_lock(&key->auth_lock);
	if (!atomic_load(&key->has_auth)) {
		clv_secret_move(&key->auth, &auth);
		key->auth_owner = getpid();
		atomic_store(&key->has_auth, true);
	}
	(void)pthread_mutex_unlock(&key->auth_lock);
	clv_secret_clear(&auth);
	return CLV_OK;
}

static clv_status
open_key(struct clv_tpm_store *store, const struct clv_tpm_place *place,
    const clv_uri *uri, struct clv_tpm_key **out, clv_error **err)
{
	struct clv_tpm_object object;
	struct clv_tpm_key *key = NULL;
	bool has_auth = true;
	clv_status status = place->handle != 0
	    ? find_persistent(store, place, &object, err)
	    : find_in_file(store, place, uri, &object, &has_auth, err);

	if (status == CLV_OK)
		status = clv_tpm_key_new(
		    store, place->name, &object, NULL, &key, err);
	if (status == CLV_OK && place->pin_source != NULL &&
	    (key->pin_source = strdup(place->pin_source)) == NULL)
		status = no_memory(err);
	if (status == CLV_OK)
		status = get_auth(key, has_auth, err);
	if (status != CLV_OK && key != NULL) {
		clv_tpm_key_close(key);
		key = NULL;
	}
	*out = key;
	return status;
}

clv_status
clv_tpm_key_open(void *handle, const clv_uri *uri, void **out, clv_error **err)
{
	struct clv_tpm_store *store = handle;
	struct clv_tpm_place place;
	struct clv_tpm_key *key = NULL;
	clv_status status = clv_tpm_place_find(store, uri, &place, err);

	*out = NULL;
	if (status != CLV_OK)
		return status;
	status = open_key(store, &place, uri, &key, err);
	clv_tpm_place_clear(&place);
	*out = key;
	return status;
}

/* ---- deleting ---- */

struct eviction {
	TPM2_HANDLE handle;
	TPM2_HANDLE parent;
	const TPM2B_NAME *parent_name;
	const clv_secret *owner;
};

static TSS2_RC
evict(struct clv_tpm_link *link, void *job)
{
	const struct eviction *eviction = job;
	const struct clv_tpm_auth owner = clv_tpm_auth_of(eviction->owner);
	TPM2B_PUBLIC public_area;
	TPM2B_NAME name;
	TSS2_RC rc =
	    clv_tpm_read_public(link, eviction->handle, &public_area, &name);

	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_need_parent(
		    link, eviction->parent, eviction->parent_name);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	return clv_tpm_evict_control(link, &owner,
	    &(struct clv_tpm_handle){eviction->handle, &name},
	    eviction->handle);
}

/* The owner's hierarchy usually has no auth value. */
clv_status
clv_tpm_run_as_owner(const struct clv_tpm_use *use, clv_tpm_work *work,
    void *job, clv_secret *owner, const char *operation, clv_error **err)
{
	clv_status status = clv_tpm_run(use, NULL, work, job, operation, err);

	if (status != CLV_AUTH)
		return status;
	clv_error_free(err);
	status = clv_tpm_auth_ask_owner(use, owner, err);
	if (status == CLV_OK)
		status = clv_tpm_run(use, NULL, work, job, operation, err);
	clv_secret_clear(owner);
	return status;
}

static clv_status
delete_file(struct clv_tpm_store *store, const struct clv_tpm_place *place,
    const clv_uri *uri, clv_error **err)
{
	struct clv_tpm_keyfile file;
	clv_status status = clv_tpm_file_read(store->use.host,
	    clv_uri_path(uri), clv_uri_redacted(uri), &file, err);

	/* only what is a key of ours */
	if (status != CLV_OK)
		return status;
	return clv_tpm_file_remove(
	    store->use.host, place->directory, place->name, err);
}

clv_status
clv_tpm_key_delete(void *handle, const clv_uri *uri, clv_error **err)
{
	struct clv_tpm_store *store = handle;
	clv_secret owner = CLV_SECRET_INIT;
	struct clv_tpm_place place;
	struct eviction eviction;
	clv_status status = clv_tpm_place_find(store, uri, &place, err);

	if (status != CLV_OK)
		return status;
	eviction = (struct eviction){.handle = place.handle,
	    .parent = place.parent,
	    .parent_name = &place.parent_name,
	    .owner = &owner};
	if (place.handle != 0)
		status = clv_tpm_run_as_owner(&store->use, evict, &eviction,
		    &owner, "delete TPM key", err);
	else
		status = delete_file(store, &place, uri, err);
	clv_tpm_place_clear(&place);
	return status;
}

/* ---- changing the auth value ---- */

struct change {
	struct clv_tpm_key *key;
	const clv_secret *wanted;
	TPM2B_PRIVATE private_area;
};

static TSS2_RC
change_auth(struct clv_tpm_link *link, void *job)
{
	struct change *change = job;
	const struct clv_tpm_object *object = &change->key->object;
	const struct clv_tpm_auth auth = clv_tpm_auth_of(&change->key->auth);
	const struct clv_tpm_auth wanted = clv_tpm_auth_of(change->wanted);
	struct clv_tpm_handle handle = {.name = &object->name};
	TSS2_RC rc = clv_tpm_need(link, object, &handle.handle);

	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_need_parent(
		    link, object->parent, &object->parent_name);
	/* the parent may have taken its slot */
	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_need(link, object, &handle.handle);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	return clv_tpm_change_auth(
	    link, &handle, &auth, &wanted, &change->private_area);
}

/* The file with another private part; the old one goes when the new one is
 * durable. */
static clv_status
change_file(struct clv_tpm_store *store, const struct clv_tpm_place *place,
    struct clv_tpm_key *key, clv_error **err)
{
	clv_secret wanted = CLV_SECRET_INIT;
	struct change change = {.key = key, .wanted = &wanted};
	struct clv_tpm_keyfile file = {.kind = CLV_TPM_LOADABLE,
	    .parent = key->object.parent,
	    .parent_name = key->object.parent_name,
	    .public_area = key->object.public_area};
	clv_status status =
	    clv_tpm_auth_ask_new(&key->use, NULL, key->label, &wanted, err);

	if (status == CLV_OK)
		status = clv_tpm_run(&key->use, NULL, change_auth, &change,
		    "change auth value", err);
	if (status == CLV_OK) {
		file.empty_auth = wanted.size == 0;
		file.private_area = change.private_area;
		status = clv_tpm_file_write(store->use.host, place->directory,
		    place->name, true, &file, err);
	}
	clv_secret_clear(&wanted);
	return status;
}

clv_status
clv_tpm_key_change_secret(void *handle, const clv_uri *uri, clv_error **err)
{
	struct clv_tpm_store *store = handle;
	struct clv_tpm_key *key = NULL;
	struct clv_tpm_place place;
	clv_status status = clv_tpm_place_find(store, uri, &place, err);

	if (status != CLV_OK)
		return status;
	if (place.handle != 0)
		status = clv_error_raise(err, CLV_UNSUPPORTED,
		    &(struct clv_error_info){.operation = "change auth value",
			.subject = clv_uri_redacted(uri)},
		    "the auth value of a persistent key can't be changed "
		    "without the risk of losing it");
	else
		status = open_key(store, &place, uri, &key, err);
	if (status == CLV_OK)
		status = change_file(store, &place, key, err);
	if (key != NULL)
		clv_tpm_key_close(key);
	clv_tpm_place_clear(&place);
	return status;
}
