/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/distinguished_name.h"

#include "trust/text.h"

/* What separates parts of a name, RFC 4514, 2.4. */
#define ESCAPED "\"+,;<>\\="

struct attribute {
	uint8_t oid[10];
	uint8_t oid_size;
	const char *name;
};

static const struct attribute attributes[] = {
    {{0x55, 0x04, 0x03}, 3, "CN"},
    {{0x55, 0x04, 0x0a}, 3, "O"},
    {{0x55, 0x04, 0x0b}, 3, "OU"},
    {{0x55, 0x04, 0x06}, 3, "C"},
    {{0x55, 0x04, 0x07}, 3, "L"},
    {{0x55, 0x04, 0x08}, 3, "S"}, /* as OPC 10000-12, 7.9.4 has it */
    {{0x55, 0x04, 0x05}, 3, "serialNumber"},
    {{0x55, 0x04, 0x09}, 3, "STREET"},
    {{0x55, 0x04, 0x0c}, 3, "title"},
    {{0x55, 0x04, 0x04}, 3, "SN"},
    {{0x55, 0x04, 0x2a}, 3, "GN"},
    {{0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19}, 10, "DC"},
    {{0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01}, 10, "UID"},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01}, 9, "emailAddress"},
};

/* One attribute of a name. */
struct pair {
	struct clv_der oid;
	struct clv_der value;
	uint8_t tag;
	bool joined; /* to the one before, in one RelativeDistinguishedName */
};

/* Takes the next pair; `set` is the RelativeDistinguishedName it is in. */
static bool
next_pair(struct clv_der *name, struct clv_der *set, struct pair *pair)
{
	struct clv_der content;

	pair->joined = !clv_der_empty(set);
	if (!pair->joined && !clv_der_read(name, CLV_DER_SET, set))
		return false;
	return clv_der_read(set, CLV_DER_SEQUENCE, &content) &&
	    clv_der_oid(&content, &pair->oid) &&
	    clv_der_any(&content, &pair->tag, &pair->value) &&
	    clv_der_empty(&content);
}

static bool
check_utf8(struct clv_der value)
{
	uint32_t character;
	size_t length;

	for (; !clv_der_empty(&value); value.at += length) {
		length =
		    clv_text_decode(value.at, clv_der_size(&value), &character);
		if (length == 0 || character == 0)
			return false;
	}
	return true;
}

/* Characters of one, two or four bytes each, which exist and are not 0. */
static bool
check_wide(struct clv_der value, size_t width)
{
	uint32_t character;

	if (clv_der_size(&value) % width != 0)
		return false;
	for (; !clv_der_empty(&value); value.at += width) {
		character = 0;
		for (size_t i = 0; i < width; i++)
			character = character << 8 | value.at[i];
		if (character == 0 || character > 0x10ffff ||
		    (character >= 0xd800 && character <= 0xdfff))
			return false;
	}
	return true;
}

static bool
check_ascii(struct clv_der value)
{
	for (; !clv_der_empty(&value); value.at++)
		if (*value.at == 0 || *value.at > 0x7f)
			return false;
	return true;
}

static bool
check_value(const struct pair *pair)
{
	switch (pair->tag) {
	case CLV_DER_UTF8_STRING:
		return check_utf8(pair->value);
	case CLV_DER_NUMERIC_STRING:
	case CLV_DER_PRINTABLE_STRING:
	case CLV_DER_IA5_STRING:
		return check_ascii(pair->value);
	case CLV_DER_TELETEX_STRING:
		return check_wide(pair->value, 1);
	case CLV_DER_BMP_STRING:
		return check_wide(pair->value, 2);
	case CLV_DER_UNIVERSAL_STRING:
		return check_wide(pair->value, 4);
	case CLV_DER_BIT_STRING: /* x500UniqueIdentifier */
		return clv_der_is_bits(&pair->value);
	default:
		return false;
	}
}

