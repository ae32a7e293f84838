/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Base 64 (RFC 4648, 4) for key bytes: no tables, whose use would show in the
 * processor's cache what was read, and no buffers of its own. */
#ifndef CLV_BASE_BASE64_H
#define CLV_BASE_BASE64_H

#include "base/span.h"

/* Room that clv_base64_decode() may need. */
#define CLV_BASE64_DECODED(size) ((size) / 4 * 3 + 3)
/* What clv_base64_encode() writes, newlines included. */
#define CLV_BASE64_ENCODED(size) (((size) + 2) / 3 * 4 + ((size) + 47) / 48)

/* Decodes, skipping spaces, tabs and line ends. False for any other byte, a
 * wrong length, padding in the wrong place, or bits left over. */
bool clv_base64_decode(struct clv_span text, uint8_t *out, size_t *size);

/* Encodes in lines of 64, each with a newline. */
void clv_base64_encode(struct clv_span bytes, uint8_t *out);

#endif
