/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What we keep loaded: the keys used last, the primary while there is room
 * for it, and one session. A TPM guarantees three places for objects, so that
 * the one used least recently makes room for the next.
 */

#include "commands.h"

#include <string.h>

/* ---- the table ---- */

static struct clv_tpm_resident *
find(struct clv_tpm_link *link, const struct clv_tpm_object *object)
{
	for (size_t i = 0; i < CLV_TPM_RESIDENT_MAX; i++)
		if (link->residents[i].object == object)
			return &link->residents[i];
	return NULL;
}

static unsigned
count_transient(const struct clv_tpm_link *link)
{
	unsigned count = link->primary.handle != 0 && link->primary.transient;

	for (size_t i = 0; i < CLV_TPM_RESIDENT_MAX; i++)
		count += link->residents[i].object != NULL;
	return count;
}

static struct clv_tpm_resident *
least_recent(struct clv_tpm_link *link)
{
	struct clv_tpm_resident *oldest = NULL;

	for (size_t i = 0; i < CLV_TPM_RESIDENT_MAX; i++) {
		struct clv_tpm_resident *one = &link->residents[i];

		if (one->object != NULL &&
		    (oldest == NULL || one->used < oldest->used))
			oldest = one;
	}
	return oldest;
}

/* Another of our processes may have taken the slot: then the handle may be
 * somebody else's, and is not to be touched. */
static bool
still_there(struct clv_tpm_link *link, clv_tpm_claim slot)
{
	return link->managed || clv_tpm_slots_still(link->slots, slot);
}

/* ---- flushing ---- */

/* A handle that was never used with success is the TPM's word alone. */
static void
flush_handle(struct clv_tpm_link *link, TPM2_HANDLE handle, bool proven,
    clv_tpm_claim slot)
{
	TSS2_RC rc, base;

	if (!still_there(link, slot))
		return;
	rc = clv_tpm_flush(link, handle);
	base = clv_tpm_rc_base(rc);
	if (!proven && (base == TPM2_RC_HANDLE || base == TPM2_RC_VALUE))
		clv_tpm_search(link, slot);
	/* what can't be flushed now stays on record, for later */
	else if (rc == TSS2_RC_SUCCESS || base == TPM2_RC_HANDLE)
		clv_tpm_slots_remove(link->slots, slot);
}

static void
flush_resident(struct clv_tpm_link *link, struct clv_tpm_resident *resident)
{
	const struct clv_tpm_resident gone = *resident;

	*resident = (struct clv_tpm_resident){.slot = -1};
	flush_handle(link, gone.handle, gone.proven, gone.slot);
}

void
clv_tpm_flush_primary(struct clv_tpm_link *link)
{
	const struct clv_tpm_primary gone = link->primary;

	link->primary.handle = 0;
	link->primary.slot = -1;
	if (gone.handle != 0 && gone.transient)
		flush_handle(link, gone.handle, gone.proven, gone.slot);
}

void
clv_tpm_flush_session(struct clv_tpm_link *link)
{
	const TPM2_HANDLE handle = link->session->handle;
	const clv_tpm_claim slot = link->session_slot;
	const bool proven = link->session->proven;

	clv_tpm_session_forget(link->session);
	link->session_slot = -1;
	if (handle != 0)
		flush_handle(link, handle, proven, slot);
}

bool
clv_tpm_is_resident(
    struct clv_tpm_link *link, const struct clv_tpm_object *object)
{
	return find(link, object) != NULL;
}

void
clv_tpm_flush_object(
    struct clv_tpm_link *link, const struct clv_tpm_object *object)
{
	struct clv_tpm_resident *resident = find(link, object);

	if (resident != NULL)
		flush_resident(link, resident);
}

void
clv_tpm_flush_all(struct clv_tpm_link *link)
{
	for (size_t i = 0; i < CLV_TPM_RESIDENT_MAX; i++)
		if (link->residents[i].object != NULL)
			flush_resident(link, &link->residents[i]);
	clv_tpm_flush_primary(link);
	clv_tpm_flush_session(link);
}

/* ---- making room ---- */

