/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Several files of a TrustList changed as one. A change is written down
 * whole, contents included, as .claviger/journal; the rename that gives it
 * this name commits it. Then it is carried out file by file, which can be
 * repeated from the start at any time, and the journal is removed. Whoever
 * reads the list while the journal is there takes what it says instead of
 * what it finds in the folders, and so sees the old list or the new one.
 *
 *     claviger-trust-journal 1 <nonce>
 *     when <nonce> <path>                 in some: see decision.h
 *     add <folder> <size> <name>          followed by the bytes and a newline
 *     remove <folder> <name>
 *     end <SHA-256 of all before this line>
 *
 * Folders are numbered as in layout.h, names are percent-encoded, lines are in
 * the order of both. A path is absolute or starts at the TrustList's
 * directory. With "when", what is committed is only half of a change: it
 * counts once the record at that path says so. Until then readers leave it
 * alone and ask again; a writer who meets it discards it, since whoever is
 * still to decide holds the writer lock.
 * .claviger/done holds the nonce of the last journal that was carried out, so
 * that one which could not be removed is not taken for a new one.
 */
#ifndef CLV_TRUST_JOURNAL_H
#define CLV_TRUST_JOURNAL_H

#include "trust/decision.h"
#include "trust/layout.h"

#define CLV_JOURNAL_NAME "journal"
#define CLV_JOURNAL_DONE "done"

/* What becomes of one file. */
struct clv_trust_op {
	bool remove;
	enum clv_trust_folder folder;
	char *name;     /* owned */
	uint8_t *bytes; /* owned by the op, or NULL: in the journal's text */
	const uint8_t *content;
	size_t size;
	size_t order;
};

struct clv_journal {
	char nonce[CLV_NONCE_SIZE];
	struct clv_decision when; /* no path: it counts */
	struct clv_trust_op *ops;
	size_t count;
	size_t capacity;
	uint8_t *text; /* what it was read from, or NULL */
};

/* Empty, with a new nonce. */
clv_status clv_journal_new(struct clv_journal **out, clv_error **err);
void clv_journal_free(struct clv_journal **journal);

/* Whether a name can be that of a certificate's or CRL's file: one component,
 * not hidden, at most NAME_MAX bytes. */
bool clv_journal_is_name(const char *name);

/* Appends; both copy. CLV_INVALID for a name that is none. */
clv_status clv_journal_add(struct clv_journal *journal,
    enum clv_trust_folder folder, const char *name, const void *bytes,
    size_t size, clv_error **err);
clv_status clv_journal_remove(struct clv_journal *journal,
    enum clv_trust_folder folder, const char *name, clv_error **err);

/* Sorts the operations by folder and name and keeps only the last on each
 * file. Needed before all that follows. */
void clv_journal_seal(struct clv_journal *journal);

/* The operation on a file, NULL if there is none. `journal` may be NULL. */
const struct clv_trust_op *clv_journal_find(const struct clv_journal *journal,
    enum clv_trust_folder folder, const char *name);

/* Free `*text` with free(). */
clv_status clv_journal_encode(const struct clv_journal *journal, uint8_t **text,
    size_t *size, clv_error **err);
/* Takes over `text`, also on failure, which is CLV_CORRUPT. */
clv_status clv_journal_parse(
    uint8_t *text, size_t size, struct clv_journal **out, clv_error **err);

/* What a journal on disk is to those who find it. */
enum clv_journal_found {
	CLV_JOURNAL_NONE,
	CLV_JOURNAL_OVER,    /* carried out: only its file was left behind */
	CLV_JOURNAL_WAITING, /* not decided */
	CLV_JOURNAL_IN_FORCE /* committed, not carried out */
};

/*
 * The journal that waits or is in force; else NULL. One that is damaged or
 * insecure, or of which nobody can tell whether it is decided, is an error:
 * then nobody knows what the list is meant to be.
 */
clv_status clv_journal_read(const clv_guard *guard,
    const struct clv_layout *layout, struct clv_journal **out,
    enum clv_journal_found *found, clv_error **err);

/* Commits: durable when it returns. The caller holds the writer lock. */
clv_status clv_journal_commit(const struct clv_layout *layout,
    const struct clv_journal *journal, clv_error **err);
/* Carries out a committed journal and removes it. Repeatable. The caller
 * holds the writer lock. */
clv_status clv_journal_apply(const struct clv_layout *layout,
    const struct clv_journal *journal, clv_error **err);

#endif
