/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/private_stack.h"

static clv_status
tell_address(void *argument, clv_error **err)
{
	volatile uint8_t local = 1;
	uintptr_t *address = argument;

	*address = (uintptr_t)&local;
	return clv_error_raise(err, CLV_AUTH, NULL, "as %s", "expected");
}

static void
test_run_privately__status_and_error_come_through(void **state)
{
	uint8_t here = 0;
	uintptr_t there = 0;

	(void)state;
	assert_fails(CLV_AUTH, clv_run_privately(tell_address, &there, &err));
	/* Far from this thread's stack. */
	assert_true(there > (uintptr_t)&here + 1024UL * 1024 ||
	    there < (uintptr_t)&here - 1024UL * 1024);
}

/* Two vector registers, as far as the test knows the processor. */
#if defined(__x86_64__)
static void
load_vectors(const uint8_t *bytes)
{
	__asm__ volatile("movdqu (%0), %%xmm3\n\tmovdqu (%0), %%xmm14"
			 :
			 : "r"(bytes)
			 : "xmm3", "xmm14");
}

static void
store_vectors(uint8_t *bytes)
{
	__asm__ volatile("movdqu %%xmm3, (%0)\n\tmovdqu %%xmm14, 16(%0)"
			 :
			 : "r"(bytes)
			 : "memory");
}
#else
static void
load_vectors(const uint8_t *bytes)
{
	(void)bytes;
}

static void
store_vectors(uint8_t *bytes)
{
	memset(bytes, 0, 32);
}
#endif

/* Leaves a recognisable pattern in a frame and in vector registers. */
static void
leave_traces(void *argument)
{
	volatile uint8_t frame[512];
	uint8_t *copy = argument;

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(0xA5 ^ (i & 7));
	for (size_t i = 0; i < 64; i++)
		copy[i] = frame[i];
	load_vectors(copy);
}

static bool
holds_traces(const uint8_t *bytes, size_t size)
{
	const uint8_t pattern[8] = {
	    0xA5, 0xA4, 0xA7, 0xA6, 0xA1, 0xA0, 0xA3, 0xA2};

	return memmem(bytes, size, pattern, sizeof(pattern)) != NULL;
}

static void
test_private_stack_run__frames_lie_in_the_secret(void **state)
{
	struct clv_private_stack stack = {CLV_SECRET_INIT};
	uint8_t copy[64];

	(void)state;
	assert_ok(clv_private_stack_alloc(&stack, &err));
	assert_false(holds_traces(stack.memory.data, stack.memory.capacity));
	clv_private_stack_run(&stack, leave_traces, copy);
	assert_true(holds_traces(stack.memory.data, stack.memory.capacity));
	clv_private_stack_free(&stack);
	assert_null(stack.memory.data);
}

static void
test_private_stack_run__vector_registers_are_cleared(void **state)
{
	struct clv_private_stack stack = {CLV_SECRET_INIT};
	uint8_t copy[64];
	uint8_t after[32];

	(void)state;
	assert_ok(clv_private_stack_alloc(&stack, &err));
	clv_private_stack_run(&stack, leave_traces, copy);
	store_vectors(after);
	for (size_t i = 0; i < sizeof(after); i++)
		assert_int_equal(after[i], 0);
	clv_private_stack_free(&stack);
}

static void
test_private_stack__is_empty_in_a_child(void **state)
{
	struct clv_private_stack stack = {CLV_SECRET_INIT};
	uint8_t copy[64];
	int status;
	pid_t child;

	(void)state;
	assert_ok(clv_private_stack_alloc(&stack, &err));
	assert_int_equal(
	    clv_secret_protection(&stack.memory), CLV_SECRET_FULLY_PROTECTED);
	clv_private_stack_run(&stack, leave_traces, copy);
	child = fork();
	if (child == 0)
		_exit(holds_traces(stack.memory.data, stack.memory.capacity));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	clv_private_stack_free(&stack);
}

static clv_status
count_down(void *argument, clv_error **err)
{
	unsigned *left = argument;

	if (--*left > 0)
		return clv_run_privately(count_down, left, err);
	return CLV_OK;
}

static void *
nest(void *failed)
{
	for (unsigned i = 0; i < 50; i++) {
		unsigned left = 5;

		if (clv_run_privately(count_down, &left, NULL) != CLV_OK)
			return failed;
	}
	return NULL;
}

static void
test_run_privately__nests_and_runs_on_many_threads(void **state)
{
	pthread_t threads[4];
	int failed = 0;
	void *result;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, nest, &failed), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_run_privately__status_and_error_come_through),
		cmocka_unit_test(
		    test_private_stack_run__frames_lie_in_the_secret),
#if defined(__x86_64__)
		cmocka_unit_test(
		    test_private_stack_run__vector_registers_are_cleared),
#endif
		cmocka_unit_test(test_private_stack__is_empty_in_a_child),
		cmocka_unit_test(
		    test_run_privately__nests_and_runs_on_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
