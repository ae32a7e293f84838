/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Every directory on the way, and sticky ones. */

#include "matrix.h"

#include <sys/stat.h>
#include <unistd.h>

#define TREE(a, b, c) \
	"dir a " a ";dir a/b " b ";dir a/b/c " c ";file a/b/c/key 0600 app"
#define FINE "0755 root"
#define LIST(a, b) "dir a " a ";dir a/b " b ";file a/b/f 0644 root"

static const struct guard_case cases[] = {
    {"key below three good directories", CLV_GUARD_KEY, TREE(FINE, FINE, FINE),
	NULL, "a/b/c/key", ""},
    {"key below directories of the application", CLV_GUARD_KEY,
	TREE("0755 app", "0755 app", "0700 app"), NULL, "a/b/c/key", ""},
    {"key below directories that may only be searched", CLV_GUARD_KEY,
	TREE("0711 root", "0711 root", "0711 root"), NULL, "a/b/c/key", ""},
    {"key whose directory everybody may write", CLV_GUARD_KEY,
	TREE(FINE, FINE, "0777 root"), NULL, "a/b/c/key",
	"insecure group-write a/b/c;insecure others-write a/b/c"},
    {"key whose second directory everybody may write", CLV_GUARD_KEY,
	TREE(FINE, "0757 root", FINE), NULL, "a/b/c/key",
	"insecure others-write a/b"},
    {"key whose first directory everybody may write", CLV_GUARD_KEY,
	TREE("0757 root", FINE, FINE), NULL, "a/b/c/key",
	"insecure others-write a"},
    {"key whose directory a group may write", CLV_GUARD_KEY,
	TREE(FINE, FINE, "0775 root"), NULL, "a/b/c/key",
	"insecure group-write a/b/c"},
    {"key whose first directory a group may write", CLV_GUARD_KEY,
	TREE("0775 root", FINE, FINE), NULL, "a/b/c/key",
	"insecure group-write a"},
    {"key whose directory may be written but not searched", CLV_GUARD_KEY,
	TREE(FINE, "0753 root", FINE), NULL, "a/b/c/key",
	"insecure others-write a/b"},
    {"key whose directory belongs to another account", CLV_GUARD_KEY,
	TREE(FINE, FINE, "0755 other"), NULL, "a/b/c/key",
	"insecure owner a/b/c"},
    {"key whose first directory belongs to another account", CLV_GUARD_KEY,
	TREE("0755 other", FINE, FINE), NULL, "a/b/c/key", "insecure owner a"},
    {"key below a directory that its owner may not write", CLV_GUARD_KEY,
	TREE("0555 other", FINE, FINE), NULL, "a/b/c/key", "insecure owner a"},
    {"key below a directory of an administrator", CLV_GUARD_KEY,
	TREE("0755 admin", FINE, FINE), "admin 61003", "a/b/c/key",
	"insecure owner a"},
    {"key below a directory that administrators may write", CLV_GUARD_KEY,
	TREE("0775 root:admins", FINE, FINE), "admins 61010", "a/b/c/key",
	"insecure group-write a"},
    {"key below two bad directories", CLV_GUARD_KEY,
	TREE("0757 root", "0755 other", FINE), NULL, "a/b/c/key",
	"insecure others-write a;insecure owner a/b"},
    {"open key below a bad directory: nothing is mended by machine",
	CLV_GUARD_KEY, "dir a 0757 root;file a/key 0604 app", NULL, "a/key",
	"insecure others-write a;insecure others-read a/key"},
    {"key directory below a bad directory", CLV_GUARD_KEY,
	"dir a 0757 root;dir a/b 0700 root", NULL, "a/b",
	"insecure others-write a"},

    {"key below a sticky directory", CLV_GUARD_KEY,
	TREE("1777 root", FINE, FINE), NULL, "a/b/c/key", ""},
    {"key in a sticky directory", CLV_GUARD_KEY, TREE(FINE, FINE, "1777 root"),
	NULL, "a/b/c/key", ""},
    {"configuration in a sticky directory", CLV_GUARD_CONFIG,
	LIST(FINE, "1777 root"), NULL, "a/b/f", ""},
    {"key in a sticky directory of another account", CLV_GUARD_KEY,
	TREE(FINE, FINE, "1777 other"), NULL, "a/b/c/key",
	"insecure owner a/b/c"},
    {"key of another account in a sticky directory", CLV_GUARD_KEY,
	"dir a 1777 root;file a/key 0600 other", NULL, "a/key",
	"insecure owner a/key"},
    {"directory of another account in a sticky one", CLV_GUARD_KEY,
	TREE("1777 root", "0755 other", FINE), NULL, "a/b/c/key",
	"insecure owner a/b"},
    {"directory of an administrator in a sticky one, for a trust file",
	CLV_GUARD_TRUST, LIST("1777 root", "0755 admin"), "admin 61003",
	"a/b/f", ""},
    {"directory of an administrator in a sticky one, for a key", CLV_GUARD_KEY,
	TREE("1777 root", "0755 admin", FINE), "admin 61003", "a/b/c/key",
	"insecure owner a/b"},
    {"sticky directory that only its group may write", CLV_GUARD_KEY,
	TREE("1775 root", FINE, FINE), NULL, "a/b/c/key", ""},
    {"sticky directory that only its owner may write", CLV_GUARD_KEY,
	TREE("1755 root", FINE, FINE), NULL, "a/b/c/key", ""},
    {"key with a second name in a sticky directory", CLV_GUARD_KEY,
	"dir a 1777 root;dir b 0755 root;file b/key 0600 app;hard a/key b/key",
	NULL, "a/key", "insecure sticky a/key"},
    {"open key with a second name in a sticky directory", CLV_GUARD_KEY,
	"dir a 1777 root;dir b 0755 root;file b/key 0604 app;hard a/key b/key",
	NULL, "a/key", "insecure sticky a/key;insecure others-read a/key"},
    {"key with a second name below a sticky directory", CLV_GUARD_KEY,
	"dir a 1777 root;dir a/b 0755 root;file a/b/key 0600 app;"
	"hard a/b/old a/b/key",
	NULL, "a/b/key", "weak hard-link a/b/key"},
    {"key with a second name in a sticky directory nobody may write",
	CLV_GUARD_KEY,
	"dir a 1755 root;dir b 0755 root;file b/key 0600 app;hard a/key b/key",
	NULL, "a/key", "weak hard-link a/key"},
    {"key with a second name in a sticky directory only others may write",
	CLV_GUARD_KEY,
	"dir a 1757 root;dir b 0755 root;file b/key 0600 app;hard a/key b/key",
	NULL, "a/key", "insecure sticky a/key"},
    {"key with a second name in a sticky directory only a group may write",
	CLV_GUARD_KEY,
	"dir a 1775 root:other;dir b 0755 root;file b/key 0600 app;"
	"hard a/key b/key",
	NULL, "a/key", "insecure sticky a/key"},
    {"trust file in a sticky directory", CLV_GUARD_TRUST,
	LIST(FINE, "1777 root"), NULL, "a/b/f", "insecure sticky a/b"},
    {"trust file in a sticky directory that nobody else may write",
	CLV_GUARD_TRUST, LIST(FINE, "1755 root"), NULL, "a/b/f", ""},
    {"trust file in a sticky directory of administrators", CLV_GUARD_TRUST,
	LIST(FINE, "1775 root:admins"), "admins 61010", "a/b/f", ""},
    {"trust file below a sticky directory", CLV_GUARD_TRUST,
	LIST("1777 root", FINE), NULL, "a/b/f", ""},
    {"trust directory in a sticky directory", CLV_GUARD_TRUST,
	"dir a 1777 root;dir a/b 0755 root", NULL, "a/b", ""},

    {"trust file below a directory that administrators may write",
	CLV_GUARD_TRUST, LIST("0775 root:admins", "0755 root"), "admins 61010",
	"a/b/f", ""},
    {"trust file below a directory that another group may write",
	CLV_GUARD_TRUST, LIST("0775 root:other", "0755 root"), "admins 61010",
	"a/b/f", "insecure group-write a"},
    {"trust file below a directory of an administrator", CLV_GUARD_TRUST,
	LIST("0755 admin", "0755 admin"), "admin 61003", "a/b/f", ""},
    {"trust file below a directory of the application that does not "
     "administer",
	CLV_GUARD_TRUST, LIST("0755 root", "0755 app"), "noadmin", "a/b/f",
	"insecure owner a/b"},
    {"configuration below a directory everybody may write", CLV_GUARD_CONFIG,
	LIST("0757 root", "0755 root"), NULL, "a/b/f",
	"insecure others-write a"},
    {"configuration below a directory of another account", CLV_GUARD_CONFIG,
	LIST("0755 root", "0755 other"), NULL, "a/b/f", "insecure owner a/b"},

    {"path with dots and doubled slashes", CLV_GUARD_KEY,
	TREE(FINE, FINE, FINE), NULL, "a/./b//c/././key", ""},
    {"path that goes up and down again", CLV_GUARD_KEY, TREE(FINE, FINE, FINE),
	NULL, "a/b/../b/c/../c/key", ""},
    {"path that goes up through a bad directory", CLV_GUARD_KEY,
	"dir a 0755 root;dir a/x 0777 root;file a/key 0600 app", NULL,
	"a/x/../key", "insecure group-write a/x;insecure others-write a/x"},
    {"bad directory met twice is reported once", CLV_GUARD_KEY,
	TREE("0757 root", FINE, FINE), NULL, "a/b/../b/c/key",
	"insecure others-write a"},
    {"path that goes up above the root", CLV_GUARD_KEY, TREE(FINE, FINE, FINE),
	NULL, "../../../../../../etc/nonexistent-claviger", "error NOT_FOUND"},
    {"directory named with a slash at its end", CLV_GUARD_TRUST,
	"dir a 0775 root", NULL, "a/", "insecure group-write a fix"},
    {"directory named as its own dot", CLV_GUARD_TRUST, "dir a 0775 root", NULL,
	"a/.", "insecure group-write a fix"},
    {"directory named as the parent of its entry", CLV_GUARD_TRUST,
	"dir a 0775 root;dir a/b 0755 root", NULL, "a/b/..",
	"insecure group-write a fix"},
    {"the case's directory itself", CLV_GUARD_TRUST, "own . 0775 root", NULL,
	".", "insecure group-write . fix"},
    {"the root directory", CLV_GUARD_TRUST, "own . 0755 root", NULL, "/", "",
	.ways = ABSOLUTE_PATH},

    {"file that is not there", CLV_GUARD_KEY, "dir a 0755 root", NULL, "a/key",
	"error NOT_FOUND"},
    {"directory on the way that is not there", CLV_GUARD_KEY, "dir a 0755 root",
	NULL, "a/b/key", "error NOT_FOUND"},
    {"file where a directory should be", CLV_GUARD_KEY, "file a 0600 app", NULL,
	"a/key", "error NOT_FOUND"},
    {"file named with a slash at its end", CLV_GUARD_KEY, "file a 0600 app",
	NULL, "a/", "error NOT_FOUND"},
    {"file named as a directory's dot", CLV_GUARD_KEY, "file a 0600 app", NULL,
	"a/.", "error NOT_FOUND"},
    {"name that is too long", CLV_GUARD_KEY, "dir a 0755 root", NULL,
	"a/"
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	"nn"
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	"nn"
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	"nn"
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
	"error INVALID"},
    {"name that is as long as can be", CLV_GUARD_KEY, "dir a 0755 root", NULL,
	"a/"
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	"nn"
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	"nn"
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	"nn"
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
	"error NOT_FOUND"},
};

GUARD_FAMILY(ancestors, "directories on the way", cases);
