/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "token.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "login.h"
#include "names.h"
#include "sessions.h"
#include "shared.h"

#define HIDDEN_MAX 64
#define SLOTS_MAX 64

CK_FUNCTION_LIST *real;

static CK_MECHANISM_TYPE hidden[HIDDEN_MAX];
static CK_ULONG hidden_count;
static CK_ULONG session_limit;   /* 0: the module's own */
static _Atomic uint32_t noticed; /* removals this process knows of */
static _Atomic uint32_t events_seen;

static const char *
hide(const char *name)
{
	if (hidden_count == HIDDEN_MAX)
		return "too many mechanisms are hidden";
	if (name == NULL || !name_value("CKM_", name, &hidden[hidden_count]))
		return "hide needs a CKM_ name or number";
	hidden_count++;
	return NULL;
}

bool
token_act(char **words)
{
	struct p11_proxy_shared *shared = shared_state();

	if (strcmp(words[0], "remove") == 0)
		token_pull(false);
	else if (strcmp(words[0], "insert") == 0)
		token_insert();
	else if (strcmp(words[0], "release") == 0)
		shared->releases++;
	else if (strcmp(words[0], "slot-offset") == 0 && words[1] != NULL)
		shared->slot_offset = (int32_t)strtol(words[1], NULL, 10);
	else
		return false;
	return true;
}

bool
token_set(char **words, const char **problem)
{
	*problem = NULL;
	if (strcmp(words[0], "hide") == 0)
		*problem = hide(words[1]);
	else if (strcmp(words[0], "sessions") == 0 && words[1] != NULL)
		session_limit = strtoul(words[1], NULL, 10);
	else
		return login_set(words, problem);
	return true;
}

void
token_reset(void)
{
	hidden_count = 0;
	session_limit = 0;
	login_reset();
}

void
token_pull(bool back)
{
	struct p11_proxy_shared *shared = shared_state();

	shared->removed = !back;
	shared->removals++;
	shared->events++;
}

void
token_insert(void)
{
	struct p11_proxy_shared *shared = shared_state();

	shared->removed = 0;
	shared->events++;
}

static void
close_everything(void)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;

	if (real->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK)
		for (CK_ULONG i = 0; i < count; i++)
			real->C_CloseAllSessions(slots[i]);
	sessions_clear();
}

bool
token_pull_is_unnoticed(void)
{
	return noticed != shared_state()->removals;
}

bool
token_was_pulled(void)
{
	const uint32_t removals = shared_state()->removals;

	if (noticed == removals)
		return false;
	noticed = removals;
	close_everything();
	return true;
}

static bool
is_out(void)
{
	return shared_state()->removed != 0;
}

static CK_SLOT_ID
real_slot(CK_SLOT_ID shown)
{
	return shown - (CK_ULONG)(long)shared_state()->slot_offset;
}

static CK_SLOT_ID
shown_slot(CK_SLOT_ID slot)
{
	return slot + (CK_ULONG)(long)shared_state()->slot_offset;
}

CK_RV
token_initialize(void *arguments)
{
	const CK_RV rv = real->C_Initialize(arguments);

	if (rv == CKR_OK) {
		/* What happened before is none of this user's business. */
		noticed = shared_state()->removals;
		events_seen = shared_state()->events;
		sessions_clear();
	}
	return rv;
}

CK_RV
token_finalize(void *reserved)
{
	const CK_RV rv = real->C_Finalize(reserved);

	if (rv == CKR_OK)
		sessions_clear();
	return rv;
}

CK_RV
token_get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
	const CK_RV rv = real->C_GetSlotList(present, slots, count);

	if (rv != CKR_OK)
		return rv;
	if (present && is_out())
		*count = 0;
	for (CK_ULONG i = 0; slots != NULL && i < *count; i++)
		slots[i] = shown_slot(slots[i]);
	return CKR_OK;
}

CK_RV
token_get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	const CK_RV rv = real->C_GetSlotInfo(real_slot(slot), info);

	if (rv == CKR_OK)
		info->flags |= CKF_REMOVABLE_DEVICE;
	if (rv == CKR_OK && is_out())
		info->flags &= ~CKF_TOKEN_PRESENT;
	return rv;
}

CK_RV
token_get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	const CK_RV rv = is_out() ? CKR_TOKEN_NOT_PRESENT
				  : real->C_GetTokenInfo(real_slot(slot), info);

	if (rv != CKR_OK)
		return rv;
	if (session_limit > 0) {
		info->ulMaxSessionCount = session_limit;
		info->ulMaxRwSessionCount = session_limit;
	}
	info->ulSessionCount = sessions_count();
	login_show(&info->flags);
	return CKR_OK;
}

