/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What a list is made of: who may write it, what its files hold, and CRLs that
 * can't be read. Run with the argument "polling", the same without inotify.
 */

#include "list_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- permissions ---- */

static void
test_trust_open__refuses_what_others_may_write(void **state)
{
	struct fixture *f = *state;
	clv_trust *trust = NULL;
	char path[512];

	assert_return_code(
	    chmod(directory_path(&f->directory, "trusted/certs", path), 0777),
	    0);
	assert_fails(
	    CLV_POLICY, clv_trust_open(f->directory.path, NULL, &trust, &err));
	assert_null(trust);
}

static void
test_trust__stops_trusting_when_a_folder_is_opened_to_all(void **state)
{
	struct fixture *f = *state;
	char path[512];

	directory_write(
	    &f->directory, "trusted/certs/a.der", &f->pki.other.der);
	assert_int_equal(trust_count(f->trust, TRUSTED), 1);
	(void)directory_path(&f->directory, "trusted", path);
	assert_return_code(chmod(path, 0777), 0);
	settle();
	assert_fails(
	    CLV_POLICY, clv_trust_visit(f->trust, 15, NULL, NULL, &err));
	assert_return_code(chmod(path, 0755), 0);
	settle();
	assert_int_equal(trust_count(f->trust, TRUSTED), 1);
}

static void
test_trust__hears_within_a_second_of_a_mode_above_it(void **state)
{
	struct fixture *f = *state;
	clv_error *err = NULL;
	clv_status status = CLV_OK;

	assert_int_equal(trust_count(f->trust, TRUSTED), 0);
	assert_return_code(chmod(f->directory.base, 0777), 0);
	for (int i = 0; i < 150 && status == CLV_OK; i++) {
		clv_trust_snapshot *snapshot = NULL;

		(void)poll(NULL, 0, 10);
		status = clv_trust_get_snapshot(f->trust, &snapshot, &err);
		clv_trust_snapshot_free(&snapshot);
	}
	assert_int_equal(status, CLV_POLICY);
	clv_error_free(&err);
	assert_return_code(chmod(f->directory.base, 0700), 0);
	assert_int_equal(trust_count(f->trust, TRUSTED), 0);
}

static void
test_trust__does_not_count_a_file_that_others_may_write(void **state)
{
	struct fixture *f = *state;
	char path[512];

	directory_write(
	    &f->directory, "trusted/certs/a.der", &f->pki.other.der);
	(void)directory_path(&f->directory, "trusted/certs/a.der", path);
	assert_int_equal(trust_count(f->trust, TRUSTED), 1);
	assert_return_code(chmod(path, 0666), 0);
	settle();
	assert_int_equal(trust_count(f->trust, TRUSTED), 0);
	assert_int_equal(trust_problems(f->trust), 1);
	assert_return_code(chmod(path, 0644), 0);
	settle();
	assert_int_equal(trust_count(f->trust, TRUSTED), 1);
	assert_int_equal(trust_problems(f->trust), 0);
}

/* ---- what files hold ---- */

static void
test_trust__quarantines_broken_files_and_goes_on(void **state)
{
	struct fixture *f = *state;
	struct blob pem =
	    pki_pem("CERTIFICATE", f->pki.leaf.der.bytes, f->pki.leaf.der.size);
	struct blob key = pki_pem("PRIVATE KEY", f->pki.leaf.der.bytes, 64);
	char path[512];

	directory_write(&f->directory, "trusted/certs/good", &f->pki.other.der);
	directory_write(&f->directory, "trusted/certs/also good.pem", &pem);
	directory_write(&f->directory, "trusted/certs/key.pem", &key);
	directory_overwrite(
	    &f->directory, "trusted/certs/README.txt", "hello\n", 6);
	directory_overwrite(&f->directory, "trusted/certs/empty.der", "", 0);
	directory_overwrite(&f->directory, "trusted/certs/cut.der",
	    f->pki.other.der.bytes, f->pki.other.der.size - 1);
	directory_overwrite(&f->directory, "trusted/certs/.hidden.tmp", "x", 1);
	assert_return_code(mkdir(directory_path(&f->directory,
				     "trusted/certs/directory", path),
			       0755),
	    0);
	assert_return_code(
	    mkfifo(directory_path(&f->directory, "trusted/certs/fifo", path),
		0644),
	    0);
	assert_return_code(
	    symlink("/nonexistent",
		directory_path(&f->directory, "trusted/certs/dangling", path)),
	    0);
	assert_int_equal(trust_count(f->trust, CLV_TRUST_ALL_LISTS), 2);
	assert_int_equal(trust_problems(f->trust), 7);
	assert_true(directory_has(&f->directory, "trusted/certs/README.txt"));
	blob_drop(&pem);
	blob_drop(&key);
}

