/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Other products' layouts, and handing a list out. */

#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <claviger/uri.h>

#include "directory.h"

#define TRUSTED CLV_TRUST_TRUSTED_CERTIFICATES
#define ISSUERS CLV_TRUST_ISSUER_CERTIFICATES
#define ALL CLV_TRUST_ALL_LISTS

struct fixture {
	struct directory directory;
	clv_trust *trust;
	struct directory foreign;
	struct pki_family pki;
	struct pki_identity rejected;
	struct blob leaf_pem;
	struct blob crl_pem;
};

static struct fixture shared;

static int
set_up_pki(void **state)
{
	struct fixture *f = &shared;

	(void)state;
	pki_family_make(&f->pki, false, NULL);
	pki_make(&f->rejected, "Rejected", false, NULL);
	f->leaf_pem =
	    pki_pem("CERTIFICATE", f->pki.leaf.der.bytes, f->pki.leaf.der.size);
	f->crl_pem = pki_pem("X509 CRL", f->pki.crl.bytes, f->pki.crl.size);
	return 0;
}

static int
tear_down_pki(void **state)
{
	struct fixture *f = &shared;

	(void)state;
	pki_drop(&f->rejected);
	blob_drop(&f->leaf_pem);
	blob_drop(&f->crl_pem);
	pki_family_drop(&f->pki);
	return 0;
}

static int
set_up(void **state)
{
	struct fixture *f = &shared;

	directory_make(&f->directory);
	/* Only a private place, without the layout. */
	directory_make(&f->foreign);
	(void)memcpy(f->foreign.path + strlen(f->foreign.path) - 3, "out", 3);
	assert_return_code(mkdir(f->foreign.path, 0755), 0);
	assert_ok(clv_trust_open(f->directory.path, NULL, &f->trust, &err));
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	clv_trust_free(&f->trust);
	directory_remove(&f->directory);
	directory_remove(&f->foreign);
	return 0;
}

/* Writes a file and the directories above it. */
static void
put(struct fixture *f, const char *path, const struct blob *blob)
{
	char part[512];
	char whole[512];

	for (size_t i = 0; path[i] != '\0'; i++)
		if (path[i] == '/') {
			(void)snprintf(
			    part, sizeof(part), "%.*s", (int)i, path);
			(void)mkdir(
			    directory_path(&f->foreign, part, whole), 0755);
		}
	directory_write(&f->foreign, path, blob);
}

static void
assert_imported(struct fixture *f, const char *group)
{
	clv_trust_change change;

	assert_ok(
	    clv_trust_import(f->trust, f->foreign.path, group, &change, &err));
	assert_int_equal(change.added, 3);
	assert_true(trust_has(f->trust, TRUSTED, &f->pki.leaf.der));
	assert_true(trust_has(f->trust, ISSUERS, &f->pki.ca.der));
	assert_true(trust_has(f->trust, CLV_TRUST_ISSUER_CRLS, &f->pki.crl));
	assert_int_equal(trust_count(f->trust, ALL), 3);
	clv_trust_flush_rejected(f->trust);
	assert_int_equal(directory_count(&f->directory, "rejected/certs"), 1);
	/* Again, and nothing is new. */
	assert_ok(
	    clv_trust_import(f->trust, f->foreign.path, group, &change, &err));
	assert_int_equal(change.added, 0);
	assert_int_equal(change.unchanged, 3);
}

static void
test_trust_import__netstandard(void **state)
{
	struct fixture *f = *state;

	put(f, "trusted/certs/Leaf [ABC].der", &f->pki.leaf.der);
	put(f, "issuer/certs/CA [ABC].der", &f->pki.ca.der);
	put(f, "issuer/crl/CA [ABC].crl", &f->pki.crl);
	put(f, "rejected/certs/Rejected [ABC].der", &f->rejected.der);
	assert_imported(f, NULL);
}

