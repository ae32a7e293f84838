/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/der.h"

bool
clv_der_long_length(const struct clv_der *in, size_t *header, size_t *contents)
{
	const size_t left = clv_der_size(in);
	const size_t octets = in->at[1] & 0x7fU;
	size_t length = 0;

	/* 0 is BER's indefinite length; over 4 octets is over 4 GiB. */
	if (octets == 0 || octets > 4 || left < 2 + octets)
		return false;
	for (size_t i = 0; i < octets; i++)
		length = length << 8 | in->at[2 + i];
	if (length < 0x80 || length >> (8 * (octets - 1)) == 0)
		return false; /* not the shortest form */
	*header = 2 + octets;
	*contents = length;
	return length <= left - *header;
}

bool
clv_der_boolean(struct clv_der *in, bool *value)
{
	struct clv_der contents, rest = *in;

	if (!clv_der_read(&rest, CLV_DER_BOOLEAN, &contents) ||
	    clv_der_size(&contents) != 1 ||
	    (*contents.at != 0 && *contents.at != 0xff))
		return false;
	*value = *contents.at != 0;
	*in = rest;
	return true;
}

bool
clv_der_unsigned(struct clv_der *in, struct clv_der *magnitude)
{
	struct clv_der contents, rest = *in;

	if (!clv_der_read(&rest, CLV_DER_INTEGER, &contents) ||
	    clv_der_empty(&contents) || (contents.at[0] & 0x80U) != 0)
		return false;
	if (contents.at[0] == 0) {
		if (clv_der_size(&contents) > 1 &&
		    (contents.at[1] & 0x80U) == 0)
			return false; /* a 0 octet too many */
		contents.at++;
	}
	*magnitude = contents;
	*in = rest;
	return true;
}

bool
clv_der_small(struct clv_der *in, uint32_t max, uint32_t *value)
{
	struct clv_der magnitude, rest = *in;
	uint32_t number = 0;

	if (!clv_der_unsigned(&rest, &magnitude) ||
	    clv_der_size(&magnitude) > sizeof(number))
		return false;
	for (; !clv_der_empty(&magnitude); magnitude.at++)
		number = number << 8 | *magnitude.at;
	if (number > max)
		return false;
	*value = number;
	*in = rest;
	return true;
}

bool
clv_der_is_bits(const struct clv_der *contents)
{
	return !clv_der_empty(contents) && *contents->at <= 7 &&
	    (clv_der_size(contents) > 1 || *contents->at == 0);
}

bool
clv_der_octets(struct clv_der *in, struct clv_der *octets)
{
	struct clv_der contents, rest = *in;

	if (!clv_der_read(&rest, CLV_DER_BIT_STRING, &contents) ||
	    clv_der_empty(&contents) || *contents.at != 0)
		return false;
	contents.at++;
	*octets = contents;
	*in = rest;
	return true;
}

bool
clv_der_named_bits(struct clv_der *in, uint16_t *bits)
{
	struct clv_der contents, rest = *in;
	unsigned unused;

	if (!clv_der_read(&rest, CLV_DER_BIT_STRING, &contents) ||
	    clv_der_empty(&contents) || clv_der_size(&contents) > 3)
		return false;
	unused = *contents.at++;
	if (unused > 7 || (clv_der_empty(&contents) && unused != 0))
		return false;
	if (unused != 0 && (contents.end[-1] & ((1U << unused) - 1)) != 0)
		return false; /* bits behind the end are zero in DER */
	*bits = 0;
	for (unsigned bit = 0; bit < 8 * clv_der_size(&contents); bit++)
		if ((contents.at[bit / 8] & (0x80U >> (bit % 8))) != 0)
			*bits = (uint16_t)(*bits | 1U << bit);
	*in = rest;
	return true;
}

bool
clv_der_oid(struct clv_der *in, struct clv_der *oid)
{
	struct clv_der rest = *in;
	bool begins = true;

	if (!clv_der_read(&rest, CLV_DER_OID, oid) || clv_der_empty(oid) ||
	    (oid->end[-1] & 0x80U) != 0)
		return false;
	for (const uint8_t *octet = oid->at; octet < oid->end; octet++) {
		if (begins && *octet == 0x80U)
			return false; /* an arc that begins with zeros */
		begins = (*octet & 0x80U) == 0;
	}
	*in = rest;
	return true;
}

static bool
read_digits(const uint8_t **at, unsigned count, unsigned *value)
{
	*value = 0;
	for (; count > 0; count--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		*value = *value * 10 + (unsigned)(**at - '0');
	}
	return true;
}

static bool
is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned
days_in(unsigned year, unsigned month)
{
	static const uint8_t days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year) ? 1U : 0U);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; the year counts
 * from March, so that the leap day is its last. */
static int64_t
days_since_1970(unsigned year, unsigned month, unsigned day)
{
	const int64_t y = (int64_t)year - (month <= 2);
	const int64_t era = (y >= 0 ? y : y - 399) / 400;
	const int64_t of_era = y - era * 400;
	const int64_t of_year =
	    (153 * (((int64_t)month + 9) % 12) + 2) / 5 + (int64_t)day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - 719468;
}

bool
clv_der_time(struct clv_der *in, int64_t *seconds)
{
	unsigned year, month, day, hour, minute, second;
	struct clv_der contents, rest = *in;
	unsigned digits;
	uint8_t tag;

	if (!clv_der_any(&rest, &tag, &contents) ||
	    (tag != CLV_DER_UTC_TIME && tag != CLV_DER_GENERALIZED_TIME))
		return false;
	digits = tag == CLV_DER_UTC_TIME ? 2 : 4;
	if (clv_der_size(&contents) != digits + 11U || contents.end[-1] != 'Z')
		return false;
	if (!read_digits(&contents.at, digits, &year) ||
	    !read_digits(&contents.at, 2, &month) ||
	    !read_digits(&contents.at, 2, &day) ||
	    !read_digits(&contents.at, 2, &hour) ||
	    !read_digits(&contents.at, 2, &minute) ||
	    !read_digits(&contents.at, 2, &second))
		return false;
	if (digits == 2)
		year += year < 50 ? 2000 : 1900; /* RFC 5280, 4.1.2.5.1 */
	if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) ||
	    hour > 23 || minute > 59 || second > 59)
		return false;
	*seconds = days_since_1970(year, month, day) * 86400 +
	    (int64_t)(hour * 3600 + minute * 60 + second);
	*in = rest;
	return true;
}
