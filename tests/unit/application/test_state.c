/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The files of state/: what is written is read, nothing else is. */

#include "testing.h"

#include <stdlib.h>
#include <string.h>

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
	assert_ok(clv_redo_put(redo, "a b%\xc3\xbc", odd, sizeof(odd), &err));
	assert_ok(clv_redo_put(redo, "empty", "", 0, &err));
	assert_ok(clv_redo_encode(redo, &text, &size, &err));
	assert_ok(clv_redo_parse(text, size, &again, &err));
	assert_int_equal(again->count, 2);
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
	    cmocka_unit_test(test_ledger_parse__reads_what_was_written),
	    cmocka_unit_test(test_ledger_parse__refuses_what_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
