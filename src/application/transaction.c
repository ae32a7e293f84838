/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/transaction.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_WAIT_MS 10000
#define SLOT_CHAIN_SUFFIX ".chain"

/* ---- begin and end ---- */

/* Under the lock: what others left, then what is there now. */
static clv_status
begin(clv_application *application, struct clv_state *state,
    struct clv_ledger *ledger, struct clv_recovery *recovery, clv_error **err)
{
	clv_status status;

	if ((status = clv_state_lock(application, LOCK_WAIT_MS, state, err)) !=
		CLV_OK ||
	    (status = clv_state_recover(application, state, &recovery->finished,
		 &recovery->swept, err)) != CLV_OK ||
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
	clv_status status = begin(application, &state, &ledger, &done, err);

	if (status == CLV_OK)
		status = clv_pending_destroy(
		    application, &state, &ledger, &done.destroyed, err);
	for (size_t i = 0; i < ledger.count; i++)
		done.left += ledger.entries[i].kind != CLV_KEY_PENDING ? 1 : 0;
	done.finished = done.finished || finished;
	clv_ledger_clear(&ledger);
	clv_state_unlock(&state);
	*recovery = done;
	return status;
}

/* ---- commit ---- */

/* What a commit makes before it touches anything. */
struct commit {
	clv_txn *txn;
	struct clv_config config; /* the new one */
	struct clv_ledger ledger; /* the new one */
	struct clv_redo *redo;
	clv_application *next; /* the handle afterwards */
};

static bool
has_changes(const clv_txn *txn)
{
	for (size_t i = 0; i < CLV_SLOTS_MAX; i++)
		if (txn->slots[i].der != NULL)
			return true;
	return false;
}

static clv_status
copy_config(struct commit *commit, clv_error **err)
{
	char *text = NULL;
	size_t size = 0;
	clv_status status = clv_config_print(
	    &commit->txn->application->config, &text, &size, err);

	if (status == CLV_OK)
		status = clv_config_parse(
		    CLV_CONFIG_NAME, text, size, &commit->config, err);
	free(text);
	return status;
}

static clv_status
copy_ledger(struct commit *commit, clv_error **err)
{
	const struct clv_ledger *from = &commit->txn->ledger;
	clv_status status = CLV_OK;

	for (size_t i = 0; status == CLV_OK && i < from->count; i++)
		status = clv_ledger_add(&commit->ledger, from->entries[i].kind,
		    from->entries[i].group, from->entries[i].type,
		    from->entries[i].uri, from->entries[i].mark, err);
	return status;
}

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "commit transaction"},
	    "out of memory");
}

/* The pending key moves into the slot, the slot's own to those that are to be
 * destroyed. */
static clv_status
exchange_key(
    struct commit *commit, struct clv_config_slot *slot, clv_error **err)
{
	struct clv_ledger_entry *entry = clv_ledger_pending(&commit->ledger,
	    commit->config.groups[slot->group].name, slot->type);
	char *key = entry != NULL ? strdup(entry->uri) : NULL;

	if (key == NULL)
		return no_memory(err);
	if (slot->key == NULL) {
		clv_ledger_remove(
		    &commit->ledger, (size_t)(entry - commit->ledger.entries));
	} else {
		free(entry->uri);
		entry->uri = slot->key;
		entry->kind = CLV_KEY_DESTROY;
	}
	slot->key = key;
	return CLV_OK;
}

static clv_status
put_chain(struct commit *commit, struct clv_config_slot *slot,
    const struct clv_txn_slot *staged, clv_error **err)
{
	char *path = NULL;

	free(slot->chain);
	slot->chain = NULL;
	if (staged->chain == NULL)
		return CLV_OK;
	if (asprintf(&path, "%s" SLOT_CHAIN_SUFFIX, slot->certificate) < 0)
		return no_memory(err);
	slot->chain = path;
	return clv_redo_put(
	    commit->redo, path, staged->chain, staged->chain_size, err);
}

static clv_status
change_slot(struct commit *commit, size_t index, clv_error **err)
{
	const struct clv_txn_slot *staged = &commit->txn->slots[index];
	struct clv_config_slot *slot = &commit->config.slots[index];
	char *path = NULL;
	clv_status status;

	status = clv_application_name_certificate(commit->txn->application,
	    slot->group, staged->der, staged->size, &path, err);
	if (status != CLV_OK)
		return status;
	free(slot->certificate);
	slot->certificate = path;
	status =
	    clv_redo_put(commit->redo, path, staged->der, staged->size, err);
	if (status == CLV_OK)
		status = put_chain(commit, slot, staged, err);
	if (status == CLV_OK && staged->new_key)
		status = exchange_key(commit, slot, err);
	return status;
}

