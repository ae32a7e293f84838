/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Keys that wait for their certificate: making them, and destroying those that
 * nobody uses. The ledger is written before a device is touched. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>

#include "application/audit.h"
#include "application/transaction.h"
#include "keys/context.h"
#include "keys/store.h"

#define DIGEST_TEXT 65 /* SHA-256 in hexadecimal with the closing 0 */
#define LABEL_SIZE 64

static bool
print_digest(const clv_key *key, char text[DIGEST_TEXT])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t size = 0;
	const uint8_t *public = clv_key_public(key, &size);

	if (EVP_Digest(public, size, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	for (size_t i = 0; i < DIGEST_TEXT / 2; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return true;
}

clv_status
clv_pending_open(const clv_application *application,
    const struct clv_ledger_entry *entry, clv_key **out, clv_error **err)
{
	char digest[DIGEST_TEXT];
	clv_error *failure = NULL;
	char *uri = NULL;
	clv_status status;

	*out = NULL;
	status = clv_application_resolve(
	    application->directory, entry->uri, &uri, err);
	if (status == CLV_OK)
		status = clv_key_open(application->context, uri, out, err);
	clv_free(uri);
	if (status != CLV_OK)
		return status;
	if (print_digest(*out, digest) && strcmp(digest, entry->mark) == 0)
		return CLV_OK;
	status = clv_error_raise(&failure, CLV_CHANGED,
	    &(struct clv_error_info){.operation = "open key",
		.subject = clv_key_uri(*out),
		.remedy = "make a new request"},
	    "it is not the key that was made for slot %s/%s", entry->group,
	    entry->type);
	clv_audit_tell_refusal(
	    application, entry->group, entry->type, status, failure);
	clv_key_free(out);
	if (err != NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	return status;
}

clv_status
clv_application_pending_key(const clv_application *application,
    const char *group, const char *type, clv_key **out, clv_error **err)
{
	struct clv_ledger ledger = {.count = 0};
	const struct clv_ledger_entry *entry;
	clv_status status;

	*out = NULL;
	status = clv_state_read_ledger(application, &ledger, err);
	if (status != CLV_OK)
		return status;
	entry = clv_ledger_pending(&ledger, group, type);
	status = entry != NULL
	    ? clv_pending_open(application, entry, out, err)
	    : clv_error_raise(err, CLV_NOT_FOUND,
		  &(struct clv_error_info){.operation = "open key",
		      .subject = application->directory},
		  "slot %s/%s has no pending key", group, type);
	clv_ledger_clear(&ledger);
	return status;
}

clv_status
clv_application_pending_uri(const clv_application *application,
    const char *group, const char *type, char **out, clv_error **err)
{
	struct clv_ledger ledger = {.count = 0};
	const struct clv_ledger_entry *entry;
	clv_status status;

	*out = NULL;
	status = clv_state_read_ledger(application, &ledger, err);
	if (status != CLV_OK)
		return status;
	entry = clv_ledger_pending(&ledger, group, type);
	if (entry != NULL)
		status = clv_application_resolve(
		    application->directory, entry->uri, out, err);
	clv_ledger_clear(&ledger);
	return status;
}

/* ---- destroying ---- */

static clv_status
open_home(const clv_application *application, const char *uri, clv_store **out,
    clv_error **err)
{
	clv_uri *parsed = NULL;
	clv_status status = clv_uri_parse(uri, &parsed, err);

	*out = NULL;
	if (status == CLV_OK)
		status = clv_store_open_uri(
		    application->context, &parsed, true, out, err);
	clv_uri_free(&parsed);
	return status;
}

/* Its home is held open, so that what is not found is the key, and not the
 * module by which it is reached: that one comes back, with the key. */
static clv_status
delete_key(const clv_application *application, const char *uri, clv_error **err)
{
	clv_error *failure = NULL;
	clv_store *home = NULL;
	clv_status status = open_home(application, uri, &home, &failure);

	if (status == CLV_OK) {
		status = clv_key_delete(application->context, uri, &failure);
		if (status == CLV_NOT_FOUND)
			status = CLV_OK;
	}
	clv_store_free(&home);
	if (status != CLV_OK && err != NULL && *err == NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	return status;
}

/* Nobody but the killed maker knows such a label. */
static clv_status
delete_labelled(const clv_application *application, clv_store *store,
    const struct clv_ledger_entry *made, clv_error **err)
{
	clv_key_list *list = NULL;
	clv_status status = clv_key_list_get(store, &list, err);

	for (size_t i = 0; status == CLV_OK && i < clv_key_list_count(list);
	     i++) {
		const struct clv_key_entry *entry = clv_key_list_at(list, i);

		if (entry->label == NULL ||
		    strcmp(entry->label, made->mark) != 0)
			continue;
		status = delete_key(application, entry->uri, err);
		if (status == CLV_OK)
			clv_audit_tell_key(application, "key-destroyed",
			    made->group, made->type, entry->uri);
	}
	clv_key_list_free(&list);
	return status;
}

static clv_status
destroy(const clv_application *application,
    const struct clv_ledger_entry *entry, clv_error **err)
{
	clv_store *store = NULL;
	char *uri = NULL;
	clv_status status = clv_application_resolve(
	    application->directory, entry->uri, &uri, err);

	if (status != CLV_OK)
		return status;
	if (entry->kind == CLV_KEY_DESTROY) {
		status = delete_key(application, uri, err);
		/* Before it is out of the ledger: so it is not forgotten. */
		if (status == CLV_OK)
			clv_audit_tell_key(application, "key-destroyed",
			    entry->group, entry->type, uri);
	} else {
		status = clv_store_open(application->context, uri, &store, err);
		if (status == CLV_OK)
			status =
			    delete_labelled(application, store, entry, err);
		clv_store_free(&store);
	}
	clv_free(uri);
	return status;
}

clv_status
clv_pending_destroy(const clv_application *application,
    const struct clv_state *state, struct clv_ledger *ledger, size_t *destroyed,
    clv_error **err)
{
	clv_status result = CLV_OK;
	size_t gone = 0;
	size_t i = 0;

	while (i < ledger->count) {
		clv_error *failure = NULL;
		clv_status status;

		if (ledger->entries[i].kind == CLV_KEY_PENDING) {
			i++;
			continue;
		}
		status = destroy(application, &ledger->entries[i], &failure);
		if (status == CLV_OK) {
			clv_ledger_remove(ledger, i);
			gone++;
			continue;
		}
		i++;
		if (result == CLV_OK) {
			result = status;
			if (err != NULL) {
				*err = failure;
				failure = NULL; /* transferred */
			}
		}
		clv_error_free(&failure);
	}
	if (destroyed != NULL)
		*destroyed = gone;
	/* If this fails, they will be found to be gone the next time. */
	if (gone > 0)
		(void)clv_state_write_ledger(state, ledger, NULL);
	return result;
}

/* ---- making ---- */

/* What one call makes. */
struct making {
	clv_txn *txn;
	size_t index;
	const struct clv_config_slot *slot;
	const char *group;
	clv_algorithm algorithm;
	const clv_secret *bytes; /* NULL: generate */
	char label[LABEL_SIZE];
};

static clv_status
invent_label(struct making *making, clv_error **err)
{
	uint8_t random[8];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return clv_error_raise(err, CLV_INTERNAL,
		    &(struct clv_error_info){.operation = "make key"},
		    "no random numbers");
	(void)snprintf(making->label, sizeof(making->label),
	    "%s-%02x%02x%02x%02x%02x%02x%02x%02x", making->slot->type,
	    random[0], random[1], random[2], random[3], random[4], random[5],
	    random[6], random[7]);
	return CLV_OK;
}

static clv_status
make_in(const struct making *making, clv_store *store,
    const clv_key_options *options, clv_key **key, clv_error **err)
{
	clv_status status;

	if (making->bytes == NULL)
		return clv_key_generate(
		    store, making->algorithm, options, key, err);
	status = clv_key_import(store, making->bytes, options, key, err);
	if (status != CLV_OK ||
	    strcmp(clv_algorithm_describe(clv_key_algorithm(*key))->type_name,
		making->slot->type) == 0)
		return status;
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = "import key"},
	    "a key of this algorithm does not belong in slot %s",
	    making->slot->type);
}

static clv_status
make_key(const struct making *making, clv_key **key, clv_error **err)
{
	const clv_application *application = making->txn->application;
	clv_key_options *options = NULL;
	clv_store *store = NULL;
	clv_status status;

	*key = NULL;
	if ((status = clv_key_options_new(&options, err)) == CLV_OK &&
	    (status = clv_key_options_set_label(options, making->label, err)) ==
		CLV_OK &&
	    (status = clv_store_open(application->context,
		 application->slots[making->index].store, &store, err)) ==
		CLV_OK)
		status = make_in(making, store, options, key, err);
	clv_store_free(&store);
	clv_key_options_free(&options);
	return status;
}

static void
forget_making(const struct making *making)
{
	struct clv_ledger *ledger = &making->txn->ledger;

	for (size_t i = ledger->count; i-- > 0;)
		if (ledger->entries[i].kind == CLV_KEY_MAKING &&
		    strcmp(ledger->entries[i].mark, making->label) == 0)
			clv_ledger_remove(ledger, i);
}

/* The new key takes the place of the one in the making, and of the one that
 * the slot had pending (OPC 10000-12, 7.10.10). */
static clv_status
enter(const struct making *making, const clv_key *key, clv_error **err)
{
	struct clv_ledger *ledger = &making->txn->ledger;
	struct clv_ledger_entry *old =
	    clv_ledger_pending(ledger, making->group, making->slot->type);
	char digest[DIGEST_TEXT];
	char *uri = NULL;
	clv_status status;

	status = clv_application_relate(
	    making->txn->application, clv_key_uri(key), &uri, err);
	if (status == CLV_OK && !print_digest(key, digest))
		status = clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "no digest can be made");
	if (status == CLV_OK)
		status = clv_ledger_add(ledger, CLV_KEY_PENDING, making->group,
		    making->slot->type, uri, digest, err);
	free(uri);
	if (status != CLV_OK)
		return status;
	clv_audit_tell_key(making->txn->application,
	    making->bytes != NULL ? "key-imported" : "key-made", making->group,
	    making->slot->type, clv_key_uri(key));
	forget_making(making);
	if (old != NULL)
		old = clv_ledger_pending(
		    ledger, making->group, making->slot->type);
	if (old != NULL)
		old->kind = CLV_KEY_DESTROY;
	status = clv_state_write_ledger(&making->txn->state, ledger, err);
	if (status == CLV_OK)
		return CLV_OK;
	/* As it was: the new key is destroyed, the old one stays. */
	if (old != NULL)
		old->kind = CLV_KEY_PENDING;
	ledger->entries[ledger->count - 1].kind = CLV_KEY_DESTROY;
	return status;
}

static clv_status
make_pending(struct making *making, clv_key **key, clv_error **err)
{
	clv_txn *txn = making->txn;
	clv_status status;

	if ((status = invent_label(making, err)) != CLV_OK ||
	    (status = clv_ledger_add(&txn->ledger, CLV_KEY_MAKING,
		 making->group, making->slot->type, making->slot->store,
		 making->label, err)) != CLV_OK)
		return status;
	status = clv_state_write_ledger(&txn->state, &txn->ledger, err);
	if (status != CLV_OK) {
		forget_making(making);
		return status;
	}
	status = make_key(making, key, err);
	if (status == CLV_OK)
		status = enter(making, *key, err);
	if (status == CLV_OK) {
		clv_txn_slot_clear(&txn->slots[making->index]);
		txn->slots[making->index].made = true;
		txn->slots[making->index].key_after =
		    txn->slots[making->index].deleted;
	}
	(void)clv_pending_destroy(
	    txn->application, &txn->state, &txn->ledger, NULL, NULL);
	if (status != CLV_OK)
		clv_key_free(key);
	return status;
}

static clv_status
begin(clv_txn *txn, const char *group, const char *type, clv_key **key,
    struct making *making, clv_error **err)
{
	clv_key *made = NULL;
	size_t index = 0;
	clv_status status = clv_txn_find(txn, group, type, &index, err);

	if (key != NULL)
		*key = NULL;
	if (status != CLV_OK)
		return status;
	making->txn = txn;
	making->index = index;
	making->slot = &txn->application->config.slots[index];
	making->group = group;
	status = make_pending(making, &made, err);
	if (key != NULL) {
		*key = made;
		made = NULL; /* transferred */
	}
	clv_key_free(&made);
	return status;
}

clv_status
clv_txn_new_key(clv_txn *txn, const char *group, const char *type,
    clv_algorithm algorithm, clv_key **key, clv_error **err)
{
	struct making making = {.algorithm = algorithm};
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(algorithm);

	if (key != NULL)
		*key = NULL;
	if (info == NULL || algorithm == CLV_RSA_OTHER ||
	    strcmp(info->type_name, type) != 0)
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "make key"},
		    "the algorithm does not belong in slot %s", type);
	return begin(txn, group, type, key, &making, err);
}

clv_status
clv_txn_import_key(clv_txn *txn, const char *group, const char *type,
    const clv_secret *pem_or_der, clv_key **key, clv_error **err)
{
	struct making making = {.bytes = pem_or_der};

	return begin(txn, group, type, key, &making, err);
}
