/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Opening and reading through the guard: what callers see. */

#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <claviger/guard.h>
#include <claviger/uri.h>

#include "fake/fuse_lie.h"
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

static int
descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void
test_guard_open__gives_the_file_for_reading(void **state)
{
	const struct place *place = *state;
	const int before = descriptors();
	clv_guard_report *report = NULL;
	char text[16] = "";
	int fd = -1;

	place_file(place, "key", "secret", 0600, 0);
	assert_ok(clv_guard_open(guard, CLV_GUARD_KEY, place_path(place, "key"),
	    &fd, &report, &err));
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	assert_string_equal(text, "secret");
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(clv_guard_report_grade(report), CLV_GUARD_SECURE);
	assert_int_equal(clv_guard_report_policy(report), CLV_GUARD_KEY);
	assert_string_equal(
	    clv_guard_report_path(report), place_path(place, "key"));
	assert_int_equal(clv_guard_report_count(report), 0);
	assert_null(clv_guard_report_finding(report, 0));
	assert_null(clv_guard_report_worst(report));
	clv_guard_report_free(&report);
	assert_null(report);
	clv_guard_report_free(&report);
	(void)close(fd);
	assert_int_equal(descriptors(), before);
}

static void
test_guard_open__refusal_names_path_reason_and_command(void **state)
{
	const struct place *place = *state;
	const int before = descriptors();
	const char *path = place_path(place, "key");
	clv_guard_report *report = NULL;
	const clv_guard_finding *worst;
	clv_error *err = NULL;
	char command[256];
	int fd = 7;

	place_file(place, "key", "secret", 0604, 0);
	assert_int_equal(
	    clv_guard_open(guard, CLV_GUARD_KEY, path, &fd, &report, &err),
	    CLV_POLICY);
	assert_int_equal(fd, -1);
	(void)snprintf(command, sizeof(command), "chmod 0600 %s", path);
	assert_string_equal(clv_error_remedy(err), command);
	assert_string_equal(clv_error_subject(err), path);
	assert_string_equal(clv_error_reason(err),
	    "insecure: everybody may read it (mode 0604)");
	assert_false(clv_error_retryable(err));
	clv_error_free(&err);

	worst = clv_guard_report_worst(report);
	assert_int_equal(worst->code, CLV_GUARD_OTHERS_READ);
	assert_int_equal(worst->grade, CLV_GUARD_INSECURE);
	assert_string_equal(worst->path, path);
	assert_string_equal(worst->command, command);
	assert_null(worst->advice);
	assert_true(worst->fixable);
	clv_guard_report_free(&report);
	assert_int_equal(descriptors(), before);
}

/* The first of the worst, not the first. */
static void
test_guard_open__refusal_is_about_the_worst_finding(void **state)
{
	const struct place *place = *state;
	clv_error *err = NULL;
	char reason[256];
	int fd;

	place_directory(place, "d", 0777, 0);
	place_file(place, "d/key", "secret", 0601, 0);
	assert_int_equal(clv_guard_open(guard, CLV_GUARD_KEY,
			     place_path(place, "d/key"), &fd, NULL, &err),
	    CLV_POLICY);
	(void)snprintf(reason, sizeof(reason),
	    "insecure: %s: its owning group 0 may write it (mode 0777)",
	    place_path(place, "d"));
	assert_string_equal(clv_error_reason(err), reason);
	clv_error_free(&err);
}

static void
test_guard_open__weak_is_opened_and_reported(void **state)
{
	const struct place *place = *state;
	clv_guard_report *report = NULL;
	int fd;

	place_file(place, "key", "secret", 0601, 0);
	assert_ok(clv_guard_open(guard, CLV_GUARD_KEY, place_path(place, "key"),
	    &fd, &report, &err));
	assert_int_equal(clv_guard_report_grade(report), CLV_GUARD_WEAK);
	assert_string_equal(
	    clv_guard_code_name(clv_guard_report_worst(report)->code),
	    "execute");
	clv_guard_report_free(&report);
	(void)close(fd);

	clv_guard_set_strict(guard, true);
	assert_fails(CLV_POLICY,
	    clv_guard_open(guard, CLV_GUARD_KEY, place_path(place, "key"), &fd,
		NULL, &err));
}

