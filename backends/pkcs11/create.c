/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "create.h"

#include <string.h>
#include <time.h>

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
raise_exists(struct p11_call *call, const char *what)
{
	return clv_p11_call_raised(call,
	    clv_error_raise(call->err, CLV_EXISTS,
		&(struct clv_error_info){.operation = call->operation,
		    .subject = call->subject,
		    .remedy = "choose another, or delete that key first"},
		"the token has a key with this %s already", what));
}

static CK_RV
find_private(struct p11_call *call, const CK_ATTRIBUTE *name,
    CK_OBJECT_HANDLE *found, size_t room, size_t *count)
{
	const CK_ATTRIBUTE wanted[] = {
	    P11_ATTRIBUTE(CKA_CLASS, private_class), *name};

	return clv_p11_objects_find(call, wanted, 2, found, room, count);
}

static CK_RV
check_unused(struct p11_call *call, const CK_ATTRIBUTE *name, const char *what)
{
	CK_OBJECT_HANDLE found;
	size_t count = 0;
	CK_RV rv = find_private(call, name, &found, 1, &count);

	if (rv != CKR_OK || count == 0)
		return rv;
	return raise_exists(call, what);
}

/* A public key alone may have the names already; it is not ours to undo. */
static CK_RV
look_for_public(struct p11_call *call, struct p11_creation *creation)
{
	const struct clv_key_spec *spec = creation->spec;
	const CK_ATTRIBUTE wanted[] = {P11_ATTRIBUTE(CKA_CLASS, public_class),
	    P11_BYTES(CKA_ID, spec->id, spec->id_size),
	    P11_BYTES(CKA_LABEL, spec->label, strlen(spec->label))};
	CK_OBJECT_HANDLE found;
	size_t count = 0;
	CK_RV rv = clv_p11_objects_find(call, wanted, 3, &found, 1, &count);

	creation->public_taken = count > 0;
	return rv;
}

