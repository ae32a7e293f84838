/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the audit log notices of what was done to it, or that it is gone. */

#include "audit_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "application/application.h"

static char *
line_at(char *text, size_t index)
{
	while (index-- > 0)
		text = strchr(text, '\n') + 1;
	return text;
}

static size_t
line_size(const char *line)
{
	return (size_t)(strchr(line, '\n') - line) + 1;
}

/* Undoes what was done to the log, which fill() gave. */
static void
put_back(char *text, size_t size)
{
	save(LOG, text, size);
	(void)check(CLV_OK);
	free(text);
}

static void
test_audit_verify__finds_any_changed_record(void **state)
{
	size_t size = 0;
	char *text = fill(&size);

	(void)state;
	for (size_t i = 0; i < RECORDS; i++) {
		char *what = strstr(line_at(text, i), "\"pid\":") + 6;
		const char was = *what;

		*what = was == '9' ? '8' : '9';
		save(LOG, text, size);
		assert_int_equal(check(CLV_CORRUPT).broken, i + 1);
		*what = was;
	}
	put_back(text, size);
}

static void
test_audit_verify__finds_any_removed_record(void **state)
{
	size_t size = 0;
	char *text = fill(&size);

	(void)state;
	for (size_t i = 0; i < RECORDS; i++) {
		char *less = strdup(text);
		char *line = line_at(less, i);
		const size_t gone = line_size(line);

		memmove(line, line + gone, strlen(line + gone) + 1);
		save(LOG, less, size - gone);
		assert_int_equal(check(CLV_CORRUPT).broken, i + 1);
		free(less);
	}
	put_back(text, size);
}

static void
test_audit_verify__finds_any_cut_at_the_end(void **state)
{
	size_t size = 0;
	char *text = fill(&size);

	(void)state;
	for (size_t i = 0; i < RECORDS; i++) {
		const size_t left = (size_t)(line_at(text, i) - text);

		save(LOG, text, left);
		assert_int_equal(check(CLV_CORRUPT).broken, i + 1);
		/* In the middle of a line it does not pass for a crash. */
		save(LOG, text, left + 20);
		assert_int_equal(check(CLV_CORRUPT).broken, i + 1);
	}
	put_back(text, size);
}

static void
test_audit_verify__finds_moved_and_repeated_records(void **state)
{
	size_t size = 0;
	char *text = fill(&size);

	(void)state;
	for (size_t i = 0; i + 1 < RECORDS; i++) {
		char *more = calloc(1, 2 * size);
		const char *first = line_at(text, i);
		const char *second = line_at(text, i + 1);
		const size_t before = (size_t)(first - text);
		char *at = more + before;

		memcpy(more, text, before);
		memcpy(at, second, line_size(second));
		memcpy(at + line_size(second), first, line_size(first));
		strcpy(at + line_size(second) + line_size(first),
		    second + line_size(second));
		save(LOG, more, size);
		(void)check(CLV_CORRUPT);
		/* Once more the same. */
		strcpy(at, first);
		strcpy(at + line_size(first), first);
		save(LOG, more, strlen(more));
		(void)check(CLV_CORRUPT);
		free(more);
	}
	put_back(text, size);
}

/* Whoever appends after a cut must not hide it. */
static void
test_audit_append__keeps_a_cut_visible(void **state)
{
	size_t size = 0;
	char *text = fill(&size);

	(void)state;
	save(LOG, text, (size_t)(line_at(text, RECORDS - 2) - text));
	record("after");
	assert_int_equal(check(CLV_CORRUPT).broken, RECORDS - 1);
	free(text);
}

static void
test_audit_verify__finds_a_missing_head(void **state)
{
	size_t size = 0;
	char *text = fill(&size);
	char *head = path_of("state/audit/head");

	(void)state;
	assert_int_equal(truncate(head, 0), 0);
	assert_int_equal(check(CLV_CORRUPT).broken, RECORDS);
	assert_int_equal(unlink(head), 0);
	assert_int_equal(check(CLV_CORRUPT).broken, RECORDS);
	free(head);
	free(text);
}

static void
assert_names_log(const char *log)
{
	struct clv_audit_summary summary;
	clv_error *err = NULL;

	assert_int_equal(
	    clv_audit_verify(application, NULL, &summary, &err), CLV_CORRUPT);
	assert_string_equal(clv_error_subject(err), log);
	assert_non_null(clv_error_remedy(err));
	clv_error_free(&err);
}

/* As a claviger.conf that was written by hand: nothing says that there is a
 * log. */
static void
forget_log(void)
{
	command_ok(place, "sed -i '/^audit-begun: true$/d' '%s/%s'", directory,
	    CLV_CONFIG_NAME);
	assert_ok(clv_application_reload(application, &err));
}

