/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Certificates on the token. A key's own certificate has its CKA_ID, which
 * another key's may have, too, and its public key; the issuers' are found by
 * name, as every other program does it.
 */

#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "key.h"

#define CERTIFICATE_MAX 65536U
/* They are all in memory at once. */
#define CERTIFICATES_MAX 2048U
#define CHAIN_MAX 16U

struct stored {
	CK_OBJECT_HANDLE handle;
	uint8_t *der;
	size_t size;
	X509 *x509; /* NULL: not one that can be read */
	bool own;   /* has the key's id, and is for it */
	bool keep;  /* part of what is being written, or of another chain */
};

struct shelf {
	struct p11_key *key;
	struct stored *items;
	size_t count;
};

static void
shelf_clear(struct shelf *shelf)
{
	for (size_t i = 0; i < shelf->count; i++) {
		free(shelf->items[i].der);
		X509_free(shelf->items[i].x509);
	}
	free(shelf->items);
	shelf->items = NULL;
	shelf->count = 0;
}

static bool
is_for_key(const struct stored *item, const struct p11_key *key)
{
	return item->x509 != NULL &&
	    EVP_PKEY_eq(X509_get0_pubkey(item->x509), key->public.key) == 1;
}

static CK_RV
read_item(struct p11_call *call, struct shelf *shelf, struct stored *item)
{
	const struct p11_object *object = &shelf->key->object;
	OSSL_LIB_CTX *openssl = shelf->key->store->module->openssl;
	uint8_t id[P11_ID_MAX] = {0};
	CK_ATTRIBUTE attribute = P11_ATTRIBUTE(CKA_ID, id);
	const uint8_t *der;
	CK_RV rv = clv_p11_object_read(call, item->handle, &attribute, 1);

	if (rv == CKR_OK)
		rv = clv_p11_object_read_long(call, item->handle, CKA_VALUE,
		    CERTIFICATE_MAX, &item->der, &item->size);
	if (rv != CKR_OK)
		return clv_p11_fault(rv) == P11_FAULT_NONE ? CKR_OK : rv;
	der = item->der;
	item->x509 = X509_new_ex(openssl, NULL);
	if (item->x509 == NULL)
		return CLV_CKR_NO_MEMORY;
	if (der == NULL ||
	    d2i_X509(&item->x509, &der, (long)item->size) == NULL ||
	    der != item->der + item->size) {
		X509_free(item->x509);
		item->x509 = NULL;
	}
	item->own = P11_HAS(attribute) && object->id_size > 0 &&
	    attribute.ulValueLen == object->id_size &&
	    memcmp(id, object->id, object->id_size) == 0 &&
	    is_for_key(item, shelf->key);
	return CKR_OK;
}

static CK_RV
read_shelf(struct p11_call *call, struct shelf *shelf)
{
	const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	const CK_ATTRIBUTE wanted = P11_ATTRIBUTE(CKA_CLASS, class);
	CK_OBJECT_HANDLE *found = NULL;
	size_t count = 0;
	CK_RV rv;

	shelf_clear(shelf);
	rv = clv_p11_objects_find_all(
	    call, &wanted, 1, CERTIFICATES_MAX, &found, &count);
	if (rv == CKR_OK && count > 0) {
		shelf->items = calloc(count, sizeof(*shelf->items));
		if (shelf->items == NULL)
			rv = CLV_CKR_NO_MEMORY;
	}
	for (size_t i = 0; rv == CKR_OK && i < count; i++) {
		struct stored *item = &shelf->items[shelf->count++];

		*item = (struct stored){.handle = found[i]};
		rv = read_item(call, shelf, item);
	}
	free(found);
	return rv;
}

static bool
is_self_signed(const struct stored *item)
{
	return X509_NAME_cmp(X509_get_subject_name(item->x509),
		   X509_get_issuer_name(item->x509)) == 0;
}

/* Of several, the one that is valid longest: an interrupted replacement left
 * the older one behind. */
static struct stored *
find_own(struct shelf *shelf)
{
	struct stored *best = NULL;

	for (size_t i = 0; i < shelf->count; i++) {
		struct stored *item = &shelf->items[i];

		if (!item->own)
			continue;
		if (best == NULL ||
		    ASN1_TIME_compare(X509_get0_notBefore(item->x509),
			X509_get0_notBefore(best->x509)) > 0)
			best = item;
	}
	return best;
}

