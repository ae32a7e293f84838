/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What others do to the directories, and whether the next check knows. Run
 * with the argument "polling", the same without inotify. */

#include "list_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- names that come and go ---- */

static void
test_trust__sees_a_file_that_was_dropped_in(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(trust_count(f->trust, CLV_TRUST_ALL_LISTS), 0);
	directory_write(
	    &f->directory, "trusted/certs/a.der", &f->pki.other.der);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.other.der));
	directory_write(&f->directory, "issuer/certs/a.der", &f->pki.ca.der);
	assert_true(trust_has(f->trust, ISSUERS, &f->pki.ca.der));
	directory_write(&f->directory, "trusted/crl/a.crl", &f->pki.crl);
	assert_true(trust_has(f->trust, CLV_TRUST_TRUSTED_CRLS, &f->pki.crl));
	assert_int_equal(trust_count(f->trust, CLV_TRUST_ALL_LISTS), 3);
	assert_int_equal(trust_problems(f->trust), 0);
}

static void
test_trust__sees_a_file_that_was_taken_out(void **state)
{
	struct fixture *f = *state;

	directory_write(
	    &f->directory, "trusted/certs/a.der", &f->pki.other.der);
	assert_int_equal(
	    trust_verdict(f->trust, &f->pki.other.der, 0), CLV_SC_GOOD);
	directory_delete(&f->directory, "trusted/certs/a.der");
	assert_int_equal(trust_verdict(f->trust, &f->pki.other.der, 0),
	    CLV_SC_BAD_CERTIFICATE_UNTRUSTED);
}

static void
test_trust__sees_each_of_many_changes(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 200; i++) {
		directory_write(
		    &f->directory, "trusted/certs/a.der", &f->pki.other.der);
		assert_int_equal(trust_count(f->trust, TRUSTED), 1);
		directory_delete(&f->directory, "trusted/certs/a.der");
		assert_int_equal(trust_count(f->trust, TRUSTED), 0);
	}
}

static void
test_trust__sees_a_file_replaced_by_rename(void **state)
{
	struct fixture *f = *state;

	directory_write(
	    &f->directory, "trusted/certs/a.der", &f->pki.other.der);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.other.der));
	directory_write(&f->directory, "trusted/certs/a.der", &f->pki.leaf.der);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.leaf.der));
	assert_false(trust_has(f->trust, TRUSTED, &f->pki.other.der));
}

static void
test_trust__sees_a_file_rewritten_in_place(void **state)
{
	struct fixture *f = *state;

	directory_write(
	    &f->directory, "trusted/certs/a.der", &f->pki.other.der);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.other.der));
	directory_overwrite(&f->directory, "trusted/certs/a.der",
	    f->pki.leaf.der.bytes, f->pki.leaf.der.size);
	settle();
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.leaf.der));
	assert_int_equal(trust_count(f->trust, TRUSTED), 1);
}

static void
test_trust__keeps_one_of_two_files_with_the_same(void **state)
{
	struct fixture *f = *state;

	directory_write(
	    &f->directory, "trusted/certs/a.der", &f->pki.other.der);
	directory_write(
	    &f->directory, "trusted/certs/b.der", &f->pki.other.der);
	assert_int_equal(trust_count(f->trust, TRUSTED), 2);
	directory_delete(&f->directory, "trusted/certs/a.der");
	assert_int_equal(
	    trust_verdict(f->trust, &f->pki.other.der, 0), CLV_SC_GOOD);
	directory_delete(&f->directory, "trusted/certs/b.der");
	assert_int_equal(trust_verdict(f->trust, &f->pki.other.der, 0),
	    CLV_SC_BAD_CERTIFICATE_UNTRUSTED);
}

/* ---- directories that move ---- */

