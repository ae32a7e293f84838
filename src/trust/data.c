/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Whole lists, as TrustListDataType. */

#include "trust/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/item.h"

/* ---- what a list is to hold ---- */

/* One certificate or CRL that is wanted, and whether a file has it. */
struct wanted {
	struct clv_trust_entry entry; /* with a reference */
	bool there;
};

struct replacement {
	unsigned mask;
	struct wanted *wanted; /* sorted by thumbprint */
	size_t count;
	size_t capacity;
};

static const uint8_t *
thumbprint_of(const struct clv_trust_entry *entry)
{
	return entry->cert != NULL ? entry->cert->thumbprint
				   : entry->crl->thumbprint;
}

static clv_trust_mask
list_of(const struct clv_trust_entry *entry)
{
	return clv_trust_mask_of(entry->cert == NULL, entry->where);
}

static int
compare(const void *left, const void *right)
{
	const struct wanted *a = left;
	const struct wanted *b = right;

	return memcmp(thumbprint_of(&a->entry), thumbprint_of(&b->entry),
	    CLV_THUMBPRINT_SIZE);
}

static void
clear(struct replacement *replacement)
{
	for (size_t i = 0; i < replacement->count; i++) {
		clv_trust_cert_unref(replacement->wanted[i].entry.cert);
		clv_trust_crl_unref(replacement->wanted[i].entry.crl);
	}
	free(replacement->wanted);
}

/* Takes over the references of `entry`. */
static clv_status
want(struct replacement *replacement, struct clv_trust_entry *entry,
    clv_error **err)
{
	if (replacement->count == replacement->capacity) {
		const size_t capacity =
		    replacement->capacity == 0 ? 64 : 2 * replacement->capacity;
		struct wanted *wanted = reallocarray(
		    replacement->wanted, capacity, sizeof(*wanted));

		if (wanted == NULL)
			return clv_error_raise(
			    err, CLV_NO_MEMORY, NULL, "out of memory");
		replacement->wanted = wanted;
		replacement->capacity = capacity;
	}
	replacement->wanted[replacement->count++] =
	    (struct wanted){.entry = *entry};
	*entry = (struct clv_trust_entry){.cert = NULL}; /* transferred */
	return CLV_OK;
}

static clv_status
raise_kind(clv_error **err, const char *subject, bool crl)
{
	return clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "replace TrustList",
		.subject = subject,
		.domain = CLV_DOMAIN_OPCUA,
		.code = CLV_SC_BAD_CERTIFICATE_INVALID,
		.code_name = "BadCertificateInvalid"},
	    crl ? "it is not a CRL" : "it is not a certificate");
}

/* OPC 10000-12, 7.8.2.5: an entry that is no good is BadCertificateInvalid,
 * whatever it is. Takes over `failure`. */
static clv_status
raise_entry(clv_error **err, clv_error *failure)
{
	const clv_status status = clv_error_status(failure);
	const bool bad = status == CLV_CORRUPT || status == CLV_POLICY ||
	    status == CLV_UNSUPPORTED || status == CLV_TOO_LARGE;

	(void)clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "replace TrustList",
		.subject = clv_error_subject(failure),
		.remedy =
		    bad ? "ask for the list again from where it came" : NULL,
		.domain = bad ? CLV_DOMAIN_OPCUA : CLV_DOMAIN_NONE,
		.code = bad ? CLV_SC_BAD_CERTIFICATE_INVALID : 0,
		.code_name = bad ? "BadCertificateInvalid" : NULL},
	    "%s", clv_error_reason(failure));
	clv_error_free(&failure);
	return status;
}

