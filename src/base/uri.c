/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include <claviger/uri.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <claviger/secret.h>

#include "base/uri_text.h"

#define ATTRIBUTES_MAX 64U

struct attribute {
	char *name;
	char *value;
	size_t size;
	clv_uri_part part;
};

struct clv_uri {
	char *text;
	char *scheme;
	char *path;
	char *redacted;
	struct attribute *attributes;
	size_t count;
};

/* What a parse needs to know to complain. */
struct parser {
	clv_uri *uri;
	bool pkcs11;
	clv_error **err;
};

static clv_status
complain(const struct parser *parser, size_t at, const char *what)
{
	char *redacted = clv_uri_redact(parser->uri->text);
	const clv_status status = clv_error_raise(parser->err, CLV_INVALID,
	    &(struct clv_error_info){
		.operation = "parse URI", .subject = redacted},
	    "%s at character %zu", what, at + 1);

	clv_free(redacted);
	return status;
}

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "parse URI"},
	    "out of memory");
}

static clv_status
check_characters(const struct parser *parser)
{
	const char *text = parser->uri->text;

	for (size_t i = 0; text[i] != '\0'; i++) {
		const unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f)
			return complain(parser, i, "control character");
		if (c == '#')
			return complain(
			    parser, i, "fragment ('#' is written %23)");
	}
	return CLV_OK;
}

static clv_status
parse_scheme(const struct parser *parser, size_t *end)
{
	clv_uri *uri = parser->uri;
	const size_t size = strspn(uri->text,
	    "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789+-.");

	if (size == 0 || !isalpha((unsigned char)uri->text[0]) ||
	    uri->text[size] != ':')
		return complain(
		    parser, 0, "no scheme, such as \"file:\" or \"pkcs11:\",");
	uri->scheme = strndup(uri->text, size);
	if (uri->scheme == NULL)
		return no_memory(parser->err);
	for (char *c = uri->scheme; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	*end = size + 1;
	return CLV_OK;
}

/* Decodes text[from, to) into a new string. */
static clv_status
decode(const struct parser *parser, size_t from, size_t to, bool binary,
    const char *extra, char **out, size_t *size)
{
	const char *text = parser->uri->text;
	size_t bad = 0;
	const char *problem;

	*out = malloc(to - from + 1);
	if (*out == NULL)
		return no_memory(parser->err);
	problem = clv_uri_decode(text + from, to - from, binary,
	    parser->pkcs11 ? extra : NULL, *out, size, &bad);
	if (problem == NULL)
		return CLV_OK;
	clv_wipe(*out, to - from + 1);
	free(*out);
	*out = NULL;
	return complain(parser, from + bad, problem);
}

static const struct attribute *
find(const clv_uri *uri, clv_uri_part part, const char *name)
{
	for (size_t i = 0; i < uri->count; i++)
		if (uri->attributes[i].part == part &&
		    strcmp(uri->attributes[i].name, name) == 0)
			return &uri->attributes[i];
	return NULL;
}

static clv_status
parse_attribute(
    const struct parser *parser, clv_uri_part part, size_t from, size_t to)
{
	clv_uri *uri = parser->uri;
	const char *equals = memchr(uri->text + from, '=', to - from);
	const char *extra = part == CLV_URI_PATH ? CLV_URI_PATH_CHARACTERS
						 : CLV_URI_QUERY_CHARACTERS;
	struct attribute attribute = {.part = part};
	struct attribute *grown;
	size_t name_size;
	clv_status status;

	if (equals == NULL || equals == uri->text + from)
		return complain(parser, from, "no NAME=VALUE");
	if (uri->count == ATTRIBUTES_MAX)
		return complain(parser, from, "too many attributes");
	status = decode(parser, from, (size_t)(equals - uri->text), false, "",
	    &attribute.name, &name_size);
	if (status != CLV_OK)
		return status;
	if (find(uri, part, attribute.name) != NULL) {
		free(attribute.name);
		return complain(parser, from, "attribute given twice");
	}
	status = decode(parser, (size_t)(equals + 1 - uri->text), to,
	    strcmp(attribute.name, "id") == 0, extra, &attribute.value,
	    &attribute.size);
	if (status != CLV_OK) {
		free(attribute.name);
		return status;
	}
	grown =
	    reallocarray(uri->attributes, uri->count + 1, sizeof(attribute));
	if (grown == NULL) {
		free(attribute.name);
		clv_wipe(attribute.value, attribute.size);
		free(attribute.value);
		return no_memory(parser->err);
	}
	uri->attributes = grown;
	uri->attributes[uri->count++] = attribute;
	return CLV_OK;
}

static clv_status
parse_attributes(const struct parser *parser, clv_uri_part part, char separator,
    size_t from, size_t to)
{
	const char *text = parser->uri->text;

	while (from < to) {
		const char *end = memchr(text + from, separator, to - from);
		const size_t stop = end != NULL ? (size_t)(end - text) : to;
		const clv_status status =
		    parse_attribute(parser, part, from, stop);

		if (status != CLV_OK)
			return status;
		from = stop + 1;
		if (end != NULL && from == to)
			return complain(parser, stop, "separator at the end");
	}
	return CLV_OK;
}

static bool
is_attribute_list(const struct parser *parser, size_t from, size_t to)
{
	const char *text = parser->uri->text;

	return parser->pkcs11 ||
	    (memchr(text + from, '=', to - from) != NULL &&
		memchr(text + from, '/', to - from) == NULL);
}

static clv_status
parse_path(const struct parser *parser, size_t from, size_t to)
{
	clv_uri *uri = parser->uri;
	size_t size;

	if (is_attribute_list(parser, from, to))
		return parse_attributes(parser, CLV_URI_PATH, ';', from, to);
	if (strncmp(uri->text + from, "//", 2) == 0 &&
	    uri->text[from + 2] != '/')
		return complain(parser, from, "host name in a local URI");
	while (strncmp(uri->text + from, "//", 2) == 0)
		from++;
	if (from == to)
		return complain(parser, from, "empty path");
	return decode(parser, from, to, false, NULL, &uri->path, &size);
}

static clv_status
parse(const struct parser *parser)
{
	clv_uri *uri = parser->uri;
	struct parser rest = *parser;
	const char *question;
	size_t from = 0;
	size_t end;
	clv_status status;

	if ((status = check_characters(parser)) != CLV_OK ||
	    (status = parse_scheme(parser, &from)) != CLV_OK)
		return status;
	rest.pkcs11 = strcmp(uri->scheme, "pkcs11") == 0;
	question = strchr(uri->text + from, '?');
	end = question != NULL ? (size_t)(question - uri->text)
			       : strlen(uri->text);
	status = parse_path(&rest, from, end);
	if (status != CLV_OK || question == NULL)
		return status;
	if (question[1] == '\0')
		return complain(parser, end, "empty query");
	return parse_attributes(
	    &rest, CLV_URI_QUERY, '&', end + 1, strlen(uri->text));
}

clv_status
clv_uri_parse(const char *text, clv_uri **out, clv_error **err)
{
	struct parser parser = {.err = err};
	clv_status status;

	*out = NULL;
	if (text == NULL || strnlen(text, CLV_URI_MAX + 1) > CLV_URI_MAX)
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "parse URI"},
		    text == NULL ? "no URI" : "longer than 8192 bytes");
	parser.uri = calloc(1, sizeof(*parser.uri));
	if (parser.uri == NULL)
		return no_memory(err);
	parser.uri->text = strdup(text);
	parser.uri->redacted = clv_uri_redact(text);
	if (parser.uri->text == NULL || parser.uri->redacted == NULL)
		status = no_memory(err);
	else
		status = parse(&parser);
	if (status != CLV_OK) {
		clv_uri_free(&parser.uri);
		return status;
	}
	*out = parser.uri;
	return CLV_OK;
}

