/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Adding to a list, removing from it, accepting. */

#include "trust/change.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trust/item.h"
#include "trust/signature.h"

#define CERTIFICATE_LISTS \
	(CLV_TRUST_TRUSTED_CERTIFICATES | CLV_TRUST_ISSUER_CERTIFICATES)

/* Ends a change and tells what it did. */
static clv_status
finish(struct clv_change *change, clv_status status, clv_trust_change *result)
{
	if (result != NULL && status == CLV_OK)
		*result = change->result;
	clv_change_end(change);
	return status;
}

/* ---- adding ---- */

static bool
same_issuer(const struct clv_trust_crl *a, const struct clv_trust_crl *b)
{
	return a->issuer_hash == b->issuer_hash &&
	    a->issuer.size == b->issuer.size &&
	    memcmp(a->der + a->issuer.at, b->der + b->issuer.at,
		a->issuer.size) == 0 &&
	    a->aki.size == b->aki.size &&
	    memcmp(a->der + a->aki.at, b->der + b->aki.at, a->aki.size) == 0;
}

/* Whether nobody who has `crl` needs `old`: complete for complete, and a
 * complete one for a delta that it is not older than. */
static bool
makes_useless(const struct clv_trust_crl *crl, const struct clv_trust_crl *old)
{
	const bool delta = (crl->flags & CLV_CRL_DELTA) != 0;
	const int order =
	    clv_trust_crl_compare_number(crl, crl->number, old, old->number);

	if (delta || (crl->flags & CLV_CRL_HAS_NUMBER) == 0)
		return false;
	if ((old->flags & CLV_CRL_DELTA) != 0)
		return order >= 0;
	return order > 0 && crl->this_update >= old->this_update;
}

static bool
is_genuine(const clv_trust_snapshot *snapshot, struct clv_trust_crl *crl)
{
	const struct clv_trust_member *member = NULL;

	while ((member = clv_trust_snapshot_by_subject(snapshot,
		    crl->der + crl->issuer.at, crl->issuer.size,
		    crl->issuer_hash, member)) != NULL)
		if (((member->cert->flags & CLV_CERT_HAS_USAGE) == 0 ||
			(member->cert->key_usage & CLV_USAGE_CRL_SIGN) != 0) &&
		    clv_trust_engine_check_crl(
			clv_trust_snapshot_engine(snapshot), member->cert, crl,
			NULL))
			return true;
	return false;
}

struct supersede {
	struct clv_trust_crl *crl;
	enum clv_trust_where where;
};

static bool
is_superseded(void *user, const struct clv_trust_entry *entry)
{
	const struct supersede *newer = user;

	return entry->crl != NULL && entry->where == newer->where &&
	    same_issuer(newer->crl, entry->crl) &&
	    makes_useless(newer->crl, entry->crl);
}

/* Only a CRL that counts now may take others away: a forged one, or one from
 * the future, would make revocation unknown. */
static clv_status
drop_superseded(struct clv_change *change, struct supersede *newer,
    const clv_trust_snapshot *snapshot, clv_error **err)
{
	const int64_t now = (int64_t)time(NULL);

	if (newer->crl->this_update > now || newer->crl->next_update < now ||
	    !is_genuine(snapshot, newer->crl))
		return CLV_OK;
	return clv_change_drop(change, is_superseded, newer, 0, err);
}

/* The CRLs among what was put. */
static clv_status
supersede_crls(struct clv_change *change, enum clv_trust_where where,
    const struct clv_content *content, clv_error **err)
{
	clv_trust_snapshot *snapshot = NULL;
	clv_status status = CLV_OK;

	for (size_t i = 0; i < content->count && status == CLV_OK; i++) {
		const struct clv_content_item *item = &content->items[i];
		struct supersede newer = {NULL, where};

		if (item->kind != CLV_CONTENT_CRL)
			continue;
		if (snapshot == NULL)
			status = clv_change_snapshot(change, &snapshot, err);
		if (status == CLV_OK)
			status = clv_trust_crl_parse(
			    item->der, item->size, NULL, &newer.crl, err);
		if (status == CLV_OK)
			status = drop_superseded(change, &newer, snapshot, err);
		clv_trust_crl_unref(newer.crl);
	}
	clv_trust_snapshot_unref(snapshot);
	return status;
}

static clv_status
put_content(struct clv_change *change, enum clv_trust_where where,
    const void *bytes, size_t size, clv_error **err)
{
	struct clv_content content;
	clv_status status;

	status = clv_content_parse(
	    bytes, size, "what is to be added", &content, err);
	if (status != CLV_OK)
		return status;
	/* First, since dropping looks through what was put. */
	status = supersede_crls(change, where, &content, err);
	clv_content_clear(&content);
	if (status != CLV_OK)
		return status;
	return clv_change_put_bytes(
	    change, where, bytes, size, "what is to be added", err);
}

