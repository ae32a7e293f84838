/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_APPLICATION_TRANSACTION_H
#define CLV_APPLICATION_TRANSACTION_H

#include <claviger/transaction.h>

#include "application/lists.h"
#include "application/state.h"

/* What becomes of a slot. */
struct clv_txn_slot {
	uint8_t *der; /* NULL: nothing */
	size_t size;
	uint8_t *chain; /* NULL: none */
	size_t chain_size;
	bool verified;  /* against the TrustList, and again at the commit */
	bool new_key;   /* the certificate is for the pending key */
	bool made;      /* the pending key was made by this transaction */
	bool deleted;   /* what is in the slot now goes */
	bool key_after; /* the pending key was made after that was said */
};

struct clv_txn {
	clv_application *application;
	struct clv_state state;
	struct clv_ledger ledger;
	struct clv_txn_slot slots[CLV_SLOTS_MAX];
	struct clv_txn_lists lists;
	bool verify; /* see clv_txn_set_verify() */
	bool ended;  /* committed or cancelled */
};

/* Forgets what is staged for a slot. */
void clv_txn_slot_clear(struct clv_txn_slot *slot);

/* CLV_INVALID unless there is such a slot and the transaction goes on. */
clv_status clv_txn_find(const clv_txn *txn, const char *group, const char *type,
    size_t *index, clv_error **err);

/* Stages a certificate; clv_txn_certificate() with what it may leave out. */
clv_status clv_txn_stage(clv_txn *txn, const char *group, const char *type,
    const void *der, size_t size, const void *chain, size_t chain_size,
    bool verify, clv_error **err);

/* CLV_UNTRUSTED unless a slot's TrustList, as it would be now, lets its group
 * have this certificate. */
clv_status clv_txn_verify(clv_txn *txn, size_t index, const uint8_t *der,
    size_t size, clv_error **err);

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
