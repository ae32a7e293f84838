/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Signature algorithms by AlgorithmIdentifier: RFC 4055, 5758, 8410. */
#ifndef CLV_TRUST_SIGNATURE_KIND_H
#define CLV_TRUST_SIGNATURE_KIND_H

#include "trust/certificate.h"
#include "trust/der.h"

#include <claviger/algorithm.h>

struct clv_signature_info {
	enum clv_trust_signature_kind kind;
	clv_family family;
	clv_padding padding;
	clv_hash hash;    /* NONE: the algorithm hashes itself */
	uint8_t strength; /* bits of the hash, for comparisons */
	const char *name;
};

/*
 * False if the contents of an AlgorithmIdentifier are malformed. `kind` is
 * UNKNOWN for an algorithm that is not known, or has other parameters.
 */
bool clv_signature_parse(
    struct clv_der contents, enum clv_trust_signature_kind *kind);

/* Static, never NULL; any number. */
const struct clv_signature_info *clv_signature_describe(unsigned kind);

#endif
