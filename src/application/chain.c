/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The issuers that come with a certificate. */

#include "application/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/der.h"
#include "trust/certificate.h"
#include "trust/signature.h"

struct chain {
	const char *subject;
	struct clv_trust_engine *engine;
	struct clv_trust_cert *leaf;
	struct clv_trust_cert *issuers[CLV_CHAIN_MAX];
	size_t count;
};

static clv_status
refuse(const struct chain *chain, const char *why, const char *name,
    const char *remedy, clv_error **err)
{
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = "install certificate in",
		.subject = chain->subject,
		.remedy = remedy},
	    "its chain %s%s", why, name);
}

/* Once is enough. */
static bool
is_there(const struct chain *chain, const struct clv_trust_cert *cert)
{
	bool there = clv_trust_cert_equal(chain->leaf, cert);

	for (size_t i = 0; !there && i < chain->count; i++)
		there = clv_trust_cert_equal(chain->issuers[i], cert);
	return there;
}

static clv_status
add(struct chain *chain, const uint8_t *der, size_t size, clv_error **err)
{
	struct clv_trust_cert *cert = NULL;
	const clv_status status =
	    clv_trust_cert_parse(der, size, chain->subject, NULL, &cert, err);

	if (status == CLV_OK && !is_there(chain, cert))
		chain->issuers[chain->count++] = cert;
	else
		clv_trust_cert_unref(cert);
	return status;
}

static clv_status
parse(struct chain *chain, const uint8_t *der, size_t size, clv_error **err)
{
	struct clv_span rest = {der, size};
	clv_status status = CLV_OK;

	while (status == CLV_OK && rest.size > 0) {
		const uint8_t *start = rest.data;
		struct clv_span content;

		if (chain->count == CLV_CHAIN_MAX ||
		    !clv_der_take(&rest, CLV_DER_SEQUENCE, &content))
			return refuse(chain,
			    "is no sequence of at most 10 DER certificates", "",
			    NULL, err);
		status = add(chain, start, (size_t)(rest.data - start), err);
	}
	return status;
}

/* Brings the issuer of `cert` to place `at`. */
static bool
find_issuer(struct chain *chain, struct clv_trust_cert *cert, size_t at)
{
	for (size_t i = at; i < chain->count; i++) {
		struct clv_trust_cert *issuer = chain->issuers[i];

		if (!clv_trust_cert_names_issuer(cert, issuer) ||
		    !clv_trust_engine_check_cert(
			chain->engine, issuer, cert, NULL))
			continue;
		chain->issuers[i] = chain->issuers[at];
		chain->issuers[at] = issuer;
		return true;
	}
	return false;
}

static clv_status
order(struct chain *chain, clv_error **err)
{
	struct clv_trust_cert *cert = chain->leaf;
	char name[256];

	for (size_t at = 0; at < chain->count; at++) {
		if (!find_issuer(chain, cert, at)) {
			(void)clv_trust_cert_subject_text(
			    chain->issuers[at], name, sizeof(name));
			return refuse(chain,
			    "has a certificate that issued none of the "
			    "others: ",
			    name,
			    "leave it out, or add the issuers between it and "
			    "the certificate",
			    err);
		}
		cert = chain->issuers[at];
	}
	return CLV_OK;
}

static clv_status
write_out(
    const struct chain *chain, uint8_t **out, size_t *out_size, clv_error **err)
{
	size_t size = 0;

	for (size_t i = 0; i < chain->count; i++)
		size += chain->issuers[i]->size;
	if (size == 0)
		return CLV_OK;
	*out = malloc(size);
	if (*out == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){
			.operation = "install certificate"},
		    "out of memory");
	for (size_t i = 0; i < chain->count; i++) {
		const struct clv_trust_cert *cert = chain->issuers[i];

		memcpy(*out + *out_size, cert->der, cert->size);
		*out_size += cert->size;
	}
	return CLV_OK;
}

clv_status
clv_chain_order(const char *subject, const uint8_t *der, size_t size,
    const uint8_t *chain, size_t chain_size, uint8_t **out, size_t *out_size,
    clv_error **err)
{
	struct chain parsed = {.subject = subject};
	clv_status status;

	*out = NULL;
	*out_size = 0;
	if (chain_size == 0)
		return CLV_OK;
	if ((status = clv_trust_engine_new(&parsed.engine, err)) == CLV_OK &&
	    (status = clv_trust_cert_parse(
		 der, size, subject, NULL, &parsed.leaf, err)) == CLV_OK &&
	    (status = parse(&parsed, chain, chain_size, err)) == CLV_OK &&
	    (status = order(&parsed, err)) == CLV_OK)
		status = write_out(&parsed, out, out_size, err);
	for (size_t i = 0; i < parsed.count; i++)
		clv_trust_cert_unref(parsed.issuers[i]);
	clv_trust_cert_unref(parsed.leaf);
	clv_trust_engine_unref(parsed.engine);
	return status;
}
