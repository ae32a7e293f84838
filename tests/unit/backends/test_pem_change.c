/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Changing the password of a key in a PEM file. */

#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
test_pem_change_secret__old_password_stops_and_new_one_works(void **state)
{
	clv_key *key = NULL;
	clv_key *again = NULL;

	(void)state;
	use_password(PASSWORD);
	assert_ok(
	    make_key("pem", CLV_EC_P256, "k", "scrypt-n", "32768", &key, &err));
	asker.new_password = "battery staple";
	assert_ok(clv_key_change_secret(context, clv_key_uri(key), &err));
	use_password("battery staple");
	assert_ok(open_key(clv_key_uri(key), &again, &err));
	clv_key_free(&again);
	use_password(PASSWORD);
	assert_fails(CLV_CANCELLED, open_key(clv_key_uri(key), &again, &err));
	/* The work factor was kept, and so was the mode. */
	command_ok(place,
	    "openssl asn1parse -in k.pem | grep -q 'INTEGER  *:8000$' && "
	    "grep -q 'BEGIN PUBLIC KEY' k.pem && "
	    "test $(stat -c %%a k.pem) = 600 -a $(ls -A | grep -v .output | "
	    "wc -l) = 1");
	/* The key is the same. */
	asker.passwords[0] = "battery staple";
	asker.asked = 0;
	assert_ok(open_key(clv_key_uri(key), &again, &err));
	assert_signs(again, "sed -n '/BEGIN PUBLIC/,$p' k.pem >pub.pem");
	clv_key_free(&again);
	clv_key_free(&key);
}

static void
test_pem_change_secret__wrong_password_changes_nothing(void **state)
{
	clv_secret before = CLV_SECRET_INIT;

	(void)state;
	make_foreign("k.pem");
	file_get(place, "k.pem", &before);
	memset(&asker, 0, sizeof(asker));
	asker.passwords[0] = "wrong";
	asker.new_password = "new";
	assert_fails(CLV_CANCELLED,
	    clv_key_change_secret(context, uri_of("pem", "k.pem"), &err));
	assert_int_equal(asker.asked_new, 0);
	use_password(PASSWORD);
	asker.new_password = NULL;
	assert_fails(CLV_CANCELLED,
	    clv_key_change_secret(context, uri_of("pem", "k.pem"), &err));
	asker.new_password = "";
	asker.asked = 0;
	assert_fails(CLV_INVALID,
	    clv_key_change_secret(context, uri_of("pem", "k.pem"), &err));
	assert_same_file("k.pem", &before);
	clv_secret_clear(&before);
}

static void
test_pem_change_secret__weak_encryption_becomes_strong(void **state)
{
	clv_key *key = NULL;

	(void)state;
	command_ok(place,
	    "umask 077; openssl genrsa -aes256 -traditional "
	    "-passout 'pass:" PASSWORD "' -out k.pem 2048");
	use_password(PASSWORD);
	assert_ok(clv_key_change_secret(context, uri_of("pem", "k.pem"), &err));
	use_password(PASSWORD);
	assert_ok(open_key(uri_of("pem", "k.pem"), &key, &err));
	assert_int_equal(clv_key_properties(key), CLV_KEY_EXTRACTABLE);
	clv_key_free(&key);
	command_ok(place, "openssl asn1parse -in k.pem | grep -q scrypt");
}

static void
test_pem_change_secret__a_link_is_not_replaced(void **state)
{
	(void)state;
	make_foreign("k.pem");
	command_ok(place, "ln -s k.pem l.pem");
	use_password(PASSWORD);
	assert_fails(CLV_INVALID,
	    clv_key_change_secret(context, uri_of("pem", "l.pem"), &err));
	command_ok(place, "test -L l.pem");
}

/* Changes the password to and fro until killed. */
static void
change_for_ever(const char *uri)
{
	for (unsigned i = 0;; i++) {
		use_password(i % 2 == 0 ? "one" : "two");
		asker.passwords[1] = i % 2 == 0 ? "two" : "one";
		asker.new_password = asker.passwords[1];
		if (clv_key_change_secret(context, uri, NULL) != CLV_OK)
			_exit(1);
	}
}

#define KILLS 60U

/* How long one change takes, in microseconds. */
static useconds_t
time_change(const char *uri)
{
	const double start = seconds();

	use_password("one");
	assert_ok(clv_key_change_secret(context, uri, &err));
	return (useconds_t)((seconds() - start) * 1e6);
}

/* Kills a process that changes the password all the time. */
static void
kill_change(const char *uri, useconds_t after)
{
	const pid_t child = fork();
	int status;

	if (child == 0)
		change_for_ever(uri);
	(void)usleep(after);
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static void
test_pem_change_secret__a_killed_change_leaves_old_or_new(void **state)
{
	clv_key *key = NULL;
	unsigned changed = 0;
	useconds_t once;
	char uri[128];

	(void)state;
	use_password("one");
	assert_ok(
	    make_key("pem", CLV_ED25519, "k", "scrypt-n", "4096", &key, &err));
	(void)snprintf(uri, sizeof(uri), "%s", clv_key_uri(key));
	clv_key_free(&key);
	once = time_change(uri);
	for (unsigned turn = 0; turn < KILLS; turn++) {
		/* At any point of the first three changes. */
		kill_change(uri, once / 2 + 3 * once / KILLS * turn);
		use_password("one");
		asker.passwords[1] = "two";
		assert_ok(open_key(uri, &key, &err));
		clv_key_free(&key);
		if (asker.asked == 1)
			continue;
		changed++;
		use_password("two");
		asker.new_password = "one";
		assert_ok(clv_key_change_secret(context, uri, &err));
	}
	/* Both have happened, or the test has not tested anything. */
	assert_in_range(changed, 1, KILLS - 1);
	printf("killed %u times: %u opened, %u of them with the new password\n",
	    KILLS, KILLS, changed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    KEY_FILE_TEST(
		test_pem_change_secret__old_password_stops_and_new_one_works),
	    KEY_FILE_TEST(
		test_pem_change_secret__wrong_password_changes_nothing),
	    KEY_FILE_TEST(
		test_pem_change_secret__weak_encryption_becomes_strong),
	    KEY_FILE_TEST(test_pem_change_secret__a_link_is_not_replaced),
	    KEY_FILE_TEST(
		test_pem_change_secret__a_killed_change_leaves_old_or_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
