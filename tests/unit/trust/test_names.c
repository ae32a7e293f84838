/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "trust/names.h"

static const uint8_t digest[CLV_THUMBPRINT_SIZE] = {0x01, 0x23, 0x45, 0x67,
    0x89, 0xAB, 0xCD, 0xEF, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF,
    0x01, 0x23, 0x45, 0x67};
#define THUMBPRINT "0123456789ABCDEF0123456789ABCDEF01234567"

static void
test_thumbprint_parse__reads_what_viewers_print(void **state)
{
	static const char *const good[] = {
	    THUMBPRINT,
	    "0123456789abcdef0123456789abcdef01234567",
	    "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67",
	    "01 23 45 67 89 ab cd ef 01 23 45 67 89 ab cd ef 01 23 45 67",
	};
	static const char *const bad[] = {"", "0", "zz", "0123456789",
	    (THUMBPRINT "0"), (THUMBPRINT ":"), (":" THUMBPRINT),
	    "0123456789ABCDEF0123456789ABCDEF0123456",
	    "0123456789ABCDEF0123456789ABCDEF0123456G",
	    "0 123456789ABCDEF0123456789ABCDEF01234567"};
	uint8_t read[CLV_THUMBPRINT_SIZE];
	char text[CLV_THUMBPRINT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		memset(read, 0, sizeof(read));
		assert_true(clv_thumbprint_parse(good[i], read));
		assert_memory_equal(read, digest, sizeof(read));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(clv_thumbprint_parse(bad[i], read));
	clv_thumbprint_print(digest, text);
	assert_string_equal(text, THUMBPRINT);
}

/* The part of the name before " [THUMBPRINT].der". */
static void
assert_name(const char *common_name, size_t size, const char *expected)
{
	char name[CLV_TRUST_NAME_SIZE];
	char whole[2 * CLV_TRUST_NAME_SIZE];

	clv_trust_name_print(
	    (const uint8_t *)common_name, size, digest, "der", name);
	(void)snprintf(whole, sizeof(whole), "%s%s[" THUMBPRINT "].der",
	    expected, *expected ? " " : "");
	assert_string_equal(name, whole);
}

static void
test_trust_name_print__makes_every_common_name_safe(void **state)
{
#define CASE(from, to)                     \
	{                                  \
		from, sizeof(from) - 1, to \
	}
	static const struct {
		const char *from;
		size_t size;
		const char *to;
	} cases[] = {
	    CASE("Pump 7", "Pump 7"),
	    CASE("", ""),
	    CASE("   ", "+"),
	    CASE("..", "+"),
	    CASE(".", "+"),
	    CASE("../../etc/passwd", "+.+..+etc+passwd"),
	    CASE("/etc/passwd", "+etc+passwd"),
	    CASE("a\\b:c*d?e\"f<g>h|i", "a+b+c+d+e+f+g+h+i"),
	    CASE("a\0b", "a+b"),
	    CASE("a\nb\rc\x1b[31md\x7f", "a+b+c++31md+"),
	    CASE("-rf", "+rf"),
	    CASE(".hidden", "+hidden"),
	    CASE("~root", "+root"),
	    CASE("x [FFFF].der", "x +FFFF+.der"),
	    CASE("$(id)`id`;'!&", "+(id)+id+++++"),
	    CASE("trailing. . ", "trailing"),
	    CASE("M\xC3\xBCller", "M\xC3\xBCller"),
	    CASE(
		"\xE6\xB3\xB5\xF0\x9F\x94\x91", "\xE6\xB3\xB5\xF0\x9F\x94\x91"),
	    /* Latin-1, overlong, surrogate, beyond Unicode, cut off */
	    CASE("M\xFCller", "M+ller"),
	    CASE("\xC0\xAF", "++"),
	    CASE("\xE0\x80\xAF", "+++"),
	    CASE("\xED\xA0\x80", "+++"),
	    CASE("\xF4\x90\x80\x80", "++++"),
	    CASE("a\xE6\xB3", "a++"),
	    /* C1 control, right-to-left override, zero width, line separator,
	     * byte order mark, private use, tag */
	    CASE("a\xC2\x85z", "a+z"),
	    CASE("a\xE2\x80\xAEz", "a+z"),
	    CASE("a\xE2\x80\x8Bz", "a+z"),
	    CASE("a\xE2\x80\xA8z", "a+z"),
	    CASE("\xEF\xBB\xBFz", "+z"),
	    CASE("\xEE\x80\x80z", "+z"),
	    CASE("\xF3\xA0\x81\x81z", "+z"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_name(cases[i].from, cases[i].size, cases[i].to);
}

static void
test_trust_name_print__cuts_where_a_character_ends(void **state)
{
	char common_name[400];
	char expected[CLV_TRUST_NAME_CN + 1];

	(void)state;
	memset(common_name, 'a', sizeof(common_name));
	memset(expected, 'a', sizeof(expected));
	expected[CLV_TRUST_NAME_CN] = '\0';
	assert_name(common_name, sizeof(common_name), expected);

	/* A two-byte character across the limit is left out whole. */
	memcpy(common_name + CLV_TRUST_NAME_CN - 1, "\xC3\xBC", 2);
	expected[CLV_TRUST_NAME_CN - 1] = '\0';
	assert_name(common_name, sizeof(common_name), expected);
}

/* Whatever the bytes, the name is one component that every system takes. */
static void
test_trust_name_print__survives_random_bytes(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t common_name[200];
		char name[CLV_TRUST_NAME_SIZE];

		for (size_t i = 0; i < sizeof(common_name); i++) {
			random = random * 1664525 + 1013904223;
			common_name[i] = (uint8_t)(random >> 24);
		}
		clv_trust_name_print(
		    common_name, random >> 8 & 127, digest, "extn", name);
		assert_true(strlen(name) < CLV_TRUST_NAME_SIZE - 1);
		assert_null(strpbrk(name, "/\\\n\r\x1b\x7f:*?\"<>|"));
		assert_true(name[0] != '.' && name[0] != '-');
		assert_non_null(strstr(name, "[" THUMBPRINT "].extn"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_thumbprint_parse__reads_what_viewers_print),
	    cmocka_unit_test(
		test_trust_name_print__makes_every_common_name_safe),
	    cmocka_unit_test(
		test_trust_name_print__cuts_where_a_character_ends),
	    cmocka_unit_test(test_trust_name_print__survives_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
