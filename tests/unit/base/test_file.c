/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

/* A private directory, open. */
struct place {
	char path[64];
	int fd;
};

static int
open_place(void **state)
{
	static struct place place;

	(void)umask(022);
	(void)strcpy(place.path, "/tmp/claviger-file.XXXXXX");
	assert_non_null(mkdtemp(place.path));
	place.fd = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(place.fd >= 0);
	*state = &place;
	return 0;
}

static int
close_place(void **state)
{
	struct place *place = *state;
	char command[128];

	(void)close(place->fd);
	(void)snprintf(command, sizeof(command), "rm -rf %s", place->path);
	return system(command);
}

static void
assert_content(const struct place *place, const char *name, const char *text)
{
	const int fd = openat(place->fd, name, O_RDONLY | O_CLOEXEC);
	unsigned char *bytes = NULL;
	size_t size = 0;

	assert_true(fd >= 0);
	assert_ok(clv_file_read(fd, name, 1000, &bytes, &size, &err));
	assert_int_equal(size, strlen(text));
	assert_memory_equal(bytes, text, size + 1);
	free(bytes);
	(void)close(fd);
}

static unsigned
mode_of(const struct place *place, const char *name)
{
	struct stat stat;

	assert_int_equal(
	    fstatat(place->fd, name, &stat, AT_SYMLINK_NOFOLLOW), 0);
	return stat.st_mode & 07777;
}

/* How many entries there are, "." and ".." aside. */
static int
entries(const struct place *place)
{
	DIR *directory = fdopendir(
	    openat(place->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int count = -2;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

static void
test_file_write__creates_and_replaces(void **state)
{
	const struct place *place = *state;

	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "one", 3, 0600, CLV_FILE_CREATE_NEW, &err));
	assert_content(place, "f", "one");
	assert_int_equal(mode_of(place, "f"), 0600);
	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "second", 6, 0644, CLV_FILE_REPLACE, &err));
	assert_content(place, "f", "second");
	assert_int_equal(mode_of(place, "f"), 0644);
	assert_ok(clv_file_write_atomic(
	    place->fd, "new", "", 0, 0600, CLV_FILE_REPLACE, &err));
	assert_content(place, "new", "");
	assert_int_equal(entries(place), 2);
}

static void
test_file_write__create_new_never_replaces(void **state)
{
	const struct place *place = *state;

	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "one", 3, 0600, CLV_FILE_CREATE_NEW, &err));
	assert_fails(CLV_EXISTS,
	    clv_file_write_atomic(
		place->fd, "f", "two", 3, 0600, CLV_FILE_CREATE_NEW, &err));
	assert_content(place, "f", "one");
	/* A link is an existing name, wherever it leads. */
	assert_int_equal(symlinkat("nowhere", place->fd, "l"), 0);
	assert_fails(CLV_EXISTS,
	    clv_file_write_atomic(
		place->fd, "l", "two", 3, 0600, CLV_FILE_CREATE_NEW, &err));
	assert_int_equal(entries(place), 2);
}

static void
test_file_write__replaces_a_link_and_not_its_target(void **state)
{
	const struct place *place = *state;

	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "one", 3, 0600, CLV_FILE_CREATE_NEW, &err));
	assert_int_equal(symlinkat("f", place->fd, "l"), 0);
	assert_ok(clv_file_write_atomic(
	    place->fd, "l", "two", 3, 0600, CLV_FILE_REPLACE, &err));
	assert_content(place, "f", "one");
	assert_content(place, "l", "two");
}

static void
test_file_write__mode_does_not_depend_on_the_umask(void **state)
{
	static const mode_t umasks[] = {0, 022, 077, 0777};
	static const mode_t modes[] = {0600, 0644, 0400, 0640};
	const struct place *place = *state;
	char name[16];

	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 4; k++) {
			(void)umask(umasks[i]);
			(void)snprintf(name, sizeof(name), "f%zu%zu", i, k);
			assert_ok(clv_file_write_atomic(place->fd, name, "x", 1,
			    modes[k], CLV_FILE_CREATE_NEW, &err));
			assert_int_equal(mode_of(place, name), modes[k]);
			assert_ok(clv_file_write_atomic(place->fd, name, "y", 1,
			    modes[k], CLV_FILE_REPLACE, &err));
			assert_int_equal(mode_of(place, name), modes[k]);
		}
	(void)umask(022);
}