static CK_RV
check_names(struct p11_call *call, struct p11_creation *creation)
{
	const struct clv_key_spec *spec = creation->spec;
	const CK_ATTRIBUTE label =
	    P11_BYTES(CKA_LABEL, spec->label, strlen(spec->label));
	const CK_ATTRIBUTE id = P11_BYTES(CKA_ID, spec->id, spec->id_size);
	CK_RV rv = check_unused(call, &label, "label");

	if (spec->id == NULL)
		return rv;
	if (rv == CKR_OK)
		rv = check_unused(call, &id, "id");
	if (rv == CKR_OK)
		rv = look_for_public(call, creation);
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
	memcpy(creation->new_id, id, sizeof(id));
	creation->renamed = true;
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

static CK_RV
finish(struct p11_call *call, struct p11_creation *creation)
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

/* How long to wait for others to give way, and how often to look. */
#define RIVALS_MS 2000U
#define RIVALS_PAUSE_MS 20U
#define RIVALS_MAX 16U

/* Whether the key has the lowest id of all that have the name. */
static CK_RV
compare(struct p11_call *call, const struct p11_creation *creation,
    const CK_OBJECT_HANDLE *found, size_t count, bool *lowest)
{
	const struct p11_object *own = &creation->key->object;
	CK_RV rv = CKR_OK;

	*lowest = count < RIVALS_MAX && own->id_size > 0;
	for (size_t i = 0; rv == CKR_OK && *lowest && i < count; i++) {
		uint8_t id[P11_ID_MAX] = {0};
		CK_ATTRIBUTE attribute = P11_ATTRIBUTE(CKA_ID, id);

		if (found[i] == creation->private)
			continue;
		rv = clv_p11_object_read(call, found[i], &attribute, 1);
		*lowest = P11_HAS(attribute) &&
		    attribute.ulValueLen == own->id_size &&
		    memcmp(own->id, id, own->id_size) < 0;
	}
	return rv;
}

/*
 * Another process may have found the name free at the same time. Whoever sees
 * the other's key beside its own gives way, but for the one with the lowest
 * id, which waits for that: the other one may be done already, and stays.
 */
static CK_RV
check_alone(struct p11_call *call, const struct p11_creation *creation,
    const CK_ATTRIBUTE *name, const char *what)
{
	CK_OBJECT_HANDLE found[RIVALS_MAX];
	const struct timespec pause = {0, RIVALS_PAUSE_MS * 1000000L};
	size_t count = 0;
	bool lowest = true;

	for (unsigned ms = 0; lowest && ms < RIVALS_MS; ms += RIVALS_PAUSE_MS) {
		CK_RV rv = find_private(call, name, found, RIVALS_MAX, &count);

		if (rv != CKR_OK || count <= 1)
			return rv;
		rv = compare(call, creation, found, count, &lowest);
		/* What has just gone can't be compared any more. */
		if (rv == CKR_OBJECT_HANDLE_INVALID)
			lowest = true;
		else if (rv != CKR_OK)
			return rv;
		if (lowest)
			(void)nanosleep(&pause, NULL);
	}
	return raise_exists(call, what);
}

static CK_RV
check_rivals(struct p11_call *call, const struct p11_creation *creation)
{
	const struct clv_key_spec *spec = creation->spec;
	const CK_ATTRIBUTE label =
	    P11_BYTES(CKA_LABEL, spec->label, strlen(spec->label));
	const CK_ATTRIBUTE id = P11_BYTES(CKA_ID, spec->id, spec->id_size);
	CK_RV rv = check_alone(call, creation, &label, "label");

	if (rv == CKR_OK && spec->id != NULL)
		rv = check_alone(call, creation, &id, "id");
	return rv;
}

static void
destroy_made(struct p11_call *call, struct p11_creation *creation)
{
	const CK_SESSION_HANDLE session = call->session->handle;

	if (creation->generation == call->session->generation) {
		if (creation->private != CK_INVALID_HANDLE)
			(void)call->f->C_DestroyObject(
			    session, creation->private);
		if (creation->public != CK_INVALID_HANDLE)
			(void)call->f->C_DestroyObject(
			    session, creation->public);
	}
	creation->private = CK_INVALID_HANDLE;
	creation->public = CK_INVALID_HANDLE;
}

static CK_RV
destroy_named(struct p11_call *call, const struct p11_creation *creation,
    const CK_OBJECT_CLASS *class, const uint8_t *id, size_t id_size)
{
	const char *label = creation->spec->label;
	const CK_ATTRIBUTE wanted[] = {
	    P11_BYTES(CKA_CLASS, class, sizeof(*class)),
	    P11_BYTES(CKA_ID, id, id_size),
	    P11_BYTES(CKA_LABEL, label, strlen(label))};
	CK_OBJECT_HANDLE found[4];
	size_t count = 0;
	CK_RV rv = clv_p11_objects_find(call, wanted, 3, found, 4, &count);

	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		rv = call->f->C_DestroyObject(call->session->handle, found[i]);
	return rv;
}

/* By what they are named, too: a handle may have died with its session. */
static CK_RV
undo(struct p11_call *call, struct p11_creation *creation)
{
	const CK_OBJECT_CLASS *const classes[] = {
	    &private_class, &public_class};
	CK_RV rv = CKR_OK;

	destroy_made(call, creation);
	for (size_t i = 0; rv == CKR_OK && i < 2; i++) {
		if (i == 1 && creation->public_taken)
			break;
		rv = destroy_named(call, creation, classes[i], creation->id,
		    creation->id_size);
		if (rv == CKR_OK && creation->renamed)
			rv = destroy_named(call, creation, classes[i],
			    creation->new_id, sizeof(creation->new_id));
	}
	if (rv == CKR_OK)
		creation->started = creation->renamed = false;
	return rv;
}

static CK_RV
undo_step(struct p11_call *call, void *argument)
{
	return undo(call, argument);
}

CK_RV
clv_p11_creation_step(struct p11_call *call, void *argument)
{
	struct p11_creation *creation = argument;
	CK_RV rv = CKR_OK;

	/* What an earlier try may have left. */
	if (creation->started)
		rv = undo(call, creation);
	if (rv == CKR_OK)
		rv = check_names(call, creation);
	if (rv != CKR_OK)
		return rv;
	creation->started = true;
	creation->generation = call->session->generation;
	rv = creation->make(call, creation);
	if (rv == CKR_OK)
		rv = finish(call, creation);
	if (rv == CKR_OK)
		rv = check_rivals(call, creation);
	if (rv != CKR_OK) {
		clv_p11_key_close(creation->key);
		creation->key = NULL;
		(void)undo(call, creation);
	}
	return rv;
}

/* Where nothing is left to try, but the remains of it. Not with a PIN that has
 * just been refused. */
static void
clean_up(
    struct p11_call *call, struct p11_creation *creation, clv_status status)
{
	struct p11_call cleaning = *call;

	cleaning.step = undo_step;
	cleaning.err = NULL;
	if (status != CLV_AUTH && status != CLV_AUTH_LAST_TRY &&
	    status != CLV_LOCKED && status != CLV_CANCELLED &&
	    clv_p11_run(&cleaning) == CLV_OK)
		return;
	clv_host_log(call->store->host, CLV_LOG_WARNING,
	    "%s: halves of the key \"%s\" may be left on the token",
	    call->subject, creation->spec->label);
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
	else if (creation->started)
		clean_up(call, creation, status);
	return status;
}