static void
test_trust__sees_a_folder_taken_away_and_put_back(void **state)
{
	struct fixture *f = *state;

	directory_write(
	    &f->directory, "trusted/certs/a.der", &f->pki.other.der);
	assert_int_equal(trust_count(f->trust, TRUSTED), 1);
	directory_rename(&f->directory, "trusted/certs", "trusted/away");
	assert_int_equal(trust_count(f->trust, TRUSTED), 0);
	directory_rename(&f->directory, "trusted/away", "trusted/certs");
	assert_int_equal(trust_count(f->trust, TRUSTED), 1);
	directory_rename(&f->directory, "trusted", "old");
	assert_int_equal(trust_count(f->trust, TRUSTED), 0);
	directory_rename(&f->directory, "old", "trusted");
	assert_int_equal(trust_count(f->trust, TRUSTED), 1);
}

static void
test_trust__follows_its_path_when_the_tree_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct directory next;
	char away[600];

	directory_make(&next);
	directory_write(&next, "trusted/certs/b.der", &f->pki.leaf.der);
	directory_write(
	    &f->directory, "trusted/certs/a.der", &f->pki.other.der);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.other.der));
	/* The whole list, and then the directory above it. */
	(void)snprintf(away, sizeof(away), "%s/old", f->directory.base);
	assert_return_code(rename(f->directory.path, away), 0);
	assert_fails(
	    CLV_NOT_FOUND, clv_trust_visit(f->trust, 15, NULL, NULL, &err));
	assert_return_code(rename(next.path, f->directory.path), 0);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.leaf.der));
	assert_false(trust_has(f->trust, TRUSTED, &f->pki.other.der));

	(void)snprintf(away, sizeof(away), "%s-old", f->directory.base);
	assert_return_code(rename(f->directory.base, away), 0);
	assert_fails(
	    CLV_NOT_FOUND, clv_trust_visit(f->trust, 15, NULL, NULL, &err));
	assert_return_code(rename(away, f->directory.base), 0);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.leaf.der));
	directory_remove(&next);
}

static void
test_trust__follows_a_symbolic_link_in_its_path(void **state)
{
	struct fixture *f = *state;
	struct directory next;
	char link[600];
	char fresh[600];
	clv_trust *trust = NULL;

	directory_make(&next);
	directory_write(&next, "trusted/certs/b.der", &f->pki.leaf.der);
	(void)snprintf(link, sizeof(link), "%s/current", f->directory.base);
	(void)snprintf(fresh, sizeof(fresh), "%s/fresh", f->directory.base);
	assert_return_code(symlink(f->directory.path, link), 0);
	assert_ok(clv_trust_open(link, NULL, &trust, &err));
	assert_int_equal(trust_count(trust, TRUSTED), 0);
	assert_return_code(symlink(next.path, fresh), 0);
	assert_return_code(rename(fresh, link), 0);
	assert_true(trust_has(trust, TRUSTED, &f->pki.leaf.der));
	clv_trust_free(&trust);
	directory_remove(&next);
}

static void
test_trust__works_without_a_part_of_the_layout(void **state)
{
	struct fixture *f = *state;
	char path[512];

	assert_return_code(
	    rmdir(directory_path(&f->directory, "issuer/crl", path)), 0);
	assert_return_code(
	    rmdir(directory_path(&f->directory, "issuer/certs", path)), 0);
	assert_return_code(
	    rmdir(directory_path(&f->directory, "issuer", path)), 0);
	assert_int_equal(trust_count(f->trust, CLV_TRUST_ALL_LISTS), 0);
	/* What node-opcua calls it. */
	assert_return_code(
	    mkdir(directory_path(&f->directory, "issuers", path), 0755), 0);
	assert_return_code(
	    mkdir(directory_path(&f->directory, "issuers/certs", path), 0755),
	    0);
	directory_write(&f->directory, "issuers/certs/a.der", &f->pki.ca.der);
	assert_true(trust_has(f->trust, ISSUERS, &f->pki.ca.der));
}

static bool
note_file(void *user, const clv_trust_item *item)
{
	(void)snprintf(user, 256, "%s", item->file);
	return true;
}

