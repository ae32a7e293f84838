/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Sharing a TPM without resource manager: writing down what we are about to
 * take, taking it from others of us, and cleaning up after those who died.
 */

#include "commands.h"

#include <string.h>

TSS2_RC
clv_tpm_intend(struct clv_tpm_link *link, enum clv_tpm_slot_kind kind,
    const TPM2B_NAME *name, clv_tpm_claim *claim)
{
	struct clv_tpm_slot slot = {.kind = kind,
	    .epoch = link->epoch,
	    .before_count = CLV_TPM_SLOT_BEFORE};
	TSS2_RC rc;

	*claim = -1;
	if (link->managed || link->slots == NULL)
		return TSS2_RC_SUCCESS;
	if (name != NULL)
		slot.name = *name;
	rc = clv_tpm_handles(link,
	    kind == CLV_TPM_SLOT_SESSION ? CLV_TPM_SESSIONS : CLV_TPM_TRANSIENT,
	    slot.before, &slot.before_count);
	if (rc == TSS2_RC_SUCCESS)
		*claim = clv_tpm_slots_intend(link->slots, &slot);
	return rc;
}

void
clv_tpm_settle(struct clv_tpm_link *link, clv_tpm_claim claim, TSS2_RC rc,
    TPM2_HANDLE handle, const TPM2B_NAME *name)
{
	if (rc == TSS2_RC_SUCCESS)
		clv_tpm_slots_settle(link->slots, claim, handle, name);
	else if (!clv_tpm_rc_is_lost(rc) && rc != CLV_TPM_RC_FORGED)
		clv_tpm_slots_remove(link->slots, claim);
	/* else: the TPM may have made it; we look for it when we connect */
}

/* ---- flushing for others ---- */

static bool
is_of_this_epoch(
    const struct clv_tpm_link *link, const struct clv_tpm_slot *slot)
{
	return slot->epoch.resets == link->epoch.resets &&
	    slot->epoch.restarts == link->epoch.restarts;
}

static bool
holds(struct clv_tpm_link *link, TPM2_HANDLE handle, const TPM2B_NAME *name)
{
	TPM2B_PUBLIC public_area;
	TPM2B_NAME found;

	if (handle >> TPM2_HR_SHIFT != TPM2_HT_TRANSIENT ||
	    clv_tpm_read_public(link, handle, &public_area, &found) !=
		TSS2_RC_SUCCESS)
		return false;
	return name->size == 0 ? clv_tpm_is_like_srk(&public_area)
			       : clv_tpm_name_equal(&found, name);
}

/* Whether a handle still is what the record says. A session has no name, but
 * its number is given again only after it was flushed, and a reset is seen in
 * the epoch. */
static bool
is_what_it_was(struct clv_tpm_link *link, const struct clv_tpm_slot *slot,
    clv_tpm_claim claim, TPM2_HANDLE handle)
{
	if (!is_of_this_epoch(link, slot) ||
	    clv_tpm_slots_claimed(link->slots, claim, handle))
		return false;
	if (slot->kind == CLV_TPM_SLOT_SESSION)
		return handle >> TPM2_HR_SHIFT == TPM2_HT_HMAC_SESSION;
	return holds(link, handle, &slot->name);
}

static bool
was_there_before(const struct clv_tpm_slot *slot, TPM2_HANDLE handle)
{
	for (size_t i = 0; i < slot->before_count; i++)
		if (slot->before[i] == handle)
			return true;
	return false;
}

/* Looks for what was made by a command whose answer nobody has seen. */
static bool
flush_intended(struct clv_tpm_link *link, const struct clv_tpm_slot *slot,
    clv_tpm_claim claim)
{
	TPM2_HANDLE handles[2 * CLV_TPM_SLOT_BEFORE];
	size_t count = sizeof(handles) / sizeof(handles[0]);
	bool flushed = false;

	if (!is_of_this_epoch(link, slot) ||
	    clv_tpm_handles(link,
		slot->kind == CLV_TPM_SLOT_SESSION ? CLV_TPM_SESSIONS
						   : CLV_TPM_TRANSIENT,
		handles, &count) != TSS2_RC_SUCCESS)
		return false;
	for (size_t i = 0; i < count && !flushed; i++)
		if (!was_there_before(slot, handles[i]) &&
		    is_what_it_was(link, slot, claim, handles[i]))
			flushed =
			    clv_tpm_flush(link, handles[i]) == TSS2_RC_SUCCESS;
	return flushed;
}

static bool
flush_slot(struct clv_tpm_link *link, const struct clv_tpm_slot *slot,
    clv_tpm_claim claim)
{
	bool flushed;

	if (slot->intended)
		flushed = flush_intended(link, slot, claim);
	else
		flushed = is_what_it_was(link, slot, claim, slot->handle) &&
		    clv_tpm_flush(link, slot->handle) == TSS2_RC_SUCCESS;
	clv_tpm_slots_remove(link->slots, claim);
	return flushed;
}

bool
clv_tpm_take_from_others(struct clv_tpm_link *link, enum clv_tpm_slot_kind kind)
{
	struct clv_tpm_slot slot;
	clv_tpm_claim claim;

	while (clv_tpm_slots_victim(link->slots, kind, &claim, &slot))
		if (flush_slot(link, &slot, claim))
			return true;
	return false;
}

void
clv_tpm_sweep(struct clv_tpm_link *link, bool own)
{
	struct clv_tpm_slot slot;
	clv_tpm_claim claim;

	while (clv_tpm_slots_orphan(link->slots, own, &claim, &slot))
		if (flush_slot(link, &slot, claim))
			link->events |= CLV_TPM_SWEPT;
}