/* u::rwx,u:61002:rwx,g::rwx,m::rwx,o::rwx */
static void
set_default_acl(const struct place *place)
{
	static const unsigned char acl[] = {2, 0, 0, 0, 1, 0, 7, 0, 255, 255,
	    255, 255, 2, 0, 7, 0, 0x4A, 0xEE, 0, 0, 4, 0, 7, 0, 255, 255, 255,
	    255, 0x10, 0, 7, 0, 255, 255, 255, 255, 0x20, 0, 7, 0, 255, 255,
	    255, 255};

	assert_int_equal(fsetxattr(place->fd, "system.posix_acl_default", acl,
			     sizeof(acl), 0),
	    0);
}

static void
test_file_write__takes_nothing_from_a_default_acl(void **state)
{
	const struct place *place = *state;
	char path[128], list[256];

	set_default_acl(place);
	(void)snprintf(path, sizeof(path), "%s/f", place->path);
	for (int i = 0; i < 2; i++) {
		assert_ok(clv_file_write_atomic(
		    place->fd, "f", "x", 1, 0644, CLV_FILE_REPLACE, &err));
		assert_int_equal(mode_of(place, "f"), 0644);
		assert_int_equal(listxattr(path, list, sizeof(list)), 0);
	}
}

static void
test_file_write__refuses_names_that_are_paths(void **state)
{
	static const char *const names[] = {"", ".", "..", "a/b", "/f", "../f"};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_fails(CLV_INVALID,
		    clv_file_write_atomic(place->fd, names[i], "x", 1, 0600,
			CLV_FILE_REPLACE, &err));
		assert_fails(
		    CLV_INVALID, clv_file_unlink(place->fd, names[i], &err));
	}
	assert_int_equal(entries(place), 0);
}

static void
test_file_write__root_keeps_the_owner(void **state)
{
	const struct place *place = *state;
	struct stat stat;

	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "one", 3, 0600, CLV_FILE_CREATE_NEW, &err));
	assert_int_equal(fchownat(place->fd, "f", 61001, 61010, 0), 0);
	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "two", 3, 0640, CLV_FILE_REPLACE, &err));
	assert_int_equal(fstatat(place->fd, "f", &stat, 0), 0);
	assert_int_equal(stat.st_uid, 61001);
	assert_int_equal(stat.st_gid, 61010);
	assert_int_equal(stat.st_mode & 07777, 0640);
}

static void
test_file_write__cannot_replace_a_directory(void **state)
{
	const struct place *place = *state;

	assert_int_equal(mkdirat(place->fd, "d", 0755), 0);
	assert_fails(CLV_IO,
	    clv_file_write_atomic(
		place->fd, "d", "x", 1, 0600, CLV_FILE_REPLACE, &err));
	assert_fails(CLV_EXISTS,
	    clv_file_write_atomic(
		place->fd, "d", "x", 1, 0600, CLV_FILE_CREATE_NEW, &err));
	assert_int_equal(entries(place), 1);
}

static void
test_file_write__into_a_removed_directory_fails(void **state)
{
	const struct place *place = *state;

	/* Some file systems say ENOENT, some EPERM. */
	assert_int_equal(rmdir(place->path), 0);
	assert_int_not_equal(clv_file_write_atomic(place->fd, "f", "x", 1, 0600,
				 CLV_FILE_REPLACE, NULL),
	    CLV_OK);
	assert_int_equal(mkdir(place->path, 0700), 0);
}