static struct stored *
find_issuer(struct shelf *shelf, const struct stored *of)
{
	if (is_self_signed(of))
		return NULL;
	for (size_t i = 0; i < shelf->count; i++) {
		struct stored *item = &shelf->items[i];

		if (item->x509 != NULL && item != of &&
		    X509_NAME_cmp(X509_get_subject_name(item->x509),
			X509_get_issuer_name(of->x509)) == 0 &&
		    X509_verify(of->x509, X509_get0_pubkey(item->x509)) == 1)
			return item;
	}
	return NULL;
}

static size_t
find_chain(
    struct shelf *shelf, struct stored *from, struct stored *chain[CHAIN_MAX])
{
	size_t count = 0;

	while (from != NULL && count < CHAIN_MAX) {
		chain[count++] = from;
		from = find_issuer(shelf, from);
	}
	return count;
}

static CK_RV
read_step(struct p11_call *call, void *argument)
{
	return read_shelf(call, argument);
}

clv_status
clv_p11_certificates_read(
    void *opaque, clv_certificate_fn *fn, void *user, clv_error **err)
{
	struct p11_key *key = opaque;
	struct stored *chain[CHAIN_MAX];
	struct shelf *shelf = calloc(1, sizeof(*shelf));
	struct p11_call call = {.store = key->store,
	    .operation = "read certificates",
	    .subject = key->uri,
	    .step = read_step,
	    .argument = shelf,
	    .err = err};
	size_t count = 0;
	clv_status status;

	if (shelf == NULL)
		return clv_p11_no_memory("read certificates", err);
	shelf->key = key;
	status = clv_p11_run(&call);
	if (status == CLV_OK)
		count = find_chain(shelf, find_own(shelf), chain);
	for (size_t i = 0; i < count && status == CLV_OK; i++)
		status = fn(user, chain[i]->der, chain[i]->size, err);
	shelf_clear(shelf);
	free(shelf);
	return status;
}

/* What a new certificate object says of itself. */
struct attributes {
	uint8_t *subject;
	uint8_t *issuer;
	uint8_t *serial;
	int subject_size;
	int issuer_size;
	int serial_size;
	uint8_t id[20];
	char label[65];
};

static void
attributes_clear(struct attributes *attributes)
{
	OPENSSL_free(attributes->subject);
	OPENSSL_free(attributes->issuer);
	OPENSSL_free(attributes->serial);
}

static bool
describe(X509 *x509, struct attributes *attributes, OSSL_LIB_CTX *openssl)
{
	struct p11_public public = {.openssl = openssl};
	bool done;

	*attributes = (struct attributes){0};
	attributes->subject_size =
	    i2d_X509_NAME(X509_get_subject_name(x509), &attributes->subject);
	attributes->issuer_size =
	    i2d_X509_NAME(X509_get_issuer_name(x509), &attributes->issuer);
	attributes->serial_size =
	    i2d_ASN1_INTEGER(X509_get_serialNumber(x509), &attributes->serial);
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(x509),
		NID_commonName, attributes->label,
		sizeof(attributes->label)) < 0)
		(void)strcpy(attributes->label, "CA");
	public.der_size =
	    (size_t)i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &public.der);
	done = attributes->subject_size > 0 && attributes->issuer_size > 0 &&
	    attributes->serial_size > 0 &&
	    clv_p11_public_id(&public, attributes->id);
	OPENSSL_free(public.der);
	return done;
}

struct writing {
	struct shelf shelf;
	const uint8_t *const *certificates;
	const size_t *sizes;
	size_t count;
};