static void
test_guard_open__only_too_large_is_too_large(void **state)
{
	const struct place *place = *state;
	clv_guard_report *report = NULL;
	int fd;

	place_file(place, "key", "secret", 0600, 0);
	clv_guard_set_max_size(guard, 5);
	assert_fails(CLV_TOO_LARGE,
	    clv_guard_open(guard, CLV_GUARD_KEY, place_path(place, "key"), &fd,
		&report, &err));
	assert_int_equal(
	    clv_guard_report_worst(report)->code, CLV_GUARD_TOO_LARGE);
	assert_non_null(clv_guard_report_worst(report)->advice);
	clv_guard_report_free(&report);
	assert_int_equal(fchmodat(place->fd, "key", 0604, 0), 0);
	assert_fails(CLV_POLICY,
	    clv_guard_open(guard, CLV_GUARD_KEY, place_path(place, "key"), &fd,
		NULL, &err));
}

static void
test_guard_open__bad_arguments_are_invalid(void **state)
{
	const struct place *place = *state;
	clv_guard_report *report = NULL;
	char longest[5000];
	int fd;

	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	place_file(place, "key", "secret", 0600, 0);
	assert_fails(CLV_INVALID,
	    clv_guard_open(guard, CLV_GUARD_KEY, "", &fd, NULL, &err));
	assert_fails(CLV_INVALID,
	    clv_guard_check(guard, CLV_GUARD_KEY, "", &report, &err));
	assert_null(report);
	assert_fails(CLV_INVALID,
	    clv_guard_open(guard, (clv_guard_policy)0, place_path(place, "key"),
		&fd, NULL, &err));
	assert_fails(CLV_INVALID,
	    clv_guard_open(guard, (clv_guard_policy)4, place_path(place, "key"),
		&fd, NULL, &err));
	assert_fails(CLV_INVALID,
	    clv_guard_open(guard, CLV_GUARD_KEY, longest, &fd, NULL, &err));
	assert_fails(CLV_INVALID,
	    clv_guard_open_at(
		guard, CLV_GUARD_KEY, 99, "key", &fd, NULL, &err));
	assert_int_equal(fd, -1);
}

static void
test_guard_open_at__base_must_be_a_directory(void **state)
{
	const struct place *place = *state;
	int fd, file;

	place_file(place, "key", "secret", 0600, 0);
	file = openat(place->fd, "key", O_RDONLY | O_CLOEXEC);
	assert_fails(CLV_NOT_FOUND,
	    clv_guard_open_at(
		guard, CLV_GUARD_KEY, file, "key", &fd, NULL, &err));
	(void)close(file);
	assert_ok(clv_guard_open_at(
	    guard, CLV_GUARD_KEY, place->fd, "key", &fd, NULL, &err));
	(void)close(fd);
	/* An absolute path has no use for the directory. */
	assert_ok(clv_guard_open_at(guard, CLV_GUARD_KEY, -1,
	    place_path(place, "key"), &fd, NULL, &err));
	(void)close(fd);
}

static void
test_guard_open_directory__gives_only_directories(void **state)
{
	const struct place *place = *state;
	int fd, entry;

	place_directory(place, "d", 0755, 0);
	place_file(place, "d/f", "text", 0644, 0);
	assert_ok(clv_guard_open_directory(
	    guard, CLV_GUARD_TRUST, place->fd, "d", &fd, NULL, &err));
	assert_ok(clv_guard_open_entry(
	    guard, CLV_GUARD_TRUST, fd, "f", &entry, NULL, &err));
	(void)close(entry);
	(void)close(fd);
	assert_ok(clv_guard_open_directory(
	    guard, CLV_GUARD_TRUST, place->fd, "", &fd, NULL, &err));
	(void)close(fd);
	assert_fails(CLV_POLICY,
	    clv_guard_open_directory(
		guard, CLV_GUARD_TRUST, place->fd, "d/f", &fd, NULL, &err));
	assert_fails(CLV_POLICY,
	    clv_guard_open_at(
		guard, CLV_GUARD_TRUST, place->fd, "d", &fd, NULL, &err));
}

