/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "application/state.h"

#define KEYS "pki/own/private/*.pem"

static void
test_txn_commit__replaces_key_and_certificate(void **state)
{
	char *old_key = present_key();
	char *old = present_thumbprint(application);
	clv_application *reader = NULL;
	char *new_key;
	char *new;

	(void)state;
	renew();
	new_key = present_key();
	new = present_thumbprint(application);
	assert_string_not_equal(old_key, new_key);
	assert_string_not_equal(old, new);
	/* The old key is gone from its store, and nothing is left to do. */
	assert_int_equal(files(KEYS), 1);
	assert_int_equal(files("state/redo"), 0);
	assert_ok(clv_application_open(context, directory, &reader, &err));
	free(old);
	old = present_thumbprint(reader);
	assert_string_equal(old, new);
	clv_application_free(&reader);
	free(old_key);
	free(new_key);
	free(old);
	free(new);
}

static void
test_txn_commit__keeps_the_key_of_a_renewed_certificate(void **state)
{
	char *before = present_key();
	clv_key *key = NULL;
	uint8_t *der;
	size_t size = 0;
	char *after;

	(void)state;
	assert_ok(clv_application_key(application, GROUP, TYPE, &key, &err));
	der = certificate_for(key, TEST_URI, &size);
	assert_ok(
	    clv_application_install(application, NULL, NULL, der, size, &err));
	after = present_key();
	assert_string_equal(before, after);
	assert_int_equal(files(KEYS), 1);
	free(before);
	free(after);
	clv_free(der);
	clv_key_free(&key);
}

static void
read_generation(struct clv_generation *generation)
{
	assert_ok(clv_state_read_generation(clv_context_guard(context),
	    application->directory_fd, generation, &err));
}

static void
test_txn_commit__leaves_word_of_itself(void **state)
{
	const int64_t before = (int64_t)time(NULL);
	struct clv_generation first;
	struct clv_generation second;

	(void)state;
	/* As in every directory that is older than the file. */
	read_generation(&first);
	assert_string_equal(first.nonce, "");
	assert_int_equal(first.count, 0);
	renew();
	read_generation(&first);
	assert_true(clv_nonce_is(first.nonce));
	assert_in_range(first.time, before, (int64_t)time(NULL));
	assert_int_equal(first.count, 1);
	assert_string_equal(first.changes[0].group, GROUP);
	assert_string_equal(first.changes[0].type, TYPE);
	renew();
	read_generation(&second);
	assert_string_not_equal(first.nonce, second.nonce);
	clv_generation_clear(&first);
	clv_generation_clear(&second);
}

static void
test_txn_cancel__leaves_no_trace(void **state)
{
	char *before = present_thumbprint(application);
	clv_txn *txn = NULL;
	clv_key *key = NULL;
	char *after;

	(void)state;
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, NULL, &err));
	assert_int_equal(files(KEYS), 2);
	assert_ok(clv_txn_cancel(txn, &err));
	clv_txn_free(&txn);
	assert_int_equal(files(KEYS), 1);
	assert_fails(CLV_NOT_FOUND,
	    clv_application_pending_key(application, GROUP, TYPE, &key, &err));
	after = present_thumbprint(application);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void
test_txn_new_key__outlives_the_transaction(void **state)
{
	clv_application *later = NULL;
	clv_txn *txn = NULL;
	clv_key *made = NULL;
	clv_key *found = NULL;

	(void)state;
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &made, &err));
	clv_txn_free(&txn);
	assert_ok(clv_application_open(context, directory, &later, &err));
	assert_ok(
	    clv_application_pending_key(later, GROUP, TYPE, &found, &err));
	assert_string_equal(clv_key_uri(made), clv_key_uri(found));
	clv_key_free(&found);
	clv_key_free(&made);
	clv_application_free(&later);
}

static void
test_txn_new_key__discards_the_one_that_was_pending(void **state)
{
	clv_txn *txn = NULL;
	clv_key *first = NULL;
	clv_key *second = NULL;
	uint8_t *der;
	size_t size = 0;

	(void)state;
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &first, &err));
	assert_ok(
	    clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &second, &err));
	assert_int_equal(files(KEYS), 2);
	der = certificate_for(first, TEST_URI, &size);
	assert_fails(CLV_INVALID,
	    clv_txn_certificate(txn, GROUP, TYPE, der, size, NULL, 0, &err));
	clv_txn_free(&txn);
	clv_free(der);
	clv_key_free(&first);
	clv_key_free(&second);
}

static void
test_txn_new_key__wants_an_algorithm_of_its_slot(void **state)
{
	clv_txn *txn = NULL;
	clv_key *key = NULL;

	(void)state;
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_new_key(txn, GROUP, TYPE, CLV_RSA_2048, &key, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_new_key(txn, GROUP, "RsaSha256", CLV_RSA_2048, &key, &err));
	clv_txn_free(&txn);
}

static void
test_txn_certificate__of_another_application_is_refused(void **state)
{
	clv_txn *txn = NULL;
	clv_key *key = NULL;
	uint8_t *der;
	size_t size = 0;

	(void)state;
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &key, &err));
	der = certificate_for(key, "urn:test:other", &size);
	assert_fails(CLV_INVALID,
	    clv_txn_certificate(txn, GROUP, TYPE, der, size, NULL, 0, &err));
	clv_txn_free(&txn);
	clv_free(der);
	clv_key_free(&key);
}

