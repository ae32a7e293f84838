/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <claviger/secret.h>

static void
test_secret_set__keeps_bytes_and_closes_them(void **state)
{
	clv_secret secret = CLV_SECRET_INIT;

	(void)state;
	assert_ok(clv_secret_set(&secret, "pin", 3, &err));
	assert_int_equal(secret.size, 3);
	assert_memory_equal(secret.data, "pin", 4);
	assert_ok(clv_secret_set(&secret, NULL, 0, &err));
	assert_int_equal(secret.size, 0);
	clv_secret_clear(&secret);
	assert_null(secret.data);
	clv_secret_clear(&secret);
	clv_secret_clear(NULL);
}

static void
test_secret_alloc__refuses_too_much(void **state)
{
	clv_secret secret = CLV_SECRET_INIT;

	(void)state;
	assert_ok(clv_secret_alloc(&secret, CLV_SECRET_MAX, &err));
	assert_fails(CLV_TOO_LARGE,
	    clv_secret_alloc(&secret, CLV_SECRET_MAX + 1U, &err));
	assert_null(secret.data);
}

static void
test_secret_move__empties_the_source(void **state)
{
	clv_secret a = CLV_SECRET_INIT;
	clv_secret b = CLV_SECRET_INIT;

	(void)state;
	assert_ok(clv_secret_set(&a, "one", 3, &err));
	assert_ok(clv_secret_set(&b, "two", 3, &err));
	assert_false(clv_secret_equal(&a, &b));
	clv_secret_move(&b, &a);
	assert_null(a.data);
	assert_memory_equal(b.data, "one", 3);
	clv_secret_clear(&b);
}

static void
test_secret__is_empty_in_a_child(void **state)
{
	clv_secret secret = CLV_SECRET_INIT;
	int status = 0;
	pid_t child;

	(void)state;
	assert_ok(clv_secret_set(&secret, "pin", 3, &err));
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(secret.data[0] == 0 ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	clv_secret_clear(&secret);
}

/* The sanitizers replace mlock(2) by one that always succeeds. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MLOCK_LIES CLV_SECRET_LOCKED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MLOCK_LIES CLV_SECRET_LOCKED
#endif
#endif
#ifndef MLOCK_LIES
#define MLOCK_LIES 0
#endif

static void
test_secret__tells_when_it_cannot_be_locked(void **state)
{
	const struct rlimit none = {0, 0};
	clv_secret secret = CLV_SECRET_INIT;
	int status = 0;
	pid_t child;

	(void)state;
	assert_ok(clv_secret_set(&secret, "pin", 3, &err));
	assert_int_equal(
	    clv_secret_protection(&secret), CLV_SECRET_FULLY_PROTECTED);
	clv_secret_clear(&secret);

	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* Root's CAP_IPC_LOCK goes beyond the limit. */
		if ((geteuid() == 0 && setuid(65534) != 0) ||
		    setrlimit(RLIMIT_MEMLOCK, &none) != 0)
			_exit(2);
		if (clv_secret_set(&secret, "pin", 3, NULL) != CLV_OK)
			_exit(3);
		_exit(clv_secret_protection(&secret) ==
			    (CLV_SECRET_UNDUMPED | CLV_SECRET_FORK_WIPED |
				MLOCK_LIES)
			? 0
			: 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_secret_set__keeps_bytes_and_closes_them),
	    cmocka_unit_test(test_secret_alloc__refuses_too_much),
	    cmocka_unit_test(test_secret_move__empties_the_source),
	    cmocka_unit_test(test_secret__is_empty_in_a_child),
	    cmocka_unit_test(test_secret__tells_when_it_cannot_be_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