/* What an entry of the stream holds: a CRL, a certificate, or a chain. */
static clv_status
want_entry(struct replacement *replacement, clv_trust_mask list, size_t index,
    const uint8_t *bytes, size_t size, clv_error **err)
{
	const bool crl =
	    (list & (CLV_TRUST_TRUSTED_CRLS | CLV_TRUST_ISSUER_CRLS)) != 0;
	const bool trusted = list <= CLV_TRUST_TRUSTED_CRLS;
	const enum clv_trust_folder folder =
	    trusted ? CLV_FOLDER_TRUSTED_CERTS : CLV_FOLDER_ISSUER_CERTS;
	struct clv_trust_file *file = NULL;
	clv_error *failure = NULL;
	char subject[64];
	clv_status status;

	(void)snprintf(subject, sizeof(subject), "entry %zu of %s %s", index,
	    trusted ? "trusted" : "issuer", crl ? "CRLs" : "certificates");
	status = clv_trust_file_new(folder, "", subject, &file, err);
	if (status != CLV_OK)
		return status;
	/* Nothing but DER: PEM has no place in the stream. */
	if (clv_content_sequence_size(bytes, size) == 0)
		status = raise_kind(err, subject, crl);
	else if ((status = clv_trust_load_bytes(file, bytes, size, &failure)) !=
	    CLV_OK)
		status = raise_entry(err, failure);
	for (size_t i = 0; i < file->count && status == CLV_OK; i++)
		if ((file->entries[i].cert == NULL) != crl ||
		    (crl && file->count > 1))
			status = raise_kind(err, subject, crl);
		else
			status = want(replacement, &file->entries[i], err);
	clv_trust_file_free(&file);
	return status;
}

static clv_status
want_data(struct replacement *replacement, const clv_trust_data *data,
    clv_error **err)
{
	replacement->mask = clv_trust_data_specified(data);
	for (unsigned bit = 1; bit < CLV_TRUST_ALL_LISTS; bit <<= 1) {
		const clv_trust_mask list = (clv_trust_mask)bit;
		const size_t count = (replacement->mask & bit) != 0
		    ? clv_trust_data_count(data, list)
		    : 0;

		for (size_t i = 0; i < count; i++) {
			size_t size = 0;
			const uint8_t *bytes =
			    clv_trust_data_entry(data, list, i, &size);
			clv_status status =
			    want_entry(replacement, list, i, bytes, size, err);

			if (status != CLV_OK)
				return status;
		}
	}
	if (replacement->count > 1)
		qsort(replacement->wanted, replacement->count,
		    sizeof(*replacement->wanted), compare);
	return CLV_OK;
}

/* ---- replacing ---- */

static bool
same(const struct clv_trust_entry *a, const struct clv_trust_entry *b)
{
	if (list_of(a) != list_of(b))
		return false;
	if (a->cert != NULL)
		return clv_trust_cert_equal(a->cert, b->cert);
	return a->crl->size == b->crl->size &&
	    memcmp(a->crl->der, b->crl->der, a->crl->size) == 0;
}

