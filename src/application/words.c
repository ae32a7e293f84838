/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/words.h"

#include <string.h>

static bool
is_plain(unsigned char c)
{
	return c > 0x20 && c < 0x7F && c != '%';
}

void
clv_words_print(FILE *out, const char *word)
{
	if (*word == '\0')
		(void)fputc('-', out);
	else if (strcmp(word, "-") == 0)
		(void)fputs("%2d", out);
	else
		for (; *word != '\0'; word++)
			if (is_plain((unsigned char)*word))
				(void)fputc(*word, out);
			else
				(void)fprintf(
				    out, "%%%02x", (unsigned char)*word);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
decode(char *word)
{
	char *to = word;

	if (strcmp(word, "-") == 0) {
		*word = '\0';
		return true;
	}
	for (const char *from = word; *from != '\0'; from++) {
		int value = (unsigned char)*from;

		if (*from == '%') {
			const int high = hex_value(from[1]);
			const int low = high < 0 ? -1 : hex_value(from[2]);

			value = high * 16 + low;
			if (low < 0 || value == 0)
				return false;
			from += 2;
		} else if (!is_plain((unsigned char)*from)) {
			return false;
		}
		*to++ = (char)value;
	}
	*to = '\0';
	return to != word;
}

bool
clv_words_split(char *line, char **words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *blank = strchr(line, ' ');

		if ((blank == NULL) != (i + 1 == count))
			return false;
		if (blank != NULL)
			*blank = '\0';
		words[i] = line;
		if (!decode(line))
			return false;
		if (blank != NULL)
			line = blank + 1;
	}
	return true;
}

bool
clv_words_number(const char *word, size_t most, size_t *number)
{
	*number = 0;
	if (*word == '\0' || (word[0] == '0' && word[1] != '\0'))
		return false;
	for (; *word >= '0' && *word <= '9'; word++) {
		const size_t digit = (size_t)(*word - '0');

		if (digit > most || *number > (most - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return *word == '\0';
}
