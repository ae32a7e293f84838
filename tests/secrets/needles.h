/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What must not be found in a process's memory. */
#ifndef CLV_TESTS_NEEDLES_H
#define CLV_TESTS_NEEDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evp_pkey_st;

/* A secret is looked for in pieces, so that a part of it is found as well. */
#define PIECE_SIZE 16U
#define NEEDLES_MAX 40U

struct needle {
	char name[24];
	uint8_t *bytes;
	size_t size;
};

struct needles {
	struct needle needle[NEEDLES_MAX];
	size_t count;
	/* Filled by the scanner: how often each was found. */
	size_t hits[NEEDLES_MAX];
};

void needles_add(
    struct needles *needles, const char *name, const void *bytes, size_t size);
/* The same, and turned round, as OpenSSL's numbers lie in memory. */
void needles_add_number(
    struct needles *needles, const char *name, const void *bytes, size_t size);
/* All private numbers of a key. */
void needles_add_key(struct needles *needles, struct evp_pkey_st *pkey);
void needles_clear(struct needles *needles);

/* Counts in `hits` what is found in a process's memory, or in a file. False
 * if it can't be read. */
bool needles_scan_process(struct needles *needles, int pid);
bool needles_scan_file(struct needles *needles, const char *path);
size_t needles_hits(const struct needles *needles);
/* Prints what was found, and where it was found last. */
void needles_tell(const struct needles *needles, const char *where);

#endif
