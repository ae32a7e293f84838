/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <claviger/trust_data.h>

#define NUL4 0xFF, 0xFF, 0xFF, 0xFF
#define LEN(n) n, 0, 0, 0

/* Everything at once: two entries, a null entry, an empty entry, the null
 * array and the empty one. */
static const uint8_t mixed[] = {LEN(5), LEN(2), LEN(3), 'a', 'b', 'c', NUL4,
    NUL4, LEN(2), LEN(0), LEN(1), 'd', LEN(0)};

static void
assert_reencodes(const clv_trust_data *data, const uint8_t *bytes, size_t size)
{
	uint8_t buffer[256];
	size_t written = 0;

	assert_int_equal(clv_trust_data_encoded_size(data), size);
	assert_ok(clv_trust_data_encode(
	    data, buffer, sizeof(buffer), &written, &err));
	assert_int_equal(written, size);
	assert_memory_equal(buffer, bytes, size);
}

static void
test_trust_data_decode__keeps_null_and_empty_apart(void **state)
{
	clv_trust_data *data = NULL;
	const uint8_t *entry;
	size_t size = 9;

	(void)state;
	assert_ok(
	    clv_trust_data_decode(mixed, sizeof(mixed), NULL, &data, &err));
	assert_int_equal(clv_trust_data_specified(data), 5);
	assert_int_equal(
	    clv_trust_data_count(data, CLV_TRUST_TRUSTED_CERTIFICATES), 2);
	entry = clv_trust_data_entry(
	    data, CLV_TRUST_TRUSTED_CERTIFICATES, 0, &size);
	assert_int_equal(size, 3);
	assert_memory_equal(entry, "abc", 3);
	entry = clv_trust_data_entry(
	    data, CLV_TRUST_TRUSTED_CERTIFICATES, 1, &size);
	assert_int_equal(size, 0);
	assert_null(entry);
	assert_true(clv_trust_data_is_null(data, CLV_TRUST_TRUSTED_CRLS));
	assert_non_null(clv_trust_data_entry(
	    data, CLV_TRUST_ISSUER_CERTIFICATES, 0, &size));
	assert_int_equal(size, 0);
	assert_false(clv_trust_data_is_null(data, CLV_TRUST_ISSUER_CRLS));
	assert_int_equal(clv_trust_data_count(data, CLV_TRUST_ISSUER_CRLS), 0);
	assert_reencodes(data, mixed, sizeof(mixed));
	clv_trust_data_free(&data);
	assert_null(data);
}

static void
test_trust_data_entry__is_null_where_there_is_none(void **state)
{
	clv_trust_data *data = NULL;
	size_t size = 9;

	(void)state;
	assert_ok(
	    clv_trust_data_decode(mixed, sizeof(mixed), NULL, &data, &err));
	assert_null(clv_trust_data_entry(
	    data, CLV_TRUST_TRUSTED_CERTIFICATES, 2, &size));
	assert_int_equal(size, 0);
	assert_null(clv_trust_data_entry(data, CLV_TRUST_ALL_LISTS, 0, &size));
	assert_int_equal(clv_trust_data_count(data, CLV_TRUST_NO_LIST), 0);
	clv_trust_data_free(&data);
}

static void
test_trust_data_new__is_four_null_arrays(void **state)
{
	static const uint8_t empty[] = {LEN(0), NUL4, NUL4, NUL4, NUL4};
	clv_trust_data *data = NULL;

	(void)state;
	assert_ok(clv_trust_data_new(&data, &err));
	assert_reencodes(data, empty, sizeof(empty));
	clv_trust_data_free(&data);
	clv_trust_data_free(&data);
	clv_trust_data_free(NULL);
}

static void
test_trust_data_add__builds_the_same_stream(void **state)
{
	clv_trust_data *data = NULL;

	(void)state;
	assert_ok(clv_trust_data_new(&data, &err));
	assert_ok(clv_trust_data_specify(data, 5, &err));
	assert_ok(clv_trust_data_add(
	    data, CLV_TRUST_TRUSTED_CERTIFICATES, "abc", 3, &err));
	assert_ok(clv_trust_data_add(
	    data, CLV_TRUST_TRUSTED_CERTIFICATES, NULL, 0, &err));
	assert_ok(clv_trust_data_add(
	    data, CLV_TRUST_ISSUER_CERTIFICATES, "", 0, &err));
	assert_ok(clv_trust_data_add(
	    data, CLV_TRUST_ISSUER_CERTIFICATES, "d", 1, &err));
	clv_trust_data_clear(data, CLV_TRUST_ISSUER_CRLS, false);
	assert_reencodes(data, mixed, sizeof(mixed));
	clv_trust_data_free(&data);
}

static void
test_trust_data_add__grows_what_was_decoded(void **state)
{
	clv_trust_data *data = NULL;
	size_t size = 0;

	(void)state;
	assert_ok(
	    clv_trust_data_decode(mixed, sizeof(mixed), NULL, &data, &err));
	for (int i = 0; i < 100; i++)
		assert_ok(clv_trust_data_add(
		    data, CLV_TRUST_TRUSTED_CERTIFICATES, "more", 4, &err));
	assert_int_equal(
	    clv_trust_data_count(data, CLV_TRUST_TRUSTED_CERTIFICATES), 102);
	assert_memory_equal(clv_trust_data_entry(
				data, CLV_TRUST_TRUSTED_CERTIFICATES, 0, &size),
	    "abc", 3);
	assert_memory_equal(clv_trust_data_entry(data,
				CLV_TRUST_TRUSTED_CERTIFICATES, 101, &size),
	    "more", 4);
	clv_trust_data_clear(data, CLV_TRUST_TRUSTED_CERTIFICATES, true);
	assert_true(
	    clv_trust_data_is_null(data, CLV_TRUST_TRUSTED_CERTIFICATES));
	clv_trust_data_free(&data);
}

