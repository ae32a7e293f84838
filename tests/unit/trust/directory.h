/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* TrustList directories for tests. Every function aborts the test on failure
 * of the system. */
#ifndef CLV_TEST_DIRECTORY_H
#define CLV_TEST_DIRECTORY_H

#include <claviger/trust.h>

#include "pki.h"

struct directory {
	char path[80]; /* the TrustList */
	char base[64]; /* private, around it */
};

/* An empty TrustList layout in a private directory. */
void directory_make(struct directory *directory);
void directory_remove(struct directory *directory);

/* Paths are relative to the TrustList. Writing is whole: by rename. */
void directory_write(const struct directory *directory, const char *path,
    const struct blob *content);
/* In place, as cp does. */
void directory_overwrite(const struct directory *directory, const char *path,
    const void *bytes, size_t size);
void directory_delete(const struct directory *directory, const char *path);
void directory_rename(
    const struct directory *directory, const char *from, const char *to);
bool directory_has(const struct directory *directory, const char *path);
size_t directory_count(const struct directory *directory, const char *path);
const char *directory_path(
    const struct directory *directory, const char *path, char buffer[512]);

/* How many entries the lists of the mask have, by the next check. */
size_t trust_count(clv_trust *trust, unsigned lists);
/* Whether a list has this certificate or CRL. */
bool trust_has(clv_trust *trust, clv_trust_mask list, const struct blob *der);
size_t trust_problems(clv_trust *trust);
/* The StatusCode of a verification without revocation checks unless `crl`. */
clv_statuscode trust_verdict(
    clv_trust *trust, const struct blob *chain, uint32_t validation);

#endif
