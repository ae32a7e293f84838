/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Builds and removes the arrangements of the matrix. */

#include "matrix.h"

#include <acl/libacl.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

void
must(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	_exit(99);
}

static const struct {
	const char *name;
	unsigned id;
} accounts[] = {{"root", ROOT}, {"app", APP}, {"other", OTHER},
    {"admin", ADMIN}, {"member", MEMBER}, {"admins", ADMINS},
    {"readers", READERS}, {"nobody", NOBODY}};

static unsigned
account(const char *name)
{
	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++)
		if (strcmp(accounts[i].name, name) == 0)
			return accounts[i].id;
	fprintf(stderr, "no account %s\n", name);
	_exit(99);
}

/* MODE OWNER[:GROUP]; the group is the owner's by default. */
static void
set_rights(const char *path, const char *mode, char *owner)
{
	char *group = strchr(owner, ':');

	if (group != NULL)
		*group++ = '\0';
	must(lchown(path, account(owner),
		 account(group != NULL ? group : owner)) == 0,
	    path);
	must(chmod(path, (mode_t)strtoul(mode, NULL, 8)) == 0, path);
}

static void
make_file(const char *path)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	must(fd >= 0 && write(fd, "content\n", 8) == 8, path);
	must(close(fd) == 0, path);
}

static void
make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	must(strlen(path) < sizeof(address.sun_path), "short socket path");
	memcpy(address.sun_path, path, strlen(path));
	must(fd >= 0 &&
		bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
	    path);
	must(close(fd) == 0, path);
}

/* With a mask as setfacl(1) computes it, unless one is given. */
static void
set_acl(const char *path, acl_type_t type, const char *entries)
{
	acl_t acl = acl_from_text(entries);

	must(acl != NULL, entries);
	if (strstr(entries, "m::") == NULL)
		must(acl_calc_mask(&acl) == 0, entries);
	must(acl_valid(acl) == 0, entries);
	must(acl_set_file(path, type, acl) == 0, path);
	acl_free(acl);
}

/* '@' is the case's directory. */
static void
make_link(const char *directory, const char *path, const char *target,
    const char *owner)
{
	char full[4096];

	(void)snprintf(full, sizeof(full), "%s%s",
	    *target == '@' ? directory : "",
	    *target == '@' ? target + 1 : target);
	must(symlink(full, path) == 0, path);
	if (owner != NULL)
		must(lchown(path, account(owner), account(owner)) == 0, path);
}

static void
run_step(const char *directory, char *step)
{
	char *words[4] = {NULL}, *rest = NULL;
	char path[4096], other[4096];

	for (int i = 0; i < 4; i++)
		words[i] = strtok_r(i == 0 ? step : NULL, " ", &rest);
	must(words[0] != NULL && words[1] != NULL, "a step has words");
	(void)snprintf(path, sizeof(path), "%s/%s", directory, words[1]);

	if (strcmp(words[0], "dir") == 0) {
		must(mkdir(path, 0700) == 0, path);
		set_rights(path, words[2], words[3]);
	} else if (strcmp(words[0], "file") == 0) {
		make_file(path);
		set_rights(path, words[2], words[3]);
	} else if (strcmp(words[0], "own") == 0) {
		set_rights(path, words[2], words[3]);
	} else if (strcmp(words[0], "link") == 0) {
		make_link(directory, path, words[2], words[3]);
	} else if (strcmp(words[0], "hard") == 0) {
		(void)snprintf(
		    other, sizeof(other), "%s/%s", directory, words[2]);
		must(link(other, path) == 0, path);
	} else if (strcmp(words[0], "acl") == 0) {
		set_acl(path, ACL_TYPE_ACCESS, words[2]);
	} else if (strcmp(words[0], "default") == 0) {
		set_acl(path, ACL_TYPE_DEFAULT, words[2]);
	} else if (strcmp(words[0], "fifo") == 0) {
		must(mkfifo(path, 0600) == 0, path);
	} else if (strcmp(words[0], "socket") == 0) {
		make_socket(path);
	} else if (strcmp(words[0], "null") == 0) {
		must(mknod(path, S_IFCHR | 0600, makedev(1, 3)) == 0, path);
	} else if (strcmp(words[0], "sparse") == 0) {
		make_file(path);
		must(truncate(path, atoll(words[2])) == 0, path);
		must(lchown(path, APP, APP) == 0, path);
	} else if (strcmp(words[0], "ntacl") == 0) {
		must(setxattr(path, "security.NTACL", "x", 1, 0) == 0, path);
	} else {
		errno = EINVAL;
		must(false, words[0]);
	}
}

void
guard_lab_build(const char *directory, const char *steps)
{
	char *copy = strdup(steps), *rest = NULL;

	must(copy != NULL && mkdir(directory, 0755) == 0, directory);
	/* Whatever the umask is. */
	must(chmod(directory, 0755) == 0, directory);
	for (char *step = strtok_r(copy, ";", &rest); step != NULL;
	     step = strtok_r(NULL, ";", &rest))
		run_step(directory, step);
	free(copy);
}

static int
remove_one(
    const char *path, const struct stat *stat, int flag, struct FTW *place)
{
	(void)stat;
	(void)flag;
	(void)place;
	return remove(path);
}

void
guard_lab_remove(const char *directory)
{
	must(nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0,
	    directory);
}