static void
test_file_write__immutable_file_stays(void **state)
{
	const struct place *place = *state;
	int fd, flags = 0;

	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "one", 3, 0600, CLV_FILE_CREATE_NEW, &err));
	fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
	flags |= FS_IMMUTABLE_FL;
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	assert_fails(CLV_PERMISSION,
	    clv_file_write_atomic(
		place->fd, "f", "two", 3, 0600, CLV_FILE_REPLACE, &err));
	assert_fails(CLV_PERMISSION, clv_file_unlink(place->fd, "f", &err));
	assert_content(place, "f", "one");
	assert_int_equal(entries(place), 1);
	flags &= ~FS_IMMUTABLE_FL;
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	(void)close(fd);
}

/* Runs `check` in a child on a mount of its own: a failed assertion there is
 * a failed child. */
static void
on_tmpfs(const struct place *place, const char *options, unsigned long flags,
    bool (*check)(struct place *place))
{
	int status = 0;
	const pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct place own = *place;

		if (unshare(CLONE_NEWNS) != 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount("tmpfs", own.path, "tmpfs", 0, options) != 0)
			_exit(2);
		own.fd = open(own.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (clv_file_write_atomic(own.fd, "f", "old", 3, 0600,
			CLV_FILE_CREATE_NEW, NULL) != CLV_OK)
			_exit(3);
		if (flags != 0 &&
		    mount(NULL, own.path, NULL, MS_REMOUNT | flags, NULL) != 0)
			_exit(4);
		_exit(check(&own) ? 0 : 5);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static bool
is_old(const struct place *place)
{
	char text[8] = "";
	const int fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, text, sizeof(text)) == 3 &&
	    memcmp(text, "old", 3) == 0 && entries(place) == 1;
}

static bool
refuses_read_only(struct place *place)
{
	return clv_file_write_atomic(place->fd, "f", "new", 3, 0600,
		   CLV_FILE_REPLACE, NULL) == CLV_PERMISSION &&
	    clv_file_write_atomic(place->fd, "g", "new", 3, 0600,
		CLV_FILE_CREATE_NEW, NULL) == CLV_PERMISSION &&
	    clv_file_unlink(place->fd, "f", NULL) == CLV_PERMISSION &&
	    is_old(place);
}

static void
test_file_write__read_only_file_system_keeps_the_old(void **state)
{
	on_tmpfs(*state, "size=1m,mode=0755", MS_RDONLY, refuses_read_only);
}

static bool
is_full(struct place *place, const void *bytes, size_t size)
{
	clv_error *err = NULL;
	const clv_status status = clv_file_write_atomic(
	    place->fd, "f", bytes, size, 0600, CLV_FILE_REPLACE, &err);
	const int64_t code = clv_error_code(err);

	clv_error_free(&err);
	return status == CLV_IO && code == ENOSPC && is_old(place);
}

static bool
refuses_what_does_not_fit(struct place *place)
{
	static const unsigned char much[1024 * 1024];

	return is_full(place, much, sizeof(much)) &&
	    clv_file_write_atomic(place->fd, "f", "old", 3, 0600,
		CLV_FILE_REPLACE, NULL) == CLV_OK &&
	    is_old(place);
}

static void
test_file_write__full_disk_keeps_the_old(void **state)
{
	on_tmpfs(*state, "size=64k,mode=0755", 0, refuses_what_does_not_fit);
}

static bool
refuses_another_inode(struct place *place)
{
	return is_full(place, "new", 3);
}

/* The root, "f", and nothing more. */
static void
test_file_write__no_inode_left_keeps_the_old(void **state)
{
	on_tmpfs(*state, "nr_inodes=2,mode=0755", 0, refuses_another_inode);
}

/* A file system that knows neither nameless files nor default ACLs. */
static bool
writes_named(struct place *place)
{
	struct stat stat;

	if (mount("ramfs", place->path, "ramfs", 0, "mode=0755") != 0)
		return false;
	place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return clv_file_write_atomic(place->fd, "f", "old", 3, 0640,
		   CLV_FILE_CREATE_NEW, NULL) == CLV_OK &&
	    clv_file_write_atomic(place->fd, "f", "new", 3, 0640,
		CLV_FILE_CREATE_NEW, NULL) == CLV_EXISTS &&
	    is_old(place) &&
	    clv_file_write_atomic(place->fd, "f", "old", 3, 0640,
		CLV_FILE_REPLACE, NULL) == CLV_OK &&
	    is_old(place) && fstatat(place->fd, "f", &stat, 0) == 0 &&
	    (stat.st_mode & 07777) == 0640;
}

static void
test_file_write__works_on_ramfs(void **state)
{
	on_tmpfs(*state, "mode=0755", 0, writes_named);
}

static void
nothing(int signal)
{
	(void)signal;
}

static void
test_file_write__signals_do_not_hurt(void **state)
{
	const struct place *place = *state;
	const struct itimerspec often = {.it_interval = {.tv_nsec = 200000},
	    .it_value = {.tv_nsec = 200000}};
	struct sigaction action = {.sa_handler = nothing};
	const size_t size = 4U * 1024 * 1024;
	unsigned char *bytes = malloc(size), *again = NULL;
	struct sigevent event = {
	    .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	size_t got = 0;
	timer_t timer;
	int fd;

	assert_non_null(bytes);
	memset(bytes, 'x', size);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &often, NULL), 0);
	for (int i = 0; i < 5; i++)
		assert_ok(clv_file_write_atomic(
		    place->fd, "f", bytes, size, 0600, CLV_FILE_REPLACE, &err));
	fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);
	assert_ok(clv_file_read(fd, "f", size, &again, &got, &err));
	assert_int_equal(timer_delete(timer), 0);
	assert_int_equal(got, size);
	assert_memory_equal(again, bytes, size);
	(void)close(fd);
	free(again);
	free(bytes);
}

