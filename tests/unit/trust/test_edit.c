/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Changing a list: adding, removing, accepting, replacing. */

#include "testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory.h"

#define TRUSTED CLV_TRUST_TRUSTED_CERTIFICATES
#define TRUSTED_CRLS CLV_TRUST_TRUSTED_CRLS
#define ISSUERS CLV_TRUST_ISSUER_CERTIFICATES
#define ISSUER_CRLS CLV_TRUST_ISSUER_CRLS
#define ALL CLV_TRUST_ALL_LISTS

struct fixture {
	struct directory directory;
	clv_trust *trust;
	struct pki_family pki;
	struct pki_identity renewed; /* the CA's name and key again */
};

static struct fixture shared;

static int
set_up_pki(void **state)
{
	struct fixture *f = &shared;

	(void)state;
	pki_family_make(&f->pki, true, "../../etc/Other");
	EVP_PKEY_up_ref(f->pki.ca.key);
	pki_issue(&f->renewed, f->pki.ca.key, "CA", true, &f->pki.root);
	return 0;
}

static int
tear_down_pki(void **state)
{
	struct fixture *f = &shared;

	(void)state;
	pki_drop(&f->renewed);
	pki_family_drop(&f->pki);
	return 0;
}

static int
set_up(void **state)
{
	directory_make(&shared.directory);
	assert_ok(
	    clv_trust_open(shared.directory.path, NULL, &shared.trust, &err));
	*state = &shared;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	/* Whatever was done, nothing unfinished stays. */
	assert_false(directory_has(&f->directory, ".claviger/journal"));
	clv_trust_free(&f->trust);
	directory_remove(&f->directory);
	return 0;
}

static clv_trust_change
add(struct fixture *f, clv_trust_mask list, const struct blob *blob)
{
	clv_trust_change change;

	assert_ok(clv_trust_add(
	    f->trust, list, blob->bytes, blob->size, &change, &err));
	return change;
}

/* ---- adding ---- */

static void
test_trust_add__writes_a_readable_name_and_is_repeatable(void **state)
{
	struct fixture *f = *state;
	char thumbprint[41];
	char path[200];
	clv_trust_change change = add(f, TRUSTED, &f->pki.other.der);
	struct stat about;
	char buffer[512];

	assert_int_equal(change.added, 1);
	pki_thumbprint(&f->pki.other.der, thumbprint);
	(void)snprintf(path, sizeof(path),
	    "trusted/certs/+.+..+etc+Other [%s].der", thumbprint);
	assert_true(directory_has(&f->directory, path));
	assert_return_code(
	    stat(directory_path(&f->directory, path, buffer), &about), 0);
	assert_int_equal(about.st_mode & 07777, 0644);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.other.der));

	change = add(f, TRUSTED, &f->pki.other.der);
	assert_int_equal(change.added, 0);
	assert_int_equal(change.unchanged, 1);
	assert_int_equal(directory_count(&f->directory, "trusted/certs"), 1);
}

static void
test_trust_add__does_not_depend_on_the_umask(void **state)
{
	struct fixture *f = *state;
	const mode_t old = umask(0);
	struct stat about;
	char path[512];

	(void)remove(directory_path(&f->directory, "issuer/certs", path));
	(void)add(f, ISSUERS, &f->pki.ca.der);
	(void)umask(0077);
	(void)add(f, TRUSTED, &f->pki.other.der);
	(void)umask(old);
	assert_return_code(
	    stat(directory_path(&f->directory, "issuer/certs", path), &about),
	    0);
	assert_int_equal(about.st_mode & 07777, 0755);
	assert_true(trust_has(f->trust, ISSUERS, &f->pki.ca.der));
}

