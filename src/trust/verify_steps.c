/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Steps 4 to 8 of OPC 10000-4, 6.1.3, Table 100. */

#include "trust/check.h"
#include "trust/security_policy.h"
#include "trust/signature_kind.h"

#include <string.h>
#include <strings.h>

/*
 * Step 4: the security policy. OPC 10000-6, 6.1: what is asked of keys and
 * signatures is asked of issuers, too; an issuer's key is not shorter, nor
 * its hash weaker, than what it issues has.
 */

static void
note_policy(struct clv_check *check, unsigned depth, const char *text,
    int64_t number, const struct clv_trust_cert *other)
{
	const struct clv_security_policy *policy = check->options->policy;

	clv_check_note(check, .step = CLV_STEP_POLICY,
	    .status = CLV_SC_BAD_CERTIFICATE_POLICY_CHECK_FAILED,
	    .suppressed =
		(check->options->validation & CLV_SUPPRESS_POLICY) != 0,
	    .depth = depth, .text = text, .number = number, .other = other,
	    .name = policy != NULL ? policy->name : NULL);
}

static bool
is_ec(const struct clv_trust_cert *cert)
{
	return cert->key_kind >= CLV_KEY_KIND_P256 &&
	    cert->key_kind <= CLV_KEY_KIND_BRAINPOOL512;
}

static bool
check_issuer_strength(struct clv_check *check, unsigned depth)
{
	const struct clv_trust_cert *cert = check->chain->certs[depth];
	const struct clv_trust_cert *issuer = check->chain->certs[depth + 1];
	const bool comparable = cert->key_kind == issuer->key_kind ||
	    (is_ec(cert) && is_ec(issuer));

	if (comparable && cert->key_size > issuer->key_size) {
		note_policy(check, depth,
		    "its key is longer than that of its issuer {other}", 0,
		    issuer);
		return false;
	}
	if (clv_signature_describe(issuer->signature_kind)->strength <
	    clv_signature_describe(cert->signature_kind)->strength) {
		note_policy(check, depth,
		    "its signature has a stronger hash than that of its "
		    "issuer {other}",
		    0, issuer);
		return false;
	}
	return true;
}

void
clv_check_policy(struct clv_check *check)
{
	const struct clv_security_policy *policy = check->options->policy;
	const struct clv_chain *chain = check->chain;
	bool good = true;

	for (unsigned i = 0; i < chain->length; i++) {
		const char *why;
		int64_t number;

		if (!clv_security_policy_takes(
			policy, chain->certs[i], i == 0, &why, &number)) {
			note_policy(check, i, why, number, NULL);
			good = false;
		} else if (policy != NULL && i + 1 < chain->length)
			good &= check_issuer_strength(check, i);
	}
	if (good)
		clv_check_note(check, .step = CLV_STEP_POLICY,
		    .text = policy != NULL
			? "algorithms and key lengths are those of {name}"
			: "no SecurityPolicy was given",
		    .name = policy != NULL ? policy->name : NULL);
}

/*
 * Step 5: trust
 */

static const struct clv_trust_member *
find_trusted(const struct clv_check *check, const struct clv_trust_cert *cert)
{
	const struct clv_trust_member *member = NULL;

	while ((member = clv_trust_snapshot_by_thumbprint(
		    check->snapshot, cert->thumbprint, member)) != NULL)
		if (member->where == CLV_TRUST_TRUSTED &&
		    clv_trust_cert_equal(member->cert, cert))
			return member;
	return NULL;
}

void
clv_check_trust(struct clv_check *check)
{
	const struct clv_chain *chain = check->chain;

	for (unsigned i = 0; i < chain->length; i++) {
		const struct clv_trust_member *member =
		    find_trusted(check, chain->certs[i]);

		if (member == NULL)
			continue;
		clv_check_note(check, .step = CLV_STEP_TRUST, .depth = i,
		    .file = member->cert->file,
		    .text = i == 0 ? "it is in the trusted list"
				   : "this issuer is in the trusted list");
		return;
	}
	clv_check_note(check, .step = CLV_STEP_TRUST,
	    .status = CLV_SC_BAD_CERTIFICATE_UNTRUSTED,
	    .text = chain->length == 1
		? "it is not in the trusted list"
		: "neither it nor any of its issuers is in the trusted list");
}

/*
 * Step 6: validity
 */

