/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * Changing an application as one: keys, certificates and their chains, and
 * TrustLists of any number of groups are replaced together, or none of them
 * is. This survives kill -9 and power cuts
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
 * that uses it is committed, another one is made for the same slot, the slot
 * is deleted, or it is cancelled. The key that it replaces is destroyed after
 * the commit only.
 *
 * TrustLists are plain directories that others read and change, too. Whoever
 * reads them with Claviger (trust.h) sees the old lists until the commit, and
 * the new ones from the same moment on as the keys and certificates; changes
 * that others make between staging and commit are kept.
 *
 * There is one writer at a time, in all processes. A transaction belongs to
 * one thread at a time, and so does its application's handle while it is open.
 */
#ifndef CLAVIGER_TRANSACTION_H
#define CLAVIGER_TRANSACTION_H

#include <claviger/application.h>
#include <claviger/trust.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clv_txn clv_txn;

/**
 * Begins. What a killed writer left is finished or discarded first, and the
 * application's handle brought up to date. Waits up to ten seconds for another
 * writer.
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
 * asked unless clv_txn_set_verify() says so.
 *
 * @param group,type  the slot; NULL: every slot is tried
 * @param der         one certificate, DER or PEM
 * @param chain       its issuers, at most 10, concatenated DER in any order;
 *                    each is kept once, the nearest first
 * @return CLV_INVALID if it is for neither key, its ApplicationUri is not the
 *         application's, or the chain has a certificate that issued none of
 *         the others (by name and signature); CLV_CORRUPT; CLV_CHANGED if the
 *         pending key is not the one that was made
 */
CLV_API clv_status clv_txn_certificate(clv_txn *txn, const char *group,
    const char *type, const void *der, size_t size, const void *chain,
    size_t chain_size, clv_error **err);

/**
 * Whether certificates are verified from now on as OPC 10000-12 demands
 * of UpdateCertificate (default: false): by the steps of Part 4 against the
 * TrustList of their group as it will be after this transaction, with all
 * changes staged before, and once more at the commit with all of them. The
 * chain given with a certificate is not used: its issuers have to be in the
 * list. Errors that Part 4 lets one suppress are ignored in groups of
 * applications.
 *
 * clv_txn_certificate() and clv_txn_commit() then also return CLV_UNTRUSTED,
 * with the StatusCode as the error's code (CLV_DOMAIN_OPCUA), and those of
 * clv_trust_get_snapshot().
 */
CLV_API void clv_txn_set_verify(clv_txn *txn, bool verify);

/**
 * Makes a new key for a slot with a self-signed certificate (OPC 10000-12,
 * 7.10.6: CreateSelfSignedCertificate, which wants the slot to be empty; this
 * does not), and stages both. A key that was pending is destroyed.
 *
 * @param algorithm one of the slot's CertificateType
 * @param subject   NULL: the application's; else with its ApplicationUri
 * @param days      see clv_certificate_self_sign()
 * @return CLV_INVALID, and those of clv_txn_new_key()
 */
CLV_API clv_status clv_txn_self_sign(clv_txn *txn, const char *group,
    const char *type, clv_algorithm algorithm, const clv_subject *subject,
    unsigned days, clv_error **err);

/**
 * Stages that a slot becomes empty (OPC 10000-12: DeleteCertificate):
 * its key and a pending one are destroyed after the commit. What is staged for
 * the slot is forgotten; a key made for it afterwards stays, or fills it again
 * with its certificate. The file of the certificate stays in own/certs.
 *
 * @return CLV_NOT_FOUND (BadInvalidState) if it is empty, CLV_INVALID if there
 *         is no such slot
 */
CLV_API clv_status clv_txn_delete(
    clv_txn *txn, const char *group, const char *type, clv_error **err);

/*
 * TrustLists. Each call tries the change on the group's list as it is now with
 * all that was staged for it before, and refuses what can't be done; then what
 * was staged before is left as it was. The commit works all of it out again
 * on the list as it is then. Groups that share a directory share the changes.
 *
 * All return, besides what is said there: CLV_INVALID for a group that there
 * is not, CLV_TOO_LARGE (BadRequestTooLarge) if the list would be larger than
 * its readers take, and those of clv_trust_open() and
 * clv_trust_get_snapshot().
 */

/**
 * Stages certificates and CRLs to be added to the list of a group.
 *
 * @param list  CLV_TRUST_TRUSTED_CERTIFICATES or CLV_TRUST_ISSUER_CERTIFICATES
 * @param bytes DER or PEM, sorted as by clv_trust_add(); copied
 * @return CLV_CORRUPT for anything but certificates and CRLs
 */
CLV_API clv_status clv_txn_trust_add(clv_txn *txn, const char *group,
    clv_trust_mask list, const void *bytes, size_t size, clv_error **err);

/**
 * Stages the removal of a certificate, with its CRLs where clv_trust_remove()
 * takes them along, or of a CRL. If somebody else has removed it when the
 * transaction is committed, that is as good.
 *
 * @param lists      bits of ::clv_trust_mask
 * @param thumbprint 40 hexadecimal digits; colons and blanks are skipped
 * @return CLV_NOT_FOUND, CLV_AMBIGUOUS
 */
CLV_API clv_status clv_txn_trust_remove(clv_txn *txn, const char *group,
    unsigned lists, const char *thumbprint, clv_error **err);

/**
 * Stages the replacement of the lists that the mask of `data` names (OPC
 * 10000-12, 7.8.2: a TrustList that was written and closed).
 *
 * @param data copied
 * @return CLV_CORRUPT (BadCertificateInvalid) if an entry is not what its list
 *         is for
 */
CLV_API clv_status clv_txn_trust_replace(clv_txn *txn, const char *group,
    const clv_trust_data *data, clv_error **err);

/**
 * All that was staged comes into force, durably, or nothing. The application's
 * handle is up to date afterwards. Nothing staged: done. Keys that are
 * replaced are destroyed if their device lets itself be reached; else the next
 * transaction tries again.
 *
 * @return CLV_BUSY (another writer held the lock of a TrustList for ten
 *         seconds; retryable), CLV_IO, CLV_PERMISSION, CLV_NO_MEMORY: all is
 *         as before and still staged, with one exception that the message
 *         names: the change is in force but could not be carried out in full;
 *         the next writer does so.
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
	/** TrustLists that a committed transaction changes and that were
	 * brought up to it, now or when the handle was opened. */
	size_t lists;
	/** Changes of TrustLists that were prepared and never committed. */
	size_t discarded;
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
