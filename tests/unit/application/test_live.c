/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fixture.h"

#include <claviger/live.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIGEST_TEXT "0123456789"

static clv_live *live;

/* For cmocka. */
static int
set_up_live(void **state)
{
	clv_error *err = NULL;

	if (set_up(state) != 0)
		return 1;
	return clv_live_open(context, directory, &live, &err) != CLV_OK;
}

static int
tear_down_live(void **state)
{
	clv_live_free(&live);
	return tear_down(state);
}

static clv_live_view *
view_now(void)
{
	clv_live_view *view = NULL;

	assert_ok(clv_live_get_view(live, &view, &err));
	assert_non_null(view);
	return view;
}

static struct clv_live_slot
slot_of(const clv_live_view *view)
{
	struct clv_live_slot slot;

	assert_true(clv_live_view_find(view, GROUP, TYPE, &slot));
	return slot;
}

static void
assert_usable(const clv_live_view *view)
{
	const struct clv_live_slot slot = slot_of(view);
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	assert_null(slot.problem);
	assert_non_null(slot.key);
	assert_true(clv_certificate_matches(slot.certificate, slot.key));
	assert_ok(clv_key_sign(slot.key, CLV_ECDSA_SHA256, DIGEST_TEXT, 10,
	    signature, &size, &err));
}

static clv_status
problem_of(const clv_live_view *view)
{
	const struct clv_live_slot slot = slot_of(view);

	assert_int_equal(slot.key == NULL, slot.problem != NULL);
	return clv_error_status(slot.problem);
}

/* ---- keys ---- */

static void
test_live_view__is_the_same_while_nothing_changes(void **state)
{
	clv_live_view *first = view_now();
	clv_live_view *second = view_now();

	(void)state;
	assert_ptr_equal(first, second);
	assert_usable(first);
	clv_live_view_free(&first);
	clv_live_view_free(&second);
	clv_live_view_free(&second);
}

static void
test_live_view__goes_on_with_the_old_key_after_a_commit(void **state)
{
	clv_live_view *old = view_now();
	clv_live_view *new;
	char *key;

	(void)state;
	renew();
	new = view_now();
	assert_ptr_not_equal(old, new);
	assert_string_not_equal(
	    clv_live_view_transaction(old), clv_live_view_transaction(new));
	key = present_key();
	assert_string_equal(clv_key_uri(slot_of(new).key), key);
	assert_string_not_equal(clv_key_uri(slot_of(old).key), key);
	/* The file of the old key is gone. */
	assert_int_equal(files("pki/own/private/*.pem"), 1);
	assert_usable(old);
	assert_usable(new);
	clv_live_view_free(&old);
	clv_live_view_free(&new);
	free(key);
}

static void
test_live_view__outlives_its_handle(void **state)
{
	clv_live_view *view = view_now();

	(void)state;
	clv_live_free(&live);
	assert_usable(view);
	assert_string_equal(
	    clv_application_uri(clv_live_view_application(view)), TEST_URI);
	clv_live_view_free(&view);
}

static void
test_live_view__never_has_a_key_that_was_swapped(void **state)
{
	clv_live_view *old = view_now();
	clv_live_view *view;
	char *uri = present_key();
	const char *path = strchr(uri, ':') + 1;

	(void)state;
	command_ok(place, "cp -p '%s' kept", path);
	command_ok(place,
	    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
	    "-out '%s'",
	    path);
	view = view_now();
	assert_int_equal(problem_of(view), CLV_CHANGED);
	assert_usable(old);
	clv_live_view_free(&view);
	/* Still so, when it is looked at anew. */
	assert_ok(clv_live_check(live, &err));
	view = view_now();
	assert_int_equal(problem_of(view), CLV_CHANGED);
	clv_live_view_free(&view);
	command_ok(place, "cp -p kept '%s'", path);
	view = view_now();
	assert_usable(view);
	clv_live_view_free(&view);
	clv_live_view_free(&old);
	free(uri);
}

static void
test_live_open__finds_a_key_that_was_swapped_before(void **state)
{
	clv_live_view *view;
	char *uri = present_key();

	(void)state;
	clv_live_free(&live);
	command_ok(place,
	    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
	    "-out '%s'",
	    strchr(uri, ':') + 1);
	assert_ok(clv_live_open(context, directory, &live, &err));
	view = view_now();
	assert_int_equal(problem_of(view), CLV_CHANGED);
	clv_live_view_free(&view);
	free(uri);
}

/* Key and certificate exchanged together fit each other; but nobody has
 * committed them. */
static void
test_live_view__finds_a_swapped_pair(void **state)
{
	clv_live_view *view;
	char *uri = present_key();
	const char *path = strchr(uri, ':') + 1;
	struct clv_slot slot;

	(void)state;
	assert_true(clv_application_slot(application, 0, &slot));
	command_ok(place,
	    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	    "-nodes -keyout '%s' -outform DER -out '%s' -subj /CN=Pump "
	    "-addext subjectAltName=URI:" TEST_URI,
	    path, slot.certificate);
	view = view_now();
	assert_int_equal(problem_of(view), CLV_CHANGED);
	clv_live_view_free(&view);
	assert_ok(clv_live_check(live, &err));
	view = view_now();
	assert_int_equal(problem_of(view), CLV_CHANGED);
	clv_live_view_free(&view);
	/* A transaction mends it. */
	renew();
	view = view_now();
	assert_usable(view);
	clv_live_view_free(&view);
	free(uri);
}