/* A key that another slot uses stays. */
static void
spare_shared(struct commit *commit)
{
	for (size_t i = commit->ledger.count; i-- > 0;)
		for (size_t j = 0; j < commit->config.slot_count; j++) {
			const char *key = commit->config.slots[j].key;

			if (key == NULL ||
			    strcmp(key, commit->ledger.entries[i].uri) != 0 ||
			    commit->ledger.entries[i].kind != CLV_KEY_DESTROY)
				continue;
			clv_ledger_remove(&commit->ledger, i);
			break;
		}
}

/* claviger.conf comes last: whoever reads it finds what it names. */
static clv_status
put_state(struct commit *commit, clv_error **err)
{
	char *text = NULL;
	size_t size = 0;
	clv_status status =
	    clv_ledger_print(&commit->ledger, &text, &size, err);

	if (status == CLV_OK)
		status = clv_redo_put(
		    commit->redo, CLV_LEDGER_PATH, text, size, err);
	free(text);
	text = NULL;
	if (status == CLV_OK)
		status = clv_config_print(&commit->config, &text, &size, err);
	if (status == CLV_OK)
		status = clv_redo_put(
		    commit->redo, CLV_CONFIG_NAME, text, size, err);
	free(text);
	return status;
}

static clv_status
make_next(struct commit *commit, clv_error **err)
{
	const clv_application *application = commit->txn->application;
	const int fd = fcntl(application->directory_fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return no_memory(err);
	return clv_application_wrap(application->context,
	    application->directory, fd, &commit->config, &commit->next, err);
}

static clv_status
prepare(struct commit *commit, clv_error **err)
{
	clv_status status;

	if ((status = copy_config(commit, err)) != CLV_OK ||
	    (status = copy_ledger(commit, err)) != CLV_OK ||
	    (status = clv_redo_new(&commit->redo, err)) != CLV_OK)
		return status;
	for (size_t i = 0; status == CLV_OK && i < commit->config.slot_count;
	     i++)
		if (commit->txn->slots[i].der != NULL)
			status = change_slot(commit, i, err);
	if (status != CLV_OK)
		return status;
	spare_shared(commit);
	status = put_state(commit, err);
	if (status == CLV_OK)
		status = make_next(commit, err);
	return status;
}

static clv_status
not_carried_out(
    const clv_txn *txn, clv_status status, clv_error *failure, clv_error **err)
{
	status = clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "carry out transaction in",
		.subject = txn->application->directory,
		.domain = clv_error_get_domain(failure),
		.code = clv_error_code(failure),
		.code_name = clv_error_code_name(failure),
		.retryable = true,
		.remedy = "mend that, then run claviger recover DIR"},
	    "the change is in force, but is not carried out in full: %s",
	    clv_error_reason(failure));
	clv_error_free(&failure);
	return status;
}

/* From here on the new state is in force. */
static clv_status
carry_out(struct commit *commit, clv_error **err)
{
	clv_txn *txn = commit->txn;
	clv_application *application = txn->application;
	clv_error *failure = NULL;
	clv_status status;

	txn->ended = true;
	clv_application_swap(application, commit->next);
	application->redo = commit->redo;
	commit->redo = NULL; /* transferred */
	status = clv_state_apply(
	    application, &txn->state, application->redo, &failure);
	if (status != CLV_OK)
		return not_carried_out(txn, status, failure, err);
	clv_redo_free(&application->redo);
	(void)clv_pending_destroy(
	    application, &txn->state, &commit->ledger, NULL, NULL);
	return CLV_OK;
}

clv_status
clv_txn_commit(clv_txn *txn, clv_error **err)
{
	struct commit commit = {.txn = txn};
	clv_error *failure = NULL;
	bool committed = false;
	clv_status status = CLV_OK;

	if (txn->ended || !has_changes(txn)) {
		txn->ended = true;
		return CLV_OK;
	}
	status = prepare(&commit, err);
	if (status == CLV_OK) {
		status = clv_state_commit(
		    &txn->state, commit.redo, &committed, &failure);
		if (committed)
			status = carry_out(&commit, err);
		else if (err != NULL) {
			*err = failure;
			failure = NULL; /* transferred */
		}
	}
	clv_error_free(&failure);
	clv_redo_free(&commit.redo);
	clv_ledger_clear(&commit.ledger);
	clv_config_clear(&commit.config);
	clv_application_free(&commit.next);
	return status;
}

/* ---- cancel ---- */

clv_status
clv_txn_cancel(clv_txn *txn, clv_error **err)
{
	const clv_application *application = txn->application;
	struct clv_slot slot;
	bool made = false;
	clv_status status = CLV_OK;

	if (txn->ended)
		return CLV_OK;
	txn->ended = true;
	for (size_t i = 0; clv_application_slot(application, i, &slot); i++) {
		struct clv_ledger_entry *entry =
		    clv_ledger_pending(&txn->ledger, slot.group, slot.type);

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
