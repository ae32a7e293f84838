/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * The TrustList as a directory: whom does this application trust?
 *
 *     DIRECTORY/trusted/certs  trusted/crl    trusted, with their CRLs
 *               issuer/certs   issuer/crl     complete chains, no more
 *               rejected/certs                turned away, for a person
 *               own/certs      own/private    the application's own
 *               .claviger                     lock and journal of writers
 *
 * (OPC 10000-12, F.1; "issuers" is taken for "issuer" where that is missing.)
 * Files are DER or PEM, one or several certificates or CRLs, recognised by
 * content, not by name. The application reads them all once; afterwards a
 * check costs one system call to learn that nothing has changed:
 *
 *     clv_trust *trust = NULL;
 *
 *     if (clv_trust_open("/etc/pump/pki", NULL, &trust, &err) != CLV_OK ||
 *         clv_trust_verify(trust, der, size, options, NULL, &err) != CLV_OK)
 *             fprintf(stderr, "%s\n", clv_error_message(err));
 *     clv_trust_free(&trust);
 *
 * Whatever anybody else, person or program, puts into the directories, takes
 * out or rewrites is honoured by the next check; only what changed is read
 * again. If the list can't be known, because the directory is gone or has
 * become insecure, the check fails and says so.
 *
 * Changes made here are atomic and durable. Several files at once go through
 * a journal: whoever reads with Claviger, in whatever process, sees the old
 * list or the new one. A change that was interrupted (kill -9, power cut) is
 * either in force or gone; what is in force but not yet carried out is
 * finished by the next one who changes the list. A list may also change
 * together with others and with an application's keys and certificates, by one
 * transaction (transaction.h): then a record in the application's directory
 * decides for all of them, and readers of the list must be able to read it.
 *
 * A file that is no certificate, cannot be read, or may be written by others
 * than the administrators does not count and is told by
 * clv_trust_visit_problems(). Never deleted, never the end of the list. A CRL
 * that has been read stays in force while its file is there but unreadable;
 * and while any file in a CRL folder is unreadable, options that overlook
 * missing CRLs do not hold for issuers without CRL.
 *
 * Threads: all functions may be called from any number of threads at once,
 * but for clv_trust_free(). Checks take no lock. After fork() a child may go
 * on with a list if no other thread was inside a call at that moment.
 */
#ifndef CLAVIGER_TRUST_H
#define CLAVIGER_TRUST_H

#include <claviger/guard.h>
#include <claviger/log.h>
#include <claviger/trust_data.h>
#include <claviger/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clv_trust clv_trust;

/* ---- options ---- */

/** What clv_trust_open() is told. Setters copy. One thread at a time. */
typedef struct clv_trust_options clv_trust_options;

/** @return CLV_NO_MEMORY */
CLV_API clv_status clv_trust_options_new(
    clv_trust_options **out, clv_error **err);
CLV_API void clv_trust_options_free(clv_trust_options **options);

/**
 * Who may write to the directories (policy CLV_GUARD_TRUST). The default is a
 * new guard: root and the process' own account. @return CLV_NO_MEMORY
 */
CLV_API clv_status clv_trust_options_set_guard(
    clv_trust_options *options, const clv_guard *guard, clv_error **err);

/** Where messages go, up to `level`; NULL sends none. */
CLV_API void clv_trust_options_set_log(clv_trust_options *options,
    clv_log_level level, clv_log_fn *fn, void *user);

/** Whether missing directories are made; its parent must be there. */
CLV_API void clv_trust_options_set_create(
    clv_trust_options *options, bool create);

/**
 * How changes are noticed. Normally the kernel tells (inotify). On network
 * and FUSE file systems, where it can't, and always with `polling`, the
 * directories' times are looked at by each check, which does not show that a
 * file was rewritten in place; for that every file is looked at once per
 * `interval_ms`. 0: one second.
 */
CLV_API void clv_trust_options_set_polling(
    clv_trust_options *options, bool polling, unsigned interval_ms);