static void
test_trust__takes_only_the_first_of_a_chain_as_trusted(void **state)
{
	struct fixture *f = *state;
	struct blob chain = pki_join(&f->pki.leaf.der, &f->pki.ca.der);
	struct blob both = pki_join(&f->pki.other.der, &f->pki.root.der);

	directory_write(&f->directory, "trusted/certs/chain.der", &chain);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.leaf.der));
	assert_false(trust_has(f->trust, TRUSTED, &f->pki.ca.der));
	assert_true(trust_has(f->trust, ISSUERS, &f->pki.ca.der));
	/* Unrelated ones are a bundle: each of them is meant. */
	directory_write(&f->directory, "trusted/certs/both.der", &both);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.other.der));
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.root.der));
	blob_drop(&chain);
	blob_drop(&both);
}

static void
test_trust__takes_a_crl_among_certificates_but_not_the_reverse(void **state)
{
	struct fixture *f = *state;

	directory_write(&f->directory, "trusted/certs/a.crl", &f->pki.crl);
	assert_true(trust_has(f->trust, CLV_TRUST_TRUSTED_CRLS, &f->pki.crl));
	directory_write(&f->directory, "trusted/crl/a.der", &f->pki.other.der);
	assert_false(trust_has(f->trust, TRUSTED, &f->pki.other.der));
	assert_int_equal(trust_problems(f->trust), 1);
}

static void
test_trust__does_not_read_more_than_its_limits(void **state)
{
	struct fixture *f = *state;
	clv_trust_options *options = NULL;
	clv_trust *trust = NULL;
	struct blob big = {calloc(1, 70000), 70000};

	assert_ok(clv_trust_options_new(&options, &err));
	assert_ok(clv_trust_options_set_limit(
	    options, CLV_TRUST_LIMIT_FILES, 2, &err));
	assert_ok(clv_trust_options_set_limit(
	    options, CLV_TRUST_LIMIT_FILE_SIZE, 60000, &err));
	assert_fails(CLV_INVALID,
	    clv_trust_options_set_limit(
		options, CLV_TRUST_LIMIT_FILES, 0, &err));
	assert_fails(CLV_INVALID,
	    clv_trust_options_set_limit(options, (clv_trust_limit)99, 1, &err));
	assert_ok(clv_trust_open(f->directory.path, options, &trust, &err));
	clv_trust_options_free(&options);
	directory_write(&f->directory, "trusted/certs/big", &big);
	directory_write(&f->directory, "trusted/certs/a", &f->pki.other.der);
	assert_int_equal(trust_count(trust, TRUSTED), 1);
	assert_int_equal(trust_problems(trust), 1);
	directory_write(&f->directory, "trusted/certs/b", &f->pki.leaf.der);
	assert_fails(
	    CLV_TOO_LARGE, clv_trust_visit(trust, 15, NULL, NULL, &err));
	directory_delete(&f->directory, "trusted/certs/big");
	assert_int_equal(trust_count(trust, TRUSTED), 2);
	clv_trust_free(&trust);
	free(big.bytes);
}

