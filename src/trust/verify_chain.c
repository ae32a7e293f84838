/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Steps 2 and 3: from the certificate to a self-signed one, every signature
 * checked on the way. Where several certificates could be the issuer (renewed
 * and cross-certified CAs, look-alikes with another key), they are tried, the
 * likeliest first.
 */

#include "trust/check.h"
#include "trust/signature.h"

#include <string.h>

/* Issuers of one name that are looked at for one certificate. */
#define CANDIDATES_MAX 16U

struct candidates {
	struct clv_trust_cert *certs[CANDIDATES_MAX];
	unsigned ranks[CANDIDATES_MAX];
	unsigned count;
	bool other_key; /* some were of another key identifier */
	bool in_chain;  /* some are in the chain already */
	bool too_many;  /* not all were looked at */
};

struct search {
	struct clv_check *check;
	clv_judge_fn *judge;
	struct clv_chain chain; /* the path so far */
	struct clv_chain stump; /* the longest that led nowhere */
	bool judged;            /* a complete chain was found */
	bool done;              /* a judge said so */
};

static bool
key_ids_differ(
    const struct clv_trust_cert *cert, const struct clv_trust_cert *issuer)
{
	if (cert->aki.size == 0 || issuer->ski.size == 0)
		return false;
	return cert->aki.size != issuer->ski.size ||
	    memcmp(cert->der + cert->aki.at, issuer->der + issuer->ski.at,
		cert->aki.size) != 0;
}

static bool
same_key(const struct clv_trust_cert *a, const struct clv_trust_cert *b)
{
	return a->spki.size == b->spki.size &&
	    memcmp(a->der + a->spki.at, b->der + b->spki.at, a->spki.size) == 0;
}

/* The same name with the same key twice is a loop, whatever else the
 * certificates say. */
static bool
is_in_chain(const struct clv_chain *chain, const struct clv_trust_cert *cert)
{
	for (unsigned i = 0; i < chain->length; i++)
		if (clv_trust_cert_same_subject(chain->certs[i], cert) &&
		    same_key(chain->certs[i], cert))
			return true;
	return false;
}

/* Better first: may issue, valid now, in a list rather than sent, younger. */
static unsigned
rank_of(const struct clv_check *check, const struct clv_trust_cert *cert,
    unsigned origin)
{
	const bool valid =
	    cert->not_before <= check->now && check->now <= cert->not_after;

	return ((cert->flags & CLV_CERT_CA) != 0 ? 8U : 0U) |
	    (valid ? 4U : 0U) | origin;
}

static bool
comes_before(const struct candidates *list, unsigned at,
    const struct clv_trust_cert *cert, unsigned rank)
{
	if (list->ranks[at] != rank)
		return list->ranks[at] > rank;
	return list->certs[at]->not_before >= cert->not_before;
}

/* Inserts by rank; the least of too many falls out. */
static void
insert(struct candidates *list, struct clv_trust_cert *cert, unsigned rank)
{
	unsigned at = list->count;

	if (at == CANDIDATES_MAX) {
		list->too_many = true;
		if (comes_before(list, at - 1, cert, rank))
			return;
		at--;
	} else
		list->count++;
	for (; at > 0 && !comes_before(list, at - 1, cert, rank); at--) {
		list->certs[at] = list->certs[at - 1];
		list->ranks[at] = list->ranks[at - 1];
	}
	list->certs[at] = cert;
	list->ranks[at] = rank;
}

static void
consider(const struct search *search, struct candidates *list,
    struct clv_trust_cert *issuer, unsigned origin)
{
	const struct clv_chain *chain = &search->chain;

	if (key_ids_differ(chain->certs[chain->length - 1], issuer)) {
		list->other_key = true;
		return;
	}
	if (is_in_chain(chain, issuer)) {
		list->in_chain = true;
		return;
	}
	for (unsigned i = 0; i < list->count; i++)
		if (clv_trust_cert_equal(list->certs[i], issuer))
			return;
	insert(list, issuer, rank_of(search->check, issuer, origin));
}

/* Looks at members until enough were seen; one lookup is never long. */
static void
consider_listed(struct search *search, struct candidates *list,
    const uint8_t *key_id, size_t key_id_size, bool any_key)
{
	const struct clv_trust_cert *cert =
	    search->chain.certs[search->chain.length - 1];
	const clv_trust_snapshot *snapshot = search->check->snapshot;
	const uint8_t *name = cert->der + cert->issuer.at;
	const struct clv_trust_member *member = NULL;

	for (unsigned seen = 0; seen < 4 * CANDIDATES_MAX; seen++) {
		member = any_key
		    ? clv_trust_snapshot_by_subject(snapshot, name,
			  cert->issuer.size, cert->issuer_hash, member)
		    : clv_trust_snapshot_by_subject_key(snapshot, name,
			  cert->issuer.size, cert->issuer_hash, key_id,
			  key_id_size, member);
		if (member == NULL)
			return;
		consider(search, list, member->cert,
		    member->where == CLV_TRUST_TRUSTED ? 2 : 1);
	}
	list->too_many = true;
}

