/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include "fixtures/hostile/forge.h"
#include "trust/crl.h"
#include "trust/signature.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct clv_trust_crl *
parse(struct bytes bytes)
{
	struct clv_trust_crl *crl = NULL;

	assert_ok(clv_trust_crl_parse(
	    bytes.data, bytes.size, "trusted/crl/x.crl", &crl, &err));
	return crl;
}

static void
test_crl_parse__holds_what_is_in_it(void **state)
{
	struct bytes bytes =
	    forge_list(.issuer = "CN=ca", .signer = FORGE_P256_B, .number = 300,
		.serials = (const uint64_t[]){1, 128, 0x123456789a, 0},
		.reason = 1);
	struct clv_trust_crl *crl = parse(bytes);
	struct clv_trust_crl_entry entry;
	char text[64];

	(void)state;
	assert_int_equal(crl->entry_count, 3);
	assert_int_equal(crl->flags, CLV_CRL_HAS_NUMBER | CLV_CRL_HAS_AKI);
	assert_int_equal(crl->number.size, 2);
	assert_memory_equal(crl->der + crl->number.at, "\x01\x2c", 2);
	assert_int_equal(crl->this_update, 1906502400); /* 2030-06-01 */
	assert_int_equal(crl->next_update, 1909094400);
	(void)clv_trust_crl_issuer_text(crl, text, sizeof(text));
	assert_string_equal(text, "CN=ca");
	assert_true(
	    clv_trust_crl_find(crl, (const uint8_t *)"\x80", 1, &entry));
	assert_int_equal(entry.reason, 1);
	assert_int_equal(entry.revoked_at, 1896134400); /* 2030-02-01 */
	assert_true(clv_trust_crl_find(
	    crl, (const uint8_t *)"\x12\x34\x56\x78\x9a", 5, &entry));
	assert_false(clv_trust_crl_find(
	    crl, (const uint8_t *)"\x34\x56\x78\x9a", 4, &entry));
	assert_false(
	    clv_trust_crl_find(crl, (const uint8_t *)"\x02", 1, &entry));
	clv_trust_crl_unref(crl);
	forge_clear(&bytes);
}

static void
test_crl_parse__tells_what_it_cannot_use(void **state)
{
	struct bytes bytes = forge_list(.next_update = "");
	struct clv_trust_crl *crl = NULL;

	(void)state;
	assert_fails(CLV_UNSUPPORTED,
	    clv_trust_crl_parse(bytes.data, bytes.size, NULL, &crl, &err));
	assert_null(crl);
	bytes.data[1] ^= 1;
	assert_fails(CLV_CORRUPT,
	    clv_trust_crl_parse(bytes.data, bytes.size, NULL, &crl, &err));
	forge_clear(&bytes);
}

static void
test_crl_parse__refuses_every_cut(void **state)
{
	struct bytes bytes = forge_list(.number = 5,
	    .serials = (const uint64_t[]){1, 2, 3, 0}, .reason = 6);
	struct clv_trust_crl *crl = NULL;

	(void)state;
	for (size_t size = 0; size < bytes.size; size++) {
		uint8_t *exact = malloc(size > 0 ? size : 1);

		assert_non_null(exact);
		memcpy(exact, bytes.data, size);
		assert_int_equal(
		    clv_trust_crl_parse(exact, size, NULL, &crl, NULL),
		    CLV_CORRUPT);
		free(exact);
	}
	forge_clear(&bytes);
}

static struct bytes
large_crl(uint64_t count)
{
	uint64_t *serials = malloc((count + 1) * sizeof(*serials));
	struct bytes bytes;

	assert_non_null(serials);
	for (uint64_t i = 0; i < count; i++)
		serials[i] = 2 * i + 1; /* odd ones */
	serials[count] = 0;
	bytes = forge_list(.issuer = "CN=ca", .signer = FORGE_P256_B,
	    .serials = serials);
	free(serials);
	return bytes;
}

static size_t
to_bytes(uint64_t number, uint8_t out[8])
{
	size_t size = 0;

	for (int shift = 56; shift >= 0; shift -= 8)
		if (size > 0 || (number >> shift & 0xff) != 0)
			out[size++] = (uint8_t)(number >> shift);
	return size;
}

