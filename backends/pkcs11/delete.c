/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Deleting keys, with the public key objects and certificates that are theirs,
 * and nothing else: other keys may have the same id.
 */

#include "key.h"

#include <string.h>

#define COMPANIONS_MAX 64U

struct deletion {
	const clv_uri *uri;
	bool begun;
	struct p11_object object;
	struct p11_public own; /* no key: not known */
	bool shared;           /* another private key has the id */
};

/*
 * The same public key. Where others have the id, one of them may be the same
 * key once more: then the label has to fit, too, and the label alone tells
 * where the public key is of a kind that we can't read.
 */
static bool
is_companion(const struct deletion *deletion, const struct p11_public *public)
{
	const bool namesake = clv_p11_is_namesake(&deletion->object, public);

	if (deletion->own.key == NULL)
		return namesake && !deletion->shared && public->key == NULL;
	return clv_p11_public_equal(&deletion->own, public) &&
	    (namesake || !deletion->shared);
}

static CK_RV
destroy_if_companion(struct p11_call *call, const struct deletion *deletion,
    CK_OBJECT_HANDLE handle, bool certificate)
{
	struct p11_public public;
	CK_RV rv = certificate
	    ? clv_p11_public_read_certificate(call, handle, &public)
	    : clv_p11_public_read(call, handle, deletion->object.type, &public);

	if (rv == CKR_OK && is_companion(deletion, &public))
		rv = call->f->C_DestroyObject(call->session->handle, handle);
	clv_p11_public_clear(&public);
	return rv;
}

static CK_RV
destroy_certificates(struct p11_call *call, const struct deletion *deletion)
{
	const struct p11_object *object = &deletion->object;
	const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	const CK_ATTRIBUTE wanted[] = {P11_ATTRIBUTE(CKA_CLASS, class),
	    P11_BYTES(CKA_ID, object->id, object->id_size)};
	CK_OBJECT_HANDLE found[COMPANIONS_MAX];
	size_t count = 0;
	CK_RV rv = CKR_OK;

	if (object->id_size > 0)
		rv = clv_p11_objects_find(
		    call, wanted, 2, found, COMPANIONS_MAX, &count);
	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		rv = destroy_if_companion(call, deletion, found[i], true);
	return rv;
}

static CK_RV
destroy_publics(struct p11_call *call, const struct deletion *deletion)
{
	CK_OBJECT_HANDLE found[COMPANIONS_MAX];
	size_t count = 0;
	CK_RV rv = clv_p11_publics_find(
	    call, &deletion->object, found, COMPANIONS_MAX, &count);

	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		rv = destroy_if_companion(call, deletion, found[i], false);
	return rv;
}

/* What is not known to be the key's stays. */
static CK_RV
find_own(struct p11_call *call, struct deletion *deletion)
{
	CK_RV rv = clv_p11_public_find(
	    call, &deletion->object, P11_CHOOSE_PROVEN, &deletion->own);

	if (rv == CLV_CKR_AMBIGUOUS_PUBLIC) {
		clv_host_log(call->store->host, CLV_LOG_WARNING,
		    "%s: which public key is its own is not clear; all that "
		    "have its id stay on the token",
		    call->subject);
		rv = CKR_OK;
	}
	if (rv == CKR_OK)
		rv = clv_p11_name_is_shared(
		    call, &deletion->object, &deletion->shared);
	return rv;
}

/* The private half goes last, so that a deletion that was cut short can be
 * repeated. */
static CK_RV
destroy_all(struct p11_call *call, struct deletion *deletion)
{
	CK_RV rv = find_own(call, deletion);

	if (rv == CKR_OK)
		rv = destroy_certificates(call, deletion);
	if (rv == CKR_OK)
		rv = destroy_publics(call, deletion);
	if (rv == CKR_OK)
		rv = call->f->C_DestroyObject(
		    call->session->handle, deletion->object.handle);
	clv_p11_public_clear(&deletion->own);
	return rv;
}

static CK_RV
delete_step(struct p11_call *call, void *argument)
{
	struct deletion *deletion = argument;
	CK_OBJECT_HANDLE found[2];
	size_t count = 0;
	CK_RV rv = clv_p11_keys_find(call, deletion->uri, found, 2, &count);

	if (rv == CKR_OK && count == 0 && deletion->begun)
		return CKR_OK; /* the try before had got that far */
	if (rv == CKR_OK && count != 1)
		return clv_p11_raise_count(call, count);
	if (rv == CKR_OK)
		rv = clv_p11_object_describe(call, found[0], &deletion->object);
	if (rv != CKR_OK)
		return rv;
	deletion->begun = true;
	return destroy_all(call, deletion);
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
