/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/base64.h"

/* All ones if low <= byte <= high, else 0; without a branch. */
static unsigned
in_range(unsigned byte, unsigned low, unsigned high)
{
	return ((low - 1 - byte) & (byte - high - 1)) >> 31 ? ~0U : 0U;
}

/* The six bits of a character; over 63 for one that has none. */
static unsigned
to_bits(unsigned byte)
{
	const unsigned upper = in_range(byte, 'A', 'Z');
	const unsigned lower = in_range(byte, 'a', 'z');
	const unsigned digit = in_range(byte, '0', '9');
	const unsigned plus = in_range(byte, '+', '+');
	const unsigned slash = in_range(byte, '/', '/');
	const unsigned none = ~(upper | lower | digit | plus | slash);

	return (upper & (byte - 'A')) | (lower & (byte - 'a' + 26)) |
	    (digit & (byte - '0' + 52)) | (plus & 62) | (slash & 63) |
	    (none & 64);
}

static uint8_t
to_character(unsigned bits)
{
	const unsigned upper = in_range(bits, 0, 25);
	const unsigned lower = in_range(bits, 26, 51);
	const unsigned digit = in_range(bits, 52, 61);
	const unsigned plus = in_range(bits, 62, 62);
	const unsigned slash = in_range(bits, 63, 63);

	return (uint8_t)((upper & (bits + 'A')) | (lower & (bits - 26 + 'a')) |
	    (digit & (bits - 52 + '0')) | (plus & '+') | (slash & '/'));
}

/* Where decoding stands. */
struct decoder {
	unsigned bits;
	unsigned count;   /* characters of this group of four */
	unsigned padding; /* '=' seen */
	unsigned bad;     /* over 63 once anything was */
	uint8_t *out;
};

static bool
take(struct decoder *decoder, uint8_t byte)
{
	if (byte == '=') {
		if (decoder->count < 2 || ++decoder->padding > 2)
			return false;
		byte = 'A';
	} else if (decoder->padding > 0) {
		return false;
	}
	decoder->bad |= to_bits(byte);
	decoder->bits = (decoder->bits << 6) | (to_bits(byte) & 63);
	if (++decoder->count < 4)
		return true;
	*decoder->out++ = (uint8_t)(decoder->bits >> 16);
	*decoder->out++ = (uint8_t)(decoder->bits >> 8);
	*decoder->out++ = (uint8_t)decoder->bits;
	decoder->count = 0;
	if (decoder->padding == 0)
		decoder->bits = 0;
	return true;
}

bool
clv_base64_decode(struct clv_span text, uint8_t *out, size_t *size)
{
	struct decoder decoder = {.out = out};

	for (size_t i = 0; i < text.size; i++)
		if (!clv_is_space(text.data[i]) &&
		    !take(&decoder, text.data[i]))
			return false;
	/* The bits that padding leaves unused must be 0 (RFC 4648, 3.5). */
	if (decoder.count != 0 || decoder.bad > 63 ||
	    (decoder.bits & ((1U << (8 * decoder.padding)) - 1)) != 0)
		return false;
	*size = (size_t)(decoder.out - out) - decoder.padding;
	return true;
}

static void
encode_group(struct clv_span in, uint8_t *out)
{
	const unsigned bits = (unsigned)in.data[0] << 16 |
	    (in.size > 1 ? (unsigned)in.data[1] << 8 : 0) |
	    (in.size > 2 ? in.data[2] : 0);

	out[0] = to_character(bits >> 18);
	out[1] = to_character(bits >> 12 & 63);
	out[2] = in.size > 1 ? to_character(bits >> 6 & 63) : '=';
	out[3] = in.size > 2 ? to_character(bits & 63) : '=';
}

void
clv_base64_encode(struct clv_span bytes, uint8_t *out)
{
	size_t column = 0;

	while (bytes.size > 0) {
		encode_group(bytes, out);
		out += 4;
		column += 4;
		clv_span_skip(&bytes, bytes.size < 3 ? bytes.size : 3);
		if (column == 64 || bytes.size == 0) {
			*out++ = '\n';
			column = 0;
		}
	}
}
