/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Steps 10 and 11 of OPC 10000-4, 6.1.3, Table 100, by RFC 5280, 6.3.
 *
 * A CRL speaks for an issuer if it bears its name and its key signed it. The
 * youngest one whose dates hold counts, together with the youngest delta CRL
 * that builds on it. A younger one that is out of date still revokes what it
 * lists: letting a CRL expire makes no revoked certificate good.
 */

#include "trust/check.h"
#include "trust/signature.h"

#include <string.h>

/* CRLs in an issuer's name, but not of its key, that are looked past. */
#define UNSIGNED_MAX 64U

struct found {
	const struct clv_trust_crl *complete; /* the youngest that counts */
	const struct clv_trust_crl *delta;    /* on top of it, or NULL */
	/* The youngest whose dates do not hold, if younger than the other. */
	const struct clv_trust_crl *outdated;
	/* Why others do not count */
	const struct clv_trust_crl *forged;
	const struct clv_trust_crl *lone_delta;
	bool may_not_sign; /* the issuer's keyUsage lacks cRLSign */
	bool gave_up;      /* no signature may be checked any more */
};

/* A look for CRLs of one issuer. */
struct look {
	struct clv_check *check;
	const struct clv_trust_cert *cert;
	struct clv_trust_cert *issuer;
	struct found *found;
};

enum wanted { CURRENT, OUTDATED, DELTA };

static bool
is_delta(const struct clv_trust_crl *crl)
{
	return (crl->flags & CLV_CRL_DELTA) != 0;
}

static bool
is_current(const struct clv_check *check, const struct clv_trust_crl *crl)
{
	return crl->this_update <= check->now && check->now <= crl->next_update;
}

static bool
is_younger(const struct clv_trust_crl *a, const struct clv_trust_crl *b)
{
	int order;

	if (b == NULL || a->this_update != b->this_update)
		return b == NULL || a->this_update > b->this_update;
	order = clv_trust_crl_compare_number(a, a->number, b, b->number);
	/* Twins in any order, as long as it is one. */
	return order != 0 ? order > 0 : (uintptr_t)a > (uintptr_t)b;
}

static bool
is_of_other_key(
    const struct clv_trust_crl *crl, const struct clv_trust_cert *issuer)
{
	if (crl->aki.size == 0 || issuer->ski.size == 0)
		return false;
	return crl->aki.size != issuer->ski.size ||
	    memcmp(crl->der + crl->aki.at, issuer->der + issuer->ski.at,
		crl->aki.size) != 0;
}

/* Whether `delta` builds on `complete`: RFC 5280, 5.2.4. */
static bool
builds_on(
    const struct clv_trust_crl *delta, const struct clv_trust_crl *complete)
{
	return (complete->flags & CLV_CRL_HAS_NUMBER) != 0 &&
	    clv_trust_crl_compare_number(
		complete, complete->number, delta, delta->base) >= 0 &&
	    clv_trust_crl_compare_number(
		complete, complete->number, delta, delta->number) < 0;
}

/* `relative` is what a delta must build on, and what an outdated one must be
 * younger than. */
static bool
fits(const struct clv_check *check, const struct clv_trust_crl *crl,
    enum wanted wanted, const struct clv_trust_crl *relative)
{
	if (is_delta(crl) != (wanted == DELTA))
		return false;
	switch (wanted) {
	case CURRENT:
		return is_current(check, crl);
	case OUTDATED:
		return !is_current(check, crl) && is_younger(crl, relative);
	default:
		return is_current(check, crl) && builds_on(crl, relative);
	}
}

static bool
is_signed(const struct look *look, struct clv_trust_crl *crl)
{
	const struct clv_trust_cert *issuer = look->issuer;
	struct clv_check *check = look->check;
	const unsigned before = check->signatures;

	if ((issuer->flags & CLV_CERT_HAS_USAGE) != 0 &&
	    (issuer->key_usage & CLV_USAGE_CRL_SIGN) == 0) {
		look->found->may_not_sign = true;
		return false;
	}
	if (clv_trust_engine_check_crl(
		check->engine, look->issuer, crl, &check->signatures))
		return true;
	if (before == 0)
		look->found->gave_up = true; /* it was not looked at */
	else
		look->found->forged = crl;
	return false;
}

static const struct clv_trust_crl_member *
next_member(
    const struct look *look, const struct clv_trust_crl_member *previous)
{
	const struct clv_trust_cert *cert = look->cert;

	return clv_trust_snapshot_crl_by_issuer(look->check->snapshot,
	    cert->der + cert->issuer.at, cert->issuer.size, cert->issuer_hash,
	    previous);
}

