/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * Changing an application as one: keys, certificates and their chains are
 * replaced together, or none of them is. This survives kill -9 and power cuts
 * at any instruction; whoever opens the application afterwards, also without
 * write permission, finds it wholly old or wholly new.
 *
 *     clv_txn *txn = NULL;
 *
 *     if (clv_txn_open(application, &txn, &err) ||
 *         clv_txn_certificate(txn, group, type, der, size, NULL, 0, &err) ||
 *         clv_txn_commit(txn, &err))
 *             ...
 *     clv_txn_free(&txn);
 *
 * A new key is made in its device at once and waits there for its certificate
 * (OPC 10000-12, 7.10.10): it is pending, across restarts, until a transaction
 * that uses it is committed, another one is made for the same slot, or it is
 * cancelled. The key that it replaces is destroyed after the commit only.
 *
 * There is one writer at a time, in all processes. A transaction belongs to
 * one thread at a time, and so does its application's handle while it is open.
 */
#ifndef CLAVIGER_TRANSACTION_H
#define CLAVIGER_TRANSACTION_H

#include <claviger/application.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clv_txn clv_txn;

/**
 * Begins. What a killed writer left is finished or discarded first, and the
 * application's handle brought up to date.
 * @param application borrowed until clv_txn_free()
 * @return CLV_BUSY if another writer is at it (retryable), CLV_PERMISSION
 */
CLV_API clv_status clv_txn_open(
    clv_application *application, clv_txn **out, clv_error **err);

/** Ends it. What was staged and not committed is forgotten; pending keys stay.
 * Accepts NULL. */
CLV_API void clv_txn_free(clv_txn **txn);

/**
 * Makes a key for a slot in its store, pending until a certificate for it is
 * committed. A pending key that the slot has already is destroyed.
 *
 * @param algorithm one of the slot's CertificateType
 * @param[out] key  NULL, or gets the key
 * @return CLV_INVALID for a slot or algorithm that does not fit, and those of
 *         clv_key_generate(); the slot's pending key is then the old one
 */
CLV_API clv_status clv_txn_new_key(clv_txn *txn, const char *group,
    const char *type, clv_algorithm algorithm, clv_key **key, clv_error **err);
/** The same with a private key that was made elsewhere. @return those of
 *  clv_key_import() */
CLV_API clv_status clv_txn_import_key(clv_txn *txn, const char *group,
    const char *type, const clv_secret *pem_or_der, clv_key **key,
    clv_error **err);

/**
 * Stages a certificate for a slot, whose pending or present key it must be
 * for; it replaces one that was staged before. Whether it is trusted is not
 * asked.
 *
 * @param group,type  the slot; NULL: every slot is tried
 * @param der         one certificate, DER or PEM
 * @param chain       its issuers, concatenated DER, the nearest first; copied
 * @return CLV_INVALID if it is for neither key, or its ApplicationUri is not
 *         the application's; CLV_CORRUPT; CLV_CHANGED if the pending key is
 *         not the one that was made
 */
CLV_API clv_status clv_txn_certificate(clv_txn *txn, const char *group,
    const char *type, const void *der, size_t size, const void *chain,
    size_t chain_size, clv_error **err);

/**
 * All that was staged comes into force, durably, or nothing. The application's
 * handle is up to date afterwards. Nothing staged: done. Keys that are
 * replaced are destroyed if their device lets itself be reached; else the next
 * transaction tries again.
 *
 * @return CLV_IO, CLV_PERMISSION, CLV_NO_MEMORY: all is as before, with one
 *         exception that the message names: the change is in force but could
 *         not be carried out in full; the next writer does so.
 */
CLV_API clv_status clv_txn_commit(clv_txn *txn, clv_error **err);

/**
 * Forgets what was staged and destroys the keys that this transaction made.
 * @return those of clv_key_delete(); the next transaction tries again
 */
CLV_API clv_status clv_txn_cancel(clv_txn *txn, clv_error **err);

/**
 * Opens the pending key of a slot.
 * @return CLV_NOT_FOUND if there is none, CLV_CHANGED if it is another than
 *         the one that was made, and those of clv_key_open()
 */
CLV_API clv_status clv_application_pending_key(
    const clv_application *application, const char *group, const char *type,
    clv_key **out, clv_error **err);

/** The URI of the pending key of a slot, NULL if there is none. No device is
 * touched. Free `*out` with clv_free(). */
CLV_API clv_status clv_application_pending_uri(
    const clv_application *application, const char *group, const char *type,
    char **out, clv_error **err);

/** What clv_application_recover() did. */
struct clv_recovery {
	/** A committed transaction was carried out, now or when the handle was
	 * opened. */
	bool finished;
	size_t destroyed; /**< keys that nothing used any more */
	size_t swept;     /**< temporary files */
	size_t left;      /**< keys that could not be destroyed */
};

/**
 * Finishes or discards what a killed writer left. Every transaction does that
 * first; this one tells.
 * @return CLV_BUSY, CLV_PERMISSION, CLV_CORRUPT; if keys are left, why the
 *         first could not be destroyed
 */
CLV_API clv_status clv_application_recover(clv_application *application,
    struct clv_recovery *recovery, clv_error **err);

#ifdef __cplusplus
}
#endif

#endif
