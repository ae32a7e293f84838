/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

static void
write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const ssize_t size = (ssize_t)strlen(text);

	must(fd >= 0 && write(fd, text, (size_t)size) == size, path);
	must(close(fd) == 0, path);
}

static void
write_maps(pid_t process, const char *map)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", process);
	write_file(path, map);
	(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", process);
	write_file(path, map);
}

/* Only a process outside may write the map: a helper stays there. */
void
enter_user_namespace(void)
{
	const pid_t self = getpid();
	int ready[2], status = 0;
	char byte = 0;
	pid_t helper;

	must(pipe(ready) == 0, "pipe");
	helper = fork();
	must(helper >= 0, "fork");
	if (helper == 0) {
		must(close(ready[1]) == 0 && read(ready[0], &byte, 1) == 1,
		    "wait for the namespace");
		write_maps(self, "0 0 1\n61001 61001 1\n");
		_exit(0);
	}
	must(unshare(CLONE_NEWUSER) == 0, "a user namespace");
	must(write(ready[1], &byte, 1) == 1, "tell the helper");
	must(waitpid(helper, &status, 0) == helper && status == 0, "maps");
	must(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0,
	    "root of the namespace");
	(void)close(ready[0]);
	(void)close(ready[1]);
}

int
user_namespace_of_other(void)
{
	char path[64];
	int ready[2], fd;
	char byte = 0;
	pid_t child;

	must(pipe(ready) == 0, "pipe");
	child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		must(unshare(CLONE_NEWUSER) == 0, "a user namespace");
		must(write(ready[1], &byte, 1) == 1, "tell the parent");
		for (;;)
			(void)pause();
	}
	must(read(ready[0], &byte, 1) == 1, "wait for the namespace");
	/* What is OTHER's on disk shows as APP's through the mount. */
	write_maps(child, "0 0 1\n61002 61001 1\n");
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", child);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0, path);
	must(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child,
	    "end of the child");
	(void)close(ready[0]);
	(void)close(ready[1]);
	return fd;
}
