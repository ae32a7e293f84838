/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* cmocka with what it needs before it, and our own assertions. */
#ifndef CLV_TESTING_H
#define CLV_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <claviger/error.h>

/* The assertions below have an `err` of their own, whatever the test has. */
#pragma GCC diagnostic ignored "-Wshadow"

/* Calls that must succeed: on failure the test ends with the message. */
#define assert_ok(call)                                                    \
	do {                                                               \
		clv_error *err = NULL;                                     \
		if ((call) != CLV_OK)                                      \
			fail_msg("%s: %s", #call, clv_error_message(err)); \
		assert_null(err);                                          \
	} while (0)

/* Calls that must fail in a class. They take `&err`, as those above do. */
#define assert_fails(expected, call)                                         \
	do {                                                                 \
		clv_error *err = NULL;                                       \
		const clv_status got = (call);                               \
		if (got != (expected))                                       \
			fail_msg("%s: %s instead of %s: %s", #call,          \
			    clv_status_name(got), clv_status_name(expected), \
			    clv_error_message(err));                         \
		assert_int_equal(clv_error_status(err), got);                \
		assert_true(*clv_error_reason(err) != '\0');                 \
		clv_error_free(&err);                                        \
	} while (0)

#endif
