/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <errno.h>
#include <string.h>

static void
test_error_message__joins_what_why_and_code(void **state)
{
	const struct clv_error_info info = {.operation = "open key",
	    .subject = "file:/k.pem",
	    .remedy = "chmod 0600 /k.pem",
	    .domain = CLV_DOMAIN_ERRNO,
	    .code = EACCES,
	    .retryable = true};
	clv_error *err = NULL;

	(void)state;
	assert_int_equal(clv_error_raise(&err, CLV_PERMISSION, &info,
			     "cannot be read by uid %d", 7),
	    CLV_PERMISSION);
	assert_string_equal(clv_error_message(err),
	    "open key file:/k.pem: cannot be read by uid 7 (EACCES)");
	assert_string_equal(clv_error_reason(err), "cannot be read by uid 7");
	assert_string_equal(clv_error_remedy(err), "chmod 0600 /k.pem");
	assert_string_equal(clv_error_code_name(err), "EACCES");
	assert_int_equal(clv_error_get_domain(err), CLV_DOMAIN_ERRNO);
	assert_int_equal(clv_error_code(err), EACCES);
	assert_true(clv_error_retryable(err));
	clv_error_free(&err);
	assert_null(err);
}

static void
test_error_message__reason_alone_stands_alone(void **state)
{
	clv_error *err = NULL;

	(void)state;
	(void)clv_error_raise(&err, CLV_INVALID, NULL, "no");
	assert_string_equal(clv_error_message(err), "no");
	assert_null(clv_error_remedy(err));
	assert_null(clv_error_code_name(err));
	assert_false(clv_error_retryable(err));
	clv_error_free(&err);
}

static void
test_error_raise__replaces_and_keeps_errno(void **state)
{
	clv_error *err = NULL;

	(void)state;
	(void)clv_error_raise(&err, CLV_IO, NULL, "first");
	errno = ENOSPC;
	(void)clv_error_raise(&err, CLV_BUSY, NULL, "second");
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(clv_error_status(err), CLV_BUSY);
	assert_string_equal(clv_error_message(err), "second");
	clv_error_free(&err);
	assert_int_equal(
	    clv_error_raise(NULL, CLV_BUSY, NULL, "nobody asks"), CLV_BUSY);
}

/* Whoever may name a file must not write the log, or command a terminal. */
static void
test_error_message__is_one_line_whatever_the_names(void **state)
{
	static const char name[] =
	    "a\nb\033[2Jc\377d\302\233\342\200\256\303\244";
	clv_error *err = NULL;

	(void)state;
	(void)clv_error_raise(&err, CLV_IO,
	    &(struct clv_error_info){.operation = "read", .subject = name},
	    "%s", name);
	assert_string_equal(clv_error_message(err),
	    "read a\\x0Ab\\x1B[2Jc\\xFFd\\xC2\\x9B\\xE2\\x80\\xAE\303\244: "
	    "a\\x0Ab\\x1B[2Jc\\xFFd\\xC2\\x9B\\xE2\\x80\\xAE\303\244");
	/* A program gets the path that it can open. */
	assert_string_equal(clv_error_subject(err), name);
	clv_error_free(&err);
}

static void
test_error_accessors__take_null(void **state)
{
	clv_error *err = NULL;

	(void)state;
	assert_int_equal(clv_error_status(NULL), CLV_OK);
	assert_string_equal(clv_error_message(NULL), "no error");
	assert_null(clv_error_subject(NULL));
	clv_error_free(&err);
	clv_error_free(NULL);
}

static void
test_status_name__knows_every_class(void **state)
{
	(void)state;
	for (int status = CLV_OK; status >= CLV_INTERNAL; status--)
		assert_string_not_equal(
		    clv_status_name((clv_status)status), "UNKNOWN");
	assert_string_equal(
	    clv_status_name(CLV_AUTH_LAST_TRY), "AUTH_LAST_TRY");
	assert_string_equal(
	    clv_status_name((clv_status)(CLV_INTERNAL - 1)), "UNKNOWN");
	assert_string_equal(clv_status_name((clv_status)1), "UNKNOWN");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_error_message__joins_what_why_and_code),
	    cmocka_unit_test(test_error_message__reason_alone_stands_alone),
	    cmocka_unit_test(
		test_error_message__is_one_line_whatever_the_names),
	    cmocka_unit_test(test_error_raise__replaces_and_keeps_errno),
	    cmocka_unit_test(test_error_accessors__take_null),
	    cmocka_unit_test(test_status_name__knows_every_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