/* The first of those with this thumbprint. */
static size_t
find(const struct replacement *replacement, const uint8_t *thumbprint)
{
	size_t low = 0;
	size_t high = replacement->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (memcmp(thumbprint_of(&replacement->wanted[middle].entry),
			thumbprint, CLV_THUMBPRINT_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Marks all that are the same: a list may name one twice. */
static bool
is_unwanted(void *user, const struct clv_trust_entry *entry)
{
	struct replacement *replacement = user;
	const uint8_t *thumbprint = thumbprint_of(entry);
	bool found = false;

	if ((replacement->mask & list_of(entry)) == 0)
		return false;
	for (size_t i = find(replacement, thumbprint); i < replacement->count &&
	     memcmp(thumbprint_of(&replacement->wanted[i].entry), thumbprint,
		 CLV_THUMBPRINT_SIZE) == 0;
	     i++)
		if (same(&replacement->wanted[i].entry, entry)) {
			replacement->wanted[i].there = true;
			found = true;
		}
	return !found;
}

static clv_status
put_missing(struct clv_change *change, const struct replacement *replacement,
    clv_error **err)
{
	for (size_t i = 0; i < replacement->count; i++) {
		const struct wanted *wanted = &replacement->wanted[i];
		clv_status status;

		if (wanted->there) {
			change->result.unchanged++;
			continue;
		}
		status = wanted->entry.cert != NULL
		    ? clv_change_put_cert(
			  change, wanted->entry.cert, wanted->entry.where, err)
		    : clv_change_put_crl(
			  change, wanted->entry.crl, wanted->entry.where, err);
		if (status != CLV_OK)
			return status;
	}
	return CLV_OK;
}

clv_status
clv_change_replace(
    struct clv_change *change, const clv_trust_data *data, clv_error **err)
{
	struct replacement replacement = {.mask = 0};
	clv_status status;

	if ((status = want_data(&replacement, data, err)) == CLV_OK)
		status = clv_change_drop(
		    change, is_unwanted, &replacement, replacement.mask, err);
	if (status == CLV_OK)
		status = put_missing(change, &replacement, err);
	clear(&replacement);
	return status;
}

clv_status
clv_trust_replace(clv_trust *trust, const clv_trust_data *data,
    clv_trust_change *result, clv_error **err)
{
	struct clv_change change;
	clv_status status;

	if (result != NULL)
		*result = (clv_trust_change){.added = 0};
	if ((status = clv_change_begin(&change, trust, err)) == CLV_OK)
		status = clv_change_replace(&change, data, err);
	if (status == CLV_OK)
		status = clv_change_commit(&change, err);
	if (status == CLV_OK && result != NULL)
		*result = change.result;
	clv_change_end(&change);
	return status;
}

/* ---- giving ---- */

/* A certificate may lie in two files: the first one counts. */
static bool
is_repeated(
    const clv_trust_snapshot *snapshot, const struct clv_trust_member *member)
{
	const struct clv_trust_member *other = NULL;

	while ((other = clv_trust_snapshot_by_thumbprint(
		    snapshot, member->cert->thumbprint, other)) != member)
		if (other->where == member->where &&
		    clv_trust_cert_equal(other->cert, member->cert))
			return true;
	return false;
}

static clv_status
give_certs(const clv_trust_snapshot *snapshot, unsigned mask,
    clv_trust_data *data, clv_error **err)
{
	const struct clv_trust_member *member;
	size_t position = 0;

	while ((member = clv_trust_snapshot_next_cert(snapshot, &position)) !=
	    NULL) {
		const clv_trust_mask list =
		    clv_trust_mask_of(false, member->where);
		clv_status status;

		if ((mask & list) == 0 || is_repeated(snapshot, member))
			continue;
		status = clv_trust_data_add(
		    data, list, member->cert->der, member->cert->size, err);
		if (status != CLV_OK)
			return status;
	}
	return CLV_OK;
}

static clv_status
give_crls(const clv_trust_snapshot *snapshot, unsigned mask,
    clv_trust_data *data, clv_error **err)
{
	const struct clv_trust_crl_member *member;
	size_t position = 0;

	while ((member = clv_trust_snapshot_next_crl(snapshot, &position)) !=
	    NULL) {
		const clv_trust_mask list =
		    clv_trust_mask_of(true, member->where);
		clv_status status;

		if ((mask & list) == 0)
			continue;
		status = clv_trust_data_add(
		    data, list, member->crl->der, member->crl->size, err);
		if (status != CLV_OK)
			return status;
	}
	return CLV_OK;
}

clv_status
clv_trust_get_data(
    clv_trust *trust, unsigned mask, clv_trust_data **out, clv_error **err)
{
	clv_trust_snapshot *snapshot = NULL;
	clv_trust_data *data = NULL;
	clv_status status;

	*out = NULL;
	if ((status = clv_trust_data_new(&data, err)) != CLV_OK ||
	    (status = clv_trust_data_specify(data, mask, err)) != CLV_OK ||
	    (status = clv_trust_get_snapshot(trust, &snapshot, err)) != CLV_OK)
		goto out;
	/* An empty list is not a null one: it says that nobody is in it. */
	for (unsigned bit = 1; bit < CLV_TRUST_ALL_LISTS; bit <<= 1)
		if ((mask & bit) != 0)
			clv_trust_data_clear(data, (clv_trust_mask)bit, false);
	if ((status = give_certs(snapshot, mask, data, err)) != CLV_OK ||
	    (status = give_crls(snapshot, mask, data, err)) != CLV_OK)
		goto out;
	*out = data;
	data = NULL; /* transferred */
out:
	clv_trust_snapshot_unref(snapshot);
	clv_trust_data_free(&data);
	return status;
}
