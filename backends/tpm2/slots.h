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
 * What can't be trusted of an answer is the handle: no HMAC covers it, and a
 * disturbed answer tells none. So a command that makes something is preceded
 * by a list of the handles in use, and when its answer fails a check, or a
 * handle turns out wrong before it was ever used with success, we look for
 * what is new since, is nobody's on record, and has the name of what we asked
 * for, and flush that: at once, or when the TPM can be talked to again; at the
 * latest when the connection is closed or, if the TPM is away then, when the
 * next one of this account is made. (A session has no name. One that another
 * program started between our command and the search could be taken for the
 * one we look for.) What was there before is never flushed, whatever number an
 * answer tells.
 *
 * Beyond this promise is an interposer who makes up whole answers, with a name
 * and a handle that are both wrong, or that say that the TPM refused what it
 * has done (a search after each refusal of a TPM that is full and shared could
 * hit what another program made meanwhile), or who swallows the command that
 * flushes. He can fill the TPM until it is reset, and no more.
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
	/* Written down before the TPM was asked: the handle is not known (that
	 * of the record was told, but is in doubt), but it is none of these. */
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
/* It got it. False if this can't be its handle, which was in use before: then
 * it remains an intention. */
bool clv_tpm_slots_settle(struct clv_tpm_slots *slots, clv_tpm_claim claim,
    TPM2_HANDLE handle, const TPM2B_NAME *name);
/* It has another handle than we were told, perhaps: an intention again. */
void clv_tpm_slots_doubt(struct clv_tpm_slots *slots, clv_tpm_claim claim);
void clv_tpm_slots_remove(struct clv_tpm_slots *slots, clv_tpm_claim claim);
/* What is left of ours is anybody's to flush: we go. */
void clv_tpm_slots_give_up(struct clv_tpm_slots *slots);
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
/* One that a dead process left or a closed connection gave up, or an intention
 * that came to nothing; with `own`, anything that is ours. */
bool clv_tpm_slots_orphan(struct clv_tpm_slots *slots, bool own,
    clv_tpm_claim *claim, struct clv_tpm_slot *slot);

#endif
