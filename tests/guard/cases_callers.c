/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Who asks: set-user-ID programs, groups, capabilities, user namespaces,
 * processes whose directory has gone. */

#include "matrix.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "namespaces.h"

static void
become(uid_t real, uid_t effective, size_t count, const gid_t *groups)
{
	must(setgroups(count, groups) == 0, "groups");
	must(setresgid(real, effective, effective) == 0, "group");
	must(setresuid(real, effective, effective) == 0, "user");
}

static void
application(void)
{
	become(APP, APP, 0, NULL);
}

/* A set-user-ID program of the application, started by another account. */
static void
set_user_id(void)
{
	become(OTHER, APP, 0, NULL);
}

static void
set_user_id_root(void)
{
	become(OTHER, 0, 0, NULL);
}

/* The application's program, started by root. */
static void
started_by_root(void)
{
	become(0, APP, 0, NULL);
}

static void
in_groups(void)
{
	const gid_t groups[] = {ADMINS, READERS, OTHER};

	become(APP, APP, 3, groups);
}

/* As the application, but allowed to read everything. */
static void
with_capability(void)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
	    {.effective = 1U << CAP_DAC_OVERRIDE,
		.permitted = 1U << CAP_DAC_OVERRIDE}};

	must(prctl(PR_SET_KEEPCAPS, 1) == 0, "keep capabilities");
	application();
	must(syscall(SYS_capset, &header, data) == 0, "set capabilities");
}

/* Root's number without root's powers. */
static void
without_capabilities(void)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{.effective = 0}};

	must(syscall(SYS_capset, &header, data) == 0, "set capabilities");
}

/* MEMBER becomes a member of ADMINS by a group file, ADMIN by his first
 * group; both files are seen in this namespace only. */
static void
accounts(const char *directory)
{
	static const struct {
		const char *name, *text, *target;
	} files[] = {
	    {"passwd",
		"root:x:0:0::/:/bin/sh\nmember:x:61004:61004::/:/bin/sh\n"
		"first:x:61003:61010::/:/bin/sh\n"
		"other:x:61002:61002::/:/bin/sh\n",
		"/etc/passwd"},
	    {"group",
		"root:x:0:\nplant:x:61010:member\nreaders:x:61020:other\n",
		"/etc/group"},
	};
	char path[512];

	for (size_t i = 0; i < 2; i++) {
		FILE *file;

		(void)snprintf(
		    path, sizeof(path), "%s/%s", directory, files[i].name);
		file = fopen(path, "w");
		must(file != NULL && fputs(files[i].text, file) >= 0 &&
			fclose(file) == 0,
		    path);
		must(mount(path, files[i].target, NULL, MS_BIND, NULL) == 0,
		    files[i].target);
	}
}

static void
change_root(void)
{
	must(chroot("/usr") == 0, "chroot");
}

/* /proc is there, but what is judged lies outside of the new root. */
static void
change_root_with_proc(const char *directory)
{
	char jail[512], proc[520];

	(void)snprintf(jail, sizeof(jail), "%s/jail", directory);
	(void)snprintf(proc, sizeof(proc), "%s/proc", jail);
	must(mount("proc", proc, "proc", 0, NULL) == 0, "mount proc");
	must(chroot(jail) == 0, "chroot");
}

#define KEY(mode, owner) "dir d 0755 root;file d/key " mode " " owner
#define FILE_OF(mode, owner) "dir d 0755 root;file d/f " mode " " owner

