/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Mounts of all kinds, and file systems that lie. */

#include "matrix.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake/fuse_lie.h"
#include "namespaces.h"

static const char *
below(const char *directory, const char *name)
{
	static char path[2][512];
	static int turn;

	turn = !turn;
	(void)snprintf(
	    path[turn], sizeof(path[turn]), "%s/%s", directory, name);
	return path[turn];
}

static void
put_key(const char *path)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	must(fd >= 0 && write(fd, "content\n", 8) == 8 &&
		fchown(fd, APP, APP) == 0 && close(fd) == 0,
	    path);
}

static void
mount_tmpfs(const char *directory, const char *options)
{
	must(mount("tmpfs", below(directory, "m"), "tmpfs", 0, options) == 0,
	    "mount tmpfs");
	put_key(below(directory, "m/key"));
}

static void
tmpfs_0755(const char *directory)
{
	mount_tmpfs(directory, "mode=0755");
}

static void
tmpfs_0777(const char *directory)
{
	mount_tmpfs(directory, "mode=0777");
}

static void
tmpfs_1777(const char *directory)
{
	mount_tmpfs(directory, "mode=1777");
}

static void
tmpfs_of_other(const char *directory)
{
	mount_tmpfs(directory, "mode=0755,uid=61002");
}

static void
ramfs(const char *directory)
{
	must(
	    mount("ramfs", below(directory, "m"), "ramfs", 0, "mode=0755") == 0,
	    "mount ramfs");
	put_key(below(directory, "m/key"));
}

static void
bind_to(const char *from, const char *to)
{
	must(mount(from, to, NULL, MS_BIND, NULL) == 0, "bind");
}

static void
bind_a(const char *directory)
{
	bind_to(below(directory, "a"), below(directory, "m"));
}

static void
bind_file(const char *directory)
{
	bind_to(below(directory, "a/key"), below(directory, "m/key"));
}

static void
bind_read_only(const char *directory)
{
	bind_a(directory);
	must(mount(NULL, below(directory, "m"), NULL,
		 MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0,
	    "read-only");
}

/* The same directory twice, one in the other: x/y is x is s. */
static void
bind_nested(const char *directory)
{
	bind_to(below(directory, "s"), below(directory, "bad/x"));
	bind_to(below(directory, "s"), below(directory, "bad/x/y"));
}

static void
overlay(const char *directory)
{
	char options[2048];

	(void)snprintf(options, sizeof(options),
	    "lowerdir=%s/low,upperdir=%s/up/u,workdir=%s/up/w", directory,
	    directory, directory);
	must(mount("tmpfs", below(directory, "up"), "tmpfs", 0, "mode=0755") ==
		0,
	    "mount tmpfs");
	must(mkdir(below(directory, "up/u"), 0755) == 0 &&
		mkdir(below(directory, "up/w"), 0755) == 0,
	    "overlay directories");
	must(
	    mount("overlay", below(directory, "m"), "overlay", 0, options) == 0,
	    "mount overlay");
}

static void
idmapped(const char *directory)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
	const int tree = open_tree(AT_FDCWD, below(directory, "a"),
	    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	attr.userns_fd = (unsigned)user_namespace_of_other();
	must(tree >= 0 &&
		mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) ==
		    0 &&
		move_mount(tree, "", AT_FDCWD, below(directory, "m"),
		    MOVE_MOUNT_F_EMPTY_PATH) == 0,
	    "an id-mapped mount");
}

static void
lie(const char *directory, struct fuse_lie claims)
{
	claims.others = true;
	if (claims.mode == 0)
		claims.mode = 0100600;
	if (claims.directory_mode == 0)
		claims.directory_mode = 040755;
	must(fuse_lie_mount(below(directory, "m"), &claims), "mount FUSE");
}

static void
fuse_of_root(const char *directory)
{
	lie(directory, (struct fuse_lie){.owner = APP});
}

static void
fuse_of_root_open_key(const char *directory)
{
	lie(directory, (struct fuse_lie){.owner = APP, .mode = 0100604});
}

