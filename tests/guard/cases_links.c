/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Symbolic and hard links. */

#include "matrix.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS "dir a 0755 root;dir b 0755 root;file b/key 0600 app;"
#define BAD "dir a 0755 root;dir x 0777 root;file x/key 0600 app;"
#define IN_X "insecure group-write x;insecure others-write x"

/* l0 -> l1 -> ... -> a/key, of `count` links. */
static void
make_chain(const char *directory, int count)
{
	char path[4096], target[64];

	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "%s/l%d", directory, i);
		(void)snprintf(target, sizeof(target),
		    i + 1 < count ? "l%d" : "key", i + 1);
		must(symlink(target, path) == 0, path);
	}
}

static void
chain_40(const char *directory)
{
	make_chain(directory, 40);
}

static void
chain_41(const char *directory)
{
	make_chain(directory, 41);
}

static const struct guard_case cases[] = {
    {"link to a key, relative", CLV_GUARD_KEY, KEYS "link a/l ../b/key", NULL,
	"a/l", ""},
    {"link to a key, absolute", CLV_GUARD_KEY, KEYS "link a/l @/b/key", NULL,
	"a/l", ""},
    {"link of the application", CLV_GUARD_KEY, KEYS "link a/l ../b/key app",
	NULL, "a/l", ""},
    {"link of another account", CLV_GUARD_KEY, KEYS "link a/l ../b/key other",
	NULL, "a/l", "insecure link-owner a/l"},
    {"link of an administrator, to a key", CLV_GUARD_KEY,
	KEYS "link a/l ../b/key admin", "admin 61003", "a/l",
	"insecure link-owner a/l"},
    {"link of an administrator, to a trust file", CLV_GUARD_TRUST,
	"dir a 0755 root;file a/f 0644 root;link a/l f admin", "admin 61003",
	"a/l", ""},
    {"link of another account to an open key: nothing is mended by machine",
	CLV_GUARD_KEY, "dir a 0755 root;file a/key 0604 app;link a/l key other",
	NULL, "a/l", "insecure link-owner a/l;insecure others-read a/key"},
    {"link to an open key", CLV_GUARD_KEY,
	"dir a 0755 root;file a/key 0604 app;link a/l key", NULL, "a/l",
	"insecure others-read a/key fix"},
    {"link to a key of another account", CLV_GUARD_KEY,
	"dir a 0755 root;file a/key 0600 other;link a/l key", NULL, "a/l",
	"insecure owner a/key"},
    {"link into a directory everybody may write, relative", CLV_GUARD_KEY,
	BAD "link a/l ../x/key", NULL, "a/l", IN_X},
    {"link into a directory everybody may write, absolute", CLV_GUARD_KEY,
	BAD "link a/l @/x/key", NULL, "a/l", IN_X},
    {"link that lies in a directory everybody may write", CLV_GUARD_KEY,
	"dir x 0777 root;dir b 0755 root;file b/key 0600 app;"
	"link x/l ../b/key",
	NULL, "x/l", IN_X},
    {"directory that is a link", CLV_GUARD_KEY, KEYS "link a/d ../b", NULL,
	"a/d/key", ""},
    {"directory that is a link of another account", CLV_GUARD_KEY,
	KEYS "link a/d ../b other", NULL, "a/d/key", "insecure link-owner a/d"},
    {"directory that is a link into a bad directory", CLV_GUARD_KEY,
	BAD "dir x/d 0755 root;file x/d/key 0600 app;link a/d ../x/d", NULL,
	"a/d/key", IN_X},
    {"link in a sticky directory, of root", CLV_GUARD_KEY,
	"dir s 1777 root;dir b 0755 root;file b/key 0600 app;"
	"link s/l ../b/key",
	NULL, "s/l", ""},
    {"link in a sticky directory, of another account", CLV_GUARD_KEY,
	"dir s 1777 root;dir b 0755 root;file b/key 0600 app;"
	"link s/l ../b/key other",
	NULL, "s/l", "insecure link-owner s/l"},
    {"link whose target goes up", CLV_GUARD_KEY,
	"dir a 0755 root;dir a/b 0755 root;file key 0600 app;"
	"link a/b/l ../../key",
	NULL, "a/b/l", ""},
    {"two dots after a link lead where it leads", CLV_GUARD_KEY,
	"dir a 0755 root;dir b 0755 root;dir b/c 0755 root;"
	"file b/key 0600 app;file a/key 0604 app;link a/l @/b/c",
	NULL, "a/l/../key", ""},
    {"two dots after a link out of a bad directory", CLV_GUARD_KEY,
	"dir a 0755 root;dir x 0777 root;dir x/c 0755 root;"
	"file x/key 0600 app;link a/l ../x/c",
	NULL, "a/l/../key", IN_X},
    {"chain of three links, the last one of another account", CLV_GUARD_KEY,
	KEYS "link a/1 2;link a/2 3;link a/3 ../b/key other", NULL, "a/1",
	"insecure link-owner a/3"},
    {"chain of 40 links", CLV_GUARD_KEY, "file key 0600 app", NULL, "l0", "",
	.stage = chain_40},
    {"chain of 41 links", CLV_GUARD_KEY, "file key 0600 app", NULL, "l0",
	"insecure link-loop l40", .stage = chain_41},
    {"link to itself", CLV_GUARD_KEY, "dir a 0755 root;link a/l l", NULL, "a/l",
	"insecure link-loop a/l"},
    {"two links to each other", CLV_GUARD_KEY,
	"dir a 0755 root;link a/l m;link a/m l", NULL, "a/l",
	"insecure link-loop a/l"},
    {"link to nothing", CLV_GUARD_KEY, "dir a 0755 root;link a/l nothing", NULL,
	"a/l", "error NOT_FOUND"},
    {"link to a file, with a slash at its end", CLV_GUARD_KEY,
	KEYS "link a/l ../b/key", NULL, "a/l/", "error NOT_FOUND"},
    {"link to a directory, with a slash at its end", CLV_GUARD_TRUST,
	"dir a 0755 root;dir b 0775 root;link a/l ../b", NULL, "a/l/",
	"insecure group-write b fix"},
    {"link to a directory", CLV_GUARD_TRUST,
	"dir a 0755 root;dir b 0775 root;link a/l ../b", NULL, "a/l",
	"insecure group-write b fix"},
    {"link to the root directory", CLV_GUARD_TRUST,
	"dir a 0755 root;link a/l /", NULL, "a/l", ""},
    {"link through the current directory of a process", CLV_GUARD_KEY,
	"own . 0755 root", NULL, "/proc/self/cwd",
	"insecure link-magic /proc/self", .ways = ABSOLUTE_PATH},
    {"link of /proc behind a link", CLV_GUARD_KEY,
	"dir a 0755 root;link a/l /proc/1/root/etc/passwd", NULL, "a/l",
	"insecure link-magic /proc/1/root"},
    {"link to a device's name in /proc", CLV_GUARD_KEY,
	"dir a 0755 root;link a/l /proc/mounts", NULL, "a/l",
	"insecure link-magic /proc/mounts"},

    {"key with a second name", CLV_GUARD_KEY,
	"dir a 0755 root;file a/key 0600 app;hard a/second a/key", NULL,
	"a/key", "weak hard-link a/key"},
    {"key with a third name", CLV_GUARD_KEY,
	"dir a 0755 root;file a/key 0600 app;hard a/2 a/key;hard a/3 a/key",
	NULL, "a/key", "weak hard-link a/key"},
    {"trust file with a second name", CLV_GUARD_TRUST,
	"dir a 0755 root;file a/f 0644 root;hard a/second a/f", NULL, "a/f",
	"weak hard-link a/f"},
    {"open key with a second name: nothing is mended by machine", CLV_GUARD_KEY,
	"dir a 0755 root;file a/key 0604 app;hard a/second a/key", NULL,
	"a/key", "weak hard-link a/key;insecure others-read a/key"},
    {"directories have many names anyway", CLV_GUARD_TRUST,
	"dir a 0755 root;dir a/b 0755 root;dir a/c 0755 root", NULL, "a", ""},
};

GUARD_FAMILY(links, "links", cases);