static bool
is_hidden(CK_MECHANISM_TYPE type)
{
	for (CK_ULONG i = 0; i < hidden_count; i++)
		if (hidden[i] == type)
			return true;
	return false;
}

bool
token_hides(const CK_MECHANISM *mechanism)
{
	return mechanism != NULL && is_hidden(mechanism->mechanism);
}

/* The module's list without the hidden ones. NULL: *rv says why. */
static CK_MECHANISM_TYPE *
visible_mechanisms(CK_SLOT_ID slot, CK_ULONG *count, CK_RV *rv)
{
	CK_MECHANISM_TYPE *list;
	CK_ULONG all = 0;

	*count = 0;
	if ((*rv = real->C_GetMechanismList(slot, NULL, &all)) != CKR_OK)
		return NULL;
	*rv = CKR_HOST_MEMORY;
	if ((list = calloc(all + 1, sizeof(*list))) == NULL)
		return NULL;
	if ((*rv = real->C_GetMechanismList(slot, list, &all)) != CKR_OK) {
		free(list);
		return NULL;
	}
	for (CK_ULONG i = 0; i < all; i++)
		if (!is_hidden(list[i]))
			list[(*count)++] = list[i];
	return list;
}

CK_RV
token_get_mechanism_list(
    CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	CK_MECHANISM_TYPE *visible;
	CK_ULONG visible_count;
	CK_RV rv = CKR_OK;

	if (is_out())
		return CKR_TOKEN_NOT_PRESENT;
	if (hidden_count == 0 || count == NULL)
		return real->C_GetMechanismList(real_slot(slot), list, count);
	visible = visible_mechanisms(real_slot(slot), &visible_count, &rv);
	if (visible == NULL)
		return rv;
	if (list != NULL && *count < visible_count)
		rv = CKR_BUFFER_TOO_SMALL;
	else if (list != NULL)
		memcpy(list, visible, visible_count * sizeof(*list));
	*count = visible_count;
	free(visible);
	return rv;
}

CK_RV
token_get_mechanism_info(
    CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	if (is_out())
		return CKR_TOKEN_NOT_PRESENT;
	if (is_hidden(type))
		return CKR_MECHANISM_INVALID;
	return real->C_GetMechanismInfo(real_slot(slot), type, info);
}

CK_RV
token_init_token(CK_SLOT_ID slot, CK_BYTE *pin, CK_ULONG size, CK_BYTE *label)
{
	if (is_out())
		return CKR_TOKEN_NOT_PRESENT;
	return real->C_InitToken(real_slot(slot), pin, size, label);
}

static bool
take_event(void)
{
	const uint32_t events = shared_state()->events;

	return atomic_exchange(&events_seen, events) != events;
}

static CK_RV
first_slot(CK_SLOT_ID *slot)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;
	const CK_RV rv = real->C_GetSlotList(CK_FALSE, slots, &count);

	if (rv == CKR_OK && count > 0)
		*slot = shown_slot(slots[0]);
	return rv;
}

/* Reports our own events only: no module that can be wrapped in a test has
 * others. */
CK_RV
token_wait_for_slot_event(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
	CK_INFO info;
	CK_RV rv;

	if (slot == NULL || reserved != NULL)
		return CKR_ARGUMENTS_BAD;
	while ((rv = real->C_GetInfo(&info)) == CKR_OK) {
		if (take_event())
			return first_slot(slot);
		if (flags & CKF_DONT_BLOCK)
			return CKR_NO_EVENT;
		usleep(2000);
	}
	return rv;
}

CK_RV
token_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application,
    CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	CK_RV rv;

	if (is_out())
		return CKR_TOKEN_NOT_PRESENT;
	if (session_limit > 0 && sessions_count() >= session_limit)
		return CKR_SESSION_COUNT;
	rv = real->C_OpenSession(
	    real_slot(slot), flags, application, notify, session);
	if (rv == CKR_OK)
		sessions_add(*session, real_slot(slot));
	return rv;
}

CK_RV
token_close_session(CK_SESSION_HANDLE session)
{
	const CK_RV rv = real->C_CloseSession(session);

	if (rv == CKR_OK)
		sessions_remove(session);
	return rv;
}

CK_RV
token_close_all_sessions(CK_SLOT_ID slot)
{
	const CK_RV rv = real->C_CloseAllSessions(real_slot(slot));

	if (rv == CKR_OK)
		sessions_remove_slot(real_slot(slot));
	return rv;
}

CK_RV
token_get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	const CK_RV rv = real->C_GetSessionInfo(session, info);

	if (rv == CKR_OK)
		info->slotID = shown_slot(info->slotID);
	return rv;
}
