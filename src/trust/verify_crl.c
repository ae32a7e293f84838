/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Steps 10 and 11 of OPC 10000-4, 6.1.3, Table 100, by RFC 5280, 6.3.
 *
 * A CRL speaks for an issuer if it bears its name and its key signed it. The
 * youngest one whose dates hold counts, together with the youngest delta CRL
 * that builds on it. If none counts, an old one still revokes what it lists:
 * letting a CRL expire makes no revoked certificate good.
 */

#include "trust/check.h"
#include "trust/signature.h"

#include <string.h>

/* CRLs of one issuer that are looked at. */
#define CRLS_MAX 64U

struct found {
	const struct clv_trust_crl *complete; /* the youngest that holds */
	const struct clv_trust_crl *delta;    /* on top of it, or NULL */
	const struct clv_trust_crl *outdated; /* youngest of wrong dates */
	/* Why others do not count; the last of each. */
	const struct clv_trust_crl *forged;
	const struct clv_trust_crl *early;
	const struct clv_trust_crl *late;
	const struct clv_trust_crl *lone_delta;
	bool may_not_sign; /* the issuer's keyUsage lacks cRLSign */
};

static bool
is_delta(const struct clv_trust_crl *crl)
{
	return (crl->flags & CLV_CRL_DELTA) != 0;
}

static bool
is_younger(const struct clv_trust_crl *a, const struct clv_trust_crl *b)
{
	if (b == NULL || a->this_update != b->this_update)
		return b == NULL || a->this_update > b->this_update;
	return clv_trust_crl_compare_number(a, a->number, b, b->number) > 0;
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

static bool
is_signed(struct clv_check *check, struct clv_trust_cert *issuer,
    struct clv_trust_crl *crl, struct found *found)
{
	if ((issuer->flags & CLV_CERT_HAS_USAGE) != 0 &&
	    (issuer->key_usage & CLV_USAGE_CRL_SIGN) == 0) {
		found->may_not_sign = true;
		return false;
	}
	if (clv_trust_engine_check_crl(
		check->engine, issuer, crl, &check->signatures))
		return true;
	found->forged = crl;
	return false;
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

/* The CRLs that bear the issuer's name and signature, by what they are. */
struct sorted {
	const struct clv_trust_crl *crls[CRLS_MAX];
	unsigned count;
};

static void
sort_crls(struct clv_check *check, const uint8_t *name, size_t size,
    uint64_t hash, struct clv_trust_cert *issuer, struct sorted *sorted,
    struct found *found)
{
	const struct clv_trust_crl_member *member = NULL;

	sorted->count = 0;
	while (sorted->count < CRLS_MAX &&
	    (member = clv_trust_snapshot_crl_by_issuer(
		 check->snapshot, name, size, hash, member)) != NULL) {
		if (is_of_other_key(member->crl, issuer) ||
		    !is_signed(check, issuer, member->crl, found))
			continue;
		sorted->crls[sorted->count++] = member->crl;
	}
}

static bool
is_current(const struct clv_check *check, const struct clv_trust_crl *crl,
    struct found *found)
{
	if (crl->this_update > check->now) {
		found->early = crl;
		return false;
	}
	if (crl->next_update < check->now) {
		found->late = crl;
		return false;
	}
	return true;
}

/* The youngest current delta that builds on a complete CRL. */
static const struct clv_trust_crl *
find_delta(const struct clv_check *check, const struct sorted *sorted,
    const struct clv_trust_crl *complete)
{
	const struct clv_trust_crl *best = NULL;

	for (unsigned i = 0; i < sorted->count; i++) {
		const struct clv_trust_crl *crl = sorted->crls[i];

		if (is_delta(crl) && crl->this_update <= check->now &&
		    check->now <= crl->next_update &&
		    builds_on(crl, complete) && is_younger(crl, best))
			best = crl;
	}
	return best;
}

static void
choose(
    struct clv_check *check, const struct sorted *sorted, struct found *found)
{
	for (unsigned i = 0; i < sorted->count; i++) {
		const struct clv_trust_crl *crl = sorted->crls[i];
		const struct clv_trust_crl *delta;

		if (is_delta(crl)) {
			found->lone_delta = crl;
			continue;
		}
		delta = find_delta(check, sorted, crl);
		if (is_current(check, crl, found) ||
		    (delta != NULL && crl->this_update <= check->now)) {
			if (!is_younger(crl, found->complete))
				continue;
			found->complete = crl;
			found->delta = delta;
		} else if (is_younger(crl, found->outdated))
			found->outdated = crl;
	}
}

static void
find_crls(struct clv_check *check, const struct clv_trust_cert *cert,
    struct clv_trust_cert *issuer, struct found *found)
{
	struct sorted sorted;

	memset(found, 0, sizeof(*found));
	sort_crls(check, cert->der + cert->issuer.at, cert->issuer.size,
	    cert->issuer_hash, issuer, &sorted, found);
	choose(check, &sorted, found);
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
	if (found->late != NULL)
		note_unknown(check, depth,
		    "the CRL of {issuer} expired at {time}", found->late,
		    found->late->next_update);
	else if (found->early != NULL)
		note_unknown(check, depth,
		    "the CRL of {issuer} is not valid before {time}",
		    found->early, found->early->this_update);
	else if (found->forged != NULL)
		note_unknown(check, depth,
		    "the CRL in the name of {issuer} is not signed with its "
		    "key",
		    found->forged, 0);
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

/* Which CRL lists it, NULL for none. A delta takes back only a hold:
 * RFC 5280, 5.3.1. */
static const struct clv_trust_crl *
find_listed(const struct found *found, const struct clv_trust_cert *cert,
    struct clv_trust_crl_entry *entry)
{
	const uint8_t *serial = cert->der + cert->serial.at;
	const struct clv_trust_crl *complete =
	    found->complete != NULL ? found->complete : found->outdated;
	struct clv_trust_crl_entry delta;
	bool removed = false;

	if (found->delta != NULL &&
	    clv_trust_crl_find(
		found->delta, serial, cert->serial.size, &delta)) {
		removed = delta.reason == CLV_REASON_REMOVE_FROM_CRL;
		if (!removed) {
			*entry = delta;
			return found->delta;
		}
	}
	if (complete == NULL ||
	    !clv_trust_crl_find(complete, serial, cert->serial.size, entry))
		return NULL;
	return removed && entry->reason == CLV_REASON_CERTIFICATE_HOLD
	    ? NULL
	    : complete;
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
