/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Who of us holds what in a TPM that has no resource manager.
 *
 * Such a TPM has three slots for keys and three for sessions, shared by all
 * programs, and keeps what a killed program left in them. The processes of one
 * account therefore write down what they hold, in a file in memory that all
 * of them map: a process that finds the TPM full takes the slot that was not
 * used for longest, its owner notices and loads again, and what a dead
 * process left is flushed by the next one. Steady use takes a shared lock;
 * loading and flushing an exclusive one, so that no handle changes its meaning
 * while a command that names it is under way.
 *
 * The file is a help and no more: without it everything works as well as
 * among strangers. Its content is believed only after a look at the TPM.
 */
#ifndef CLV_TPM2_SLOTS_H
#define CLV_TPM2_SLOTS_H

#include "errors.h"

struct clv_tpm_slots;

/* A record and which of its uses; -1: none. */
typedef int64_t clv_tpm_claim;

enum clv_tpm_slot_kind {
	CLV_TPM_SLOT_FREE = 0,
	CLV_TPM_SLOT_OBJECT,
	CLV_TPM_SLOT_SESSION
};

/* As many handles as a TPM without resource manager has at a time. */
#define CLV_TPM_SLOT_BEFORE 8U

/* The TPM's counters of resets: handles mean nothing after one. */
struct clv_tpm_epoch {
	uint32_t resets;
	uint32_t restarts;
};

struct clv_tpm_slot {
	enum clv_tpm_slot_kind kind;
	TPM2_HANDLE handle;
	struct clv_tpm_epoch epoch;
	TPM2B_NAME name; /* of an object; empty: a primary not known before */
	/* Written down before the TPM was asked: the handle is not known, but
	 * it is none of these. */
	bool intended;
	size_t before_count;
	TPM2_HANDLE before[CLV_TPM_SLOT_BEFORE];
};

/* NULL if there is no place for the file. `tcti` names the TPM. */
struct clv_tpm_slots *clv_tpm_slots_open(const char *tcti);
/* Removes the file when nobody has anything in the TPM. */
void clv_tpm_slots_close(struct clv_tpm_slots **slots);
/* In a forked child: gives up the parent's descriptor, and no more. */
void clv_tpm_slots_abandon(struct clv_tpm_slots **slots);

/* All of these accept NULL slots, and then find nothing in the way. */

/* Waits for up to two minutes, then CLV_TPM_RC_BUSY. */
TSS2_RC clv_tpm_slots_lock(struct clv_tpm_slots *slots, bool exclusive);
void clv_tpm_slots_unlock(struct clv_tpm_slots *slots);

/* Writes down what this process is about to get from the TPM, so that it can
 * be found if the answer never comes or the process dies before it does. -1
 * if there is no room. */
clv_tpm_claim clv_tpm_slots_intend(
    struct clv_tpm_slots *slots, const struct clv_tpm_slot *slot);
/* It got it. */
void clv_tpm_slots_settle(struct clv_tpm_slots *slots, clv_tpm_claim claim,
    TPM2_HANDLE handle, const TPM2B_NAME *name);
void clv_tpm_slots_remove(struct clv_tpm_slots *slots, clv_tpm_claim claim);
/* Whether nobody took it away; counts as a use. */
bool clv_tpm_slots_still(struct clv_tpm_slots *slots, clv_tpm_claim claim);

/* The least recently used one of other owners; false if there is none. The
 * caller flushes it in the TPM and then removes it. */
bool clv_tpm_slots_victim(struct clv_tpm_slots *slots,
    enum clv_tpm_slot_kind kind, clv_tpm_claim *claim,
    struct clv_tpm_slot *slot);
/* Whether a record other than `claim` has this handle. */
bool clv_tpm_slots_claimed(
    struct clv_tpm_slots *slots, clv_tpm_claim claim, TPM2_HANDLE handle);
/* One that a dead process left, or an intention that came to nothing; with
 * `own`, anything that is ours. */
bool clv_tpm_slots_orphan(struct clv_tpm_slots *slots, bool own,
    clv_tpm_claim *claim, struct clv_tpm_slot *slot);

#endif