static void
test_trust_add__sorts_by_content(void **state)
{
	struct fixture *f = *state;
	struct blob chain = pki_join(&f->pki.leaf.der, &f->pki.ca.der);
	struct blob mixed = pki_join(&f->pki.other.der, &f->pki.crl);
	clv_trust_change change = add(f, TRUSTED, &chain);

	assert_int_equal(change.added, 2);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.leaf.der));
	assert_false(trust_has(f->trust, TRUSTED, &f->pki.ca.der));
	assert_true(trust_has(f->trust, ISSUERS, &f->pki.ca.der));
	change = add(f, ISSUERS, &mixed);
	assert_int_equal(change.added, 2);
	assert_true(trust_has(f->trust, ISSUERS, &f->pki.other.der));
	assert_true(trust_has(f->trust, ISSUER_CRLS, &f->pki.crl));
	blob_drop(&chain);
	blob_drop(&mixed);
}

static void
test_trust_add__refuses_what_it_cannot_read_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct blob cut = {f->pki.leaf.der.bytes, f->pki.leaf.der.size - 1};
	struct blob half = pki_join(&f->pki.other.der, &cut);

	assert_fails(CLV_CORRUPT,
	    clv_trust_add(f->trust, TRUSTED, "junk", 4, NULL, &err));
	assert_fails(CLV_CORRUPT,
	    clv_trust_add(
		f->trust, TRUSTED, half.bytes, half.size, NULL, &err));
	assert_fails(CLV_INVALID,
	    clv_trust_add(f->trust, CLV_TRUST_TRUSTED_CRLS, f->pki.crl.bytes,
		f->pki.crl.size, NULL, &err));
	assert_int_equal(trust_count(f->trust, ALL), 0);
	assert_int_equal(directory_count(&f->directory, "trusted/certs"), 0);
	blob_drop(&half);
}

static void
test_trust_add__replaces_the_older_crl_of_the_same_issuer(void **state)
{
	struct fixture *f = *state;
	clv_trust_change change;

	(void)add(f, ISSUERS, &f->pki.ca.der);
	(void)add(f, ISSUERS, &f->pki.crl);
	change = add(f, ISSUERS, &f->pki.revoking);
	assert_int_equal(change.added, 1);
	assert_int_equal(change.removed, 1);
	assert_false(trust_has(f->trust, ISSUER_CRLS, &f->pki.crl));
	/* An older one does not take the newer one away. */
	(void)add(f, ISSUERS, &f->pki.crl);
	assert_true(trust_has(f->trust, ISSUER_CRLS, &f->pki.revoking));
}

static void
test_trust_add__keeps_a_crl_that_a_forged_one_would_replace(void **state)
{
	struct fixture *f = *state;
	struct pki_identity impostor;
	struct blob forged;
	struct blob future = pki_crl(&f->pki.ca, 9, NULL, 86400);

	pki_make(&impostor, "CA", true, NULL);
	/* The name and key identifier of the CA, signed by another key. */
	impostor.certificate =
	    (X509_free(impostor.certificate), X509_dup(f->pki.ca.certificate));
	forged = pki_crl(&impostor, 3, NULL, -10);
	(void)add(f, ISSUERS, &f->pki.ca.der);
	(void)add(f, ISSUERS, &f->pki.revoking);
	(void)add(f, ISSUERS, &forged);
	assert_true(trust_has(f->trust, ISSUER_CRLS, &f->pki.revoking));
	(void)add(f, ISSUERS, &future);
	assert_true(trust_has(f->trust, ISSUER_CRLS, &f->pki.revoking));
	pki_drop(&impostor);
	blob_drop(&forged);
	blob_drop(&future);
}

/* ---- removing ---- */

static void
test_trust_remove__takes_out_a_certificate(void **state)
{
	struct fixture *f = *state;
	char thumbprint[41];
	clv_trust_change change;

	(void)add(f, TRUSTED, &f->pki.other.der);
	(void)add(f, TRUSTED, &f->pki.leaf.der);
	(void)add(f, ISSUERS, &f->pki.leaf.der);
	pki_thumbprint(&f->pki.leaf.der, thumbprint);
	assert_ok(
	    clv_trust_remove(f->trust, TRUSTED, thumbprint, &change, &err));
	assert_int_equal(change.removed, 1);
	assert_false(trust_has(f->trust, TRUSTED, &f->pki.leaf.der));
	assert_true(trust_has(f->trust, ISSUERS, &f->pki.leaf.der));
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.other.der));
	assert_fails(CLV_NOT_FOUND,
	    clv_trust_remove(f->trust, TRUSTED, thumbprint, NULL, &err));
	assert_fails(CLV_INVALID,
	    clv_trust_remove(f->trust, TRUSTED, "leaf", NULL, &err));
}

