/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include "base/der.h"

struct integer_case {
	const char *what;
	uint8_t bytes[12];
	size_t size;
	bool accepted;
	uint64_t value;
};

static const struct integer_case integers[] = {
    {"zero", {2, 1, 0}, 3, true, 0},
    {"one", {2, 1, 1}, 3, true, 1},
    {"the largest of one byte", {2, 1, 0x7F}, 3, true, 127},
    {"a 0 that keeps it positive", {2, 2, 0, 0x80}, 4, true, 128},
    {"eight bytes", {2, 8, 1, 2, 3, 4, 5, 6, 7, 8}, 10, true,
	0x0102030405060708},
    {"no content", {2, 0}, 2, false, 0},
    {"negative", {2, 1, 0x80}, 3, false, 0},
    {"a 0 too many", {2, 2, 0, 1}, 4, false, 0},
    {"two 0 for zero", {2, 2, 0, 0}, 4, false, 0},
    {"nine bytes", {2, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 11, false, 0},
    {"another tag", {4, 1, 1}, 3, false, 0},
    {"content cut off", {2, 2, 1}, 3, false, 0},
    {"length cut off", {2}, 1, false, 0},
    {"long form of a short length", {2, 0x81, 1, 1}, 4, false, 0},
    {"indefinite length", {2, 0x80, 1, 0, 0}, 5, false, 0},
    {"length of five bytes", {2, 0x85, 0, 0, 0, 0, 1, 1}, 8, false, 0},
    {"length longer than memory", {2, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 1}, 7,
	false, 0},
};

static void
test_der_integer__only_the_shortest_form_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
		const struct integer_case *the = &integers[i];
		struct clv_span in = {the->bytes, the->size};
		uint64_t value = 0;

		if (clv_der_take_small(&in, &value) != the->accepted)
			fail_msg("%s", the->what);
		assert_int_equal(value, the->value);
		assert_int_equal(in.size, the->accepted ? 0 : the->size);
	}
}

static void
test_der_length__leading_zero_is_refused(void **state)
{
	uint8_t bytes[4 + 200] = {4, 0x82, 0, 200};
	struct clv_span in = CLV_SPAN_OF(bytes);
	struct clv_span content;

	(void)state;
	assert_false(clv_der_take(&in, CLV_DER_OCTETS, &content));
	bytes[1] = 0x81;
	bytes[2] = 200;
	in.size = 3 + 200;
	assert_true(clv_der_take(&in, CLV_DER_OCTETS, &content));
	assert_int_equal(content.size, 200);
	assert_int_equal(in.size, 0);
}

static void
test_der_bits__unused_bits_are_refused(void **state)
{
	static const uint8_t whole[] = {3, 2, 0, 0xFF};
	static const uint8_t partial[] = {3, 2, 1, 0xFE};
	static const uint8_t none[] = {3, 0};
	struct clv_span in = CLV_SPAN_OF(whole);
	struct clv_span bits;

	(void)state;
	assert_true(clv_der_take_bits(&in, CLV_DER_BITS, &bits));
	assert_int_equal(bits.size, 1);
	in = CLV_SPAN_OF(partial);
	assert_false(clv_der_take_bits(&in, CLV_DER_BITS, &bits));
	in = CLV_SPAN_OF(none);
	assert_false(clv_der_take_bits(&in, CLV_DER_BITS, &bits));
}

static void
test_der_writer__what_it_writes_can_be_taken(void **state)
{
	uint8_t buffer[400];
	uint8_t content[300] = {0};
	struct clv_der_writer out;
	struct clv_span in;
	struct clv_span sequence;
	struct clv_span taken;
	uint64_t value;

	(void)state;
	content[0] = 1;
	clv_der_begin(&out, buffer, sizeof(buffer));
	clv_der_put_element(&out, CLV_DER_OCTETS, CLV_SPAN_OF(content));
	clv_der_put_small(&out, 0x80);
	clv_der_put_small(&out, 0);
	clv_der_wrap(&out, CLV_DER_SEQUENCE, 0);
	assert_false(out.full);

	in = (struct clv_span){out.at, clv_der_written(&out)};
	assert_true(clv_der_take(&in, CLV_DER_SEQUENCE, &sequence));
	assert_int_equal(in.size, 0);
	assert_true(clv_der_take_small(&sequence, &value));
	assert_int_equal(value, 0);
	assert_true(clv_der_take_small(&sequence, &value));
	assert_int_equal(value, 0x80);
	assert_true(clv_der_take(&sequence, CLV_DER_OCTETS, &taken));
	assert_true(clv_span_equal(taken, CLV_SPAN_OF(content)));
	assert_int_equal(sequence.size, 0);
}

static void
test_der_writer__too_little_room_is_told(void **state)
{
	uint8_t buffer[16];
	struct clv_der_writer out;

	(void)state;
	for (size_t room = 0; room < 5; room++) {
		clv_der_begin(&out, buffer, room);
		clv_der_put_small(&out, 0x1234);
		assert_int_equal(out.full, room < 4);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_der_integer__only_the_shortest_form_is_taken),
	    cmocka_unit_test(test_der_length__leading_zero_is_refused),
	    cmocka_unit_test(test_der_bits__unused_bits_are_refused),
	    cmocka_unit_test(test_der_writer__what_it_writes_can_be_taken),
	    cmocka_unit_test(test_der_writer__too_little_room_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
