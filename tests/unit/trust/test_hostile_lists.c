/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Every hostile TrustListDataType gets its answer, soon and for little memory,
 * and what is refused changes nothing. */

#include "testing.h"

#include "fixtures/hostile/lists.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "directory.h"

#define SLOWEST_MS 100.0
/* Documented: about five times the stream; and what any error takes. */
#define MEMORY_TIMES 6
#define MEMORY_MORE ((size_t)64 << 10)

struct tally {
	struct directory directory;
	clv_trust *trust;
	struct pki_identity before;
	size_t wrong;
	double slowest;
};

static double
milliseconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static size_t
heap(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* The list as it was: one certificate. */
static void
reset(struct tally *tally)
{
	clv_trust_data *data = NULL;

	assert_ok(clv_trust_data_new(&data, &err));
	assert_ok(clv_trust_data_specify(data, CLV_TRUST_ALL_LISTS, &err));
	assert_ok(clv_trust_data_add(data, CLV_TRUST_TRUSTED_CERTIFICATES,
	    tally->before.der.bytes, tally->before.der.size, &err));
	assert_ok(clv_trust_replace(tally->trust, data, NULL, &err));
	clv_trust_data_free(&data);
}

static void
assert_same_bytes(const clv_trust_data *data, const struct bytes *blob)
{
	uint8_t *again = malloc(blob->size);
	size_t size = 0;

	assert_non_null(again);
	assert_ok(clv_trust_data_encode(data, again, blob->size, &size, &err));
	assert_int_equal(size, blob->size);
	assert_memory_equal(again, blob->data, size);
	free(again);
}

static clv_statuscode
answer_to(struct tally *tally, const struct hostile_list *list)
{
	clv_statuscode code = CLV_SC_GOOD;
	const size_t before = heap();
	clv_trust_data *data = NULL;
	clv_error *error = NULL;

	if (clv_trust_data_decode(list->blob.data, list->blob.size, NULL, &data,
		&error) == CLV_OK) {
		assert_in_range(heap() - before, 0,
		    MEMORY_TIMES * list->blob.size + MEMORY_MORE);
		assert_same_bytes(data, &list->blob);
		(void)!clv_trust_replace(tally->trust, data, NULL, &error);
	} else {
		assert_in_range(heap() - before, 0, MEMORY_MORE);
	}
	if (error != NULL) {
		assert_int_equal(clv_error_get_domain(error), CLV_DOMAIN_OPCUA);
		code = (clv_statuscode)clv_error_code(error);
	}
	clv_error_free(&error);
	clv_trust_data_free(&data);
	return code;
}

static void
judge(void *user, const struct hostile_list *list)
{
	struct tally *tally = user;
	clv_statuscode code;
	double start;

	reset(tally);
	start = milliseconds();
	code = answer_to(tally, list);
	start = milliseconds() - start;
	tally->slowest = start > tally->slowest ? start : tally->slowest;
	if (code != list->expected) {
		tally->wrong++;
		print_message("%s: %s instead of %s\n", list->name,
		    clv_statuscode_name(code),
		    clv_statuscode_name(list->expected));
		return;
	}
	if (code == CLV_SC_GOOD && strcmp(list->name, "list/null") != 0) {
		assert_int_equal(trust_count(tally->trust, CLV_TRUST_ALL_LISTS),
		    list->entries);
		return;
	}
	assert_int_equal(trust_count(tally->trust, CLV_TRUST_ALL_LISTS), 1);
	assert_true(trust_has(
	    tally->trust, CLV_TRUST_TRUSTED_CERTIFICATES, &tally->before.der));
}

static void
test_trust_replace__answers_every_hostile_list(void **state)
{
	struct tally tally = {.wrong = 0};
	size_t count;

	(void)state;
	directory_make(&tally.directory);
	pki_make(&tally.before, "Before", false, NULL);
	assert_ok(
	    clv_trust_open(tally.directory.path, NULL, &tally.trust, &err));
	count = hostile_lists_each(judge, &tally);
	print_message("%zu lists, slowest %.2f ms\n", count, tally.slowest);
	clv_trust_free(&tally.trust);
	directory_remove(&tally.directory);
	pki_drop(&tally.before);
	forge_keys_free();
	assert_int_equal(tally.wrong, 0);
	assert_true(count >= 50);
	assert_true(tally.slowest < SLOWEST_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_trust_replace__answers_every_hostile_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
