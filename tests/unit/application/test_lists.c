/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* TrustLists in transactions: two of them, and one that two groups share. */

#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "application/transaction.h"
#include "keys/context.h"
#include "unit/trust/pki.h"

#define USERS "DefaultUserTokenGroup"
#define SHARED "SharedGroup"
#define TRUSTED CLV_TRUST_TRUSTED_CERTIFICATES
#define ISSUERS CLV_TRUST_ISSUER_CERTIFICATES
#define ALL CLV_TRUST_ALL_LISTS
#define KEYS "pki/own/private/*.pem"

static struct pki_identity ca;
static struct pki_identity peer;
static struct pki_identity user;
static struct blob crl;

/* Live readers of both lists, as another process would hold them. */
static clv_trust *readers[2];

static int
set_up_pki(void **state)
{
	(void)state;
	pki_make(&ca, "CA", true, NULL);
	pki_make(&peer, "Peer", false, &ca);
	pki_make(&user, "User", false, NULL);
	crl = pki_crl(&ca, 1, NULL, -60);
	return 0;
}

static int
tear_down_pki(void **state)
{
	(void)state;
	pki_drop(&user);
	pki_drop(&peer);
	pki_drop(&ca);
	blob_drop(&crl);
	return 0;
}

static clv_trust *
open_list(const char *name)
{
	clv_trust *trust = NULL;
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_ok(clv_trust_open(path, NULL, &trust, &err));
	return trust;
}

static int
set_up_lists(void **state)
{
	(void)set_up(state);
	command_ok(directory,
	    "printf '  " USERS ":\n    trust-list: users\n  " SHARED
	    ":\n    trust-list: shared\n' >>claviger.conf && mkdir -p "
	    "users/trusted/certs && ln -s users shared");
	clv_application_free(&application);
	assert_ok(clv_application_open(context, directory, &application, &err));
	readers[0] = open_list("pki");
	readers[1] = open_list("users");
	return 0;
}

static int
tear_down_lists(void **state)
{
	/* Whatever was done, nothing unfinished stays. */
	assert_int_equal(files("pki/.claviger/journal"), 0);
	assert_int_equal(files("users/.claviger/journal"), 0);
	assert_int_equal(files("state/redo"), 0);
	clv_trust_free(&readers[0]);
	clv_trust_free(&readers[1]);
	return tear_down(state);
}

/* ---- what tests are made of ---- */

struct search {
	const struct blob *der;
	bool found;
};

static bool
search_item(void *user_data, const clv_trust_item *item)
{
	struct search *search = user_data;

	search->found = item->size == search->der->size &&
	    memcmp(item->der, search->der->bytes, item->size) == 0;
	return !search->found;
}

static bool
list_has(clv_trust *trust, unsigned lists, const struct blob *der)
{
	struct search search = {der, false};

	(void)clv_trust_visit(trust, lists, search_item, &search, NULL);
	return search.found;
}

static clv_txn *
begin(void)
{
	clv_txn *txn = NULL;

	assert_ok(clv_txn_open(application, &txn, &err));
	return txn;
}

static void
stage_add(clv_txn *txn, const char *group, clv_trust_mask list,
    const struct blob *blob)
{
	assert_ok(
	    clv_txn_trust_add(txn, group, list, blob->bytes, blob->size, &err));
}

/* A peer for the application, a user for the users. */
static void
stage_both(clv_txn *txn)
{
	stage_add(txn, GROUP, TRUSTED, &peer.der);
	stage_add(txn, USERS, TRUSTED, &user.der);
}

/* 0: neither list is changed, 2: both are. */
static int
changed(clv_trust *const lists[2])
{
	return (list_has(lists[0], TRUSTED, &peer.der) ? 1 : 0) +
	    (list_has(lists[1], TRUSTED, &user.der) ? 1 : 0);
}

/* As by a program that is started now. */
static int
changed_afresh(void)
{
	clv_trust *lists[2] = {open_list("pki"), open_list("users")};
	const int count = changed(lists);

	clv_trust_free(&lists[0]);
	clv_trust_free(&lists[1]);
	return count;
}

static void
commit(clv_txn **txn)
{
	assert_ok(clv_txn_commit(*txn, &err));
	clv_txn_free(txn);
}

static void
read_generation(struct clv_generation *generation)
{
	assert_ok(clv_state_read_generation(clv_context_guard(context),
	    application->directory_fd, generation, &err));
}