static void
test_trust__names_files_by_the_path_they_have_now(void **state)
{
	struct fixture *f = *state;
	char file[256] = "";

	directory_write(&f->directory, "issuer/certs/a.der", &f->pki.ca.der);
	/* Old enough not to be read again for its age. */
	(void)poll(NULL, 0, 60);
	assert_ok(clv_trust_visit(f->trust, ISSUERS, note_file, file, &err));
	assert_string_equal(file, "issuer/certs/a.der");
	directory_rename(&f->directory, "issuer", "issuers");
	settle();
	assert_ok(clv_trust_visit(f->trust, ISSUERS, note_file, file, &err));
	assert_string_equal(file, "issuers/certs/a.der");
	assert_int_equal(trust_count(f->trust, ISSUERS), 1);
}

/* ---- links ---- */

/* How Kubernetes mounts secrets: links through a link that is turned. */
static void
test_trust__follows_links_that_are_turned(void **state)
{
	struct fixture *f = *state;
	char path[512];
	char fresh[512];

	assert_return_code(
	    mkdir(directory_path(&f->directory, "trusted/certs/..one", path),
		0755),
	    0);
	assert_return_code(
	    mkdir(directory_path(&f->directory, "trusted/certs/..two", path),
		0755),
	    0);
	directory_write(
	    &f->directory, "trusted/certs/..one/a", &f->pki.other.der);
	directory_write(
	    &f->directory, "trusted/certs/..two/a", &f->pki.leaf.der);
	assert_return_code(
	    symlink("..one",
		directory_path(&f->directory, "trusted/certs/..data", path)),
	    0);
	assert_return_code(
	    symlink("..data/a",
		directory_path(&f->directory, "trusted/certs/a.der", fresh)),
	    0);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.other.der));
	(void)directory_path(&f->directory, "trusted/certs/..fresh", fresh);
	assert_return_code(symlink("..two", fresh), 0);
	assert_return_code(rename(fresh, path), 0);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.leaf.der));
	assert_false(trust_has(f->trust, TRUSTED, &f->pki.other.der));
}

/* ---- fork ---- */

static void
test_trust__works_on_both_sides_of_a_fork(void **state)
{
	struct fixture *f = *state;
	int status = 0;
	pid_t child;

	assert_int_equal(trust_count(f->trust, TRUSTED), 0);
	directory_write(
	    &f->directory, "trusted/certs/a.der", &f->pki.other.der);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* A child that empties its parent's queue makes it blind. */
		const bool seen = trust_count(f->trust, TRUSTED) == 1;

		directory_write(
		    &f->directory, "trusted/certs/b.der", &f->pki.leaf.der);
		_exit(seen && trust_count(f->trust, TRUSTED) == 2 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(trust_count(f->trust, TRUSTED), 2);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    LIST_TEST(test_trust__sees_a_file_that_was_dropped_in),
	    LIST_TEST(test_trust__sees_a_file_that_was_taken_out),
	    LIST_TEST(test_trust__sees_each_of_many_changes),
	    LIST_TEST(test_trust__sees_a_file_replaced_by_rename),
	    LIST_TEST(test_trust__sees_a_file_rewritten_in_place),
	    LIST_TEST(test_trust__keeps_one_of_two_files_with_the_same),
	    LIST_TEST(test_trust__sees_a_folder_taken_away_and_put_back),
	    LIST_TEST(test_trust__follows_its_path_when_the_tree_is_replaced),
	    LIST_TEST(test_trust__follows_a_symbolic_link_in_its_path),
	    LIST_TEST(test_trust__works_without_a_part_of_the_layout),
	    LIST_TEST(test_trust__names_files_by_the_path_they_have_now),
	    LIST_TEST(test_trust__follows_links_that_are_turned),
	    LIST_TEST(test_trust__works_on_both_sides_of_a_fork),
	};

	polling = argc > 1 && strcmp(argv[1], "polling") == 0;
	return cmocka_run_group_tests(
	    tests, list_set_up_pki, list_tear_down_pki);
}