/* A pipe that is read slowly gives short writes and EINTR. */
static void
test_file_write_all__survives_short_writes(void **state)
{
	const size_t size = 1024U * 1024;
	struct sigaction action = {.sa_handler = nothing};
	unsigned char *bytes = calloc(1, size);
	int pair[2], status = 0;
	pid_t child;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_non_null(bytes);
	assert_int_equal(pipe(pair), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		unsigned char part[3000];
		size_t total = 0;
		ssize_t got;

		(void)close(pair[1]);
		while ((got = read(pair[0], part, sizeof(part))) > 0) {
			total += (size_t)got;
			(void)kill(getppid(), SIGALRM);
		}
		_exit(total == size ? 0 : 1);
	}
	(void)close(pair[0]);
	assert_ok(clv_file_write_all(pair[1], "pipe", bytes, size, &err));
	(void)close(pair[1]);
	while (waitpid(child, &status, 0) != child)
		assert_int_equal(errno, EINTR);
	assert_int_equal(status, 0);
	free(bytes);
}

static void
write_for_ever(const struct place *place, unsigned char *bytes, size_t size)
{
	for (unsigned turn = 0;; turn++) {
		memset(bytes, 'a' + (int)(turn % 26), size);
		(void)clv_file_write_atomic(
		    place->fd, "f", bytes, size, 0600, CLV_FILE_REPLACE, NULL);
	}
}

/* Kills a writer again and again: what stands there is always whole. */
static void
test_file_write__killed_writer_leaves_old_or_new(void **state)
{
	const struct place *place = *state;
	const size_t size = 256U * 1024;
	unsigned char *bytes = malloc(size);
	unsigned kills = 0;

	assert_non_null(bytes);
	/* On a busy machine the first ones die before they write. */
	for (int i = 0; kills < 60 && i < 2000; i++) {
		const struct timespec pause = {
		    .tv_nsec = 100000L * (i % 60 + 1)};
		const pid_t child = fork();
		unsigned char *now = NULL;
		size_t got = 0;
		int fd, status;

		assert_true(child >= 0);
		if (child == 0)
			write_for_ever(place, bytes, size);
		(void)nanosleep(&pause, NULL);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		assert_ok(clv_file_read(fd, "f", size, &now, &got, &err));
		assert_int_equal(got, size);
		for (size_t k = 1; k < size; k++)
			assert_int_equal(now[k], now[0]);
		assert_int_equal(mode_of(place, "f"), 0600);
		free(now);
		(void)close(fd);
		kills++;
	}
	assert_true(kills == 60);
	free(bytes);
}