/* ---- CRLs ---- */

static void
put_chain(struct fixture *f)
{
	directory_write(&f->directory, "trusted/certs/root", &f->pki.root.der);
	directory_write(&f->directory, "issuer/certs/ca", &f->pki.ca.der);
	directory_write(&f->directory, "trusted/crl/root", &f->pki.root_crl);
	directory_write(&f->directory, "issuer/crl/ca", &f->pki.crl);
}

static clv_statuscode
strict(struct fixture *f)
{
	return trust_verdict(
	    f->trust, &f->pki.leaf.der, CLV_CHECK_REVOCATION_OFFLINE);
}

static clv_statuscode
lenient(struct fixture *f)
{
	return trust_verdict(f->trust, &f->pki.leaf.der,
	    CLV_CHECK_REVOCATION_OFFLINE | CLV_SUPPRESS_REVOCATION_UNKNOWN |
		CLV_SUPPRESS_ISSUER_REVOCATION_UNKNOWN);
}

static void
test_trust__honours_a_new_crl_at_once(void **state)
{
	struct fixture *f = *state;

	put_chain(f);
	assert_int_equal(strict(f), CLV_SC_GOOD);
	directory_write(&f->directory, "issuer/crl/b", &f->pki.revoking);
	assert_int_equal(strict(f), CLV_SC_BAD_CERTIFICATE_REVOKED);
}

static void
test_trust__keeps_a_crl_whose_file_was_damaged(void **state)
{
	struct fixture *f = *state;

	put_chain(f);
	directory_write(&f->directory, "issuer/crl/ca", &f->pki.revoking);
	assert_int_equal(lenient(f), CLV_SC_BAD_CERTIFICATE_REVOKED);
	directory_overwrite(&f->directory, "issuer/crl/ca", "junk", 4);
	settle();
	assert_int_equal(lenient(f), CLV_SC_BAD_CERTIFICATE_REVOKED);
	assert_int_equal(trust_problems(f->trust), 1);
}

static void
test_trust__does_not_overlook_a_crl_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;

	put_chain(f);
	directory_delete(&f->directory, "issuer/crl/ca");
	/* Missing, which the options overlook. */
	assert_int_equal(strict(f), CLV_SC_BAD_CERTIFICATE_REVOCATION_UNKNOWN);
	assert_int_equal(lenient(f), CLV_SC_GOOD);
	assert_int_equal(
	    trust_verdict(f->trust, &f->pki.leaf.der, 0), CLV_SC_GOOD);
	/* There, and broken: nobody knows what it says. */
	directory_overwrite(&f->directory, "issuer/crl/ca",
	    f->pki.revoking.bytes, f->pki.revoking.size - 1);
	settle();
	assert_int_equal(lenient(f), CLV_SC_BAD_CERTIFICATE_REVOCATION_UNKNOWN);
	assert_int_equal(trust_verdict(f->trust, &f->pki.leaf.der, 0),
	    CLV_SC_BAD_CERTIFICATE_REVOCATION_UNKNOWN);
	clv_trust_free(&f->trust);
	open_list(f);
	assert_int_equal(lenient(f), CLV_SC_BAD_CERTIFICATE_REVOCATION_UNKNOWN);
	/* With all CRLs there, an unreadable one more takes nothing away. */
	directory_write(&f->directory, "issuer/crl/good", &f->pki.crl);
	assert_int_equal(strict(f), CLV_SC_GOOD);
	directory_delete(&f->directory, "issuer/crl/ca");
	directory_delete(&f->directory, "issuer/crl/good");
	assert_int_equal(lenient(f), CLV_SC_GOOD);
}

static void
test_trust__loses_a_crl_when_others_may_write_it(void **state)
{
	struct fixture *f = *state;
	char path[512];

	put_chain(f);
	assert_int_equal(lenient(f), CLV_SC_GOOD);
	(void)directory_path(&f->directory, "issuer/crl/ca", path);
	assert_return_code(chmod(path, 0666), 0);
	clv_trust_free(&f->trust);
	open_list(f);
	assert_int_equal(lenient(f), CLV_SC_BAD_CERTIFICATE_REVOCATION_UNKNOWN);
}

