/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * One change of a TrustList, from the writer lock to the disk:
 *
 *     begin; any of put, drop, add, remove, replace; commit; end
 *
 * Nothing is written before commit. What is put or dropped later counts more,
 * and drops find what was put before. See prepare.h for a change that is
 * decided elsewhere.
 */
#ifndef CLV_TRUST_CHANGE_H
#define CLV_TRUST_CHANGE_H

#include "trust/content.h"
#include "trust/list.h"

struct clv_change {
	clv_trust *trust;
	struct clv_layout layout; /* the writer's own */
	int lock;
	bool draft; /* nothing is locked or written */
	struct clv_journal *ops;
	clv_trust_change result;
	/* What another writer had left when this one began. */
	enum clv_journal_found found;
	size_t swept; /* temporary files that it had left, too */
};

/* Judges the directories, makes what is missing of them, takes the locks, and
 * finishes or discards what another writer left. Call clv_change_end() in any
 * case. */
clv_status clv_change_begin(
    struct clv_change *change, clv_trust *trust, clv_error **err);
/* The same without locks: to try what a change would come to. Another writer
 * may be at it; nothing can be committed. */
clv_status clv_change_draft(
    struct clv_change *change, clv_trust *trust, clv_error **err);
void clv_change_end(struct clv_change *change);

/* Adds a certificate to `where`, or a CRL to the CRLs of `where`, unless the
 * same file is there already. */
clv_status clv_change_put_cert(struct clv_change *change,
    const struct clv_trust_cert *cert, enum clv_trust_where where,
    clv_error **err);
clv_status clv_change_put_crl(struct clv_change *change,
    const struct clv_trust_crl *crl, enum clv_trust_where where,
    clv_error **err);

/* All that `bytes` hold, as clv_trust_add() says. `path` is for errors. */
clv_status clv_change_put_bytes(struct clv_change *change,
    enum clv_trust_where where, const uint8_t *bytes, size_t size,
    const char *path, clv_error **err);

/*
 * Drops every entry for which `fn` is true. Files that hold others, too, are
 * replaced by one file for each of those. With `broken`, files of the lists
 * in that mask that hold nothing readable are dropped as well.
 */
typedef bool clv_change_fn(void *user, const struct clv_trust_entry *entry);
clv_status clv_change_drop(struct clv_change *change, clv_change_fn *fn,
    void *user, unsigned broken, clv_error **err);

/* As clv_trust_add() and clv_trust_remove() say; edit.c. */
clv_status clv_change_add(struct clv_change *change, clv_trust_mask list,
    const void *bytes, size_t size, clv_error **err);
clv_status clv_change_remove(struct clv_change *change, unsigned lists,
    const char *thumbprint, clv_error **err);

/* The list as it will be. The caller gives it up. */
clv_status clv_change_snapshot(
    struct clv_change *change, clv_trust_snapshot **out, clv_error **err);

/* Takes out what would change nothing, and counts the rest in `result`. */
void clv_change_sift(struct clv_change *change);
/* Carries out the journal that has been committed with the operations. */
clv_status clv_change_apply(struct clv_change *change, clv_error **err);

/* Writes what makes a difference, and counts it in `result`. */
clv_status clv_change_commit(struct clv_change *change, clv_error **err);

#endif
