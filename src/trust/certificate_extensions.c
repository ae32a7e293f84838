/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The extensions that a verdict depends on, RFC 5280, 4.2. */

#include "trust/certificate_parse.h"

/* More than any tool writes. */
#define EXTENSIONS_MAX 64U

static bool
parse_subject_key_id(struct clv_cert_parser *parser, struct clv_der in)
{
	struct clv_der id;

	if (!clv_der_read(&in, CLV_DER_OCTET_STRING, &id) ||
	    !clv_der_empty(&in) || clv_der_empty(&id))
		return clv_cert_refuse(
		    parser, "its subjectKeyIdentifier is malformed");
	parser->cert->ski = clv_cert_span(parser, &id);
	return true;
}

bool
clv_parse_authority_key_id(struct clv_der in, struct clv_der *id)
{
	struct clv_der contents, part;
	int last = -1;
	uint8_t tag;

	*id = (struct clv_der){in.at, in.at};
	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &contents) ||
	    !clv_der_empty(&in))
		return false;
	while (!clv_der_empty(&contents)) {
		if (!clv_der_any(&contents, &tag, &part) ||
		    (tag & 0x1f) <= last ||
		    (tag != CLV_DER_CONTEXT(0) &&
			tag != CLV_DER_CONTEXT_CONSTRUCTED(1) &&
			tag != CLV_DER_CONTEXT(2)))
			return false;
		last = tag & 0x1f;
		if (tag == CLV_DER_CONTEXT(0))
			*id = part;
	}
	return true;
}

static bool
parse_authority_key_id(struct clv_cert_parser *parser, struct clv_der in)
{
	struct clv_der id;

	if (!clv_parse_authority_key_id(in, &id))
		return clv_cert_refuse(
		    parser, "its authorityKeyIdentifier is malformed");
	parser->cert->aki = clv_cert_span(parser, &id);
	return true;
}

static bool
parse_key_usage(struct clv_cert_parser *parser, struct clv_der in)
{
	if (!clv_der_named_bits(&in, &parser->cert->key_usage) ||
	    !clv_der_empty(&in))
		return clv_cert_refuse(parser, "its keyUsage is malformed");
	parser->cert->flags |= CLV_CERT_HAS_USAGE;
	return true;
}

static uint8_t
purpose_of(const struct clv_der *oid)
{
	static const uint8_t server[] = {
	    0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
	static const uint8_t client[] = {
	    0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
	static const uint8_t any[] = {0x55, 0x1d, 0x25, 0x00};

	if (clv_der_matches(oid, server, sizeof(server)))
		return CLV_EKU_SERVER_AUTH;
	if (clv_der_matches(oid, client, sizeof(client)))
		return CLV_EKU_CLIENT_AUTH;
	return clv_der_matches(oid, any, sizeof(any)) ? CLV_EKU_ANY
						      : CLV_EKU_OTHER;
}

static bool
parse_extended_key_usage(struct clv_cert_parser *parser, struct clv_der in)
{
	struct clv_der purposes, oid;

	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &purposes) ||
	    !clv_der_empty(&in) || clv_der_empty(&purposes))
		goto malformed;
	while (!clv_der_empty(&purposes)) {
		if (!clv_der_oid(&purposes, &oid))
			goto malformed;
		parser->cert->eku =
		    (uint8_t)(parser->cert->eku | purpose_of(&oid));
	}
	parser->cert->flags |= CLV_CERT_HAS_EKU;
	return true;
malformed:
	return clv_cert_refuse(parser, "its extendedKeyUsage is malformed");
}

static bool
parse_basic_constraints(struct clv_cert_parser *parser, struct clv_der in)
{
	struct clv_trust_cert *cert = parser->cert;
	struct clv_der contents, magnitude;
	bool ca = false;

	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &contents) ||
	    !clv_der_empty(&in))
		goto malformed;
	if (clv_der_is(&contents, CLV_DER_BOOLEAN) &&
	    !clv_der_boolean(&contents, &ca))
		goto malformed;
	if (!clv_der_empty(&contents)) {
		if (!clv_der_unsigned(&contents, &magnitude) ||
		    !clv_der_empty(&contents))
			goto malformed;
		cert->flags |= CLV_CERT_HAS_PATH_LENGTH;
		cert->path_length = clv_der_size(&magnitude) > 1 ? 255
		    : clv_der_empty(&magnitude)                  ? 0
						: *magnitude.at;
	}
	cert->flags = (uint16_t)(cert->flags | CLV_CERT_HAS_BASIC |
	    (ca ? CLV_CERT_CA : 0));
	return true;
malformed:
	return clv_cert_refuse(parser, "its basicConstraints are malformed");
}

static bool
check_ia5(struct clv_der value)
{
	for (; !clv_der_empty(&value); value.at++)
		if (*value.at < 0x20 || *value.at > 0x7e)
			return false;
	return true;
}