static void
test_trust_remove__takes_the_crls_of_a_ca_along(void **state)
{
	struct fixture *f = *state;
	struct blob root_crl = pki_crl(&f->pki.root, 1, NULL, -60);
	char thumbprint[41];

	(void)add(f, ISSUERS, &f->pki.root.der);
	(void)add(f, ISSUERS, &root_crl);
	(void)add(f, ISSUERS, &f->pki.ca.der);
	(void)add(f, ISSUERS, &f->renewed.der);
	(void)add(f, ISSUERS, &f->pki.crl);
	pki_thumbprint(&f->pki.ca.der, thumbprint);
	/* The renewed certificate still needs the CRL. */
	assert_ok(clv_trust_remove(f->trust, ISSUERS, thumbprint, NULL, &err));
	assert_true(trust_has(f->trust, ISSUER_CRLS, &f->pki.crl));
	pki_thumbprint(&f->renewed.der, thumbprint);
	assert_ok(clv_trust_remove(f->trust, ISSUERS, thumbprint, NULL, &err));
	assert_false(trust_has(f->trust, ISSUER_CRLS, &f->pki.crl));
	assert_true(trust_has(f->trust, ISSUER_CRLS, &root_crl));
	blob_drop(&root_crl);
}

static void
test_trust_remove__takes_a_crl_by_its_own_thumbprint(void **state)
{
	struct fixture *f = *state;
	char thumbprint[41];

	(void)add(f, ISSUERS, &f->pki.crl);
	pki_thumbprint(&f->pki.crl, thumbprint);
	assert_ok(clv_trust_remove(f->trust, ALL, thumbprint, NULL, &err));
	assert_int_equal(trust_count(f->trust, ALL), 0);
}

static void
test_trust_remove__leaves_the_others_of_a_file(void **state)
{
	struct fixture *f = *state;
	struct blob both = pki_join(&f->pki.other.der, &f->pki.root.der);
	char thumbprint[41];

	directory_write(&f->directory, "trusted/certs/bundle", &both);
	pki_thumbprint(&f->pki.root.der, thumbprint);
	assert_ok(clv_trust_remove(f->trust, TRUSTED, thumbprint, NULL, &err));
	assert_false(directory_has(&f->directory, "trusted/certs/bundle"));
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.other.der));
	assert_int_equal(trust_count(f->trust, ALL), 1);
	blob_drop(&both);
}

/* ---- accepting ---- */

static void
test_trust_accept__moves_a_rejected_certificate(void **state)
{
	struct fixture *f = *state;
	char thumbprint[41];

	assert_int_equal(trust_verdict(f->trust, &f->pki.other.der, 0),
	    CLV_SC_BAD_CERTIFICATE_UNTRUSTED);
	clv_trust_flush_rejected(f->trust);
	assert_int_equal(directory_count(&f->directory, "rejected/certs"), 1);
	pki_thumbprint(&f->pki.other.der, thumbprint);
	assert_ok(clv_trust_accept(f->trust, thumbprint, &err));
	assert_int_equal(directory_count(&f->directory, "rejected/certs"), 0);
	assert_int_equal(
	    trust_verdict(f->trust, &f->pki.other.der, 0), CLV_SC_GOOD);
	assert_fails(
	    CLV_NOT_FOUND, clv_trust_accept(f->trust, thumbprint, &err));
	assert_fails(CLV_INVALID, clv_trust_accept(f->trust, "", &err));
}

/* ---- whole lists ---- */

static clv_trust_data *
make_data(unsigned mask)
{
	clv_trust_data *data = NULL;

	assert_ok(clv_trust_data_new(&data, &err));
	assert_ok(clv_trust_data_specify(data, mask, &err));
	return data;
}

static void
put(clv_trust_data *data, clv_trust_mask list, const struct blob *blob)
{
	assert_ok(
	    clv_trust_data_add(data, list, blob->bytes, blob->size, &err));
}

