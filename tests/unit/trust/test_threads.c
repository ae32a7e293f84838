/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Readers check certificates while the list changes under them: a thread
 * replaces, adds to and removes from it, another process drops files in and
 * takes them out, and notices are told.
 *
 * Of the two lists that take turns, one trusts the leaf and not the other
 * certificate, the other the reverse. Mixtures of them give the leaf a third
 * verdict: the first one's root and the second one's CRL, revoked; a root
 * without CRLs, revocation unknown; without the CAs, an incomplete chain.
 *
 *     unit-trust-threads [SECONDS]
 */

#include "testing.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "directory.h"

#define READERS 4
#define PATIENCE 60 /* seconds, on a machine that is busy with others */

#define FIRST CLV_SC_GOOD
#define SECOND CLV_SC_BAD_CERTIFICATE_UNTRUSTED

static long seconds = 2;

static struct {
	struct directory directory;
	clv_trust *trust;
	struct pki_family pki;
	struct pki_identity stranger, visitor;
	clv_trust_data *lists[2];
	clv_verify_options *options;
	atomic_bool stop;
	atomic_size_t checks, seen[2], wrong, changes, notices, losses;
} f;

/* ---- the two lists ---- */

static void
put(clv_trust_data *data, clv_trust_mask list, const struct blob *blob)
{
	assert_ok(
	    clv_trust_data_add(data, list, blob->bytes, blob->size, &err));
}

static void
make_lists(void)
{
	for (size_t i = 0; i < 2; i++) {
		clv_trust_data *data = NULL;

		assert_ok(clv_trust_data_new(&data, &err));
		assert_ok(
		    clv_trust_data_specify(data, CLV_TRUST_ALL_LISTS, &err));
		put(data, CLV_TRUST_ISSUER_CERTIFICATES, &f.pki.ca.der);
		put(data, CLV_TRUST_TRUSTED_CRLS, &f.pki.root_crl);
		f.lists[i] = data;
	}
	put(f.lists[0], CLV_TRUST_TRUSTED_CERTIFICATES, &f.pki.root.der);
	put(f.lists[0], CLV_TRUST_ISSUER_CRLS, &f.pki.crl);
	put(f.lists[1], CLV_TRUST_TRUSTED_CERTIFICATES, &f.pki.other.der);
	put(f.lists[1], CLV_TRUST_ISSUER_CERTIFICATES, &f.pki.root.der);
	put(f.lists[1], CLV_TRUST_ISSUER_CRLS, &f.pki.revoking);
}

static int
set_up(void **state)
{
	(void)state;
	pki_family_make(&f.pki, true, "Other");
	pki_make(&f.stranger, "Stranger", false, NULL);
	pki_make(&f.visitor, "Visitor", false, NULL);
	make_lists();
	assert_ok(clv_verify_options_new(&f.options, &err));
	directory_make(&f.directory);
	assert_ok(clv_trust_open(f.directory.path, NULL, &f.trust, &err));
	assert_ok(clv_trust_replace(f.trust, f.lists[0], NULL, &err));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	clv_trust_free(&f.trust);
	clv_verify_options_free(&f.options);
	directory_remove(&f.directory);
	pki_drop(&f.stranger);
	pki_drop(&f.visitor);
	pki_family_drop(&f.pki);
	clv_trust_data_free(&f.lists[0]);
	clv_trust_data_free(&f.lists[1]);
	return 0;
}

/* ---- checking ---- */

static clv_statuscode
verdict_of(clv_trust_snapshot *snapshot, const struct blob *chain)
{
	clv_verdict *verdict = NULL;
	clv_statuscode code = CLV_SC_BAD_INTERNAL_ERROR;
	clv_status status;

	/* NULL: by the list as it is now. */
	status = snapshot != NULL ? clv_verify(snapshot, chain->bytes,
					chain->size, f.options, &verdict, NULL)
				  : clv_trust_verify(f.trust, chain->bytes,
					chain->size, f.options, &verdict, NULL);
	if (verdict == NULL || (status != CLV_OK && status != CLV_UNTRUSTED))
		goto out;
	code = clv_verdict_status(verdict);
	/* What it says of files stays readable, whatever becomes of them. */
	for (size_t i = 0; i < clv_verdict_count(verdict); i++)
		if (*clv_verdict_finding(verdict, i)->text == '\0')
			code = CLV_SC_BAD_INTERNAL_ERROR;
out:
	clv_verdict_free(&verdict);
	return code;
}

/* Complaints are counted: cmocka's assertions are for one thread. */
static void
expect(bool right, const char *what, clv_statuscode code)
{
	if (right)
		return;
	atomic_fetch_add(&f.wrong, 1);
	print_error("%s: %s\n", what, clv_statuscode_name(code));
}

static void
note(clv_statuscode leaf)
{
	expect(leaf == FIRST || leaf == SECOND, "neither list", leaf);
	atomic_fetch_add(&f.seen[leaf == FIRST ? 0 : 1], 1);
	atomic_fetch_add(&f.checks, 1);
}

static void *
read_list(void *user)
{
	(void)user;
	while (!atomic_load(&f.stop)) {
		clv_trust_snapshot *snapshot = NULL;
		clv_statuscode leaf, other;

		note(verdict_of(NULL, &f.pki.leaf.der));
		if (clv_trust_get_snapshot(f.trust, &snapshot, NULL) !=
		    CLV_OK) {
			expect(false, "no snapshot", CLV_SC_GOOD);
			continue;
		}
		/* A snapshot is one list, also the second time. */
		leaf = verdict_of(snapshot, &f.pki.leaf.der);
		other = verdict_of(snapshot, &f.pki.other.der);
		note(leaf);
		expect(other == (leaf == FIRST ? SECOND : FIRST),
		    "two lists in one snapshot", other);
		expect(verdict_of(snapshot, &f.pki.leaf.der) == leaf,
		    "a snapshot has changed", leaf);
		clv_trust_snapshot_free(&snapshot);
	}
	return NULL;
}