static void
test_guard_open_entry__takes_names_only(void **state)
{
	static const char *const names[] = {
	    "", ".", "..", "d/f", "/etc/passwd", "f/"};
	const struct place *place = *state;
	int fd;

	place_file(place, "f", "text", 0644, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_fails(CLV_INVALID,
		    clv_guard_open_entry(guard, CLV_GUARD_TRUST, place->fd,
			names[i], &fd, NULL, &err));
	assert_fails(CLV_NOT_FOUND,
	    clv_guard_open_entry(
		guard, CLV_GUARD_TRUST, place->fd, "g", &fd, NULL, &err));
}

/* What is above was judged by the caller: once is enough. */
static void
test_guard_open_entry__judges_the_entry_alone(void **state)
{
	const struct place *place = *state;
	clv_guard_report *report = NULL;
	int fd;

	place_file(place, "f", "text", 0644, 0);
	assert_int_equal(fchmod(place->fd, 0777), 0);
	assert_ok(clv_guard_open_entry(
	    guard, CLV_GUARD_TRUST, place->fd, "f", &fd, &report, &err));
	assert_int_equal(clv_guard_report_count(report), 0);
	assert_string_equal(
	    clv_guard_report_path(report), place_path(place, "f"));
	clv_guard_report_free(&report);
	(void)close(fd);
	assert_int_equal(fchmodat(place->fd, "f", 0646, 0), 0);
	assert_fails(CLV_POLICY,
	    clv_guard_open_entry(
		guard, CLV_GUARD_TRUST, place->fd, "f", &fd, NULL, &err));
}

static void
test_guard_open_entry__link_is_judged_all_the_way(void **state)
{
	const struct place *place = *state;
	clv_guard_report *report = NULL;
	int fd;

	place_directory(place, "d", 0755, 0);
	place_directory(place, "bad", 0777, 0);
	place_file(place, "bad/f", "text", 0644, 0);
	place_file(place, "good", "text", 0644, 0);
	assert_int_equal(
	    symlinkat(place_path(place, "bad/f"), place->fd, "l"), 0);
	assert_int_equal(symlinkat("good", place->fd, "m"), 0);
	assert_fails(CLV_POLICY,
	    clv_guard_open_entry(
		guard, CLV_GUARD_TRUST, place->fd, "l", &fd, &report, &err));
	assert_string_equal(
	    clv_guard_report_worst(report)->path, place_path(place, "bad"));
	clv_guard_report_free(&report);
	assert_ok(clv_guard_open_entry(
	    guard, CLV_GUARD_TRUST, place->fd, "m", &fd, NULL, &err));
	(void)close(fd);
}

static void
test_guard_read__gives_the_content(void **state)
{
	const struct place *place = *state;
	const int before = descriptors();
	clv_secret secret = CLV_SECRET_INIT;
	unsigned char *bytes = NULL;
	size_t size = 0;

	place_file(place, "key", "secret", 0600, 0);
	place_file(place, "empty", "", 0600, 0);
	assert_ok(clv_guard_read(
	    guard, CLV_GUARD_KEY, place->fd, "key", 6, &bytes, &size, &err));
	assert_int_equal(size, 6);
	assert_memory_equal(bytes, "secret", 7);
	clv_free(bytes);
	assert_ok(clv_guard_read_secret(guard, CLV_GUARD_KEY, AT_FDCWD,
	    place_path(place, "key"), 100, &secret, &err));
	assert_int_equal(secret.size, 6);
	assert_memory_equal(secret.data, "secret", 7);
	assert_ok(clv_guard_read_secret(
	    guard, CLV_GUARD_KEY, place->fd, "empty", 100, &secret, &err));
	assert_int_equal(secret.size, 0);
	assert_fails(CLV_TOO_LARGE,
	    clv_guard_read_secret(
		guard, CLV_GUARD_KEY, place->fd, "key", 5, &secret, &err));
	assert_null(secret.data);
	assert_fails(CLV_TOO_LARGE,
	    clv_guard_read(guard, CLV_GUARD_KEY, place->fd, "key", 5, &bytes,
		&size, &err));
	assert_null(bytes);
	assert_int_equal(fchmodat(place->fd, "key", 0644, 0), 0);
	assert_fails(CLV_POLICY,
	    clv_guard_read_secret(
		guard, CLV_GUARD_KEY, place->fd, "key", 99, &secret, &err));
	assert_fails(CLV_POLICY,
	    clv_guard_read(guard, CLV_GUARD_KEY, place->fd, "key", 99, &bytes,
		&size, &err));
	assert_int_equal(descriptors(), before);
}

static double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
make_socket(const struct place *place, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
	    place->path, name);
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
}