static void
test_file_unlink__removes_once(void **state)
{
	const struct place *place = *state;

	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "x", 1, 0600, CLV_FILE_CREATE_NEW, &err));
	assert_ok(clv_file_unlink(place->fd, "f", &err));
	assert_int_equal(entries(place), 0);
	assert_fails(CLV_NOT_FOUND, clv_file_unlink(place->fd, "f", &err));
}

static void
test_file_read__stops_at_the_limit(void **state)
{
	const struct place *place = *state;
	unsigned char *bytes = NULL;
	clv_secret secret = CLV_SECRET_INIT;
	size_t size = 0;
	int fd;

	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "12345", 5, 0600, CLV_FILE_CREATE_NEW, &err));
	fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);
	assert_fails(
	    CLV_TOO_LARGE, clv_file_read(fd, "f", 4, &bytes, &size, &err));
	assert_null(bytes);
	assert_int_equal(size, 0);
	assert_fails(
	    CLV_TOO_LARGE, clv_file_read_secret(fd, "f", 4, &secret, &err));
	assert_null(secret.data);
	assert_ok(clv_file_read_secret(fd, "f", 5, &secret, &err));
	assert_int_equal(secret.size, 5);
	assert_memory_equal(secret.data, "12345", 6);
	clv_secret_clear(&secret);
	(void)close(fd);
}

static void
test_file_read_secret__holds_any_size(void **state)
{
	static const size_t sizes[] = {
	    0, 1, 4094, 4095, 4096, 4097, 8191, 8192, CLV_SECRET_MAX};
	static unsigned char bytes[CLV_SECRET_MAX + 1];
	const struct place *place = *state;
	clv_secret secret = CLV_SECRET_INIT;

	memset(bytes, 's', sizeof(bytes));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int fd;

		assert_ok(clv_file_write_atomic(place->fd, "f", bytes, sizes[i],
		    0600, CLV_FILE_REPLACE, &err));
		fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);
		assert_ok(clv_file_read_secret(
		    fd, "f", CLV_SECRET_MAX, &secret, &err));
		assert_int_equal(secret.size, sizes[i]);
		assert_memory_equal(secret.data, bytes, sizes[i]);
		assert_int_equal(secret.data[sizes[i]], 0);
		(void)close(fd);
	}
	clv_secret_clear(&secret);
	assert_ok(clv_file_write_atomic(place->fd, "f", bytes, sizeof(bytes),
	    0600, CLV_FILE_REPLACE, &err));
	{
		const int fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);

		assert_fails(CLV_TOO_LARGE,
		    clv_file_read_secret(
			fd, "f", sizeof(bytes), &secret, &err));
		(void)close(fd);
	}
}

static void
test_file_read__only_regular_files(void **state)
{
	const struct place *place = *state;
	const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	unsigned char *bytes = NULL;
	clv_secret secret = CLV_SECRET_INIT;
	size_t size = 0;

	assert_fails(
	    CLV_INVALID, clv_file_read(zero, "z", 10, &bytes, &size, &err));
	assert_fails(CLV_INVALID,
	    clv_file_read_secret(place->fd, "d", 10, &secret, &err));
	assert_fails(
	    CLV_IO, clv_file_read(-1, "none", 10, &bytes, &size, &err));
	(void)close(zero);
}

/* Its size is known beforehand; what comes is another. */
static void
test_file_read__size_that_changes_is_an_error(void **state)
{
	const struct place *place = *state;
	unsigned char *bytes = NULL;
	size_t size = 0;
	int fd;

	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "12345", 5, 0600, CLV_FILE_CREATE_NEW, &err));
	fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);
	/* As if it had shrunk since. */
	assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
	assert_fails(
	    CLV_CHANGED, clv_file_read(fd, "f", 10, &bytes, &size, &err));
	assert_null(bytes);
	(void)close(fd);
	/* Files of /proc have no size and grow while they are read. */
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	assert_fails(CLV_CHANGED,
	    clv_file_read(fd, "status", 9999, &bytes, &size, &err));
	(void)close(fd);
}

