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

TSS2_RC
clv_tpm_settle(struct clv_tpm_link *link, clv_tpm_claim claim, TSS2_RC rc,
    TPM2_HANDLE handle, const TPM2B_NAME *name)
{
	if (rc == TSS2_RC_SUCCESS &&
	    !clv_tpm_slots_settle(link->slots, claim, handle, name))
		rc = CLV_TPM_RC_MALFORMED;
	else if (clv_tpm_rc_is_refusal(rc))
		clv_tpm_slots_remove(link->slots, claim);
	/* else the TPM may have made it; if it can't be talked to now, we look
	 * for it when we connect */
	else if (rc != TSS2_RC_SUCCESS && !clv_tpm_rc_is_lost(rc))
		clv_tpm_sweep(link, false);
	return rc;
}

void
clv_tpm_search(struct clv_tpm_link *link, clv_tpm_claim claim)
{
	clv_tpm_slots_doubt(link->slots, claim);
	clv_tpm_sweep(link, false);
}

/* ---- flushing for others ---- */

static bool
is_of_this_epoch(
    const struct clv_tpm_link *link, const struct clv_tpm_slot *slot)
{
	return slot->epoch.resets == link->epoch.resets &&
	    slot->epoch.restarts == link->epoch.restarts;
}

/* What became of something on record. */
enum finding {
	IS_GONE, /* or another's by now */
	FLUSHED,
	UNKNOWN /* the TPM can't be talked to */
};

static enum finding
finding_of(TSS2_RC rc)
{
	if (rc == TSS2_RC_SUCCESS)
		return FLUSHED;
	return clv_tpm_rc_is_refusal(rc) ? IS_GONE : UNKNOWN;
}

static TSS2_RC
check_name(struct clv_tpm_link *link, TPM2_HANDLE handle,
    const TPM2B_NAME *name, bool *same)
{
	TPM2B_PUBLIC public_area;
	TPM2B_NAME found;
	const TSS2_RC rc =
	    clv_tpm_read_public(link, handle, &public_area, &found);

	*same = rc == TSS2_RC_SUCCESS &&
	    (name->size == 0 ? clv_tpm_is_like_srk(&public_area)
			     : clv_tpm_name_equal(&found, name));
	return rc;
}

/* Flushes a handle if it still is what the record says. A session has no name,
 * but its number is given again only after it was flushed, and a reset is seen
 * in the epoch. */
static enum finding
flush_if_same(struct clv_tpm_link *link, const struct clv_tpm_slot *slot,
    clv_tpm_claim claim, TPM2_HANDLE handle)
{
	const bool session = slot->kind == CLV_TPM_SLOT_SESSION;
	bool same = true;
	TSS2_RC rc;

	if (clv_tpm_slots_claimed(link->slots, claim, handle) ||
	    handle >> TPM2_HR_SHIFT !=
		(session ? TPM2_HT_HMAC_SESSION : TPM2_HT_TRANSIENT))
		return IS_GONE;
	if (!session) {
		rc = check_name(link, handle, &slot->name, &same);
		if (rc != TSS2_RC_SUCCESS)
			return finding_of(rc);
	}
	return same ? finding_of(clv_tpm_flush(link, handle)) : IS_GONE;
}

static bool
is_among(const TPM2_HANDLE *handles, size_t count, TPM2_HANDLE handle)
{
	for (size_t i = 0; i < count; i++)
		if (handles[i] == handle)
			return true;
	return false;
}

/* Looks for what was made by a command whose answer nobody has seen, or
 * believes: first where the answer says. */
static enum finding
flush_intended(struct clv_tpm_link *link, const struct clv_tpm_slot *slot,
    clv_tpm_claim claim)
{
	TPM2_HANDLE handles[2 * CLV_TPM_SLOT_BEFORE];
	size_t count = sizeof(handles) / sizeof(handles[0]);
	enum finding finding = IS_GONE;
	const TSS2_RC rc = clv_tpm_handles(link,
	    slot->kind == CLV_TPM_SLOT_SESSION ? CLV_TPM_SESSIONS
					       : CLV_TPM_TRANSIENT,
	    handles, &count);

	if (rc != TSS2_RC_SUCCESS)
		return finding_of(rc);
	if (is_among(handles, count, slot->handle))
		finding = flush_if_same(link, slot, claim, slot->handle);
	for (size_t i = 0; i < count && finding == IS_GONE; i++)
		if (!is_among(slot->before, slot->before_count, handles[i]))
			finding = flush_if_same(link, slot, claim, handles[i]);
	return finding;
}

/* What can't be found out now stays on record. */
static enum finding
flush_slot(struct clv_tpm_link *link, const struct clv_tpm_slot *slot,
    clv_tpm_claim claim)
{
	enum finding finding = IS_GONE;

	if (is_of_this_epoch(link, slot))
		finding = slot->intended
		    ? flush_intended(link, slot, claim)
		    : flush_if_same(link, slot, claim, slot->handle);
	if (finding != UNKNOWN)
		clv_tpm_slots_remove(link->slots, claim);
	return finding;
}

bool
clv_tpm_take_from_others(struct clv_tpm_link *link, enum clv_tpm_slot_kind kind)
{
	enum finding finding = IS_GONE;
	struct clv_tpm_slot slot;
	clv_tpm_claim claim;

	while (finding == IS_GONE &&
	    clv_tpm_slots_victim(link->slots, kind, &claim, &slot))
		finding = flush_slot(link, &slot, claim);
	return finding == FLUSHED;
}

void
clv_tpm_sweep(struct clv_tpm_link *link, bool own)
{
	enum finding finding = IS_GONE;
	struct clv_tpm_slot slot;
	clv_tpm_claim claim;

	while (finding != UNKNOWN &&
	    clv_tpm_slots_orphan(link->slots, own, &claim, &slot)) {
		finding = flush_slot(link, &slot, claim);
		if (finding == FLUSHED)
			link->events |= CLV_TPM_SWEPT;
	}
}