/* Of an old application, which never had one, nobody can say so. */
static void
test_audit_verify__finds_that_the_log_is_gone(void **state)
{
	struct clv_audit_summary summary = {.first = 0};
	struct clv_audit_summary now;
	char *log = path_of("state/audit");
	char *last = path_of("state/last");
	char *redo = path_of("state/redo");

	(void)state;
	record("known");
	summary = check(CLV_OK);
	command_ok(place, "rm -rf '%s' '%s'", log, last);
	forget_log();
	assert_int_equal(check(CLV_OK).last, 0);
	assert_fails(CLV_CORRUPT,
	    clv_audit_verify(application, summary.end, &now, &err));
	/* Its first commit is being carried out: what it does comes later. */
	command_ok(place, "touch '%s' '%s'", last, redo);
	assert_int_equal(check(CLV_OK).last, 0);
	command_ok(place, "rm '%s'", redo);
	assert_int_equal(check(CLV_CORRUPT).broken, 1);
	command_ok(place, "mkdir '%s'", log);
	assert_int_equal(check(CLV_CORRUPT).broken, 1);
	assert_names_log(log);
	command_ok(place, "rm '%s'", last);
	assert_int_equal(check(CLV_OK).last, 0);
	free(redo);
	free(last);
	free(log);
}

/* Without any commit, and with all that could tell of one. */
static void
test_audit_verify__misses_a_log_that_was_begun(void **state)
{
	const char *const gone[] = {"state/audit/*", "state/audit", "state"};
	char *log = path_of("state/audit");

	(void)state;
	assert_int_equal(check(CLV_OK).last, 1);
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		command_ok(place, "rm -rf '%s'/%s", directory, gone[i]);
		assert_int_equal(check(CLV_CORRUPT).broken, 1);
		assert_ok(clv_application_reload(application, &err));
		assert_names_log(log);
	}
	free(log);
}

static bool
count_losses(void *user, const char *json, size_t size)
{
	size_t *count = user;

	(void)size;
	*count += strstr(json, "\"event\":\"log-lost\"") != NULL;
	return true;
}

static size_t
losses(void)
{
	size_t count = 0;

	assert_ok(clv_audit_visit(application, count_losses, &count, &err));
	return count;
}

/* The new log does not look as if it were all there ever was. */
static void
test_audit_append__tells_of_a_log_that_is_gone(void **state)
{
	char *last;

	(void)state;
	record("first");
	assert_int_equal(losses(), 0);
	command_ok(place, "rm -rf '%s/state'", directory);
	record("second");
	record("third");
	assert_int_equal(check(CLV_OK).last, 3);
	assert_int_equal(losses(), 1);
	command_ok(place, "rm '%s/state/audit/head'", directory);
	record("fourth");
	record("fifth");
	assert_int_equal(check(CLV_OK).last, 6);
	assert_int_equal(losses(), 2);
	last = newest();
	assert_non_null(strstr(last, "fifth"));
	free(last);
}

/* A commit says so, too: before what it tells of itself. */
static void
test_audit__commit_begins_a_log_that_is_missed(void **state)
{
	(void)state;
	forget_log();
	command_ok(place, "rm -rf '%s/state'", directory);
	assert_int_equal(check(CLV_OK).last, 0);
	assert_ok(
	    clv_application_add_group(application, "One", NULL, NULL, 0, &err));
	assert_int_equal(losses(), 0);
	assert_int_equal(check(CLV_OK).last, 1);
	command_ok(place, "rm -rf '%s/state'", directory);
	assert_int_equal(check(CLV_CORRUPT).broken, 1);
	assert_ok(
	    clv_application_add_group(application, "Two", NULL, NULL, 0, &err));
	assert_int_equal(losses(), 1);
	assert_int_equal(check(CLV_OK).last, 2);
}

static void
test_audit_verify__compares_with_a_known_end(void **state)
{
	struct clv_audit_summary summary;
	struct clv_audit_summary now;
	char *all;

	(void)state;
	record("known");
	summary = check(CLV_OK);
	record("later");
	assert_ok(clv_audit_verify(application, summary.end, &now, &err));
	assert_int_equal(now.last, summary.last + 1);
	/* A chain that is whole, but another one. */
	all = path_of("state/audit");
	command_ok(place, "rm -r '%s'", all);
	for (uint64_t i = 0; i <= summary.last; i++)
		record("forged");
	(void)check(CLV_OK);
	assert_fails(CLV_CORRUPT,
	    clv_audit_verify(application, summary.end, &now, &err));
	assert_int_equal(now.broken, summary.last);
	assert_fails(
	    CLV_INVALID, clv_audit_verify(application, "1:zz", &now, &err));
	free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    AUDIT_TEST(test_audit_verify__finds_any_changed_record),
	    AUDIT_TEST(test_audit_verify__finds_any_removed_record),
	    AUDIT_TEST(test_audit_verify__finds_any_cut_at_the_end),
	    AUDIT_TEST(test_audit_verify__finds_moved_and_repeated_records),
	    AUDIT_TEST(test_audit_append__keeps_a_cut_visible),
	    AUDIT_TEST(test_audit_verify__finds_a_missing_head),
	    AUDIT_TEST(test_audit_verify__finds_that_the_log_is_gone),
	    AUDIT_TEST(test_audit_verify__misses_a_log_that_was_begun),
	    AUDIT_TEST(test_audit_append__tells_of_a_log_that_is_gone),
	    AUDIT_TEST(test_audit__commit_begins_a_log_that_is_missed),
	    AUDIT_TEST(test_audit_verify__compares_with_a_known_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
