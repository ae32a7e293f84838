/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Open keys: finding them, and finding them again. */

#include "key.h"

#include <stdlib.h>
#include <string.h>

CK_RV
clv_p11_keys_find(struct p11_call *call, const clv_uri *uri,
    CK_OBJECT_HANDLE *objects, size_t room, size_t *count)
{
	const CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE wanted[3] = {P11_ATTRIBUTE(CKA_CLASS, class)};
	CK_ULONG used = 1;
	const char *value;
	size_t size;

	value = clv_uri_get(uri, CLV_URI_PATH, "id", &size);
	if (value != NULL)
		wanted[used++] = (CK_ATTRIBUTE)P11_BYTES(CKA_ID, value, size);
	value = clv_uri_get(uri, CLV_URI_PATH, "object", &size);
	if (value != NULL)
		wanted[used++] =
		    (CK_ATTRIBUTE)P11_BYTES(CKA_LABEL, value, size);
	return clv_p11_objects_find(call, wanted, used, objects, room, count);
}

void
clv_p11_key_close(void *opaque)
{
	struct p11_key *key = opaque;

	if (key == NULL)
		return;
	clv_p11_public_clear(&key->public);
	free(key->uri);
	free(key);
}

static CK_RV
no_public_key(struct p11_call *call)
{
	return clv_p11_call_raised(call,
	    clv_error_raise(call->err, CLV_UNSUPPORTED,
		&(struct clv_error_info){.operation = call->operation,
		    .subject = call->subject,
		    .remedy = "store the public key or the certificate with "
			      "the key's CKA_ID on the token"},
		"the token tells no public key for it, or one that OPC UA "
		"has no use for"));
}

CK_RV
clv_p11_key_adopt(
    struct p11_call *call, CK_OBJECT_HANDLE handle, struct p11_key **out)
{
	struct p11_key *key = calloc(1, sizeof(*key));
	unsigned ways = 0;
	clv_status status;
	CK_RV rv;

	*out = NULL;
	if (key == NULL)
		return CLV_CKR_NO_MEMORY;
	key->store = call->store;
	key->number = atomic_fetch_add(&call->store->token->keys, 1) + 1;
	atomic_init(&key->proven, false);
	rv = clv_p11_object_describe(call, handle, &key->object);
	if (rv == CKR_OK)
		rv = clv_p11_public_find(
		    call, &key->object, P11_CHOOSE_PROVEN, &key->public);
	if (rv == CKR_OK && key->public.key == NULL)
		rv = no_public_key(call);
	if (rv == CKR_OK)
		rv = clv_p11_key_survey(call, key, &ways);
	key->surveyed = ways;
	atomic_init(&key->ways, ways);
	atomic_init(&key->handle, handle);
	atomic_init(&key->generation, call->session->generation);
	if (rv == CKR_OK) {
		status = clv_p11_uri_build(&key->store->token->identity,
		    key->object.label, key->object.id, key->object.id_size,
		    key->store->uri, &key->uri, call->err);
		if (status != CLV_OK)
			rv = clv_p11_call_raised(call, status);
	}
	if (rv != CKR_OK) {
		clv_p11_key_close(key);
		return rv;
	}
	*out = key;
	return CKR_OK;
}

clv_status
clv_p11_key_check(const struct p11_key *key, clv_error **err)
{
	const struct p11_object *object = &key->object;

	if ((object->sensitive && !object->extractable) ||
	    key->store->selector.extractable)
		return CLV_OK;
	return clv_error_raise(err, CLV_POLICY,
	    &(struct clv_error_info){.operation = "open key",
		.subject = key->uri,
		.remedy = "make a new key with \"claviger key generate\"; or "
			  "accept this one with insecure-extractable=yes in "
			  "the URI's query"},
	    "the token would let the private key be read out (%s)",
	    object->extractable ? "CKA_EXTRACTABLE is set"
				: "CKA_SENSITIVE is not set");
}

struct opening {
	const clv_uri *uri;
	struct p11_key *key;
};

CK_RV
clv_p11_raise_count(struct p11_call *call, size_t count)
{
	if (count == 0)
		return clv_p11_call_raised(call,
		    clv_error_raise(call->err, CLV_NOT_FOUND,
			&(struct clv_error_info){.operation = call->operation,
			    .subject = call->subject,
			    .remedy = "see \"claviger key list\" for the keys "
				      "of a store"},
			"no such key on the token"));
	return clv_p11_call_raised(call,
	    clv_error_raise(call->err, CLV_AMBIGUOUS,
		&(struct clv_error_info){.operation = call->operation,
		    .subject = call->subject,
		    .remedy = "add id= or object= to the URI"},
		"more than one key fits"));
}

static CK_RV
open_step(struct p11_call *call, void *argument)
{
	struct opening *opening = argument;
	CK_OBJECT_HANDLE found[2];
	size_t count = 0;
	CK_RV rv = clv_p11_keys_find(call, opening->uri, found, 2, &count);

	if (rv == CKR_OK && count != 1)
		rv = clv_p11_raise_count(call, count);
	if (rv == CKR_OK)
		rv = clv_p11_key_adopt(call, found[0], &opening->key);
	return rv;
}

