/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* CertificateList, RFC 5280, 5.1. */

#include "trust/crl_parse.h"

#include "trust/certificate_parse.h"
#include "trust/distinguished_name.h"
#include "trust/signature_kind.h"

/* More than any tool writes. */
#define EXTENSIONS_MAX 32U

/* The last arc of 2.5.29.arc. */
enum {
	ARC_CRL_NUMBER = 20,
	ARC_REASON = 21,
	ARC_INVALIDITY_DATE = 24,
	ARC_DELTA = 27,
	ARC_DISTRIBUTION_POINT = 28,
	ARC_CERTIFICATE_ISSUER = 29,
	ARC_AUTHORITY_KEY_ID = 35
};

static bool
refuse(struct clv_crl_parser *parser, clv_status status, const char *why)
{
	parser->status = status;
	parser->why = why;
	return false;
}

static bool
malformed(struct clv_crl_parser *parser, const char *why)
{
	return refuse(parser, CLV_CORRUPT, why);
}

static struct clv_trust_span
span_of(const struct clv_crl_parser *parser, const struct clv_der *of)
{
	return (struct clv_trust_span){
	    (uint32_t)(of->at - parser->crl->der), (uint32_t)clv_der_size(of)};
}

struct extension {
	struct clv_der oid;
	struct clv_der value;
	bool critical;
};

static bool
next_extension(struct clv_der *in, struct extension *extension)
{
	struct clv_der contents;

	extension->critical = false;
	return clv_der_read(in, CLV_DER_SEQUENCE, &contents) &&
	    clv_der_oid(&contents, &extension->oid) &&
	    (!clv_der_is(&contents, CLV_DER_BOOLEAN) ||
		clv_der_boolean(&contents, &extension->critical)) &&
	    clv_der_read(&contents, CLV_DER_OCTET_STRING, &extension->value) &&
	    clv_der_empty(&contents);
}

/* n of 2.5.29.n, or 0. */
static unsigned
arc_of(const struct clv_der *oid)
{
	return clv_der_size(oid) == 3 && memcmp(oid->at, "\x55\x1d", 2) == 0
	    ? oid->at[2]
	    : 0;
}

/*
 * Entries
 */

static bool
read_reason(struct clv_der in, uint8_t *reason)
{
	struct clv_der contents;

	if (!clv_der_read(&in, CLV_DER_ENUMERATED, &contents) ||
	    !clv_der_empty(&in) || clv_der_size(&contents) != 1 ||
	    *contents.at > 10)
		return false;
	*reason = *contents.at;
	return true;
}

bool
clv_crl_read_entry(struct clv_der *in, struct clv_der *serial,
    struct clv_trust_crl_entry *entry)
{
	struct clv_der contents, extensions;
	struct extension extension;

	entry->reason = CLV_REASON_UNSPECIFIED;
	if (!clv_der_read(in, CLV_DER_SEQUENCE, &contents) ||
	    !clv_der_unsigned(&contents, serial) || clv_der_size(serial) > 20 ||
	    !clv_der_time(&contents, &entry->revoked_at))
		return false;
	if (clv_der_empty(&contents))
		return true;
	if (!clv_der_read(&contents, CLV_DER_SEQUENCE, &extensions) ||
	    !clv_der_empty(&contents) || clv_der_empty(&extensions))
		return false;
	while (!clv_der_empty(&extensions)) {
		if (!next_extension(&extensions, &extension))
			return false;
		if (arc_of(&extension.oid) == ARC_REASON &&
		    !read_reason(extension.value, &entry->reason))
			return false;
	}
	return true;
}

/* An entry that speaks of another issuer's certificate, or of something we
 * can't know, makes the whole list useless: RFC 5280, 5.3. */
