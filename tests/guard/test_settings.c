/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Settings, names, and whom they make trusted. */

#include "testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/guard/internal.h"

static clv_guard *
new_guard(void)
{
	clv_guard *guard = NULL;

	assert_ok(clv_guard_new(&guard, &err));
	return guard;
}

static void
test_guard_new__trusts_root_and_the_caller(void **state)
{
	clv_guard *guard = new_guard();

	(void)state;
	assert_int_equal(guard->application, geteuid());
	assert_true(guard->application_administers);
	assert_false(guard->strict);
	assert_false(guard->insecure_unmapped);
	assert_int_equal(guard->max_size, CLV_GUARD_MAX_SIZE_DEFAULT);
	assert_int_equal(guard->overflow_user, 65534);
	assert_int_equal(guard->overflow_group, 65534);
	clv_guard_free(&guard);
	assert_null(guard);
	clv_guard_free(&guard);
	clv_guard_free(NULL);
}

static void
test_guard_settings__take_names_and_numbers(void **state)
{
	clv_guard *guard = new_guard();

	(void)state;
	assert_ok(clv_guard_set_application(guard, "daemon", &err));
	assert_int_equal(guard->application, 1);
	assert_ok(clv_guard_set_application(guard, "61001", &err));
	assert_int_equal(guard->application, 61001);
	assert_ok(clv_guard_set_application(guard, "4294967294", &err));
	assert_int_equal(guard->application, 4294967294U);
	assert_ok(clv_guard_add_administrator(guard, "daemon", &err));
	assert_ok(clv_guard_add_administrators(guard, "daemon", &err));
	assert_ok(clv_guard_add_insecure_readers(guard, "7", &err));
	clv_guard_free(&guard);
}

static void
test_guard_settings__refuse_what_is_no_account(void **state)
{
	static const char *const unknown[] = {"no-such-account", "-1", "+1",
	    " 1", "1 ", "0x10", "4294967295", "99999999999999999999"};
	clv_guard *guard = new_guard();

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		assert_fails(CLV_NOT_FOUND,
		    clv_guard_set_application(guard, unknown[i], &err));
		assert_fails(CLV_NOT_FOUND,
		    clv_guard_add_administrator(guard, unknown[i], &err));
		assert_fails(CLV_NOT_FOUND,
		    clv_guard_add_administrators(guard, unknown[i], &err));
		assert_fails(CLV_NOT_FOUND,
		    clv_guard_add_insecure_readers(guard, unknown[i], &err));
	}
	assert_fails(CLV_INVALID, clv_guard_set_application(guard, "", &err));
	assert_fails(
	    CLV_INVALID, clv_guard_add_administrator(guard, NULL, &err));
	assert_int_equal(guard->application, geteuid());
	assert_int_equal(guard->administrators.count, 0);
	clv_guard_free(&guard);
}

static void
test_guard_copy__is_independent(void **state)
{
	clv_guard *guard = new_guard(), *copy = NULL;

	(void)state;
	clv_guard_set_strict(guard, true);
	clv_guard_set_max_size(guard, 42);
	assert_ok(clv_guard_set_application(guard, "61001", &err));
	assert_ok(clv_guard_add_administrator(guard, "61003", &err));
	assert_ok(clv_guard_add_administrators(guard, "61010", &err));
	assert_ok(clv_guard_add_insecure_readers(guard, "61020", &err));
	assert_ok(clv_guard_copy(guard, &copy, &err));
	assert_ok(clv_guard_add_administrator(guard, "61004", &err));
	clv_guard_free(&guard);

	assert_true(copy->strict);
	assert_int_equal(copy->max_size, 42);
	assert_int_equal(copy->application, 61001);
	assert_int_equal(copy->administrators.count, 1);
	assert_true(clv_guard_trusts_group(copy, CLV_GUARD_TRUST, 61010));
	assert_true(clv_guard_reads_group(copy, 61020));
	assert_false(clv_guard_reads_group(copy, 61010));
	assert_int_equal(clv_guard_trusts_user(copy, CLV_GUARD_TRUST, 61003),
	    CLV_GUARD_TRUSTED);
	assert_int_equal(clv_guard_trusts_user(copy, CLV_GUARD_TRUST, 61004),
	    CLV_GUARD_UNTRUSTED);
	clv_guard_free(&copy);
}

static void
test_guard_names__every_code_has_one_of_its_own(void **state)
{
	(void)state;
	for (int i = CLV_GUARD_OWNER; i <= CLV_GUARD_EXECUTE; i++) {
		const char *name = clv_guard_code_name((clv_guard_code)i);

		assert_string_not_equal(name, "unknown");
		for (int k = CLV_GUARD_OWNER; k < i; k++)
			assert_string_not_equal(
			    name, clv_guard_code_name((clv_guard_code)k));
	}
	assert_string_equal(clv_guard_code_name((clv_guard_code)0), "unknown");
	assert_string_equal(clv_guard_code_name((clv_guard_code)-1), "unknown");
	assert_string_equal(
	    clv_guard_code_name((clv_guard_code)(CLV_GUARD_EXECUTE + 1)),
	    "unknown");
	assert_string_equal(clv_guard_grade_name(CLV_GUARD_SECURE), "secure");
	assert_string_equal(clv_guard_grade_name(CLV_GUARD_WEAK), "weak");
	assert_string_equal(
	    clv_guard_grade_name(CLV_GUARD_INSECURE), "insecure");
	assert_string_equal(clv_guard_policy_name(CLV_GUARD_KEY), "key");
	assert_string_equal(clv_guard_policy_name(CLV_GUARD_TRUST), "trust");
	assert_string_equal(clv_guard_policy_name(CLV_GUARD_CONFIG), "config");
	assert_string_equal(
	    clv_guard_policy_name((clv_guard_policy)0), "unknown");
}