/* A key's URI must fit the store it is looked for in. */
static clv_status
check_store(const struct p11_store *store, const clv_uri *uri, clv_error **err)
{
	struct p11_selector selector;
	const clv_status status =
	    clv_p11_selector_read(uri, true, &selector, err);

	if (status != CLV_OK)
		return status;
	if (clv_p11_selector_fits_token(uri, &store->token->identity))
		return CLV_OK;
	return clv_error_raise(err, CLV_NOT_FOUND,
	    &(struct clv_error_info){
		.operation = "open key", .subject = clv_uri_redacted(uri)},
	    "the URI names another token than the store");
}

clv_status
clv_p11_key_open(void *opaque, const clv_uri *uri, void **out, clv_error **err)
{
	struct p11_store *store = opaque;
	struct opening opening = {.uri = uri};
	struct p11_call call = {.store = store,
	    .operation = "open key",
	    .subject = clv_uri_redacted(uri),
	    .step = open_step,
	    .argument = &opening,
	    .err = err};
	clv_status status = check_store(store, uri, err);

	*out = NULL;
	if (status == CLV_OK)
		status = clv_p11_run(&call);
	if (status == CLV_OK)
		status = clv_p11_key_check(opening.key, err);
	if (status != CLV_OK) {
		clv_p11_key_close(opening.key);
		return status;
	}
	*out = opening.key;
	return CLV_OK;
}

void
clv_p11_key_facts(void *opaque, struct clv_key_facts *facts)
{
	const struct p11_key *key = opaque;
	const struct p11_object *object = &key->object;

	facts->uri = key->uri;
	facts->label = object->label;
	facts->id = object->id_size > 0 ? object->id : NULL;
	facts->id_size = object->id_size;
	facts->public_key = key->public.der;
	facts->public_key_size = key->public.der_size;
	facts->properties = 0;
	if (key->store->capabilities & CLV_STORE_HARDWARE)
		facts->properties |= CLV_KEY_HARDWARE;
	if (object->extractable || !object->sensitive)
		facts->properties |= CLV_KEY_EXTRACTABLE;
	if (object->local)
		facts->properties |= CLV_KEY_GENERATED_LOCAL;
	if (object->always_authenticate)
		facts->properties |= CLV_KEY_ALWAYS_AUTHENTICATE;
}

/* More private keys than any token has with the same id and label, or without
 * either. */
#define NAMESAKES_MAX 64U

static CK_RV
find_namesakes(struct p11_call *call, const struct p11_object *object,
    CK_OBJECT_HANDLE *found, size_t *count)
{
	const CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE wanted[3] = {P11_ATTRIBUTE(CKA_CLASS, class)};
	CK_ULONG used = 1;

	if (object->has_label)
		wanted[used++] = (CK_ATTRIBUTE)P11_BYTES(
		    CKA_LABEL, object->label, strlen(object->label));
	if (object->id_size > 0)
		wanted[used++] = (CK_ATTRIBUTE)P11_BYTES(
		    CKA_ID, object->id, object->id_size);
	return clv_p11_objects_find(
	    call, wanted, used, found, NAMESAKES_MAX, count);
}

/* Whether it is the key that was opened. One that alone has its names need not
 * sign to show it: the next signature is checked anyway. */
static CK_RV
is_same(struct p11_call *call, const struct p11_key *key,
    CK_OBJECT_HANDLE handle, bool alone, bool *same)
{
	struct p11_object now = key->object;
	struct p11_public public;
	CK_RV rv;

	now.handle = handle;
	if (alone)
		return clv_p11_public_is_candidate(
		    call, &now, &key->public, same);
	rv = clv_p11_public_find(call, &now, P11_CHOOSE_PROVEN, &public);
	*same = rv == CKR_OK && clv_p11_public_equal(&public, &key->public);
	clv_p11_public_clear(&public);
	return rv;
}

/* The key that was opened, among those with its id and label now. */
static CK_RV
find_again(struct p11_call *call, struct p11_key *key, CK_OBJECT_HANDLE *handle)
{
	CK_OBJECT_HANDLE found[NAMESAKES_MAX];
	size_t count = 0;
	CK_RV rv = find_namesakes(call, &key->object, found, &count);

	if (rv == CKR_OK && count == 0)
		return CLV_CKR_KEY_GONE;
	for (size_t i = 0; rv == CKR_OK && i < count; i++) {
		bool same = false;

		rv = is_same(call, key, found[i], count == 1, &same);
		if (same) {
			*handle = found[i];
			return CKR_OK;
		}
	}
	return rv == CKR_OK ? CLV_CKR_KEY_CHANGED : rv;
}

CK_RV
clv_p11_key_locate(
    struct p11_call *call, struct p11_key *key, CK_OBJECT_HANDLE *handle)
{
	const unsigned generation = call->session->generation;
	CK_RV rv;

	if (atomic_load(&key->generation) == generation) {
		*handle = atomic_load(&key->handle);
		return CKR_OK;
	}
	rv = find_again(call, key, handle);
	if (rv != CKR_OK)
		return rv;
	atomic_store(&key->handle, *handle);
	atomic_store(&key->generation, generation);
	return CKR_OK;
}