static bool
check_entry_extensions(struct clv_crl_parser *parser, struct clv_der entry)
{
	struct clv_der contents, part;
	struct extension extension;
	uint8_t tag;

	if (!clv_der_read(&entry, CLV_DER_SEQUENCE, &contents) ||
	    !clv_der_any(&contents, &tag, &part) ||
	    !clv_der_any(&contents, &tag, &part) ||
	    !clv_der_read(&contents, CLV_DER_SEQUENCE, &part))
		return true; /* none */
	while (next_extension(&part, &extension)) {
		const unsigned arc = arc_of(&extension.oid);

		if (arc == ARC_CERTIFICATE_ISSUER)
			return refuse(
			    parser, CLV_UNSUPPORTED, "it is an indirect CRL");
		if (extension.critical && arc != ARC_REASON &&
		    arc != ARC_INVALIDITY_DATE)
			return refuse(parser, CLV_UNSUPPORTED,
			    "an entry has a critical extension that is not "
			    "known");
	}
	return true;
}

bool
clv_crl_check_entries(struct clv_crl_parser *parser, struct clv_der entries)
{
	struct clv_trust_crl_entry entry;
	struct clv_der start, serial;

	while (!clv_der_empty(&entries)) {
		start = entries;
		if (!clv_crl_read_entry(&entries, &serial, &entry))
			return malformed(parser, "an entry is malformed");
		if (!check_entry_extensions(parser, start))
			return false;
		parser->crl->entry_count++;
	}
	return true;
}

/*
 * Extensions of the list
 */

static bool
parse_number(struct clv_crl_parser *parser, struct clv_der in,
    struct clv_trust_span *span)
{
	struct clv_der magnitude;

	if (!clv_der_unsigned(&in, &magnitude) || !clv_der_empty(&in) ||
	    clv_der_size(&magnitude) > 20)
		return malformed(parser, "its cRLNumber is malformed");
	*span = span_of(parser, &magnitude);
	return true;
}

static bool
parse_authority_key_id(struct clv_crl_parser *parser, struct clv_der in)
{
	struct clv_der id;

	if (!clv_parse_authority_key_id(in, &id))
		return malformed(
		    parser, "its authorityKeyIdentifier is malformed");
	parser->crl->aki = span_of(parser, &id);
	return true;
}

static bool
parse_extension(
    struct clv_crl_parser *parser, const struct extension *extension)
{
	struct clv_trust_crl *crl = parser->crl;

	switch (arc_of(&extension->oid)) {
	case ARC_CRL_NUMBER:
		crl->flags |= CLV_CRL_HAS_NUMBER;
		return parse_number(parser, extension->value, &crl->number);
	case ARC_DELTA:
		crl->flags |= CLV_CRL_DELTA;
		return parse_number(parser, extension->value, &crl->base);
	case ARC_AUTHORITY_KEY_ID:
		crl->flags |= CLV_CRL_HAS_AKI;
		return parse_authority_key_id(parser, extension->value);
	case ARC_DISTRIBUTION_POINT:
		return refuse(parser, CLV_UNSUPPORTED,
		    "it is an indirect CRL or covers only a part "
		    "(issuingDistributionPoint)");
	default:
		return !extension->critical ||
		    refuse(parser, CLV_UNSUPPORTED,
			"it has a critical extension that is not known");
	}
}

static bool
parse_extensions(struct clv_crl_parser *parser, struct clv_der in)
{
	struct clv_der oids[EXTENSIONS_MAX];
	struct extension extension;

	for (size_t count = 0; !clv_der_empty(&in); count++) {
		if (count == EXTENSIONS_MAX || !next_extension(&in, &extension))
			return malformed(
			    parser, "its extensions are malformed");
		for (size_t i = 0; i < count; i++)
			if (clv_der_equal(&oids[i], &extension.oid))
				return malformed(
				    parser, "it has an extension twice");
		oids[count] = extension.oid;
		if (!parse_extension(parser, &extension))
			return false;
	}
	if ((parser->crl->flags & CLV_CRL_DELTA) != 0 &&
	    (parser->crl->flags & CLV_CRL_HAS_NUMBER) == 0)
		return malformed(parser, "it is a delta CRL without cRLNumber");
	return true;
}

/*
 * The list
 */

