/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What is recorded, by whom, and through crashes. */

#include "audit_fixture.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "application/audit.h"
#include "application/state.h"

/* ---- records ---- */

static void
test_audit_append__escapes_and_redacts(void **state)
{
	const struct clv_audit_event event = {.event = "something-happened",
	    .outcome = CLV_POLICY,
	    .group = "G\"roup\\",
	    .key = "pkcs11:token=a?pin-value=123456",
	    .detail = "a\x1b[2Jb\n\xff\xe2\x80\xae"};
	char *last;

	(void)state;
	assert_ok(clv_audit_append(application, &event, &err));
	last = newest();
	assert_non_null(strstr(last, "\"outcome\":\"POLICY\""));
	assert_non_null(strstr(last, "\"group\":\"G\\\"roup\\\\\""));
	assert_null(strstr(last, "123456"));
	assert_non_null(strstr(last, "pin-value=***"));
	assert_non_null(strstr(last,
	    "\"detail\":\"a\\\\x1b[2Jb\\\\x0a\\\\xff\\\\xe2\\\\x80\\\\xae\""));
	assert_non_null(strstr(last, "\"uid\":0"));
	free(last);
}

static void
test_audit_append__refuses_a_bad_name(void **state)
{
	const char *const names[] = {NULL, "", "Upper", "a\"b", "a b"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct clv_audit_event event = {.event = names[i]};

		assert_fails(
		    CLV_INVALID, clv_audit_append(application, &event, &err));
	}
}

/* ---- what the library records ---- */

struct count {
	const char *event;
	const char *also; /* NULL: anything */
	size_t found;
};

static bool
count_one(void *user, const char *json, size_t size)
{
	struct count *count = user;
	char wanted[80];

	(void)size;
	(void)snprintf(
	    wanted, sizeof(wanted), "\"event\":\"%s\"", count->event);
	if (strstr(json, wanted) != NULL &&
	    (count->also == NULL || strstr(json, count->also) != NULL))
		count->found++;
	return true;
}

static size_t
count_of(const char *event, const char *also)
{
	struct count count = {.event = event, .also = also};

	assert_ok(clv_audit_visit(application, count_one, &count, &err));
	return count.found;
}

static void
test_audit__tells_of_keys_and_commits(void **state)
{
	char *old = present_key();
	char *thumbprint;
	char *key;
	clv_txn *txn = NULL;

	(void)state;
	assert_int_equal(count_of("application-created", TEST_URI), 1);
	renew();
	key = present_key();
	thumbprint = present_thumbprint(application);
	assert_int_equal(count_of("key-made", key), 1);
	assert_int_equal(count_of("key-destroyed", old), 1);
	assert_int_equal(count_of("transaction-committed", thumbprint), 1);
	assert_int_equal(count_of("transaction-committed", NULL), 1);
	/* A transaction that did nothing is not told. */
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(clv_txn_cancel(txn, &err));
	clv_txn_free(&txn);
	assert_int_equal(count_of("transaction-cancelled", NULL), 0);
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, NULL, &err));
	assert_ok(clv_txn_cancel(txn, &err));
	clv_txn_free(&txn);
	assert_int_equal(count_of("transaction-cancelled", NULL), 1);
	assert_int_equal(count_of("key-made", NULL), 2);
	assert_int_equal(count_of("key-destroyed", NULL), 2);
	(void)check(CLV_OK);
	free(thumbprint);
	free(key);
	free(old);
}

/* Leaves a committed record behind, as a writer does who was killed before
 * (`told` false) or after he told the audit log. */
static void
leave_record(bool told)
{
	const struct clv_audit_event event = {.event = "transaction-committed"};
	struct clv_state locked = CLV_STATE_INIT;
	struct clv_redo *redo = NULL;
	bool committed = false;
	char *body = NULL;

	assert_ok(clv_redo_new(&redo, &err));
	assert_ok(clv_audit_make_body(&event, redo->nonce, "[]", &body, &err));
	clv_redo_tell(redo, body);
	if (told)
		assert_ok(clv_audit_tell_redo(application, redo, &err));
	assert_ok(clv_state_lock(application, 0, &locked, &err));
	assert_ok(clv_state_commit(&locked, redo, &committed, &err));
	clv_state_unlock(&locked);
	clv_redo_free(&redo);
}

