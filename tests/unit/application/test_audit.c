/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fixture.h"

#include <claviger/audit.h>

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "application/audit.h"
#include "application/state.h"

#define LOG "state/audit/000001.jsonl"
#define RECORDS 6
#define TEXT_MAX 65536

static char *
path_of(const char *name)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
	return path;
}

static char *
load(const char *name, size_t *size)
{
	char *path = path_of(name);
	char *text = calloc(1, TEXT_MAX);
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_non_null(text);
	*size = fread(text, 1, TEXT_MAX - 1, file);
	assert_int_equal(fclose(file), 0);
	free(path);
	return text;
}

static void
save(const char *name, const char *text, size_t size)
{
	char *path = path_of(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	free(path);
}

static void
record(const char *detail)
{
	const struct clv_audit_event event = {
	    .event = "something-happened", .detail = detail};

	assert_ok(clv_audit_append(application, &event, &err));
}

static struct clv_audit_summary
check(clv_status expected)
{
	struct clv_audit_summary summary;
	clv_error *err = NULL;
	const clv_status status =
	    clv_audit_verify(application, NULL, &summary, &err);

	if (status != expected)
		fail_msg("%s instead of %s: %s", clv_status_name(status),
		    clv_status_name(expected), clv_error_message(err));
	assert_int_equal(summary.broken != 0, expected == CLV_CORRUPT);
	clv_error_free(&err);
	return summary;
}

/* Fresh, with RECORDS records; gives the text of the log. */
static char *
fill(size_t *size)
{
	for (uint64_t last = check(CLV_OK).last; last < RECORDS; last++)
		record("x");
	return load(LOG, size);
}

/* ---- records ---- */

static bool
keep(void *user, const char *json, size_t size)
{
	char **last = user;

	assert_int_equal(strlen(json), size);
	free(*last);
	*last = strdup(json);
	return true;
}

static char *
newest(void)
{
	char *last = NULL;

	assert_ok(clv_audit_visit(application, keep, &last, &err));
	assert_non_null(last);
	return last;
}

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

/* ---- tampering ---- */

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
	save(LOG, text, size);
	(void)check(CLV_OK);
	free(text);
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
	save(LOG, text, size);
	(void)check(CLV_OK);
	free(text);
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
	save(LOG, text, size);
	(void)check(CLV_OK);
	free(text);
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
	save(LOG, text, size);
	(void)check(CLV_OK);
	free(text);
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

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_audit_append__escapes_and_redacts),
	    TEST(test_audit_append__refuses_a_bad_name),
	    TEST(test_audit_verify__finds_any_changed_record),
	    TEST(test_audit_verify__finds_any_removed_record),
	    TEST(test_audit_verify__finds_any_cut_at_the_end),
	    TEST(test_audit_verify__finds_moved_and_repeated_records),
	    TEST(test_audit_append__keeps_a_cut_visible),
	    TEST(test_audit_verify__finds_a_missing_head),
	    TEST(test_audit_verify__finds_that_the_log_is_gone),
	    TEST(test_audit_verify__misses_a_log_that_was_begun),
	    TEST(test_audit_append__tells_of_a_log_that_is_gone),
	    TEST(test_audit__commit_begins_a_log_that_is_missed),
	    TEST(test_audit_verify__compares_with_a_known_end),
	    TEST(test_audit__tells_of_keys_and_commits),
	    TEST(test_audit__tells_of_a_commit_once_whatever_crashes),
	    TEST(test_audit__holds_a_commit_back_that_it_could_not_tell),
	    TEST(test_audit__tells_of_refusals_once_an_hour),
	    TEST(test_audit_append__takes_a_torn_line_away),
	    TEST(test_audit_append__goes_on_from_a_head_that_is_behind),
	    TEST(test_audit_append__serves_several_processes),
	    TEST(test_audit_append__rotates),
	    TEST(test_audit__does_not_stand_in_the_way_of_readers),
	    TEST(test_audit_append__refuses_a_log_that_others_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
