/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "directory.h"

#define TRUSTED CLV_TRUST_TRUSTED_CERTIFICATES
#define ISSUERS CLV_TRUST_ISSUER_CERTIFICATES

struct told {
	unsigned calls;
	size_t added;
	size_t removed;
	bool is_loss;
	size_t losses;
	clv_trust_loss why[8];
	char thumbprints[8][41];
};

struct fixture {
	struct directory directory;
	clv_trust *trust;
	struct told told;
	struct pki_family pki;
};

static struct fixture shared;

static int
set_up_pki(void **state)
{
	(void)state;
	pki_family_make(&shared.pki, false, "Other");
	return 0;
}

static int
tear_down_pki(void **state)
{
	(void)state;
	pki_family_drop(&shared.pki);
	return 0;
}

static void
on_notice(void *user, clv_trust *trust, clv_trust_notice *notice)
{
	struct told *told = user;
	const clv_trust_item *item;
	clv_trust_loss why;

	/* No lock is held. */
	assert_true(trust_count(trust, CLV_TRUST_ALL_LISTS) < 100);
	told->calls++;
	told->added += clv_trust_notice_added(notice);
	told->removed += clv_trust_notice_removed(notice);
	told->is_loss = told->is_loss || clv_trust_notice_is_loss(notice);
	for (size_t i = 0;
	     (item = clv_trust_notice_loss(notice, i, &why)) != NULL; i++) {
		assert_true(told->losses < 8);
		told->why[told->losses] = why;
		(void)snprintf(told->thumbprints[told->losses++], 41, "%s",
		    item->thumbprint);
	}
}

static int
set_up(void **state)
{
	directory_make(&shared.directory);
	shared.told = (struct told){.calls = 0};
	assert_ok(
	    clv_trust_open(shared.directory.path, NULL, &shared.trust, &err));
	clv_trust_set_notice(shared.trust, on_notice, &shared.told);
	*state = &shared;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	clv_trust_free(&shared.trust);
	directory_remove(&shared.directory);
	return 0;
}

static struct told
dispatch(struct fixture *f)
{
	f->told = (struct told){.calls = 0};
	assert_ok(clv_trust_dispatch(f->trust, &err));
	return f->told;
}

static void
assert_loss(const struct told *told, clv_trust_loss why, const struct blob *der)
{
	char thumbprint[41];

	pki_thumbprint(der, thumbprint);
	assert_true(told->is_loss);
	for (size_t i = 0; i < told->losses; i++)
		if (told->why[i] == why &&
		    strcmp(told->thumbprints[i], thumbprint) == 0)
			return;
	fail_msg("loss %d of %s was not told", (int)why, thumbprint);
}

static void
test_trust_dispatch__tells_what_came_and_went(void **state)
{
	struct fixture *f = *state;
	struct told told;

	/* What was there when it was first read is no news. */
	directory_write(&f->directory, "trusted/certs/a", &f->pki.other.der);
	assert_int_equal(dispatch(f).calls, 0);
	directory_write(&f->directory, "trusted/certs/b", &f->pki.leaf.der);
	told = dispatch(f);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.added, 1);
	assert_false(told.is_loss);
	directory_delete(&f->directory, "trusted/certs/a");
	told = dispatch(f);
	assert_int_equal(told.removed, 1);
	assert_int_equal(told.losses, 1);
	assert_loss(&told, CLV_TRUST_LOSS_REMOVED, &f->pki.other.der);
	assert_int_equal(dispatch(f).calls, 0);
}

static void
test_trust_dispatch__tells_what_a_check_has_noticed_before(void **state)
{
	struct fixture *f = *state;
	struct told told;

	assert_int_equal(trust_count(f->trust, TRUSTED), 0);
	directory_write(&f->directory, "trusted/certs/a", &f->pki.other.der);
	assert_int_equal(trust_count(f->trust, TRUSTED), 1);
	directory_delete(&f->directory, "trusted/certs/a");
	assert_int_equal(trust_count(f->trust, TRUSTED), 0);
	told = dispatch(f);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.added, 1);
	assert_int_equal(told.removed, 1);
	assert_loss(&told, CLV_TRUST_LOSS_REMOVED, &f->pki.other.der);
}

static void
test_trust_dispatch__sees_no_loss_where_another_file_has_it(void **state)
{
	struct fixture *f = *state;
	struct told told;

	directory_write(&f->directory, "trusted/certs/a", &f->pki.other.der);
	directory_write(&f->directory, "trusted/certs/b", &f->pki.other.der);
	(void)dispatch(f);
	directory_rename(&f->directory, "trusted/certs/a", "trusted/certs/c");
	told = dispatch(f);
	assert_false(told.is_loss);
	directory_delete(&f->directory, "trusted/certs/b");
	told = dispatch(f);
	assert_int_equal(told.removed, 1);
	assert_false(told.is_loss);
	/* A move from trusted to issuer is one. */
	directory_rename(&f->directory, "trusted/certs/c", "issuer/certs/c");
	told = dispatch(f);
	assert_loss(&told, CLV_TRUST_LOSS_REMOVED, &f->pki.other.der);
	directory_delete(&f->directory, "issuer/certs/c");
	told = dispatch(f);
	assert_loss(&told, CLV_TRUST_LOSS_ISSUER, &f->pki.other.der);
}