static void
test_audit__tells_of_a_commit_once_whatever_crashes(void **state)
{
	(void)state;
	for (int told = 0; told < 2; told++) {
		const size_t committed =
		    count_of("transaction-committed", NULL);
		const size_t recovered =
		    count_of("transaction-recovered", NULL);
		clv_application *other = NULL;

		leave_record(told != 0);
		assert_int_equal(files("state/redo"), 1);
		assert_ok(
		    clv_application_open(context, directory, &other, &err));
		clv_application_free(&other);
		assert_int_equal(files("state/redo"), 0);
		assert_int_equal(
		    count_of("transaction-committed", NULL), committed + 1);
		assert_int_equal(
		    count_of("transaction-recovered", NULL), recovered + 1);
	}
	(void)check(CLV_OK);
}

static void
test_audit__holds_a_commit_back_that_it_could_not_tell(void **state)
{
	char *before = present_thumbprint(application);
	clv_txn *txn = NULL;
	char *after;

	(void)state;
	command_ok(place, "chmod 0777 '%s/state/audit'", directory);
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(
	    clv_txn_self_sign(txn, GROUP, TYPE, CLV_EC_P256, NULL, 30, &err));
	assert_fails(CLV_POLICY, clv_txn_commit(txn, &err));
	command_ok(place, "chmod 0755 '%s/state/audit'", directory);
	after = present_thumbprint(application);
	assert_string_equal(before, after);
	assert_ok(clv_txn_commit(txn, &err));
	clv_txn_free(&txn);
	free(before);
	free(after);
}

static void
test_audit__tells_of_refusals_once_an_hour(void **state)
{
	clv_application *other = NULL;
	clv_key *key = NULL;
	char *uri;

	(void)state;
	command_ok(place, "chmod 0666 '%s/claviger.conf'", directory);
	for (int i = 0; i < 3; i++)
		assert_fails(CLV_POLICY,
		    clv_application_open(context, directory, &other, &err));
	command_ok(place, "chmod 0644 '%s/claviger.conf'", directory);
	assert_int_equal(count_of("refused", "\"outcome\":\"POLICY\""), 1);
	uri = present_key();
	command_ok(place,
	    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
	    "-out '%s'",
	    strchr(uri, ':') + 1);
	for (int i = 0; i < 3; i++)
		assert_fails(CLV_CHANGED,
		    clv_application_key(application, GROUP, TYPE, &key, &err));
	assert_int_equal(count_of("refused", "\"outcome\":\"CHANGED\""), 1);
	free(uri);
}

/* ---- crashes and neighbours ---- */

static void
test_audit_append__takes_a_torn_line_away(void **state)
{
	struct clv_audit_summary summary;
	size_t size = 0;
	char *text = fill(&size);

	(void)state;
	/* Longer than the next record, which would not cover it. */
	memset(text + size, 'x', 2000);
	memcpy(text + size, "{\"seq\":7,\"prev", 14);
	save(LOG, text, size + 2000);
	summary = check(CLV_OK);
	assert_true(summary.torn);
	assert_int_equal(summary.last, RECORDS);
	record("after the crash");
	summary = check(CLV_OK);
	assert_false(summary.torn);
	assert_int_equal(summary.last, RECORDS + 1);
	free(text);
}

/* As after a power cut: records are there that `head` does not know. */
static void
test_audit_append__goes_on_from_a_head_that_is_behind(void **state)
{
	size_t size = 0;
	char *text = fill(&size);
	size_t head_size = 0;
	char *head = load("state/audit/head", &head_size);

	(void)state;
	record("one");
	record("two");
	record("three");
	save("state/audit/head", head, head_size);
	assert_int_equal(check(CLV_OK).last, RECORDS + 3);
	record("four");
	assert_int_equal(check(CLV_OK).last, RECORDS + 4);
	/* One of its places may be torn. */
	free(head);
	head = load("state/audit/head", &head_size);
	for (size_t place = 0; place < 2; place++) {
		char *torn = malloc(head_size);

		memcpy(torn, head, head_size);
		memset(torn + place * 128 + 20, 0, 50);
		save("state/audit/head", torn, head_size);
		assert_int_equal(check(CLV_OK).last, RECORDS + 4);
		free(torn);
	}
	free(head);
	free(text);
}

#define WRITERS 4
#define EACH 25

