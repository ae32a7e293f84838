/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The TPM commands we use, one function each (TPM 2.0 Part 3). They return
 * the TPM's response code, or one of errors.h.
 */
#ifndef CLV_TPM2_COMMANDS_H
#define CLV_TPM2_COMMANDS_H

#include "link.h"

/* Room for what a TPM2B_PRIVATE_KEY_RSA or a sealed secret can hold. */
#define CLV_TPM_SEALED_MAX 128U

TSS2_RC clv_tpm_startup(struct clv_tpm_link *link);
/* So that a power cut after this is not counted as an attack. */
TSS2_RC clv_tpm_shutdown(struct clv_tpm_link *link);
TSS2_RC clv_tpm_read_clock(
    struct clv_tpm_link *link, struct clv_tpm_epoch *epoch);

/* `count` properties from `first` on; those the TPM lacks are left alone. */
TSS2_RC clv_tpm_properties(
    struct clv_tpm_link *link, TPM2_PT first, uint32_t *values, size_t count);
/* Handles from `first` on that are in use; `*count` is the room, then how
 * many there are. */
TSS2_RC clv_tpm_handles(struct clv_tpm_link *link, TPM2_HANDLE first,
    TPM2_HANDLE *handles, size_t *count);

/* The name is our own hash of the public area; the TPM's must agree. */
TSS2_RC clv_tpm_read_public(struct clv_tpm_link *link, TPM2_HANDLE handle,
    TPM2B_PUBLIC *public_area, TPM2B_NAME *name);
TSS2_RC clv_tpm_create_primary(struct clv_tpm_link *link, TPM2_HANDLE hierarchy,
    const TPM2B_PUBLIC *template, TPM2_HANDLE *handle,
    TPM2B_PUBLIC *public_area, TPM2B_NAME *name);
/* Salted to link->primary, which must be loaded. */
TSS2_RC clv_tpm_start_session(struct clv_tpm_link *link);
TSS2_RC clv_tpm_flush(struct clv_tpm_link *link, TPM2_HANDLE handle);

/* These work under link->primary and with link->session. */

/* What a new object shall be. */
struct clv_tpm_recipe {
	const TPM2B_PUBLIC *template;
	struct clv_tpm_auth auth;
	struct clv_span sealed; /* for a sealed secret */
};

TSS2_RC clv_tpm_create(struct clv_tpm_link *link,
    const struct clv_tpm_recipe *recipe, TPM2B_PRIVATE *private_area,
    TPM2B_PUBLIC *public_area);
TSS2_RC clv_tpm_import(struct clv_tpm_link *link,
    const TPM2B_PUBLIC *public_area, struct clv_span duplicate,
    const TPM2B_ENCRYPTED_SECRET *seed, TPM2B_PRIVATE *private_area);
TSS2_RC clv_tpm_load(struct clv_tpm_link *link,
    const struct clv_tpm_object *object, TPM2_HANDLE *handle);

/* These use a loaded key. `scheme` is TPM2_ALG_RSASSA and so on. */

TSS2_RC clv_tpm_sign(struct clv_tpm_link *link,
    const struct clv_tpm_handle *key, const struct clv_tpm_auth *auth,
    TPM2_ALG_ID scheme, TPM2_ALG_ID hash, struct clv_span digest,
    uint8_t *signature, size_t signature_size);
/* `*size` is the room, then the bytes of the message. `scheme` is
 * TPM2_ALG_NULL for RSA without padding. */
TSS2_RC clv_tpm_rsa_decrypt(struct clv_tpm_link *link,
    const struct clv_tpm_handle *key, const struct clv_tpm_auth *auth,
    TPM2_ALG_ID scheme, TPM2_ALG_ID hash, struct clv_span ciphertext,
    uint8_t *message, size_t *size);
/* The bytes are borrowed from link->answer until the next command. */
TSS2_RC clv_tpm_unseal(struct clv_tpm_link *link,
    const struct clv_tpm_handle *item, const struct clv_tpm_auth *auth,
    struct clv_span *secret);
TSS2_RC clv_tpm_change_auth(struct clv_tpm_link *link,
    const struct clv_tpm_handle *key, const struct clv_tpm_auth *auth,
    const struct clv_tpm_auth *wanted, TPM2B_PRIVATE *private_area);
/* Makes a loaded key persistent, or with the persistent handle itself removes
 * it. `owner` authorises it. */
TSS2_RC clv_tpm_evict_control(struct clv_tpm_link *link,
    const struct clv_tpm_auth *owner, const struct clv_tpm_handle *key,
    TPM2_HANDLE persistent);

#endif
