/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * An OPC UA application's identity: its names, its CertificateGroups, and for
 * each CertificateType a slot with a private key and a certificate.
 *
 * All of it lives in a directory:
 *
 *     claviger.conf     who the application is and where its keys live (YAML)
 *     state/            what transactions are recorded in
 *     pki/              the TrustList of DefaultApplicationGroup, with the
 *                       application's own certificates in own/certs
 *
 * claviger.conf decides which key is used, so it is believed only if the path
 * guard finds it secure under CLV_GUARD_CONFIG. Relative paths in it, also in
 * URIs, start at the directory. Unknown or repeated names, and values that
 * can't be, are errors with their line. Example:
 *
 *     application-uri: urn:plant:pump7
 *     product-uri: urn:maker:pump
 *     application-names: {en: Pump 7, de: Pumpe 7}
 *     subject: CN=Pump 7/O=Plant
 *     application-type: server
 *     dns-names: [pump7.plant.example]
 *     groups:
 *       DefaultApplicationGroup:
 *         trust-list: pki
 *         certificate-types: [RsaSha256, EccNistP256]
 *         slots:
 *           RsaSha256:
 *             store: file:pki/own/private
 *             key: file:pki/own/private/app.pem
 *             certificate: pki/own/certs/Pump 7 [3F...].der
 *       DefaultUserTokenGroup:
 *         trust-list: groups/DefaultUserTokenGroup
 *
 * "suppress" lists what a group overlooks when it verifies certificates, in
 * the words of clv_validation_bit(), such as [expired, revocation-unknown].
 *
 * A group needs no slots. "certificate-types" says which it is meant to have;
 * without, those of its slots. "administrators" (users, groups) are who besides
 * root and the application may write, "audit" (file-size, files) bounds the
 * audit log (audit.h); "audit-begun: true", which the library writes, says that
 * there is one, so that it is missed. Slots are independent of each other:
 * one key may be in a TPM, another one on a token.
 *
 * Terms as in OPC 10000-12, 7.8: a slot is a pair of CertificateGroup and
 * CertificateType.
 */
#ifndef CLAVIGER_APPLICATION_H
#define CLAVIGER_APPLICATION_H

#include <claviger/certificate.h>
#include <claviger/trust.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The group every application has (OPC 10000-12, 7.8.3.4). */
#define CLV_DEFAULT_APPLICATION_GROUP "DefaultApplicationGroup"
/** Those it may have, by the names of OPC 10000-12; others are as good. */
#define CLV_DEFAULT_HTTPS_GROUP "DefaultHttpsGroup"
#define CLV_DEFAULT_USER_TOKEN_GROUP "DefaultUserTokenGroup"

typedef struct clv_application clv_application;

/** What is in a slot, with absolute paths. Strings are borrowed from the
 * application, until it changes. */
struct clv_slot {
	const char *group;       /**< such as "DefaultApplicationGroup" */
	const char *type;        /**< CertificateType, such as "RsaSha256" */
	const char *store;       /**< URI of the store that makes its keys */
	const char *key;         /**< URI of its key; NULL if it is empty */
	const char *certificate; /**< path of its certificate; NULL if empty */
};

/**
 * Makes a new application in `directory`, which must not exist or be empty:
 * claviger.conf, the directories of the TrustList, and for each algorithm a
 * key in `store` with a self-signed certificate. A failure leaves nothing
 * behind, except a device that failed to delete a key again.
 *
 * @param store      URI of a store, NULL for "file:". A URI without a path,
 *                   such as "pem:", means a directory inside `directory`.
 * @param algorithms at most one per CertificateType
 * @param days       validity of the certificates, see
 *                   clv_certificate_self_sign()
 * @return CLV_EXISTS if there is something in the directory, CLV_INVALID,
 *         CLV_POLICY, CLV_PERMISSION, and those of clv_key_generate()
 */
CLV_API clv_status clv_application_create(clv_context *context,
    const char *directory, const clv_subject *subject, const char *store,
    const clv_algorithm *algorithms, size_t count, unsigned days,
    clv_application **out, clv_error **err);

/**
 * Opens the application in `directory`.
 * @return CLV_NOT_FOUND, CLV_POLICY if the guard refuses claviger.conf,
 *         CLV_CORRUPT if it is not valid, with the line
 */
CLV_API clv_status clv_application_open(clv_context *context,
    const char *directory, clv_application **out, clv_error **err);
CLV_API void clv_application_free(clv_application **application);

/* Borrowed; any thread. */

CLV_API const char *clv_application_directory(
    const clv_application *application);
CLV_API const char *clv_application_uri(const clv_application *application);
CLV_API const char *clv_application_name(const clv_application *application);
/** NULL if claviger.conf has none. */
CLV_API const char *clv_application_product_uri(
    const clv_application *application);
/** One of its ApplicationNames (LocalizedText); false past the end. */
CLV_API bool clv_application_localized_name(const clv_application *application,
    size_t index, const char **locale, const char **text);
/** The name of CertificateGroup `index`; NULL past the end. */
CLV_API const char *clv_application_group(
    const clv_application *application, size_t index);
/** CertificateType `index` of a group; NULL past the end. */
CLV_API const char *clv_application_certificate_type(
    const clv_application *application, const char *group, size_t index);
/** Who its certificates are for. */
CLV_API const clv_subject *clv_application_subject(
    const clv_application *application);
/** The absolute path of a group's TrustList; NULL for an unknown group. */
CLV_API const char *clv_application_trust_list(
    const clv_application *application, const char *group);
