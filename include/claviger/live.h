/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * An application as a running server needs it: always the present keys,
 * certificates and TrustLists, whoever changes them, and all of one state.
 *
 *     clv_live *live = NULL;
 *     clv_live_view *view = NULL;
 *     struct clv_live_slot slot;
 *
 *     if (clv_live_open(context, "/etc/pump", &live, &err) != CLV_OK)
 *             ...
 *     (for each channel, handshake, ...)
 *     if (clv_live_get_view(live, &view, &err) == CLV_OK &&
 *         clv_live_view_find(view, group, type, &slot) && slot.key != NULL)
 *             clv_key_sign(slot.key, ...);
 *     clv_live_view_free(&view);
 *
 * A view never changes. Its keys, certificates, chains and TrustLists belong
 * together: they are those of one moment between two transactions, also while
 * another process is putting a transaction in place. It stays as it is until
 * it is freed, so that an operation under way ends with what it began with;
 * the next view has what is new. A transaction destroys the keys it replaces.
 * The views that are left then go on with such a key where it is in `file:` or
 * `pem:` (it is in memory) or `tpm2:` in a file (the TPM loads it from
 * memory), and get an error from `pkcs11:` and from a TPM's persistent
 * handle, where the key is gone; a single operation under way ends first.
 *
 * A view costs next to nothing while nothing has changed: one system call for
 * the application and one for each TrustList (as in trust.h), no file is read
 * and no device touched. A key in a file is compared again when anybody
 * touches the file, one in a device with each transaction, with each change of
 * claviger.conf, and by clv_live_check(). If it is not the key of the slot's
 * certificate, or neither transaction nor claviger.conf have changed the slot
 * and the key is another one than before, the slot is unusable: CLV_CHANGED
 * (and the audit log tells). The other slots go on.
 *
 * This is a handle of its own beside clv_application, because an application
 * is one reading of claviger.conf that belongs to one thread while it is being
 * changed, and this is many readings that belong to all of them.
 *
 * Threads: all functions may be called by any number of threads at once, but
 * for clv_live_free(), and clv_live_dispatch(), which is for one thread. No
 * lock is held between two calls, nor while a callback runs. A thread that
 * asks for a view while another one reads what is new waits for it. After
 * fork() a child may go on asking for views, if no other thread was inside a
 * call at that moment; for clv_live_get_fd() and clv_live_dispatch() it opens
 * a handle of its own.
 */
#ifndef CLAVIGER_LIVE_H
#define CLAVIGER_LIVE_H

#include <claviger/application.h>
#include <claviger/trust.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clv_live clv_live;
typedef struct clv_live_view clv_live_view;

/**
 * Opens the application in `directory` and reads it. A slot or TrustList that
 * can't be used does not make this fail: see clv_live_view_slot().
 *
 * @return those of clv_application_open()
 */
CLV_API clv_status clv_live_open(clv_context *context, const char *directory,
    clv_live **out, clv_error **err);

/** Closes it; its views live on. No other call may be under way. Accepts
 * NULL. */
CLV_API void clv_live_free(clv_live **live);

/**
 * The application as it is now. Whatever was committed before the call is in
 * it.
 *
 * @param[out] out the caller's, for clv_live_view_free()
 * @return those of clv_application_open(): then nobody knows what is true now,
 *         as when others can write claviger.conf. Later calls try again; views
 *         that were got before stay usable. CLV_BUSY (retryable) if it was
 *         changed over and over while it was read
 */
CLV_API clv_status clv_live_get_view(
    clv_live *live, clv_live_view **out, clv_error **err);

/** Gives it up. NULL is fine. Any thread. */
CLV_API void clv_live_view_free(clv_live_view **view);

/** Another reference to the same view, to be freed as well. */
CLV_API clv_live_view *clv_live_view_ref(clv_live_view *view);

/**
 * Reads everything again and compares every key with the one in its device,
 * also those of which nobody tells that they have changed. Takes as long as
 * the devices do; other threads wait for their views meanwhile.
 * @return those of clv_live_get_view()
 */
CLV_API clv_status clv_live_check(clv_live *live, clv_error **err);

/* ---- what is in a view: borrowed, as long as the view ---- */

