/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Step 1: what was sent is a certificate, or a chain of them. */

#include "trust/certificate_parse.h"
#include "trust/check.h"
#include "trust/signature.h"

static bool
malformed(struct clv_check *check, const char *text, size_t number)
{
	clv_check_note(check, .step = CLV_STEP_STRUCTURE,
	    .status = CLV_SC_BAD_CERTIFICATE_INVALID,
	    .depth = check->sent_count, .text = text,
	    .number = (int64_t)number);
	return false;
}

/* The very same certificate in the list, so that it need not be parsed. */
static struct clv_trust_cert *
find_listed(const struct clv_check *check, const uint8_t *der, size_t size,
    const uint8_t thumbprint[CLV_THUMBPRINT_SIZE])
{
	const struct clv_trust_member *member = NULL;

	while ((member = clv_trust_snapshot_by_thumbprint(
		    check->snapshot, thumbprint, member)) != NULL)
		if (member->cert->size == size &&
		    memcmp(member->cert->der, der, size) == 0)
			return clv_trust_cert_ref(member->cert);
	return NULL;
}

static bool
read_one(struct clv_check *check, const uint8_t *der, size_t size)
{
	uint8_t thumbprint[CLV_THUMBPRINT_SIZE];
	struct clv_trust_cert *cert;
	const char *why;

	if (!clv_trust_engine_thumbprint(
		check->engine, der, size, thumbprint)) {
		check->rows->no_memory = true;
		return false;
	}
	cert = find_listed(check, der, size, thumbprint);
	if (cert == NULL)
		cert = clv_trust_cert_read(
		    der, size, NULL, NULL, thumbprint, &why);
	if (cert == NULL && why == NULL)
		check->rows->no_memory = true;
	if (cert == NULL)
		return why == NULL ? false : malformed(check, why, 0);
	check->sent[check->sent_count++] = cert;
	return true;
}

bool
clv_check_read(struct clv_check *check, const uint8_t *der, size_t size)
{
	const size_t *limits = check->options->limits;
	struct clv_der in = clv_der_of(der, size);
	struct clv_der whole, contents;

	if (size > limits[CLV_LIMIT_MESSAGE_SIZE])
		return malformed(check,
		    "the chain is larger than {number} bytes, the limit",
		    limits[CLV_LIMIT_MESSAGE_SIZE]);
	while (!clv_der_empty(&in)) {
		if (check->sent_count == limits[CLV_LIMIT_CHAIN_LENGTH])
			return malformed(check,
			    "more than {number} certificates were sent, the "
			    "limit",
			    limits[CLV_LIMIT_CHAIN_LENGTH]);
		if (!clv_der_read_whole(
			&in, CLV_DER_SEQUENCE, &whole, &contents))
			return malformed(check,
			    check->sent_count == 0 ? "it is not DER"
						   : "bytes follow its end",
			    0);
		if (clv_der_size(&whole) > limits[CLV_LIMIT_CERTIFICATE_SIZE])
			return malformed(check,
			    "it is larger than {number} bytes, the limit",
			    limits[CLV_LIMIT_CERTIFICATE_SIZE]);
		if (!read_one(check, whole.at, clv_der_size(&whole)))
			return false;
	}
	clv_check_note(check, .step = CLV_STEP_STRUCTURE,
	    .text = check->sent_count == 1
		? "it is well-formed"
		: "all of the {number} certificates sent are well-formed",
	    .number = (int64_t)check->sent_count);
	return true;
}