static void
fuse_of_root_open_directory(const char *directory)
{
	lie(directory,
	    (struct fuse_lie){.owner = APP, .directory_mode = 040757});
}

static void
fuse_of_app(const char *directory)
{
	lie(directory, (struct fuse_lie){.keeper = APP, .owner = APP});
}

static void
fuse_of_other(const char *directory)
{
	lie(directory, (struct fuse_lie){.keeper = OTHER, .owner = APP});
}

static void
fuse_of_other_bound(const char *directory)
{
	lie(directory, (struct fuse_lie){.keeper = OTHER, .owner = APP});
	bind_to(below(directory, "m/key"), below(directory, "n/key"));
}

static void
fuse_of_admin(const char *directory)
{
	lie(directory, (struct fuse_lie){.keeper = ADMIN, .owner = APP});
}

static void
fuse_nfs4(const char *directory)
{
	lie(directory, (struct fuse_lie){.owner = APP, .nfs4_acl = true});
}

static void
fuse_broken_acl(const char *directory)
{
	lie(directory,
	    (struct fuse_lie){
		.owner = APP, .broken_acl = true, .posix_acl = true});
}

/* Others the kernel itself keeps away from it. */
static void
remain_root(void)
{
}

static void
fuse_unreadable_acl(const char *directory)
{
	lie(directory, (struct fuse_lie){.owner = APP, .broken_acl = true});
}

#define M "dir m 0755 root"