bool
clv_name_check(struct clv_der contents)
{
	struct clv_der set = {contents.at, contents.at};
	struct pair pair;

	while (!clv_der_empty(&contents) || !clv_der_empty(&set))
		if (!next_pair(&contents, &set, &pair) || !check_value(&pair))
			return false;
	return true;
}

uint64_t
clv_name_hash(const void *bytes, size_t size)
{
	const uint64_t factor = UINT64_C(0x9E3779B97F4A7C15);
	const uint8_t *at = bytes;
	uint64_t hash = size * factor, word;

	for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * factor;
		hash ^= hash >> 29;
	}
	word = 0;
	if (size > 0)
		memcpy(&word, at, size);
	hash = (hash ^ word) * factor;
	return hash ^ hash >> 32;
}

static void
add_oid(struct clv_text *text, const struct clv_der *oid)
{
	uint64_t arc = 0;
	bool first = true;

	for (const uint8_t *octet = oid->at; octet < oid->end; octet++) {
		if (arc > UINT64_MAX >> 7) {
			clv_text_add(text, ".?");
			return;
		}
		arc = arc << 7 | (*octet & 0x7fU);
		if ((*octet & 0x80U) != 0)
			continue;
		if (first) {
			const unsigned top = arc < 40 ? 0 : arc < 80 ? 1 : 2;
			clv_text_format(text, "%u.%llu", top,
			    (unsigned long long)(arc - top * 40));
		} else
			clv_text_format(text, ".%llu", (unsigned long long)arc);
		first = false;
		arc = 0;
	}
}

static void
add_type(struct clv_text *text, const struct clv_der *oid)
{
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (clv_der_matches(
			oid, attributes[i].oid, attributes[i].oid_size)) {
			clv_text_add(text, attributes[i].name);
			return;
		}
	add_oid(text, oid);
}

static void
add_wide(struct clv_text *text, struct clv_der value, size_t width,
    const char *escaped)
{
	for (; clv_der_size(&value) >= width; value.at += width) {
		uint32_t character = 0;

		for (size_t i = 0; i < width; i++)
			character = character << 8 | value.at[i];
		clv_text_add_character(text, character, escaped);
	}
}

static void
add_value(struct clv_text *text, const struct pair *pair, const char *escaped)
{
	switch (pair->tag) {
	case CLV_DER_TELETEX_STRING: /* in practice Latin-1 */
		add_wide(text, pair->value, 1, escaped);
		break;
	case CLV_DER_BMP_STRING:
		add_wide(text, pair->value, 2, escaped);
		break;
	case CLV_DER_UNIVERSAL_STRING:
		add_wide(text, pair->value, 4, escaped);
		break;
	default:
		clv_text_add_utf8(
		    text, pair->value.at, clv_der_size(&pair->value), escaped);
	}
}

size_t
clv_name_text(struct clv_der contents, char *bytes, size_t size)
{
	struct clv_der set = {contents.at, contents.at};
	struct clv_text text = clv_text_of(bytes, size);
	struct pair pair;

	while ((!clv_der_empty(&contents) || !clv_der_empty(&set)) &&
	    next_pair(&contents, &set, &pair)) {
		if (text.used > 0)
			clv_text_add(&text, pair.joined ? "+" : ", ");
		add_type(&text, &pair.oid);
		clv_text_add(&text, "=");
		add_value(&text, &pair, ESCAPED);
	}
	return text.used;
}

size_t
clv_name_common_name(struct clv_der contents, char *bytes, size_t size)
{
	struct clv_der set = {contents.at, contents.at};
	struct clv_text text = clv_text_of(bytes, size);
	struct pair pair;

	while ((!clv_der_empty(&contents) || !clv_der_empty(&set)) &&
	    next_pair(&contents, &set, &pair)) {
		if (!clv_der_matches(&pair.oid, "\x55\x04\x03", 3))
			continue;
		text = clv_text_of(bytes, size);
		add_value(&text, &pair, "");
	}
	return text.used;
}
