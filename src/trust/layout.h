/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The directories of a TrustList (OPC 10000-12, F.1), pinned by descriptors:
 *
 *     trusted/{certs,crl}  issuer/{certs,crl}     what is trusted
 *     rejected/certs                              who was turned away
 *     own/{certs,private}                         the application's own
 *     .claviger                                   lock and journal of writers
 *
 * The name "issuers", which node-opcua and older Milo use, is taken where
 * there is no "issuer".
 */
#ifndef CLV_TRUST_LAYOUT_H
#define CLV_TRUST_LAYOUT_H

#include <claviger/guard.h>

#include <sys/stat.h>

/* The four lists, in the order of TrustListDataType. */
enum clv_trust_folder {
	CLV_FOLDER_TRUSTED_CERTS,
	CLV_FOLDER_TRUSTED_CRL,
	CLV_FOLDER_ISSUER_CERTS,
	CLV_FOLDER_ISSUER_CRL,
	CLV_FOLDER_COUNT
};

#define CLV_STATE_FOLDER ".claviger"

struct clv_layout {
	char *path; /* absolute; may lead through symbolic links */
	int root;
	int state;                     /* .claviger; -1: not there */
	int lists[2];                  /* trusted, issuer; -1: not there */
	int folders[CLV_FOLDER_COUNT]; /* -1: not there, so empty */
	struct stat about[CLV_FOLDER_COUNT]; /* of the folders, as judged */
	const char *names[CLV_FOLDER_COUNT]; /* such as "issuers/crl" */
	uint64_t device; /* of the root when it was opened */
	uint64_t inode;
};

/* clang-format off */
#define CLV_LAYOUT_INIT {.root = -1, .state = -1, .lists = {-1, -1}, \
	.folders = {-1, -1, -1, -1}}
/* clang-format on */

/* An absolute path for the same place, without looking at what is there and
 * without a slash at its end. */
clv_status clv_layout_absolute(
    const char *path, char **absolute, clv_error **err);

/*
 * Judges the directories under CLV_GUARD_TRUST and pins them. `path` is
 * absolute. What `layout` held is given up only on success. CLV_NOT_FOUND if
 * there is no such directory, CLV_POLICY if it is insecure.
 */
clv_status clv_layout_open(const clv_guard *guard, const char *path,
    struct clv_layout *layout, clv_error **err);
/* CLV_INVALID for a directory in which something is, but nothing of the above:
 * most likely another one was meant. Nothing in it is a new TrustList. */
clv_status clv_layout_recognise(
    const struct clv_layout *layout, clv_error **err);
/* Whether the paths still lead to the directories that are pinned. */
bool clv_layout_is_current(const struct clv_layout *layout);
void clv_layout_close(struct clv_layout *layout);

/*
 * Makes what is missing, durably, and tells whether something was. `path` is
 * absolute, its parent must be there. New directories are 0755, own/private is
 * 0700; where the directory above lets its group write, they do, too.
 */
clv_status clv_layout_create(const char *path, bool *made, clv_error **err);

/* The same for what a change needs, and only that: .claviger and the folders
 * of both lists. */
clv_status clv_layout_complete(
    const struct clv_layout *layout, bool *made, clv_error **err);

#endif
