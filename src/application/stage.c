/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Certificates in a transaction, before they are committed. */

#include <stdlib.h>
#include <string.h>

#include "application/chain.h"
#include "application/transaction.h"
#include "keys/context.h"
#include "keys/subject.h"

void
clv_txn_slot_clear(struct clv_txn_slot *slot)
{
	free(slot->der);
	free(slot->chain);
	*slot = (struct clv_txn_slot){.made = slot->made,
	    .deleted = slot->deleted,
	    .key_after = slot->key_after};
}

static clv_status
refuse(const clv_txn *txn, const char *why, clv_error **err)
{
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = "install certificate in",
		.subject = txn->application->directory},
	    "%s", why);
}

clv_status
clv_txn_find(const clv_txn *txn, const char *group, const char *type,
    size_t *index, clv_error **err)
{
	if (txn->ended)
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "change",
			.subject = txn->application->directory},
		    "the transaction has ended");
	if (clv_application_find(txn->application, group, type, index))
		return CLV_OK;
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){
		.operation = "change", .subject = txn->application->directory},
	    "there is no slot %s/%s", group, type);
}

static clv_status
check_uri(
    const clv_txn *txn, const clv_certificate *certificate, clv_error **err)
{
	const char *uri = clv_certificate_application_uri(certificate);

	if (uri != NULL &&
	    strcmp(uri, clv_application_uri(txn->application)) == 0)
		return CLV_OK;
	return refuse(txn,
	    uri == NULL ? "it has no ApplicationUri in its subjectAltName"
			: "its ApplicationUri is not the application's",
	    err);
}

/* Whether the certificate is for the slot's pending key, or its present one:
 * then whatever certificate that has now does not matter. */
static clv_status
match_slot(clv_txn *txn, size_t index, const clv_certificate *certificate,
    bool *matches, bool *new_key, clv_error **err)
{
	const clv_application *application = txn->application;
	const struct clv_ledger_entry *entry;
	struct clv_slot slot;
	clv_key *key = NULL;
	clv_status status = CLV_OK;

	*matches = false;
	*new_key = false;
	if (!clv_application_slot(application, index, &slot) ||
	    strcmp(slot.type,
		clv_algorithm_describe(clv_certificate_algorithm(certificate))
		    ->type_name) != 0)
		return CLV_OK;
	entry = clv_ledger_pending(&txn->ledger, slot.group, slot.type);
	if (txn->slots[index].deleted && !txn->slots[index].key_after)
		entry = NULL;
	if (entry != NULL) {
		status = clv_pending_open(application, entry, &key, err);
		*matches = status == CLV_OK &&
		    clv_certificate_matches(certificate, key);
		*new_key = *matches;
		clv_key_free(&key);
	}
	if (status != CLV_OK || *matches || slot.key == NULL ||
	    txn->slots[index].deleted)
		return status;
	status = clv_key_open(application->context, slot.key, &key, err);
	*matches =
	    status == CLV_OK && clv_certificate_matches(certificate, key);
	clv_key_free(&key);
	return status;
}

static clv_status
find_slot(clv_txn *txn, const char *group, const char *type,
    const clv_certificate *certificate, size_t *index, bool *new_key,
    clv_error **err)
{
	const bool any = group == NULL || type == NULL;
	const size_t count = txn->application->config.slot_count;
	bool matches = false;
	clv_status status = CLV_OK;

	if (clv_certificate_algorithm(certificate) == CLV_ALGORITHM_NONE)
		return refuse(
		    txn, "OPC UA has no use for its kind of key", err);
	*index = 0;
	if (!any)
		status = clv_txn_find(txn, group, type, index, err);
	while (status == CLV_OK && *index < count) {
		status = match_slot(
		    txn, *index, certificate, &matches, new_key, err);
		if (matches || !any)
			break;
		(*index)++;
	}
	if (status == CLV_OK && !matches)
		status = refuse(txn,
		    "its public key is not that of the application's key", err);
	return status;
}

static clv_status
order_chain(const clv_txn *txn, const clv_certificate *certificate,
    const uint8_t *chain, size_t chain_size, uint8_t **out, size_t *out_size,
    clv_error **err)
{
	size_t size = 0;
	const uint8_t *der = clv_certificate_der(certificate, &size);

	return clv_chain_order(txn->application->directory, der, size, chain,
	    chain_size, out, out_size, err);
}

/* The chain is the slot's from now on. */
static clv_status
stage(struct clv_txn_slot *slot, const clv_certificate *certificate,
    uint8_t *chain, size_t chain_size, bool new_key, clv_error **err)
{
	size_t size = 0;
	const uint8_t *der = clv_certificate_der(certificate, &size);

	clv_txn_slot_clear(slot);
	slot->chain = chain;
	slot->chain_size = chain_size;
	slot->new_key = new_key;
	slot->der = malloc(size);
	if (slot->der == NULL) {
		clv_txn_slot_clear(slot);
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){
			.operation = "install certificate"},
		    "out of memory");
	}
	memcpy(slot->der, der, size);
	slot->size = size;
	return CLV_OK;
}

static clv_status
verify_leaf(clv_txn *txn, size_t index, const clv_certificate *certificate,
    clv_error **err)
{
	size_t size = 0;
	const uint8_t *der = clv_certificate_der(certificate, &size);

	return clv_txn_verify(txn, index, der, size, err);
}

clv_status
clv_txn_stage(clv_txn *txn, const char *group, const char *type,
    const void *der, size_t size, const void *chain, size_t chain_size,
    bool verify, clv_error **err)
{
	clv_certificate *certificate = NULL;
	uint8_t *issuers = NULL;
	size_t issuers_size = 0;
	bool new_key = false;
	size_t index = 0;
	clv_status status;

	if (txn->ended)
		return refuse(txn, "the transaction has ended", err);
	if ((status = clv_certificate_parse(txn->application->context, der,
		 size, &certificate, err)) != CLV_OK ||
	    (status = check_uri(txn, certificate, err)) != CLV_OK ||
	    (status = order_chain(txn, certificate, chain, chain_size, &issuers,
		 &issuers_size, err)) != CLV_OK ||
	    (status = find_slot(txn, group, type, certificate, &index, &new_key,
		 err)) != CLV_OK ||
	    (verify &&
		(status = verify_leaf(txn, index, certificate, err)) != CLV_OK))
		goto out;
	status = stage(&txn->slots[index], certificate, issuers, issuers_size,
	    new_key, err);
	issuers = NULL;
	txn->slots[index].verified = verify && status == CLV_OK;
out:
	free(issuers);
	clv_certificate_free(&certificate);
	return status;
}

clv_status
clv_txn_certificate(clv_txn *txn, const char *group, const char *type,
    const void *der, size_t size, const void *chain, size_t chain_size,
    clv_error **err)
{
	return clv_txn_stage(
	    txn, group, type, der, size, chain, chain_size, txn->verify, err);
}
