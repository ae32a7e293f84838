/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Takes one code point off the front; 0 bytes if it is not valid. */
static size_t
take(const unsigned char *text, size_t size, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t count;

	if (text[0] < 0x80) {
		*code = text[0];
		return 1;
	}
	count = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	if (text[0] < 0xc2 || text[0] > 0xf4 || count > size)
		return 0;
	*code = text[0] & (0x7fU >> count);
	for (size_t i = 1; i < count; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (text[i] & 0x3fU);
	}
	if (*code < least[count] || *code > 0x10ffff ||
	    (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return count;
}

static bool
is_shown(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return false;
	if (code == 0x2028 || code == 0x2029)
		return false;
	return !((code >= 0x202a && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069) || code == 0xfeff);
}

bool
clv_utf8_is_printable(const char *text, size_t size)
{
	const unsigned char *at = (const unsigned char *)text;

	while (size > 0) {
		uint32_t code = 0;
		const size_t count = take(at, size, &code);

		if (count == 0 || !is_shown(code))
			return false;
		at += count;
		size -= count;
	}
	return true;
}

char *
clv_utf8_escape(const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	const unsigned char *at = (const unsigned char *)text;
	char *copy = calloc(strlen(text) + 1, 4);
	char *to = copy;

	while (copy != NULL && *at != '\0') {
		uint32_t code = 0;
		const size_t count = take(at, strlen((const char *)at), &code);

		if (count > 0 && is_shown(code)) {
			memcpy(to, at, count);
			to += count;
			at += count;
			continue;
		}
		for (size_t i = count > 0 ? count : 1; i > 0; i--, at++) {
			*to++ = '\\';
			*to++ = 'x';
			*to++ = digits[*at >> 4];
			*to++ = digits[*at & 15];
		}
	}
	return copy;
}

size_t
clv_utf8_length(const char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < size; i++)
		length += ((unsigned char)text[i] & 0xc0) != 0x80;
	return length;
}
