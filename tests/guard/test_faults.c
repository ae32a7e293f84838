/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Every system call and every allocation of the guard fails once. A verdict
 * that comes nevertheless is the right one; what is insecure is never opened;
 * nothing is left open.
 */

#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <claviger/guard.h>

#include "place.h"
#include "support/faults.h"

#define MOST_FAULTS 2000

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

static int
descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* One way to fail. */
struct way {
	unsigned kinds;
	int error;
};

static const struct way ways[] = {{FAULT_CALL, EIO}, {FAULT_CALL, EACCES},
    {FAULT_CALL, ENOENT}, {FAULT_CALL, ENOMEM}, {FAULT_MEMORY, 0}};

/* What is opened, and what must come of it. */
struct scene {
	clv_guard_policy policy;
	const char *path;
	bool secure;
};

static void
arrange(const struct place *place)
{
	/* u::rw-,u:61002:r--,g::---,m::r--,o::--- */
	static const unsigned char acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255,
	    255, 255, 2, 0, 4, 0, 0x4A, 0xEE, 0, 0, 4, 0, 0, 0, 255, 255, 255,
	    255, 0x10, 0, 4, 0, 255, 255, 255, 255, 0x20, 0, 0, 0, 255, 255,
	    255, 255};

	place_directory(place, "d", 0755, 0);
	place_file(place, "d/key", "secret", 0600, 0);
	place_file(place, "d/open", "secret", 0644, 0);
	place_file(place, "d/acl", "secret", 0600, 0);
	assert_int_equal(setxattr(place_path(place, "d/acl"),
			     "system.posix_acl_access", acl, sizeof(acl), 0),
	    0);
	place_directory(place, "bad", 0777, 0);
	place_file(place, "bad/key", "secret", 0600, 0);
	place_directory(place, "lists", 0755, 0);
	assert_int_equal(setxattr(place_path(place, "lists"),
			     "system.posix_acl_default", acl, sizeof(acl), 0),
	    0);
	assert_int_equal(symlinkat("d/key", place->fd, "link"), 0);
	place_file(place, "d/other", "secret", 0600, 61002);
}

static const struct scene scenes[] = {{CLV_GUARD_KEY, "d/key", true},
    {CLV_GUARD_KEY, "link", true}, {CLV_GUARD_KEY, "d/open", false},
    {CLV_GUARD_KEY, "d/acl", false}, {CLV_GUARD_KEY, "bad/key", false},
    {CLV_GUARD_TRUST, "d/../d/open", true}, {CLV_GUARD_KEY, "d/other", false}};

static void
open_with_fault(const struct scene *scene, const struct way *way, long nth,
    int directory, const char *path)
{
	const int before = descriptors();
	clv_guard_report *report = NULL;
	clv_error *err = NULL;
	clv_status status;
	int fd = 5;

	faults_arm(way->kinds, nth, way->error);
	status = clv_guard_open_at(
	    guard, scene->policy, directory, path, &fd, &report, &err);
	if (faults_disarm() && status == CLV_OK && !scene->secure)
		fail_msg("%s: opened although %s failed", scene->path,
		    faults_struck());
	if (!scene->secure)
		assert_int_not_equal(status, CLV_OK);
	assert_int_equal(status == CLV_OK, fd >= 0);
	assert_int_equal(status == CLV_OK, err == NULL);
	if (fd >= 0)
		(void)close(fd);
	clv_guard_report_free(&report);
	clv_error_free(&err);
	if (descriptors() != before)
		fail_msg("%s: a descriptor leaks when %s fails", scene->path,
		    faults_struck());
}

static long
fail_scene(const struct scene *scene, const struct way *way, int directory,
    const char *path)
{
	for (long nth = 1; nth < MOST_FAULTS; nth++) {
		open_with_fault(scene, way, nth, directory, path);
		if (*faults_struck() == '\0')
			return nth;
	}
	fail_msg("%s: faults without end", scene->path);
	return 0;
}

static void
test_guard_open__no_fault_opens_what_is_insecure(void **state)
{
	const struct place *place = *state;

	arrange(place);
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++) {
			const char *path = scenes[i].path;
			const long calls = fail_scene(&scenes[i], &ways[k],
			    AT_FDCWD, place_path(place, path));

			assert_true(
			    ways[k].kinds == FAULT_MEMORY || calls > 10);
			(void)fail_scene(&scenes[i], &ways[k], place->fd, path);
		}
}

/* The number of findings and the worst, or nothing at all. */
static void
check_with_fault(const char *path, clv_guard_policy policy,
    const clv_guard_report *right, const struct way *way, long nth)
{
	const int before = descriptors();
	clv_guard_report *report = NULL;
	clv_error *err = NULL;
	clv_status status;

	faults_arm(way->kinds, nth, way->error);
	status = clv_guard_check(guard, policy, path, &report, &err);
	(void)faults_disarm();
	assert_int_equal(status == CLV_OK, report != NULL);
	assert_int_equal(status == CLV_OK, err == NULL);
	if (report != NULL &&
	    (clv_guard_report_count(report) != clv_guard_report_count(right) ||
		clv_guard_report_grade(report) !=
		    clv_guard_report_grade(right)))
		fail_msg("%s: another verdict because %s failed", path,
		    faults_struck());
	clv_guard_report_free(&report);
	clv_error_free(&err);
	assert_int_equal(descriptors(), before);
}