static const struct guard_case cases[] = {
    {"set-user-ID: the application's key", CLV_GUARD_KEY, KEY("0600", "app"),
	NULL, "d/key", "", .become = set_user_id},
    {"set-user-ID: the caller's key", CLV_GUARD_KEY, KEY("0600", "other"), NULL,
	"d/key", "insecure owner d/key", .become = set_user_id},
    {"set-user-ID: the caller's directory", CLV_GUARD_KEY,
	"dir d 0755 other;file d/key 0600 app", NULL, "d/key",
	"insecure owner d", .become = set_user_id},
    {"set-user-ID: the caller's link", CLV_GUARD_KEY,
	KEY("0600", "app") ";link d/l key other", NULL, "d/l",
	"insecure link-owner d/l", .become = set_user_id},
    {"set-user-ID: the caller's configuration", CLV_GUARD_CONFIG,
	FILE_OF("0644", "other"), NULL, "d/f", "insecure owner d/f",
	.become = set_user_id},
    {"set-user-ID root: the caller's key", CLV_GUARD_KEY, KEY("0600", "other"),
	NULL, "d/key", "insecure owner d/key", .become = set_user_id_root},
    {"started by root: the application's key", CLV_GUARD_KEY,
	KEY("0600", "app"), NULL, "d/key", "", .become = started_by_root},

    {"supplementary group that may read the key", CLV_GUARD_KEY,
	KEY("0640", "app:readers"), NULL, "d/key",
	"insecure group-read d/key fix", .become = in_groups},
    {"supplementary group that may write the trust file", CLV_GUARD_TRUST,
	FILE_OF("0664", "root:admins"), NULL, "d/f",
	"insecure group-write d/f fix", .become = in_groups},
    {"own group that may read the key", CLV_GUARD_KEY, KEY("0640", "app:app"),
	NULL, "d/key", "insecure group-read d/key fix", .become = application},
    {"supplementary group that is set to administer", CLV_GUARD_TRUST,
	FILE_OF("0664", "root:admins"), "admins 61010", "d/f", "",
	.become = in_groups},

    {"capability: root's key", CLV_GUARD_KEY, KEY("0600", "root"), NULL,
	"d/key", "", .become = with_capability},
    {"capability: another account's key", CLV_GUARD_KEY, KEY("0600", "other"),
	NULL, "d/key", "insecure owner d/key", .become = with_capability},
    {"no capability: root's key is not the application's to read",
	CLV_GUARD_KEY, KEY("0600", "root"), NULL, "d/key", "",
	.become = application},
    {"no capability: root's own key", CLV_GUARD_KEY, KEY("0600", "root"),
	"app 0", "d/key", "", .become = without_capabilities},
    {"directory that the caller may not search", CLV_GUARD_KEY,
	"dir d 0700 root;file d/key 0600 app", NULL, "d/key",
	"error PERMISSION", .become = application},
    {"directory that the caller may search but not list", CLV_GUARD_KEY,
	"dir d 0711 root;file d/key 0600 app", NULL, "d/key", "",
	.become = application},
    {"directory that the caller may not list, and others may write",
	CLV_GUARD_KEY, "dir d 0713 root;file d/key 0600 app", NULL, "d/key",
	"insecure others-write d", .become = application},

    {"user namespace: the application's key", CLV_GUARD_KEY, KEY("0600", "app"),
	NULL, "d/key", "", .become = enter_user_namespace},
    {"user namespace: key of an unmapped account", CLV_GUARD_KEY,
	KEY("0600", "other"), NULL, "d/key", "insecure owner-unmapped d/key",
	.become = enter_user_namespace},
    {"user namespace: key of an unmapped account, allowed", CLV_GUARD_KEY,
	KEY("0600", "other"), "unmapped", "d/key", "weak owner-unmapped d/key",
	.become = enter_user_namespace},
    {"user namespace: directory of an unmapped account", CLV_GUARD_KEY,
	"dir d 0755 other;file d/key 0600 app", NULL, "d/key",
	"insecure owner-unmapped d", .become = enter_user_namespace},
    {"user namespace: link of an unmapped account", CLV_GUARD_KEY,
	KEY("0600", "app") ";link d/l key other", NULL, "d/l",
	"insecure owner-unmapped d/l", .become = enter_user_namespace},
    {"user namespace: trust file of an unmapped account", CLV_GUARD_TRUST,
	FILE_OF("0644", "other"), NULL, "d/f", "insecure owner-unmapped d/f",
	.become = enter_user_namespace},
    {"user namespace: the application has the number of the unmapped",
	CLV_GUARD_KEY, KEY("0600", "other"), "app 65534", "d/key",
	"insecure owner-unmapped d/key", .become = enter_user_namespace},
    {"user namespace: an administrator has the number of the unmapped",
	CLV_GUARD_TRUST, FILE_OF("0644", "other"), "admin 65534", "d/f",
	"insecure owner-unmapped d/f", .become = enter_user_namespace},
    {"user namespace: administrators have the number of the unmapped",
	CLV_GUARD_TRUST, FILE_OF("0664", "root:other"), "admins 65534", "d/f",
	"insecure group-write d/f fix", .become = enter_user_namespace},
    {"user namespace: readers have the number of the unmapped", CLV_GUARD_KEY,
	KEY("0640", "app:other"), "readers 65534", "d/key",
	"insecure group-read d/key fix", .become = enter_user_namespace},
    {"user namespace: ACL entry of an unmapped account", CLV_GUARD_KEY,
	KEY("0600", "app") ";acl d/key u::rw-,u:61002:r--,g::---,o::---", NULL,
	"d/key", "insecure acl-read d/key fix", .become = enter_user_namespace},
    {"no user namespace: nobody is just another account, allowed or not",
	CLV_GUARD_KEY, KEY("0600", "nobody"), "unmapped", "d/key",
	"insecure owner d/key"},
    {"no user namespace: the application is nobody", CLV_GUARD_KEY,
	KEY("0600", "nobody"), "app 65534", "d/key", ""},
    {"no user namespace: the administrators are group nobody", CLV_GUARD_TRUST,
	FILE_OF("0664", "root:nobody"), "admins 65534", "d/f", ""},
    {"no user namespace: the readers are group nobody", CLV_GUARD_KEY,
	KEY("0640", "app:nobody"), "readers 65534", "d/key",
	"weak group-read d/key"},

    {"trust file of a member of the administrators", CLV_GUARD_TRUST,
	FILE_OF("0644", "member"), "admins 61010", "d/f", "",
	.stage = accounts},
    {"trust file of an account whose first group administers", CLV_GUARD_TRUST,
	FILE_OF("0644", "admin"), "admins 61010", "d/f", "", .stage = accounts},
    {"trust file of a member of another group", CLV_GUARD_TRUST,
	FILE_OF("0644", "other"), "admins 61010", "d/f", "insecure owner d/f",
	.stage = accounts},
    {"trust file of a member, and no group administers", CLV_GUARD_TRUST,
	FILE_OF("0644", "member"), NULL, "d/f", "insecure owner d/f",
	.stage = accounts},
    {"key of a member of the administrators", CLV_GUARD_KEY,
	KEY("0600", "member"), "admins 61010", "d/key", "insecure owner d/key",
	.stage = accounts},
    {"trust file whose ACL lets a member write", CLV_GUARD_TRUST,
	FILE_OF("0644", "root") ";acl d/f u::rw-,u:61004:rw-,g::r--,o::r--",
	"admins 61010", "d/f", "", .stage = accounts},
    {"trust file of administrators named by their group's name",
	CLV_GUARD_TRUST, FILE_OF("0664", "root:admins"), "admins plant", "d/f",
	"", .stage = accounts},
    {"trust file of an administrator named by name", CLV_GUARD_TRUST,
	FILE_OF("0644", "member"), "admin member", "d/f", "",
	.stage = accounts},

    {"no /proc", CLV_GUARD_KEY, KEY("0600", "app"), NULL, "d/key",
	"error UNSUPPORTED", .become = change_root, .ways = BELOW_DESCRIPTOR},
    {"directory that is not below the root directory", CLV_GUARD_KEY,
	KEY("0600", "app") ";dir jail 0755 root;dir jail/proc 0755 root", NULL,
	"d/key", "insecure unreachable .", .stage = change_root_with_proc,
	.ways = BELOW_DESCRIPTOR},
};

GUARD_FAMILY(callers, "callers", cases);