/**
 * Opens a group's TrustList; the administrators that claviger.conf names may
 * write it. The caller frees `*out` with clv_trust_free().
 * @return CLV_NOT_FOUND for an unknown group, and those of clv_trust_open()
 */
CLV_API clv_status clv_application_open_trust_list(
    const clv_application *application, const char *group, clv_trust **out,
    clv_error **err);
/**
 * What a group overlooks (TrustListValidationOptions, OPC 10000-12, 7.8.2.9):
 * ::CLV_VALIDATION_DEFAULT and what its "suppress" in claviger.conf names. For
 * clv_verify_options_set_validation().
 */
CLV_API uint32_t clv_application_validation(
    const clv_application *application, const char *group);
/** Fills `slot` with slot `index`; false past the end. */
CLV_API bool clv_application_slot(
    const clv_application *application, size_t index, struct clv_slot *slot);

/**
 * Judges all that an application's security rests on: its directory with all
 * that is in it, as clv_guard_survey() does, and what claviger.conf names
 * elsewhere: TrustLists, certificates, stores and keys in files, files with
 * secrets (`pin-source`), and PKCS#11 modules (`module-path`), which others
 * must not be able to replace; and whether the audit log is whole: if it is
 * not, `visit` gets the reason as a failure. A path without a claviger.conf in
 * it is surveyed as it is. The guard is the context's, with the administrators
 * that claviger.conf names.
 *
 * A claviger.conf that the guard refuses, or that is not valid, is not
 * followed: `visit` gets the reason as a failure. Nothing outside the
 * directory is mended then, even if claviger.conf itself was.
 *
 * @param worst  as clv_guard_survey() has it
 * @return CLV_CANCELLED if the visitor stopped, and those of
 *         clv_guard_survey() for a path without a claviger.conf
 */
CLV_API clv_status clv_application_survey(clv_context *context,
    const char *path, bool fix, clv_guard_visit_fn *visit, void *user,
    clv_guard_grade *worst, clv_error **err);

/** Gets a change: of a slot, or with `type` NULL of a group's TrustList. */
typedef void clv_application_change_fn(
    void *user, const char *group, const char *type);
/**
 * What was committed last, as this handle has read it or newer.
 * @param time  seconds since 1970-01-01T00:00:00Z
 * @param fn    NULL, or called for each change
 * @return CLV_NOT_FOUND if nothing ever was, CLV_POLICY, CLV_CORRUPT
 */
CLV_API clv_status clv_application_last(const clv_application *application,
    int64_t *time, clv_application_change_fn *fn, void *user, clv_error **err);

/**
 * Opens the key of a slot.
 * @return CLV_NOT_FOUND if the slot is empty or unknown, CLV_CHANGED if it is
 *         not the key of the slot's certificate, and those of clv_key_open()
 */
CLV_API clv_status clv_application_key(const clv_application *application,
    const char *group, const char *type, clv_key **out, clv_error **err);
/** Reads the certificate of a slot. @return CLV_NOT_FOUND, CLV_POLICY,
 *  CLV_CORRUPT */
CLV_API clv_status clv_application_certificate(
    const clv_application *application, const char *group, const char *type,
    clv_certificate **out, clv_error **err);

/** Reads the issuers of the certificate of a slot, concatenated DER, the
 *  nearest first. Free `*der` with clv_free(). @return CLV_NOT_FOUND if it was
 *  installed without, CLV_POLICY */
CLV_API clv_status clv_application_chain(const clv_application *application,
    const char *group, const char *type, uint8_t **der, size_t *size,
    clv_error **err);

/**
 * Puts a certificate into the slot whose key it is for, pending or present,
 * replacing the one there: a transaction of its own (see transaction.h).
 *
 * @param group,type  the slot; NULL: every slot is tried
 * @param der         the certificate in DER
 * @return CLV_INVALID if its public key is not the slot's key's, or its
 *         ApplicationUri not the application's
 */
CLV_API clv_status clv_application_install(clv_application *application,
    const char *group, const char *type, const uint8_t *der, size_t size,
    clv_error **err);

/*
 * Adding to claviger.conf. Each call is a commit of its own, as safe as a
 * transaction (transaction.h), and brings the handle up to date. All return,
 * besides what is said there: CLV_EXISTS, CLV_INVALID for a name that can't
 * be, CLV_TOO_LARGE if there are too many, CLV_BUSY after waiting ten seconds
 * for another writer, CLV_PERMISSION, CLV_IO.
 */

/**
 * Adds a CertificateGroup with an empty TrustList.
 *
 * @param group       letters, digits, and "._- " inside
 * @param trust_list  its directory, which is made if it is missing; relative
 *                    to the application's, NULL: "groups/" and the name
 * @param types       the CertificateTypes it is meant to have
 */
CLV_API clv_status clv_application_add_group(clv_application *application,
    const char *group, const char *trust_list, const char *const *types,
    size_t count, clv_error **err);

/**
 * Adds an empty slot, for clv_txn_self_sign() or clv_txn_new_key().
 *
 * @param store  where its keys are to be made, as for
 *               clv_application_create(); it is opened to see whether it is
 *               there
 * @return CLV_NOT_FOUND for an unknown group, and those of clv_store_open()
 */
CLV_API clv_status clv_application_add_slot(clv_application *application,
    const char *group, const char *type, const char *store, clv_error **err);

/** Removes a slot that is empty (see clv_txn_delete()). @return CLV_NOT_FOUND,
 *  CLV_INVALID if it has a key, a pending one, or a certificate */
CLV_API clv_status clv_application_remove_slot(clv_application *application,
    const char *group, const char *type, clv_error **err);

#ifdef __cplusplus
}
#endif

#endif
