/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/pem.h"

#include <string.h>

#include "base/base64.h"

/* White space, and the mark that some editors put first, U+FEFF. */
static void
skip_space(struct clv_span *text)
{
	const struct clv_span mark = CLV_SPAN_TEXT("\xef\xbb\xbf");

	if (clv_span_starts(*text, mark))
		clv_span_skip(text, mark.size);
	while (text->size > 0 && clv_is_space(text->data[0]))
		clv_span_skip(text, 1);
}

/* Takes a line without its end and without spaces at its end. */
static struct clv_span
take_line(struct clv_span *text)
{
	const uint8_t *newline =
	    text->size > 0 ? memchr(text->data, '\n', text->size) : NULL;
	struct clv_span line = *text;

	if (newline != NULL)
		line.size = (size_t)(newline - text->data);
	clv_span_skip(text, line.size + (newline != NULL ? 1 : 0));
	clv_span_trim(&line);
	return line;
}

/* "-----BEGIN LABEL-----" or "-----END LABEL-----". */
static bool
read_boundary(
    struct clv_span line, struct clv_span start, struct clv_span *label)
{
	const size_t around = start.size + 5;

	if (!clv_span_starts(line, start) || line.size <= around ||
	    memcmp(line.data + line.size - 5, "-----", 5) != 0)
		return false;
	*label = (struct clv_span){line.data + start.size, line.size - around};
	return true;
}

/* RFC 1421 headers contain a colon, which base 64 does not have; an empty
 * line ends them. */
static void
take_headers(struct clv_span *text, struct clv_span *headers)
{
	struct clv_span rest = *text;
	struct clv_span line = take_line(&rest);

	*headers = (struct clv_span){text->data, 0};
	if (memchr(line.data, ':', line.size) == NULL)
		return;
	while (line.size > 0 && rest.size > 0)
		line = take_line(&rest);
	headers->size = (size_t)(rest.data - text->data);
	*text = rest;
}

/* RFC 7468, 2: text may stand before a boundary, such as OpenSSL's "Bag
 * Attributes". What has a boundary's dashes in it is no such text: a damaged
 * boundary must not hide a block. */
static bool
is_explanation(struct clv_span line)
{
	return memmem(line.data, line.size, "-----", 5) == NULL &&
	    memchr(line.data, '\0', line.size) == NULL;
}

enum clv_pem_found
clv_pem_next(struct clv_span *text, struct clv_pem_block *block)
{
	struct clv_span label;
	struct clv_span line;

	skip_space(text);
	if (text->size == 0)
		return CLV_PEM_END;
	do
		line = take_line(text);
	while (text->size > 0 && is_explanation(line));
	if (!read_boundary(line, CLV_SPAN_TEXT("-----BEGIN "), &block->label))
		return CLV_PEM_TEXT;
	if (text->size == 0)
		return CLV_PEM_BROKEN;
	take_headers(text, &block->headers);

	block->body = (struct clv_span){text->data, 0};
	while (text->size > 0) {
		line = take_line(text);
		if (read_boundary(line, CLV_SPAN_TEXT("-----END "), &label)) {
			block->body.size =
			    (size_t)(line.data - block->body.data);
			return clv_span_equal(label, block->label)
			    ? CLV_PEM_BLOCK
			    : CLV_PEM_BROKEN;
		}
	}
	return CLV_PEM_BROKEN;
}

clv_status
clv_pem_decode(
    const struct clv_pem_block *block, clv_secret *out, clv_error **err)
{
	const clv_status status =
	    clv_secret_alloc(out, CLV_BASE64_DECODED(block->body.size), err);

	if (status != CLV_OK)
		return status;
	if (clv_base64_decode(block->body, out->data, &out->size))
		return CLV_OK;
	clv_secret_clear(out);
	return clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "read PEM"},
	    "the base 64 is damaged");
}

static void
append(clv_secret *out, const void *bytes, size_t size)
{
	memcpy(out->data + out->size, bytes, size);
	out->size += size;
}

static void
append_boundary(clv_secret *out, const char *start, const char *label)
{
	append(out, start, strlen(start));
	append(out, label, strlen(label));
	append(out, "-----\n", 6);
}

void
clv_pem_append(clv_secret *out, const char *label, struct clv_span der)
{
	append_boundary(out, "-----BEGIN ", label);
	clv_base64_encode(der, out->data + out->size);
	out->size += CLV_BASE64_ENCODED(der.size);
	append_boundary(out, "-----END ", label);
	out->data[out->size] = 0;
}
