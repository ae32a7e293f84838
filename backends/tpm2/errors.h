/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What a TSS2_RC means: its name, its class, and what a person can do.
 */
#ifndef CLV_TPM2_ERRORS_H
#define CLV_TPM2_ERRORS_H

#include <claviger/error.h>

#include <tss2/tss2_common.h>
#include <tss2/tss2_tpm2_types.h>

/*
 * Codes of the layer below the commands, in the words of the System API,
 * whose place it takes.
 */
#define CLV_TPM_RC_MALFORMED TSS2_SYS_RC_MALFORMED_RESPONSE
#define CLV_TPM_RC_FORGED TSS2_ESYS_RC_RSP_AUTH_FAILED
#define CLV_TPM_RC_TOO_LARGE TSS2_SYS_RC_INSUFFICIENT_CONTEXT
#define CLV_TPM_RC_INTERNAL TSS2_SYS_RC_GENERAL_FAILURE
#define CLV_TPM_RC_MEMORY TSS2_ESYS_RC_MEMORY
/* A parent that is not the one that was recorded. */
#define CLV_TPM_RC_STRANGER TSS2_ESYS_RC_BAD_TR
/* The owner's hierarchy wants an auth value, which can't be given unprotected:
 * the session that would protect it needs the storage key first. */
#define CLV_TPM_RC_OWNED TSS2_ESYS_RC_INVALID_SESSIONS
/* Another process of ours keeps the TPM too long. */
#define CLV_TPM_RC_BUSY TSS2_TCTI_RC_TRY_AGAIN

/*
 * The code without the number of the handle, parameter or session it is
 * about: TPM2_RC_VALUE for "value of parameter 2". Codes that a resource
 * manager gives in the TPM's name count as the TPM's. Other layers' codes
 * are left alone.
 */
TSS2_RC clv_tpm_rc_base(TSS2_RC rc);

/* Whether it came from the layer that carries bytes: the TPM did not answer,
 * or what it answered was not understood. */
bool clv_tpm_rc_is_lost(TSS2_RC rc);

/* Whether the TPM says, or a resource manager in its place, that it has not
 * done what it was told. */
bool clv_tpm_rc_is_refusal(TSS2_RC rc);

/* Whether it is about a session of the command, and not about a handle or a
 * parameter. */
bool clv_tpm_rc_is_session(TSS2_RC rc);

/* By name, such as "TPM_RC_LOCKOUT"; "TSS2_RC" for an unknown one. Static. */
const char *clv_tpm_rc_name(TSS2_RC rc);

/* The class that clv_tpm_raise() would give it. */
clv_status clv_tpm_rc_status(TSS2_RC rc);

/* Makes an error of it. `subject` is a redacted URI, or NULL. */
clv_status clv_tpm_raise(
    clv_error **err, TSS2_RC rc, const char *operation, const char *subject);

#endif
