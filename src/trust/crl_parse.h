/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the files that parse CRLs share. */
#ifndef CLV_TRUST_CRL_PARSE_H
#define CLV_TRUST_CRL_PARSE_H

#include "trust/crl.h"
#include "trust/der.h"

struct clv_crl_parser {
	struct clv_trust_crl *crl; /* der and size are set */
	const char *why;           /* static, once something is refused */
	clv_status status;         /* CLV_CORRUPT or CLV_UNSUPPORTED */
};

/* All but the entries, whose contents are handed back. */
bool clv_crl_parse_list(struct clv_crl_parser *parser, struct clv_der *entries);

/* Every entry; counts them. */
bool clv_crl_check_entries(
    struct clv_crl_parser *parser, struct clv_der entries);

/* The next entry; its extensions but for the reason are let be. */
bool clv_crl_read_entry(struct clv_der *in, struct clv_der *serial,
    struct clv_trust_crl_entry *entry);

#endif
