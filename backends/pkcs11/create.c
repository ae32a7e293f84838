/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "create.h"

#include <string.h>

#include <openssl/rand.h>

static const CK_BBOOL yes = CK_TRUE;
static const CK_BBOOL no = CK_FALSE;
static const CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY;
static const CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
static const CK_KEY_TYPE types[] = {CKK_RSA, CKK_EC, CKK_EC_EDWARDS};

static const CK_KEY_TYPE *
find_type(clv_family family)
{
	return &types[family == CLV_FAMILY_RSA ? 0
		: family == CLV_FAMILY_EC      ? 1
					       : 2];
}

CK_KEY_TYPE
clv_p11_key_type(clv_family family)
{
	return *find_type(family);
}

void
clv_p11_template_add(struct p11_template *template, CK_ATTRIBUTE_TYPE type,
    const void *value, size_t size)
{
	if (template->count < P11_TEMPLATE_MAX)
		template->attributes[template->count++] =
		    (CK_ATTRIBUTE){type, clv_p11_unconst(value), size};
}

static void
add_flag(struct p11_template *template, CK_ATTRIBUTE_TYPE type, bool value)
{
	clv_p11_template_add(
	    template, type, value ? &yes : &no, sizeof(CK_BBOOL));
}

static void
add_common(struct p11_template *template, const CK_OBJECT_CLASS *class,
    const struct p11_creation *creation)
{
	const char *label = creation->spec->label;

	clv_p11_template_add(template, CKA_CLASS, class, sizeof(*class));
	clv_p11_template_add(template, CKA_KEY_TYPE,
	    find_type(creation->family), sizeof(CK_KEY_TYPE));
	clv_p11_template_add(template, CKA_LABEL, label, strlen(label));
	clv_p11_template_add(template, CKA_ID, creation->id, creation->id_size);
	add_flag(template, CKA_TOKEN, true);
}

/* OPC UA signs with its keys and, RSA, decrypts; EC keys are agreed on with
 * ephemeral keys, which never come here. */
void
clv_p11_template_private(
    struct p11_template *template, const struct p11_creation *creation)
{
	const bool rsa = creation->family == CLV_FAMILY_RSA;

	add_common(template, &private_class, creation);
	add_flag(template, CKA_PRIVATE, true);
	add_flag(template, CKA_SENSITIVE, true);
	add_flag(template, CKA_EXTRACTABLE, false);
	add_flag(template, CKA_SIGN, true);
	add_flag(template, CKA_DECRYPT, rsa);
	add_flag(template, CKA_UNWRAP, false);
	if (!rsa)
		add_flag(template, CKA_DERIVE, false);
}

void
clv_p11_template_public(
    struct p11_template *template, const struct p11_creation *creation)
{
	const bool rsa = creation->family == CLV_FAMILY_RSA;

	add_common(template, &public_class, creation);
	add_flag(template, CKA_PRIVATE, false);
	add_flag(template, CKA_VERIFY, true);
	add_flag(template, CKA_ENCRYPT, rsa);
	add_flag(template, CKA_WRAP, false);
}

static CK_RV
check_unused(struct p11_call *call, CK_ATTRIBUTE_TYPE type, const void *value,
    size_t size, const char *what)
{
	const CK_ATTRIBUTE wanted[] = {P11_ATTRIBUTE(CKA_CLASS, private_class),
	    P11_BYTES(type, value, size)};
	CK_OBJECT_HANDLE found;
	size_t count = 0;
	CK_RV rv = clv_p11_objects_find(call, wanted, 2, &found, 1, &count);

	if (rv != CKR_OK || count == 0)
		return rv;
	return clv_p11_call_raised(call,
	    clv_error_raise(call->err, CLV_EXISTS,
		&(struct clv_error_info){.operation = call->operation,
		    .subject = call->subject,
		    .remedy = "choose another, or delete that key first"},
		"the token has a key with this %s already", what));
}

CK_RV
clv_p11_creation_check(
    struct p11_call *call, const struct p11_creation *creation)
{
	const struct clv_key_spec *spec = creation->spec;
	CK_RV rv = check_unused(
	    call, CKA_LABEL, spec->label, strlen(spec->label), "label");

	if (rv == CKR_OK && spec->id != NULL)
		rv = check_unused(call, CKA_ID, spec->id, spec->id_size, "id");
	return rv;
}

