/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Auth values and the TPM's defence against guessing them.
 */
#ifndef CLV_TPM2_AUTH_H
#define CLV_TPM2_AUTH_H

#include "tpm.h"

/* An auth value is as long as the name hash at most (Part 1, 19.4.2). */
#define CLV_TPM_AUTH_SIZE 32U

/* What the TPM says about wrong auth values of lockable keys. */
struct clv_tpm_lockout {
	bool locked;
	unsigned tries_left;
	unsigned interval; /* seconds until one more try */
};

clv_status clv_tpm_lockout_read(const struct clv_tpm_use *use,
    struct clv_tpm_lockout *out, clv_error **err);

/*
 * After the TPM refused an auth value of a lockable key: replaces the error
 * by one that tells tries left and recovery time. Returns its class.
 */
clv_status clv_tpm_lockout_explain(
    const struct clv_tpm_use *use, clv_status status, clv_error **err);

/* Tries an auth value; `user` is its own. */
typedef clv_status clv_tpm_try_auth(
    void *user, const clv_secret *auth, clv_error **err);

/*
 * Asks for a key's auth value until one is right. Each source is asked once;
 * before each try of a lockable key the TPM is asked how many are left, and
 * no stored value is tried when it is the last one.
 */
clv_status clv_tpm_auth_ask(const struct clv_tpm_use *use,
    const char *pin_source, const char *label, bool lockable,
    clv_tpm_try_auth *try_auth, void *user, clv_secret *auth, clv_error **err);

/* Asks for a new auth value; empty if there is none. */
clv_status clv_tpm_auth_ask_new(const struct clv_tpm_use *use,
    const char *pin_source, const char *label, clv_secret *auth,
    clv_error **err);

/* The owner's, after the TPM wanted one. */
clv_status clv_tpm_auth_ask_owner(
    const struct clv_tpm_use *use, clv_secret *auth, clv_error **err);

struct clv_tpm_auth clv_tpm_auth_of(const clv_secret *secret);

#endif
