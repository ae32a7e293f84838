/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The files of state/: what is written is read, nothing else is. */

#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "application/generation.h"
#include "application/ledger.h"
#include "application/redo.h"

static void
test_redo_parse__reads_what_was_written(void **state)
{
	static const char odd[] = "a \n\0%\xff";
	struct clv_redo *redo = NULL;
	struct clv_redo *again = NULL;
	const struct clv_redo_file *file;
	uint8_t *text = NULL;
	size_t size = 0;

	(void)state;
	assert_ok(clv_redo_new(&redo, &err));
	assert_ok(clv_redo_list(redo, "pki", &err));
	assert_ok(clv_redo_list(redo, "/a b/pki%", &err));
	assert_ok(clv_redo_put(redo, "a b%\xc3\xbc", odd, sizeof(odd), &err));
	assert_ok(clv_redo_put(redo, "empty", "", 0, &err));
	assert_ok(clv_redo_encode(redo, &text, &size, &err));
	assert_ok(clv_redo_parse(text, size, &again, &err));
	assert_int_equal(again->count, 2);
	assert_string_equal(again->nonce, redo->nonce);
	assert_int_equal(strlen(again->nonce), 32);
	assert_int_equal(again->list_count, 2);
	assert_string_equal(again->lists[0], "pki");
	assert_string_equal(again->lists[1], "/a b/pki%");
	file = clv_redo_find(again, "a b%\xc3\xbc");
	assert_non_null(file);
	assert_int_equal(file->size, sizeof(odd));
	assert_memory_equal(file->bytes, odd, sizeof(odd));
	assert_null(clv_redo_find(again, "other"));
	free(text);
	clv_redo_free(&redo);
	clv_redo_free(&again);
}

static void
test_redo_parse__refuses_every_cut_and_every_changed_byte(void **state)
{
	struct clv_redo *redo = NULL;
	struct clv_redo *again = NULL;
	uint8_t *text = NULL;
	size_t size = 0;

	(void)state;
	assert_ok(clv_redo_new(&redo, &err));
	assert_ok(clv_redo_list(redo, "pki", &err));
	assert_ok(clv_redo_put(redo, "one", "content", 7, &err));
	assert_ok(clv_redo_put(redo, "two", "more", 4, &err));
	assert_ok(clv_redo_encode(redo, &text, &size, &err));
	for (size_t i = 0; i < size; i++) {
		assert_fails(
		    CLV_CORRUPT, clv_redo_parse(text, i, &again, &err));
		text[i] ^= 1;
		assert_fails(
		    CLV_CORRUPT, clv_redo_parse(text, size, &again, &err));
		text[i] ^= 1;
	}
	free(text);
	clv_redo_free(&redo);
}

static void
test_redo_parse__reads_the_version_before(void **state)
{
	static const char text[] =
	    "claviger-redo 1\nput 2 a\nhi\nend "
	    "907b36a7b5f65836d2fdd00a44c6c156f8fc1c24a3b6acc0ada2d3db4ccfc0c3"
	    "\n";
	struct clv_redo *redo = NULL;

	(void)state;
	assert_ok(clv_redo_parse(
	    (const uint8_t *)text, sizeof(text) - 1, &redo, &err));
	assert_string_equal(redo->nonce, "");
	assert_int_equal(redo->list_count, 0);
	assert_non_null(clv_redo_find(redo, "a"));
	clv_redo_free(&redo);
}

static void
test_redo_parse__refuses_a_nonce_that_is_none(void **state)
{
	static const char *const heads[] = {"claviger-redo 3\n",
	    "claviger-redo 2\n", "claviger-redo 2 \n",
	    "claviger-redo 2 0123456789abcdef0123456789abcde\n",
	    "claviger-redo 2 0123456789abcdef0123456789abcdef0\n",
	    "claviger-redo 2 0123456789abcdef0123456789abcdeF\n",
	    "claviger-redo 1 0123456789abcdef0123456789abcdef\n"};
	struct clv_redo *redo = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		assert_fails(CLV_CORRUPT,
		    clv_redo_parse((const uint8_t *)heads[i], strlen(heads[i]),
			&redo, &err));
}

