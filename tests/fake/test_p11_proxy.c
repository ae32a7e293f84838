/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The proxy before SoftHSM, in this process: faults, lies, delays, counts. */

#include "testing.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake/proxy_fixture.h"

static void
test_proxy_sign__is_forwarded_and_counted(void **state)
{
	CK_BYTE signature[64];
	CK_ULONG size = sizeof(signature);

	(void)state;
	proxy->clear_counters();
	assert_rv(CKR_OK, sign_p256(signature, &size));
	assert_int_equal(size, 64);
	assert_rv(CKR_OK, verify_p256(signature, size));
	assert_int_equal(proxy->calls("C_SignInit"), 1);
	assert_int_equal(proxy->calls("C_Sign"), 1);
	assert_int_equal(proxy->calls(NULL), 4);
	assert_int_equal(proxy->faults(NULL), 0);
	assert_true(proxy->calls("C_NoSuch") == UINT64_MAX);
}

static void
test_proxy_fault__every_kind_is_seen_once_and_at_its_call(void **state)
{
	static const struct {
		const char *name;
		CK_RV rv;
	} faults[] = {
#define FAULT(name) {#name, name}
	    FAULT(CKR_HOST_MEMORY),
	    FAULT(CKR_SLOT_ID_INVALID),
	    FAULT(CKR_GENERAL_ERROR),
	    FAULT(CKR_FUNCTION_FAILED),
	    FAULT(CKR_ARGUMENTS_BAD),
	    FAULT(CKR_DEVICE_ERROR),
	    FAULT(CKR_DEVICE_MEMORY),
	    FAULT(CKR_DEVICE_REMOVED),
	    FAULT(CKR_TOKEN_NOT_PRESENT),
	    FAULT(CKR_TOKEN_NOT_RECOGNIZED),
	    FAULT(CKR_SESSION_HANDLE_INVALID),
	    FAULT(CKR_SESSION_CLOSED),
	    FAULT(CKR_SESSION_COUNT),
	    FAULT(CKR_OBJECT_HANDLE_INVALID),
	    FAULT(CKR_KEY_HANDLE_INVALID),
	    FAULT(CKR_KEY_FUNCTION_NOT_PERMITTED),
	    FAULT(CKR_PIN_INCORRECT),
	    FAULT(CKR_PIN_LOCKED),
	    FAULT(CKR_PIN_EXPIRED),
	    FAULT(CKR_USER_NOT_LOGGED_IN),
	    FAULT(CKR_BUFFER_TOO_SMALL),
	    FAULT(CKR_MECHANISM_INVALID),
	    FAULT(CKR_DATA_LEN_RANGE),
	    FAULT(CKR_OPERATION_NOT_INITIALIZED),
	    FAULT(CKR_OPERATION_ACTIVE),
	    FAULT(CKR_CRYPTOKI_NOT_INITIALIZED),
	    FAULT(CKR_FUNCTION_CANCELED),
	    FAULT(CKR_FUNCTION_NOT_SUPPORTED),
#undef FAULT
	};
	char directive[128];

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		run("clear");
		proxy->clear_counters();
		snprintf(directive, sizeof(directive),
		    "fault C_SignInit %s at 2", faults[i].name);
		run(directive);
		assert_rv(CKR_OK, sign_p256(NULL, NULL));
		assert_rv(faults[i].rv, sign_p256(NULL, NULL));
		assert_rv(CKR_OK, sign_p256(NULL, NULL));
		assert_int_equal(proxy->faults("C_SignInit"), 1);
		assert_int_equal(proxy->calls("C_SignInit"), 3);
	}
}

/* Cryptoki's functions take integers and pointers only, so that all can be
 * called alike; the made-up fault keeps the module out of it. */
typedef CK_RV (*any_function)(CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG,
    CK_ULONG, CK_ULONG, CK_ULONG);

