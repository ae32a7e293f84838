/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A TPM inside this process that answers as a real one would, authentic
 * sessions included, and then does to its answers what the input says. Where
 * the input says nothing, the answer is right: so that a few bytes spoil any
 * command, however deep in a piece of work it is.
 *
 * It can't do cryptography with private keys and need not: its storage key is
 * the generator of P-256, whose private half is 1, so that a shared secret
 * is the other's own public point. There is one, for one thread.
 */
#ifndef CLV_FUZZ_HOSTILE_TPM_H
#define CLV_FUZZ_HOSTILE_TPM_H

#include "../../backends/tpm2/link.h"

#define HOSTILE_SESSION 0x02000000U
#define HOSTILE_SLOTS 3U
/* A persistent key that is there from the beginning. */
#define HOSTILE_PERSISTENT 0x81000010U

/* The storage key, and keys that can be loaded, as TPM2B_PUBLIC. */
extern TPM2B_PUBLIC hostile_srk, hostile_ec, hostile_rsa;

/* Begins anew, with answers spoiled by `input`. `crypto` is borrowed. */
void hostile_tpm_reset(struct clv_tpm_crypto *crypto, struct clv_span input);
/* As if a session with a key of zeros, and the primary, had been made. */
void hostile_tpm_warm_up(TPM2_HANDLE *session, TPM2_HANDLE *primary);
/* The next byte of the input, 0 at its end. */
uint8_t hostile_tpm_take(void);
bool hostile_tpm_has_input(void);
/* The auth value of all keys but the storage key. */
void hostile_tpm_set_auth(const char *auth);
/* Whether anything was spoiled so far. */
bool hostile_tpm_was_hostile(void);
/* The way to it. */
TSS2_TCTI_CONTEXT *hostile_tpm_tcti(void);
struct clv_tpm_epoch hostile_tpm_epoch(void);

#endif
