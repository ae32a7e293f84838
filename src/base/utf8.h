/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_BASE_UTF8_H
#define CLV_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether text is valid UTF-8 (RFC 3629) that a terminal shows and nothing
 * more: no control characters (C0, C1, DEL), no line or paragraph separators,
 * no bidirectional overrides, which make a text look like another.
 */
bool clv_utf8_is_printable(const char *text, size_t size);

/* A copy in which each byte of what is not shown has become \xHH; NULL if out
 * of memory. The caller frees it. */
char *clv_utf8_escape(const char *text);

/* How many characters valid UTF-8 has. */
size_t clv_utf8_length(const char *text, size_t size);

#endif
