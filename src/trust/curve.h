/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_TRUST_CURVE_H
#define CLV_TRUST_CURVE_H

#include "trust/certificate.h"
#include "trust/der.h"

/* A named curve y^2 = x^3 + ax + b over the field of p, RFC 5480 and 5639. */
struct clv_curve {
	enum clv_trust_key_kind kind;
	uint16_t bits;
	uint16_t bytes; /* of a coordinate */
	const uint8_t *oid;
	size_t oid_size;
	const uint8_t *p, *a, *b;
};

/* The curve of an OBJECT IDENTIFIER's contents; NULL for an unknown one. */
const struct clv_curve *clv_curve_by_oid(const struct clv_der *oid);

/* Whether an uncompressed point (04 x y) lies on the curve. False also
 * without memory. */
bool clv_curve_has_point(
    const struct clv_curve *curve, const struct clv_der *point);

#endif