void
clv_check_validity(struct clv_check *check)
{
	const struct clv_chain *chain = check->chain;
	const uint32_t validation = check->options->validation;
	bool good = true;

	for (unsigned i = 0; i < chain->length; i++) {
		const struct clv_trust_cert *cert = chain->certs[i];
		const bool early = check->now < cert->not_before;

		if (!early && check->now <= cert->not_after)
			continue;
		good = false;
		clv_check_note(check, .step = CLV_STEP_VALIDITY, .depth = i,
		    .status =
			clv_check_code(i, CLV_SC_BAD_CERTIFICATE_TIME_INVALID,
			    CLV_SC_BAD_CERTIFICATE_ISSUER_TIME_INVALID),
		    .suppressed =
			(validation &
			    (i == 0 ? CLV_SUPPRESS_EXPIRED
				    : CLV_SUPPRESS_ISSUER_EXPIRED)) != 0,
		    .file = cert->file,
		    .text = early ? "it is not valid before {time}"
				  : "it expired at {time}",
		    .number = early ? cert->not_before : cert->not_after);
	}
	if (good)
		clv_check_note(check, .step = CLV_STEP_VALIDITY,
		    .text = "it is valid until {time}",
		    .number = chain->certs[0]->not_after);
}

/*
 * Step 7: host name
 */

struct host {
	const struct clv_verify_options *options;
};

static bool
is_the_host(
    void *user, enum clv_trust_alt_kind kind, const uint8_t *value, size_t size)
{
	const struct host *host = user;
	const struct clv_verify_options *options = host->options;

	if (kind == CLV_ALT_IP)
		return options->address_size == size &&
		    memcmp(options->address, value, size) == 0;
	if (kind != CLV_ALT_DNS)
		return false;
	/* The wanted host has lost its ".local"; OPC 10000-12, 5.3.5. */
	if (size > 6 &&
	    strncasecmp((const char *)value + size - 6, ".local", 6) == 0)
		size -= 6;
	/* An address given as a DNS name is the same text, as some products
	 * write it. */
	return strlen(options->hostname) == size &&
	    strncasecmp(options->hostname, (const char *)value, size) == 0;
}

void
clv_check_hostname(struct clv_check *check)
{
	const struct clv_verify_options *options = check->options;
	struct host host;

	if (options->hostname == NULL ||
	    (options->role != CLV_VERIFY_SERVER &&
		options->role != CLV_VERIFY_HTTPS)) {
		clv_check_note(check, .step = CLV_STEP_HOSTNAME,
		    .text = options->hostname == NULL
			? "no host name was asked for"
			: "the host name was not looked at: only servers "
			  "have one");
		return;
	}
	host.options = options;
	if (clv_trust_cert_each_alt_name(
		check->chain->certs[0], is_the_host, &host)) {
		clv_check_note(check, .step = CLV_STEP_HOSTNAME,
		    .text = "it is made out for the host {name}",
		    .name = options->hostname);
		return;
	}
	clv_check_note(check, .step = CLV_STEP_HOSTNAME,
	    .status = CLV_SC_BAD_CERTIFICATE_HOST_NAME_INVALID,
	    .suppressed = (options->validation & CLV_SUPPRESS_HOSTNAME) != 0,
	    .text = "it is not made out for the host {name}",
	    .name = options->hostname);
}

/*
 * Step 8: ApplicationUri
 */

static bool
is_the_uri(
    void *user, enum clv_trust_alt_kind kind, const uint8_t *value, size_t size)
{
	const char *uri = user;

	return kind == CLV_ALT_URI && strlen(uri) == size &&
	    memcmp(uri, value, size) == 0;
}

void
clv_check_uri(struct clv_check *check)
{
	const struct clv_verify_options *options = check->options;

	if (options->uri == NULL || options->role == CLV_VERIFY_USER ||
	    options->role == CLV_VERIFY_HTTPS) {
		clv_check_note(check, .step = CLV_STEP_URI,
		    .text = "no ApplicationUri was asked for");
		return;
	}
	if (clv_trust_cert_each_alt_name(
		check->chain->certs[0], is_the_uri, options->uri)) {
		clv_check_note(check, .step = CLV_STEP_URI,
		    .text = "it is made out for {name}", .name = options->uri);
		return;
	}
	clv_check_note(check, .step = CLV_STEP_URI,
	    .status = CLV_SC_BAD_CERTIFICATE_URI_INVALID,
	    .suppressed = (options->validation & CLV_SUPPRESS_HOSTNAME) != 0,
	    .text = "it is not made out for the ApplicationUri {name}",
	    .name = options->uri);
}
