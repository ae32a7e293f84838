/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Strict DER (X.690): only definite, shortest lengths and shortest integers.
 * Readers give views into the input, never copies.
 */
#ifndef CLV_BASE_DER_H
#define CLV_BASE_DER_H

#include "base/span.h"

/* clang-format off */
enum clv_der_tag {
	CLV_DER_INTEGER = 0x02,
	CLV_DER_BITS = 0x03,
	CLV_DER_OCTETS = 0x04,
	CLV_DER_NULL = 0x05,
	CLV_DER_OID = 0x06,
	CLV_DER_SEQUENCE = 0x30,
	CLV_DER_SET = 0x31,
	CLV_DER_EXPLICIT_0 = 0xA0,
	CLV_DER_EXPLICIT_1 = 0xA1,
	CLV_DER_IMPLICIT_1 = 0x81
};
/* clang-format on */

/* Whether the next element has this tag. */
bool clv_der_next_is(const struct clv_span *in, uint8_t tag);
/* Takes the next element, which must have this tag. On failure `in` is as it
 * was; this holds for all of them. */
bool clv_der_take(struct clv_span *in, uint8_t tag, struct clv_span *content);
/* Takes an INTEGER >= 0, without a leading 0: zero has no bytes. */
bool clv_der_take_unsigned(struct clv_span *in, struct clv_span *number);
bool clv_der_take_small(struct clv_span *in, uint64_t *value);
/* Takes a BIT STRING of whole bytes. */
bool clv_der_take_bits(struct clv_span *in, uint8_t tag, struct clv_span *bits);

/*
 * Writes from the end of a buffer to its start, so that every length is known
 * when its header is due.
 */
struct clv_der_writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool full; /* something did not fit; all later calls do nothing */
};

void clv_der_begin(
    struct clv_der_writer *out, uint8_t *buffer, size_t capacity);
/* Bytes written so far. */
size_t clv_der_written(const struct clv_der_writer *out);
void clv_der_put(struct clv_der_writer *out, struct clv_span bytes);
/* Puts a header before what was written since `mark`, an earlier
 * clv_der_written(). */
void clv_der_wrap(struct clv_der_writer *out, uint8_t tag, size_t mark);
void clv_der_put_element(
    struct clv_der_writer *out, uint8_t tag, struct clv_span content);
/* Puts an INTEGER; leading zeros are dropped. */
void clv_der_put_unsigned(struct clv_der_writer *out, struct clv_span number);
void clv_der_put_small(struct clv_der_writer *out, uint64_t value);
/* Puts a BIT STRING header of whole bytes around what was written. */
void clv_der_wrap_bits(struct clv_der_writer *out, uint8_t tag, size_t mark);

#endif