/* The youngest that fits and is older than `below` (NULL: of all). */
static struct clv_trust_crl *
youngest(const struct look *look, enum wanted wanted,
    const struct clv_trust_crl *relative, const struct clv_trust_crl *below)
{
	const struct clv_trust_crl_member *member = NULL;
	struct clv_trust_crl *best = NULL;

	while ((member = next_member(look, member)) != NULL) {
		struct clv_trust_crl *crl = member->crl;

		if (!is_of_other_key(crl, look->issuer) &&
		    fits(look->check, crl, wanted, relative) &&
		    (below == NULL ||
			(crl != below && is_younger(below, crl))) &&
		    is_younger(crl, best))
			best = crl;
	}
	return best;
}

/* The youngest that fits and is signed by the issuer's key. Signatures are
 * looked at from the youngest down, until one holds: of a folder full of old
 * CRLs hardly any is. */
static const struct clv_trust_crl *
pick(const struct look *look, enum wanted wanted,
    const struct clv_trust_crl *relative)
{
	struct clv_trust_crl *crl = NULL;

	for (unsigned tried = 0; !look->found->gave_up; tried++) {
		crl = youngest(look, wanted, relative, crl);
		if (crl == NULL || is_signed(look, crl))
			return crl;
		look->found->gave_up |= tried == UNSIGNED_MAX;
	}
	return NULL;
}

static const struct clv_trust_crl *
any_delta(const struct look *look)
{
	const struct clv_trust_crl_member *member = NULL;

	while ((member = next_member(look, member)) != NULL)
		if (is_delta(member->crl))
			return member->crl;
	return NULL;
}

static void
find_crls(struct clv_check *check, const struct clv_trust_cert *cert,
    struct clv_trust_cert *issuer, struct found *found)
{
	const struct look look = {check, cert, issuer, found};

	memset(found, 0, sizeof(*found));
	found->complete = pick(&look, CURRENT, NULL);
	found->outdated = pick(&look, OUTDATED, found->complete);
	if (found->complete != NULL) {
		found->delta = pick(&look, DELTA, found->complete);
		return;
	}
	if (found->outdated != NULL &&
	    found->outdated->this_update <= check->now)
		found->delta = pick(&look, DELTA, found->outdated);
	if (found->delta != NULL) {
		/* RFC 5280, 5.2.4: the two together are a current CRL. */
		found->complete = found->outdated;
		found->outdated = NULL;
		return;
	}
	found->lone_delta = any_delta(&look);
}

/*
 * Step 10
 */

static void
note_unknown(struct clv_check *check, unsigned depth, const char *text,
    const struct clv_trust_crl *crl, int64_t number)
{
	const char *lost = clv_trust_snapshot_lost_crl(check->snapshot);
	const uint32_t validation = check->options->validation;
	const uint32_t bit = depth == 0
	    ? CLV_SUPPRESS_REVOCATION_UNKNOWN
	    : CLV_SUPPRESS_ISSUER_REVOCATION_UNKNOWN;

	/* Damaging a file must not be enough to make a list forgive. */
	if (lost != NULL) {
		clv_check_note(check, .step = CLV_STEP_FIND_CRL, .depth = depth,
		    .status = clv_check_code(depth,
			CLV_SC_BAD_CERTIFICATE_REVOCATION_UNKNOWN,
			CLV_SC_BAD_CERTIFICATE_ISSUER_REVOCATION_UNKNOWN),
		    .file = lost,
		    .text = "no CRL of {issuer} counts, and there is a file "
			    "among the CRLs that can't be read");
		return;
	}
	if ((validation & CLV_CHECK_REVOCATION_OFFLINE) == 0) {
		clv_check_note(check, .step = CLV_STEP_FIND_CRL, .depth = depth,
		    .crl = crl, .text = "no CRL counts, and none is asked for");
		return;
	}
	clv_check_note(check, .step = CLV_STEP_FIND_CRL, .depth = depth,
	    .status =
		clv_check_code(depth, CLV_SC_BAD_CERTIFICATE_REVOCATION_UNKNOWN,
		    CLV_SC_BAD_CERTIFICATE_ISSUER_REVOCATION_UNKNOWN),
	    .suppressed = (validation & bit) != 0, .crl = crl, .text = text,
	    .number = number);
}

/* The nearest miss tells most. */
static void
note_why_unknown(
    struct clv_check *check, unsigned depth, const struct found *found)
{
	const struct clv_trust_crl *outdated = found->outdated;

	if (outdated != NULL && outdated->this_update > check->now)
		note_unknown(check, depth,
		    "the CRL of {issuer} is not valid before {time}", outdated,
		    outdated->this_update);
	else if (outdated != NULL)
		note_unknown(check, depth,
		    "the CRL of {issuer} expired at {time}", outdated,
		    outdated->next_update);
	else if (found->forged != NULL)
		note_unknown(check, depth,
		    "the CRL in the name of {issuer} is not signed with its "
		    "key",
		    found->forged, 0);
	else if (found->gave_up)
		note_unknown(check, depth,
		    "a CRL of {issuer} was not looked at: the limit of "
		    "{number} signature checks is reached",
		    NULL,
		    (int64_t)check->options->limits[CLV_LIMIT_SIGNATURES]);
	else if (found->may_not_sign)
		note_unknown(check, depth,
		    "{issuer} may not sign CRLs (keyUsage)", NULL, 0);
	else if (found->lone_delta != NULL)
		note_unknown(check, depth,
		    "there is only a delta CRL of {issuer}, without the CRL "
		    "that it builds on",
		    found->lone_delta, 0);
	else
		note_unknown(
		    check, depth, "there is no CRL of {issuer}", NULL, 0);
}