/* ---- committing ---- */

static void
test_txn_commit__changes_key_and_two_lists_at_once(void **state)
{
	char *old = present_thumbprint(application);
	clv_txn *txn = begin();
	struct clv_generation last;
	clv_key *key = NULL;
	uint8_t *der;
	size_t size = 0;
	char *now;

	(void)state;
	assert_ok(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &key, &err));
	der = certificate_for(key, TEST_URI, &size);
	assert_ok(
	    clv_txn_certificate(txn, GROUP, TYPE, der, size, NULL, 0, &err));
	stage_both(txn);
	assert_int_equal(changed(readers), 0);
	assert_int_equal(files("pki/trusted/certs/*.der"), 0);
	commit(&txn);
	assert_int_equal(changed(readers), 2);
	assert_int_equal(changed_afresh(), 2);
	assert_int_equal(files("pki/trusted/certs/*.der"), 1);
	now = present_thumbprint(application);
	assert_string_not_equal(old, now);
	read_generation(&last);
	/* The slot, and three groups that share two lists. */
	assert_int_equal(last.count, 4);
	assert_string_equal(last.changes[0].type, TYPE);
	assert_string_equal(last.changes[1].group, GROUP);
	assert_null(last.changes[1].type);
	assert_string_equal(last.changes[2].group, USERS);
	assert_string_equal(last.changes[3].group, SHARED);
	clv_generation_clear(&last);
	clv_key_free(&key);
	clv_free(der);
	free(old);
	free(now);
}

static void
test_txn_commit__of_lists_alone_leaves_slots_and_keys_alone(void **state)
{
	char *old = present_thumbprint(application);
	clv_txn *txn = begin();
	struct clv_generation first;
	struct clv_generation second;
	char *now;

	(void)state;
	command_ok(directory, "stat -c %%Y%%i claviger.conf >before");
	stage_add(txn, USERS, TRUSTED, &user.der);
	commit(&txn);
	command_ok(directory,
	    "stat -c %%Y%%i claviger.conf | cmp - before && test ! -e "
	    "state/keys");
	assert_true(list_has(readers[1], TRUSTED, &user.der));
	now = present_thumbprint(application);
	assert_string_equal(old, now);
	read_generation(&first);
	assert_int_equal(first.count, 2);
	/* What makes no difference is no transaction. */
	txn = begin();
	stage_add(txn, USERS, TRUSTED, &user.der);
	commit(&txn);
	read_generation(&second);
	assert_string_equal(first.nonce, second.nonce);
	clv_generation_clear(&first);
	clv_generation_clear(&second);
	free(old);
	free(now);
}

static void
test_txn_commit__replaces_and_removes(void **state)
{
	clv_txn *txn = begin();
	clv_trust_data *data = NULL;
	char thumbprint[41];

	(void)state;
	stage_add(txn, GROUP, TRUSTED, &user.der);
	stage_add(txn, GROUP, ISSUERS, &ca.der);
	stage_add(txn, GROUP, ISSUERS, &crl);
	commit(&txn);
	assert_true(list_has(readers[0], ALL, &crl));
	assert_ok(clv_trust_data_new(&data, &err));
	assert_ok(clv_trust_data_specify(data, TRUSTED, &err));
	assert_ok(clv_trust_data_add(
	    data, TRUSTED, peer.der.bytes, peer.der.size, &err));
	txn = begin();
	assert_ok(clv_txn_trust_replace(txn, GROUP, data, &err));
	clv_trust_data_free(&data);
	pki_thumbprint(&ca.der, thumbprint);
	assert_ok(clv_txn_trust_remove(txn, GROUP, ISSUERS, thumbprint, &err));
	commit(&txn);
	assert_false(list_has(readers[0], ALL, &user.der));
	assert_true(list_has(readers[0], TRUSTED, &peer.der));
	/* The CRL goes with its CA. */
	assert_false(list_has(readers[0], ALL, &crl));
	assert_false(list_has(readers[0], ALL, &ca.der));
}