static void
test_proxy_fault__every_function_can_fail(void **state)
{
#define ENTRY(name) {#name, (void (*)(void))p11->name},
	const struct {
		const char *name;
		void (*function)(void);
	} functions[] = {P11_PROXY_EACH_FUNCTION(ENTRY)};
#undef ENTRY
	char directive[128];

	(void)state;
	for (size_t i = 0; i < P11_PROXY_FUNCTIONS; i++) {
		any_function call;

		memcpy(&call, &functions[i].function, sizeof(call));
		run("clear");
		proxy->clear_counters();
		snprintf(directive, sizeof(directive), "fault %s 0x80000123",
		    functions[i].name);
		run(directive);
		assert_rv(0x80000123, call(0, 0, 0, 0, 0, 0, 0, 0));
		assert_int_equal(proxy->calls(functions[i].name), 1);
		assert_int_equal(proxy->calls(NULL), 1);
	}
}

static void
test_proxy_fault__first_after_and_every_choose_the_calls(void **state)
{
	static const struct {
		const char *when;
		unsigned failing; /* bit i: the call i, from 0 */
	} cases[] = {{"at 3", 0x04}, {"every 2", 0x2a}, {"first 2", 0x03},
	    {"after 4", 0x30}, {"", 0x3f}};
	char directive[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run("clear");
		snprintf(directive, sizeof(directive),
		    "fault C_SignInit CKR_DEVICE_ERROR %s", cases[i].when);
		run(directive);
		for (unsigned n = 0; n < 6; n++)
			assert_rv(cases[i].failing >> n & 1 ? CKR_DEVICE_ERROR
							    : CKR_OK,
			    sign_p256(NULL, NULL));
	}
}

static void
test_proxy_fault__star_meets_any_call(void **state)
{
	(void)state;
	run("fault * CKR_GENERAL_ERROR at 2");
	assert_rv(CKR_GENERAL_ERROR, sign_p256(NULL, NULL));
	assert_int_equal(proxy->faults("C_Sign"), 1);
	/* The module itself was not called: its operation is still active. */
	assert_rv(CKR_OPERATION_ACTIVE, sign_p256(NULL, NULL));
	renew_session();
}

static void
test_proxy_fault__late_comes_after_the_real_call(void **state)
{
	(void)state;
	run("fault C_Sign CKR_DEVICE_ERROR at 1 late");
	assert_rv(CKR_DEVICE_ERROR, sign_p256(NULL, NULL));
	assert_rv(CKR_OK, sign_p256(NULL, NULL));
}

static void
test_proxy_pretend__leaves_the_output_alone(void **state)
{
	CK_BYTE signature[64], untouched[64];
	CK_ULONG size = sizeof(signature);

	(void)state;
	memset(signature, 0xee, sizeof(signature));
	memset(untouched, 0xee, sizeof(untouched));
	run("pretend C_SignInit; pretend C_Sign");
	assert_rv(CKR_OK, sign_p256(signature, &size));
	assert_memory_equal(signature, untouched, sizeof(signature));
	assert_int_equal(size, sizeof(signature));
}

static void
test_proxy_length__is_a_lie_of_the_wanted_size(void **state)
{
	static const struct {
		const char *directive;
		CK_ULONG size;
	} cases[] = {
	    {"length C_Sign +1000", 1064},
	    {"length C_Sign -1", 63},
	    {"length C_Sign =0", 0},
	    {"length C_Sign =-1", (CK_ULONG)-1},
	    {"length C_Sign =0x7fffffffffffffff", 0x7fffffffffffffff},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CK_BYTE signature[64];
		CK_ULONG size = sizeof(signature);

		run("clear");
		run(cases[i].directive);
		assert_rv(CKR_OK, sign_p256(signature, &size));
		assert_true(size == cases[i].size);
	}
}

