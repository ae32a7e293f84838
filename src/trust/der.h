/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Reading DER (X.690), strictly: definite lengths in their shortest form,
 * single-byte tags. A reader is a window of bytes that shrinks from the
 * front; a failed read leaves it where it was.
 */
#ifndef CLV_TRUST_DER_H
#define CLV_TRUST_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	CLV_DER_BOOLEAN = 0x01,
	CLV_DER_INTEGER = 0x02,
	CLV_DER_BIT_STRING = 0x03,
	CLV_DER_OCTET_STRING = 0x04,
	CLV_DER_NULL = 0x05,
	CLV_DER_OID = 0x06,
	CLV_DER_ENUMERATED = 0x0a,
	CLV_DER_UTF8_STRING = 0x0c,
	CLV_DER_NUMERIC_STRING = 0x12,
	CLV_DER_PRINTABLE_STRING = 0x13,
	CLV_DER_TELETEX_STRING = 0x14,
	CLV_DER_IA5_STRING = 0x16,
	CLV_DER_UTC_TIME = 0x17,
	CLV_DER_GENERALIZED_TIME = 0x18,
	CLV_DER_UNIVERSAL_STRING = 0x1c,
	CLV_DER_BMP_STRING = 0x1e,
	CLV_DER_SEQUENCE = 0x30,
	CLV_DER_SET = 0x31
};

/* Context-specific tags: [n] primitive and [n] constructed. */
#define CLV_DER_CONTEXT(n) ((uint8_t)(0x80U | (n)))
#define CLV_DER_CONTEXT_CONSTRUCTED(n) ((uint8_t)(0xa0U | (n)))

struct clv_der {
	const uint8_t *at;
	const uint8_t *end;
};

static inline struct clv_der
clv_der_of(const void *data, size_t size)
{
	const uint8_t *at = data;

	/* Nothing may be a null pointer, to which even 0 is not added. */
	return (struct clv_der){at, size > 0 ? at + size : at};
}

static inline size_t
clv_der_size(const struct clv_der *in)
{
	return (size_t)(in->end - in->at);
}

static inline bool
clv_der_empty(const struct clv_der *in)
{
	return in->at == in->end;
}

/* Whether what comes next has this tag. */
static inline bool
clv_der_is(const struct clv_der *in, uint8_t tag)
{
	return in->at < in->end && *in->at == tag;
}

/* The header of the next value: its size, and the size of its contents. */
bool clv_der_long_length(
    const struct clv_der *in, size_t *header, size_t *contents);

static inline bool
clv_der_header(const struct clv_der *in, size_t *header, size_t *contents)
{
	const size_t left = clv_der_size(in);

	if (left < 2 || (in->at[0] & 0x1fU) == 0x1fU)
		return false;
	if (in->at[1] >= 0x80U)
		return clv_der_long_length(in, header, contents);
	*header = 2;
	*contents = in->at[1];
	return *contents <= left - 2;
}

/* Any value: its tag, and its contents. */
static inline bool
clv_der_any(struct clv_der *in, uint8_t *tag, struct clv_der *contents)
{
	size_t header, size;

	if (!clv_der_header(in, &header, &size))
		return false;
	*tag = in->at[0];
	contents->at = in->at + header;
	contents->end = contents->at + size;
	in->at = contents->end;
	return true;
}

/* A value with this tag. */
static inline bool
clv_der_read(struct clv_der *in, uint8_t tag, struct clv_der *contents)
{
	return clv_der_is(in, tag) && clv_der_any(in, &tag, contents);
}

/* As above; `whole` becomes the value with its header. */
static inline bool
clv_der_read_whole(struct clv_der *in, uint8_t tag, struct clv_der *whole,
    struct clv_der *contents)
{
	const uint8_t *start = in->at;

	if (!clv_der_read(in, tag, contents))
		return false;
	*whole = (struct clv_der){start, in->at};
	return true;
}

static inline bool
clv_der_equal(const struct clv_der *a, const struct clv_der *b)
{
	return clv_der_size(a) == clv_der_size(b) &&
	    (clv_der_empty(a) || memcmp(a->at, b->at, clv_der_size(a)) == 0);
}

/* Whether the window is exactly these bytes. */
static inline bool
clv_der_matches(const struct clv_der *in, const void *bytes, size_t size)
{
	return clv_der_size(in) == size && memcmp(in->at, bytes, size) == 0;
}

/* BOOLEAN. A FALSE that DER would leave out is let through, as encoders write
 * it; any other octet than 00 and FF is refused. */
bool clv_der_boolean(struct clv_der *in, bool *value);

/* INTEGER that is not negative and in its shortest form. The contents become
 * the magnitude without a leading 0 octet; empty for zero. */
bool clv_der_unsigned(struct clv_der *in, struct clv_der *magnitude);

/* The same as a number, at most `max`. */
bool clv_der_small(struct clv_der *in, uint32_t max, uint32_t *value);

/* Whether these can be the contents of a BIT STRING. */
bool clv_der_is_bits(const struct clv_der *contents);

/* BIT STRING of whole octets. */
bool clv_der_octets(struct clv_der *in, struct clv_der *octets);

/* BIT STRING of at most 16 named bits: bit n becomes 1 << n. */
bool clv_der_named_bits(struct clv_der *in, uint16_t *bits);

/* OBJECT IDENTIFIER; its contents. */
bool clv_der_oid(struct clv_der *in, struct clv_der *oid);

/* UTCTime or GeneralizedTime as RFC 5280, 4.1.2.5 has them: to the second, in
 * Z, a date that exists. Seconds since 1970-01-01T00:00:00Z. */
bool clv_der_time(struct clv_der *in, int64_t *seconds);

#endif
