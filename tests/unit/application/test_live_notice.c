/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What a live application tells of changes. */

#include "live_fixture.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct told {
	unsigned slot;
	unsigned list;
	size_t lost;
	bool usable;
};

static void
take_notice(void *user, clv_live *of, const struct clv_live_change *change)
{
	struct told *told = user;
	clv_trust_loss why;
	clv_live_view *view = NULL;

	/* No lock is held: views can be had. */
	assert_ok(clv_live_get_view(of, &view, &err));
	clv_live_view_free(&view);
	assert_string_equal(change->group, GROUP);
	if (change->type != NULL) {
		assert_string_equal(change->type, TYPE);
		told->slot |= change->what;
		told->usable = change->problem == NULL;
		return;
	}
	told->list |= change->what;
	if (change->trust == NULL)
		return;
	for (size_t i = 0;
	     clv_trust_notice_loss(change->trust, i, &why) != NULL; i++)
		told->lost++;
}

static struct told told;

static void
dispatch_within(int seconds, unsigned slot, unsigned list)
{
	struct pollfd wait = {.events = POLLIN};

	assert_ok(clv_live_get_fd(live, &wait.fd, &err));
	for (int turn = 0; turn < 10 * seconds; turn++) {
		(void)poll(&wait, 1, 100);
		if ((wait.revents & POLLIN) == 0)
			continue;
		assert_ok(clv_live_dispatch(live, &err));
		if ((told.slot & slot) == slot && (told.list & list) == list)
			return;
	}
	fail_msg("told of slot %x, list %x only", told.slot, told.list);
}

static void
start_telling(void)
{
	int fd;

	told = (struct told){.usable = false};
	clv_live_set_notice(live, take_notice, &told);
	assert_ok(clv_live_get_fd(live, &fd, &err));
	assert_ok(clv_live_dispatch(live, &err));
	assert_int_equal(told.slot, 0);
	assert_int_equal(told.list, 0);
}

static void
trust_peer(const uint8_t *der, size_t size)
{
	clv_txn *txn = NULL;

	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(clv_txn_trust_add(
	    txn, GROUP, CLV_TRUST_TRUSTED_CERTIFICATES, der, size, &err));
	assert_ok(clv_txn_commit(txn, &err));
	clv_txn_free(&txn);
}

static void
test_live_dispatch__tells_what_another_process_committed(void **state)
{
	size_t size = 0;
	uint8_t *der = peer(&size);
	clv_live_view *view;

	(void)state;
	trust_peer(der, size);
	start_telling();
	in_another_process(commit_elsewhere, NULL);
	dispatch_within(
	    10, CLV_LIVE_KEY | CLV_LIVE_CERTIFICATE, CLV_LIVE_TRUST);
	assert_int_equal(told.slot, CLV_LIVE_KEY | CLV_LIVE_CERTIFICATE);
	assert_int_equal(told.lost, 1);
	assert_true(told.usable);
	view = view_now();
	assert_int_equal(verify(view, der, size), CLV_UNTRUSTED);
	assert_usable(view);
	clv_live_view_free(&view);
	free(der);
}

static void
test_live_dispatch__tells_of_problems(void **state)
{
	char *uri = present_key();

	(void)state;
	start_telling();
	command_ok(place, "chmod 0644 '%s'", strchr(uri, ':') + 1);
	dispatch_within(10, CLV_LIVE_PROBLEM, 0);
	assert_false(told.usable);
	told = (struct told){.usable = false};
	command_ok(place, "chmod 0600 '%s'", strchr(uri, ':') + 1);
	dispatch_within(10, CLV_LIVE_PROBLEM, 0);
	assert_true(told.usable);
	free(uri);
}

static void
test_live_dispatch__tells_what_a_person_put_into_the_list(void **state)
{
	size_t size = 0;
	uint8_t *der = peer(&size);
	clv_live_view *view;

	(void)state;
	start_telling();
	command_ok(place, "cp peer.der '%s/pki/trusted/certs/'", directory);
	dispatch_within(10, 0, CLV_LIVE_TRUST);
	assert_int_equal(told.slot, 0);
	assert_int_equal(told.lost, 0);
	view = view_now();
	assert_int_equal(verify(view, der, size), CLV_OK);
	clv_live_view_free(&view);
	free(der);
}

static void
trust_meanwhile(void *user, clv_live *of, const struct clv_live_change *change)
{
	(void)user;
	(void)of;
	if (change->type != NULL)
		command_ok(
		    place, "cp peer.der '%s/pki/trusted/certs/'", directory);
}

/* The list is read by the dispatching itself, behind the view's back. */
static void
test_live_view__follows_a_list_that_was_read_elsewhere(void **state)
{
	size_t size = 0;
	uint8_t *der = peer(&size);
	clv_live_view *view;

	(void)state;
	clv_live_set_notice(live, trust_meanwhile, NULL);
	renew();
	assert_ok(clv_live_dispatch(live, &err));
	view = view_now();
	assert_int_equal(verify(view, der, size), CLV_OK);
	clv_live_view_free(&view);
	free(der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    LIVE_TEST(test_live_dispatch__tells_what_another_process_committed),
	    LIVE_TEST(test_live_dispatch__tells_of_problems),
	    LIVE_TEST(
		test_live_dispatch__tells_what_a_person_put_into_the_list),
	    LIVE_TEST(test_live_view__follows_a_list_that_was_read_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