static void
test_trust_import__netstandard_user_group(void **state)
{
	struct fixture *f = *state;

	put(f, "trusted/certs/not this group's.der", &f->rejected.der);
	put(f, "trustedUser/certs/Leaf [ABC].der", &f->pki.leaf.der);
	put(f, "issuerUser/certs/CA [ABC].der", &f->pki.ca.der);
	put(f, "issuerUser/crl/CA [ABC].crl", &f->pki.crl);
	put(f, "rejectedUser/certs/Rejected [ABC].der", &f->rejected.der);
	assert_imported(f, "User");
}

static void
test_trust_import__open62541(void **state)
{
	struct fixture *f = *state;

	put(f, "ApplCerts/trusted/certs/Leaf[abc]", &f->pki.leaf.der);
	put(f, "ApplCerts/issuer/certs/CA[abc]", &f->pki.ca.der);
	put(f, "ApplCerts/issuer/crl/CA[abc]", &f->pki.crl);
	put(f, "ApplCerts/rejected/certs/Rejected[abc]", &f->rejected.der);
	put(f, "HttpCerts/trusted/certs/web", &f->rejected.der);
	assert_imported(f, "");
}

static void
test_trust_import__open62541_https_group(void **state)
{
	struct fixture *f = *state;

	put(f, "HttpCerts/trusted/certs/Leaf[abc]", &f->pki.leaf.der);
	put(f, "HttpCerts/issuer/certs/CA[abc]", &f->pki.ca.der);
	put(f, "HttpCerts/issuer/crl/CA[abc]", &f->pki.crl);
	put(f, "HttpCerts/rejected/certs/Rejected[abc]", &f->rejected.der);
	put(f, "ApplCerts/trusted/certs/app", &f->rejected.der);
	assert_imported(f, "Https");
}

static void
test_trust_import__node_opcua(void **state)
{
	struct fixture *f = *state;

	put(f, "trusted/certs/Leaf[abc].pem", &f->leaf_pem);
	put(f, "issuers/certs/issuer_CA[abc].pem", &f->pki.ca.der);
	put(f, "issuers/crl/crl_[CA].pem", &f->crl_pem);
	put(f, "rejected/Rejected[abc].pem", &f->rejected.der);
	assert_imported(f, NULL);
}

static void
test_trust_import__milo(void **state)
{
	struct fixture *f = *state;

	put(f, "trusted/certs/0f1e [CN=Leaf].der", &f->pki.leaf.der);
	put(f, "issuers/certs/0f1e [CN=CA].der", &f->pki.ca.der);
	put(f, "issuers/crl/0f1e.crl", &f->pki.crl);
	put(f, "rejected/0f1e [CN=Rejected].der", &f->rejected.der);
	assert_imported(f, NULL);
}

static void
test_trust_import__unified_automation(void **state)
{
	struct fixture *f = *state;

	put(f, "PKI/CA/certs/leaf.der", &f->pki.leaf.der);
	put(f, "PKI/issuers/certs/ca.der", &f->pki.ca.der);
	put(f, "PKI/issuers/crl/ca.crl", &f->pki.crl);
	put(f, "PKI/rejected/rejected.der", &f->rejected.der);
	assert_imported(f, NULL);
}

static void
test_trust_import__passes_over_what_is_something_else(void **state)
{
	struct fixture *f = *state;
	struct blob key = pki_pem("PRIVATE KEY", f->pki.leaf.der.bytes, 64);
	struct blob junk = {(uint8_t *)strdup("junk"), 4};
	clv_trust_change change;
	char path[512];

	put(f, "trusted/certs/leaf.der", &f->pki.leaf.der);
	put(f, "trusted/certs/key.pem", &key);
	put(f, "trusted/certs/junk", &junk);
	put(f, "trusted/certs/.hidden", &junk);
	put(f, "trusted/certs/huge", &junk);
	assert_return_code(
	    truncate(directory_path(&f->foreign, "trusted/certs/huge", path),
		(off_t)65 << 20),
	    0);
	assert_return_code(
	    symlink("/nonexistent",
		directory_path(&f->foreign, "trusted/certs/dangling", path)),
	    0);
	assert_return_code(
	    symlink("circle",
		directory_path(&f->foreign, "trusted/certs/circle", path)),
	    0);
	assert_ok(
	    clv_trust_import(f->trust, f->foreign.path, NULL, &change, &err));
	assert_int_equal(change.added, 1);
	assert_int_equal(change.skipped, 5);
	blob_drop(&key);
	free(junk.bytes);
}

