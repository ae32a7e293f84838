/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "object.h"

#include <stdlib.h>
#include <string.h>

/* Handles asked for at a time. */
#define BATCH 64U

static CK_RV
find_batch(struct p11_call *call, CK_OBJECT_HANDLE *objects, size_t room,
    size_t *count)
{
	const CK_ULONG most = room > BATCH ? BATCH : (CK_ULONG)room;
	CK_ULONG found = 0;
	CK_RV rv;

	if (most == 0)
		return CKR_OK;
	rv = call->f->C_FindObjects(
	    call->session->handle, objects, most, &found);
	if (rv != CKR_OK)
		return rv;
	if (found > most)
		return CLV_CKR_LIE;
	*count = found;
	return CKR_OK;
}

CK_RV
clv_p11_objects_find(struct p11_call *call, const CK_ATTRIBUTE *wanted,
    CK_ULONG wanted_count, CK_OBJECT_HANDLE *objects, size_t room,
    size_t *count)
{
	const CK_SESSION_HANDLE session = call->session->handle;
	size_t batch = 0;
	CK_RV end;
	CK_RV rv;

	*count = 0;
	rv = call->f->C_FindObjectsInit(
	    session, clv_p11_unconst(wanted), wanted_count);
	if (rv != CKR_OK)
		return rv;
	do {
		batch = 0;
		rv = find_batch(call, objects + *count, room - *count, &batch);
		*count += batch;
	} while (rv == CKR_OK && batch > 0);
	end = call->f->C_FindObjectsFinal(session);
	return rv != CKR_OK ? rv : end;
}

static CK_RV
too_many(struct p11_call *call, size_t most)
{
	return clv_p11_call_raised(call,
	    clv_error_raise(call->err, CLV_TOO_LARGE,
		&(struct clv_error_info){.operation = call->operation,
		    .subject = call->subject,
		    .remedy = "delete objects that are not needed any more"},
		"there are more than %zu objects of a kind on the token",
		most));
}

/* Until there are no more; room for a batch beyond `most` tells whether there
 * are too many. */
static CK_RV
find_growing(struct p11_call *call, size_t most, CK_OBJECT_HANDLE **objects,
    size_t *count)
{
	size_t room = 0;
	size_t batch = 0;
	CK_RV rv;

	do {
		if (*count + BATCH > room) {
			const size_t more = 2 * room + BATCH;
			CK_OBJECT_HANDLE *grown =
			    realloc(*objects, more * sizeof(*grown));

			if (grown == NULL)
				return CLV_CKR_NO_MEMORY;
			*objects = grown;
			room = more;
		}
		batch = 0;
		rv = find_batch(call, *objects + *count, BATCH, &batch);
		*count += batch;
	} while (rv == CKR_OK && batch > 0 && *count <= most);
	return rv;
}

CK_RV
clv_p11_objects_find_all(struct p11_call *call, const CK_ATTRIBUTE *wanted,
    CK_ULONG wanted_count, size_t most, CK_OBJECT_HANDLE **objects,
    size_t *count)
{
	const CK_SESSION_HANDLE session = call->session->handle;
	CK_RV end;
	CK_RV rv;

	*objects = NULL;
	*count = 0;
	rv = call->f->C_FindObjectsInit(
	    session, clv_p11_unconst(wanted), wanted_count);
	if (rv != CKR_OK)
		return rv;
	rv = find_growing(call, most, objects, count);
	end = call->f->C_FindObjectsFinal(session);
	if (rv == CKR_OK)
		rv = end;
	if (rv == CKR_OK && *count > most)
		rv = too_many(call, most);
	if (rv != CKR_OK) {
		free(*objects);
		*objects = NULL;
		*count = 0;
	}
	return rv;
}

static bool
is_about_attributes(CK_RV rv)
{
	return rv == CKR_ATTRIBUTE_SENSITIVE ||
	    rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_BUFFER_TOO_SMALL;
}

static void
mark_missing(CK_ATTRIBUTE *attribute)
{
	attribute->ulValueLen = (CK_ULONG)-1;
}

/* Some modules stop at the first attribute that they don't know, and leave
 * the rest as it was. */
static CK_RV
read_one_by_one(struct p11_call *call, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *attributes, const CK_ULONG *rooms, CK_ULONG count)
{
	for (CK_ULONG i = 0; i < count; i++) {
		CK_RV rv;

		attributes[i].ulValueLen = rooms[i];
		rv = call->f->C_GetAttributeValue(
		    call->session->handle, object, &attributes[i], 1);
		if (rv != CKR_OK && clv_p11_fault(rv) != P11_FAULT_NONE &&
		    !is_about_attributes(rv))
			return rv;
		if (rv != CKR_OK || attributes[i].ulValueLen > rooms[i])
			mark_missing(&attributes[i]);
	}
	return CKR_OK;
}

CK_RV
clv_p11_object_read(struct p11_call *call, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	CK_ULONG rooms[16];
	CK_RV rv;

	if (count > 16)
		return CKR_ARGUMENTS_BAD;
	for (CK_ULONG i = 0; i < count; i++)
		rooms[i] = attributes[i].ulValueLen;
	rv = call->f->C_GetAttributeValue(
	    call->session->handle, object, attributes, count);
	if (is_about_attributes(rv))
		return read_one_by_one(call, object, attributes, rooms, count);
	for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
		if (attributes[i].ulValueLen > rooms[i])
			mark_missing(&attributes[i]);
	return rv;
}

