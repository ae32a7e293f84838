/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct clv_text
clv_text_of(char *bytes, size_t size)
{
	if (size > 0)
		*bytes = '\0';
	return (struct clv_text){
	    .bytes = bytes, .size = size, .full = size == 0};
}

static void
add_bytes(struct clv_text *text, const char *bytes, size_t length)
{
	if (text->full || length >= text->size - text->used) {
		text->full = true;
		return;
	}
	memcpy(text->bytes + text->used, bytes, length);
	text->used += length;
	text->bytes[text->used] = '\0';
}

void
clv_text_add(struct clv_text *text, const char *string)
{
	clv_text_add_utf8(text, (const uint8_t *)string, strlen(string), "");
}

void
clv_text_format(struct clv_text *text, const char *format, ...)
{
	char line[256];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	clv_text_add(text, line);
}

/* Ranges of what cannot be seen or changes what is seen: controls, soft
 * hyphen, direction marks, joiners, invisible operators, variation selectors,
 * byte order mark, annotation and tag characters, private use. */
static bool
is_invisible(uint32_t c)
{
	static const uint32_t ranges[][2] = {{0x00, 0x1f}, {0x7f, 0x9f},
	    {0xad, 0xad}, {0x034f, 0x034f}, {0x061c, 0x061c}, {0x115f, 0x1160},
	    {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},
	    {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},
	    {0xd800, 0xf8ff}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
	    {0xffa0, 0xffa0}, {0xfff0, 0xfffc}, {0xfffe, 0xffff},
	    {0x1d173, 0x1d17a}, {0xe0000, UINT32_MAX}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

static size_t
encode(uint32_t c, char out[4])
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	const size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (size == 1) {
		*out = (char)c;
		return 1;
	}
	for (size_t i = size - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80U | (c & 0x3fU));
	out[0] = (char)(lead[size] | c);
	return size;
}

void
clv_text_add_character(
    struct clv_text *text, uint32_t character, const char *escaped)
{
	char bytes[16];

	if (is_invisible(character)) {
		const int length = snprintf(
		    bytes, sizeof(bytes), "\\u{%X}", (unsigned)character);
		add_bytes(text, bytes, (size_t)length);
		return;
	}
	if (character < 0x80 && strchr(escaped, (int)character) != NULL) {
		bytes[0] = '\\';
		bytes[1] = (char)character;
		add_bytes(text, bytes, 2);
		return;
	}
	add_bytes(text, bytes, encode(character, bytes));
}

size_t
clv_text_decode(const uint8_t *bytes, size_t size, uint32_t *character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c;
	size_t length;

	if (size == 0)
		return 0;
	if (bytes[0] < 0x80) {
		*character = bytes[0];
		return 1;
	}
	length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
	if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length > size)
		return 0;
	c = bytes[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0U) != 0x80U)
			return 0;
		c = c << 6 | (bytes[i] & 0x3fU);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*character = c;
	return length;
}

void
clv_text_add_utf8(struct clv_text *text, const uint8_t *bytes, size_t size,
    const char *escaped)
{
	uint32_t character;
	char hex[5];

	while (size > 0 && !text->full) {
		size_t length = clv_text_decode(bytes, size, &character);

		if (length > 0) {
			clv_text_add_character(text, character, escaped);
		} else {
			(void)snprintf(hex, sizeof(hex), "\\x%02X", *bytes);
			add_bytes(text, hex, 4);
			length = 1;
		}
		bytes += length;
		size -= length;
	}
}

void
clv_text_add_time(struct clv_text *text, int64_t seconds)
{
	const time_t at = (time_t)seconds;
	struct tm parts;
	char line[40];

	if (gmtime_r(&at, &parts) == NULL ||
	    strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		(void)snprintf(line, sizeof(line), "%lld seconds since 1970",
		    (long long)seconds);
	add_bytes(text, line, strlen(line));
}