static bool
parse_dates(struct clv_crl_parser *parser, struct clv_der *tbs)
{
	struct clv_trust_crl *crl = parser->crl;

	if (!clv_der_time(tbs, &crl->this_update))
		return malformed(parser, "its thisUpdate is malformed");
	if (!clv_der_is(tbs, CLV_DER_UTC_TIME) &&
	    !clv_der_is(tbs, CLV_DER_GENERALIZED_TIME))
		/* RFC 5280, 5.1.2.5: it would never get old. */
		return refuse(parser, CLV_UNSUPPORTED, "it has no nextUpdate");
	if (!clv_der_time(tbs, &crl->next_update))
		return malformed(parser, "its nextUpdate is malformed");
	if (crl->next_update < crl->this_update)
		return malformed(parser, "it ends before it begins");
	return true;
}

static bool
parse_issuer(struct clv_crl_parser *parser, struct clv_der *tbs)
{
	struct clv_der whole, contents;

	if (!clv_der_read_whole(tbs, CLV_DER_SEQUENCE, &whole, &contents) ||
	    !clv_name_check(contents) || clv_der_empty(&contents))
		return malformed(parser, "its issuer is malformed");
	parser->crl->issuer = span_of(parser, &whole);
	parser->crl->issuer_hash =
	    clv_name_hash(whole.at, clv_der_size(&whole));
	return true;
}

/* Version, algorithm; RFC 5280, 5.1.2.1 and 5.1.2.2. */
static bool
parse_head(struct clv_crl_parser *parser, struct clv_der *tbs,
    const struct clv_der *outer, uint32_t *version)
{
	enum clv_trust_signature_kind kind;
	struct clv_der algorithm, contents;

	*version = 0;
	if (clv_der_is(tbs, CLV_DER_INTEGER) &&
	    (!clv_der_small(tbs, 1, version) || *version != 1))
		return malformed(parser, "its version can't be one");
	if (!clv_der_read_whole(tbs, CLV_DER_SEQUENCE, &algorithm, &contents) ||
	    !clv_der_equal(&algorithm, outer))
		return malformed(parser,
		    "its signature algorithm differs inside and outside");
	if (!clv_signature_parse(contents, &kind))
		return malformed(
		    parser, "its signature algorithm is malformed");
	parser->crl->algorithm = span_of(parser, outer);
	parser->crl->signature_kind = (uint8_t)kind;
	return true;
}

static bool
parse_tbs(struct clv_crl_parser *parser, struct clv_der tbs,
    const struct clv_der *outer, struct clv_der *entries)
{
	struct clv_der explicit, extensions;
	uint32_t version;

	*entries = (struct clv_der){tbs.at, tbs.at};
	if (!parse_head(parser, &tbs, outer, &version) ||
	    !parse_issuer(parser, &tbs) || !parse_dates(parser, &tbs))
		return false;
	if (clv_der_is(&tbs, CLV_DER_SEQUENCE) &&
	    !clv_der_read(&tbs, CLV_DER_SEQUENCE, entries))
		return malformed(parser, "its entries are malformed");
	if (clv_der_empty(&tbs))
		return true;
	if (version != 1 ||
	    !clv_der_read(&tbs, CLV_DER_CONTEXT_CONSTRUCTED(0), &explicit) ||
	    !clv_der_empty(&tbs) ||
	    !clv_der_read(&explicit, CLV_DER_SEQUENCE, &extensions) ||
	    !clv_der_empty(&explicit) || clv_der_empty(&extensions))
		return malformed(parser, "its extensions are malformed");
	return parse_extensions(parser, extensions);
}

bool
clv_crl_parse_list(struct clv_crl_parser *parser, struct clv_der *entries)
{
	struct clv_der in = clv_der_of(parser->crl->der, parser->crl->size);
	struct clv_der list, tbs, contents, algorithm, ignored, signature;

	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &list))
		return malformed(parser, "it is not DER");
	if (!clv_der_empty(&in))
		return malformed(parser, "bytes follow its end");
	if (!clv_der_read_whole(&list, CLV_DER_SEQUENCE, &tbs, &contents) ||
	    !clv_der_read_whole(
		&list, CLV_DER_SEQUENCE, &algorithm, &ignored) ||
	    !clv_der_octets(&list, &signature) || !clv_der_empty(&list) ||
	    clv_der_empty(&signature))
		return malformed(parser, "it is not a CRL");
	parser->crl->tbs = span_of(parser, &tbs);
	parser->crl->signature = span_of(parser, &signature);
	return parse_tbs(parser, contents, &algorithm, entries);
}
