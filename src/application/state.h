/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * DIR/state, where transactions are recorded:
 *
 *     lock    whoever holds its lock may change the application
 *     redo    what has been committed and not yet put in place (redo.h)
 *     keys    keys that no slot uses (ledger.h)
 *     last    what the last transaction was (generation.h)
 */
#ifndef CLV_APPLICATION_STATE_H
#define CLV_APPLICATION_STATE_H

#include <claviger/transaction.h>

#include "application/application.h"
#include "application/generation.h"
#include "application/ledger.h"
#include "application/redo.h"

#define CLV_STATE_NAME "state"

/* A directory and the right to change what is in it. */
struct clv_state {
	int directory;
	int lock;
};

/* clang-format off */
#define CLV_STATE_INIT {-1, -1}
/* clang-format on */

/* Takes the writer lock; makes the directory if it is missing. Waits up to
 * `wait_ms`, then CLV_BUSY. CLV_PERMISSION for readers. */
clv_status clv_state_lock(const clv_application *application, int wait_ms,
    struct clv_state *state, clv_error **err);
void clv_state_unlock(struct clv_state *state);

/* The record of an unfinished transaction; NULL if there is none. Needs no
 * lock. `guard` judges the record. */
clv_status clv_state_read_redo(const clv_guard *guard, int directory,
    struct clv_redo **out, clv_error **err);

/*
 * What was committed last: what the record says while there is one, else what
 * state/last says; empty if nothing ever was, as in directories that are older
 * than state/last. Needs no lock. `directory` is the application's. Clear
 * `*out` with clv_generation_clear().
 */
clv_status clv_state_read_generation(const clv_guard *guard, int directory,
    struct clv_generation *out, clv_error **err);

/* Needs no lock. Empty if there is none. */
clv_status clv_state_read_ledger(const clv_application *application,
    struct clv_ledger *ledger, clv_error **err);
clv_status clv_state_write_ledger(const struct clv_state *state,
    const struct clv_ledger *ledger, clv_error **err);

/*
 * The commit point: durable when it returns. If it fails, nothing is
 * committed; but for `*committed`, which tells that the record is there and
 * can't be taken away.
 */
clv_status clv_state_commit(const struct clv_state *state,
    const struct clv_redo *redo, bool *committed, clv_error **err);

/* Puts the files of a committed record in place and removes the record. Its
 * TrustLists have been carried out: once it is gone, they would not count. */
clv_status clv_state_apply(const clv_application *application,
    const struct clv_state *state, const struct clv_redo *redo,
    clv_error **err);

/* Finishes a transaction that was interrupted, or discards it; removes
 * temporary files that a killed writer left. `done` may be NULL; fields are
 * only ever raised. */
clv_status clv_state_recover(const clv_application *application,
    const struct clv_state *state, struct clv_recovery *done, clv_error **err);

#endif