/** A slot. Fields may be added at the end. */
struct clv_live_slot {
	const char *group;
	const char *type; /**< CertificateType */
	clv_key *key;     /**< NULL if the slot can't be used */
	const clv_certificate *certificate; /**< NULL if it can't be read */
	const uint8_t *chain; /**< its issuers, concatenated DER, or NULL */
	size_t chain_size;
	/** Why the slot can't be used; NULL if it can. */
	const clv_error *problem;
};

/** Fills `slot` with slot `index`; false past the end. */
CLV_API bool clv_live_view_slot(
    const clv_live_view *view, size_t index, struct clv_live_slot *slot);
/** The same by name; false if there is no such slot. */
CLV_API bool clv_live_view_find(const clv_live_view *view, const char *group,
    const char *type, struct clv_live_slot *slot);

/** The application's names, groups and paths. What reads files or devices,
 * such as clv_application_key(), may give what is newer than the view. */
CLV_API const clv_application *clv_live_view_application(
    const clv_live_view *view);

/** Which transaction came last: 32 hexadecimal digits, "" if none did. Two
 * views with the same have the same keys and certificates, unless somebody
 * changed claviger.conf by hand. */
CLV_API const char *clv_live_view_transaction(const clv_live_view *view);

/**
 * The TrustList of a group, for clv_verify().
 * @param[out] out borrowed from the view
 * @return CLV_NOT_FOUND for an unknown group, and those of clv_trust_open()
 *         and clv_trust_get_snapshot()
 */
CLV_API clv_status clv_live_view_trust(const clv_live_view *view,
    const char *group, const clv_trust_snapshot **out, clv_error **err);

/** clv_trust_verify() with the TrustList of the view: what is merely not
 * trusted goes to the group's RejectedList. Parameters and results as there,
 * and those of clv_live_view_trust(); options of NULL are the defaults with
 * what the group suppresses (clv_application_validation()). */
CLV_API clv_status clv_live_view_verify(const clv_live_view *view,
    const char *group, const void *der, size_t size,
    const clv_verify_options *options, clv_verdict **out,
    clv_error **err) CLV_MUST_USE;

/* ---- noticing ---- */

/** What is another than before: bits. */
enum clv_live_what {
	CLV_LIVE_KEY = 1,         /**< the slot's key */
	CLV_LIVE_CERTIFICATE = 2, /**< its certificate or chain */
	CLV_LIVE_PROBLEM = 4,     /**< it can, or can't, be used any more */
	CLV_LIVE_TRUST = 8,       /**< the group's TrustList */
	CLV_LIVE_SLOT = 16,       /**< the slot came or went */
	CLV_LIVE_NAMES = 32       /**< claviger.conf says other names */
};

/** One change, borrowed during the call. Fields may be added at the end. */
struct clv_live_change {
	unsigned what;     /**< bits of ::clv_live_what */
	const char *group; /**< NULL for ::CLV_LIVE_NAMES alone */
	const char *type;  /**< NULL for a TrustList */
	/** Why the slot can't be used now; NULL if it can. */
	const clv_error *problem;
	/** Of a TrustList: what came and went, and who lost trust (see
	 * trust.h). NULL if that is not known, as for a list at another place:
	 * then every peer is to be checked again. */
	clv_trust_notice *trust;
};

/** Called by clv_live_dispatch() once for each change, on its thread, when
 * clv_live_get_view() already gives what is new. */
typedef void clv_live_notice_fn(
    void *user, clv_live *live, const struct clv_live_change *change);

/** Who is told of changes; NULL: nobody. Changes made before are not told. Not
 * while clv_live_dispatch() runs. */
CLV_API void clv_live_set_notice(
    clv_live *live, clv_live_notice_fn *fn, void *user);

/**
 * A descriptor that poll(2) finds readable when clv_live_dispatch() should be
 * called. Borrowed; not to be read. @return CLV_IO and those of
 * clv_live_get_view()
 */
CLV_API clv_status clv_live_get_fd(clv_live *live, int *fd, clv_error **err);

/**
 * Looks for changes and tells them to the notice function. Cheap if there are
 * none. Slots whose device was away are tried again, every five seconds.
 * @return those of clv_live_get_view()
 */
CLV_API clv_status clv_live_dispatch(clv_live *live, clv_error **err);

#ifdef __cplusplus
}
#endif

#endif
