/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Changes of a list that a record elsewhere decides. With "polling" as its
 * argument, readers do without inotify. */

#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory.h"
#include "trust/prepare.h"

#define TRUSTED CLV_TRUST_TRUSTED_CERTIFICATES
#define ISSUERS CLV_TRUST_ISSUER_CERTIFICATES
#define ALL CLV_TRUST_ALL_LISTS
#define NONCE "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"
#define JOURNAL ".claviger/journal"

struct fixture {
	struct directory directory;
	clv_trust *trust; /* the writer's */
	clv_trust *reader;
	struct pki_family pki;
};

static struct fixture shared;
static bool polling;

static int
set_up_pki(void **state)
{
	(void)state;
	pki_family_make(&shared.pki, false, NULL);
	return 0;
}

static int
tear_down_pki(void **state)
{
	(void)state;
	pki_family_drop(&shared.pki);
	return 0;
}

static int
set_up(void **state)
{
	clv_trust_options *options = NULL;
	char path[512];

	directory_make(&shared.directory);
	(void)snprintf(path, sizeof(path), "%s/state", shared.directory.base);
	assert_return_code(mkdir(path, 0755), 0);
	assert_ok(clv_trust_options_new(&options, &err));
	clv_trust_options_set_polling(options, polling, 0);
	assert_ok(
	    clv_trust_open(shared.directory.path, NULL, &shared.trust, &err));
	assert_ok(clv_trust_open(
	    shared.directory.path, options, &shared.reader, &err));
	clv_trust_options_free(&options);
	assert_int_equal(trust_count(shared.reader, ALL), 0);
	*state = &shared;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	assert_false(directory_has(&f->directory, JOURNAL));
	clv_trust_free(&f->trust);
	clv_trust_free(&f->reader);
	directory_remove(&f->directory);
	return 0;
}

/* ---- the record ---- */

static void
write_record(const struct fixture *f, const char *text)
{
	struct blob blob = {(uint8_t *)(uintptr_t)text, strlen(text)};

	directory_write(&f->directory, "../state/redo", &blob);
}

static void
decide(const struct fixture *f)
{
	write_record(f, "claviger-redo 2 " NONCE "\nand so on\n");
}

static void
remove_record(const struct fixture *f)
{
	directory_delete(&f->directory, "../state/redo");
}

static struct clv_decision
decision(void)
{
	static char path[] = "../state/redo";

	return (struct clv_decision){NONCE, path};
}

/* A certificate and its CA. */
static void
prepare(struct fixture *f, struct clv_change *change)
{
	const struct clv_decision when = decision();
	struct blob chain = pki_join(&f->pki.leaf.der, &f->pki.ca.der);

	assert_ok(clv_change_begin(change, f->trust, &err));
	assert_ok(
	    clv_change_add(change, TRUSTED, chain.bytes, chain.size, &err));
	assert_ok(clv_change_prepare(change, &when, &err));
	assert_false(clv_change_is_empty(change));
	blob_drop(&chain);
}

/* As if its writer had been killed. */
static void
abandon(struct clv_change *change)
{
	change->result = (clv_trust_change){.added = 0};
	clv_change_end(change);
}

/* ---- tests ---- */

static void
test_change_prepare__counts_from_the_decision_on(void **state)
{
	struct fixture *f = *state;
	struct clv_change change;

	prepare(f, &change);
	assert_int_equal(trust_count(f->reader, ALL), 0);
	assert_int_equal(trust_count(f->reader, ALL), 0);
	write_record(f, "claviger-redo 2 " OTHER "\n");
	assert_int_equal(trust_count(f->reader, ALL), 0);
	write_record(f, "claviger-redo 1\nput\n");
	assert_int_equal(trust_count(f->reader, ALL), 0);
	decide(f);
	assert_int_equal(trust_count(f->reader, ALL), 2);
	assert_int_equal(directory_count(&f->directory, "trusted/certs"), 0);
	assert_ok(clv_change_carry_out(&change, &err));
	assert_int_equal(trust_count(f->reader, ALL), 2);
	remove_record(f);
	assert_int_equal(trust_count(f->reader, ALL), 2);
	assert_int_equal(directory_count(&f->directory, "trusted/certs"), 1);
	assert_int_equal(change.result.added, 2);
	clv_change_end(&change);
}

