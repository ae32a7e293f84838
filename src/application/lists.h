/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * TrustLists in a transaction. What is staged is kept as it was asked for,
 * and tried at once on a draft; a commit works it out again under the list's
 * writer lock:
 *
 *     clv_lists_prepare(); the record is written; clv_lists_carry_out()
 *     clv_lists_end()      in any case
 */
#ifndef CLV_APPLICATION_LISTS_H
#define CLV_APPLICATION_LISTS_H

#include <claviger/transaction.h>

#include "application/application.h"
#include "application/redo.h"
#include "trust/prepare.h"

enum clv_txn_wish_kind { CLV_WISH_ADD, CLV_WISH_REMOVE, CLV_WISH_REPLACE };

/* One call. */
struct clv_txn_wish {
	enum clv_txn_wish_kind kind;
	unsigned lists;
	uint8_t *bytes; /* certificates and CRLs, or a TrustListDataType */
	size_t size;
	char *thumbprint;
};

/* A directory; several groups may share it. */
struct clv_txn_list {
	char *path; /* as in claviger.conf */
	clv_trust *trust;
	struct clv_txn_wish *wishes;
	size_t count;
	struct clv_change draft;
	bool drafted;
	/* While it is committed: */
	struct clv_change change;
	bool begun;
};

struct clv_txn_lists {
	struct clv_txn_list lists[CLV_GROUPS_MAX];
	size_t count;
};

void clv_lists_clear(struct clv_txn_lists *lists);

/* The list of a group, which is opened if it is needed for the first time.
 * CLV_INVALID for an unknown group. */
clv_status clv_lists_get(struct clv_txn_lists *lists,
    const clv_application *application, const char *group,
    struct clv_txn_list **out, clv_error **err);

/* Opens a TrustList; `path` is as in claviger.conf. */
clv_status clv_lists_open(const clv_application *application, const char *path,
    clv_trust **out, clv_error **err);

/* Whether a group's TrustList is this one. */
bool clv_lists_is_of(const struct clv_txn_list *list,
    const clv_application *application, size_t group);

/* Tries a wish after those before it and keeps it; takes over what it holds.
 * The list is as before if that fails. */
clv_status clv_lists_stage(
    struct clv_txn_list *list, struct clv_txn_wish *wish, clv_error **err);

/* Does what was staged to a change that is made later. What is to be removed
 * may have gone meanwhile, which is as good. */
clv_status clv_lists_grant(struct clv_change *change,
    const struct clv_txn_wish *wish, clv_error **err);

/* The list as it would be if it were committed now, or while it is being
 * committed will be. The caller gives it up. */
clv_status clv_lists_snapshot(
    struct clv_txn_list *list, clv_trust_snapshot **out, clv_error **err);

/* Whether anything is staged. */
bool clv_lists_are_staged(const struct clv_txn_lists *lists);

/* Takes the locks of all lists that change, and works out what does. */
clv_status clv_lists_begin(struct clv_txn_lists *lists, clv_error **err);
/* Writes it down, so that the record decides it, and enters it there. */
clv_status clv_lists_prepare(struct clv_txn_lists *lists,
    const clv_application *application, struct clv_redo *redo, clv_error **err);
void clv_lists_discard(struct clv_txn_lists *lists);
clv_status clv_lists_carry_out(struct clv_txn_lists *lists, clv_error **err);
/* Gives the locks up. What was staged stays. */
void clv_lists_end(struct clv_txn_lists *lists);

/* Carries out what a record has decided and its writer did not. */
clv_status clv_lists_finish(const clv_application *application,
    const struct clv_redo *redo, struct clv_recovery *done, clv_error **err);
/* Discards what was prepared and not decided, and temporary files. Lists that
 * can't be reached now are left to their next writers. */
void clv_lists_sweep(
    const clv_application *application, struct clv_recovery *done);

#endif