CK_RV
clv_p11_object_read_long(struct p11_call *call, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, size_t most, uint8_t **value, size_t *size)
{
	CK_ATTRIBUTE attribute = {type, NULL, 0};
	CK_RV rv;

	*value = NULL;
	*size = 0;
	rv = call->f->C_GetAttributeValue(
	    call->session->handle, object, &attribute, 1);
	if (is_about_attributes(rv) ||
	    (rv == CKR_OK &&
		(attribute.ulValueLen == 0 || !P11_HAS(attribute))))
		return CKR_OK;
	if (rv != CKR_OK)
		return rv;
	if (attribute.ulValueLen > most)
		return CLV_CKR_LIE;
	*size = attribute.ulValueLen;
	*value = calloc(1, *size);
	if (*value == NULL)
		return CLV_CKR_NO_MEMORY;
	attribute.pValue = *value;
	rv = call->f->C_GetAttributeValue(
	    call->session->handle, object, &attribute, 1);
	if (rv == CKR_OK && attribute.ulValueLen > *size)
		rv = CLV_CKR_LIE;
	if (rv == CKR_OK) {
		*size = attribute.ulValueLen;
		return CKR_OK;
	}
	free(*value);
	*value = NULL;
	return rv;
}

static bool
is_true(const CK_ATTRIBUTE *attribute, CK_BBOOL value, bool otherwise)
{
	if (!P11_HAS(*attribute) || attribute->ulValueLen != sizeof(value))
		return otherwise;
	return value != CK_FALSE;
}

static void
describe(struct p11_object *object, const CK_ATTRIBUTE *attributes,
    const CK_BBOOL *flags)
{
	const CK_ATTRIBUTE *bits = attributes + 3;

	if (!P11_HAS(attributes[0]) ||
	    attributes[0].ulValueLen != sizeof(CK_KEY_TYPE))
		object->type = (CK_KEY_TYPE)-1;
	object->id_size = P11_HAS(attributes[1]) ? attributes[1].ulValueLen : 0;
	object->label[P11_HAS(attributes[2]) ? attributes[2].ulValueLen : 0] =
	    '\0';
	object->has_label = P11_HAS(attributes[2]) &&
	    strlen(object->label) == attributes[2].ulValueLen;
	if (!object->has_label)
		object->label[0] = '\0';
	/* What the token does not say is taken as the worse. */
	object->sensitive = is_true(&bits[0], flags[0], false);
	object->extractable = is_true(&bits[1], flags[1], true);
	object->private = is_true(&bits[2], flags[2], false);
	object->local = is_true(&bits[3], flags[3], false);
	object->always_authenticate = is_true(&bits[4], flags[4], false);
	object->signs = is_true(&bits[5], flags[5], true);
	object->decrypts = is_true(&bits[6], flags[6], true);
}

/*
 * Some drivers (OpenSC's for IsoApplet) leave CKA_SENSITIVE out of keys that
 * never leave the card. What counts is whether the secret part is given out;
 * asking for its size is enough to know.
 */
static CK_RV
prove_secrecy(struct p11_call *call, struct p11_object *object)
{
	CK_ATTRIBUTE secret = {
	    object->type == CKK_RSA ? CKA_PRIVATE_EXPONENT : CKA_VALUE, NULL,
	    0};
	CK_RV rv;

	if (object->sensitive || object->extractable)
		return CKR_OK;
	rv = call->f->C_GetAttributeValue(
	    call->session->handle, object->handle, &secret, 1);
	if (rv != CKR_OK && clv_p11_fault(rv) != P11_FAULT_NONE)
		return rv;
	object->sensitive =
	    rv != CKR_OK || !P11_HAS(secret) || secret.ulValueLen == 0;
	return CKR_OK;
}

CK_RV
clv_p11_object_describe(
    struct p11_call *call, CK_OBJECT_HANDLE handle, struct p11_object *object)
{
	CK_BBOOL flags[7] = {0};
	CK_ATTRIBUTE attributes[] = {
	    P11_ATTRIBUTE(CKA_KEY_TYPE, object->type),
	    P11_ATTRIBUTE(CKA_ID, object->id),
	    P11_BYTES(CKA_LABEL, object->label, P11_LABEL_MAX),
	    P11_ATTRIBUTE(CKA_SENSITIVE, flags[0]),
	    P11_ATTRIBUTE(CKA_EXTRACTABLE, flags[1]),
	    P11_ATTRIBUTE(CKA_PRIVATE, flags[2]),
	    P11_ATTRIBUTE(CKA_LOCAL, flags[3]),
	    P11_ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, flags[4]),
	    P11_ATTRIBUTE(CKA_SIGN, flags[5]),
	    P11_ATTRIBUTE(CKA_DECRYPT, flags[6]),
	};
	CK_RV rv;

	memset(object, 0, sizeof(*object));
	object->handle = handle;
	rv = clv_p11_object_read(call, handle, attributes,
	    sizeof(attributes) / sizeof(attributes[0]));
	if (rv != CKR_OK)
		return rv;
	describe(object, attributes, flags);
	return prove_secrecy(call, object);
}
