/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Live applications used by many at once: threads, and processes. */

#include "live_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READERS 4
static atomic_bool over;
static atomic_size_t views_seen;

/* The list of the fixture's transactions has the peer while the slot's
 * certificate is an odd one: whoever sees both sees whether they belong
 * together. */
struct pairing {
	uint8_t *peer;
	size_t size;
};

static bool
is_whole(const clv_live_view *view, const struct pairing *pairing)
{
	struct clv_live_slot slot;
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	bool odd;

	if (!clv_live_view_find(view, GROUP, TYPE, &slot) || slot.key == NULL ||
	    !clv_certificate_matches(slot.certificate, slot.key) ||
	    clv_key_sign(slot.key, CLV_ECDSA_SHA256, DIGEST_TEXT, 10, signature,
		&size, NULL) != CLV_OK)
		return false;
	/* How long it is valid tells which transaction it is of. */
	odd = clv_certificate_not_after(slot.certificate) -
		clv_certificate_not_before(slot.certificate) >
	    60 * INT64_C(86400);
	return odd == (verify(view, pairing->peer, pairing->size) == CLV_OK);
}

static void *
read_views(void *user)
{
	const struct pairing *pairing = user;
	size_t wrong = 0;

	while (!atomic_load(&over)) {
		clv_live_view *view = NULL;

		if (clv_live_get_view(live, &view, NULL) != CLV_OK ||
		    !is_whole(view, pairing))
			wrong++;
		clv_live_view_free(&view);
		(void)atomic_fetch_add(&views_seen, 1);
	}
	return (void *)wrong;
}

static bool
commit_one(const struct pairing *pairing, bool odd)
{
	clv_trust_data *list = NULL;
	clv_txn *txn = NULL;
	bool good = clv_trust_data_new(&list, NULL) == CLV_OK &&
	    clv_trust_data_specify(
		list, CLV_TRUST_TRUSTED_CERTIFICATES, NULL) == CLV_OK &&
	    (!odd ||
		clv_trust_data_add(list, CLV_TRUST_TRUSTED_CERTIFICATES,
		    pairing->peer, pairing->size, NULL) == CLV_OK) &&
	    clv_txn_open(application, &txn, NULL) == CLV_OK &&
	    clv_txn_self_sign(txn, GROUP, TYPE, CLV_EC_P256, NULL,
		odd ? 90 : 30, NULL) == CLV_OK &&
	    clv_txn_trust_replace(txn, GROUP, list, NULL) == CLV_OK &&
	    clv_txn_commit(txn, NULL) == CLV_OK;

	clv_txn_free(&txn);
	clv_trust_data_free(&list);
	return good;
}

#define COMMITS 12

static int
commit_many(void *user)
{
	for (int i = 1; i <= COMMITS; i++)
		if (!commit_one(user, i % 2 != 0))
			return 1;
	return 0;
}

static void
test_live_view__is_whole_in_every_thread(void **state)
{
	struct pairing pairing = {.size = 0};
	pthread_t readers[READERS];
	pid_t child;
	int status = 0;

	(void)state;
	pairing.peer = peer(&pairing.size);
	atomic_store(&over, false);
	/* Forked before there are threads. */
	child = fork();
	if (child == 0)
		_exit(commit_many(&pairing));
	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(
		    pthread_create(&readers[i], NULL, read_views, &pairing), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* And in this one. */
	for (int i = 1; i <= COMMITS; i++)
		assert_true(commit_one(&pairing, i % 2 != 0));
	atomic_store(&over, true);
	for (size_t i = 0; i < READERS; i++) {
		void *wrong = NULL;

		assert_int_equal(pthread_join(readers[i], &wrong), 0);
		assert_null(wrong);
	}
	assert_true(atomic_load(&views_seen) > 100);
	print_message("%zu views\n", atomic_load(&views_seen));
	free(pairing.peer);
}

static int
read_in_child(void *user)
{
	clv_live_view *view = NULL;
	bool good;

	/* A commit of its own, which the parent must hear of as well. */
	good = commit_elsewhere(user) == 0 &&
	    clv_live_get_view(live, &view, NULL) == CLV_OK;
	good = good &&
	    strcmp(clv_live_view_transaction(view),
		clv_live_view_transaction(user)) != 0;
	clv_live_view_free(&view);
	good = good && clv_live_get_view(live, &view, NULL) == CLV_OK;
	clv_live_view_free(&view);
	return good ? 0 : 1;
}

static void
test_live_view__serves_a_forked_child(void **state)
{
	clv_live_view *before = view_now();
	clv_live_view *after;

	(void)state;
	in_another_process(read_in_child, before);
	after = view_now();
	assert_string_not_equal(clv_live_view_transaction(before),
	    clv_live_view_transaction(after));
	assert_usable(after);
	clv_live_view_free(&before);
	clv_live_view_free(&after);
}

/* The parent empties the queue of events that both know: the child must not
 * rely on it. */
static void
test_live_view__of_a_child_does_not_need_its_parent(void **state)
{
	clv_live_view *before = view_now();
	clv_live_view *view = NULL;
	int go[2];
	int status = 0;
	char byte = 0;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(go), 0);
	child = fork();
	if (child == 0) {
		const bool good = read(go[0], &byte, 1) == 1 &&
		    clv_live_get_view(live, &view, NULL) == CLV_OK &&
		    strcmp(clv_live_view_transaction(view),
			clv_live_view_transaction(before)) != 0;

		_exit(good ? 0 : 1);
	}
	renew();
	view = view_now();
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	(void)close(go[0]);
	(void)close(go[1]);
	clv_live_view_free(&view);
	clv_live_view_free(&before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    LIVE_TEST(test_live_view__is_whole_in_every_thread),
	    LIVE_TEST(test_live_view__serves_a_forked_child),
	    LIVE_TEST(test_live_view__of_a_child_does_not_need_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
