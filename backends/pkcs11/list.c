/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Listing keys. */

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
		rv = clv_p11_public_find(
		    call, &entry->object, P11_CHOOSE_LIKELY, &public);
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
	const CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	const CK_ATTRIBUTE wanted = P11_ATTRIBUTE(CKA_CLASS, class);
	struct listing *listing = argument;
	CK_OBJECT_HANDLE *found = NULL;
	size_t count = 0;
	CK_RV rv;

	listing_clear(listing);
	rv = clv_p11_objects_find_all(
	    call, &wanted, 1, P11_OBJECTS_MAX, &found, &count);
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