static void
test_generation_parse__reads_what_was_written(void **state)
{
	struct clv_generation written = {
	    .nonce = "0123456789abcdef0123456789abcdef", .time = 1796063400};
	struct clv_generation read;
	char *text = NULL;
	size_t size = 0;

	(void)state;
	assert_ok(clv_generation_add(&written, "A group", "Type", &err));
	assert_ok(clv_generation_add(&written, "Other", NULL, &err));
	assert_ok(clv_generation_print(&written, &text, &size, &err));
	assert_non_null(strstr(text, "time 2026-11-30T18:30:00Z\n"));
	assert_ok(
	    clv_generation_parse((const uint8_t *)text, size, &read, &err));
	assert_string_equal(read.nonce, written.nonce);
	assert_int_equal(read.time, written.time);
	assert_int_equal(read.count, 2);
	assert_string_equal(read.changes[0].group, "A group");
	assert_string_equal(read.changes[0].type, "Type");
	assert_string_equal(read.changes[1].group, "Other");
	assert_null(read.changes[1].type);
	clv_generation_clear(&read);
	for (size_t i = 0; i < size; i++)
		assert_fails(CLV_CORRUPT,
		    clv_generation_parse(
			(const uint8_t *)text, i, &read, &err));
	free(text);
	clv_generation_clear(&written);
}

static void
test_generation_parse__refuses_what_it_does_not_know(void **state)
{
#define NONCE "0123456789abcdef0123456789abcdef"
#define LAST "claviger-last 1 " NONCE "\n"
#define WHEN "time 2026-11-29T18:30:00Z\n"
	static const char *const texts[] = {"", "claviger-last 2 " NONCE "\n",
	    "claviger-last 1 0123\n" WHEN "end\n", LAST "end\n",
	    LAST "time 2026-02-30T18:30:00Z\nend\n",
	    LAST "time 2026-11-29T18:30:00\nend\n", LAST WHEN "slot G\nend\n",
	    LAST WHEN "list G T\nend\n", LAST WHEN "key G T\nend\n",
	    LAST WHEN "end\nend\n"};
	struct clv_generation read;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_fails(CLV_CORRUPT,
		    clv_generation_parse((const uint8_t *)texts[i],
			strlen(texts[i]), &read, &err));
}

static void
test_ledger_parse__reads_what_was_written(void **state)
{
	struct clv_ledger ledger = {.count = 0};
	struct clv_ledger again = {.count = 0};
	char *text = NULL;
	size_t size = 0;

	(void)state;
	assert_ok(clv_ledger_add(
	    &ledger, CLV_KEY_MAKING, "G", "T", "pkcs11:token=a b", "-", &err));
	assert_ok(clv_ledger_add(
	    &ledger, CLV_KEY_PENDING, "G", "T", "file:x%20y", "", &err));
	assert_ok(clv_ledger_print(&ledger, &text, &size, &err));
	assert_ok(clv_ledger_parse((const uint8_t *)text, size, &again, &err));
	assert_int_equal(again.count, 2);
	assert_string_equal(again.entries[0].uri, "pkcs11:token=a b");
	assert_string_equal(again.entries[0].mark, "-");
	assert_ptr_equal(
	    clv_ledger_pending(&again, "G", "T"), &again.entries[1]);
	assert_string_equal(again.entries[1].uri, "file:x%20y");
	assert_string_equal(again.entries[1].mark, "");
	free(text);
	clv_ledger_clear(&ledger);
	clv_ledger_clear(&again);
}

static void
test_ledger_parse__refuses_what_it_does_not_know(void **state)
{
	static const char *const texts[] = {"", "claviger-keys 2\n",
	    "claviger-keys 1", "claviger-keys 1\nlost G T uri -\n",
	    "claviger-keys 1\npending G T uri\n",
	    "claviger-keys 1\npending G T uri - -\n",
	    "claviger-keys 1\npending G T - -\n",
	    "claviger-keys 1\npending G  uri -\n",
	    "claviger-keys 1\npending G T u%zz -\n",
	    "claviger-keys 1\npending G T uri -"};
	struct clv_ledger ledger = {.count = 0};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_fails(CLV_CORRUPT,
		    clv_ledger_parse((const uint8_t *)texts[i],
			strlen(texts[i]), &ledger, &err));
		assert_int_equal(ledger.count, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_redo_parse__reads_what_was_written),
	    cmocka_unit_test(
		test_redo_parse__refuses_every_cut_and_every_changed_byte),
	    cmocka_unit_test(test_redo_parse__reads_the_version_before),
	    cmocka_unit_test(test_redo_parse__refuses_a_nonce_that_is_none),
	    cmocka_unit_test(test_generation_parse__reads_what_was_written),
	    cmocka_unit_test(
		test_generation_parse__refuses_what_it_does_not_know),
	    cmocka_unit_test(test_ledger_parse__reads_what_was_written),
	    cmocka_unit_test(test_ledger_parse__refuses_what_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
