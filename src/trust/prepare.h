/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A change of a TrustList that comes into force together with others, by a
 * record elsewhere (decision.h):
 *
 *     begin; any of add, remove, replace; prepare      of each list
 *     ... the record is written: now all of it counts ...
 *     carry out; end                                   of each list
 *     ... the record is removed ...
 *
 * If the record is not written: discard; end. From begin to end the writer
 * lock is held, so that nobody takes what is prepared for abandoned.
 */
#ifndef CLV_TRUST_PREPARE_H
#define CLV_TRUST_PREPARE_H

#include "trust/change.h"
#include "trust/data.h"

/* CLV_TOO_LARGE if the list would be more than its readers take. */
clv_status clv_change_check_size(
    const struct clv_change *change, clv_error **err);

/*
 * Writes the change down so that it counts once `when` is decided; durable
 * when it returns. Nothing is written if it makes no difference: then
 * clv_change_is_empty().
 */
clv_status clv_change_prepare(struct clv_change *change,
    const struct clv_decision *when, clv_error **err);
bool clv_change_is_empty(const struct clv_change *change);

/* Carries out what is prepared and decided. On failure it stays in force, and
 * the next writer does it. */
clv_status clv_change_carry_out(struct clv_change *change, clv_error **err);

/* Takes back what is prepared and will never be decided. If that fails, the
 * next writer does it. */
clv_status clv_change_discard(struct clv_change *change, clv_error **err);

/* What clv_change_recover() did. */
struct clv_change_recovery {
	enum clv_journal_found found; /* before it was finished or discarded */
	size_t swept;                 /* temporary files */
};

/* Finishes or discards what another writer left; also temporary files. */
clv_status clv_change_recover(
    clv_trust *trust, struct clv_change_recovery *done, clv_error **err);

#endif