/** What a list may hold at most. */
typedef enum clv_trust_limit {
	/** Files in all four folders; 1,000,000. */
	CLV_TRUST_LIMIT_FILES = 1,
	/** Bytes of one file; 64 MiB. */
	CLV_TRUST_LIMIT_FILE_SIZE = 2,
	/** Certificates in the RejectedList; 128. 0 keeps none. */
	CLV_TRUST_LIMIT_REJECTED = 3,
	/** Bytes of all certificates in the RejectedList; 1 MiB. */
	CLV_TRUST_LIMIT_REJECTED_SIZE = 4
} clv_trust_limit;
/** @return CLV_INVALID for an unknown limit, or 0 where it is not allowed */
CLV_API clv_status clv_trust_options_set_limit(clv_trust_options *options,
    clv_trust_limit limit, size_t value, clv_error **err);

/* ---- opening ---- */

/**
 * Opens a TrustList. The directories are judged and pinned; their files are
 * read when they are first asked for.
 *
 * @param options NULL for the defaults
 * @param[out] out the caller's, for clv_trust_free()
 * @return CLV_NOT_FOUND, CLV_POLICY (insecure: the error has the mending
 *         command), CLV_INVALID for a directory in which something is, but
 *         nothing of a TrustList, CLV_PERMISSION, CLV_IO, CLV_NO_MEMORY
 */
CLV_API clv_status clv_trust_open(const char *directory,
    const clv_trust_options *options, clv_trust **out, clv_error **err);

/** Closes it; snapshots of it live on. No other call may be under way. */
CLV_API void clv_trust_free(clv_trust **trust);

/** Its absolute path. Borrowed. */
CLV_API const char *clv_trust_path(const clv_trust *trust);

/* ---- checking ---- */

/**
 * The list as it is now. Without a change since the last call: one system
 * call, no lock. Any change that was complete before the call is in it.
 *
 * @param[out] out the caller's, for clv_trust_snapshot_free()
 * @return CLV_NOT_FOUND or CLV_POLICY if the directory has gone or become
 *         insecure, CLV_CORRUPT (a damaged journal, or one of which nobody
 *         can tell whether it counts, because the record of the transaction
 *         it belongs to is damaged or out of reach), CLV_TOO_LARGE, CLV_IO,
 *         CLV_NO_MEMORY. Later calls try again.
 */
CLV_API clv_status clv_trust_get_snapshot(
    clv_trust *trust, clv_trust_snapshot **out, clv_error **err);

/** Gives it up. NULL is fine. Any thread. */
CLV_API void clv_trust_snapshot_free(clv_trust_snapshot **snapshot);

/**
 * clv_trust_get_snapshot() and clv_verify(); and a certificate with which
 * nothing is wrong except that it is not trusted is put into the RejectedList.
 * Parameters and results as there.
 */
CLV_API clv_status clv_trust_verify(clv_trust *trust, const void *der,
    size_t size, const clv_verify_options *options, clv_verdict **out,
    clv_error **err) CLV_MUST_USE;

/* ---- looking ---- */

/** A certificate or CRL of a list. Strings are safe to print on a terminal,
 * never NULL unless said so, and live as long as the call of the visitor.
 * Fields may be added at the end. */
typedef struct clv_trust_item {
	/** Which list: one bit; CLV_TRUST_NO_LIST for the RejectedList. */
	clv_trust_mask list;
	const uint8_t *der;
	size_t size;
	/** SHA-1 of the DER, in upper-case hexadecimal. */
	const char *thumbprint;
	/** Of a CRL: its issuer. */
	const char *subject;
	const char *issuer;
	/** The file, such as "trusted/certs/Pump 7 [...].der". */
	const char *file;
	/** Seconds since 1970-01-01T00:00:00Z; of a CRL, when it was made and
	 * when the next one is due. */
	int64_t not_before;
	int64_t not_after;
	/** Of a CRL: how many certificates it revokes; else 0. */
	size_t revoked;
	bool is_crl;
	bool is_ca;
} clv_trust_item;

/** Gets an item. Returns whether to go on. No lock is held. */
typedef bool clv_trust_visit_fn(void *user, const clv_trust_item *item);

/**
 * Calls `fn` for each entry of the lists that the mask names.
 * @return CLV_CANCELLED if the visitor stopped; those of
 *         clv_trust_get_snapshot()
 */
CLV_API clv_status clv_trust_visit(clv_trust *trust, unsigned lists,
    clv_trust_visit_fn *fn, void *user, clv_error **err);

/** The same for the RejectedList, newest first. @return CLV_CANCELLED, CLV_IO,
 * CLV_PERMISSION, CLV_NO_MEMORY */
