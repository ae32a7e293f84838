/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the files that parse certificates share. */
#ifndef CLV_TRUST_CERTIFICATE_PARSE_H
#define CLV_TRUST_CERTIFICATE_PARSE_H

#include "trust/certificate.h"
#include "trust/der.h"

struct clv_cert_parser {
	struct clv_trust_cert *cert; /* der and size are set */
	const char *why;             /* static, once something is refused */
};

/* Tells why; for `return clv_cert_refuse(parser, "...")`. */
static inline bool
clv_cert_refuse(struct clv_cert_parser *parser, const char *why)
{
	parser->why = why;
	return false;
}

static inline struct clv_trust_span
clv_cert_span(const struct clv_cert_parser *parser, const struct clv_der *of)
{
	return (struct clv_trust_span){
	    (uint32_t)(of->at - parser->cert->der), (uint32_t)clv_der_size(of)};
}

/* The contents of the Extensions SEQUENCE. */
bool clv_cert_parse_extensions(
    struct clv_cert_parser *parser, struct clv_der contents);

/*
 * The keyIdentifier of an AuthorityKeyIdentifier, empty if it has none. Issuer
 * and serial number are let be: a renewed CA with the same key has others, and
 * the signature decides.
 */
bool clv_parse_authority_key_id(struct clv_der in, struct clv_der *id);

/*
 * clv_trust_cert_parse() without an error object, for certificates that come
 * in messages: NULL, and `*why` is a static sentence; without memory it is
 * NULL as well. `thumbprint` is the DER's, or NULL.
 */
struct clv_trust_cert *clv_trust_cert_read(const void *der, size_t size,
    const char *file, struct clv_trust_blob *blob, const uint8_t *thumbprint,
    const char **why);

#endif