static void
test_change_prepare__asks_until_it_is_gone_and_no_longer(void **state)
{
	struct fixture *f = *state;
	struct clv_change change;

	assert_false(atomic_load(&f->reader->asking));
	prepare(f, &change);
	assert_int_equal(trust_count(f->reader, ALL), 0);
	assert_true(atomic_load(&f->reader->asking));
	decide(f);
	assert_int_equal(trust_count(f->reader, ALL), 2);
	assert_true(atomic_load(&f->reader->asking));
	/* A decision that is taken back: nobody stays on it. */
	remove_record(f);
	assert_int_equal(trust_count(f->reader, ALL), 0);
	assert_ok(clv_change_discard(&change, &err));
	clv_change_end(&change);
	assert_int_equal(trust_count(f->reader, ALL), 0);
	assert_false(atomic_load(&f->reader->asking));
}

static void
test_change_prepare__missed_by_a_reader_is_read_whole(void **state)
{
	struct fixture *f = *state;
	struct clv_change change;

	/* All between two questions. */
	prepare(f, &change);
	assert_int_equal(trust_count(f->reader, ALL), 0);
	decide(f);
	assert_ok(clv_change_carry_out(&change, &err));
	remove_record(f);
	clv_change_end(&change);
	assert_int_equal(trust_count(f->reader, ALL), 2);
	assert_false(atomic_load(&f->reader->asking));
}

static void
test_change_prepare__writes_nothing_if_nothing_changes(void **state)
{
	const struct clv_decision when = decision();
	struct fixture *f = *state;
	struct clv_change change;

	assert_ok(clv_trust_add(f->trust, TRUSTED, f->pki.leaf.der.bytes,
	    f->pki.leaf.der.size, NULL, &err));
	assert_ok(clv_change_begin(&change, f->trust, &err));
	assert_ok(clv_change_add(&change, TRUSTED, f->pki.leaf.der.bytes,
	    f->pki.leaf.der.size, &err));
	assert_ok(clv_change_prepare(&change, &when, &err));
	assert_true(clv_change_is_empty(&change));
	assert_false(directory_has(&f->directory, JOURNAL));
	assert_ok(clv_change_carry_out(&change, &err));
	assert_ok(clv_change_discard(&change, &err));
	clv_change_end(&change);
}

static void
test_change_begin__discards_what_is_not_decided(void **state)
{
	struct fixture *f = *state;
	struct clv_change_recovery done;
	struct clv_change change;

	prepare(f, &change);
	abandon(&change);
	assert_int_equal(trust_count(f->reader, ALL), 0);
	assert_ok(clv_change_recover(f->trust, &done, &err));
	assert_int_equal(done.found, CLV_JOURNAL_WAITING);
	assert_false(directory_has(&f->directory, JOURNAL));
	/* Too late. */
	decide(f);
	assert_int_equal(trust_count(f->reader, ALL), 0);
}

static void
test_change_begin__carries_out_what_is_decided(void **state)
{
	struct fixture *f = *state;
	struct clv_change_recovery done;
	struct clv_change change;

	prepare(f, &change);
	abandon(&change);
	decide(f);
	assert_ok(clv_change_recover(f->trust, &done, &err));
	assert_int_equal(done.found, CLV_JOURNAL_IN_FORCE);
	remove_record(f);
	assert_int_equal(trust_count(f->reader, ALL), 2);
}

static void
test_change_begin__removes_what_was_left_of_one_that_is_over(void **state)
{
	struct blob kept = {NULL, 0};
	struct fixture *f = *state;
	struct clv_change_recovery done;
	struct clv_change change;
	uint8_t *text = NULL;

	prepare(f, &change);
	assert_ok(clv_journal_encode(change.ops, &text, &kept.size, &err));
	decide(f);
	assert_ok(clv_change_carry_out(&change, &err));
	clv_change_end(&change);
	kept.bytes = text;
	directory_write(&f->directory, JOURNAL, &kept);
	directory_write(&f->directory, ".claviger/.claviger-01.tmp", &kept);
	/* Carried out: what is done later must not be undone by it. */
	directory_delete(&f->directory, "../state/redo");
	assert_int_equal(trust_count(f->reader, ALL), 2);
	assert_ok(clv_change_recover(f->trust, &done, &err));
	assert_int_equal(done.found, CLV_JOURNAL_OVER);
	assert_int_equal(done.swept, 1);
	assert_int_equal(trust_count(f->reader, ALL), 2);
	free(text);
}

