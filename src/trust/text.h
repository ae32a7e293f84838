/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Text that a terminal can take, whatever it is made of. */
#ifndef CLV_TRUST_TEXT_H
#define CLV_TRUST_TEXT_H

#include <claviger/api.h>

/* A buffer that is filled from the front, is always closed by a 0 byte, and
 * drops what does not fit, whole characters at a time. */
struct clv_text {
	char *bytes;
	size_t size;
	size_t used;
	bool full;
};

struct clv_text clv_text_of(char *bytes, size_t size);

/* As it is; for texts of our own. */
void clv_text_add(struct clv_text *text, const char *string);
void clv_text_format(struct clv_text *text, const char *format, ...)
    CLV_PRINTF(2, 3);

/*
 * A character. Control, formatting (direction, joining) and other invisible
 * ones, and what is no character at all, become \u{HEX}; those in `escaped`
 * (ASCII) get a backslash.
 */
void clv_text_add_character(
    struct clv_text *text, uint32_t character, const char *escaped);

/* UTF-8; a byte that is not becomes \xHH. */
void clv_text_add_utf8(struct clv_text *text, const uint8_t *bytes, size_t size,
    const char *escaped);

/* The next character of valid UTF-8 (RFC 3629) and its bytes; 0 if the next
 * byte begins none. */
size_t clv_text_decode(const uint8_t *bytes, size_t size, uint32_t *character);

/* RFC 3339 in UTC, such as "2026-02-28T23:59:59Z". */
void clv_text_add_time(struct clv_text *text, int64_t seconds);

#endif
