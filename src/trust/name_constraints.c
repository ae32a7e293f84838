/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * RFC 5280, 4.2.1.10. Known are DNS names, URIs (by their host), e-mail and IP
 * addresses, and directory names; a certificate with a name of another kind
 * that is constrained is refused, and so is a constraint that is malformed.
 */

#include "trust/check.h"
#include "trust/der.h"

#include <strings.h>

/* Kinds of GeneralName by tag number. */
enum {
	NAME_EMAIL = 1,
	NAME_DNS = 2,
	NAME_DIRECTORY = 4,
	NAME_URI = 6,
	NAME_IP = 7
};

/* Whether `name` ends like `base`, at the end of a label; RFC 5280 lets DNS
 * constraints cover subdomains, and those with a leading dot only them. */
static bool
in_domain(struct clv_der name, struct clv_der base)
{
	const size_t length = clv_der_size(&name);
	size_t tail = clv_der_size(&base);

	if (tail == 0)
		return true;
	if (tail > length ||
	    strncasecmp((const char *)name.end - tail, (const char *)base.at,
		tail) != 0)
		return false;
	return tail == length || *base.at == '.' ||
	    name.end[-(ptrdiff_t)tail - 1] == '.';
}

/* The host of a URI with an authority; URNs, as ApplicationUris mostly are,
 * have none, and no constraint on hosts can permit them (RFC 5280). */
static bool
host_of_uri(struct clv_der uri, struct clv_der *host)
{
	const uint8_t *at = uri.at;

	while (uri.end - at >= 3 && memcmp(at, "://", 3) != 0)
		at++;
	if (uri.end - at < 3)
		return false;
	host->at = host->end = at + 3;
	while (host->end < uri.end && *host->end != '/' && *host->end != '?' &&
	    *host->end != '#') {
		if (*host->end == '@')
			host->at = host->end + 1;
		host->end++;
	}
	for (at = host->at; at < host->end; at++)
		if (*at == ':')
			host->end = at;
	return host->at < host->end;
}

/* A URI's or mail's host: exactly the base, or below it if that begins with a
 * dot. */
static bool
host_matches(struct clv_der host, struct clv_der base)
{
	if (!clv_der_empty(&base) && *base.at == '.')
		return in_domain(host, base);
	return clv_der_size(&host) == clv_der_size(&base) &&
	    in_domain(host, base);
}

static bool
email_matches(struct clv_der mail, struct clv_der base)
{
	struct clv_der host = mail;

	if (!clv_der_empty(&base) &&
	    memchr(base.at, '@', clv_der_size(&base)) != NULL)
		return clv_der_equal(&mail, &base);
	for (const uint8_t *at = mail.at; at < mail.end; at++)
		if (*at == '@')
			host.at = at + 1;
	return host_matches(host, base);
}

/* Address and mask, in one. */
static bool
ip_matches(struct clv_der address, struct clv_der base)
{
	const size_t size = clv_der_size(&address);

	if (clv_der_size(&base) != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++)
		if (((address.at[i] ^ base.at[i]) & base.at[size + i]) != 0)
			return false;
	return true;
}

/* The base's RDNs are the name's first ones, byte by byte. */
static bool
directory_matches(struct clv_der name, struct clv_der base)
{
	return clv_der_size(&base) <= clv_der_size(&name) &&
	    (clv_der_empty(&base) ||
		memcmp(name.at, base.at, clv_der_size(&base)) == 0);
}

static bool
matches(unsigned kind, struct clv_der name, struct clv_der base)
{
	struct clv_der host;

	switch (kind) {
	case NAME_EMAIL:
		return email_matches(name, base);
	case NAME_DNS:
		return in_domain(name, base);
	case NAME_URI:
		return host_of_uri(name, &host) && host_matches(host, base);
	case NAME_IP:
		return ip_matches(name, base);
	default:
		return directory_matches(name, base);
	}
}