static void
test_guard_read__bad_files_are_refused_at_once(void **state)
{
	static const struct {
		const char *path;
		clv_status status;
	} bad[] = {{"fifo", CLV_POLICY}, {"socket", CLV_POLICY},
	    {"directory", CLV_POLICY}, {"huge", CLV_TOO_LARGE},
	    {"/dev/zero", CLV_POLICY}, {"/dev/tty", CLV_POLICY},
	    {"nothing", CLV_NOT_FOUND}};
	const struct place *place = *state;

	assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
	make_socket(place, "socket");
	place_directory(place, "directory", 0755, 0);
	place_file(place, "huge", "", 0600, 0);
	assert_int_equal(
	    truncate(place_path(place, "huge"), 1024L * 1024 * 1024), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		clv_secret secret = CLV_SECRET_INIT;
		const double begin = seconds();

		assert_fails(bad[i].status,
		    clv_guard_read_secret(guard, CLV_GUARD_KEY, place->fd,
			bad[i].path, 65536, &secret, &err));
		assert_true(seconds() - begin < 0.1);
	}
}

/* A lease makes open(2) wait for 45 seconds. */
static void
test_guard_open__does_not_wait_for_a_lease(void **state)
{
	const struct place *place = *state;
	clv_error *err = NULL;
	double begin;
	int fd, holder;

	place_file(place, "key", "secret", 0600, 0);
	assert_true(signal(SIGIO, SIG_IGN) != SIG_ERR);
	holder = openat(place->fd, "key", O_RDWR | O_CLOEXEC);
	assert_int_equal(fcntl(holder, F_SETLEASE, F_WRLCK), 0);
	begin = seconds();
	assert_int_equal(clv_guard_open(guard, CLV_GUARD_KEY,
			     place_path(place, "key"), &fd, NULL, &err),
	    CLV_BUSY);
	assert_true(seconds() - begin < 0.1);
	assert_true(clv_error_retryable(err));
	assert_int_equal(clv_error_code(err), EAGAIN);
	clv_error_free(&err);
	assert_int_equal(fcntl(holder, F_SETLEASE, F_UNLCK), 0);
	(void)close(holder);
}

static int
reads_as_application(struct place *place)
{
	clv_guard *own = NULL;
	clv_error *err = NULL;
	int fd;

	if (setresgid(61001, 61001, 61001) != 0 ||
	    setresuid(61001, 61001, 61001) != 0 ||
	    clv_guard_new(&own, NULL) != CLV_OK)
		return 1;
	if (clv_guard_open(own, CLV_GUARD_KEY, place_path(place, "key"), &fd,
		NULL, &err) != CLV_PERMISSION ||
	    clv_error_code(err) != EACCES)
		return 2;
	clv_error_free(&err);
	clv_guard_free(&own);
	return 0;
}

static void
test_guard_open__what_the_system_denies_is_permission(void **state)
{
	struct place *place = *state;

	place_file(place, "key", "secret", 0600, 0);
	in_child(place, false, reads_as_application);
}

