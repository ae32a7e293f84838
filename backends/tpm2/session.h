/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The session that protects commands (TPM 2.0 Part 1, 19 and 21): an HMAC
 * session, salted so that who listens on the bus can't know its key, with
 * AES-128-CFB encryption of the first parameter in both directions. It is
 * made once and then used for every key, so that a protected command is one
 * command.
 */
#ifndef CLV_TPM2_SESSION_H
#define CLV_TPM2_SESSION_H

#include "frame.h"

/* handle, nonce, attributes, hmac */
#define CLV_TPM_SESSION_AREA \
	(4U + 2U + CLV_TPM_DIGEST + 1U + 2U + CLV_TPM_DIGEST)

struct clv_tpm_session {
	TPM2_HANDLE handle; /* 0: there is none */
	bool proven;        /* the TPM has the same key: it answered right */
	uint8_t key[CLV_TPM_DIGEST];
	uint8_t nonce_tpm[CLV_TPM_DIGEST];
	uint8_t nonce_caller[CLV_TPM_DIGEST];
};

/* The auth value of the command's first handle; its closing zero bytes do not
 * count (Part 1, 19.6.4.3). Borrowed. */
struct clv_tpm_auth {
	const uint8_t *bytes;
	size_t size;
};
#define CLV_TPM_AUTH_MAX 64U
#define CLV_TPM_NO_AUTH ((struct clv_tpm_auth){NULL, 0})

/* Writes TPM2_StartAuthSession, salted for `target` if that is not NULL. */
TSS2_RC clv_tpm_session_request(struct clv_tpm_session *session,
    struct clv_tpm_crypto *crypto, TPM2_HANDLE target_handle,
    const TPMT_PUBLIC *target, uint8_t *salt, struct clv_tpm_command *command);
/* Takes the answer, whose handle was read already, and makes the key. */
TSS2_RC clv_tpm_session_begin(struct clv_tpm_session *session,
    struct clv_tpm_crypto *crypto, const uint8_t *salt, size_t salt_size,
    TPM2_HANDLE handle, struct clv_tpm_answer *answer);
/* Forgets it; the TPM's half is for the caller to flush. */
void clv_tpm_session_forget(struct clv_tpm_session *session);

/* Encrypts and signs a finished command. */
TSS2_RC clv_tpm_session_protect(struct clv_tpm_session *session,
    struct clv_tpm_crypto *crypto, const struct clv_tpm_auth *auth,
    struct clv_tpm_command *command);
/* Checks and decrypts its answer. CLV_TPM_RC_FORGED: it is not the TPM's. */
TSS2_RC clv_tpm_session_unprotect(struct clv_tpm_session *session,
    struct clv_tpm_crypto *crypto, const struct clv_tpm_auth *auth,
    const struct clv_tpm_command *command, struct clv_tpm_answer *answer);

#endif
