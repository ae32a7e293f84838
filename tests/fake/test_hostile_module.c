/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The hostile module: honest on zeros, wrong on others, never for ever, never
 * outside of what it was given, and fast. */

#include "testing.h"

#include <string.h>
#include <time.h>

#include "fake/hostile_module.h"
#include "fake/p11_client.h"

#define assert_rv(expected, call) assert_int_equal((CK_RV)(expected), call)

static CK_FUNCTION_LIST *p11;

static int
get_functions(void **state)
{
	(void)state;
	p11 = hostile_module_functions();
	return 0;
}

/* As a client would: the whole way to a signature. Returns the last error. */
static CK_RV
use_key(CK_MECHANISM_TYPE mechanism, CK_BYTE id, CK_ULONG expected)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	CK_BYTE signature[256 + 16];
	CK_ULONG size = 256;
	CK_RV rv = p11->C_Initialize(NULL);

	memset(signature, 0xee, sizeof(signature));
	if (rv == CKR_OK)
		rv = p11_open(p11, "hostile", &session);
	if (rv == CKR_OK)
		rv = p11_login(p11, session, CKU_USER, "1234");
	if (rv == CKR_OK)
		rv = p11_find_key(p11, session, CKO_PRIVATE_KEY, id, &key);
	if (rv == CKR_OK)
		rv = p11_sign(p11, session, mechanism, key, signature, &size);
	if (rv == CKR_OK && expected > 0)
		assert_int_equal(size, expected);
	for (size_t i = 256; i < sizeof(signature); i++)
		assert_int_equal(signature[i], 0xee);
	p11->C_Finalize(NULL);
	return rv;
}

static void
test_hostile_zeros__make_an_honest_token(void **state)
{
	static const uint8_t zeros[256];

	(void)state;
	hostile_module_set_input(zeros, sizeof(zeros));
	assert_rv(CKR_OK, use_key(CKM_RSA_PKCS, 1, 256));
	hostile_module_set_input(zeros, sizeof(zeros));
	assert_rv(CKR_OK, use_key(CKM_ECDSA, 2, 64));
	assert_int_equal(hostile_module_calls_at_end(), 0);
	assert_true(hostile_module_calls() >= 10);
}

static void
test_hostile_end__every_call_fails(void **state)
{
	CK_ULONG count;

	(void)state;
	hostile_module_set_input(NULL, 0);
	for (int i = 0; i < 10; i++)
		assert_rv(CKR_DEVICE_REMOVED,
		    p11->C_GetSlotList(CK_TRUE, NULL, &count));
	assert_int_equal(hostile_module_calls(), 10);
	assert_int_equal(hostile_module_calls_at_end(), 10);
}

static void
test_hostile_bytes__choose_error_length_and_content(void **state)
{
	/* verdict; number; room is enough; spoil */
	static const uint8_t error[] = {0xc0};
	static const uint8_t length[] = {0x00, 0xc5};
	static const uint8_t spoilt[] = {0x00, 0x00, 0xff, 0x41, 0x42};
	static const uint8_t vendor[] = {0xff, 0x80, 0x00, 0x01, 0x02};
	CK_BYTE bytes[8];
	CK_ULONG size = sizeof(bytes);

	(void)state;
	hostile_module_set_input(error, sizeof(error));
	assert_rv(CKR_HOST_MEMORY, p11->C_GetOperationState(1, bytes, &size));
	hostile_module_set_input(vendor, sizeof(vendor));
	assert_rv(0x80000102, p11->C_GetOperationState(1, bytes, &size));
	hostile_module_set_input(length, sizeof(length));
	assert_rv(CKR_OK, p11->C_GetOperationState(1, NULL, &size));
	assert_true(size == CK_UNAVAILABLE_INFORMATION);
	size = sizeof(bytes);
	hostile_module_set_input(spoilt, sizeof(spoilt));
	assert_rv(CKR_OK, p11->C_GetOperationState(1, bytes, &size));
	assert_int_equal(size, 5);
	assert_memory_equal(bytes, "ABate", 5);
}

static void
test_hostile_lie__never_writes_behind_the_buffer(void **state)
{
	/* verdict; number; says that it fits, which it does not */
	static const uint8_t fits[] = {0x00, 0x00, 0xff};
	CK_BYTE bytes[8] = {0};
	CK_ULONG size = 2;

	(void)state;
	hostile_module_set_input(fits, sizeof(fits));
	assert_rv(CKR_OK, p11->C_GetOperationState(1, bytes, &size));
	assert_int_equal(size, 5);
	assert_memory_equal(bytes, "st\0\0\0\0\0", 8);
	size = 2;
	hostile_module_set_input(fits, 2);
	assert_rv(
	    CKR_BUFFER_TOO_SMALL, p11->C_GetOperationState(1, bytes, &size));
}

static uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* What a client must not do, it does not do here: trust a length. */
static void
test_hostile_random__ends_and_stays_in_bounds(void **state)
{
	uint64_t seed = 42;
	uint8_t input[256];
	unsigned failed = 0, passed = 0;

	(void)state;
	for (int run = 0; run < 20000; run++) {
		/* Rarely wrong, or no run gets far. */
		for (size_t i = 0; i < sizeof(input); i++) {
			const uint64_t random = next_random(&seed);

			input[i] = random % 8 == 0 ? (uint8_t)(random >> 8) : 0;
		}
		hostile_module_set_input(
		    input, next_random(&seed) % sizeof(input));
		if (use_key(CKM_RSA_PKCS, 1, 0) == CKR_OK)
			passed++;
		else
			failed++;
	}
	print_message("%u runs failed, %u passed\n", failed, passed);
	assert_true(failed > 1000);
	assert_true(passed > 1000);
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
test_hostile_speed__is_above_100000_calls_a_second(void **state)
{
	static const uint8_t zeros[256];
	const double start = seconds();
	size_t calls = 0;
	double rate;

	(void)state;
	while (seconds() - start < 0.2) {
		hostile_module_set_input(zeros, sizeof(zeros));
		use_key(CKM_RSA_PKCS, 1, 0);
		calls += hostile_module_calls();
	}
	rate = (double)calls / (seconds() - start);
	print_message("%.0f calls a second\n", rate);
	assert_true(rate > 100000);
}

static void
test_hostile_library__exports_the_same(void **state)
{
	CK_FUNCTION_LIST *loaded = p11_load(HOSTILE_PATH);

	(void)state;
	assert_non_null(loaded);
	/* Its own input, which is empty. */
	assert_rv(CKR_DEVICE_REMOVED, loaded->C_Initialize(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hostile_zeros__make_an_honest_token),
	    cmocka_unit_test(test_hostile_end__every_call_fails),
	    cmocka_unit_test(
		test_hostile_bytes__choose_error_length_and_content),
	    cmocka_unit_test(test_hostile_lie__never_writes_behind_the_buffer),
	    cmocka_unit_test(test_hostile_random__ends_and_stays_in_bounds),
	    cmocka_unit_test(
		test_hostile_speed__is_above_100000_calls_a_second),
	    cmocka_unit_test(test_hostile_library__exports_the_same),
	};

	return cmocka_run_group_tests(tests, get_functions, NULL);
}
