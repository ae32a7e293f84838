/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fake/automount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/auto_fs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
mount_content(const char *mountpoint, const char *options)
{
	char path[512];
	int fd;

	if (options == NULL ||
	    mount("content", mountpoint, "tmpfs", 0, options) != 0)
		return false;
	(void)snprintf(path, sizeof(path), "%s/key", mountpoint);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd >= 0 && close(fd) == 0;
}

/* Requests come one to a read(2). */
static void
serve(int requests, int root, const char *mountpoint, const char *options)
{
	struct autofs_v5_packet packet;

	while (read(requests, &packet, sizeof(packet)) >
	    (ssize_t)sizeof(packet.hdr)) {
		const bool done = mount_content(mountpoint, options);

		if (ioctl(root, done ? AUTOFS_IOC_READY : AUTOFS_IOC_FAIL,
			packet.wait_queue_token) != 0)
			break;
	}
	_exit(1);
}

/* In the process that serves: its group goes there without mounting. */
static int
mount_trigger(int requests, const char *mountpoint)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
	    "fd=%d,pgrp=%d,minproto=5,maxproto=5,direct", requests, getpid());
	if (setpgid(0, 0) != 0 ||
	    mount("automount", mountpoint, "autofs", 0, text) != 0)
		return -1;
	return open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool
automount_start(const char *mountpoint, const char *options)
{
	int requests[2], ready[2];
	int error = EIO;
	pid_t child;

	if (pipe2(requests, O_CLOEXEC) != 0 || pipe2(ready, O_CLOEXEC) != 0 ||
	    (child = fork()) < 0)
		return false;
	if (child == 0) {
		int root;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		root = mount_trigger(requests[1], mountpoint);
		error = root >= 0 ? 0 : errno;
		(void)close(requests[1]);
		if (write(ready[1], &error, sizeof(error)) != sizeof(error) ||
		    root < 0)
			_exit(1);
		serve(requests[0], root, mountpoint, options);
	}
	(void)close(requests[0]);
	(void)close(requests[1]);
	(void)close(ready[1]);
	if (read(ready[0], &error, sizeof(error)) != sizeof(error))
		error = EIO;
	(void)close(ready[0]);
	errno = error;
	return error == 0;
}