static void
test_txn_commit__counts_what_was_staged_before(void **state)
{
	clv_txn *txn = begin();
	char thumbprint[41];

	(void)state;
	pki_thumbprint(&peer.der, thumbprint);
	stage_add(txn, GROUP, TRUSTED, &peer.der);
	assert_ok(clv_txn_trust_remove(txn, GROUP, TRUSTED, thumbprint, &err));
	assert_fails(CLV_NOT_FOUND,
	    clv_txn_trust_remove(txn, GROUP, TRUSTED, thumbprint, &err));
	stage_add(txn, GROUP, TRUSTED, &user.der);
	commit(&txn);
	assert_false(list_has(readers[0], ALL, &peer.der));
	assert_true(list_has(readers[0], TRUSTED, &user.der));
}

static void
test_txn_commit__keeps_the_crls_of_a_ca_that_is_renewed_in_it(void **state)
{
	struct pki_identity renewed;
	clv_txn *txn = begin();
	char thumbprint[41];

	(void)state;
	EVP_PKEY_up_ref(ca.key);
	pki_issue(&renewed, ca.key, "CA", true, NULL);
	stage_add(txn, GROUP, ISSUERS, &ca.der);
	stage_add(txn, GROUP, ISSUERS, &crl);
	commit(&txn);
	txn = begin();
	stage_add(txn, GROUP, ISSUERS, &renewed.der);
	pki_thumbprint(&ca.der, thumbprint);
	assert_ok(clv_txn_trust_remove(txn, GROUP, ISSUERS, thumbprint, &err));
	commit(&txn);
	assert_false(list_has(readers[0], ALL, &ca.der));
	assert_true(list_has(readers[0], ALL, &renewed.der));
	assert_true(list_has(readers[0], ALL, &crl));
	pki_drop(&renewed);
}

static void
test_txn_commit__keeps_what_others_changed_meanwhile(void **state)
{
	clv_txn *txn = begin();
	char thumbprint[41];

	(void)state;
	assert_ok(clv_trust_add(
	    readers[0], TRUSTED, user.der.bytes, user.der.size, NULL, &err));
	pki_thumbprint(&user.der, thumbprint);
	stage_add(txn, GROUP, TRUSTED, &peer.der);
	assert_ok(clv_txn_trust_remove(txn, GROUP, TRUSTED, thumbprint, &err));
	/* Somebody else is quicker, and adds another one. */
	assert_ok(
	    clv_trust_remove(readers[0], TRUSTED, thumbprint, NULL, &err));
	assert_ok(clv_trust_add(
	    readers[0], ISSUERS, ca.der.bytes, ca.der.size, NULL, &err));
	commit(&txn);
	assert_true(list_has(readers[0], TRUSTED, &peer.der));
	assert_true(list_has(readers[0], ISSUERS, &ca.der));
	assert_false(list_has(readers[0], ALL, &user.der));
}

static void
test_txn_commit__of_a_shared_directory_is_one_change(void **state)
{
	clv_txn *txn = begin();
	char thumbprint[41];

	(void)state;
	pki_thumbprint(&user.der, thumbprint);
	stage_add(txn, USERS, TRUSTED, &user.der);
	/* The other group sees what the first one staged. */
	assert_ok(clv_txn_trust_remove(txn, SHARED, TRUSTED, thumbprint, &err));
	stage_add(txn, SHARED, TRUSTED, &peer.der);
	assert_int_equal(txn->lists.count, 1);
	commit(&txn);
	assert_false(list_has(readers[1], ALL, &user.der));
	assert_true(list_has(readers[1], TRUSTED, &peer.der));
}