static bool
evict_own(struct clv_tpm_link *link, bool spare_primary)
{
	struct clv_tpm_resident *oldest = least_recent(link);
	const bool primary = !spare_primary && link->primary.handle != 0 &&
	    link->primary.transient;

	if (primary && (oldest == NULL || link->primary.used < oldest->used))
		clv_tpm_flush_primary(link);
	else if (oldest != NULL)
		flush_resident(link, oldest);
	else
		return false;
	return true;
}

void
clv_tpm_make_room(struct clv_tpm_link *link, bool spare_primary)
{
	while (count_transient(link) >= link->capacity)
		if (!evict_own(link, spare_primary))
			return;
}

bool
clv_tpm_take_slot(
    struct clv_tpm_link *link, enum clv_tpm_slot_kind kind, bool spare_primary)
{
	if (kind == CLV_TPM_SLOT_OBJECT && evict_own(link, spare_primary))
		return true;
	return !link->managed && clv_tpm_take_from_others(link, kind);
}

/* ---- session ---- */

/* A key whose parent's name was recorded wants a session that nobody between
 * us and the TPM knows: salted to a primary that was recorded. */
static bool
has_session(struct clv_tpm_link *link, const TPM2B_NAME *recorded)
{
	if (link->session->handle == 0)
		return false;
	if (!still_there(link, link->session_slot)) {
		clv_tpm_session_forget(link->session);
		link->session_slot = -1;
		return false;
	}
	link->session_recorded |=
	    clv_tpm_name_equal(&link->session_target, recorded);
	return recorded->size == 0 || link->session_recorded;
}

static TSS2_RC
start_session(struct clv_tpm_link *link)
{
	TSS2_RC rc, base;
	clv_tpm_claim slot;

	clv_tpm_flush_session(link);
	do {
		rc = clv_tpm_intend(link, CLV_TPM_SLOT_SESSION, NULL, &slot);
		if (rc == TSS2_RC_SUCCESS)
			rc = clv_tpm_start_session(link);
		rc =
		    clv_tpm_settle(link, slot, rc, link->session->handle, NULL);
		base = clv_tpm_rc_base(rc);
	} while ((base == TPM2_RC_SESSION_MEMORY ||
		     base == TPM2_RC_SESSION_HANDLES) &&
	    clv_tpm_take_slot(link, CLV_TPM_SLOT_SESSION, true));
	if (rc != TSS2_RC_SUCCESS) {
		clv_tpm_session_forget(link->session);
		return rc;
	}
	link->session_recorded = link->primary.recorded;
	link->session_target = link->primary.name;
	link->session_slot = slot;
	return TSS2_RC_SUCCESS;
}

TSS2_RC
clv_tpm_need_parent(
    struct clv_tpm_link *link, TPM2_HANDLE parent, const TPM2B_NAME *recorded)
{
	TSS2_RC rc;

	if (link->primary.handle != 0 && link->primary.transient &&
	    !still_there(link, link->primary.slot))
		link->primary.handle = 0;
	rc = clv_tpm_primary_find(link, parent, recorded);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	link->primary.used = ++link->uses;
	if (has_session(link, recorded))
		return TSS2_RC_SUCCESS;
	return start_session(link);
}

/* ---- keys ---- */

static struct clv_tpm_resident *
find_current(struct clv_tpm_link *link, const struct clv_tpm_object *object)
{
	struct clv_tpm_resident *resident = find(link, object);

	if (resident != NULL && !still_there(link, resident->slot)) {
		*resident = (struct clv_tpm_resident){.slot = -1};
		link->events |= CLV_TPM_RELOADED;
		resident = NULL;
	}
	return resident;
}

bool
clv_tpm_is_ready(struct clv_tpm_link *link, const struct clv_tpm_object *object)
{
	return link->transport != NULL &&
	    has_session(link, &object->parent_name) &&
	    (object->persistent != 0 || find_current(link, object) != NULL);
}

static TSS2_RC
load(struct clv_tpm_link *link, const struct clv_tpm_object *object,
    struct clv_tpm_resident *resident)
{
	TSS2_RC rc;

