/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Slots that are emptied, or filled without a CertificateManager. */

#include <string.h>

#include "application/transaction.h"
#include "keys/subject.h"

clv_status
clv_txn_delete(
    clv_txn *txn, const char *group, const char *type, clv_error **err)
{
	struct clv_slot slot;
	size_t index = 0;
	clv_status status = clv_txn_find(txn, group, type, &index, err);

	if (status != CLV_OK)
		return status;
	(void)clv_application_slot(txn->application, index, &slot);
	if (txn->slots[index].der == NULL &&
	    (txn->slots[index].deleted ||
		(slot.key == NULL && slot.certificate == NULL)))
		return clv_error_raise(err, CLV_NOT_FOUND,
		    &(struct clv_error_info){.operation = "delete certificate",
			.subject = txn->application->directory,
			.domain = CLV_DOMAIN_OPCUA,
			.code = CLV_SC_BAD_INVALID_STATE,
			.code_name = "BadInvalidState"},
		    "slot %s/%s is empty", group, type);
	clv_txn_slot_clear(&txn->slots[index]);
	txn->slots[index].deleted = true;
	txn->slots[index].key_after = false;
	return CLV_OK;
}

static clv_status
check_subject(const clv_txn *txn, const clv_subject *subject, clv_error **err)
{
	const char *uri = subject->application_uri;

	if (uri != NULL &&
	    strcmp(uri, clv_application_uri(txn->application)) == 0)
		return CLV_OK;
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = "make certificate",
		.subject = txn->application->directory},
	    "its ApplicationUri is not the application's");
}

/* A key for which there is no certificate after all. */
static void
drop_key(clv_txn *txn, const char *group, const char *type)
{
	struct clv_ledger_entry *entry =
	    clv_ledger_pending(&txn->ledger, group, type);

	if (entry == NULL)
		return;
	entry->kind = CLV_KEY_DESTROY;
	(void)clv_state_write_ledger(&txn->state, &txn->ledger, NULL);
	(void)clv_pending_destroy(
	    txn->application, &txn->state, &txn->ledger, NULL, NULL);
}

clv_status
clv_txn_self_sign(clv_txn *txn, const char *group, const char *type,
    clv_algorithm algorithm, const clv_subject *subject, unsigned days,
    clv_error **err)
{
	clv_key *key = NULL;
	uint8_t *der = NULL;
	size_t size = 0;
	size_t index = 0;
	clv_status status;

	if ((status = clv_txn_find(txn, group, type, &index, err)) != CLV_OK)
		return status;
	if (subject == NULL)
		subject = clv_application_subject(txn->application);
	if ((status = check_subject(txn, subject, err)) != CLV_OK ||
	    (status = clv_txn_new_key(
		 txn, group, type, algorithm, &key, err)) != CLV_OK)
		return status;
	status =
	    clv_certificate_self_sign(key, subject, days, &der, &size, err);
	/* Nobody vouches for it: no TrustList is asked. */
	if (status == CLV_OK)
		status = clv_txn_stage(
		    txn, group, type, der, size, NULL, 0, false, err);
	if (status != CLV_OK)
		drop_key(txn, group, type);
	clv_key_free(&key);
	clv_free(der);
	return status;
}
