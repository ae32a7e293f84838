/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The way to the TPM: a TCTI of tpm2-tss.
 */
#ifndef CLV_TPM2_TRANSPORT_H
#define CLV_TPM2_TRANSPORT_H

#include "frame.h"

#include <tss2/tss2_tcti.h>

/* How long a command may take. RSA keys are made in up to a minute. */
#define CLV_TPM_ANSWER_MS (5 * 60 * 1000)

/*
 * Which TCTI to use: `wanted` (from a URI), or the environment
 * (CLAVIGER_TCTI, TPM2OPENSSL_TCTI, TPM2TOOLS_TCTI), or the kernel's resource
 * manager. CLV_POLICY for a URI that would load or run a program of its own
 * choice. `*out` is to be freed.
 */
clv_status clv_tpm_transport_choose(
    const char *wanted, char **out, clv_error **err);

/* Whether a resource manager stands between us and the TPM: then objects and
 * sessions are ours alone, and vanish with the connection. */
bool clv_tpm_transport_is_managed(const char *tcti);

/* Opens it. Explains the usual obstacles: no TPM, no permission. */
clv_status clv_tpm_transport_open(const char *tcti, const char *subject,
    TSS2_TCTI_CONTEXT **out, clv_error **err);
void clv_tpm_transport_close(TSS2_TCTI_CONTEXT **transport);

/* Sends a command and receives what comes back. */
TSS2_RC clv_tpm_transport_exchange(TSS2_TCTI_CONTEXT *transport,
    const struct clv_tpm_command *command, struct clv_tpm_answer *answer);

#endif