	do {
		clv_tpm_make_room(link, true);
		resident->handle = 0;
		rc = clv_tpm_intend(
		    link, CLV_TPM_SLOT_OBJECT, &object->name, &resident->slot);
		if (rc == TSS2_RC_SUCCESS)
			rc = clv_tpm_load(link, object, &resident->handle);
		rc = clv_tpm_settle(
		    link, resident->slot, rc, resident->handle, NULL);
	} while (clv_tpm_rc_base(rc) == TPM2_RC_OBJECT_MEMORY &&
	    clv_tpm_take_slot(link, CLV_TPM_SLOT_OBJECT, true));
	return rc;
}

TSS2_RC
clv_tpm_need(struct clv_tpm_link *link, const struct clv_tpm_object *object,
    TPM2_HANDLE *handle)
{
	struct clv_tpm_resident loaded = {.object = object, .slot = -1};
	struct clv_tpm_resident *resident;
	TSS2_RC rc;

	if (clv_tpm_is_ready(link, object)) {
		*handle = object->persistent;
		if (*handle == 0) {
			resident = find(link, object);
			resident->used = ++link->uses;
			*handle = resident->handle;
		}
		return TSS2_RC_SUCCESS;
	}
	rc = clv_tpm_need_parent(link, object->parent, &object->parent_name);
	*handle = object->persistent;
	if (rc != TSS2_RC_SUCCESS || *handle != 0)
		return rc;
	resident = find_current(link, object);
	if (resident != NULL) { /* only the session was missing */
		*handle = resident->handle;
		return TSS2_RC_SUCCESS;
	}
	rc = load(link, object, &loaded);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	*handle = loaded.handle;
	loaded.used = ++link->uses;
	*find(link, NULL) = loaded;
	return TSS2_RC_SUCCESS;
}

void
clv_tpm_prove(struct clv_tpm_link *link)
{
	const struct clv_tpm_command *command = link->command;

	for (size_t at = CLV_TPM_HEADER; at < command->authorization; at += 4) {
		const TPM2_HANDLE handle =
		    clv_tpm_read_u32(command->bytes + at);

		if (link->primary.handle == handle)
			link->primary.proven = true;
		for (size_t i = 0; i < CLV_TPM_RESIDENT_MAX; i++)
			if (link->residents[i].handle == handle)
				link->residents[i].proven = true;
	}
}

/* Whether the TPM says that a handle is not what we think, or can be none. */
static bool
is_lost(struct clv_tpm_link *link, TPM2_HANDLE handle, bool proven,
    const TPM2B_NAME *name)
{
	TPM2B_PUBLIC public_area;
	TPM2B_NAME found;
	const TSS2_RC rc =
	    clv_tpm_read_public(link, handle, &public_area, &found);
	const TSS2_RC base = clv_tpm_rc_base(rc);

	if (rc == TSS2_RC_SUCCESS)
		return !clv_tpm_name_equal(&found, name);
	return base == TPM2_RC_HANDLE || base == TPM2_RC_REFERENCE_H0 ||
	    (base == TPM2_RC_VALUE && !proven);
}

/* What is not there under its handle was flushed by somebody, or never had
 * that handle. */
static void
lose(struct clv_tpm_link *link, bool proven, clv_tpm_claim slot)
{
	if (proven)
		clv_tpm_slots_remove(link->slots, slot);
	else
		clv_tpm_search(link, slot);
}

bool
clv_tpm_revalidate(struct clv_tpm_link *link)
{
	struct clv_tpm_primary *primary = &link->primary;
	bool changed = false;

	for (size_t i = 0; i < CLV_TPM_RESIDENT_MAX; i++) {
		struct clv_tpm_resident *one = &link->residents[i];

		if (one->object == NULL ||
		    !is_lost(
			link, one->handle, one->proven, &one->object->name))
			continue;
		lose(link, one->proven, one->slot);
		*one = (struct clv_tpm_resident){.slot = -1};
		changed = true;
	}
	if (primary->handle != 0 && primary->transient &&
	    is_lost(link, primary->handle, primary->proven, &primary->name)) {
		lose(link, primary->proven, primary->slot);
		primary->handle = 0;
		primary->slot = -1;
		changed = true;
	}
	return changed;
}
