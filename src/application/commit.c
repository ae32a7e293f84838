/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Committing a transaction: all is made ready, written down, and carried
 * out. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "application/audit.h"
#include "application/transaction.h"

#define SLOT_CHAIN_SUFFIX ".chain"

/* What a commit makes before it touches anything. */
struct commit {
	clv_txn *txn;
	struct clv_config config; /* the new one */
	struct clv_ledger ledger; /* the new one */
	struct clv_redo *redo;
	clv_application *next; /* the handle afterwards */
};

static bool
is_changed(const struct clv_txn_slot *slot)
{
	return slot->der != NULL || slot->deleted;
}

static bool
are_slots_changed(const clv_txn *txn)
{
	for (size_t i = 0; i < CLV_SLOTS_MAX; i++)
		if (is_changed(&txn->slots[i]))
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

static clv_status
empty_slot(struct commit *commit, size_t index, clv_error **err)
{
	struct clv_config_slot *slot = &commit->config.slots[index];
	const char *group = commit->config.groups[slot->group].name;
	struct clv_ledger_entry *entry =
	    clv_ledger_pending(&commit->ledger, group, slot->type);
	clv_status status = CLV_OK;

	/* OPC 10000-12, 7.10.10: the pending key goes with the slot; not so
	 * one that was asked for afterwards. */
	if (entry != NULL && !commit->txn->slots[index].key_after)
		entry->kind = CLV_KEY_DESTROY;
	if (slot->key != NULL)
		status = clv_ledger_add(&commit->ledger, CLV_KEY_DESTROY, group,
		    slot->type, slot->key, "", err);
	free(slot->key);
	free(slot->certificate);
	free(slot->chain);
	slot->key = slot->certificate = slot->chain = NULL;
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

/* The groups whose TrustList changes. */
static clv_status
tell_lists(const clv_txn *txn, struct clv_generation *last, clv_error **err)
{
	const struct clv_config *config = &txn->application->config;
	clv_status status = CLV_OK;

	for (size_t i = 0; i < config->group_count; i++)
		for (size_t j = 0; status == CLV_OK && j < txn->lists.count;
		     j++) {
			const struct clv_txn_list *list = &txn->lists.lists[j];

			if (!clv_change_is_empty(&list->change) &&
			    clv_lists_is_of(list, txn->application, i))
				status = clv_generation_add(
				    last, config->groups[i].name, NULL, err);
		}
	return status;
}

/* What is told of this transaction, as the last of its files. */
static clv_status
put_last(struct commit *commit, clv_error **err)
{
	const struct clv_config *config = &commit->config;
	struct clv_generation last = {.time = (int64_t)time(NULL)};
	char *text = NULL;
	size_t size = 0;
	clv_status status = CLV_OK;

	memcpy(last.nonce, commit->redo->nonce, sizeof(last.nonce));
	for (size_t i = 0; status == CLV_OK && i < config->slot_count; i++)
		if (is_changed(&commit->txn->slots[i]))
			status = clv_generation_add(&last,
			    config->groups[config->slots[i].group].name,
			    config->slots[i].type, err);
	if (status == CLV_OK)
		status = tell_lists(commit->txn, &last, err);
	if (status == CLV_OK)
		status = clv_generation_print(&last, &text, &size, err);
	if (status == CLV_OK)
		status =
		    clv_redo_put(commit->redo, CLV_LAST_PATH, text, size, err);
	if (status == CLV_OK)
		status = clv_audit_put_redo(commit->txn->application,
		    "transaction-committed", &last, &commit->config,
		    commit->redo, err);
	free(text);
	clv_generation_clear(&last);
	return status;
}

/* claviger.conf comes behind what it names: whoever reads it finds that. */
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
	commit->config.audit_begun = true;
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
change_slots(struct commit *commit, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0; status == CLV_OK && i < commit->config.slot_count;
	     i++)
		if (commit->txn->slots[i].der != NULL)
			status = change_slot(commit, i, err);
		else if (commit->txn->slots[i].deleted)
			status = empty_slot(commit, i, err);
	if (status != CLV_OK)
		return status;
	spare_shared(commit);
	return put_state(commit, err);
}

/* The lists may be others than when the certificates were staged. */
static clv_status
verify_again(clv_txn *txn, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0; status == CLV_OK && i < CLV_SLOTS_MAX; i++)
		if (txn->slots[i].verified)
			status = clv_txn_verify(
			    txn, i, txn->slots[i].der, txn->slots[i].size, err);
	return status;
}

