/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Several files of an application changed as one. A transaction is written
 * down whole, contents included, as state/redo; the rename that gives it this
 * name commits it. Then the files are put in place, which can be repeated from
 * the start at any time, and the record is removed. Whoever reads while it is
 * there takes what it says instead of what the files say.
 *
 *     claviger-redo 2 <nonce>
 *     list <path>              a TrustList with a change that this record
 *                              decides (trust/decision.h)
 *     event <size>             what the audit log is to say of it, followed
 *                              by the text and a newline
 *     put <size> <path>        followed by the bytes and a newline
 *     end <SHA-256 of all before this line>
 *
 * Paths start at the application's directory or are absolute. Records of
 * version 1, which have neither nonce nor lists, are read as well.
 */
#ifndef CLV_APPLICATION_REDO_H
#define CLV_APPLICATION_REDO_H

#include <claviger/error.h>

#include "application/config.h"
#include "trust/decision.h"

#define CLV_REDO_NAME "redo"
#define CLV_REDO_MAX ((size_t)16 << 20)
/* Certificate and chain of each slot, claviger.conf, the key ledger, and what
 * was done last. */
#define CLV_REDO_FILES (2 * CLV_SLOTS_MAX + 3)

struct clv_redo_file {
	char *path;
	uint8_t *bytes;
	size_t size;
};

struct clv_redo {
	char nonce[CLV_NONCE_SIZE]; /* empty in version 1 */
	char *lists[CLV_GROUPS_MAX];
	size_t list_count;
	char *event; /* NULL: none */
	bool found;  /* read from the disk: parts may have been carried out */
	struct clv_redo_file files[CLV_REDO_FILES];
	size_t count;
};

/* Empty, with a new nonce. */
clv_status clv_redo_new(struct clv_redo **out, clv_error **err);
void clv_redo_free(struct clv_redo **redo);

/* Appends a file; copies. */
clv_status clv_redo_put(struct clv_redo *redo, const char *path,
    const void *bytes, size_t size, clv_error **err);

/* Appends a TrustList; copies. */
clv_status clv_redo_list(
    struct clv_redo *redo, const char *path, clv_error **err);

/* Sets what the audit log is to say (audit.h); takes it over. */
void clv_redo_tell(struct clv_redo *redo, char *event);

/* What the record says of a file, NULL if nothing. `redo` may be NULL. */
const struct clv_redo_file *clv_redo_find(
    const struct clv_redo *redo, const char *path);

/* Free `*text` with free(). */
clv_status clv_redo_encode(
    const struct clv_redo *redo, uint8_t **text, size_t *size, clv_error **err);

/* CLV_CORRUPT unless it is what clv_redo_encode() writes. */
clv_status clv_redo_parse(
    const uint8_t *text, size_t size, struct clv_redo **out, clv_error **err);

#endif
