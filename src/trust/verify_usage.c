/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Step 9 of OPC 10000-4, 6.1.3, Table 100: what certificates are for, by
 * OPC 10000-6, 6.2 and RFC 5280, 4.2.1. */

#include "trust/check.h"

/*
 * The certificate itself
 */

struct purpose {
	uint16_t rsa_usage;   /* all of these */
	uint16_t other_usage; /* for ECC keys */
	uint8_t eku;          /* one of these, if there is any */
	bool needs_usage;     /* keyUsage must be there */
};

#define RSA_USAGE                                                  \
	(CLV_USAGE_DIGITAL_SIGNATURE | CLV_USAGE_NON_REPUDIATION | \
	    CLV_USAGE_KEY_ENCIPHERMENT | CLV_USAGE_DATA_ENCIPHERMENT)

/* TLS and user certificates come from issuers that know nothing of OPC UA. */
static const struct purpose purposes[] = {
    [CLV_VERIFY_SERVER] = {RSA_USAGE, CLV_USAGE_DIGITAL_SIGNATURE,
	CLV_EKU_SERVER_AUTH, true},
    [CLV_VERIFY_CLIENT] = {RSA_USAGE, CLV_USAGE_DIGITAL_SIGNATURE,
	CLV_EKU_CLIENT_AUTH, true},
    [CLV_VERIFY_USER] = {CLV_USAGE_DIGITAL_SIGNATURE,
	CLV_USAGE_DIGITAL_SIGNATURE, 0, false},
    [CLV_VERIFY_HTTPS] = {CLV_USAGE_DIGITAL_SIGNATURE,
	CLV_USAGE_DIGITAL_SIGNATURE, CLV_EKU_SERVER_AUTH, false},
    [CLV_VERIFY_APPLICATION] = {RSA_USAGE, CLV_USAGE_DIGITAL_SIGNATURE,
	CLV_EKU_SERVER_AUTH | CLV_EKU_CLIENT_AUTH, true},
};

/* Table 100: suppressible, unless the certificate makes it mandatory. */
static bool
note_leaf(struct clv_check *check, const char *text, uint16_t critical)
{
	clv_check_note(check, .step = CLV_STEP_USAGE,
	    .status = CLV_SC_BAD_CERTIFICATE_USE_NOT_ALLOWED,
	    .suppressed =
		(check->options->validation & CLV_SUPPRESS_USE) != 0 &&
		(check->chain->certs[0]->flags & critical) == 0,
	    .text = text);
	return false;
}

static bool
check_key_usage(struct clv_check *check, const struct clv_trust_cert *cert,
    const struct purpose *purpose)
{
	const uint16_t wanted = cert->key_kind == CLV_KEY_KIND_RSA
	    ? purpose->rsa_usage
	    : purpose->other_usage;

	if ((cert->flags & CLV_CERT_HAS_USAGE) == 0)
		return !purpose->needs_usage ||
		    note_leaf(check, "it does not tell its keyUsage", 0);
	if ((cert->key_usage & wanted) == wanted)
		return true;
	return note_leaf(check,
	    wanted == RSA_USAGE
		? "its keyUsage lacks one of digitalSignature, "
		  "nonRepudiation, keyEncipherment, dataEncipherment"
		: "its keyUsage lacks digitalSignature",
	    CLV_CERT_USAGE_CRITICAL);
}

static bool
check_extended_usage(struct clv_check *check, const struct clv_trust_cert *cert,
    const struct purpose *purpose)
{
	if ((cert->flags & CLV_CERT_HAS_EKU) == 0 || purpose->eku == 0 ||
	    (cert->eku & (purpose->eku | CLV_EKU_ANY)) != 0)
		return true;
	return note_leaf(check,
	    purpose->eku == CLV_EKU_SERVER_AUTH
		? "its extendedKeyUsage lacks serverAuth"
		: purpose->eku == CLV_EKU_CLIENT_AUTH
		? "its extendedKeyUsage lacks clientAuth"
		: "its extendedKeyUsage has neither serverAuth nor clientAuth",
	    CLV_CERT_EKU_CRITICAL);
}

/* OPC 10000-6, 6.2.2: an application's certificate with cA TRUE is taken
 * while revocation is checked, which is told; a user's is not. */