static CK_RV
create(struct p11_call *call, const struct writing *writing, size_t index)
{
	const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	const CK_CERTIFICATE_TYPE type = CKC_X_509;
	const CK_BBOOL yes = CK_TRUE;
	const CK_BBOOL no = CK_FALSE;
	const struct p11_object *object = &writing->shelf.key->object;
	OSSL_LIB_CTX *openssl = call->store->module->openssl;
	const uint8_t *der = writing->certificates[index];
	X509 *x509 = X509_new_ex(openssl, NULL);
	struct attributes a = {0};
	const bool own = index == 0;
	CK_OBJECT_HANDLE made;
	CK_RV rv = CKR_ARGUMENTS_BAD;

	if (x509 != NULL &&
	    d2i_X509(&x509, &der, (long)writing->sizes[index]) != NULL &&
	    describe(x509, &a, openssl)) {
		const char *label = own ? object->label : a.label;
		const CK_ATTRIBUTE template[] = {
		    P11_ATTRIBUTE(CKA_CLASS, class),
		    P11_ATTRIBUTE(CKA_CERTIFICATE_TYPE, type),
		    P11_ATTRIBUTE(CKA_TOKEN, yes),
		    P11_ATTRIBUTE(CKA_PRIVATE, no),
		    P11_BYTES(CKA_LABEL, label, strlen(label)),
		    P11_BYTES(CKA_ID, own ? object->id : a.id,
			own ? object->id_size : sizeof(a.id)),
		    P11_BYTES(CKA_SUBJECT, a.subject, (size_t)a.subject_size),
		    P11_BYTES(CKA_ISSUER, a.issuer, (size_t)a.issuer_size),
		    P11_BYTES(
			CKA_SERIAL_NUMBER, a.serial, (size_t)a.serial_size),
		    P11_BYTES(CKA_VALUE, writing->certificates[index],
			writing->sizes[index])};

		rv = call->f->C_CreateObject(call->session->handle,
		    clv_p11_unconst(template),
		    sizeof(template) / sizeof(template[0]), &made);
	}
	attributes_clear(&a);
	X509_free(x509);
	return rv;
}

static struct stored *
find_same(struct shelf *shelf, const uint8_t *der, size_t size, bool own)
{
	for (size_t i = 0; i < shelf->count; i++)
		if (shelf->items[i].size == size &&
		    (!own || shelf->items[i].own) &&
		    memcmp(shelf->items[i].der, der, size) == 0)
			return &shelf->items[i];
	return NULL;
}

/* What other chains need stays: other keys' certificates, and their issuers; an
 * issuer that nothing leads to any more goes. */
static void
keep_others(struct shelf *shelf, struct stored *const *old, size_t old_count)
{
	struct stored *chain[CHAIN_MAX];

	for (size_t i = 0; i < shelf->count; i++) {
		struct stored *item = &shelf->items[i];
		bool in_old = false;
		size_t count;

		for (size_t n = 0; n < old_count; n++)
			in_old |= old[n] == item;
		if (in_old || item->own || item->x509 == NULL)
			continue;
		count = find_chain(shelf, item, chain);
		while (count > 0)
			chain[--count]->keep = true;
	}
}

static CK_RV
destroy(struct p11_call *call, const struct stored *item)
{
	return item->keep
	    ? CKR_OK
	    : call->f->C_DestroyObject(call->session->handle, item->handle);
}

/* New ones first, so that no moment is without a certificate. */
static CK_RV
write_step(struct p11_call *call, void *argument)
{
	struct writing *writing = argument;
	struct shelf *shelf = &writing->shelf;
	struct stored *old[CHAIN_MAX];
	size_t old_count;
	CK_RV rv = read_shelf(call, shelf);

	if (rv != CKR_OK)
		return rv;
	old_count = find_chain(shelf, find_own(shelf), old);
	keep_others(shelf, old, old_count);
	for (size_t i = 0; rv == CKR_OK && i < writing->count; i++) {
		struct stored *same = find_same(
		    shelf, writing->certificates[i], writing->sizes[i], i == 0);

		if (same != NULL)
			same->keep = true;
		else
			rv = create(call, writing, i);
	}
	for (size_t i = 0; rv == CKR_OK && i < old_count; i++)
		if (!old[i]->own)
			rv = destroy(call, old[i]);
	for (size_t i = 0; rv == CKR_OK && i < shelf->count; i++)
		if (shelf->items[i].own)
			rv = destroy(call, &shelf->items[i]);
	return rv;
}

clv_status
clv_p11_certificates_write(void *opaque, const uint8_t *const *certificates,
    const size_t *sizes, size_t count, clv_error **err)
{
	struct p11_key *key = opaque;
	struct writing *writing = calloc(1, sizeof(*writing));
	struct p11_call call = {.store = key->store,
	    .operation = "write certificates",
	    .subject = key->uri,
	    .step = write_step,
	    .argument = writing,
	    .writes = true,
	    .err = err};
	clv_status status;

	if (writing == NULL)
		return clv_p11_no_memory("write certificates", err);
	writing->shelf.key = key;
	writing->certificates = certificates;
	writing->sizes = sizes;
	writing->count = count;
	status = clv_p11_run(&call);
	shelf_clear(&writing->shelf);
	free(writing);
	return status;
}
