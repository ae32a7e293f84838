/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fake/fuse_lie.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define KEY_NODE 2U
#define BUFFER_SIZE 1048576U

static const char content[] = "content\n";

static struct fuse_attr
attributes(const struct fuse_lie *lie, uint64_t node)
{
	struct fuse_attr attr = {.ino = node, .nlink = 1, .blksize = 4096};

	if (node == FUSE_ROOT_ID) {
		attr.mode = lie->directory_mode;
		attr.nlink = 2;
	} else {
		attr.mode = lie->mode;
		attr.uid = attr.gid = lie->owner;
		attr.size = sizeof(content) - 1;
	}
	return attr;
}

static void
reply(int fd, uint64_t unique, int error, const void *bytes, size_t size)
{
	struct fuse_out_header head = {
	    .len = (uint32_t)(sizeof(head) + (error ? 0 : size)),
	    .error = -error,
	    .unique = unique};
	struct iovec parts[2] = {
	    {&head, sizeof(head)}, {(void *)(uintptr_t)bytes, size}};

	/* Whoever asked may have gone away: that is no error. */
	if (writev(fd, parts, error || size == 0 ? 1 : 2) < 0)
		return;
}

static void
reply_entry(int fd, const struct fuse_in_header *in, const struct fuse_lie *lie,
    const char *name)
{
	struct fuse_entry_out entry = {.nodeid = KEY_NODE, .generation = 1};

	if (in->nodeid != FUSE_ROOT_ID || strcmp(name, "key") != 0) {
		reply(fd, in->unique, ENOENT, NULL, 0);
		return;
	}
	entry.attr = attributes(lie, KEY_NODE);
	reply(fd, in->unique, 0, &entry, sizeof(entry));
}

static void
reply_xattr(int fd, const struct fuse_in_header *in, const void *arguments,
    const void *bytes, size_t size)
{
	const struct fuse_getxattr_in *asked = arguments;
	const struct fuse_getxattr_out out = {.size = (uint32_t)size};

	if (asked->size == 0)
		reply(fd, in->unique, 0, &out, sizeof(out));
	else if (asked->size < size)
		reply(fd, in->unique, ERANGE, NULL, 0);
	else
		reply(fd, in->unique, 0, bytes, size);
}

static void
list_xattrs(int fd, const struct fuse_in_header *in, const struct fuse_lie *lie,
    const void *arguments)
{
	static const char nfs4[] = "system.nfs4_acl";
	static const char posix[] = "system.posix_acl_access";

	if (in->nodeid == KEY_NODE && lie->nfs4_acl)
		reply_xattr(fd, in, arguments, nfs4, sizeof(nfs4));
	else if (in->nodeid == KEY_NODE && lie->broken_acl)
		reply_xattr(fd, in, arguments, posix, sizeof(posix));
	else
		reply_xattr(fd, in, arguments, "", 0);
}

static void
initialise(int fd, const struct fuse_in_header *in, const struct fuse_lie *lie,
    const void *arguments)
{
	const struct fuse_init_in *asked = arguments;
	const struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
	    .minor = asked->minor < FUSE_KERNEL_MINOR_VERSION
		? asked->minor
		: FUSE_KERNEL_MINOR_VERSION,
	    .max_readahead = asked->max_readahead,
	    .flags = lie->posix_acl ? FUSE_POSIX_ACL : 0,
	    .max_write = 4096};

	reply(fd, in->unique, 0, &out, sizeof(out));
}

static void
serve_one(int fd, const struct fuse_lie *lie, const unsigned char *request)
{
	const struct fuse_in_header *in = (const void *)request;
	const void *arguments = request + sizeof(*in);
	struct fuse_attr_out attr = {.attr = attributes(lie, in->nodeid)};
	const struct fuse_open_out opened = {.fh = 1};
	const struct fuse_statfs_out system = {.st = {.bsize = 4096}};

	switch (in->opcode) {
	case FUSE_INIT:
		initialise(fd, in, lie, arguments);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	case FUSE_LOOKUP:
		reply_entry(fd, in, lie, arguments);
		break;
	case FUSE_GETATTR:
		reply(fd, in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		reply(fd, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		reply(fd, in->unique, 0, content, sizeof(content) - 1);
		break;
	case FUSE_LISTXATTR:
		list_xattrs(fd, in, lie, arguments);
		break;
	case FUSE_GETXATTR:
		reply_xattr(fd, in, arguments, "broken", 6);
		break;
	case FUSE_STATFS:
		reply(fd, in->unique, 0, &system, sizeof(system));
		break;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
		reply(fd, in->unique, 0, NULL, 0);
		break;
	default:
		reply(fd, in->unique, ENOSYS, NULL, 0);
	}
}

static void
serve(int fd, const struct fuse_lie *lie)
{
	static unsigned char request[BUFFER_SIZE] __attribute__((aligned(8)));

	for (;;) {
		const ssize_t size = read(fd, request, sizeof(request));

		if (size >= (ssize_t)sizeof(struct fuse_in_header))
			serve_one(fd, lie, request);
		else if (size >= 0 ||
		    (errno != EINTR && errno != EAGAIN && errno != ENOENT))
			_exit(0);
	}
}

bool
fuse_lie_mount(const char *mountpoint, const struct fuse_lie *lie)
{
	const int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[128];
	pid_t child;

	if (fd < 0)
		return false;
	(void)snprintf(options, sizeof(options),
	    "fd=%d,rootmode=%o,user_id=%u,group_id=%u%s", fd,
	    lie->directory_mode & S_IFMT, lie->keeper, lie->keeper,
	    lie->others ? ",allow_other" : "");
	if (mount("lie", mountpoint, "fuse", MS_NOSUID | MS_NODEV, options) !=
		0 ||
	    (child = fork()) < 0) {
		(void)close(fd);
		return false;
	}
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd, lie);
	}
	(void)close(fd);
	return true;
}