static void
test_trust_dispatch__names_what_a_new_crl_revokes(void **state)
{
	struct fixture *f = *state;
	struct blob again = pki_crl(&f->pki.ca, 3, &f->pki.leaf, -10);
	struct told told;

	directory_write(&f->directory, "trusted/certs/leaf", &f->pki.leaf.der);
	directory_write(&f->directory, "issuer/certs/ca", &f->pki.ca.der);
	directory_write(&f->directory, "issuer/crl/ca", &f->pki.crl);
	(void)dispatch(f);
	directory_write(&f->directory, "issuer/crl/ca", &f->pki.revoking);
	told = dispatch(f);
	assert_int_equal(told.losses, 1);
	assert_loss(&told, CLV_TRUST_LOSS_REVOKED, &f->pki.leaf.der);
	/* Said before. */
	directory_write(&f->directory, "issuer/crl/ca", &again);
	told = dispatch(f);
	assert_int_equal(told.losses, 0);
	directory_delete(&f->directory, "issuer/crl/ca");
	told = dispatch(f);
	assert_loss(&told, CLV_TRUST_LOSS_CRL, &again);
	blob_drop(&again);
}

static void
test_trust_dispatch__does_not_believe_a_forged_crl(void **state)
{
	struct fixture *f = *state;
	struct pki_identity impostor;
	struct blob forged;
	struct told told;

	pki_make(&impostor, "CA", true, NULL);
	forged = pki_crl(&impostor, 9, &f->pki.leaf, -10);
	directory_write(&f->directory, "trusted/certs/leaf", &f->pki.leaf.der);
	directory_write(&f->directory, "issuer/certs/ca", &f->pki.ca.der);
	(void)dispatch(f);
	directory_write(&f->directory, "issuer/crl/forged", &forged);
	told = dispatch(f);
	assert_int_equal(told.added, 1);
	assert_int_equal(told.losses, 0);
	pki_drop(&impostor);
	blob_drop(&forged);
}

static bool
is_readable(int fd, int wait_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, wait_ms) == 1;
}

static void
test_trust_get_fd__wakes_when_somebody_changes_the_list(void **state)
{
	struct fixture *f = *state;
	clv_trust_snapshot *snapshot = NULL;
	int fd = -1;

	assert_ok(clv_trust_get_fd(f->trust, &fd, &err));
	assert_ok(clv_trust_dispatch(f->trust, &err));
	assert_false(is_readable(fd, 0));
	directory_write(&f->directory, "trusted/certs/a", &f->pki.other.der);
	assert_true(is_readable(fd, 0));
	assert_int_equal(dispatch(f).added, 1);
	assert_false(is_readable(fd, 0));
	/* Also if another thread's check was there first. */
	directory_delete(&f->directory, "trusted/certs/a");
	assert_ok(clv_trust_get_snapshot(f->trust, &snapshot, &err));
	clv_trust_snapshot_free(&snapshot);
	assert_true(is_readable(fd, 0));
	assert_int_equal(dispatch(f).removed, 1);
	assert_false(is_readable(fd, 0));
	/* And now and then, for what the kernel does not tell. */
	assert_true(is_readable(fd, 2000));
	assert_ok(clv_trust_dispatch(f->trust, &err));
	assert_false(is_readable(fd, 0));
}

static void
test_trust_dispatch__fails_where_the_list_is_gone(void **state)
{
	struct fixture *f = *state;
	char away[600];

	directory_write(&f->directory, "trusted/certs/a", &f->pki.other.der);
	(void)dispatch(f);
	directory_delete(&f->directory, "trusted/certs/a");
	(void)snprintf(away, sizeof(away), "%s/away", f->directory.base);
	assert_return_code(rename(f->directory.path, away), 0);
	assert_fails(CLV_NOT_FOUND, clv_trust_dispatch(f->trust, &err));
	assert_return_code(rename(away, f->directory.path), 0);
	/* What happened meanwhile is not forgotten. */
	assert_int_equal(dispatch(f).losses, 1);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_trust_dispatch__tells_what_came_and_went),
	    TEST(test_trust_dispatch__tells_what_a_check_has_noticed_before),
	    TEST(test_trust_dispatch__sees_no_loss_where_another_file_has_it),
	    TEST(test_trust_dispatch__names_what_a_new_crl_revokes),
	    TEST(test_trust_dispatch__does_not_believe_a_forged_crl),
	    TEST(test_trust_get_fd__wakes_when_somebody_changes_the_list),
	    TEST(test_trust_dispatch__fails_where_the_list_is_gone),
	};

	return cmocka_run_group_tests(tests, set_up_pki, tear_down_pki);
}
