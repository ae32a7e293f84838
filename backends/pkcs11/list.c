/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Listing and deleting keys. */

#include <stdlib.h>
#include <string.h>

#include "key.h"

/* Entries are collected first, so that the caller's function runs outside the
 * module. */
struct entry {
	char *uri;
	struct p11_object object;
	clv_algorithm algorithm;
	const char *problem;
};

struct listing {
	struct entry *entries;
	size_t count;
};

static void
listing_clear(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->entries[i].uri);
	free(listing->entries);
	*listing = (struct listing){0};
}

static const char *
find_problem(const struct entry *entry, const struct p11_store *store)
{
	const struct p11_object *object = &entry->object;

	if (entry->algorithm == CLV_ALGORITHM_NONE)
		return "no public key on the token, or of a kind that OPC UA "
		       "does not use";
	if ((object->extractable || !object->sensitive) &&
	    !store->selector.extractable)
		return "could be read out of the token";
	return NULL;
}

/* An object that the token can't describe is listed as what it is: a key of
 * which nothing is known. */
static CK_RV
read_entry(struct p11_call *call, CK_OBJECT_HANDLE handle, struct entry *entry)
{
	struct p11_public public = {0};
	clv_status status;
	CK_RV rv = clv_p11_object_describe(call, handle, &entry->object);

	if (rv == CKR_OK)
		rv = clv_p11_public_find(call, &entry->object, &public);
	if (clv_p11_fault(rv) != P11_FAULT_NONE)
		return rv;
	entry->algorithm = public.algorithm;
	clv_p11_public_clear(&public);
	entry->problem = find_problem(entry, call->store);
	status = clv_p11_uri_build(&call->store->token->identity,
	    entry->object.label, entry->object.id, entry->object.id_size,
	    call->store->uri, &entry->uri, call->err);
	return status == CLV_OK ? CKR_OK : clv_p11_call_raised(call, status);
}

static CK_RV
list_step(struct p11_call *call, void *argument)
{
	struct listing *listing = argument;
	CK_OBJECT_HANDLE *found = calloc(P11_OBJECTS_MAX, sizeof(*found));
	size_t count = 0;
	CK_RV rv = CLV_CKR_NO_MEMORY;

	listing_clear(listing);
	if (found != NULL)
		rv = clv_p11_keys_find(
		    call, NULL, found, P11_OBJECTS_MAX, &count);
	if (rv == CKR_OK && count > 0) {
		listing->entries = calloc(count, sizeof(*listing->entries));
		if (listing->entries == NULL)
			rv = CLV_CKR_NO_MEMORY;
	}
	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		rv = read_entry(
		    call, found[i], &listing->entries[listing->count++]);
	free(found);
	return rv;
}

static clv_status
tell(
    const struct listing *listing, clv_list_fn *fn, void *user, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0; i < listing->count && status == CLV_OK; i++) {
		const struct entry *entry = &listing->entries[i];
		const struct clv_key_entry told = {
		    .uri = entry->uri,
		    .label = entry->object.label,
		    .algorithm = entry->algorithm,
		    .id = entry->object.id_size > 0 ? entry->object.id : NULL,
		    .id_size = entry->object.id_size,
		    .problem = entry->problem,
		};

		status = fn(user, &told, err);
	}
	return status;
}

clv_status
clv_p11_key_list(void *opaque, clv_list_fn *fn, void *user, clv_error **err)
{
	struct p11_store *store = opaque;
	struct listing listing = {0};
	struct p11_call call = {.store = store,
	    .operation = "list keys",
	    .subject = clv_uri_redacted(store->uri),
	    .step = list_step,
	    .argument = &listing,
	    .err = err};
	clv_status status = clv_p11_run(&call);

	if (status == CLV_OK)
		status = tell(&listing, fn, user, err);
	listing_clear(&listing);
	return status;
}

static CK_RV
destroy_all(struct p11_call *call, const CK_OBJECT_HANDLE *found, size_t count)
{
	CK_RV rv = CKR_OK;

	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		rv = call->f->C_DestroyObject(call->session->handle, found[i]);
	return rv;
}

static CK_RV
destroy_by_id(struct p11_call *call, const struct p11_object *object)
{
	static const CK_OBJECT_CLASS classes[] = {
	    CKO_CERTIFICATE, CKO_PUBLIC_KEY};
	CK_OBJECT_HANDLE found[16];
	size_t count = 0;
	CK_RV rv = CKR_OK;

	for (size_t c = 0; c < 2 && rv == CKR_OK; c++) {
		const CK_ATTRIBUTE wanted[] = {
		    P11_ATTRIBUTE(CKA_CLASS, classes[c]),
		    P11_BYTES(CKA_ID, object->id, object->id_size)};

		rv = clv_p11_objects_find(call, wanted, 2, found, 16, &count);
		if (rv == CKR_OK)
			rv = destroy_all(call, found, count);
	}
	return rv;
}

/* A label alone may be another key's, too: only what is the same key. */
static CK_RV
destroy_by_label(struct p11_call *call, const struct p11_object *object)
{
	CK_OBJECT_HANDLE found[16];
	struct p11_public own;
	size_t count = 0;
	CK_RV rv = clv_p11_public_find(call, object, &own);

	if (rv == CKR_OK)
		rv = clv_p11_publics_find(call, object, found, 16, &count);
	for (size_t i = 0; rv == CKR_OK && i < count; i++) {
		struct p11_public other;

		rv = clv_p11_public_read(call, found[i], object->type, &other);
		if (rv == CKR_OK && other.der_size > 0 &&
		    other.der_size == own.der_size &&
		    memcmp(other.der, own.der, own.der_size) == 0)
			rv = destroy_all(call, &found[i], 1);
		clv_p11_public_clear(&other);
	}
	clv_p11_public_clear(&own);
	return rv;
}

/* The key's public half and its own certificate go with it; the private half
 * goes last, so that a deletion that was cut short can be repeated. */
static CK_RV
destroy_companions(struct p11_call *call, const struct p11_object *object)
{
	return object->id_size > 0 ? destroy_by_id(call, object)
				   : destroy_by_label(call, object);
}

struct deletion {
	const clv_uri *uri;
	bool begun;
};

static CK_RV
delete_step(struct p11_call *call, void *argument)
{
	struct deletion *deletion = argument;
	struct p11_object object;
	CK_OBJECT_HANDLE found[2];
	size_t count = 0;
	CK_RV rv = clv_p11_keys_find(call, deletion->uri, found, 2, &count);

	if (rv == CKR_OK && count == 0 && deletion->begun)
		return CKR_OK; /* the try before had got that far */
	if (rv == CKR_OK && count != 1)
		return clv_p11_raise_count(call, count);
	if (rv == CKR_OK)
		rv = clv_p11_object_describe(call, found[0], &object);
	if (rv != CKR_OK)
		return rv;
	deletion->begun = true;
	rv = destroy_companions(call, &object);
	if (rv == CKR_OK)
		rv = call->f->C_DestroyObject(call->session->handle, found[0]);
	return rv;
}

clv_status
clv_p11_key_delete(void *opaque, const clv_uri *uri, clv_error **err)
{
	struct deletion deletion = {.uri = uri};
	struct p11_call call = {.store = opaque,
	    .operation = "delete key",
	    .subject = clv_uri_redacted(uri),
	    .step = delete_step,
	    .argument = &deletion,
	    .writes = true,
	    .err = err};

	return clv_p11_run(&call);
}