static clv_status
raise_list(clv_error **err, const char *operation)
{
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = operation,
		.remedy = "name the trusted or the issuer certificates"},
	    "it is not a list of certificates");
}

static bool
is_list(clv_trust_mask list)
{
	return list == CLV_TRUST_TRUSTED_CERTIFICATES ||
	    list == CLV_TRUST_ISSUER_CERTIFICATES;
}

clv_status
clv_change_add(struct clv_change *change, clv_trust_mask list,
    const void *bytes, size_t size, clv_error **err)
{
	if (!is_list(list))
		return raise_list(err, "add to TrustList");
	return put_content(change,
	    list == CLV_TRUST_TRUSTED_CERTIFICATES ? CLV_TRUST_TRUSTED
						   : CLV_TRUST_ISSUER,
	    bytes, size, err);
}

clv_status
clv_trust_add(clv_trust *trust, clv_trust_mask list, const void *bytes,
    size_t size, clv_trust_change *result, clv_error **err)
{
	struct clv_change change;
	clv_status status;

	if (result != NULL)
		*result = (clv_trust_change){.added = 0};
	if (!is_list(list))
		return raise_list(err, "add to TrustList");
	if ((status = clv_change_begin(&change, trust, err)) == CLV_OK &&
	    (status = clv_change_add(&change, list, bytes, size, err)) ==
		CLV_OK)
		status = clv_change_commit(&change, err);
	return finish(&change, status, result);
}

/* ---- removing ---- */

struct removal {
	const uint8_t *thumbprint;
	unsigned lists;
	/* What was found: the certificate, or a CRL. References. */
	struct clv_trust_cert *cert;
	struct clv_trust_crl *crl;
	bool ambiguous;
};

static bool
is_removed(void *user, const struct clv_trust_entry *entry)
{
	struct removal *removal = user;
	const bool crl = entry->cert == NULL;
	const uint8_t *thumbprint =
	    crl ? entry->crl->thumbprint : entry->cert->thumbprint;

	if ((removal->lists & clv_trust_mask_of(crl, entry->where)) == 0 ||
	    memcmp(thumbprint, removal->thumbprint, CLV_THUMBPRINT_SIZE) != 0)
		return false;
	if (crl) {
		if (removal->crl == NULL)
			removal->crl = clv_trust_crl_ref(entry->crl);
		return true;
	}
	if (removal->cert == NULL)
		removal->cert = clv_trust_cert_ref(entry->cert);
	else if (!clv_trust_cert_equal(removal->cert, entry->cert))
		removal->ambiguous = true;
	return true;
}

/* Whether a CRL is of this CA: by name and, where both tell, by key. */
static bool
is_crl_of(void *user, const struct clv_trust_entry *entry)
{
	const struct removal *removal = user;
	const struct clv_trust_cert *ca = removal->cert;
	const struct clv_trust_crl *crl = entry->crl;

	return crl != NULL &&
	    (removal->lists & clv_trust_mask_of(true, entry->where)) != 0 &&
	    crl->issuer_hash == ca->subject_hash &&
	    crl->issuer.size == ca->subject.size &&
	    memcmp(crl->der + crl->issuer.at, ca->der + ca->subject.at,
		crl->issuer.size) == 0 &&
	    (crl->aki.size == 0 || ca->ski.size == 0 ||
		(crl->aki.size == ca->ski.size &&
		    memcmp(crl->der + crl->aki.at, ca->der + ca->ski.at,
			crl->aki.size) == 0));
}

/* Whether another certificate of the same CA, by name and key, stays: renewed
 * or cross-certified, it needs the CRLs. */
static bool
stays(const clv_trust_snapshot *snapshot, const struct removal *removal)
{
	const struct clv_trust_cert *ca = removal->cert;
	const struct clv_trust_member *member = NULL;

	while ((member = clv_trust_snapshot_by_subject(snapshot,
		    ca->der + ca->subject.at, ca->subject.size,
		    ca->subject_hash, member)) != NULL) {
		const struct clv_trust_cert *cert = member->cert;
		const bool gone =
		    (removal->lists &
			clv_trust_mask_of(false, member->where)) != 0 &&
		    clv_trust_cert_equal(cert, ca);

		if (!gone && cert->spki.size == ca->spki.size &&
		    memcmp(cert->der + cert->spki.at, ca->der + ca->spki.at,
			ca->spki.size) == 0)
			return true;
	}
	return false;
}

