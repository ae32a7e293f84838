/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * JSON is UTF-8 (RFC 8259, 8.1). Labels of tokens and names of files are bytes
 * that others chose, and cJSON prints strings as they are: what is printed is
 * mended as a whole, so that no string can be forgotten.
 */

#include "program.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static bool
is_between(unsigned char byte, unsigned char least, unsigned char most)
{
	return byte >= least && byte <= most;
}

/* Bytes of the character that begins here, RFC 3629, 4; 0 if there is none.
 * What follows it is read only as far as it fits, so the NUL ends that. */
static size_t
character_size(const unsigned char *at)
{
	static const struct {
		unsigned char first, last; /* the first byte */
		unsigned char least, most; /* the second */
		size_t size;
	} forms[] = {
	    {0xc2, 0xdf, 0x80, 0xbf, 2},
	    {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3},
	    {0xed, 0xed, 0x80, 0x9f, 3},
	    {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4},
	    {0xf1, 0xf3, 0x80, 0xbf, 4},
	    {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	if (*at < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t size = 2;

		if (!is_between(*at, forms[i].first, forms[i].last))
			continue;
		if (!is_between(at[1], forms[i].least, forms[i].most))
			return 0;
		while (size < forms[i].size && is_between(at[size], 0x80, 0xbf))
			size++;
		return size == forms[i].size ? size : 0;
	}
	return 0;
}

static void
print_utf8(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		const size_t size = character_size(at);

		if (size == 0)
			(void)fputs(REPLACEMENT, stdout);
		else
			(void)fwrite(at, 1, size, stdout);
		at += size > 0 ? size : 1;
	}
}

int
program_print_json(cJSON **document)
{
	char *text = *document != NULL ? cJSON_Print(*document) : NULL;

	cJSON_Delete(*document);
	*document = NULL;
	if (text == NULL)
		return program_refuse(NULL, "print JSON: out of memory");
	print_utf8(text);
	(void)putchar('\n');
	free(text);
	return program_finish();
}
