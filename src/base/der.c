/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/der.h"

#include <string.h>

bool
clv_der_next_is(const struct clv_span *in, uint8_t tag)
{
	return in->size > 0 && in->data[0] == tag;
}

/* Reads the length after a tag; `*used` gets the header's bytes. More than
 * four bytes of length would be more than any input we take. */
static bool
read_length(const struct clv_span *in, size_t *length, size_t *used)
{
	size_t count;

	if (in->size < 2)
		return false;
	if (in->data[1] < 0x80) {
		*length = in->data[1];
		*used = 2;
		return true;
	}
	count = in->data[1] & 0x7FU;
	if (count == 0 || count > 4 || in->size < 2 + count)
		return false; /* X.690, 10.1: indefinite is not DER */
	*length = 0;
	for (size_t i = 0; i < count; i++)
		*length = (*length << 8) | in->data[2 + i];
	*used = 2 + count;
	return in->data[2] != 0 && *length >= 0x80; /* the shortest form */
}

bool
clv_der_take(struct clv_span *in, uint8_t tag, struct clv_span *content)
{
	size_t length;
	size_t used;

	if (!clv_der_next_is(in, tag) || !read_length(in, &length, &used) ||
	    length > in->size - used)
		return false;
	*content = (struct clv_span){in->data + used, length};
	in->data += used + length;
	in->size -= used + length;
	return true;
}

bool
clv_der_take_unsigned(struct clv_span *in, struct clv_span *number)
{
	struct clv_span rest = *in;
	struct clv_span value;

	if (!clv_der_take(&rest, CLV_DER_INTEGER, &value) || value.size == 0 ||
	    (value.data[0] & 0x80) != 0)
		return false;
	if (value.data[0] == 0) {
		if (value.size > 1 && (value.data[1] & 0x80) == 0)
			return false; /* X.690, 8.3.2 */
		value.data++;
		value.size--;
	}
	*number = value;
	*in = rest;
	return true;
}

bool
clv_der_take_small(struct clv_span *in, uint64_t *value)
{
	struct clv_span rest = *in;
	struct clv_span number;

	if (!clv_der_take_unsigned(&rest, &number) || number.size > 8)
		return false;
	*value = 0;
	for (size_t i = 0; i < number.size; i++)
		*value = (*value << 8) | number.data[i];
	*in = rest;
	return true;
}

bool
clv_der_take_bits(struct clv_span *in, uint8_t tag, struct clv_span *bits)
{
	struct clv_span rest = *in;
	struct clv_span content;

	if (!clv_der_take(&rest, tag, &content) || content.size == 0 ||
	    content.data[0] != 0)
		return false;
	*bits = (struct clv_span){content.data + 1, content.size - 1};
	*in = rest;
	return true;
}

void
clv_der_begin(struct clv_der_writer *out, uint8_t *buffer, size_t capacity)
{
	*out = (struct clv_der_writer){
	    .start = buffer, .at = buffer + capacity, .end = buffer + capacity};
}

size_t
clv_der_written(const struct clv_der_writer *out)
{
	return (size_t)(out->end - out->at);
}

void
clv_der_put(struct clv_der_writer *out, struct clv_span bytes)
{
	if (out->full || bytes.size > (size_t)(out->at - out->start)) {
		out->full = true;
		return;
	}
	out->at -= bytes.size;
	if (bytes.size > 0)
		memcpy(out->at, bytes.data, bytes.size);
}

static void
put_byte(struct clv_der_writer *out, uint8_t byte)
{
	clv_der_put(out, (struct clv_span){&byte, 1});
}

void
clv_der_wrap(struct clv_der_writer *out, uint8_t tag, size_t mark)
{
	size_t length = clv_der_written(out) - mark;
	uint8_t count = 0;

	if (length >= 0x80) {
		for (; length > 0; length >>= 8, count++)
			put_byte(out, (uint8_t)(length & 0xFF));
		put_byte(out, (uint8_t)(0x80 | count));
	} else {
		put_byte(out, (uint8_t)length);
	}
	put_byte(out, tag);
}

void
clv_der_put_element(
    struct clv_der_writer *out, uint8_t tag, struct clv_span content)
{
	const size_t mark = clv_der_written(out);

	clv_der_put(out, content);
	clv_der_wrap(out, tag, mark);
}

void
clv_der_put_unsigned(struct clv_der_writer *out, struct clv_span number)
{
	const size_t mark = clv_der_written(out);

	while (number.size > 0 && number.data[0] == 0) {
		number.data++;
		number.size--;
	}
	clv_der_put(out, number);
	if (number.size == 0 || (number.data[0] & 0x80) != 0)
		put_byte(out, 0);
	clv_der_wrap(out, CLV_DER_INTEGER, mark);
}

void
clv_der_put_small(struct clv_der_writer *out, uint64_t value)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
	clv_der_put_unsigned(out, CLV_SPAN_OF(bytes));
}

void
clv_der_wrap_bits(struct clv_der_writer *out, uint8_t tag, size_t mark)
{
	put_byte(out, 0); /* no unused bits */
	clv_der_wrap(out, tag, mark);
}
