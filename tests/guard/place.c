/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include "place.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int
place_open(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	(void)umask(022);
	(void)strcpy(place->path, "/tmp/claviger-place.XXXXXX");
	assert_non_null(mkdtemp(place->path));
	assert_int_equal(chmod(place->path, 0755), 0);
	place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(place->fd >= 0);
	*state = place;
	return 0;
}

int
place_close(void **state)
{
	struct place *place = *state;
	char command[128];
	int status;

	(void)close(place->fd);
	(void)snprintf(command, sizeof(command), "rm -rf %s", place->path);
	status = system(command);
	free(place);
	return status;
}

const char *
place_path(const struct place *place, const char *name)
{
	static char path[4][4096];
	static unsigned turn;

	turn = (turn + 1) % 4;
	(void)snprintf(
	    path[turn], sizeof(path[turn]), "%s/%s", place->path, name);
	return path[turn];
}

void
place_file(const struct place *place, const char *name, const char *text,
    mode_t mode, uid_t owner)
{
	const int fd = openat(
	    place->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const ssize_t size = (ssize_t)strlen(text);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, (size_t)size), size);
	assert_int_equal(fchown(fd, owner, owner), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

void
place_directory(
    const struct place *place, const char *name, mode_t mode, uid_t owner)
{
	assert_int_equal(mkdirat(place->fd, name, 0700), 0);
	assert_int_equal(fchownat(place->fd, name, owner, owner, 0), 0);
	assert_int_equal(fchmodat(place->fd, name, mode, 0), 0);
}

void
in_child(struct place *place, bool mounts, int (*check)(struct place *))
{
	int status = 0;
	const pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (mounts &&
		    (unshare(CLONE_NEWNS) != 0 ||
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0))
			_exit(99);
		_exit(check(place));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}