/* Where the token does not let ids change, the random one stays. */
static CK_RV
set_id(struct p11_call *call, struct p11_creation *creation,
    const struct p11_public *public)
{
	uint8_t id[20];
	CK_ATTRIBUTE attribute = P11_ATTRIBUTE(CKA_ID, id);
	CK_ATTRIBUTE old = P11_BYTES(CKA_ID, creation->id, creation->id_size);
	const CK_SESSION_HANDLE session = call->session->handle;
	CK_RV rv;

	if (creation->spec->id != NULL || !clv_p11_public_id(public, id))
		return CKR_OK;
	rv = call->f->C_SetAttributeValue(
	    session, creation->private, &attribute, 1);
	if (rv != CKR_OK)
		return clv_p11_fault(rv) == P11_FAULT_NONE ? CKR_OK : rv;
	if (creation->public != CK_INVALID_HANDLE)
		rv = call->f->C_SetAttributeValue(
		    session, creation->public, &attribute, 1);
	if (rv != CKR_OK && clv_p11_fault(rv) == P11_FAULT_NONE)
		/* Both or none. */
		rv = call->f->C_SetAttributeValue(
		    session, creation->private, &old, 1);
	return rv;
}

static CK_RV
check_result(struct p11_call *call, const struct p11_key *key)
{
	const struct p11_object *object = &key->object;

	if (object->sensitive && !object->extractable && object->private &&
	    object->signs)
		return CKR_OK;
	if (object->sensitive && !object->extractable && object->signs) {
		/* Visible without a PIN, but not usable elsewhere. */
		clv_host_log(call->store->host, CLV_LOG_WARNING,
		    "%s: the token does not hide the key (CKA_PRIVATE)",
		    key->uri);
		return CKR_OK;
	}
	return clv_p11_call_raised(call,
	    clv_error_raise(call->err, CLV_POLICY,
		&(struct clv_error_info){
		    .operation = call->operation, .subject = call->subject},
		"the token made a key that could be read out or can't sign; "
		"it was destroyed again"));
}

CK_RV
clv_p11_creation_finish(struct p11_call *call, struct p11_creation *creation)
{
	struct p11_key *key = NULL;
	CK_RV rv = clv_p11_key_adopt(call, creation->private, &key);

	if (rv != CKR_OK)
		return rv;
	rv = set_id(call, creation, &key->public);
	clv_p11_key_close(key);
	key = NULL;
	if (rv == CKR_OK)
		rv = clv_p11_key_adopt(call, creation->private, &key);
	if (rv == CKR_OK)
		rv = check_result(call, key);
	if (rv != CKR_OK) {
		clv_p11_key_close(key);
		return rv;
	}
	creation->key = key;
	return CKR_OK;
}

static void
destroy(struct p11_call *call, CK_OBJECT_HANDLE *handle)
{
	if (*handle != CK_INVALID_HANDLE)
		(void)call->f->C_DestroyObject(call->session->handle, *handle);
	*handle = CK_INVALID_HANDLE;
}

/* By what they are named, too: a handle may have died with its session. */
void
clv_p11_creation_undo(struct p11_call *call, struct p11_creation *creation)
{
	const CK_OBJECT_CLASS *const classes[] = {
	    &private_class, &public_class};
	CK_OBJECT_HANDLE found[4];
	size_t count;

	destroy(call, &creation->private);
	destroy(call, &creation->public);
	for (size_t i = 0; i < 2; i++) {
		const CK_ATTRIBUTE wanted[] = {
		    P11_BYTES(CKA_CLASS, classes[i], sizeof(*classes[i])),
		    P11_BYTES(CKA_ID, creation->id, creation->id_size),
		    P11_BYTES(CKA_LABEL, creation->spec->label,
			strlen(creation->spec->label))};

		if (clv_p11_objects_find(call, wanted, 3, found, 4, &count) !=
		    CKR_OK)
			continue;
		for (size_t n = 0; n < count; n++)
			destroy(call, &found[n]);
	}
}

clv_status
clv_p11_creation_run(
    struct p11_call *call, struct p11_creation *creation, void **key)
{
	const struct clv_key_spec *spec = creation->spec;
	clv_status status;

	*key = NULL;
	creation->id_size = spec->id != NULL ? spec->id_size : 20;
	if (creation->id_size > sizeof(creation->id))
		return clv_error_raise(call->err, CLV_INVALID,
		    &(struct clv_error_info){
			.operation = call->operation, .subject = call->subject},
		    "an id has at most %u bytes", P11_ID_MAX);
	if (spec->id != NULL)
		memcpy(creation->id, spec->id, spec->id_size);
	else if (RAND_bytes_ex(call->store->module->openssl, creation->id,
		     creation->id_size, 0) != 1)
		return clv_error_raise(
		    call->err, CLV_INTERNAL, NULL, "no random numbers");
	status = clv_p11_run(call);
	if (status == CLV_OK)
		*key = creation->key;
	return status;
}