static void
test_decision__that_cannot_be_read_is_an_error(void **state)
{
	static const char *const damaged[] = {"", "\n", "claviger-redo 2 \n",
	    "claviger-redo 3 " NONCE "\n", "claviger-redo 2 " NONCE,
	    "claviger-redo 2 " NONCE "0\n", "claviger-redo 2 x" NONCE "\n"};
	struct fixture *f = *state;
	clv_trust_snapshot *snapshot = NULL;
	struct clv_change_recovery done;
	struct clv_change change;
	char path[512];

	prepare(f, &change);
	abandon(&change);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		write_record(f, damaged[i]);
		assert_fails(CLV_CORRUPT,
		    clv_trust_get_snapshot(f->reader, &snapshot, &err));
		assert_fails(
		    CLV_CORRUPT, clv_change_recover(f->trust, &done, &err));
		assert_true(directory_has(&f->directory, JOURNAL));
	}
	decide(f);
	(void)directory_path(&f->directory, "../state/redo", path);
	assert_return_code(chmod(path, 0666), 0);
	assert_fails(
	    CLV_POLICY, clv_trust_get_snapshot(f->reader, &snapshot, &err));
	assert_fails(CLV_POLICY, clv_change_recover(f->trust, &done, &err));
	assert_return_code(chmod(path, 0644), 0);
	directory_rename(&f->directory, "../state", "../moved");
	assert_fails(
	    CLV_CORRUPT, clv_trust_get_snapshot(f->reader, &snapshot, &err));
	assert_fails(CLV_CORRUPT, clv_change_recover(f->trust, &done, &err));
	directory_rename(&f->directory, "../moved", "../state");
	assert_int_equal(trust_count(f->reader, ALL), 2);
	assert_ok(clv_change_recover(f->trust, &done, &err));
}

static void
test_change_draft__tells_what_would_be_and_writes_nothing(void **state)
{
	struct fixture *f = *state;
	struct clv_change draft;
	clv_trust_snapshot *snapshot = NULL;
	char thumbprint[41];

	assert_ok(clv_trust_add(f->trust, ISSUERS, f->pki.ca.der.bytes,
	    f->pki.ca.der.size, NULL, &err));
	assert_ok(clv_trust_add(
	    f->trust, ISSUERS, f->pki.crl.bytes, f->pki.crl.size, NULL, &err));
	assert_ok(clv_change_draft(&draft, f->trust, &err));
	assert_ok(clv_change_add(&draft, TRUSTED, f->pki.leaf.der.bytes,
	    f->pki.leaf.der.size, &err));
	/* The newer CRL replaces the older one. */
	assert_ok(clv_change_add(&draft, ISSUERS, f->pki.revoking.bytes,
	    f->pki.revoking.size, &err));
	assert_ok(clv_change_snapshot(&draft, &snapshot, &err));
	assert_int_equal(clv_trust_snapshot_cert_count(snapshot), 2);
	assert_int_equal(clv_trust_snapshot_crl_count(snapshot), 1);
	clv_trust_snapshot_free(&snapshot);
	pki_thumbprint(&f->pki.ca.der, thumbprint);
	/* The CA takes the CRL along that was only just put. */
	assert_ok(clv_change_remove(&draft, ISSUERS, thumbprint, &err));
	assert_fails(CLV_NOT_FOUND,
	    clv_change_remove(&draft, ISSUERS, thumbprint, &err));
	assert_ok(clv_change_snapshot(&draft, &snapshot, &err));
	assert_int_equal(clv_trust_snapshot_cert_count(snapshot), 1);
	assert_int_equal(clv_trust_snapshot_crl_count(snapshot), 0);
	clv_trust_snapshot_free(&snapshot);
	clv_change_end(&draft);
	assert_int_equal(trust_count(f->reader, ALL), 2);
	assert_true(trust_has(f->reader, CLV_TRUST_ISSUER_CRLS, &f->pki.crl));
}

