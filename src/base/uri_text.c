/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/uri_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char unreserved[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789-._~";

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
is_in(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

const char *
clv_uri_decode(const char *text, size_t size, bool binary, const char *strict,
    char *out, size_t *out_size, size_t *bad)
{
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		*bad = i;
		if (text[i] != '%') {
			if (strict != NULL && !is_in(text[i], unreserved) &&
			    !is_in(text[i], strict))
				return "character that must be percent-encoded";
			out[used++] = text[i];
			continue;
		}
		if (size - i < 3 || hex_digit(text[i + 1]) < 0 ||
		    hex_digit(text[i + 2]) < 0)
			return "bad percent-encoding";
		out[used] = (char)(hex_digit(text[i + 1]) * 16 +
		    hex_digit(text[i + 2]));
		if (out[used] == '\0' && !binary)
			return "encoded NUL";
		used++;
		i += 2;
	}
	out[used] = '\0';
	*out_size = used;
	return NULL;
}

/* Appends `size` bytes to `out`, escaping what is not in either set. */
static size_t
encode(const char *bytes, size_t size, const char *plain, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		const unsigned char c = (unsigned char)bytes[i];

		if (is_in(bytes[i], unreserved) || is_in(bytes[i], plain)) {
			out[used++] = bytes[i];
			continue;
		}
		out[used++] = '%';
		out[used++] = digits[c >> 4];
		out[used++] = digits[c & 15];
	}
	out[used] = '\0';
	return used;
}

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "build URI"},
	    "out of memory");
}

clv_status
clv_uri_encode(const void *bytes, size_t size, char **out, clv_error **err)
{
	*out = malloc(3 * size + 1);
	if (*out == NULL)
		return no_memory(err);
	(void)encode(bytes, size, "", *out);
	return CLV_OK;
}

clv_status
clv_uri_build(const char *scheme, const char *path, const clv_uri *model,
    char **out, clv_error **err)
{
	/* A path with '=' and without '/' would read as attributes. */
	const char *lead =
	    strchr(path, '=') != NULL && strchr(path, '/') == NULL ? "./" : "";
	const char *query =
	    model != NULL ? strchr(clv_uri_text(model), '?') : NULL;
	char *encoded = malloc(3 * strlen(path) + 1);

	*out = NULL;
	if (encoded == NULL)
		return no_memory(err);
	/* "//" would begin a host name. */
	while (strncmp(path, "//", 2) == 0)
		path++;
	(void)encode(path, strlen(path), "/:@!$'()*+,=", encoded);
	if (asprintf(out, "%s:%s%s%s", scheme, lead, encoded,
		query != NULL ? query : "") < 0)
		*out = NULL;
	free(encoded);
	return *out != NULL ? CLV_OK : no_memory(err);
}

/* Whether the text before a '=' reads like the name of a secret; of a long
 * text the end counts. */
static bool
names_a_secret(const char *name, size_t size)
{
	static const char *const words[] = {
	    "pin-value", "password", "passwd", "passphrase", "secret", "auth"};
	char decoded[64];
	size_t decoded_size = 0;
	size_t bad;

	if (size >= sizeof(decoded)) {
		name += size - (sizeof(decoded) - 1);
		size = sizeof(decoded) - 1;
	}
	if (clv_uri_decode(
		name, size, true, NULL, decoded, &decoded_size, &bad) != NULL) {
		memcpy(decoded, name, size);
		decoded[size] = '\0';
		decoded_size = size;
	}
	if (decoded_size > 7 &&
	    strcasecmp(decoded + decoded_size - 7, "-source") == 0)
		return false;
	if (strcasecmp(decoded, "pin") == 0)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(decoded, words[i]) != NULL)
			return true;
	return false;
}

/* How much of an attribute may be shown: up to the first '=' after the name
 * of a secret; all of it if there is none. */
static size_t
shown_part(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == '=' && names_a_secret(text, i))
			return i + 1;
	return size;
}

/*
 * Works on text that need not parse, since a URI that is wrong is shown too.
 * A path's attributes end at ';', those of the query at '&'.
 */
char *
clv_uri_redact(const char *text)
{
	/* Each "***" stands for a "=" and what follows, at worst for nothing:
	 * "a=;a=" triples at most. */
	char *out = malloc(4 * strlen(text) + 4);
	const char *from = strchr(text, ':');
	const char *ends = ";?";
	size_t used;

	if (out == NULL)
		return NULL;
	from = from != NULL ? from + 1 : text;
	used = (size_t)(from - text);
	memcpy(out, text, used);
	for (;;) {
		const size_t size = strcspn(from, ends);
		const size_t keep = shown_part(from, size);
		const bool secret = keep < size ||
		    (keep > 0 && from[keep - 1] == '=' &&
			names_a_secret(from, keep - 1));

		memcpy(out + used, from, keep);
		used += keep;
		if (secret) {
			memcpy(out + used, "***", 3);
			used += 3;
		}
		from += size;
		if (*from == '\0')
			break;
		if (*from == '?')
			ends = "&";
		out[used++] = *from++;
	}
	out[used] = '\0';
	return out;
}