static void
test_guard_check__no_fault_changes_the_verdict(void **state)
{
	const struct place *place = *state;

	arrange(place);
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++) {
			const char *path = place_path(place, scenes[i].path);
			clv_guard_report *right = NULL;
			long nth = 1;

			assert_ok(clv_guard_check(
			    guard, scenes[i].policy, path, &right, &err));
			do {
				check_with_fault(path, scenes[i].policy, right,
				    &ways[k], nth++);
			} while (*faults_struck() != '\0');
			clv_guard_report_free(&right);
		}
}

/* A trust directory with a default ACL, opened and read. */
static void
test_guard_open_directory__survives_faults(void **state)
{
	const struct place *place = *state;

	arrange(place);
	for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++)
		for (long nth = 1;; nth++) {
			const int before = descriptors();
			clv_error *err = NULL;
			clv_status status;
			int fd = 5, entry = 5;

			faults_arm(ways[k].kinds, nth, ways[k].error);
			status = clv_guard_open_directory(guard,
			    CLV_GUARD_TRUST, place->fd, "d", &fd, NULL, &err);
			if (status == CLV_OK)
				status =
				    clv_guard_open_entry(guard, CLV_GUARD_TRUST,
					fd, "open", &entry, NULL, &err);
			(void)faults_disarm();
			assert_int_equal(status == CLV_OK, err == NULL);
			if (status == CLV_OK)
				(void)close(entry);
			if (fd >= 0)
				(void)close(fd);
			clv_error_free(&err);
			assert_int_equal(descriptors(), before);
			if (*faults_struck() == '\0')
				break;
		}
}

static void
test_guard_fix__a_fault_gives_nothing_away(void **state)
{
	static const char *const names[] = {"d/open", "d/acl", "lists"};
	const struct place *place = *state;

	arrange(place);
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++) {
			const char *path = place_path(place, names[i]);
			const int before = descriptors();

			for (long nth = 1;; nth++) {
				clv_guard_report *report = NULL;
				clv_error *err = NULL;
				struct stat stat;
				clv_status status;

				assert_ok(clv_guard_check(
				    guard, CLV_GUARD_KEY, path, &report, &err));
				faults_arm(ways[k].kinds, nth, ways[k].error);
				status =
				    clv_guard_fix(guard, &report, NULL, &err);
				(void)faults_disarm();
				assert_int_equal(status == CLV_OK, err == NULL);
				assert_non_null(report);
				clv_guard_report_free(&report);
				clv_error_free(&err);
				assert_int_equal(
				    fstatat(place->fd, names[i], &stat, 0), 0);
				assert_int_equal(stat.st_mode & 02, 0);
				assert_int_equal(descriptors(), before);
				if (*faults_struck() == '\0')
					break;
			}
		}
}

static bool
count_failures(void *user, const char *path, clv_guard_policy policy,
    const clv_guard_report *report, size_t fixed, const clv_error *failure)
{
	size_t *failures = user;

	(void)path;
	(void)policy;
	(void)fixed;
	assert_true((report == NULL) != (failure == NULL));
	*failures += failure != NULL;
	return true;
}

static void
test_guard_survey__a_fault_is_never_secure(void **state)
{
	const struct place *place = *state;

	place_directory(place, "app", 0755, 0);
	place_directory(place, "app/own", 0755, 0);
	place_file(place, "app/own/open", "x\n", 0666, 0);
	place_file(place, "app/conf", "x\n", 0644, 0);
	for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++)
		for (long nth = 1; nth < MOST_FAULTS; nth++) {
			const int before = descriptors();
			clv_guard_grade worst = CLV_GUARD_SECURE;
			clv_error *err = NULL;
			size_t failures = 0;
			clv_status status;

			faults_arm(ways[k].kinds, nth, ways[k].error);
			status =
			    clv_guard_survey(guard, place_path(place, "app"),
				false, count_failures, &failures, &worst, &err);
			(void)faults_disarm();
			assert_int_equal(worst, CLV_GUARD_INSECURE);
			assert_int_equal(status == CLV_OK, err == NULL);
			clv_error_free(&err);
			assert_int_equal(descriptors(), before);
			if (*faults_struck() == '\0')
				break;
		}
}

static void
test_guard_settings__survive_lack_of_memory(void **state)
{
	(void)state;
	for (long nth = 1;; nth++) {
		clv_guard *made = NULL, *copy = NULL;
		clv_error *err = NULL;
		clv_status status;

		faults_arm(FAULT_MEMORY, nth, 0);
		if ((status = clv_guard_new(&made, &err)) == CLV_OK &&
		    (status = clv_guard_add_administrator(
			 made, "daemon", &err)) == CLV_OK &&
		    (status = clv_guard_add_administrators(made, "7", &err)) ==
			CLV_OK &&
		    (status = clv_guard_add_insecure_readers(
			 made, "8", &err)) == CLV_OK)
			status = clv_guard_copy(made, &copy, &err);
		if (faults_disarm())
			assert_int_equal(status, CLV_NO_MEMORY);
		else
			assert_int_equal(status, CLV_OK);
		assert_int_equal(copy != NULL, status == CLV_OK);
		clv_guard_free(&made);
		clv_guard_free(&copy);
		clv_error_free(&err);
		if (status == CLV_OK)
			break;
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_guard_open__no_fault_opens_what_is_insecure),
	    TEST(test_guard_check__no_fault_changes_the_verdict),
	    TEST(test_guard_open_directory__survives_faults),
	    TEST(test_guard_fix__a_fault_gives_nothing_away),
	    TEST(test_guard_survey__a_fault_is_never_secure),
	    TEST(test_guard_settings__survive_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
