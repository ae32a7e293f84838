/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What is left of root after account_become(). Each test is a child. */

#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "account.h"

#define DAEMON 1U

/* In a child, since there is no way back; its answer. */
static int
as_daemon(int (*question)(void))
{
	const pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0)
		_exit(account_become("daemon") ? question() : 99);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
keeps_an_id(void)
{
	uid_t user[3];
	gid_t group[3];
	gid_t groups[64];
	const int count = getgroups(64, groups);

	if (getresuid(&user[0], &user[1], &user[2]) != 0 ||
	    getresgid(&group[0], &group[1], &group[2]) != 0 || count < 0)
		return 98;
	for (int i = 0; i < 3; i++)
		if (user[i] != DAEMON || group[i] != DAEMON)
			return 1;
	for (int i = 0; i < count; i++)
		if (groups[i] == 0)
			return 2;
	return seteuid(0) == 0 || setegid(0) == 0;
}

static void
test_account_become__is_for_good(void **state)
{
	(void)state;
	assert_int_equal(as_daemon(keeps_an_id), 0);
}

/* Without the filter it is ENOTTY: standard input is no terminal here. */
static int
may_type(void)
{
	const int null = STDIN_FILENO;
	char letter = 'x';
	int size = 0;

	if (ioctl(null, TIOCSTI, &letter) == 0 || errno != EPERM)
		return 1;
	if (ioctl(null, TIOCLINUX, &letter) == 0 || errno != EPERM)
		return 2;
	/* Others work as ever. */
	return ioctl(null, FIONREAD, &size) != 0 && errno == EPERM ? 3 : 0;
}

static void
test_account_become__takes_the_right_to_type(void **state)
{
	(void)state;
	assert_int_equal(as_daemon(may_type), 0);
}

static int
can_be_looked_into(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

static void
test_account_become__is_not_to_be_looked_into(void **state)
{
	(void)state;
	assert_int_equal(as_daemon(can_be_looked_into), 0);
}

static const char *const places[] = {"XDG_CONFIG_HOME", "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "STATE_DIRECTORY"};
#define PLACES (sizeof(places) / sizeof(places[0]))

static int
has_another_home(void)
{
	const char *home = getenv("HOME");

	for (size_t i = 0; i < PLACES; i++)
		if (getenv(places[i]) != NULL)
			return 2;
	return home != NULL && home[0] == '/' ? 0 : 1;
}

static void
test_account_become__looks_for_settings_at_home(void **state)
{
	(void)state;
	for (size_t i = 0; i < PLACES; i++)
		assert_int_equal(setenv(places[i], "/root/own", 1), 0);
	assert_int_equal(unsetenv("HOME"), 0);
	assert_int_equal(as_daemon(has_another_home), 0);
	for (size_t i = 0; i < PLACES; i++)
		assert_int_equal(unsetenv(places[i]), 0);
}

static void
test_account_become__refuses_what_is_no_account(void **state)
{
	static const char *const names[] = {
	    "", "no-such-account", "4294967295", "1x", "-1", "99999999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(account_become(names[i]));
	assert_int_equal(geteuid(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_account_become__is_for_good),
	    cmocka_unit_test(test_account_become__takes_the_right_to_type),
	    cmocka_unit_test(test_account_become__is_not_to_be_looked_into),
	    cmocka_unit_test(test_account_become__looks_for_settings_at_home),
	    cmocka_unit_test(test_account_become__refuses_what_is_no_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