static void
test_guard_quote__gives_one_word_to_the_shell(void **state)
{
	static const char *const texts[] = {"/plain/path-1.0_a+b,c:d=e@f%g",
	    "/with space", "/it's", "/dollar$HOME`id`", "/new\nline",
	    "/tab\tand 'quote' and \\", "/star*", "", "/umlaut-\xC3\xA4",
	    "/\x01\x1b[31m'\\"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *quoted = clv_guard_quote(texts[i]), *command = NULL;
		char read[256];
		size_t size;
		FILE *out;

		assert_non_null(quoted);
		/* What it prints can't drive a terminal. */
		for (const char *at = quoted; *at != '\0'; at++)
			assert_true((unsigned char)*at >= 0x20 && *at != 0x7F);
		assert_true(asprintf(&command, "printf %%s %s", quoted) > 0);
		/* sh need not know $'...': bash does. */
		assert_int_equal(setenv("COMMAND", command, 1), 0);
		out = popen("bash -c \"$COMMAND\"", "r");
		assert_non_null(out);
		size = fread(read, 1, sizeof(read) - 1, out);
		assert_int_equal(pclose(out), 0);
		read[size] = '\0';
		assert_string_equal(read, texts[i]);
		free(command);
		free(quoted);
	}
}

/* A list of groups ends where it ends: behind it are zeros, root's group. */
static void
test_guard_settings__roots_group_makes_no_stranger_an_administrator(
    void **state)
{
	clv_guard *guard = new_guard();

	(void)state;
	assert_ok(clv_guard_set_application(guard, "61001", &err));
	assert_ok(clv_guard_add_administrators(guard, "0", &err));
	assert_int_equal(
	    clv_guard_trusts_user(guard, CLV_GUARD_TRUST, 1 /* daemon */),
	    CLV_GUARD_UNTRUSTED);
	assert_ok(clv_guard_add_administrators(guard, "daemon", &err));
	assert_int_equal(clv_guard_trusts_user(guard, CLV_GUARD_TRUST, 1),
	    CLV_GUARD_TRUSTED);
	clv_guard_free(&guard);
}

/* What is not read must not be taken for digits that lay there before. */
static __attribute__((noinline)) void
litter_stack(void)
{
	volatile char litter[4096];

	for (size_t i = 0; i < sizeof(litter); i++)
		litter[i] = '7';
}

static unsigned
overflow_id_of(const char *text)
{
	char path[] = "/tmp/claviger-overflow.XXXXXX";
	const int fd = mkstemp(path);
	unsigned id;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
	litter_stack();
	id = clv_guard_overflow_id(path);
	assert_int_equal(unlink(path), 0);
	return id;
}

static void
test_guard_overflow_id__is_the_kernels(void **state)
{
	(void)state;
	assert_int_equal(overflow_id_of("4711\n"), 4711);
	assert_int_equal(overflow_id_of("12"), 12);
	assert_int_equal(overflow_id_of("1"), 1);
	assert_int_equal(overflow_id_of("4294967294\n"), 4294967294U);
	/* As much as there is room for. */
	assert_int_equal(overflow_id_of("                              5"), 5);
	assert_int_equal(
	    overflow_id_of("00000000000000000000000000000019999"), 1);
}

static void
test_guard_overflow_id__is_the_usual_one_if_it_cannot_be_read(void **state)
{
	(void)state;
	assert_int_equal(overflow_id_of(""), 65534);
	assert_int_equal(overflow_id_of("none"), 65534);
	litter_stack();
	assert_int_equal(clv_guard_overflow_id("/tmp/no-such-file"), 65534);
	litter_stack();
	assert_int_equal(clv_guard_overflow_id("/tmp"), 65534);
}

/* Descriptors come back, and 0 is as good as any. */
static void
test_guard_overflow_id__leaves_no_descriptor(void **state)
{
	const int input = dup(STDIN_FILENO);
	int fd;

	(void)state;
	assert_true(input >= 0);
	assert_int_equal(close(STDIN_FILENO), 0);
	assert_int_equal(overflow_id_of("4711\n"), 4711);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd, STDIN_FILENO);
	assert_int_equal(dup2(input, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(close(input), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_guard_new__trusts_root_and_the_caller),
	    cmocka_unit_test(test_guard_settings__take_names_and_numbers),
	    cmocka_unit_test(test_guard_settings__refuse_what_is_no_account),
	    cmocka_unit_test(test_guard_copy__is_independent),
	    cmocka_unit_test(test_guard_names__every_code_has_one_of_its_own),
	    cmocka_unit_test(test_guard_quote__gives_one_word_to_the_shell),
	    cmocka_unit_test(
		test_guard_settings__roots_group_makes_no_stranger_an_administrator),
	    cmocka_unit_test(test_guard_overflow_id__is_the_kernels),
	    cmocka_unit_test(
		test_guard_overflow_id__is_the_usual_one_if_it_cannot_be_read),
	    cmocka_unit_test(test_guard_overflow_id__leaves_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
