/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A TPM as this process knows it: one connection, one session and a few
 * loaded keys, shared by all stores and keys that name the same TCTI.
 *
 * What is done with it is a piece of work, a function that sends commands.
 * clv_tpm_run() connects if need be, runs it alone, and when the TPM was
 * reset, the connection lost, or an object or session taken away meanwhile,
 * mends that and runs it once more. So work must not mind being repeated.
 */
#ifndef CLV_TPM2_TPM_H
#define CLV_TPM2_TPM_H

#include <claviger/backend.h>

#include "frame.h"
#include "session.h"

struct clv_tpm;
struct clv_tpm_link;

/* What the TPM needs to be told about a key before it can use it. Does not
 * change after it was made. */
struct clv_tpm_object {
	TPM2B_PUBLIC public_area;
	TPM2B_NAME name;
	TPM2_HANDLE persistent; /* or 0, and then: */
	TPM2B_PRIVATE private_area;
	TPM2_HANDLE parent;     /* a hierarchy or a persistent handle */
	TPM2B_NAME parent_name; /* as recorded; size 0: not recorded */
};

/* The right to use an object: its auth value. */
struct clv_tpm_use {
	struct clv_tpm *tpm;
	clv_host *host;
	const char *subject; /* for errors; redacted */
};

/* The work. `job` is its own; it is run under the connection's lock. */
typedef TSS2_RC clv_tpm_work(struct clv_tpm_link *link, void *job);

/* Finds or makes the one for a TCTI; nothing is opened yet. */
clv_status clv_tpm_acquire(
    const char *tcti, struct clv_tpm **out, clv_error **err);
void clv_tpm_release(struct clv_tpm **tpm);
const char *clv_tpm_tcti(const struct clv_tpm *tpm);

/*
 * Runs `work`. `object` is the key it uses, or NULL: with a key that is
 * loaded already it may run beside the work of other processes. `operation`
 * is for errors.
 */
clv_status clv_tpm_run(const struct clv_tpm_use *use,
    const struct clv_tpm_object *object, clv_tpm_work *work, void *job,
    const char *operation, clv_error **err);

/* Flushes the object if it is loaded: before it is freed. */
void clv_tpm_drop(struct clv_tpm *tpm, const struct clv_tpm_object *object);

#endif
