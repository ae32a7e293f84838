/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_APPLICATION_TRANSACTION_H
#define CLV_APPLICATION_TRANSACTION_H

#include <claviger/transaction.h>

#include "application/state.h"

/* What becomes of a slot. */
struct clv_txn_slot {
	uint8_t *der; /* NULL: nothing */
	size_t size;
	uint8_t *chain; /* NULL: none */
	size_t chain_size;
	bool new_key; /* the certificate is for the pending key */
	bool made;    /* the pending key was made by this transaction */
};

struct clv_txn {
	clv_application *application;
	struct clv_state state;
	struct clv_ledger ledger;
	struct clv_txn_slot slots[CLV_SLOTS_MAX];
	bool ended; /* committed or cancelled */
};

/* Forgets what is staged for a slot. */
void clv_txn_slot_clear(struct clv_txn_slot *slot);

/* CLV_INVALID unless there is such a slot and the transaction goes on. */
clv_status clv_txn_find(const clv_txn *txn, const char *group, const char *type,
    size_t *index, clv_error **err);

/* Opens the key of an entry that is pending, and compares it. */
clv_status clv_pending_open(const clv_application *application,
    const struct clv_ledger_entry *entry, clv_key **out, clv_error **err);

/*
 * Destroys the keys that are to be destroyed or were being made when their
 * maker was killed, and takes them out of the ledger. With an error for the
 * first that could not be; `destroyed` counts the others. The ledger is
 * written if it changed.
 */
clv_status clv_pending_destroy(const clv_application *application,
    const struct clv_state *state, struct clv_ledger *ledger, size_t *destroyed,
    clv_error **err);

#endif