static void
test_live_view__says_why_a_slot_is_unusable(void **state)
{
	clv_live_view *view;
	char *uri = present_key();
	const char *path = strchr(uri, ':') + 1;

	(void)state;
	command_ok(place, "chmod 0644 '%s'", path);
	view = view_now();
	assert_int_equal(problem_of(view), CLV_POLICY);
	clv_live_view_free(&view);
	command_ok(place, "chmod 0600 '%s' && mv '%s' kept", path, path);
	view = view_now();
	assert_int_equal(problem_of(view), CLV_NOT_FOUND);
	clv_live_view_free(&view);
	command_ok(place, "mv kept '%s'", path);
	view = view_now();
	assert_usable(view);
	clv_live_view_free(&view);
	free(uri);
}

static void
test_live_get_view__fails_while_the_configuration_is_insecure(void **state)
{
	clv_live_view *old = view_now();
	clv_live_view *view = NULL;

	(void)state;
	command_ok(place, "chmod 0666 '%s/claviger.conf'", directory);
	assert_fails(CLV_POLICY, clv_live_get_view(live, &view, &err));
	assert_null(view);
	assert_fails(CLV_POLICY, clv_live_get_view(live, &view, &err));
	assert_usable(old);
	command_ok(place, "chmod 0644 '%s/claviger.conf'", directory);
	view = view_now();
	assert_usable(view);
	clv_live_view_free(&view);
	clv_live_view_free(&old);
}

/* ---- TrustLists ---- */

static uint8_t *
peer(size_t *size)
{
	clv_secret bytes = CLV_SECRET_INIT;
	uint8_t *copy;

	command_ok(place,
	    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	    "-nodes -keyout peer.key -outform DER -out peer.der -subj "
	    "/CN=Peer/O=Plant -addext subjectAltName=URI:urn:peer -days 5 "
	    "-addext keyUsage=critical,digitalSignature,keyCertSign 2>&1");
	file_get(place, "peer.der", &bytes);
	copy = malloc(bytes.size);
	memcpy(copy, bytes.data, bytes.size);
	*size = bytes.size;
	clv_secret_clear(&bytes);
	return copy;
}

static clv_status
verify(const clv_live_view *view, const uint8_t *der, size_t size)
{
	return clv_live_view_verify(view, GROUP, der, size, NULL, NULL, NULL);
}

static void
test_live_view__has_the_list_of_its_transaction(void **state)
{
	clv_live_view *old = view_now();
	clv_live_view *new;
	const clv_trust_snapshot *list = NULL;
	size_t size = 0;
	uint8_t *der = peer(&size);
	clv_txn *txn = NULL;

	(void)state;
	assert_int_equal(verify(old, der, size), CLV_UNTRUSTED);
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(clv_txn_trust_add(
	    txn, GROUP, CLV_TRUST_TRUSTED_CERTIFICATES, der, size, &err));
	assert_ok(
	    clv_txn_self_sign(txn, GROUP, TYPE, CLV_EC_P256, NULL, 30, &err));
	assert_ok(clv_txn_commit(txn, &err));
	clv_txn_free(&txn);
	new = view_now();
	assert_int_equal(verify(new, der, size), CLV_OK);
	assert_int_equal(verify(old, der, size), CLV_UNTRUSTED);
	assert_fails(
	    CLV_NOT_FOUND, clv_live_view_trust(new, "Other", &list, &err));
	clv_live_view_free(&new);
	clv_live_view_free(&old);
	free(der);
}

/* ---- noticing ---- */

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

/* A transaction of another process: a new key, and no peer any more. */
static int
commit_elsewhere(void *unused)
{
	clv_trust_data *none = NULL;
	clv_txn *txn = NULL;
	bool good;

	(void)unused;
	good = clv_trust_data_new(&none, NULL) == CLV_OK &&
	    clv_trust_data_specify(
		none, CLV_TRUST_TRUSTED_CERTIFICATES, NULL) == CLV_OK &&
	    clv_txn_open(application, &txn, NULL) == CLV_OK &&
	    clv_txn_self_sign(txn, GROUP, TYPE, CLV_EC_P256, NULL, 30, NULL) ==
		CLV_OK &&
	    clv_txn_trust_replace(txn, GROUP, none, NULL) == CLV_OK &&
	    clv_txn_commit(txn, NULL) == CLV_OK;
	clv_txn_free(&txn);
	clv_trust_data_free(&none);
	return good ? 0 : 1;
}

static void
in_another_process(int (*run)(void *), void *user)
{
	const pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(run(user));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
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

/* ---- many at once ---- */

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

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up_live, tear_down_live)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_live_view__is_the_same_while_nothing_changes),
	    TEST(test_live_view__goes_on_with_the_old_key_after_a_commit),
	    TEST(test_live_view__outlives_its_handle),
	    TEST(test_live_view__never_has_a_key_that_was_swapped),
	    TEST(test_live_open__finds_a_key_that_was_swapped_before),
	    TEST(test_live_view__finds_a_swapped_pair),
	    TEST(test_live_view__says_why_a_slot_is_unusable),
	    TEST(test_live_get_view__fails_while_the_configuration_is_insecure),
	    TEST(test_live_view__has_the_list_of_its_transaction),
	    TEST(test_live_dispatch__tells_what_another_process_committed),
	    TEST(test_live_dispatch__tells_of_problems),
	    TEST(test_live_dispatch__tells_what_a_person_put_into_the_list),
	    TEST(test_live_view__follows_a_list_that_was_read_elsewhere),
	    TEST(test_live_view__is_whole_in_every_thread),
	    TEST(test_live_view__serves_a_forked_child),
	    TEST(test_live_view__of_a_child_does_not_need_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