static clv_status
raise_removal(const struct removal *removal, clv_error **err)
{
	char text[CLV_THUMBPRINT_TEXT];

	clv_thumbprint_print(removal->thumbprint, text);
	return clv_error_raise(err,
	    removal->ambiguous ? CLV_AMBIGUOUS : CLV_NOT_FOUND,
	    &(struct clv_error_info){
		.operation = "remove from TrustList", .subject = text},
	    "%s",
	    removal->ambiguous
		? "different certificates have this thumbprint: remove the "
		  "files by name"
		: "no certificate or CRL of the list has this thumbprint");
}

static clv_status
remove_found(
    struct clv_change *change, struct removal *removal, clv_error **err)
{
	clv_trust_snapshot *snapshot = NULL;
	clv_status status;

	status = clv_change_drop(change, is_removed, removal, 0, err);
	if (status != CLV_OK)
		return status;
	if (removal->ambiguous ||
	    (removal->cert == NULL && removal->crl == NULL))
		return raise_removal(removal, err);
	if (removal->cert == NULL)
		return CLV_OK;
	status = clv_change_snapshot(change, &snapshot, err);
	if (status == CLV_OK && !stays(snapshot, removal)) {
		/* Part 12, 7.8.2.7: the CRLs of the lists that were named,
		 * whether by their certificates or by themselves. */
		removal->lists |= (removal->lists & CERTIFICATE_LISTS) << 1;
		status = clv_change_drop(change, is_crl_of, removal, 0, err);
	}
	clv_trust_snapshot_unref(snapshot);
	return status;
}

static clv_status
raise_thumbprint(clv_error **err, const char *operation, const char *thumbprint)
{
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = operation,
		.subject = thumbprint,
		.remedy = "give the SHA-1 of the certificate in 40 "
			  "hexadecimal digits"},
	    "it is not a thumbprint");
}

clv_status
clv_change_remove(struct clv_change *change, unsigned lists,
    const char *thumbprint, clv_error **err)
{
	uint8_t digest[CLV_THUMBPRINT_SIZE];
	struct removal removal = {.thumbprint = digest, .lists = lists};
	clv_status status;

	if (!clv_thumbprint_parse(thumbprint, digest))
		return raise_thumbprint(
		    err, "remove from TrustList", thumbprint);
	status = remove_found(change, &removal, err);
	clv_trust_cert_unref(removal.cert);
	clv_trust_crl_unref(removal.crl);
	return status;
}

clv_status
clv_trust_remove(clv_trust *trust, unsigned lists, const char *thumbprint,
    clv_trust_change *result, clv_error **err)
{
	uint8_t digest[CLV_THUMBPRINT_SIZE];
	struct clv_change change;
	clv_status status;

	if (result != NULL)
		*result = (clv_trust_change){.added = 0};
	if (!clv_thumbprint_parse(thumbprint, digest))
		return raise_thumbprint(
		    err, "remove from TrustList", thumbprint);
	if ((status = clv_change_begin(&change, trust, err)) == CLV_OK &&
	    (status = clv_change_remove(&change, lists, thumbprint, err)) ==
		CLV_OK)
		status = clv_change_commit(&change, err);
	return finish(&change, status, result);
}

/* ---- accepting ---- */

static clv_status
put_accepted(clv_trust *trust, const uint8_t *der, size_t size, clv_error **err)
{
	struct clv_trust_cert *cert = NULL;
	struct clv_change change;
	clv_status status;

	status = clv_trust_cert_parse(der, size, NULL, NULL, &cert, err);
	if (status != CLV_OK)
		return status;
	if ((status = clv_change_begin(&change, trust, err)) == CLV_OK)
		status =
		    clv_change_put_cert(&change, cert, CLV_TRUST_TRUSTED, err);
	if (status == CLV_OK)
		status = clv_change_commit(&change, err);
	clv_trust_cert_unref(cert);
	return finish(&change, status, NULL);
}

clv_status
clv_trust_accept(clv_trust *trust, const char *thumbprint, clv_error **err)
{
	uint8_t digest[CLV_THUMBPRINT_SIZE];
	uint8_t *der = NULL;
	char *name = NULL;
	size_t size = 0;
	clv_status status;

	if (!clv_thumbprint_parse(thumbprint, digest))
		return raise_thumbprint(
		    err, "accept rejected certificate", thumbprint);
	status =
	    clv_rejected_find(trust->rejected, digest, &der, &size, &name, err);
	if (status == CLV_OK)
		status = put_accepted(trust, der, size, err);
	/* Trusted from here on: if the other copy stays, it is a nuisance. */
	if (status == CLV_OK)
		(void)clv_rejected_remove(
		    trust->rejected, der, size, name, NULL);
	free(der);
	free(name);
	return status;
}
