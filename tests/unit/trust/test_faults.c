/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A change while one system call after the other fails, or one allocation:
 * if it says that it is done, it is; if not, the list is the old one, or the
 * message says that the new one is in force.
 */

#include "testing.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "directory.h"
#include "support/faults.h"

#define TRUSTED CLV_TRUST_TRUSTED_CERTIFICATES
#define ISSUERS CLV_TRUST_ISSUER_CERTIFICATES
#define ALL CLV_TRUST_ALL_LISTS
#define CALLS_MAX 2000

/* Who is in the list. */
enum { OTHER = 1, CA = 2, CRL = 4, LEAF = 8 };

static struct pki_family pki;

static int
set_up_pki(void **state)
{
	(void)state;
	pki_family_make(&pki, false, "Other");
	return 0;
}

static int
tear_down_pki(void **state)
{
	(void)state;
	pki_family_drop(&pki);
	return 0;
}

static unsigned
who_is_there(clv_trust *trust)
{
	unsigned there = 0;

	there |= trust_has(trust, TRUSTED, &pki.other.der) ? OTHER : 0;
	there |= trust_has(trust, ISSUERS, &pki.ca.der) ? CA : 0;
	there |= trust_has(trust, CLV_TRUST_ISSUER_CRLS, &pki.crl) ? CRL : 0;
	there |= trust_has(trust, TRUSTED, &pki.leaf.der) ? LEAF : 0;
	return there;
}

/* ---- the changes ---- */

static clv_status
remove_one(clv_trust *trust, clv_error **error)
{
	char thumbprint[41];

	pki_thumbprint(&pki.other.der, thumbprint);
	return clv_trust_remove(trust, ALL, thumbprint, NULL, error);
}

static clv_status
remove_ca(clv_trust *trust, clv_error **error)
{
	char thumbprint[41];

	pki_thumbprint(&pki.ca.der, thumbprint);
	return clv_trust_remove(trust, ALL, thumbprint, NULL, error);
}

static clv_status
add_one(clv_trust *trust, clv_error **error)
{
	return clv_trust_add(
	    trust, TRUSTED, pki.leaf.der.bytes, pki.leaf.der.size, NULL, error);
}

static clv_status
replace_all(clv_trust *trust, clv_error **error)
{
	clv_trust_data *data = NULL;
	clv_status status;

	status = clv_trust_data_new(&data, error);
	if (status == CLV_OK)
		status = clv_trust_data_specify(data, ALL, error);
	if (status == CLV_OK)
		status = clv_trust_data_add(data, TRUSTED, pki.leaf.der.bytes,
		    pki.leaf.der.size, error);
	if (status == CLV_OK)
		status = clv_trust_replace(trust, data, NULL, error);
	clv_trust_data_free(&data);
	return status;
}

static const struct change {
	const char *name;
	clv_status (*make)(clv_trust *trust, clv_error **error);
	unsigned after;
} changes[] = {
    {"remove one", remove_one, CA | CRL},
    {"remove a CA", remove_ca, OTHER},
    {"add one", add_one, OTHER | CA | CRL | LEAF},
    {"replace all", replace_all, LEAF},
};

#define BEFORE ((unsigned)(OTHER | CA | CRL))

/* ---- one fault ---- */

static void
judge(const struct change *change, clv_trust *trust,
    const struct directory *directory, clv_status status, clv_error *error)
{
	clv_trust *fresh = NULL;
	unsigned there;

	assert_ok(clv_trust_open(directory->path, NULL, &fresh, &err));
	there = who_is_there(fresh);
	/* What could not be read is looked at again within a second. */
	for (int i = 0; i < 300 && who_is_there(trust) != there; i++)
		(void)poll(NULL, 0, 10);
	assert_int_equal(who_is_there(trust), there);
	if (status == CLV_OK && there != change->after)
		fail_msg("%s: said to be done, but %s had failed", change->name,
		    faults_struck());
	if (status != CLV_OK && there != BEFORE &&
	    strstr(clv_error_message(error), "in force") == NULL)
		fail_msg("%s: changed to %x, but %s had failed: %s",
		    change->name, there, faults_struck(),
		    clv_error_message(error));
	assert_true(there == BEFORE || there == change->after);
	/* And it goes on from there. */
	assert_ok(clv_trust_recover(fresh, &err));
	assert_int_equal(who_is_there(fresh), there);
	clv_trust_free(&fresh);
}

/* Whether there was such a call. */
static bool
fail_nth(const struct change *change, enum fault_kind kind, long nth)
{
	struct directory directory;
	clv_trust *trust = NULL;
	clv_error *error = NULL;
	clv_status status;
	bool struck;

	directory_make(&directory);
	directory_write(&directory, "trusted/certs/other", &pki.other.der);
	directory_write(&directory, "issuer/certs/ca", &pki.ca.der);
	directory_write(&directory, "issuer/crl/crl", &pki.crl);
	assert_ok(clv_trust_open(directory.path, NULL, &trust, &err));
	assert_int_equal(who_is_there(trust), BEFORE);
	faults_arm(kind, nth, EIO);
	status = change->make(trust, &error);
	struck = faults_disarm();
	judge(change, trust, &directory, status, error);
	clv_error_free(&error);
	clv_trust_free(&trust);
	directory_remove(&directory);
	return struck;
}

static void
fail_each(const struct change *change, enum fault_kind kind)
{
	long nth = 1;

	while (nth < CALLS_MAX && fail_nth(change, kind, nth))
		nth++;
	print_message("%s: %ld %s failed\n", change->name, nth - 1,
	    kind == FAULT_CALL ? "calls" : "allocations");
	assert_in_range(nth, 20, CALLS_MAX - 1);
}

static void
test_trust__does_not_say_done_where_a_call_failed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		fail_each(&changes[i], FAULT_CALL);
}

static void
test_trust__does_not_say_done_where_memory_ran_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		fail_each(&changes[i], FAULT_MEMORY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_trust__does_not_say_done_where_a_call_failed),
	    cmocka_unit_test(
		test_trust__does_not_say_done_where_memory_ran_out),
	};

	return cmocka_run_group_tests(tests, set_up_pki, tear_down_pki);
}
