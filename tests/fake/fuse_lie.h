/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A FUSE file system that claims whatever it is told to: a directory with
 * one file, "key", of any owner and mode. It speaks the kernel's protocol
 * itself, so that it needs no library and no set-user-ID helper.
 */
#ifndef CLV_TESTS_FAKE_FUSE_LIE_H
#define CLV_TESTS_FAKE_FUSE_LIE_H

#include <stdbool.h>

struct fuse_lie {
	unsigned keeper;         /* user_id=: who runs it */
	unsigned owner;          /* of the file, as claimed */
	unsigned mode;           /* of the file: 0100600 */
	unsigned directory_mode; /* of the root: 040755; it is root's */
	bool nfs4_acl;           /* the file has an attribute of that name */
	bool broken_acl;         /* the file has a POSIX ACL that is none */
	bool posix_acl;          /* the kernel is told to believe POSIX ACLs */
	bool others;             /* mounted with allow_other */
};

/* Mounts it, as root; a process serves it until the caller's ends. False
 * with errno on failure. */
bool fuse_lie_mount(const char *mountpoint, const struct fuse_lie *lie);

#endif