static bool
check_general_name(uint8_t tag, const struct clv_der *value)
{
	switch (tag) {
	case CLV_DER_CONTEXT(1): /* rfc822Name */
	case CLV_DER_CONTEXT(CLV_ALT_DNS):
	case CLV_DER_CONTEXT(CLV_ALT_URI):
		return !clv_der_empty(value) && check_ia5(*value);
	case CLV_DER_CONTEXT(CLV_ALT_IP):
		return clv_der_size(value) == 4 || clv_der_size(value) == 16;
	case CLV_DER_CONTEXT_CONSTRUCTED(0): /* otherName */
	case CLV_DER_CONTEXT_CONSTRUCTED(3): /* x400Address */
	case CLV_DER_CONTEXT_CONSTRUCTED(4): /* directoryName */
	case CLV_DER_CONTEXT_CONSTRUCTED(5): /* ediPartyName */
	case CLV_DER_CONTEXT(8):             /* registeredID */
		return true;
	default:
		return false;
	}
}

static bool
parse_alt_name(struct clv_cert_parser *parser, struct clv_der in)
{
	struct clv_der names, value;
	uint8_t tag;

	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &names) ||
	    !clv_der_empty(&in) || clv_der_empty(&names))
		goto malformed;
	parser->cert->alt_name = clv_cert_span(parser, &names);
	while (!clv_der_empty(&names))
		if (!clv_der_any(&names, &tag, &value) ||
		    !check_general_name(tag, &value))
			goto malformed;
	return true;
malformed:
	return clv_cert_refuse(parser, "its subjectAltName is malformed");
}

static bool
parse_name_constraints(struct clv_cert_parser *parser, struct clv_der in)
{
	struct clv_der contents;

	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &contents) ||
	    !clv_der_empty(&in) || clv_der_empty(&contents))
		return clv_cert_refuse(
		    parser, "its nameConstraints are malformed");
	parser->cert->name_constraints = clv_cert_span(parser, &contents);
	return true;
}

typedef bool parse_fn(struct clv_cert_parser *parser, struct clv_der value);

struct extension {
	uint8_t arc;       /* the last of 2.5.29.arc */
	parse_fn *parse;   /* NULL: nothing in it decides a verdict of ours */
	uint16_t critical; /* flag to set if it is */
};

/* Certificate policies decide nothing while no policy is asked for, and
 * distribution points only say where a CRL could be had. */
static const struct extension known[] = {
    {14, parse_subject_key_id, 0},
    {15, parse_key_usage, CLV_CERT_USAGE_CRITICAL},
    {17, parse_alt_name, 0},
    {18, NULL, 0}, /* issuerAltName */
    {19, parse_basic_constraints, CLV_CERT_BASIC_CRITICAL},
    {30, parse_name_constraints, 0},
    {31, NULL, 0}, /* cRLDistributionPoints */
    {32, NULL, 0}, /* certificatePolicies */
    {35, parse_authority_key_id, 0},
    {37, parse_extended_key_usage, CLV_CERT_EKU_CRITICAL},
};

static const struct extension *
find_known(const struct clv_der *oid)
{
	if (clv_der_size(oid) != 3 || memcmp(oid->at, "\x55\x1d", 2) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].arc == oid->at[2])
			return &known[i];
	return NULL;
}

static bool
parse_one(struct clv_cert_parser *parser, const struct clv_der *oid,
    bool critical, struct clv_der value)
{
	const struct extension *extension = find_known(oid);

	if (extension == NULL)
		return !critical ||
		    clv_cert_refuse(parser,
			"it has a critical extension that is not known");
	if (critical)
		parser->cert->flags |= extension->critical;
	return extension->parse == NULL || extension->parse(parser, value);
}

/* RFC 5280, 4.2: "must not include more than one instance" of any. */
static bool
is_repeated(const struct clv_der *oids, size_t count, const struct clv_der *oid)
{
	for (size_t i = 0; i < count; i++)
		if (clv_der_equal(&oids[i], oid))
			return true;
	return false;
}

bool
clv_cert_parse_extensions(
    struct clv_cert_parser *parser, struct clv_der contents)
{
	struct clv_der oids[EXTENSIONS_MAX], extension, value;
	bool critical;

	for (size_t count = 0; !clv_der_empty(&contents); count++) {
		if (count == EXTENSIONS_MAX)
			return clv_cert_refuse(
			    parser, "it has more than 64 extensions");
		critical = false;
		if (!clv_der_read(&contents, CLV_DER_SEQUENCE, &extension) ||
		    !clv_der_oid(&extension, &oids[count]) ||
		    (clv_der_is(&extension, CLV_DER_BOOLEAN) &&
			!clv_der_boolean(&extension, &critical)) ||
		    !clv_der_read(&extension, CLV_DER_OCTET_STRING, &value) ||
		    !clv_der_empty(&extension))
			return clv_cert_refuse(
			    parser, "its extensions are malformed");
		if (is_repeated(oids, count, &oids[count]))
			return clv_cert_refuse(
			    parser, "it has an extension twice");
		if (!parse_one(parser, &oids[count], critical, value))
			return false;
	}
	return true;
}