static void
test_trust_replace__changes_the_lists_of_the_mask_only(void **state)
{
	struct fixture *f = *state;
	clv_trust_data *data = make_data(TRUSTED | ISSUER_CRLS);
	clv_trust_change change;

	(void)add(f, TRUSTED, &f->pki.other.der);
	(void)add(f, TRUSTED, &f->pki.root.der);
	(void)add(f, ISSUERS, &f->pki.ca.der);
	(void)add(f, ISSUERS, &f->pki.crl);
	put(data, TRUSTED, &f->pki.root.der);
	put(data, TRUSTED, &f->pki.leaf.der);
	put(data, ISSUER_CRLS, &f->pki.revoking);
	/* Not in the mask: ignored. */
	put(data, ISSUERS, &f->renewed.der);
	assert_ok(clv_trust_replace(f->trust, data, &change, &err));
	assert_int_equal(change.added, 2);
	assert_int_equal(change.removed, 2);
	assert_int_equal(change.unchanged, 1);
	assert_int_equal(trust_count(f->trust, ALL), 4);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.root.der));
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.leaf.der));
	assert_true(trust_has(f->trust, ISSUERS, &f->pki.ca.der));
	assert_true(trust_has(f->trust, ISSUER_CRLS, &f->pki.revoking));
	clv_trust_data_free(&data);
}

static void
test_trust_replace__empties_a_list(void **state)
{
	struct fixture *f = *state;
	clv_trust_data *data = make_data(ALL);

	(void)add(f, TRUSTED, &f->pki.other.der);
	(void)add(f, ISSUERS, &f->pki.crl);
	directory_overwrite(&f->directory, "trusted/certs/junk", "x", 1);
	assert_ok(clv_trust_replace(f->trust, data, NULL, &err));
	assert_int_equal(trust_count(f->trust, ALL), 0);
	assert_int_equal(trust_problems(f->trust), 0);
	clv_trust_data_free(&data);
}

static void
test_trust_replace__keeps_the_old_list_if_an_entry_is_bad(void **state)
{
	struct fixture *f = *state;
	clv_trust_data *data = make_data(ALL);
	struct blob junk = {(uint8_t *)strdup("junk"), 4};
	struct blob pem =
	    pki_pem("CERTIFICATE", f->pki.leaf.der.bytes, f->pki.leaf.der.size);

	(void)add(f, TRUSTED, &f->pki.other.der);
	put(data, TRUSTED, &f->pki.root.der);
	put(data, TRUSTED, &junk);
	assert_fails(
	    CLV_CORRUPT, clv_trust_replace(f->trust, data, NULL, &err));
	clv_trust_data_clear(data, TRUSTED, false);
	put(data, TRUSTED, &f->pki.crl);
	assert_fails(
	    CLV_CORRUPT, clv_trust_replace(f->trust, data, NULL, &err));
	clv_trust_data_clear(data, TRUSTED, false);
	put(data, TRUSTED, &pem);
	assert_fails(
	    CLV_CORRUPT, clv_trust_replace(f->trust, data, NULL, &err));
	clv_trust_data_clear(data, TRUSTED, false);
	put(data, TRUSTED_CRLS, &f->pki.leaf.der);
	assert_fails(
	    CLV_CORRUPT, clv_trust_replace(f->trust, data, NULL, &err));
	clv_trust_data_clear(data, TRUSTED_CRLS, false);
	assert_ok(clv_trust_data_add(data, TRUSTED, NULL, 0, &err));
	assert_fails(
	    CLV_CORRUPT, clv_trust_replace(f->trust, data, NULL, &err));
	assert_int_equal(trust_count(f->trust, ALL), 1);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.other.der));
	clv_trust_data_free(&data);
	free(junk.bytes);
	blob_drop(&pem);
}

