/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What a SecurityPolicy asks of certificates: OPC 10000-7. */
#ifndef CLV_TRUST_SECURITY_POLICY_H
#define CLV_TRUST_SECURITY_POLICY_H

#include "trust/certificate.h"

#include <claviger/algorithm.h>

struct clv_security_policy {
	const char *name; /* the part after '#' */
	/* A certificate signature is of this family, PKCS #1 for RSA, and of
	 * this hash or a stronger one. */
	clv_family family;
	clv_hash hash;
	/* Bits of a key. `key_max` is for RSA keys, whose issuers obey it too;
	 * for the others `kinds` tells which keys a leaf may have. */
	uint16_t key_min;
	uint16_t key_max;
	uint16_t kinds; /* 1 << CLV_KEY_KIND_... */
};

/* Whether it is the policy "None", by URI or by name. */
bool clv_security_policy_is_none(const char *policy);

/* By URI or by name; NULL for one that is not known. */
const struct clv_security_policy *clv_security_policy_find(const char *policy);

/*
 * Whether the policy (NULL: none, a minimum only) takes a certificate. `why`
 * becomes a template for a row, with the number for it.
 */
bool clv_security_policy_takes(const struct clv_security_policy *policy,
    const struct clv_trust_cert *cert, bool leaf, const char **why,
    int64_t *number);

#endif
