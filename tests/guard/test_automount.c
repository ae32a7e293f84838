/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What is mounted when somebody goes there is judged, not the empty place. */

#include "testing.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <claviger/guard.h>

#include "fake/automount.h"
#include "place.h"

static clv_guard *guard;

static int
open_all(void **state)
{
	assert_ok(clv_guard_new(&guard, &err));
	return place_open(state);
}

static int
close_all(void **state)
{
	clv_guard_free(&guard);
	return place_close(state);
}

static bool
start(struct place *place, const char *options)
{
	return mkdirat(place->fd, "m", 0755) == 0 &&
	    automount_start(place_path(place, "m"), options);
}

static int
descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int
finds_what_others_can_write(struct place *place)
{
	clv_guard_report *report = NULL;
	clv_guard_code code = 0;
	int fd = 5;

	if (!start(place, "mode=0757"))
		return 1;
	if (clv_guard_open_directory(guard, CLV_GUARD_TRUST, AT_FDCWD,
		place_path(place, "m"), &fd, &report, NULL) != CLV_POLICY ||
	    fd != -1)
		return 2;
	code = clv_guard_report_worst(report)->code;
	clv_guard_report_free(&report);
	return code == CLV_GUARD_OTHERS_WRITE ? 0 : 3;
}

static void
test_automount__named_last_is_judged_as_mounted(void **state)
{
	in_child(*state, true, finds_what_others_can_write);
}

/* By path: the descriptor of the place is in the other mount namespace. The
 * same for "m", "m/" and "m/.", and what is opened is what was judged. */
static int
opens_what_is_mounted(struct place *place)
{
	static const char *const names[] = {"m", "m/", "m/."};
	const int before = descriptors();

	if (!start(place, "mode=0755"))
		return 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct stat key;
		int fd = -1;

		if (clv_guard_open_directory(guard, CLV_GUARD_TRUST, AT_FDCWD,
			place_path(place, names[i]), &fd, NULL, NULL) != CLV_OK)
			return 2;
		if (fstatat(fd, "key", &key, AT_SYMLINK_NOFOLLOW) != 0)
			return 3;
		(void)close(fd);
	}
	return descriptors() == before ? 0 : 4;
}

static void
test_automount__what_is_mounted_is_opened(void **state)
{
	in_child(*state, true, opens_what_is_mounted);
}

static int
finds_a_key_in_it(struct place *place)
{
	int fd = -1;

	if (!start(place, "mode=0755") ||
	    clv_guard_open_at(guard, CLV_GUARD_KEY, AT_FDCWD,
		place_path(place, "m/key"), &fd, NULL, NULL) != CLV_OK)
		return 1;
	(void)close(fd);
	return 0;
}

static void
test_automount__on_the_way_is_mounted(void **state)
{
	in_child(*state, true, finds_a_key_in_it);
}

static int
refuses_the_empty_place(struct place *place)
{
	const int before = descriptors();
	clv_guard_report *report = NULL;
	clv_error *error = NULL;
	int fd = 5;

	if (!start(place, NULL))
		return 1;
	if (clv_guard_open_directory(guard, CLV_GUARD_TRUST, AT_FDCWD,
		place_path(place, "m"), &fd, &report, &error) != CLV_NOT_FOUND)
		return 2;
	if (fd != -1 || report != NULL)
		return 3;
	if (strstr(clv_error_message(error), "can't be mounted") == NULL)
		return 4;
	clv_error_free(&error);
	if (clv_guard_check_at(guard, CLV_GUARD_TRUST, AT_FDCWD,
		place_path(place, "m"), &report, NULL) == CLV_OK ||
	    report != NULL)
		return 5;
	return descriptors() == before ? 0 : 6;
}

static void
test_automount__that_fails_is_not_judged(void **state)
{
	in_child(*state, true, refuses_the_empty_place);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_automount__named_last_is_judged_as_mounted, open_all,
		close_all),
	    cmocka_unit_test_setup_teardown(
		test_automount__what_is_mounted_is_opened, open_all, close_all),
	    cmocka_unit_test_setup_teardown(
		test_automount__on_the_way_is_mounted, open_all, close_all),
	    cmocka_unit_test_setup_teardown(
		test_automount__that_fails_is_not_judged, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