static int
judges_without_directory(struct place *place)
{
	clv_guard_report *report = NULL;
	clv_guard_code code;

	if (mkdirat(place->fd, "gone", 0755) != 0 ||
	    chdir(place_path(place, "gone")) != 0 ||
	    rmdir(place_path(place, "gone")) != 0 ||
	    clv_guard_check(guard, CLV_GUARD_TRUST, ".", &report, NULL) !=
		CLV_OK)
		return 1;
	code = clv_guard_report_worst(report)->code;
	clv_guard_report_free(&report);
	return code == CLV_GUARD_UNREACHABLE ? 0 : 2;
}

static void
test_guard_check__removed_directory_is_unreachable(void **state)
{
	in_child(*state, false, judges_without_directory);
}

/* A FUSE mount that this process can't see in its own mount table. */
static int
judges_detached_fuse(struct place *place)
{
	const struct fuse_lie lie = {.owner = 0,
	    .mode = 0100600,
	    .directory_mode = 040755,
	    .others = true};
	clv_guard_report *report = NULL;
	int tree, found = 0;

	if (mkdirat(place->fd, "m", 0755) != 0 ||
	    !fuse_lie_mount(place_path(place, "m"), &lie))
		return 1;
	tree = open(place_path(place, "m"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree < 0 || umount2(place_path(place, "m"), MNT_DETACH) != 0 ||
	    clv_guard_check_at(
		guard, CLV_GUARD_KEY, tree, "key", &report, NULL) != CLV_OK)
		return 2;
	for (size_t i = 0; i < clv_guard_report_count(report); i++) {
		const clv_guard_finding *finding =
		    clv_guard_report_finding(report, i);

		found |= finding->code == CLV_GUARD_FUSE ? 1 : 0;
		found |= finding->code == CLV_GUARD_UNREACHABLE ? 2 : 0;
	}
	clv_guard_report_free(&report);
	return found == 2 || found == 3 ? 0 : 3;
}

static void
test_guard_check__detached_mount_is_unreachable(void **state)
{
	in_child(*state, true, judges_detached_fuse);
}

/* The same as an entry, where nothing above is judged. */
static int
opens_entry_of_detached_fuse(struct place *place)
{
	const struct fuse_lie lie = {.owner = 0,
	    .mode = 0100600,
	    .directory_mode = 040755,
	    .others = true};
	clv_guard_report *report = NULL;
	clv_status status;
	int tree, fd;

	if (mkdirat(place->fd, "m", 0755) != 0 ||
	    !fuse_lie_mount(place_path(place, "m"), &lie))
		return 1;
	tree = open(place_path(place, "m"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree < 0 ||
	    clv_guard_open_entry(
		guard, CLV_GUARD_KEY, tree, "key", &fd, NULL, NULL) != CLV_OK ||
	    close(fd) != 0 || umount2(place_path(place, "m"), MNT_DETACH) != 0)
		return 2;
	status = clv_guard_open_entry(
	    guard, CLV_GUARD_KEY, tree, "key", &fd, &report, NULL);
	if (status != CLV_POLICY ||
	    clv_guard_report_worst(report)->code != CLV_GUARD_FUSE)
		return 3;
	clv_guard_report_free(&report);
	return 0;
}

static void
test_guard_open_entry__fuse_of_unknown_keeper_is_refused(void **state)
{
	in_child(*state, true, opens_entry_of_detached_fuse);
}

static int
opens_fuse_of_one_account(struct place *place)
{
	const struct fuse_lie lie = {.keeper = 61002,
	    .owner = 0,
	    .mode = 0100600,
	    .directory_mode = 040755};
	int fd;

	if (mkdirat(place->fd, "m", 0755) != 0 ||
	    !fuse_lie_mount(place_path(place, "m"), &lie))
		return 1;
	return clv_guard_open(guard, CLV_GUARD_KEY, place_path(place, "m/key"),
		   &fd, NULL, NULL) == CLV_PERMISSION
	    ? 0
	    : 2;
}

static void
test_guard_open__fuse_that_is_not_for_us_is_permission(void **state)
{
	in_child(*state, true, opens_fuse_of_one_account);
}

/* A thread may have a table of descriptors of its own. */
static void *
open_in_thread(void *argument)
{
	static char unshared[] = "unshare", refused[] = "refused";
	const struct place *place = argument;
	clv_status status;
	int fd = -1;

	if (unshare(CLONE_FILES) != 0)
		return unshared;
	/* In the shared table of the others these numbers are other files. */
	for (int i = 3; i < 20; i++)
		(void)close(i);
	status = clv_guard_open(
	    guard, CLV_GUARD_KEY, place_path(place, "key"), &fd, NULL, NULL);
	return status == CLV_OK ? NULL : refused;
}

static void
test_guard_open__works_in_a_thread_with_own_descriptors(void **state)
{
	struct place *place = *state;
	void *failure = NULL;
	pthread_t thread;

	place_file(place, "key", "secret", 0600, 0);
	assert_int_equal(
	    pthread_create(&thread, NULL, open_in_thread, place), 0);
	assert_int_equal(pthread_join(thread, &failure), 0);
	assert_null(failure);
}

/* A path may be longer than the system takes at once, if it is relative. */
static void
test_guard_open__refuses_what_has_no_name(void **state)
{
	const struct place *place = *state;
	char name[201];
	int fd, at = openat(place->fd, ".", O_PATH | O_CLOEXEC);

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 25; i++) {
		int below;

		assert_int_equal(mkdirat(at, name, 0755), 0);
		below = openat(at, name, O_PATH | O_CLOEXEC);
		(void)close(at);
		at = below;
	}
	assert_fails(CLV_INVALID,
	    clv_guard_open_at(
		guard, CLV_GUARD_KEY, at, "key", &fd, NULL, &err));
	(void)close(at);
}

static int
changes_mode_all_the_time(struct place *place)
{
	/* Not insecure, but never twice the same. */
	for (;;)
		if (fchmodat(place->fd, "key", 0600, 0) != 0)
			return 1;
}

static void
test_guard_open__gives_up_on_what_never_rests(void **state)
{
	struct place *place = *state;
	clv_error *err = NULL;
	pid_t child;

	place_file(place, "key", "secret", 0600, 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(changes_mode_all_the_time(place));
	for (int i = 0; i < 3000; i++) {
		int fd;
		const clv_status status = clv_guard_open(guard, CLV_GUARD_KEY,
		    place_path(place, "key"), &fd, NULL, &err);

		assert_true(status == CLV_OK || status == CLV_CHANGED);
		if (status == CLV_OK) {
			(void)close(fd);
			continue;
		}
		assert_true(clv_error_retryable(err));
		clv_error_free(&err);
	}
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* A link to `first`, of `size` bytes that lead to the same place. */
static void
place_long_link(
    const struct place *place, const char *name, const char *first, size_t size)
{
	char target[4096] = "";
	size_t at = (size_t)snprintf(target, sizeof(target), "%s", first);

	assert_true(size < sizeof(target) && at < size);
	while (at < size)
		target[at++] = '/';
	target[size - 1] = '.';
	target[size] = '\0';
	assert_int_equal(symlinkat(target, place->fd, name), 0);
}

static clv_status
open_by_links(const struct place *place, size_t last_size)
{
	clv_error *err = NULL;
	clv_status status;
	int fd = -1;

	place_long_link(place, "third", ".", last_size);
	status = clv_guard_open(guard, CLV_GUARD_KEY,
	    place_path(place, "first/key"), &fd, NULL, &err);
	if (fd >= 0)
		(void)close(fd);
	clv_error_free(&err);
	assert_int_equal(unlinkat(place->fd, "third", 0), 0);
	return status;
}

/*
 * Each target stays below the kernel's limit, but what is left to walk adds
 * up: after "first" to its 4000 bytes, a slash and "/key", after "second" to
 * 8000, and so on. No more than 8191 bytes are kept.
 */
static void
test_guard_open__links_that_add_up_are_refused(void **state)
{
	const struct place *place = *state;

	place_file(place, "key", "secret", 0600, 0);
	place_long_link(place, "first", "second", 4000);
	place_long_link(place, "second", "third", 4000);
	for (size_t size = 180; size < 230; size++) {
		const bool fits =
		    size + 1 + (4000 - 5) + 1 + (4000 - 6) + 1 + 4 < 8192;

		assert_int_equal(
		    open_by_links(place, size), fits ? CLV_OK : CLV_INVALID);
	}
}

/* A path that the kernel would take, and one byte more. */
static void
test_guard_open__path_ends_where_the_kernels_does(void **state)
{
	const struct place *place = *state;
	char path[PATH_MAX + 1];
	size_t size;
	int fd = -1;

	place_file(place, "key", "secret", 0600, 0);
	size = (size_t)snprintf(path, sizeof(path), "%s/", place->path);
	memset(path + size, '/', sizeof(path) - size);
	memcpy(path + PATH_MAX - 1 - 3, "key", 4);
	assert_ok(clv_guard_open(guard, CLV_GUARD_KEY, path, &fd, NULL, &err));
	(void)close(fd);
	memcpy(path + PATH_MAX - 3, "key", 4);
	path[PATH_MAX - 1 - 3] = '/';
	assert_fails(CLV_INVALID,
	    clv_guard_open(guard, CLV_GUARD_KEY, path, &fd, NULL, &err));
}

/* Descriptor 0 is given back like any other. */
static void
test_guard_open__refusal_leaves_no_descriptor_0(void **state)
{
	const struct place *place = *state;
	const int input = dup(STDIN_FILENO);
	clv_error *err = NULL;
	int fd = -1;

	place_file(place, "open", "secret", 0644, 0);
	place_directory(place, "directory", 0700, 0);
	place_file(place, "key", "secret", 0600, 0);
	assert_true(input >= 0);
	for (unsigned i = 0; i < 4; i++) {
		static const char *const names[] = {
		    "open", "directory", "none", "key"};

		(void)close(STDIN_FILENO);
		(void)clv_guard_open(guard, CLV_GUARD_KEY,
		    place_path(place, names[i]), &fd, NULL, &err);
		clv_error_free(&err);
		assert_int_equal(fd, i == 3 ? STDIN_FILENO : -1);
		if (fd >= 0)
			(void)close(fd);
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_int_equal(fd, STDIN_FILENO);
	}
	assert_int_equal(dup2(input, STDIN_FILENO), STDIN_FILENO);
	(void)close(input);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_guard_open__gives_the_file_for_reading),
	    TEST(test_guard_open__refusal_names_path_reason_and_command),
	    TEST(test_guard_open__refusal_is_about_the_worst_finding),
	    TEST(test_guard_open__weak_is_opened_and_reported),
	    TEST(test_guard_open__only_too_large_is_too_large),
	    TEST(test_guard_open__bad_arguments_are_invalid),
	    TEST(test_guard_open_at__base_must_be_a_directory),
	    TEST(test_guard_open_directory__gives_only_directories),
	    TEST(test_guard_open_entry__takes_names_only),
	    TEST(test_guard_open_entry__judges_the_entry_alone),
	    TEST(test_guard_open_entry__link_is_judged_all_the_way),
	    TEST(test_guard_read__gives_the_content),
	    TEST(test_guard_read__bad_files_are_refused_at_once),
	    TEST(test_guard_open__does_not_wait_for_a_lease),
	    TEST(test_guard_open__what_the_system_denies_is_permission),
	    TEST(test_guard_check__removed_directory_is_unreachable),
	    TEST(test_guard_check__detached_mount_is_unreachable),
	    TEST(test_guard_open_entry__fuse_of_unknown_keeper_is_refused),
	    TEST(test_guard_open__fuse_that_is_not_for_us_is_permission),
	    TEST(test_guard_open__works_in_a_thread_with_own_descriptors),
	    TEST(test_guard_open__refuses_what_has_no_name),
	    TEST(test_guard_open__gives_up_on_what_never_rests),
	    TEST(test_guard_open__links_that_add_up_are_refused),
	    TEST(test_guard_open__path_ends_where_the_kernels_does),
	    TEST(test_guard_open__refusal_leaves_no_descriptor_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