static void
test_trust_data__refuses_what_is_not_a_list(void **state)
{
	clv_trust_data *data = NULL;

	(void)state;
	assert_ok(clv_trust_data_new(&data, &err));
	assert_fails(CLV_INVALID, clv_trust_data_specify(data, 16, &err));
	assert_fails(CLV_INVALID,
	    clv_trust_data_add(data, CLV_TRUST_ALL_LISTS, "a", 1, &err));
	assert_fails(CLV_INVALID,
	    clv_trust_data_add(data, CLV_TRUST_NO_LIST, "a", 1, &err));
	assert_fails(CLV_TOO_LARGE,
	    clv_trust_data_add(
		data, CLV_TRUST_ISSUER_CRLS, "a", (size_t)INT32_MAX + 1, &err));
	clv_trust_data_free(&data);
}

static void
test_trust_data_decode__refuses_every_cut(void **state)
{
	clv_trust_data *data = NULL;

	(void)state;
	for (size_t size = 0; size < sizeof(mixed); size++) {
		/* A copy of that size, so that ASan sees a byte too far. */
		uint8_t *cut = malloc(size + 1);

		assert_non_null(cut);
		memcpy(cut, mixed, size);
		cut = realloc(cut, size > 0 ? size : 1);
		assert_fails(CLV_CORRUPT,
		    clv_trust_data_decode(cut, size, NULL, &data, &err));
		assert_null(data);
		free(cut);
	}
}

static void
test_trust_data_decode__refuses_damage(void **state)
{
	static const struct {
		const char *what;
		size_t size;
		uint8_t bytes[32];
	} cases[] = {
	    {"unknown bit", 20, {LEN(16), NUL4, NUL4, NUL4, NUL4}},
	    {"high bit", 20, {0, 0, 0, 0x80, NUL4, NUL4, NUL4, NUL4}},
	    {"bytes behind", 21, {LEN(0), NUL4, NUL4, NUL4, NUL4, 0}},
	    {"count -2", 20,
		{LEN(0), 0xFE, 0xFF, 0xFF, 0xFF, NUL4, NUL4, NUL4}},
	    {"count of 2^31 - 1", 20,
		{LEN(0), 0xFF, 0xFF, 0xFF, 0x7F, NUL4, NUL4, NUL4}},
	    {"count one too many", 20, {LEN(0), LEN(4), NUL4, NUL4, NUL4}},
	    {"entry of length -2", 24,
		{LEN(0), LEN(1), 0xFE, 0xFF, 0xFF, 0xFF, NUL4, NUL4, NUL4}},
	    {"entry beyond the end", 25,
		{LEN(0), LEN(1), LEN(14), 'a', NUL4, NUL4, NUL4}},
	};
	clv_trust_data *data = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clv_error *err = NULL;

		if (clv_trust_data_decode(cases[i].bytes, cases[i].size, NULL,
			&data, &err) != CLV_CORRUPT)
			fail_msg("%s", cases[i].what);
		assert_string_equal(
		    clv_error_code_name(err), "BadDecodingError");
		clv_error_free(&err);
		assert_null(data);
	}
}

static void
test_trust_data_decode__keeps_its_limits(void **state)
{
	const struct clv_trust_data_limits exact = {
	    .max_bytes = sizeof(mixed), .max_entries = 4, .max_entry_size = 3};
	struct clv_trust_data_limits limits = exact;
	clv_trust_data *data = NULL;

	(void)state;
	assert_ok(
	    clv_trust_data_decode(mixed, sizeof(mixed), &limits, &data, &err));
	clv_trust_data_free(&data);

	limits.max_bytes--;
	assert_fails(CLV_TOO_LARGE,
	    clv_trust_data_decode(mixed, sizeof(mixed), &limits, &data, &err));
	limits = exact;
	limits.max_entries--;
	assert_fails(CLV_TOO_LARGE,
	    clv_trust_data_decode(mixed, sizeof(mixed), &limits, &data, &err));
	limits = exact;
	limits.max_entry_size--;
	assert_fails(CLV_TOO_LARGE,
	    clv_trust_data_decode(mixed, sizeof(mixed), &limits, &data, &err));
}

static void
test_trust_data_encode__writes_nothing_into_too_little(void **state)
{
	uint8_t buffer[sizeof(mixed)] = {0};
	clv_trust_data *data = NULL;
	size_t size = 9;

	(void)state;
	assert_ok(
	    clv_trust_data_decode(mixed, sizeof(mixed), NULL, &data, &err));
	assert_fails(CLV_TOO_LARGE,
	    clv_trust_data_encode(
		data, buffer, sizeof(buffer) - 1, &size, &err));
	assert_int_equal(size, 0);
	for (size_t i = 0; i < sizeof(buffer); i++)
		assert_int_equal(buffer[i], 0);
	clv_trust_data_free(&data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		test_trust_data_decode__keeps_null_and_empty_apart),
	    cmocka_unit_test(
		test_trust_data_entry__is_null_where_there_is_none),
	    cmocka_unit_test(test_trust_data_new__is_four_null_arrays),
	    cmocka_unit_test(test_trust_data_add__builds_the_same_stream),
	    cmocka_unit_test(test_trust_data_add__grows_what_was_decoded),
	    cmocka_unit_test(test_trust_data__refuses_what_is_not_a_list),
	    cmocka_unit_test(test_trust_data_decode__refuses_every_cut),
	    cmocka_unit_test(test_trust_data_decode__refuses_damage),
	    cmocka_unit_test(test_trust_data_decode__keeps_its_limits),
	    cmocka_unit_test(
		test_trust_data_encode__writes_nothing_into_too_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