static void
test_trust_get_data__is_what_replace_takes(void **state)
{
	struct fixture *f = *state;
	struct directory copy;
	clv_trust_data *data = NULL;
	clv_trust_data *again = NULL;
	clv_trust *trust = NULL;

	(void)add(f, TRUSTED, &f->pki.other.der);
	(void)add(f, ISSUERS, &f->pki.ca.der);
	(void)add(f, ISSUERS, &f->pki.crl);
	/* The same certificate in a second file is told once. */
	directory_write(&f->directory, "trusted/certs/b", &f->pki.other.der);
	assert_ok(clv_trust_get_data(f->trust, ALL, &data, &err));
	assert_int_equal(clv_trust_data_specified(data), ALL);
	assert_int_equal(clv_trust_data_count(data, TRUSTED), 1);
	assert_int_equal(clv_trust_data_count(data, TRUSTED_CRLS), 0);
	assert_false(clv_trust_data_is_null(data, TRUSTED_CRLS));
	assert_int_equal(clv_trust_data_count(data, ISSUERS), 1);
	assert_int_equal(clv_trust_data_count(data, ISSUER_CRLS), 1);

	directory_make(&copy);
	assert_ok(clv_trust_open(copy.path, NULL, &trust, &err));
	assert_ok(clv_trust_replace(trust, data, NULL, &err));
	assert_int_equal(trust_count(trust, ALL), 3);
	clv_trust_data_free(&data);

	assert_ok(clv_trust_get_data(trust, TRUSTED, &again, &err));
	assert_true(clv_trust_data_is_null(again, ISSUERS));
	assert_int_equal(clv_trust_data_count(again, TRUSTED), 1);
	assert_fails(CLV_INVALID, clv_trust_get_data(trust, 16, &data, &err));
	clv_trust_data_free(&again);
	clv_trust_free(&trust);
	directory_remove(&copy);
}

/* ---- refusals ---- */

static void
test_trust_add__refuses_an_insecure_directory(void **state)
{
	struct fixture *f = *state;
	char path[512];

	(void)directory_path(&f->directory, ".claviger", path);
	assert_return_code(chmod(path, 0777), 0);
	assert_fails(CLV_POLICY,
	    clv_trust_add(f->trust, TRUSTED, f->pki.other.der.bytes,
		f->pki.other.der.size, NULL, &err));
	assert_return_code(chmod(path, 0755), 0);
	(void)add(f, TRUSTED, &f->pki.other.der);
}

static void
test_trust_recover__refuses_a_damaged_journal(void **state)
{
	struct fixture *f = *state;

	directory_overwrite(&f->directory, ".claviger/journal", "junk", 4);
	assert_fails(CLV_CORRUPT, clv_trust_recover(f->trust, &err));
	assert_fails(
	    CLV_CORRUPT, clv_trust_visit(f->trust, ALL, NULL, NULL, &err));
	directory_delete(&f->directory, ".claviger/journal");
	assert_ok(clv_trust_recover(f->trust, &err));
	assert_int_equal(trust_count(f->trust, ALL), 0);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_trust_add__writes_a_readable_name_and_is_repeatable),
	    TEST(test_trust_add__does_not_depend_on_the_umask),
	    TEST(test_trust_add__sorts_by_content),
	    TEST(
		test_trust_add__refuses_what_it_cannot_read_and_changes_nothing),
	    TEST(test_trust_add__replaces_the_older_crl_of_the_same_issuer),
	    TEST(test_trust_add__keeps_a_crl_that_a_forged_one_would_replace),
	    TEST(test_trust_remove__takes_out_a_certificate),
	    TEST(test_trust_remove__takes_the_crls_of_a_ca_along),
	    TEST(test_trust_remove__takes_a_crl_by_its_own_thumbprint),
	    TEST(test_trust_remove__leaves_the_others_of_a_file),
	    TEST(test_trust_accept__moves_a_rejected_certificate),
	    TEST(test_trust_replace__changes_the_lists_of_the_mask_only),
	    TEST(test_trust_replace__empties_a_list),
	    TEST(test_trust_replace__keeps_the_old_list_if_an_entry_is_bad),
	    TEST(test_trust_get_data__is_what_replace_takes),
	    TEST(test_trust_add__refuses_an_insecure_directory),
	    TEST(test_trust_recover__refuses_a_damaged_journal),
	};

	return cmocka_run_group_tests(tests, set_up_pki, tear_down_pki);
}