static void
test_file_lock__excludes_another_process(void **state)
{
	const struct place *place = *state;
	clv_error *err = NULL;
	int first = -1, second = -1;

	assert_fails(CLV_NOT_FOUND,
	    clv_file_lock(place->fd, "lock", 0, 0, &first, &err));
	assert_int_equal(first, -1);
	assert_ok(clv_file_lock(place->fd, "lock", 0640, 0, &first, &err));
	assert_int_equal(mode_of(place, "lock"), 0640);
	/* Open-file-description locks exclude within a process, too. */
	assert_int_equal(
	    clv_file_lock(place->fd, "lock", 0640, 20, &second, &err),
	    CLV_BUSY);
	assert_true(clv_error_retryable(err));
	/* It says which, and what to do. */
	assert_int_equal(*clv_error_subject(err), '/');
	assert_non_null(strstr(clv_error_subject(err), "/lock"));
	assert_non_null(clv_error_remedy(err));
	clv_error_free(&err);
	assert_int_equal(second, -1);
	(void)close(first);
	assert_ok(clv_file_lock(place->fd, "lock", 0, 0, &second, &err));
	(void)close(second);
}

static void
test_file_lock__waits_for_its_turn(void **state)
{
	const struct place *place = *state;
	int lock = -1, status = 0;
	pid_t child;

	assert_ok(clv_file_lock(place->fd, "lock", 0600, 0, &lock, &err));
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct timespec pause = {.tv_nsec = 50000000};

		/* Holds it for a while, although the parent closed it. */
		(void)nanosleep(&pause, NULL);
		_exit(0);
	}
	(void)close(lock);
	assert_fails(
	    CLV_BUSY, clv_file_lock(place->fd, "lock", 0, 0, &lock, &err));
	assert_ok(clv_file_lock(place->fd, "lock", 0, 5000, &lock, &err));
	(void)close(lock);
	assert_int_equal(waitpid(child, &status, 0), child);
}

static void
test_file_lock__only_a_regular_file(void **state)
{
	const struct place *place = *state;
	int lock = -1;

	assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
	assert_fails(
	    CLV_INVALID, clv_file_lock(place->fd, "fifo", 0, 0, &lock, &err));
	assert_int_equal(symlinkat("elsewhere", place->fd, "link"), 0);
	assert_fails(
	    CLV_IO, clv_file_lock(place->fd, "link", 0600, 0, &lock, &err));
	assert_int_equal(lock, -1);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_place, close_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_file_write__creates_and_replaces),
	    TEST(test_file_write__create_new_never_replaces),
	    TEST(test_file_write__replaces_a_link_and_not_its_target),
	    TEST(test_file_write__mode_does_not_depend_on_the_umask),
	    TEST(test_file_write__takes_nothing_from_a_default_acl),
	    TEST(test_file_write__refuses_names_that_are_paths),
	    TEST(test_file_write__root_keeps_the_owner),
	    TEST(test_file_write__cannot_replace_a_directory),
	    TEST(test_file_write__into_a_removed_directory_fails),
	    TEST(test_file_write__immutable_file_stays),
	    TEST(test_file_write__read_only_file_system_keeps_the_old),
	    TEST(test_file_write__full_disk_keeps_the_old),
	    TEST(test_file_write__no_inode_left_keeps_the_old),
	    TEST(test_file_write__works_on_ramfs),
	    TEST(test_file_write__signals_do_not_hurt),
	    TEST(test_file_write_all__survives_short_writes),
	    TEST(test_file_write__killed_writer_leaves_old_or_new),
	    TEST(test_file_unlink__removes_once),
	    TEST(test_file_read__stops_at_the_limit),
	    TEST(test_file_read_secret__holds_any_size),
	    TEST(test_file_read__only_regular_files),
	    TEST(test_file_read__size_that_changes_is_an_error),
	    TEST(test_file_lock__excludes_another_process),
	    TEST(test_file_lock__waits_for_its_turn),
	    TEST(test_file_lock__only_a_regular_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