void
clv_uri_free(clv_uri **uri)
{
	if (uri == NULL || *uri == NULL)
		return;
	for (size_t i = 0; i < (*uri)->count; i++) {
		free((*uri)->attributes[i].name);
		clv_wipe(
		    (*uri)->attributes[i].value, (*uri)->attributes[i].size);
		free((*uri)->attributes[i].value);
	}
	free((*uri)->attributes);
	if ((*uri)->text != NULL)
		clv_wipe((*uri)->text, strlen((*uri)->text));
	free((*uri)->text);
	free((*uri)->scheme);
	free((*uri)->path);
	free((*uri)->redacted);
	free(*uri);
	*uri = NULL;
}

const char *
clv_uri_scheme(const clv_uri *uri)
{
	return uri->scheme;
}

const char *
clv_uri_text(const clv_uri *uri)
{
	return uri->text;
}

const char *
clv_uri_redacted(const clv_uri *uri)
{
	return uri->redacted;
}

const char *
clv_uri_path(const clv_uri *uri)
{
	return uri->path;
}

size_t
clv_uri_count(const clv_uri *uri, clv_uri_part part)
{
	size_t count = 0;

	for (size_t i = 0; i < uri->count; i++)
		count += uri->attributes[i].part == part;
	return count;
}

const char *
clv_uri_name(const clv_uri *uri, clv_uri_part part, size_t index)
{
	for (size_t i = 0; i < uri->count; i++)
		if (uri->attributes[i].part == part && index-- == 0)
			return uri->attributes[i].name;
	return NULL;
}

const char *
clv_uri_get(
    const clv_uri *uri, clv_uri_part part, const char *name, size_t *size)
{
	const struct attribute *attribute = find(uri, part, name);

	if (attribute == NULL)
		return NULL;
	if (size != NULL)
		*size = attribute->size;
	return attribute->value;
}

static bool
is_listed(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

clv_status
clv_uri_allow(const clv_uri *uri, clv_uri_part part, const char *const *names,
    clv_error **err)
{
	for (size_t i = 0; i < uri->count; i++) {
		const struct attribute *attribute = &uri->attributes[i];

		if (attribute->part != part ||
		    is_listed(attribute->name, names))
			continue;
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){
			.operation = "read URI", .subject = uri->redacted},
		    "\"%s:\" URIs have no %s attribute \"%s\"", uri->scheme,
		    part == CLV_URI_PATH ? "path" : "query", attribute->name);
	}
	return CLV_OK;
}

void
clv_free(void *memory)
{
	free(memory);
}