static const struct guard_case cases[] = {
    {"key on a mount", CLV_GUARD_KEY, M, NULL, "m/key", "",
	.stage = tmpfs_0755},
    {"key on a mount whose root everybody may write", CLV_GUARD_KEY, M, NULL,
	"m/key", "insecure group-write m;insecure others-write m",
	.stage = tmpfs_0777},
    {"key on a mount whose root is sticky", CLV_GUARD_KEY, M, NULL, "m/key", "",
	.stage = tmpfs_1777},
    {"key on a mount whose root belongs to another account", CLV_GUARD_KEY, M,
	NULL, "m/key", "insecure owner m", .stage = tmpfs_of_other},
    {"key on a good mount over a bad directory", CLV_GUARD_KEY,
	"dir m 0777 root", NULL, "m/key", "", .stage = tmpfs_0755},
    {"key on a mount without attributes", CLV_GUARD_KEY, M, NULL, "m/key", "",
	.stage = ramfs},
    {"key below a bound directory", CLV_GUARD_KEY,
	"dir a 0755 root;file a/key 0600 app;" M, NULL, "m/key", "",
	.stage = bind_a},
    {"key below a bound directory everybody may write", CLV_GUARD_KEY,
	"dir a 0757 root;file a/key 0600 app;" M, NULL, "m/key",
	"insecure others-write m", .stage = bind_a},
    {"key below a directory that is bound read-only excuses nothing",
	CLV_GUARD_KEY, "dir a 0757 root;file a/key 0600 app;" M, NULL, "m/key",
	"insecure others-write m", .stage = bind_read_only,
	.ways = ABSOLUTE_PATH},
    {"open key on a read-only mount excuses nothing", CLV_GUARD_KEY,
	"dir a 0755 root;file a/key 0604 app;" M, NULL, "m/key",
	"insecure others-read m/key fix", .stage = bind_read_only,
	.ways = ABSOLUTE_PATH},
    {"key that is a mount point itself", CLV_GUARD_KEY,
	"dir a 0755 root;file a/key 0600 app;" M ";file m/key 0666 other", NULL,
	"m/key", "", .stage = bind_file},
    {"open key that is a mount point itself", CLV_GUARD_KEY,
	"dir a 0755 root;file a/key 0604 app;" M ";file m/key 0600 app", NULL,
	"m/key", "insecure others-read m/key fix", .stage = bind_file},
    {"directory bound into itself: what is above is still judged",
	CLV_GUARD_KEY,
	"dir bad 0757 root;dir bad/x 0755 root;dir s 0755 root;"
	"dir s/y 0755 root;file s/key 0600 app",
	NULL, "bad/x/y/key", "insecure others-write bad", .stage = bind_nested},
    {"key on an overlay", CLV_GUARD_KEY,
	M ";dir up 0755 root;dir low 0755 root;file low/key 0600 app", NULL,
	"m/key", "", .stage = overlay},
    {"open key on an overlay", CLV_GUARD_KEY,
	M ";dir up 0755 root;dir low 0755 root;file low/key 0604 app", NULL,
	"m/key", "insecure others-read m/key fix", .stage = overlay},
    {"key with an ACL on an overlay", CLV_GUARD_KEY,
	M ";dir up 0755 root;dir low 0755 root;file low/key 0600 app;"
	  "acl low/key u::rw-,u:61002:r--,g::---,o::---",
	NULL, "m/key", "insecure acl-read m/key fix", .stage = overlay},
    {"key on an id-mapped mount that shows it as the application's",
	CLV_GUARD_KEY, "dir a 0755 root;file a/key 0600 other;" M, NULL,
	"m/key", "", .stage = idmapped},
    {"key on an id-mapped mount that shows it as nobody's", CLV_GUARD_KEY,
	"dir a 0755 root;file a/key 0600 app;" M, NULL, "m/key",
	"insecure owner m/key", .stage = idmapped, .ways = ABSOLUTE_PATH},

    {"FUSE run by root", CLV_GUARD_KEY, M, NULL, "m/key", "",
	.stage = fuse_of_root},
    {"FUSE run by root, with an open key", CLV_GUARD_KEY, M, NULL, "m/key",
	"insecure others-read m/key fix", .stage = fuse_of_root_open_key,
	.ways = ABSOLUTE_PATH},
    {"FUSE run by root, with an open directory", CLV_GUARD_KEY, M, NULL,
	"m/key", "insecure others-write m",
	.stage = fuse_of_root_open_directory, .ways = ABSOLUTE_PATH},
    {"FUSE run by the application", CLV_GUARD_KEY, M, NULL, "m/key", "",
	.stage = fuse_of_app},
    {"FUSE run by the application that does not administer", CLV_GUARD_TRUST, M,
	"noadmin", "m", "insecure fuse m", .stage = fuse_of_app},
    {"FUSE run by another account that claims the best", CLV_GUARD_KEY, M, NULL,
	"m/key", "insecure fuse m", .stage = fuse_of_other},
    {"FUSE run by another account, its root directory", CLV_GUARD_TRUST, M,
	NULL, "m", "insecure fuse m", .stage = fuse_of_other},
    {"FUSE run by another account, bound over a file", CLV_GUARD_KEY,
	M ";dir n 0755 root;file n/key 0600 app", NULL, "n/key",
	"insecure fuse n/key", .stage = fuse_of_other_bound},
    {"FUSE run by an administrator, for a trust directory", CLV_GUARD_TRUST, M,
	"admin 61003", "m", "", .stage = fuse_of_admin},
    {"FUSE run by an administrator, for a key", CLV_GUARD_KEY, M, "admin 61003",
	"m/key", "insecure fuse m", .stage = fuse_of_admin},
    {"FUSE left again on the way", CLV_GUARD_KEY,
	M ";dir a 0755 root;file a/key 0600 app", NULL, "m/../a/key",
	"insecure fuse m", .stage = fuse_of_other},
    {"FUSE with an NFSv4 ACL", CLV_GUARD_KEY, M, NULL, "m/key",
	"insecure acl-foreign m/key", .stage = fuse_nfs4},
    {"FUSE with a damaged ACL", CLV_GUARD_KEY, M, NULL, "m/key",
	"insecure acl-foreign m/key", .stage = fuse_broken_acl,
	.become = remain_root},
    {"FUSE with an ACL that is listed but not given", CLV_GUARD_KEY, M, NULL,
	"m/key", "insecure acl-foreign m/key", .stage = fuse_unreadable_acl},
};

GUARD_FAMILY(mounts, "mounts", cases);