static void
find_candidates(struct search *search, struct candidates *list)
{
	const struct clv_trust_cert *cert =
	    search->chain.certs[search->chain.length - 1];
	struct clv_check *check = search->check;

	memset(list, 0, sizeof(*list));
	if (cert->aki.size > 0) {
		consider_listed(search, list, cert->der + cert->aki.at,
		    cert->aki.size, false);
		consider_listed(search, list, NULL, 0, false);
	}
	if (list->count == 0 || cert->aki.size == 0)
		consider_listed(search, list, NULL, 0, true);
	for (unsigned i = 1; i < check->sent_count; i++)
		if (clv_trust_cert_names_issuer(cert, check->sent[i]))
			consider(search, list, check->sent[i], 0);
}

/* Keeps the path as the best stump, if it is longer than the one so far. */
static void
keep_stump(struct search *search, enum clv_stump reason,
    const struct clv_trust_cert *blamed)
{
	struct clv_chain *stump = &search->stump;

	if (stump->length >= search->chain.length)
		return;
	memcpy(stump->certs, search->chain.certs,
	    search->chain.length * sizeof(*stump->certs));
	stump->length = search->chain.length;
	stump->stump = reason;
	stump->blamed = blamed;
}

static bool
signed_by(struct search *search, struct clv_trust_cert *cert,
    struct clv_trust_cert *issuer)
{
	struct clv_check *check = search->check;
	unsigned before;

	if (check->edges == 0) {
		check->gave_up = true;
		return false;
	}
	check->edges--;
	before = check->signatures;
	if (clv_trust_engine_check_cert(
		check->engine, issuer, cert, &check->signatures))
		return true;
	if (before == 0)
		check->gave_up = true; /* it was not looked at */
	return false;
}

static void
complete(struct search *search)
{
	struct clv_check *check = search->check;

	search->judged = true;
	search->chain.stump = CLV_CHAIN_COMPLETE;
	search->done =
	    search->check->chains == 0 || search->judge(check, &search->chain);
	if (check->chains > 0)
		check->chains--;
}

static void extend(struct search *search);

/* Goes on with each issuer whose key made the signature; returns the last one
 * whose key did not, or NULL if one did. */
static const struct clv_trust_cert *
try_candidates(struct search *search, const struct candidates *list)
{
	struct clv_chain *chain = &search->chain;
	struct clv_trust_cert *cert = chain->certs[chain->length - 1];
	const struct clv_trust_cert *blamed = NULL;
	bool any = false;

	for (unsigned i = 0; i < list->count && !search->done; i++) {
		if (!signed_by(search, cert, list->certs[i])) {
			if (search->check->gave_up)
				break;
			if (blamed == NULL)
				blamed = list->certs[i];
			continue;
		}
		any = true;
		chain->certs[chain->length++] = list->certs[i];
		extend(search);
		chain->length--;
	}
	return any ? NULL : blamed;
}

static enum clv_stump
why_stump(const struct candidates *list)
{
	if (list->in_chain)
		return CLV_STUMP_LOOP;
	return list->other_key ? CLV_STUMP_OTHER_KEY : CLV_STUMP_NO_ISSUER;
}

/* The path's last certificate: is it the end, and if not, who issued it? */
static void
extend(struct search *search)
{
	struct clv_check *check = search->check;
	struct clv_chain *chain = &search->chain;
	struct clv_trust_cert *cert = chain->certs[chain->length - 1];
	const bool self_issued = (cert->flags & CLV_CERT_SELF_ISSUED) != 0 &&
	    !key_ids_differ(cert, cert);
	const struct clv_trust_cert *blamed;
	struct candidates list;

	if (self_issued && signed_by(search, cert, cert)) {
		complete(search);
		return;
	}
	if (check->gave_up)
		goto gave_up;
	if (chain->length == check->options->limits[CLV_LIMIT_CHAIN_LENGTH]) {
		keep_stump(search, CLV_STUMP_TOO_LONG, NULL);
		return;
	}
	find_candidates(search, &list);
	blamed = try_candidates(search, &list);
	if (list.too_many)
		keep_stump(search, CLV_STUMP_TOO_MANY, NULL);
	else if (blamed != NULL)
		keep_stump(search, CLV_STUMP_BAD_SIGNATURE, blamed);
	else if (list.count == 0 && self_issued)
		keep_stump(search, CLV_STUMP_BAD_SIGNATURE, cert);
	else if (list.count == 0)
		keep_stump(search, why_stump(&list), NULL);
	if (!check->gave_up)
		return;
gave_up:
	keep_stump(search, CLV_STUMP_GAVE_UP, NULL);
}

void
clv_check_search(struct clv_check *check, clv_judge_fn *judge)
{
	struct search search = {.check = check, .judge = judge};

	search.chain.certs[0] = check->sent[0];
	search.chain.length = 1;
	extend(&search);
	if (!search.judged)
		(void)judge(check, &search.stump);
}