static void
test_crl_find__knows_all_of_a_thousand(void **state)
{
	const uint64_t count = 1000;
	struct bytes bytes = large_crl(count);
	struct clv_trust_crl *crl = parse(bytes);
	struct clv_trust_crl_entry entry;
	uint8_t serial[8];

	(void)state;
	assert_int_equal(crl->entry_count, count);
	for (uint64_t number = 1; number < 2 * count + 100; number++)
		assert_int_equal(clv_trust_crl_find(crl, serial,
				     to_bytes(number, serial), &entry),
		    number % 2 == 1 && number < 2 * count);
	clv_trust_crl_unref(crl);
	forge_clear(&bytes);
}

/* Entries whose serials share their low bits, as a simple hash would like
 * least: they are spread all the same. */
static void
test_crl_find__is_not_slowed_by_chosen_serials(void **state)
{
	enum { COUNT = 20000 };
	uint64_t *serials = calloc(COUNT + 1, sizeof(*serials));
	struct clv_trust_crl_entry entry;
	struct clv_trust_crl *crl;
	struct bytes bytes;
	uint32_t run = 0, longest = 0;
	uint8_t serial[8];

	(void)state;
	assert_non_null(serials);
	for (uint64_t i = 0; i < COUNT; i++)
		serials[i] = (i + 1) << 40;
	bytes = forge_list(.signer = FORGE_P256_B, .serials = serials);
	crl = parse(bytes);
	for (uint32_t slot = 0; slot <= crl->slot_mask; slot++) {
		run = crl->slots[slot] != 0 ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	assert_true(longest < 100);
	assert_true(clv_trust_crl_find(
	    crl, serial, to_bytes(serials[777], serial), &entry));
	free(serials);
	clv_trust_crl_unref(crl);
	forge_clear(&bytes);
}

static int
compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
	struct clv_trust_crl one = {.der = (const uint8_t *)a};
	struct clv_trust_crl two = {.der = (const uint8_t *)b};

	return clv_trust_crl_compare_number(&one,
	    (struct clv_trust_span){0, (uint32_t)a_size}, &two,
	    (struct clv_trust_span){0, (uint32_t)b_size});
}

static void
test_crl_numbers__are_ordered(void **state)
{
	(void)state;
	assert_int_equal(compare("\x05", 1, "\x05", 1), 0);
	assert_int_equal(compare("\x05", 1, "\x06", 1), -1);
	assert_int_equal(compare("\x01\x00", 2, "\xff", 1), 1);
	assert_int_equal(compare("", 0, "\x01", 1), -1);
	assert_int_equal(compare("", 0, "", 0), 0);
}

static void
test_crl_signature__is_checked_once_for_each_key(void **state)
{
	struct bytes list = forge_list(.signer = FORGE_P256_B);
	struct bytes right =
	    forge(.subject = "CN=ca", .key = FORGE_P256_B, .ca = true);
	struct bytes wrong =
	    forge(.subject = "CN=ca", .key = FORGE_P256_C, .ca = true);
	struct clv_trust_crl *crl = parse(list);
	struct clv_trust_cert *ca = NULL, *other = NULL;
	struct clv_trust_engine *engine = NULL;
	unsigned checks = 2;

	(void)state;
	assert_ok(clv_trust_engine_new(&engine, &err));
	assert_ok(clv_trust_cert_parse(
	    right.data, right.size, NULL, NULL, &ca, &err));
	assert_ok(clv_trust_cert_parse(
	    wrong.data, wrong.size, NULL, NULL, &other, &err));
	for (unsigned i = 0; i < 3; i++) {
		assert_true(
		    clv_trust_engine_check_crl(engine, ca, crl, &checks));
		assert_false(
		    clv_trust_engine_check_crl(engine, other, crl, &checks));
	}
	assert_int_equal(checks, 0);
	clv_trust_cert_unref(ca);
	clv_trust_cert_unref(other);
	clv_trust_crl_unref(crl);
	clv_trust_engine_unref(engine);
	forge_clear(&list);
	forge_clear(&right);
	forge_clear(&wrong);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_crl_parse__holds_what_is_in_it),
	    cmocka_unit_test(test_crl_parse__tells_what_it_cannot_use),
	    cmocka_unit_test(test_crl_parse__refuses_every_cut),
	    cmocka_unit_test(test_crl_find__knows_all_of_a_thousand),
	    cmocka_unit_test(test_crl_find__is_not_slowed_by_chosen_serials),
	    cmocka_unit_test(test_crl_numbers__are_ordered),
	    cmocka_unit_test(test_crl_signature__is_checked_once_for_each_key),
	};

	return cmocka_run_group_tests(tests, NULL, forge_tear_down);
}