static bool
check_leaf_ca(struct clv_check *check, const struct clv_trust_cert *cert)
{
	const struct clv_verify_options *options = check->options;
	const bool checked =
	    (options->validation & CLV_CHECK_REVOCATION_OFFLINE) != 0;

	if ((cert->flags & CLV_CERT_CA) == 0)
		return true;
	if (options->role == CLV_VERIFY_USER)
		return note_leaf(check,
		    "it is a CA's certificate, not a user's",
		    CLV_CERT_BASIC_CRITICAL);
	if (options->ca == CLV_CA_REFUSED ||
	    (options->ca == CLV_CA_WITH_REVOCATION && !checked))
		return note_leaf(check,
		    "it is a CA's certificate, not an application's",
		    CLV_CERT_BASIC_CRITICAL);
	clv_check_note(check, .step = CLV_STEP_USAGE, .warning = true,
	    .text = "it is a CA's certificate used by an application");
	return true;
}

/*
 * Its issuers. Nothing here is ever suppressed: an issuer that may not issue
 * is anybody with a certificate.
 */

static bool
note_issuer(struct clv_check *check, unsigned depth, const char *text)
{
	const struct clv_trust_cert *issuer = check->chain->certs[depth];

	clv_check_note(check, .step = CLV_STEP_USAGE,
	    .status = CLV_SC_BAD_CERTIFICATE_ISSUER_USE_NOT_ALLOWED,
	    .depth = depth, .file = issuer->file, .text = text,
	    .number = issuer->path_length);
	return false;
}

/* CA certificates between this issuer and the leaf, self-issued ones not
 * counted (RFC 5280, 4.2.1.9). */
static unsigned
path_below(const struct clv_chain *chain, unsigned depth)
{
	unsigned count = 0;

	for (unsigned i = 1; i < depth; i++)
		if ((chain->certs[i]->flags & CLV_CERT_SELF_ISSUED) == 0)
			count++;
	return count;
}

static bool
check_constraints(struct clv_check *check, unsigned depth)
{
	const struct clv_chain *chain = check->chain;
	const struct clv_trust_cert *issuer = chain->certs[depth];
	const char *why;

	if (issuer->name_constraints.size == 0)
		return true;
	for (unsigned i = 0; i < depth; i++) {
		/* RFC 5280, 6.1.4 (a), (b): self-issued ones may be any, but
		 * for the last. */
		if (i > 0 &&
		    (chain->certs[i]->flags & CLV_CERT_SELF_ISSUED) != 0)
			continue;
		if (!clv_name_constraints_permit(issuer, chain->certs[i], &why))
			return note_issuer(check, depth, why);
	}
	return true;
}

static bool
check_issuer(struct clv_check *check, unsigned depth)
{
	const struct clv_trust_cert *issuer = check->chain->certs[depth];

	if ((issuer->flags & CLV_CERT_CA) == 0)
		return note_issuer(
		    check, depth, "this issuer is no CA (basicConstraints)");
	if ((issuer->flags & CLV_CERT_HAS_USAGE) != 0 &&
	    (issuer->key_usage & CLV_USAGE_KEY_CERT_SIGN) == 0)
		return note_issuer(
		    check, depth, "this issuer's keyUsage lacks keyCertSign");
	if ((issuer->flags & CLV_CERT_HAS_PATH_LENGTH) != 0 &&
	    issuer->path_length < path_below(check->chain, depth))
		return note_issuer(check, depth,
		    "this issuer allows no more than {number} CAs below it");
	return check_constraints(check, depth);
}

void
clv_check_usage(struct clv_check *check)
{
	const struct clv_chain *chain = check->chain;
	const struct purpose *purpose = &purposes[check->options->role];
	bool good;

	good = check_key_usage(check, chain->certs[0], purpose);
	good &= check_extended_usage(check, chain->certs[0], purpose);
	good &= check_leaf_ca(check, chain->certs[0]);
	for (unsigned depth = 1; depth < chain->length; depth++)
		good &= check_issuer(check, depth);
	if (good)
		clv_check_note(check, .step = CLV_STEP_USAGE,
		    .text = chain->length == 1
			? "it may be used for this"
			: "it may be used for this, and its issuers may issue "
			  "it");
}
