/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Some bytes that belong to somebody else, or what is left of them to read. */
#ifndef CLV_BASE_SPAN_H
#define CLV_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct clv_span {
	const uint8_t *data;
	size_t size;
};

/* Spans of an array, and of a string literal without its closing 0. */
#define CLV_SPAN_OF(array) ((struct clv_span){(array), sizeof(array)})
#define CLV_SPAN_TEXT(literal) \
	((struct clv_span){(const uint8_t *)(literal), sizeof(literal) - 1})

static inline bool
clv_span_equal(struct clv_span a, struct clv_span b)
{
	return a.size == b.size &&
	    (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool
clv_span_starts(struct clv_span whole, struct clv_span start)
{
	return whole.size >= start.size &&
	    memcmp(whole.data, start.data, start.size) == 0;
}

/* White space of PEM. */
static inline bool
clv_is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Drops white space from the end. */
static inline void
clv_span_trim(struct clv_span *span)
{
	while (span->size > 0 && clv_is_space(span->data[span->size - 1]))
		span->size--;
}

/* Drops `count` bytes, which must be there, from the front. */
static inline void
clv_span_skip(struct clv_span *span, size_t count)
{
	span->data += count;
	span->size -= count;
}

/*
 * Takes the next line of a text, without its newline, into `line` as a string.
 * False, and nothing is taken, if the text has no newline any more, the line
 * has a zero byte in it or, with its closing one, exceeds `capacity`.
 */
bool clv_span_take_line(struct clv_span *rest, char *line, size_t capacity);

#endif