static void
test_proxy_length__counts_of_slots_and_objects_lie_too(void **state)
{
	CK_OBJECT_HANDLE objects[4];
	CK_ULONG count = 0;

	(void)state;
	run("length C_GetSlotList +7; length C_FindObjects =400");
	assert_rv(CKR_OK, p11->C_GetSlotList(CK_TRUE, NULL, &count));
	assert_int_equal(count, 2 + 7);
	assert_rv(CKR_OK, p11->C_FindObjectsInit(session, NULL, 0));
	assert_rv(CKR_OK, p11->C_FindObjects(session, objects, 4, &count));
	assert_int_equal(count, 400);
	assert_rv(CKR_OK, p11->C_FindObjectsFinal(session));
}

static void
test_proxy_length__one_attribute_lies(void **state)
{
	CK_BYTE point[128], params[128];
	CK_ATTRIBUTE wanted[] = {
	    {CKA_EC_POINT, point, sizeof(point)},
	    {CKA_EC_PARAMS, params, sizeof(params)},
	};

	(void)state;
	run("length C_GetAttributeValue +4096 CKA_EC_POINT");
	assert_rv(
	    CKR_OK, p11->C_GetAttributeValue(session, public_key, wanted, 2));
	assert_int_equal(wanted[0].ulValueLen, 67 + 4096);
	assert_int_equal(wanted[1].ulValueLen, 10);
}

