/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Percent-encoding and redaction: URI text as such. */
#ifndef CLV_BASE_URI_TEXT_H
#define CLV_BASE_URI_TEXT_H

#include <claviger/uri.h>

/* What stands unescaped in an RFC 7512 path or query value besides the
 * unreserved characters (RFC 7512, 2.3: pk11-pchar, pk11-qchar). */
#define CLV_URI_PATH_CHARACTERS ":[]@!$'()*+,=&"
#define CLV_URI_QUERY_CHARACTERS ":[]@!$'()*+,=/?|"

/*
 * Decodes `size` bytes into `out`, which has room for size + 1, and ends them
 * with a 0. A `strict` list says which characters besides the unreserved ones
 * may stand unescaped; NULL allows all. Returns what is wrong, with its place
 * in `bad`, or NULL.
 */
const char *clv_uri_decode(const char *text, size_t size, bool binary,
    const char *strict, char *out, size_t *out_size, size_t *bad);

#endif