static void
test_trust_import__refuses_what_it_does_not_know(void **state)
{
	struct fixture *f = *state;

	assert_fails(CLV_NOT_FOUND,
	    clv_trust_import(f->trust, f->foreign.path, NULL, NULL, &err));
	assert_fails(CLV_NOT_FOUND,
	    clv_trust_import(f->trust, "/nonexistent", NULL, NULL, &err));
	assert_fails(CLV_INVALID,
	    clv_trust_import(f->trust, f->foreign.path, "../x", NULL, &err));
}

/* ---- handing out ---- */

static void
fill(struct fixture *f)
{
	struct blob chain = pki_join(&f->pki.leaf.der, &f->pki.ca.der);

	directory_write(&f->directory, "trusted/certs/chain", &chain);
	directory_write(&f->directory, "issuer/crl/crl", &f->crl_pem);
	blob_drop(&chain);
}

static void
test_trust_export_files__gives_what_import_takes(void **state)
{
	struct fixture *f = *state;
	clv_trust_change change;
	clv_trust *copy = NULL;
	char path[512];

	fill(f);
	(void)directory_path(&f->foreign, "out", path);
	assert_ok(clv_trust_export_files(f->trust, ALL, path, &err));
	assert_ok(clv_trust_open(path, NULL, &copy, &err));
	assert_true(trust_has(copy, TRUSTED, &f->pki.leaf.der));
	assert_true(trust_has(copy, ISSUERS, &f->pki.ca.der));
	assert_true(trust_has(copy, CLV_TRUST_ISSUER_CRLS, &f->pki.crl));
	assert_int_equal(trust_count(copy, ALL), 3);
	clv_trust_free(&copy);
	/* It may be repeated. */
	assert_ok(clv_trust_export_files(f->trust, ALL, path, &err));
	assert_ok(clv_trust_import(f->trust, path, NULL, &change, &err));
	assert_int_equal(change.added + change.unchanged, 3);
}

static void
test_trust_export_pem__gives_what_add_takes(void **state)
{
	struct fixture *f = *state;
	clv_trust_change change;
	char *pem = NULL;
	size_t size = 0;

	fill(f);
	assert_ok(clv_trust_export_pem(
	    f->trust, ISSUERS | CLV_TRUST_ISSUER_CRLS, &pem, &size, &err));
	assert_int_equal(strlen(pem), size);
	assert_non_null(strstr(pem, "# issuer certificate: O=Test, CN=CA\n"));
	assert_ok(clv_trust_add(f->trust, ISSUERS, pem, size, &change, &err));
	assert_int_equal(change.added, 2);
	clv_free(pem);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_trust_import__netstandard),
	    TEST(test_trust_import__netstandard_user_group),
	    TEST(test_trust_import__open62541),
	    TEST(test_trust_import__open62541_https_group),
	    TEST(test_trust_import__node_opcua),
	    TEST(test_trust_import__milo),
	    TEST(test_trust_import__unified_automation),
	    TEST(test_trust_import__passes_over_what_is_something_else),
	    TEST(test_trust_import__refuses_what_it_does_not_know),
	    TEST(test_trust_export_files__gives_what_import_takes),
	    TEST(test_trust_export_pem__gives_what_add_takes),
	};

	return cmocka_run_group_tests(tests, set_up_pki, tear_down_pki);
}
