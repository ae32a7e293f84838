/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Kinds of files, and sizes. */

#include "matrix.h"

static const struct guard_case cases[] = {
    {"FIFO instead of a key", CLV_GUARD_KEY, "dir a 0755 root;fifo a/key", NULL,
	"a/key", "insecure type a/key"},
    {"socket instead of a key", CLV_GUARD_KEY, "dir a 0755 root;socket a/key",
	NULL, "a/key", "insecure type a/key"},
    {"device instead of a key", CLV_GUARD_KEY, "dir a 0755 root;null a/key",
	NULL, "a/key", "insecure type a/key"},
    {"device instead of a trust file", CLV_GUARD_TRUST,
	"dir a 0755 root;null a/f", NULL, "a/f", "insecure type a/f"},
    {"FIFO behind a link", CLV_GUARD_CONFIG,
	"dir a 0755 root;fifo a/f;link a/l f", NULL, "a/l",
	"insecure type a/f"},
    {"FIFO on the way", CLV_GUARD_KEY, "dir a 0755 root;fifo a/d", NULL,
	"a/d/key", "error NOT_FOUND"},
    {"/dev/zero", CLV_GUARD_KEY, "own . 0755 root", NULL, "/dev/zero",
	"insecure type /dev/zero", .ways = ABSOLUTE_PATH},
    {"empty file", CLV_GUARD_KEY,
	"dir a 0755 root;sparse a/key 0;"
	"own a/key 0600 app",
	NULL, "a/key", ""},
    {"file of the default limit", CLV_GUARD_KEY,
	"dir a 0755 root;sparse a/key 67108864;own a/key 0600 app", NULL,
	"a/key", ""},
    {"file over the default limit", CLV_GUARD_KEY,
	"dir a 0755 root;sparse a/key 67108865;own a/key 0600 app", NULL,
	"a/key", "insecure too-large a/key"},
    {"file of 1 GiB without content", CLV_GUARD_KEY,
	"dir a 0755 root;sparse a/key 1073741824;own a/key 0600 app", NULL,
	"a/key", "insecure too-large a/key"},
    {"file of a limit that was set", CLV_GUARD_TRUST,
	"dir a 0755 root;file a/f 0644 root", "max 8", "a/f", ""},
    {"file over a limit that was set", CLV_GUARD_TRUST,
	"dir a 0755 root;file a/f 0644 root", "max 7", "a/f",
	"insecure too-large a/f"},
    {"open key over the limit", CLV_GUARD_KEY,
	"dir a 0755 root;file a/key 0604 app", "max 7", "a/key",
	"insecure too-large a/key;insecure others-read a/key"},
    {"directories have no limit", CLV_GUARD_TRUST, "dir a 0755 root", "max 7",
	"a", ""},
};

GUARD_FAMILY(types, "kinds and sizes", cases);
