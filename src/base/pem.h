/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* PEM (RFC 7468, and RFC 1421's headers), taken apart without copies. */
#ifndef CLV_BASE_PEM_H
#define CLV_BASE_PEM_H

#include <claviger/secret.h>

#include "base/span.h"

struct clv_pem_block {
	struct clv_span label;   /* such as "PRIVATE KEY" */
	struct clv_span headers; /* RFC 1421 header lines; empty if none */
	struct clv_span body;    /* base 64 with line ends */
};

enum clv_pem_found {
	CLV_PEM_BLOCK,
	CLV_PEM_END,   /* nothing but white space was left */
	CLV_PEM_TEXT,  /* something that is not PEM stands there, or behind */
	CLV_PEM_BROKEN /* a block without a proper end */
};

/* Takes the next block. Before it, lines of text may stand that have neither
 * "-----" nor a 0 byte in them; behind the last one, only white space. */
enum clv_pem_found clv_pem_next(
    struct clv_span *text, struct clv_pem_block *block);

/* Decodes a block's body; `out` gets the DER. CLV_CORRUPT, CLV_NO_MEMORY. */
clv_status clv_pem_decode(
    const struct clv_pem_block *block, clv_secret *out, clv_error **err);

/* Appends a block to `out`, which needs CLV_PEM_ENCODED() bytes of capacity
 * left. */
void clv_pem_append(clv_secret *out, const char *label, struct clv_span der);

/* Room for a block of `size` bytes with a label of up to 32. */
#define CLV_PEM_ENCODED(size) (((size) + 2) / 3 * 4 + ((size) + 47) / 48 + 98)

#endif