/* ---- opening ---- */

/* Nobody is trusted in a directory that was named by mistake; but that is not
 * why. */
static void
test_trust_open__refuses_what_is_no_trust_list(void **state)
{
	static const char *const parts[] = {
	    "trusted", "issuer", "issuers", "rejected", "own", ".claviger"};
	struct fixture *f = *state;
	clv_trust *trust = NULL;
	char path[512], name[600];

	(void)snprintf(path, sizeof(path), "%s/other", f->directory.path);
	assert_int_equal(mkdir(path, 0755), 0);
	(void)snprintf(name, sizeof(name), "%s/.keep", path);
	assert_int_equal(mkdir(name, 0755), 0);
	assert_ok(clv_trust_open(path, NULL, &trust, &err));
	clv_trust_free(&trust);
	(void)snprintf(name, sizeof(name), "%s/certs", path);
	assert_int_equal(mkdir(name, 0755), 0);
	assert_fails(CLV_INVALID, clv_trust_open(path, NULL, &trust, &err));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", path, parts[i]);
		assert_int_equal(mkdir(name, 0755), 0);
		assert_ok(clv_trust_open(path, NULL, &trust, &err));
		clv_trust_free(&trust);
		assert_int_equal(rmdir(name), 0);
	}
}

static void
test_trust_open__tells_what_is_missing(void **state)
{
	struct fixture *f = *state;
	clv_trust_options *options = NULL;
	clv_trust *trust = NULL;
	char path[512];

	(void)directory_path(&f->directory, "no/such", path);
	assert_fails(CLV_NOT_FOUND, clv_trust_open(path, NULL, &trust, &err));
	assert_ok(clv_trust_options_new(&options, &err));
	clv_trust_options_set_create(options, true);
	assert_fails(
	    CLV_NOT_FOUND, clv_trust_open(path, options, &trust, &err));
	(void)directory_path(&f->directory, "new/", path);
	assert_ok(clv_trust_open(path, options, &trust, &err));
	assert_true(directory_has(&f->directory, "new/own/private"));
	assert_true(directory_has(&f->directory, "new/rejected/certs"));
	assert_int_equal(trust_count(trust, CLV_TRUST_ALL_LISTS), 0);
	clv_trust_free(&trust);
	clv_trust_options_free(&options);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    LIST_TEST(test_trust_open__refuses_what_is_no_trust_list),
	    LIST_TEST(test_trust_open__refuses_what_others_may_write),
	    LIST_TEST(
		test_trust__stops_trusting_when_a_folder_is_opened_to_all),
	    LIST_TEST(test_trust__hears_within_a_second_of_a_mode_above_it),
	    LIST_TEST(test_trust__does_not_count_a_file_that_others_may_write),
	    LIST_TEST(test_trust__quarantines_broken_files_and_goes_on),
	    LIST_TEST(test_trust__takes_only_the_first_of_a_chain_as_trusted),
	    LIST_TEST(
		test_trust__takes_a_crl_among_certificates_but_not_the_reverse),
	    LIST_TEST(test_trust__does_not_read_more_than_its_limits),
	    LIST_TEST(test_trust__honours_a_new_crl_at_once),
	    LIST_TEST(test_trust__keeps_a_crl_whose_file_was_damaged),
	    LIST_TEST(test_trust__does_not_overlook_a_crl_that_cannot_be_read),
	    LIST_TEST(test_trust__loses_a_crl_when_others_may_write_it),
	    LIST_TEST(test_trust_open__tells_what_is_missing),
	};

	polling = argc > 1 && strcmp(argv[1], "polling") == 0;
	return cmocka_run_group_tests(
	    tests, list_set_up_pki, list_tear_down_pki);
}