static void
test_txn_cancel__forgets_lists(void **state)
{
	clv_txn *txn = begin();

	(void)state;
	stage_both(txn);
	assert_ok(clv_txn_cancel(txn, &err));
	assert_ok(clv_txn_commit(txn, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_trust_add(
		txn, GROUP, TRUSTED, peer.der.bytes, peer.der.size, &err));
	clv_txn_free(&txn);
	txn = begin();
	stage_both(txn);
	clv_txn_free(&txn);
	assert_int_equal(changed(readers), 0);
	assert_int_equal(files("state/last"), 0);
	/* Not even directories were made. */
	assert_int_equal(files("users/issuer"), 0);
}

/* ---- refusing ---- */

static void
test_txn_trust__refuses_at_once_and_keeps_what_was_staged(void **state)
{
	const struct blob cut = {peer.der.bytes, peer.der.size - 1};
	struct blob half = pki_join(&user.der, &cut);
	clv_trust_data *data = NULL;
	clv_txn *txn = begin();
	char thumbprint[41];

	(void)state;
	stage_add(txn, GROUP, TRUSTED, &peer.der);
	assert_fails(CLV_INVALID,
	    clv_txn_trust_add(
		txn, "Nobody", TRUSTED, user.der.bytes, user.der.size, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_trust_add(txn, GROUP, CLV_TRUST_TRUSTED_CRLS,
		user.der.bytes, user.der.size, &err));
	assert_fails(CLV_CORRUPT,
	    clv_txn_trust_add(txn, GROUP, TRUSTED, "junk", 4, &err));
	assert_fails(
	    CLV_CORRUPT, clv_txn_trust_add(txn, GROUP, TRUSTED, "", 0, &err));
	assert_fails(CLV_CORRUPT,
	    clv_txn_trust_add(
		txn, GROUP, TRUSTED, half.bytes, half.size, &err));
	pki_thumbprint(&user.der, thumbprint);
	assert_fails(CLV_NOT_FOUND,
	    clv_txn_trust_remove(txn, GROUP, TRUSTED, thumbprint, &err));
	pki_thumbprint(&peer.der, thumbprint);
	assert_fails(CLV_NOT_FOUND,
	    clv_txn_trust_remove(txn, GROUP, ISSUERS, thumbprint, &err));
	assert_fails(CLV_INVALID,
	    clv_txn_trust_remove(txn, GROUP, TRUSTED, "peer", &err));
	assert_ok(clv_trust_data_new(&data, &err));
	assert_ok(clv_trust_data_specify(data, TRUSTED, &err));
	assert_ok(clv_trust_data_add(
	    data, TRUSTED, user.der.bytes, user.der.size, &err));
	assert_ok(clv_trust_data_add(data, TRUSTED, cut.bytes, cut.size, &err));
	assert_fails(
	    CLV_CORRUPT, clv_txn_trust_replace(txn, GROUP, data, &err));
	clv_trust_data_free(&data);
	commit(&txn);
	assert_true(list_has(readers[0], TRUSTED, &peer.der));
	assert_false(list_has(readers[0], ALL, &user.der));
	blob_drop(&half);
}

static void
test_txn_trust__refuses_a_list_that_would_be_too_large(void **state)
{
	clv_txn *txn = begin();
	clv_error *err = NULL;

	(void)state;
	stage_add(txn, GROUP, TRUSTED, &peer.der);
	txn->lists.lists[0].trust->max_files = 2;
	stage_add(txn, GROUP, TRUSTED, &user.der);
	assert_int_equal(clv_txn_trust_add(txn, GROUP, ISSUERS, ca.der.bytes,
			     ca.der.size, &err),
	    CLV_TOO_LARGE);
	assert_int_equal(clv_error_get_domain(err), CLV_DOMAIN_OPCUA);
	assert_int_equal(clv_error_code(err), CLV_SC_BAD_REQUEST_TOO_LARGE);
	clv_error_free(&err);
	commit(&txn);
	assert_true(list_has(readers[0], TRUSTED, &user.der));
	assert_false(list_has(readers[0], ALL, &ca.der));
}

static void
test_txn_trust__refuses_a_list_that_is_missing_or_insecure(void **state)
{
	clv_txn *txn = begin();

	(void)state;
	command_ok(directory, "mv users gone");
	assert_fails(CLV_NOT_FOUND,
	    clv_txn_trust_add(
		txn, USERS, TRUSTED, user.der.bytes, user.der.size, &err));
	command_ok(directory, "mv gone users && chmod 0777 users");
	assert_fails(CLV_POLICY,
	    clv_txn_trust_add(
		txn, USERS, TRUSTED, user.der.bytes, user.der.size, &err));
	command_ok(directory, "chmod 0755 users");
	clv_txn_free(&txn);
}

static void
test_txn_commit__that_fails_leaves_all_as_it_was(void **state)
{
	char *old = present_thumbprint(application);
	clv_txn *txn = begin();
	clv_key *key = NULL;
	uint8_t *der;
	size_t size = 0;
	char *now;

	(void)state;
	assert_ok(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &key, &err));
	der = certificate_for(key, TEST_URI, &size);
	assert_ok(
	    clv_txn_certificate(txn, GROUP, TYPE, der, size, NULL, 0, &err));
	stage_both(txn);
	/* The second list can't be changed any more. */
	command_ok(directory, "chmod 0777 users");
	assert_fails(CLV_POLICY, clv_txn_commit(txn, &err));
	command_ok(directory, "chmod 0755 users");
	assert_int_equal(changed(readers), 0);
	assert_int_equal(files("pki/.claviger/journal"), 0);
	now = present_thumbprint(application);
	assert_string_equal(old, now);
	/* It is still staged, and can be tried again. */
	commit(&txn);
	assert_int_equal(changed(readers), 2);
	clv_key_free(&key);
	clv_free(der);
	free(old);
	free(now);
}

static void
test_txn_commit__that_cannot_write_its_record_takes_lists_back(void **state)
{
	const struct rlimit little = {1500, RLIM_INFINITY};
	const struct rlimit much = {RLIM_INFINITY, RLIM_INFINITY};
	clv_txn *txn = begin();
	clv_key *key = NULL;
	uint8_t *der;
	size_t size = 0;

	(void)state;
	assert_ok(clv_application_key(application, GROUP, TYPE, &key, &err));
	der = certificate_for(key, TEST_URI, &size);
	assert_ok(
	    clv_txn_certificate(txn, GROUP, TYPE, der, size, NULL, 0, &err));
	stage_both(txn);
	/* Enough for the lists' journals, not for the record. */
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_return_code(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_fails(CLV_IO, clv_txn_commit(txn, &err));
	assert_return_code(setrlimit(RLIMIT_FSIZE, &much), 0);
	/* They had been written. */
	assert_int_equal(files("users/trusted/crl"), 1);
	assert_int_equal(files("users/.claviger/journal"), 0);
	assert_int_equal(files("pki/.claviger/journal"), 0);
	assert_int_equal(changed(readers), 0);
	commit(&txn);
	assert_int_equal(changed(readers), 2);
	clv_key_free(&key);
	clv_free(der);
}

/* ---- phases ---- */

enum phase { PREPARED, DECIDED, ONE_CARRIED_OUT, ALL_CARRIED_OUT };

/* What a commit does up to a phase, by a process that then waits to be
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

static void
test_application_open_trust_list__needs_a_known_group(void **state)
{
	clv_trust *trust = NULL;

	(void)state;
	assert_ok(
	    clv_application_open_trust_list(application, USERS, &trust, &err));
	assert_string_equal(clv_trust_path(trust),
	    clv_application_trust_list(application, USERS));
	clv_trust_free(&trust);
	trust = (clv_trust *)(void *)&trust;
	assert_fails(CLV_NOT_FOUND,
	    clv_application_open_trust_list(
		application, "NoSuchGroup", &trust, &err));
	assert_null(trust);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up_lists, tear_down_lists)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_application_open_trust_list__needs_a_known_group),
	    TEST(test_txn_commit__changes_key_and_two_lists_at_once),
	    TEST(test_txn_commit__of_lists_alone_leaves_slots_and_keys_alone),
	    TEST(test_txn_commit__replaces_and_removes),
	    TEST(test_txn_commit__counts_what_was_staged_before),
	    TEST(test_txn_commit__keeps_the_crls_of_a_ca_that_is_renewed_in_it),
	    TEST(test_txn_commit__keeps_what_others_changed_meanwhile),
	    TEST(test_txn_commit__of_a_shared_directory_is_one_change),
	    TEST(test_txn_cancel__forgets_lists),
	    TEST(test_txn_trust__refuses_at_once_and_keeps_what_was_staged),
	    TEST(test_txn_trust__refuses_a_list_that_would_be_too_large),
	    TEST(test_txn_trust__refuses_a_list_that_is_missing_or_insecure),
	    TEST(test_txn_commit__that_fails_leaves_all_as_it_was),
	    TEST(
		test_txn_commit__that_cannot_write_its_record_takes_lists_back),
	    TEST(
		test_txn_commit__comes_into_force_at_one_moment_for_all_readers),
	    TEST(test_application_recover__discards_what_was_prepared_only),
	    TEST(test_application_recover__finishes_the_lists_that_are_left),
	    TEST(test_application_open__finishes_lists_too),
	    TEST(test_trust_writer__carries_out_what_is_decided),
	    TEST(test_trust_writer__discards_what_is_not_decided),
	    TEST(test_trust__does_not_guess_if_the_record_cannot_be_read),
	    TEST(test_txn_commit__survives_a_move_of_the_whole_application),
	    TEST(test_txn_commit__of_a_list_elsewhere_finds_its_record),
	};

	return cmocka_run_group_tests(tests, set_up_pki, tear_down_pki);
}
