/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/names.h"

#include <stdio.h>
#include <string.h>

#include "trust/text.h"

void
clv_thumbprint_print(
    const uint8_t digest[CLV_THUMBPRINT_SIZE], char text[CLV_THUMBPRINT_TEXT])
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < CLV_THUMBPRINT_SIZE; i++) {
		text[2 * i] = digits[digest[i] >> 4];
		text[2 * i + 1] = digits[digest[i] & 15];
	}
	text[CLV_THUMBPRINT_TEXT - 1] = '\0';
}

static int
digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

bool
clv_thumbprint_parse(const char *text, uint8_t digest[CLV_THUMBPRINT_SIZE])
{
	for (size_t i = 0; i < CLV_THUMBPRINT_SIZE; i++) {
		while (i > 0 && (*text == ':' || *text == ' '))
			text++;
		const int high = digit_value(text[0]);
		const int low = high < 0 ? -1 : digit_value(text[1]);

		if (low < 0)
			return false;
		digest[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return *text == '\0';
}

/* Characters that no name may hold: controls, what Windows and shells give a
 * meaning to (UA-.NETStandard replaces the same ones), brackets, which set
 * off the thumbprint, and what makes text look like other text. */
static bool
is_unsafe(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7F && c < 0xA0))
		return true;
	if (c < 0x80)
		return strchr("<>:\"/\\|?*[]$`!;&'", (int)c) != NULL;
	return c == 0xAD || c == 0x061C || c == 0x180E ||
	    (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
	    (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
	    (c >= 0xFFF0 && c <= 0xFFFF) || (c >= 0xE000 && c <= 0xF8FF) ||
	    c >= 0xE0000;
}

static bool
is_unsafe_first(uint8_t c)
{
	return c == '.' || c == '-' || c == ' ' || c == '~';
}

/* Writes the common name, made safe, and returns its length. */
static size_t
print_common_name(
    const uint8_t *from, size_t left, char to[CLV_TRUST_NAME_CN + 1])
{
	size_t used = 0;

	while (left > 0) {
		uint32_t value = 0;
		const size_t size = clv_text_decode(from, left, &value);
		const size_t taken = size == 0 ? 1 : size;
		const bool safe = size != 0 && !is_unsafe(value) &&
		    !(used == 0 && is_unsafe_first(*from));
		const size_t written = safe ? size : 1;

		if (used + written > CLV_TRUST_NAME_CN)
			break;
		if (safe)
			memcpy(to + used, from, size);
		else
			to[used] = '+';
		used += written;
		from += taken;
		left -= taken;
	}
	while (used > 0 && (to[used - 1] == ' ' || to[used - 1] == '.'))
		used--;
	to[used] = '\0';
	return used;
}

void
clv_trust_name_print(const uint8_t *common_name, size_t size,
    const uint8_t digest[CLV_THUMBPRINT_SIZE], const char *extension,
    char name[CLV_TRUST_NAME_SIZE])
{
	char thumbprint[CLV_THUMBPRINT_TEXT];
	char readable[CLV_TRUST_NAME_CN + 1];
	const size_t used = print_common_name(common_name, size, readable);

	clv_thumbprint_print(digest, thumbprint);
	(void)snprintf(name, CLV_TRUST_NAME_SIZE, "%s%s[%s].%s", readable,
	    used > 0 ? " " : "", thumbprint, extension);
}