static void
test_application_key__swapped_underneath_is_changed(void **state)
{
	clv_key *key = NULL;

	(void)state;
	command_ok(directory,
	    "cd pki/own/private && f=$(ls) && umask 077 && openssl genpkey "
	    "-algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out $f");
	assert_fails(CLV_CHANGED,
	    clv_application_key(application, GROUP, TYPE, &key, &err));
}

/* A commit in a child that dies right after the commit point. */
static void
commit_and_die(void)
{
	const pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct clv_state writer = CLV_STATE_INIT;
		struct clv_redo *redo = NULL;
		unsigned char *text = NULL;
		size_t size = 0;
		bool committed;

		assert_ok(clv_state_lock(application, 0, &writer, &err));
		assert_ok(clv_redo_new(&redo, &err));
		assert_ok(clv_application_read(
		    application, "claviger.conf", 65536, &text, &size, &err));
		text = realloc(text, size + 32);
		memcpy(text + size, "product-uri: urn:new\n", 21);
		assert_ok(
		    clv_redo_put(redo, "claviger.conf", text, size + 21, &err));
		assert_ok(clv_redo_put(
		    redo, "pki/own/certs/new.der", "new", 3, &err));
		assert_ok(clv_state_commit(&writer, redo, &committed, &err));
		_exit(committed ? 0 : 1);
	}
	int status = 1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
test_application_open__finishes_what_was_committed(void **state)
{
	clv_application *reader = NULL;

	(void)state;
	commit_and_die();
	assert_int_equal(files("state/redo"), 1);
	assert_int_equal(files("pki/own/certs/new.der"), 0);
	assert_ok(clv_application_open(context, directory, &reader, &err));
	assert_int_equal(files("state/redo"), 0);
	assert_int_equal(files("pki/own/certs/new.der"), 1);
	command_ok(directory, "grep -q urn:new claviger.conf");
	clv_application_free(&reader);
}

static void
test_application_open__reads_through_the_record_while_one_writes(void **state)
{
	struct clv_state writer = CLV_STATE_INIT;
	clv_application *reader = NULL;
	unsigned char *bytes = NULL;
	size_t size = 0;

	(void)state;
	commit_and_die();
	assert_ok(clv_state_lock(application, 0, &writer, &err));
	assert_ok(clv_application_open(context, directory, &reader, &err));
	assert_int_equal(files("state/redo"), 1);
	assert_ok(clv_application_read(
	    reader, "pki/own/certs/new.der", 16, &bytes, &size, &err));
	assert_int_equal(size, 3);
	clv_free(bytes);
	clv_application_free(&reader);
	clv_state_unlock(&writer);
}

static void
test_application_open__refuses_a_damaged_record(void **state)
{
	clv_application *reader = NULL;

	(void)state;
	commit_and_die();
	command_ok(directory, "sed -i s/urn:new/urn:old/ state/redo");
	assert_fails(CLV_CORRUPT,
	    clv_application_open(context, directory, &reader, &err));
}

static void
test_application_recover__destroys_keys_nobody_uses(void **state)
{
	struct clv_recovery recovery;

	(void)state;
	/* One whose maker was killed, one that had been replaced. */
	command_ok(directory,
	    "umask 077; cd pki/own/private; for f in lost old; do openssl "
	    "genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out "
	    "$f.pem; done; umask 022; cd ../../..; printf "
	    "'claviger-keys 1\n"
	    "making " GROUP " " TYPE " file:pki/own/private lost\n"
	    "destroy " GROUP " " TYPE " file:pki/own/private/old.pem -\n"
	    "destroy " GROUP " " TYPE " file:pki/own/private/gone.pem -\n' "
	    ">state/keys; touch .claviger-0123.tmp");
	assert_ok(clv_application_recover(application, &recovery, &err));
	assert_int_equal(recovery.destroyed, 3);
	assert_int_equal(recovery.swept, 1);
	assert_int_equal(recovery.left, 0);
	assert_false(recovery.finished);
	assert_int_equal(files(KEYS), 1);
	assert_ok(clv_application_recover(application, &recovery, &err));
	assert_int_equal(recovery.destroyed, 0);
}

static void
test_application_recover__tells_of_keys_it_could_not_destroy(void **state)
{
	struct clv_recovery recovery;

	(void)state;
	command_ok(directory,
	    "printf 'claviger-keys 1\ndestroy " GROUP " " TYPE
	    " nonsense:x -\n' >state/keys");
	assert_fails(CLV_UNSUPPORTED,
	    clv_application_recover(application, &recovery, &err));
	assert_int_equal(recovery.left, 1);
	/* Nobody is held up by it. */
	renew();
	assert_int_equal(files(KEYS), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_txn_commit__replaces_key_and_certificate),
	    TEST(test_txn_commit__keeps_the_key_of_a_renewed_certificate),
	    TEST(test_txn_commit__leaves_word_of_itself),
	    TEST(test_txn_cancel__leaves_no_trace),
	    TEST(test_txn_new_key__outlives_the_transaction),
	    TEST(test_txn_new_key__discards_the_one_that_was_pending),
	    TEST(test_txn_new_key__wants_an_algorithm_of_its_slot),
	    TEST(test_txn_certificate__of_another_application_is_refused),
	    TEST(test_application_key__swapped_underneath_is_changed),
	    TEST(test_application_open__finishes_what_was_committed),
	    TEST(
		test_application_open__reads_through_the_record_while_one_writes),
	    TEST(test_application_open__refuses_a_damaged_record),
	    TEST(test_application_recover__destroys_keys_nobody_uses),
	    TEST(test_application_recover__tells_of_keys_it_could_not_destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