/* ---- changing ---- */

static void *
write_list(void *user)
{
	const struct blob *extra = &f.stranger.der;
	char thumbprint[41];

	(void)user;
	pki_thumbprint(extra, thumbprint);
	for (size_t i = 1; !atomic_load(&f.stop); i++) {
		const clv_statuscode now = i % 2 == 0 ? FIRST : SECOND;
		clv_statuscode leaf;

		expect(clv_trust_replace(f.trust, f.lists[i % 2], NULL, NULL) ==
			CLV_OK,
		    "replace", now);
		/* What is complete is in the next check. */
		leaf = verdict_of(NULL, &f.pki.leaf.der);
		expect(leaf == now, "not the new list", leaf);
		expect(clv_trust_add(f.trust, CLV_TRUST_TRUSTED_CERTIFICATES,
			   extra->bytes, extra->size, NULL, NULL) == CLV_OK,
		    "add", now);
		leaf = verdict_of(NULL, extra);
		expect(leaf == CLV_SC_GOOD, "not what was added", leaf);
		expect(clv_trust_remove(f.trust, CLV_TRUST_ALL_LISTS,
			   thumbprint, NULL, NULL) == CLV_OK,
		    "remove", now);
		leaf = verdict_of(NULL, extra);
		expect(leaf == SECOND, "still what was removed", leaf);
		atomic_fetch_add(&f.changes, 3);
	}
	return NULL;
}

/* Another process: drops a file in, whole or in place, and takes it out. It
 * ends with this one. */
static void
meddle(void)
{
	const struct blob *blob = &f.visitor.der;
	char name[512], temporary[600];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)directory_path(&f.directory, "trusted/certs/visitor.der", name);
	(void)snprintf(
	    temporary, sizeof(temporary), "%s/visitor-%%", f.directory.base);
	for (unsigned i = 0;; i++) {
		const char *path = i % 2 == 0 ? temporary : name;
		const int fd =
		    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		if (fd < 0 ||
		    write(fd, blob->bytes, blob->size) != (ssize_t)blob->size ||
		    close(fd) != 0)
			_exit(1);
		if (i % 2 == 0 && rename(temporary, name) != 0)
			_exit(1);
		(void)poll(NULL, 0, 2);
		/* The writer may have been first. */
		(void)unlink(name);
		(void)poll(NULL, 0, 2);
	}
}

/* ---- being told ---- */

static void
on_notice(void *user, clv_trust *trust, clv_trust_notice *notice)
{
	const clv_trust_item *item;
	clv_trust_loss why;

	(void)user;
	expect(trust == f.trust, "another list's notice", CLV_SC_GOOD);
	atomic_fetch_add(&f.notices, 1);
	for (size_t i = 0;
	     (item = clv_trust_notice_loss(notice, i, &why)) != NULL; i++) {
		expect(strlen(item->thumbprint) == 40, "a loss without name",
		    CLV_SC_GOOD);
		atomic_fetch_add(&f.losses, 1);
	}
}

static void *
dispatch(void *user)
{
	struct pollfd wait = {.events = POLLIN};

	(void)user;
	if (clv_trust_get_fd(f.trust, &wait.fd, NULL) != CLV_OK) {
		expect(false, "no descriptor", CLV_SC_GOOD);
		return NULL;
	}
	while (!atomic_load(&f.stop))
		if (poll(&wait, 1, 50) == 1)
			expect(clv_trust_dispatch(f.trust, NULL) == CLV_OK,
			    "dispatch", CLV_SC_GOOD);
	return NULL;
}

/* ---- all at once ---- */

static bool
is_enough(time_t start)
{
	const time_t spent = time(NULL) - start;

	return spent >= PATIENCE + seconds ||
	    (spent >= seconds && atomic_load(&f.seen[0]) >= 20 &&
		atomic_load(&f.seen[1]) >= 20 &&
		atomic_load(&f.changes) >= 12 && atomic_load(&f.losses) > 0);
}

static void
test_trust__is_the_old_list_or_the_new_one_for_every_thread(void **state)
{
	void *(*const roles[READERS + 2])(void *) = {
	    write_list, dispatch, read_list, read_list, read_list, read_list};
	pthread_t threads[READERS + 2];
	const time_t start = time(NULL);
	int status = 0;
	pid_t child;

	(void)state;
	clv_trust_set_notice(f.trust, on_notice, NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		meddle();
	for (size_t i = 0; i < READERS + 2; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, roles[i], NULL), 0);
	while (!is_enough(start))
		(void)poll(NULL, 0, 20);
	atomic_store(&f.stop, true);
	for (size_t i = 0; i < READERS + 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	/* It meddled to the end. */
	assert_int_equal(waitpid(child, &status, WNOHANG), 0);
	assert_return_code(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	print_message("%zu checks (%zu of one list, %zu of the other), "
		      "%zu changes, %zu notices, %zu losses\n",
	    f.checks, f.seen[0], f.seen[1], f.changes, f.notices, f.losses);
	assert_int_equal(f.wrong, 0);
	assert_true(f.seen[0] >= 20 && f.seen[1] >= 20);
	assert_true(f.changes >= 12);
	assert_true(f.notices > 0 && f.losses > 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		test_trust__is_the_old_list_or_the_new_one_for_every_thread),
	};

	if (argc > 1)
		seconds = strtol(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