CLV_API clv_status clv_trust_visit_rejected(
    clv_trust *trust, clv_trust_visit_fn *fn, void *user, clv_error **err);

/** Gets a file that does not count, and why: an error whose subject is the
 * file and whose remedy mends it. Borrowed. */
typedef bool clv_trust_problem_fn(
    void *user, const char *file, const clv_error *problem);

/** Calls `fn` for each file that does not count. @return as clv_trust_visit().
 * `fn` must not call back into the list. */
CLV_API clv_status clv_trust_visit_problems(
    clv_trust *trust, clv_trust_problem_fn *fn, void *user, clv_error **err);

/* ---- changing ---- */

/** What a change did. Fields may be added at the end. */
typedef struct clv_trust_change {
	size_t added;     /**< files that were not there before */
	size_t removed;   /**< files that are gone */
	size_t unchanged; /**< entries that were there already */
	size_t skipped;   /**< of an import: files that are neither */
} clv_trust_change;

/*
 * All that follow return, besides what is said there: CLV_BUSY (another
 * writer held the lock for ten seconds; retryable), CLV_PERMISSION,
 * CLV_POLICY, CLV_IO, CLV_NO_MEMORY. The list is the old one if they fail,
 * with one exception that the message names: if a change was committed and
 * could not be carried out in full, as when the disk is full, or not be made
 * durable, it is in force, and will be carried out by the next one. `change`
 * may be NULL.
 */

/**
 * Adds the certificates and CRLs that `bytes` hold, DER or PEM. A CRL goes to
 * the CRLs of the same list. Of a chain (each certificate issued by the next)
 * only the first is added to the list, the others to the issuer list; of
 * unrelated certificates each. Older CRLs of the same issuer and key that the
 * new one replaces are removed if its signature holds.
 *
 * @param list CLV_TRUST_TRUSTED_CERTIFICATES or CLV_TRUST_ISSUER_CERTIFICATES
 * @return CLV_CORRUPT for anything but certificates and CRLs, CLV_TOO_LARGE,
 *         CLV_INVALID for another list
 */
CLV_API clv_status clv_trust_add(clv_trust *trust, clv_trust_mask list,
    const void *bytes, size_t size, clv_trust_change *change, clv_error **err);

/**
 * Removes a certificate or CRL by thumbprint from the lists that the mask
 * names. With a CA's last certificate go its CRLs in these lists (OPC
 * 10000-12, 7.8.2.7).
 *
 * @param thumbprint 40 hexadecimal digits; colons and blanks are skipped
 * @return CLV_NOT_FOUND, CLV_INVALID, CLV_AMBIGUOUS (different certificates
 *         with this thumbprint)
 */
CLV_API clv_status clv_trust_remove(clv_trust *trust, unsigned lists,
    const char *thumbprint, clv_trust_change *change, clv_error **err);

/**
 * Replaces the lists that the mask of `data` names; the others stay.
 *
 * @return CLV_CORRUPT if an entry is not what its list is for; an entry of a
 *         certificate list may be a chain, as for clv_trust_add()
 */
CLV_API clv_status clv_trust_replace(clv_trust *trust,
    const clv_trust_data *data, clv_trust_change *change, clv_error **err);

/** The lists that the mask names, as TrustListDataType. The caller frees
 * `*out`. */
CLV_API clv_status clv_trust_get_data(
    clv_trust *trust, unsigned mask, clv_trust_data **out, clv_error **err);

/** Finishes a change that was interrupted, if there is one, or discards what
 * was prepared for a transaction that was never committed. Every change does
 * that first. @return those of clv_trust_get_snapshot(), too */
CLV_API clv_status clv_trust_recover(clv_trust *trust, clv_error **err);

/* ---- the RejectedList ---- */

/**
 * Keeps a certificate for a person to look at. Returns at once: a thread of
 * the list writes it. If there are too many, the oldest go.
 */
CLV_API void clv_trust_reject(clv_trust *trust, const void *der, size_t size);

/** Waits until what was rejected is written. */
CLV_API void clv_trust_flush_rejected(clv_trust *trust);

/**
 * Moves a certificate from the RejectedList to the trusted one.
 * @return CLV_NOT_FOUND, CLV_INVALID, CLV_AMBIGUOUS
 */