static void
test_change_snapshot__tells_of_a_crl_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	struct blob junk = {(uint8_t *)(uintptr_t) "junk", 4};
	clv_trust_snapshot *snapshot = NULL;
	struct clv_change draft;

	directory_write(&f->directory, "issuer/crl/broken.crl", &junk);
	assert_ok(clv_change_draft(&draft, f->trust, &err));
	assert_ok(clv_change_add(&draft, TRUSTED, f->pki.leaf.der.bytes,
	    f->pki.leaf.der.size, &err));
	assert_ok(clv_change_snapshot(&draft, &snapshot, &err));
	assert_non_null(clv_trust_snapshot_lost_crl(snapshot));
	clv_trust_snapshot_free(&snapshot);
	assert_ok(clv_journal_remove(
	    draft.ops, CLV_FOLDER_ISSUER_CRL, "broken.crl", &err));
	assert_ok(clv_change_snapshot(&draft, &snapshot, &err));
	assert_null(clv_trust_snapshot_lost_crl(snapshot));
	clv_trust_snapshot_free(&snapshot);
	clv_change_end(&draft);
}

static void
test_journal_parse__takes_one_decision_before_all_else(void **state)
{
	struct fixture *f = *state;
	struct clv_journal *journal = NULL;
	struct clv_journal *again = NULL;
	uint8_t *text = NULL;
	size_t size = 0;

	(void)f;
	assert_ok(clv_journal_new(&journal, &err));
	assert_ok(
	    clv_journal_remove(journal, CLV_FOLDER_TRUSTED_CERTS, "a", &err));
	memcpy(journal->when.nonce, NONCE, sizeof(NONCE));
	journal->when.path = strdup("/a b/%\n\xc3\xbc");
	assert_ok(clv_journal_encode(journal, &text, &size, &err));
	assert_ok(clv_journal_parse(text, size, &again, &err));
	assert_string_equal(again->when.nonce, NONCE);
	assert_string_equal(again->when.path, journal->when.path);
	assert_int_equal(again->count, 1);
	clv_journal_free(&again);
	for (size_t i = 0; i < size; i++) {
		uint8_t *copy;

		assert_ok(clv_journal_encode(journal, &copy, &size, &err));
		assert_fails(
		    CLV_CORRUPT, clv_journal_parse(copy, i, &again, &err));
		assert_ok(clv_journal_encode(journal, &copy, &size, &err));
		copy[i] ^= 1;
		assert_fails(
		    CLV_CORRUPT, clv_journal_parse(copy, size, &again, &err));
	}
	clv_journal_free(&journal);
}

static void
test_journal_parse__refuses_decisions_that_are_none(void **state)
{
#define HEAD "claviger-trust-journal 1 " OTHER "\n"
#define WHEN "when " NONCE " /r\n"
	static const char *const texts[] = {HEAD "when " NONCE "\nend x\n",
	    HEAD "when " NONCE " \nend x\n", HEAD "when 12 /r\nend x\n",
	    HEAD "when " NONCE " %zz\nend x\n", HEAD WHEN WHEN "end x\n",
	    HEAD "remove 0 a\n" WHEN "end x\n"};
	struct clv_journal *journal = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		clv_error *err = NULL;

		assert_int_equal(clv_journal_parse((uint8_t *)strdup(texts[i]),
				     strlen(texts[i]), &journal, &err),
		    CLV_CORRUPT);
		/* Before anything else is found to be wrong. */
		assert_string_equal(
		    clv_error_reason(err), "a line is not understood");
		clv_error_free(&err);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_change_prepare__counts_from_the_decision_on),
	    TEST(test_change_prepare__asks_until_it_is_gone_and_no_longer),
	    TEST(test_change_prepare__missed_by_a_reader_is_read_whole),
	    TEST(test_change_prepare__writes_nothing_if_nothing_changes),
	    TEST(test_change_begin__discards_what_is_not_decided),
	    TEST(test_change_begin__carries_out_what_is_decided),
	    TEST(test_change_begin__removes_what_was_left_of_one_that_is_over),
	    TEST(test_decision__that_cannot_be_read_is_an_error),
	    TEST(test_change_draft__tells_what_would_be_and_writes_nothing),
	    TEST(test_change_snapshot__tells_of_a_crl_that_cannot_be_read),
	    TEST(test_journal_parse__takes_one_decision_before_all_else),
	    TEST(test_journal_parse__refuses_decisions_that_are_none),
	};

	polling = argc > 1 && strcmp(argv[1], "polling") == 0;
	return cmocka_run_group_tests(tests, set_up_pki, tear_down_pki);
}