struct question {
	struct clv_der permitted; /* GeneralSubtrees' contents, or empty */
	struct clv_der excluded;
	const char *why;
};

/* Goes through subtrees of a kind: is there any, and does one match? */
static bool
look_up(struct clv_der trees, unsigned kind, struct clv_der name, bool *any,
    bool *match)
{
	struct clv_der tree, base, contents;
	uint8_t tag;

	*any = *match = false;
	while (!clv_der_empty(&trees)) {
		/* minimum and maximum are never there: RFC 5280. */
		if (!clv_der_read(&trees, CLV_DER_SEQUENCE, &tree) ||
		    !clv_der_any(&tree, &tag, &base) || !clv_der_empty(&tree))
			return false;
		if ((tag & 0x1fU) != kind)
			continue;
		contents = base;
		if (kind == NAME_DIRECTORY &&
		    (!clv_der_read(&base, CLV_DER_SEQUENCE, &contents) ||
			!clv_der_empty(&base)))
			return false;
		*any = true;
		*match = *match || matches(kind, name, contents);
	}
	return true;
}

static bool
permits(struct question *question, unsigned kind, struct clv_der name)
{
	const bool known = kind == NAME_EMAIL || kind == NAME_DNS ||
	    kind == NAME_DIRECTORY || kind == NAME_URI || kind == NAME_IP;
	bool any, match;

	question->why = "this issuer's nameConstraints are malformed";
	if (!look_up(question->excluded, kind, name, &any, &match))
		return false;
	question->why = "this issuer's nameConstraints exclude a name of what "
			"it issued";
	if (any && (match || !known))
		return false;
	question->why = "this issuer's nameConstraints are malformed";
	if (!look_up(question->permitted, kind, name, &any, &match))
		return false;
	question->why = "this issuer's nameConstraints do not permit a name "
			"of what it issued";
	return !any || (match && known);
}

static bool
permits_alt_names(struct question *question, const struct clv_trust_cert *cert)
{
	struct clv_der names =
	    clv_der_of(cert->der + cert->alt_name.at, cert->alt_name.size);
	struct clv_der name, contents;
	uint8_t tag;

	while (clv_der_any(&names, &tag, &name)) {
		contents = name;
		if ((tag & 0x1fU) == NAME_DIRECTORY &&
		    !clv_der_read(&name, CLV_DER_SEQUENCE, &contents)) {
			question->why = "a name of what it issued is malformed";
			return false;
		}
		if (!permits(question, tag & 0x1fU, contents))
			return false;
	}
	return true;
}

bool
clv_name_constraints_permit(const struct clv_trust_cert *issuer,
    const struct clv_trust_cert *cert, const char **why)
{
	struct clv_der in =
	    clv_der_of(issuer->der + issuer->name_constraints.at,
		issuer->name_constraints.size);
	struct clv_der subject =
	    clv_der_of(cert->der + cert->subject.at, cert->subject.size);
	const struct clv_der none = {in.at, in.at};
	struct question question = {none, none, NULL};
	struct clv_der name;

	*why = "this issuer's nameConstraints are malformed";
	if ((clv_der_is(&in, CLV_DER_CONTEXT_CONSTRUCTED(0)) &&
		!clv_der_read(&in, CLV_DER_CONTEXT_CONSTRUCTED(0),
		    &question.permitted)) ||
	    (clv_der_is(&in, CLV_DER_CONTEXT_CONSTRUCTED(1)) &&
		!clv_der_read(
		    &in, CLV_DER_CONTEXT_CONSTRUCTED(1), &question.excluded)) ||
	    !clv_der_empty(&in))
		return false;
	if (!clv_der_read(&subject, CLV_DER_SEQUENCE, &name))
		return false;
	if ((!clv_der_empty(&name) &&
		!permits(&question, NAME_DIRECTORY, name)) ||
	    !permits_alt_names(&question, cert)) {
		*why = question.why;
		return false;
	}
	return true;
}