CLV_API clv_status clv_trust_accept(
    clv_trust *trust, const char *thumbprint, clv_error **err);

/* ---- noticing ---- */

/** Why a certificate is no longer what it was. */
typedef enum clv_trust_loss {
	/** It is not in the trusted list any more. */
	CLV_TRUST_LOSS_REMOVED = 1,
	/** It is not in the issuer list any more: chains may be broken. */
	CLV_TRUST_LOSS_ISSUER = 2,
	/** A CRL that is new revokes it. Told for certificates of the lists. */
	CLV_TRUST_LOSS_REVOKED = 3,
	/** A CRL of this CA is gone: revocation may be unknown. */
	CLV_TRUST_LOSS_CRL = 4
} clv_trust_loss;

/** What has changed since the last notice. Borrowed during the call. */
typedef struct clv_trust_notice clv_trust_notice;

/** How many certificates and CRLs came and went. */
CLV_API size_t clv_trust_notice_added(const clv_trust_notice *notice);
CLV_API size_t clv_trust_notice_removed(const clv_trust_notice *notice);
/** Loss `index`: a certificate or, for CLV_TRUST_LOSS_CRL, the CRL; NULL past
 * the end. Valid until the next call. */
CLV_API const clv_trust_item *clv_trust_notice_loss(
    clv_trust_notice *notice, size_t index, clv_trust_loss *why);
/**
 * Whether trust that was there before may be gone: then whoever keeps a
 * channel open checks its certificate again with clv_trust_verify(), which
 * is cheap: signatures that were checked before are not checked again. A peer
 * that a CA vouches for is in no list, so that losses do not name it.
 */
CLV_API bool clv_trust_notice_is_loss(const clv_trust_notice *notice);

/** Called by clv_trust_dispatch(), on its thread, without a lock held. */
typedef void clv_trust_notice_fn(
    void *user, clv_trust *trust, clv_trust_notice *notice);

/** Who is told of changes; NULL: nobody. Changes made before are not told. */
CLV_API void clv_trust_set_notice(
    clv_trust *trust, clv_trust_notice_fn *fn, void *user);

/**
 * A descriptor that poll(2) finds readable when clv_trust_dispatch() should
 * be called: something may have changed. Borrowed; not to be read.
 * @return CLV_IO
 */
CLV_API clv_status clv_trust_get_fd(clv_trust *trust, int *fd, clv_error **err);

/**
 * Looks for changes and tells them to the notice function. Cheap if there are
 * none. For one thread, such as the one with the event loop.
 * @return those of clv_trust_get_snapshot(): then nobody is trusted until
 *         the list can be read again
 */
CLV_API clv_status clv_trust_dispatch(clv_trust *trust, clv_error **err);

/* ---- other layouts ---- */

/**
 * Adds what another product's directory holds, as one change: trusted and
 * issuer certificates, CRLs, and rejected certificates to the RejectedList.
 * Understood are OPC 10000-12, F.1 (UA-.NETStandard, open62541 1.5, Milo 1),
 * "issuers" and a flat "rejected" (node-opcua, Milo 0), PKI/CA and
 * PKI/issuers (Unified Automation), and open62541 1.5's ApplCerts,
 * HttpCerts and UserTokenCerts around them.
 *
 * @param group NULL or "" for the application's list; "User" and "Https" for
 *              UA-.NETStandard's trustedUser, issuerHttps and so on, and
 *              for open62541's UserTokenCerts and HttpCerts
 * @return CLV_NOT_FOUND if no such layout is there
 */
CLV_API clv_status clv_trust_import(clv_trust *trust, const char *directory,
    const char *group, clv_trust_change *change, clv_error **err);

/** Writes the lists that the mask names as plain files, in the layout of OPC
 * 10000-12, F.1, into a directory that is made if it is missing. Files that
 * are there stay. */
CLV_API clv_status clv_trust_export_files(
    clv_trust *trust, unsigned lists, const char *directory, clv_error **err);

/** Writes them as one PEM bundle with subjects as comments. The caller frees
 * `*pem` with clv_free(); a 0 byte follows the text. */
CLV_API clv_status clv_trust_export_pem(clv_trust *trust, unsigned lists,
    char **pem, size_t *size, clv_error **err);

#ifdef __cplusplus
}
#endif

#endif