/* The record is complete afterwards; it stays away if nothing changes. */
static clv_status
prepare(struct commit *commit, clv_error **err)
{
	clv_txn *txn = commit->txn;
	const bool slots = are_slots_changed(txn);
	clv_status status;

	if ((status = clv_lists_begin(&txn->lists, err)) != CLV_OK ||
	    (status = verify_again(txn, err)) != CLV_OK ||
	    (status = copy_config(commit, err)) != CLV_OK ||
	    (status = copy_ledger(commit, err)) != CLV_OK ||
	    (status = clv_redo_new(&commit->redo, err)) != CLV_OK ||
	    (slots && (status = change_slots(commit, err)) != CLV_OK) ||
	    (status = clv_lists_prepare(
		 &txn->lists, txn->application, commit->redo, err)) != CLV_OK)
		return status;
	if (!slots && commit->redo->list_count == 0) {
		clv_redo_free(&commit->redo);
		return CLV_OK;
	}
	status = put_last(commit, err);
	if (status == CLV_OK)
		status = make_next(commit, err);
	return status;
}

static clv_status
not_carried_out(
    const clv_txn *txn, clv_status status, clv_error *failure, clv_error **err)
{
	char *remedy =
	    clv_application_command("mend that, then run claviger recover",
		txn->application->directory);

	status = clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "carry out transaction in",
		.subject = txn->application->directory,
		.domain = clv_error_get_domain(failure),
		.code = clv_error_code(failure),
		.code_name = clv_error_code_name(failure),
		.retryable = true,
		.remedy = remedy},
	    "the change is in force, but is not carried out in full: %s",
	    clv_error_reason(failure));
	clv_error_free(&failure);
	free(remedy);
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
	status = clv_lists_carry_out(&txn->lists, &failure);
	if (status == CLV_OK)
		status = clv_state_apply(
		    application, &txn->state, application->redo, &failure);
	if (status != CLV_OK)
		return not_carried_out(txn, status, failure, err);
	clv_redo_free(&application->redo);
	(void)clv_pending_destroy(
	    application, &txn->state, &commit->ledger, NULL, NULL);
	return CLV_OK;
}

/* All is ready. */
static clv_status
decide(struct commit *commit, clv_error **err)
{
	clv_txn *txn = commit->txn;
	clv_error *failure = NULL;
	bool committed = false;
	clv_status status =
	    clv_state_commit(&txn->state, commit->redo, &committed, &failure);

	if (committed)
		status = carry_out(commit, err);
	else if (err != NULL) {
		*err = failure;
		failure = NULL; /* transferred */
	}
	clv_error_free(&failure);
	return status;
}

clv_status
clv_txn_commit(clv_txn *txn, clv_error **err)
{
	struct commit commit = {.txn = txn};
	clv_status status = CLV_OK;

	if (txn->ended ||
	    (!are_slots_changed(txn) && !clv_lists_are_staged(&txn->lists))) {
		txn->ended = true;
		return CLV_OK;
	}
	status = prepare(&commit, err);
	if (status == CLV_OK && commit.redo != NULL)
		status = decide(&commit, err);
	else if (status == CLV_OK)
		txn->ended = true;
	if (!txn->ended)
		clv_lists_discard(&txn->lists);
	clv_lists_end(&txn->lists);
	clv_redo_free(&commit.redo);
	clv_ledger_clear(&commit.ledger);
	clv_config_clear(&commit.config);
	clv_application_free(&commit.next);
	return status;
}