static void
test_audit_append__serves_several_processes(void **state)
{
	const uint64_t before = check(CLV_OK).last;
	pid_t children[WRITERS];

	(void)state;
	for (size_t i = 0; i < WRITERS; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			const struct clv_audit_event event = {
			    .event = "written"};
			bool good = true;

			for (int j = 0; j < EACH; j++)
				good = clv_audit_append(application, &event,
					   NULL) == CLV_OK &&
				    good;
			_exit(good ? 0 : 1);
		}
	}
	for (size_t i = 0; i < WRITERS; i++) {
		int status = 0;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(
	    check(CLV_OK).last, before + (uint64_t)(WRITERS * EACH));
}

static void
small_files(void)
{
	char *path = path_of("claviger.conf");
	FILE *file = fopen(path, "a");

	assert_non_null(file);
	assert_true(fputs("audit: {file-size: 65536, files: 2}\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	free(path);
	clv_application_free(&application);
	assert_ok(clv_application_open(context, directory, &application, &err));
}

static void
test_audit_append__rotates(void **state)
{
	struct clv_audit_summary summary;
	struct stat about;
	char detail[1001];
	char *newest_file;

	(void)state;
	memset(detail, 'x', sizeof(detail) - 1);
	detail[sizeof(detail) - 1] = '\0';
	small_files();
	for (int i = 0; i < 200; i++)
		record(detail);
	summary = check(CLV_OK);
	assert_int_equal(summary.files, 2);
	assert_int_equal(files("state/audit/*.jsonl"), 2);
	assert_true(summary.first > 50);
	assert_true(summary.last >= 200);
	newest_file = path_of("state/audit/000004.jsonl");
	assert_int_equal(stat(newest_file, &about), 0);
	assert_true(about.st_size <= 65536);
	/* That the older one goes by itself is tampering. */
	command_ok(place, "rm '%s/state/audit/000003.jsonl'", directory);
	assert_int_equal(check(CLV_CORRUPT).broken, summary.first);
	free(newest_file);
}

static void
test_audit__does_not_stand_in_the_way_of_readers(void **state)
{
	int status = 0;
	pid_t child;

	(void)state;
	record("before");
	command_ok("/", "chmod 0755 '%s'", place);
	child = fork();
	if (child == 0) {
		const struct clv_audit_event event = {.event = "read"};
		clv_context *own = NULL;
		clv_application *reader = NULL;
		struct clv_audit_summary summary;
		clv_guard *guard = NULL;
		bool good = setgroups(0, NULL) == 0 && setgid(65534) == 0 &&
		    setuid(65534) == 0 &&
		    clv_context_new(&own, NULL) == CLV_OK &&
		    clv_guard_new(&guard, NULL) == CLV_OK;

		if (good)
			clv_context_set_guard(own, &guard);
		good = good &&
		    clv_application_open(own, directory, &reader, NULL) ==
			CLV_OK &&
		    clv_audit_append(reader, &event, NULL) == CLV_PERMISSION &&
		    clv_audit_verify(reader, NULL, &summary, NULL) == CLV_OK;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
test_audit_append__refuses_a_log_that_others_write(void **state)
{
	const struct clv_audit_event event = {.event = "written"};

	(void)state;
	record("before");
	command_ok(place, "chmod 0666 '%s/" LOG "'", directory);
	assert_fails(CLV_POLICY, clv_audit_append(application, &event, &err));
	command_ok(place, "chmod 0644 '%s/" LOG "'", directory);
	record("after");
	(void)check(CLV_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    AUDIT_TEST(test_audit_append__escapes_and_redacts),
	    AUDIT_TEST(test_audit_append__refuses_a_bad_name),
	    AUDIT_TEST(test_audit__tells_of_keys_and_commits),
	    AUDIT_TEST(test_audit__tells_of_a_commit_once_whatever_crashes),
	    AUDIT_TEST(test_audit__holds_a_commit_back_that_it_could_not_tell),
	    AUDIT_TEST(test_audit__tells_of_refusals_once_an_hour),
	    AUDIT_TEST(test_audit_append__takes_a_torn_line_away),
	    AUDIT_TEST(test_audit_append__goes_on_from_a_head_that_is_behind),
	    AUDIT_TEST(test_audit_append__serves_several_processes),
	    AUDIT_TEST(test_audit_append__rotates),
	    AUDIT_TEST(test_audit__does_not_stand_in_the_way_of_readers),
	    AUDIT_TEST(test_audit_append__refuses_a_log_that_others_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
