/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/transaction.h"
#include "application/audit.h"

#include <stdlib.h>

#define LOCK_WAIT_MS 10000

/* ---- begin and end ---- */

/* Under the lock: what others left, then what is there now. */
static clv_status
begin(clv_application *application, struct clv_state *state,
    struct clv_ledger *ledger, struct clv_recovery *recovery, clv_error **err)
{
	clv_status status;

	if ((status = clv_state_lock(application, LOCK_WAIT_MS, state, err)) !=
		CLV_OK ||
	    (status = clv_state_recover(application, state, recovery, err)) !=
		CLV_OK ||
	    (status = clv_application_reload(application, err)) != CLV_OK)
		return status;
	return clv_state_read_ledger(application, ledger, err);
}

clv_status
clv_txn_open(clv_application *application, clv_txn **out, clv_error **err)
{
	struct clv_recovery recovery = {.finished = false};
	clv_txn *txn = calloc(1, sizeof(*txn));
	clv_status status;

	*out = NULL;
	if (txn == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "begin transaction"},
		    "out of memory");
	txn->application = application;
	txn->state = (struct clv_state)CLV_STATE_INIT;
	status = begin(application, &txn->state, &txn->ledger, &recovery, err);
	if (status == CLV_OK) {
		/* A device that is away must not hold anybody up. */
		(void)clv_pending_destroy(
		    application, &txn->state, &txn->ledger, NULL, NULL);
		*out = txn;
		txn = NULL; /* transferred */
	}
	clv_txn_free(&txn);
	return status;
}

void
clv_txn_free(clv_txn **txn)
{
	if (txn == NULL || *txn == NULL)
		return;
	for (size_t i = 0; i < CLV_SLOTS_MAX; i++)
		clv_txn_slot_clear(&(*txn)->slots[i]);
	clv_lists_clear(&(*txn)->lists);
	clv_ledger_clear(&(*txn)->ledger);
	clv_state_unlock(&(*txn)->state);
	free(*txn);
	*txn = NULL;
}

clv_status
clv_application_recover(clv_application *application,
    struct clv_recovery *recovery, clv_error **err)
{
	struct clv_recovery done = {.finished = false};
	struct clv_state state = CLV_STATE_INIT;
	struct clv_ledger ledger = {.count = 0};
	const bool finished = application->finished;
	const size_t lists = application->finished_lists;
	clv_status status = begin(application, &state, &ledger, &done, err);

	if (status == CLV_OK)
		status = clv_pending_destroy(
		    application, &state, &ledger, &done.destroyed, err);
	for (size_t i = 0; i < ledger.count; i++)
		done.left += ledger.entries[i].kind != CLV_KEY_PENDING ? 1 : 0;
	done.finished = done.finished || finished;
	done.lists += lists;
	clv_ledger_clear(&ledger);
	clv_state_unlock(&state);
	*recovery = done;
	return status;
}

/* ---- cancel ---- */

clv_status
clv_txn_cancel(clv_txn *txn, clv_error **err)
{
	const clv_application *application = txn->application;
	struct clv_slot slot;
	bool changed = clv_lists_are_staged(&txn->lists);
	bool made = false;
	clv_status status = CLV_OK;

	if (txn->ended)
		return CLV_OK;
	txn->ended = true;
	clv_lists_clear(&txn->lists);
	for (size_t i = 0; clv_application_slot(application, i, &slot); i++) {
		struct clv_ledger_entry *entry =
		    clv_ledger_pending(&txn->ledger, slot.group, slot.type);

		changed = changed || txn->slots[i].der != NULL ||
		    txn->slots[i].deleted || txn->slots[i].made;
		clv_txn_slot_clear(&txn->slots[i]);
		if (!txn->slots[i].made || entry == NULL)
			continue;
		entry->kind = CLV_KEY_DESTROY;
		made = true;
	}
	if (made)
		status = clv_state_write_ledger(&txn->state, &txn->ledger, err);
	if (made && status == CLV_OK)
		status = clv_pending_destroy(
		    application, &txn->state, &txn->ledger, NULL, err);
	if (changed)
		clv_audit_tell(
		    application, "transaction-cancelled", NULL, NULL, NULL);
	return status;
}

/* ---- one certificate ---- */

clv_status
clv_application_install(clv_application *application, const char *group,
    const char *type, const uint8_t *der, size_t size, clv_error **err)
{
	clv_txn *txn = NULL;
	clv_status status;

	if ((status = clv_txn_open(application, &txn, err)) == CLV_OK &&
	    (status = clv_txn_certificate(
		 txn, group, type, der, size, NULL, 0, err)) == CLV_OK)
		status = clv_txn_commit(txn, err);
	clv_txn_free(&txn);
	return status;
}