static void
note_found(struct clv_check *check, unsigned depth, const struct found *found)
{
	if (found->complete == NULL) {
		note_why_unknown(check, depth, found);
		return;
	}
	if (found->forged != NULL)
		clv_check_note(check, .step = CLV_STEP_FIND_CRL, .depth = depth,
		    .warning = true, .crl = found->forged,
		    .text = "a CRL in the name of {issuer} is not signed with "
			    "its key and does not count");
	clv_check_note(check, .step = CLV_STEP_FIND_CRL, .depth = depth,
	    .crl = found->delta != NULL ? found->delta : found->complete,
	    .text = found->delta != NULL
		? "there is a CRL of {issuer} with a delta CRL that is valid "
		  "until {time}"
		: "there is a CRL of {issuer} that is valid until {time}",
	    .number = found->delta != NULL ? found->delta->next_update
					   : found->complete->next_update);
}

/*
 * Step 11
 */

static bool
lists(const struct clv_trust_crl *crl, const struct clv_trust_cert *cert,
    struct clv_trust_crl_entry *entry)
{
	return crl != NULL &&
	    clv_trust_crl_find(
		crl, cert->der + cert->serial.at, cert->serial.size, entry);
}

/* Which CRL lists it, NULL for none. A delta takes back only a hold:
 * RFC 5280, 5.3.1. */
static const struct clv_trust_crl *
find_listed(const struct found *found, const struct clv_trust_cert *cert,
    struct clv_trust_crl_entry *entry)
{
	bool removed = false;

	if (lists(found->outdated, cert, entry))
		return found->outdated;
	if (lists(found->delta, cert, entry)) {
		removed = entry->reason == CLV_REASON_REMOVE_FROM_CRL;
		if (!removed)
			return found->delta;
	}
	if (!lists(found->complete, cert, entry))
		return NULL;
	return removed && entry->reason == CLV_REASON_CERTIFICATE_HOLD
	    ? NULL
	    : found->complete;
}

static const char *
describe_reason(uint8_t reason)
{
	static const char *const names[] = {"unspecified", "keyCompromise",
	    "cACompromise", "affiliationChanged", "superseded",
	    "cessationOfOperation", "certificateHold", "unused",
	    "removeFromCRL", "privilegeWithdrawn", "aACompromise"};

	return names[reason < sizeof(names) / sizeof(names[0]) ? reason : 0];
}

static void
note_status(struct clv_check *check, unsigned depth, const struct found *found)
{
	struct clv_trust_crl_entry entry;
	const struct clv_trust_crl *listed =
	    find_listed(found, check->chain->certs[depth], &entry);

	if (listed != NULL)
		clv_check_note(check, .step = CLV_STEP_REVOCATION,
		    .depth = depth, .crl = listed,
		    .status =
			clv_check_code(depth, CLV_SC_BAD_CERTIFICATE_REVOKED,
			    CLV_SC_BAD_CERTIFICATE_ISSUER_REVOKED),
		    .text = "it was revoked at {time} ({name})",
		    .number = entry.revoked_at,
		    .name = describe_reason(entry.reason));
	else if (found->complete != NULL)
		clv_check_note(check, .step = CLV_STEP_REVOCATION,
		    .depth = depth,
		    .crl =
			found->delta != NULL ? found->delta : found->complete,
		    .text = "it is not revoked");
}

/* A root has no issuer to revoke it, but it may list itself. */
static void
check_root(struct clv_check *check, unsigned depth)
{
	struct clv_trust_cert *root = check->chain->certs[depth];
	struct clv_trust_crl_entry entry;
	struct found found;

	if ((root->flags & CLV_CERT_CA) == 0)
		return;
	find_crls(check, root, root, &found);
	if (find_listed(&found, root, &entry) != NULL)
		note_status(check, depth, &found);
}

void
clv_check_revocation(struct clv_check *check)
{
	const struct clv_chain *chain = check->chain;
	struct found found[CLV_CHAIN_MAX];

	for (unsigned i = 0; i + 1 < chain->length; i++) {
		find_crls(
		    check, chain->certs[i], chain->certs[i + 1], &found[i]);
		note_found(check, i, &found[i]);
	}
	if (chain->length == 1 && chain->stump == CLV_CHAIN_COMPLETE)
		clv_check_note(check, .step = CLV_STEP_FIND_CRL,
		    .text = "it is self-signed: nobody else can revoke it");
	for (unsigned i = 0; i + 1 < chain->length; i++)
		note_status(check, i, &found[i]);
	if (chain->stump == CLV_CHAIN_COMPLETE)
		check_root(check, chain->length - 1);
}
