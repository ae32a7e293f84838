/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* TrustLists in a transaction whose writer is killed: what others see of it in
 * each phase, and how it is finished. */

#include "lists_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "application/transaction.h"

enum phase {
	PREPARED,
	DECIDED,
	ONE_CARRIED_OUT,
	ALL_CARRIED_OUT
}; /* What a commit does up to a phase, by a process that then waits to be
    * killed. */
static void
write_up_to(enum phase phase)
{
	clv_txn *txn = begin();
	struct clv_redo *redo = NULL;
	bool committed = false;

	stage_both(txn);
	assert_ok(clv_redo_new(&redo, &err));
	assert_ok(clv_lists_begin(&txn->lists, &err));
	assert_ok(clv_lists_prepare(&txn->lists, application, redo, &err));
	if (phase >= DECIDED)
		assert_ok(
		    clv_state_commit(&txn->state, redo, &committed, &err));
	if (phase >= ONE_CARRIED_OUT)
		assert_ok(
		    clv_change_carry_out(&txn->lists.lists[0].change, &err));
	if (phase >= ALL_CARRIED_OUT)
		assert_ok(
		    clv_change_carry_out(&txn->lists.lists[1].change, &err));
}

struct writer {
	pid_t pid;
};

static struct writer
start_writer(enum phase phase)
{
	struct writer writer;
	int ready[2];
	char byte = 0;

	assert_return_code(pipe(ready), 0);
	writer.pid = fork();
	assert_true(writer.pid >= 0);
	if (writer.pid == 0) {
		write_up_to(phase);
		(void)!write(ready[1], "!", 1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return writer;
}

static void
kill_writer(const struct writer *writer)
{
	int status;

	assert_return_code(kill(writer->pid, SIGKILL), 0);
	assert_int_equal(waitpid(writer->pid, &status, 0), writer->pid);
	assert_true(WIFSIGNALED(status));
}

/* What a process finds that may write nothing. */
static int
changed_for_a_stranger(void)
{
	const pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		/* Root would not be kept out by modes. */
		if (geteuid() == 0 &&
		    (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(9);
		_exit(changed_afresh());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
start_over(void)
{
	struct clv_recovery done;

	assert_ok(clv_application_recover(application, &done, &err));
	command_ok(directory, "rm -f */trusted/certs/*");
	assert_int_equal(changed(readers), 0);
}

static void
test_txn_commit__comes_into_force_at_one_moment_for_all_readers(void **state)
{
	static const int expected[] = {0, 2, 2, 2};

	(void)state;
	assert_return_code(chmod(place, 0755), 0);
	for (enum phase phase = PREPARED; phase <= ALL_CARRIED_OUT; phase++) {
		const struct writer writer = start_writer(phase);

		assert_int_equal(changed(readers), expected[phase]);
		assert_int_equal(changed_afresh(), expected[phase]);
		assert_int_equal(changed_for_a_stranger(), expected[phase]);
		kill_writer(&writer);
		/* Nobody has noticed anything. */
		assert_int_equal(changed(readers), expected[phase]);
		assert_int_equal(changed_afresh(), expected[phase]);
		assert_int_equal(changed_for_a_stranger(), expected[phase]);
		start_over();
	}
}

static void
test_application_recover__discards_what_was_prepared_only(void **state)
{
	const struct writer writer = start_writer(PREPARED);
	struct clv_recovery done;

	(void)state;
	kill_writer(&writer);
	assert_int_equal(files("*/.claviger/journal"), 3); /* one is linked */
	assert_ok(clv_application_recover(application, &done, &err));
	assert_false(done.finished);
	assert_int_equal(done.lists, 0);
	assert_int_equal(done.discarded, 2);
	assert_int_equal(changed(readers), 0);
	assert_ok(clv_application_recover(application, &done, &err));
	assert_int_equal(done.discarded, 0);
}

static void
test_application_recover__finishes_the_lists_that_are_left(void **state)
{
	struct clv_recovery done;
	struct writer writer = start_writer(DECIDED);

	(void)state;
	kill_writer(&writer);
	assert_ok(clv_application_recover(application, &done, &err));
	assert_true(done.finished);
	assert_int_equal(done.lists, 2);
	assert_int_equal(changed(readers), 2);
	command_ok(directory, "rm -f */trusted/certs/*");
	writer = start_writer(ONE_CARRIED_OUT);
	kill_writer(&writer);
	/* What others change in a list that is done is not undone. */
	command_ok(directory, "rm pki/trusted/certs/*");
	assert_ok(clv_application_recover(application, &done, &err));
	assert_true(done.finished);
	assert_int_equal(done.lists, 1);
	assert_int_equal(changed(readers), 1);
	assert_true(list_has(readers[1], TRUSTED, &user.der));
}

static void
test_application_open__finishes_lists_too(void **state)
{
	const struct writer writer = start_writer(DECIDED);
	clv_application *later = NULL;
	struct clv_recovery done;

	(void)state;
	kill_writer(&writer);
	assert_ok(clv_application_open(context, directory, &later, &err));
	assert_int_equal(files("state/redo"), 0);
	assert_int_equal(files("users/trusted/certs/*.der"), 1);
	assert_ok(clv_application_recover(later, &done, &err));
	assert_true(done.finished);
	assert_int_equal(done.lists, 2);
	clv_application_free(&later);
}

static void
test_trust_writer__carries_out_what_is_decided(void **state)
{
	const struct writer writer = start_writer(DECIDED);
	struct clv_recovery done;

	(void)state;
	kill_writer(&writer);
	assert_ok(clv_trust_add(
	    readers[1], ISSUERS, ca.der.bytes, ca.der.size, NULL, &err));
	assert_int_equal(files("users/.claviger/journal"), 0);
	assert_int_equal(files("users/trusted/certs/*.der"), 1);
	assert_int_equal(files("pki/.claviger/journal"), 1);
	assert_int_equal(changed(readers), 2);
	assert_ok(clv_application_recover(application, &done, &err));
	assert_int_equal(done.lists, 1);
	assert_int_equal(changed(readers), 2);
	assert_true(list_has(readers[1], ISSUERS, &ca.der));
}

static void
test_trust_writer__discards_what_is_not_decided(void **state)
{
	const struct writer writer = start_writer(PREPARED);
	struct clv_recovery done;

	(void)state;
	/* While the other one lives, its lock keeps everybody away: see
	 * CLV_BUSY of clv_trust_add(). */
	kill_writer(&writer);
	assert_ok(clv_trust_add(
	    readers[1], ISSUERS, ca.der.bytes, ca.der.size, NULL, &err));
	assert_int_equal(files("users/.claviger/journal"), 0);
	assert_int_equal(files("pki/.claviger/journal"), 1);
	assert_int_equal(changed(readers), 0);
	assert_ok(clv_application_recover(application, &done, &err));
	assert_int_equal(done.discarded, 1);
}

static void
test_trust__does_not_guess_if_the_record_cannot_be_read(void **state)
{
	const struct writer writer = start_writer(DECIDED);
	clv_trust_snapshot *snapshot = NULL;
	struct clv_recovery done;

	(void)state;
	kill_writer(&writer);
	assert_int_equal(changed(readers), 2);
	command_ok(directory,
	    "cp state/redo kept && sed -i '1s/redo 2/redx 2/' state/redo");
	for (size_t i = 0; i < 2; i++)
		assert_fails(CLV_CORRUPT,
		    clv_trust_get_snapshot(readers[i], &snapshot, &err));
	assert_fails(CLV_CORRUPT,
	    clv_trust_add(
		readers[1], ISSUERS, ca.der.bytes, ca.der.size, NULL, &err));
	assert_fails(
	    CLV_CORRUPT, clv_application_recover(application, &done, &err));
	command_ok(directory, "head -c 20 kept >state/redo");
	assert_fails(
	    CLV_CORRUPT, clv_trust_get_snapshot(readers[0], &snapshot, &err));
	/* An insecure one may have been written by anybody. */
	command_ok(directory, "cat kept >state/redo; chmod 0666 state/redo");
	assert_fails(
	    CLV_POLICY, clv_trust_get_snapshot(readers[0], &snapshot, &err));
	command_ok(directory, "chmod 0644 state/redo; mv state away");
	assert_fails(
	    CLV_CORRUPT, clv_trust_get_snapshot(readers[0], &snapshot, &err));
	assert_fails(CLV_CORRUPT,
	    clv_trust_add(
		readers[0], ISSUERS, ca.der.bytes, ca.der.size, NULL, &err));
	command_ok(directory, "mv away state");
	assert_int_equal(changed(readers), 2);
	assert_int_equal(files("*/.claviger/journal"), 3);
	assert_ok(clv_application_recover(application, &done, &err));
	assert_int_equal(done.lists, 2);
	assert_int_equal(changed(readers), 2);
}

static void
test_txn_commit__survives_a_move_of_the_whole_application(void **state)
{
	const struct writer writer = start_writer(DECIDED);
	clv_application *moved = NULL;
	char path[128];

	(void)state;
	kill_writer(&writer);
	clv_trust_free(&readers[0]);
	clv_trust_free(&readers[1]);
	command_ok(place, "mv app elsewhere");
	(void)snprintf(path, sizeof(path), "%s/elsewhere", place);
	assert_ok(clv_application_open(context, path, &moved, &err));
	clv_application_free(&moved);
	command_ok(place, "mv elsewhere app");
	readers[0] = open_list("pki");
	readers[1] = open_list("users");
	assert_int_equal(changed(readers), 2);
	assert_int_equal(files("*/.claviger/journal"), 0);
}

static void
test_txn_commit__of_a_list_elsewhere_finds_its_record(void **state)
{
	struct clv_recovery done;
	struct writer writer;
	clv_trust *reader;

	(void)state;
	command_ok(directory,
	    "mv users ../out && ln -s ../out users && sed -i "
	    "'s,trust-list: users,trust-list: ../out,' claviger.conf");
	clv_application_free(&application);
	assert_ok(clv_application_open(context, directory, &application, &err));
	writer = start_writer(DECIDED);
	kill_writer(&writer);
	reader = open_list("../out");
	command_ok(place,
	    "grep -aq '^when .* /.*/state/redo$' "
	    "out/.claviger/journal");
	assert_true(list_has(reader, TRUSTED, &user.der));
	assert_ok(clv_application_recover(application, &done, &err));
	assert_int_equal(done.lists, 2);
	assert_true(list_has(reader, TRUSTED, &user.der));
	clv_trust_free(&reader);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    LISTS_TEST(
		test_txn_commit__comes_into_force_at_one_moment_for_all_readers),
	    LISTS_TEST(
		test_application_recover__discards_what_was_prepared_only),
	    LISTS_TEST(
		test_application_recover__finishes_the_lists_that_are_left),
	    LISTS_TEST(test_application_open__finishes_lists_too),
	    LISTS_TEST(test_trust_writer__carries_out_what_is_decided),
	    LISTS_TEST(test_trust_writer__discards_what_is_not_decided),
	    LISTS_TEST(test_trust__does_not_guess_if_the_record_cannot_be_read),
	    LISTS_TEST(
		test_txn_commit__survives_a_move_of_the_whole_application),
	    LISTS_TEST(test_txn_commit__of_a_list_elsewhere_finds_its_record),
	};

	return cmocka_run_group_tests(
	    tests, lists_set_up_pki, lists_tear_down_pki);
}