static void
test_proxy_corrupt__spoils_signature_and_attribute(void **state)
{
	CK_BYTE signature[64], point[128];
	CK_ULONG size = sizeof(signature);
	CK_ATTRIBUTE wanted = {CKA_EC_POINT, point, sizeof(point)};

	(void)state;
	run("corrupt C_Sign at 1");
	assert_rv(CKR_OK, sign_p256(signature, &size));
	assert_rv(CKR_SIGNATURE_INVALID, verify_p256(signature, size));
	assert_rv(CKR_OK, sign_p256(signature, &size));
	assert_rv(CKR_OK, verify_p256(signature, size));

	assert_rv(
	    CKR_OK, p11->C_GetAttributeValue(session, public_key, &wanted, 1));
	point[33] ^= 0x10;
	memcpy(signature, point, sizeof(signature));
	run("corrupt C_GetAttributeValue CKA_EC_POINT");
	wanted.ulValueLen = sizeof(point);
	assert_rv(
	    CKR_OK, p11->C_GetAttributeValue(session, public_key, &wanted, 1));
	assert_memory_equal(signature, point, sizeof(signature));
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
test_proxy_delay__adds_a_millisecond_to_each_call(void **state)
{
	double start = seconds(), plain, slow;

	(void)state;
	for (int i = 0; i < 25; i++)
		assert_rv(CKR_OK, sign_p256(NULL, NULL));
	plain = seconds() - start;

	run("delay * 1000");
	start = seconds();
	for (int i = 0; i < 25; i++)
		assert_rv(CKR_OK, sign_p256(NULL, NULL));
	slow = seconds() - start;
	print_message("25 signatures: %.1f ms, with delay %.1f ms\n",
	    plain * 1e3, slow * 1e3);
	assert_true(slow >= 0.050);
	assert_true(slow - plain < 2);
}

static void *
sign_in_thread(void *done)
{
	if (sign_p256(NULL, NULL) == CKR_OK)
		atomic_store((_Atomic int *)done, 1);
	return NULL;
}

static void
test_proxy_hang__lasts_until_released(void **state)
{
	_Atomic int done = 0;
	pthread_t thread;
	double start;

	(void)state;
	run("hang C_Sign at 1");
	assert_int_equal(
	    pthread_create(&thread, NULL, sign_in_thread, &done), 0);
	usleep(100000);
	assert_int_equal(done, 0);
	/* Others are not held up. */
	assert_rv(CKR_OK, p11->C_GetSlotList(CK_TRUE, NULL, &(CK_ULONG){0}));
	run("release");
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(done, 1);

	run("clear; hang C_Sign 0.1");
	start = seconds();
	assert_rv(CKR_OK, sign_p256(NULL, NULL));
	assert_true(seconds() - start >= 0.1);
}

static void
test_proxy_counters__show_how_many_calls_were_at_once(void **state)
{
	_Atomic int done = 0;
	pthread_t thread;

	(void)state;
	run("hang C_Sign at 1");
	proxy->clear_counters();
	assert_int_equal(
	    pthread_create(&thread, NULL, sign_in_thread, &done), 0);
	while (proxy->calls("C_Sign") == 0)
		usleep(1000);
	assert_int_equal(proxy->shared()->most_under_way, 1);
	assert_rv(CKR_OK, p11->C_GetSlotList(CK_TRUE, NULL, &(CK_ULONG){0}));
	assert_int_equal(proxy->shared()->most_under_way, 2);
	run("release");
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(proxy->shared()->under_way, 0);
}

static _Atomic int stop_listing;

static void *
list_on_and_on(void *unused)
{
	(void)unused;
	while (!stop_listing)
		p11->C_GetSlotList(CK_TRUE, NULL, &(CK_ULONG){0});
	return NULL;
}

static void
test_proxy_fork__child_of_a_busy_process_goes_on(void **state)
{
	pthread_t threads[3];

	(void)state;
	run("length C_GetSlotList +0"); /* so that the rules are looked at */
	stop_listing = 0;
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, list_on_and_on, NULL), 0);
	for (int i = 0; i < 20; i++) {
		int status;
		const pid_t child = fork();

		if (child == 0) {
			/* A hang would be the end of the test as well. */
			alarm(10);
			_exit(proxy->run(
				  "sessions 0; "
				  "fault C_GetInfo CKR_HOST_MEMORY") != NULL ||
			    p11->C_GetInfo(&(CK_INFO){0}) != CKR_HOST_MEMORY);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	stop_listing = 1;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void
test_proxy_run__says_what_is_wrong(void **state)
{
	static const struct {
		const char *directive, *reason;
	} cases[] = {
	    {"nonsense", "unknown directive"},
	    {"fault C_Nonsense CKR_OK", "no such function"},
	    {"fault C_Sign", "needs a CKR_"},
	    {"fault C_Sign CKR_NONSENSE", "needs a CKR_"},
	    {"fault C_Sign CKM_ECDSA", "needs a CKR_"},
	    {"fault C_Sign CKR_OK at", "number is missing"},
	    {"fault C_Sign CKR_OK at 0", "counts from 1"},
	    {"fault C_Sign CKR_OK soon", "unknown word"},
	    {"length C_Sign 4", "needs +N, -N or =N"},
	    {"delay C_Sign", "needs microseconds"},
	    {"hide CKR_OK", "needs a CKM_"},
	    {"module /nowhere.so", "loaded already"},
	    {"sessions", "unknown directive, or its argument"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *problem = proxy->run(cases[i].directive);

		assert_non_null(problem);
		assert_non_null(strstr(problem, cases[i].reason));
	}
	assert_null(proxy->run(" # nothing\n\n;; clear # all"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, proxy_calm)
	const struct CMUnitTest tests[] = {
	    TEST(test_proxy_sign__is_forwarded_and_counted),
	    TEST(test_proxy_fault__every_kind_is_seen_once_and_at_its_call),
	    TEST(test_proxy_fault__every_function_can_fail),
	    TEST(test_proxy_fault__first_after_and_every_choose_the_calls),
	    TEST(test_proxy_fault__star_meets_any_call),
	    TEST(test_proxy_fault__late_comes_after_the_real_call),
	    TEST(test_proxy_pretend__leaves_the_output_alone),
	    TEST(test_proxy_length__is_a_lie_of_the_wanted_size),
	    TEST(test_proxy_length__counts_of_slots_and_objects_lie_too),
	    TEST(test_proxy_length__one_attribute_lies),
	    TEST(test_proxy_corrupt__spoils_signature_and_attribute),
	    TEST(test_proxy_delay__adds_a_millisecond_to_each_call),
	    TEST(test_proxy_hang__lasts_until_released),
	    TEST(test_proxy_counters__show_how_many_calls_were_at_once),
	    TEST(test_proxy_fork__child_of_a_busy_process_goes_on),
	    TEST(test_proxy_run__says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, proxy_start, proxy_stop);
}
