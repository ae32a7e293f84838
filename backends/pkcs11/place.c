/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "place.h"

#include <stdlib.h>
#include <string.h>

#include "attached.h"
#include "token.h"

void
clv_p11_unpad(char *to, size_t room, const unsigned char *from, size_t size)
{
	if (size > room - 1)
		size = room - 1;
	while (size > 0 && (from[size - 1] == ' ' || from[size - 1] == '\0'))
		size--;
	for (size_t i = 0; i < size; i++)
		to[i] = from[i] < 0x20 || from[i] == 0x7f ? '?' : (char)from[i];
	to[size] = '\0';
}

bool
clv_p11_identity_equal(
    const struct p11_identity *a, const struct p11_identity *b)
{
	return strcmp(a->serial, b->serial) == 0 &&
	    strcmp(a->label, b->label) == 0 &&
	    strcmp(a->model, b->model) == 0 &&
	    strcmp(a->manufacturer, b->manufacturer) == 0;
}

CK_RV
clv_p11_place_read(struct p11_module *module, CK_SLOT_ID slot,
    struct p11_identity *token, CK_TOKEN_INFO *info)
{
	CK_TOKEN_INFO room = {0};
	CK_RV rv;

	if (info == NULL)
		info = &room;
	rv = module->f->C_GetTokenInfo(slot, info);
	if (rv != CKR_OK)
		return rv;
	clv_p11_unpad(token->label, sizeof(token->label), info->label,
	    sizeof(info->label));
	clv_p11_unpad(token->manufacturer, sizeof(token->manufacturer),
	    info->manufacturerID, sizeof(info->manufacturerID));
	clv_p11_unpad(token->model, sizeof(token->model), info->model,
	    sizeof(info->model));
	clv_p11_unpad(token->serial, sizeof(token->serial), info->serialNumber,
	    sizeof(info->serialNumber));
	return CKR_OK;
}

/* The list of slot numbers; the count is the module's claim both times. */
static CK_RV
list_slots(struct p11_module *module, CK_SLOT_ID **slots, CK_ULONG *count,
    CK_ULONG *claimed)
{
	CK_ULONG room = 0;
	CK_RV rv;

	*slots = NULL;
	*count = 0;
	/* Asking for the number is what makes modules look for new slots. */
	rv = module->f->C_GetSlotList(CK_FALSE, NULL, &room);
	*claimed = room;
	if (rv == CKR_OK && room == 0)
		rv = CLV_CKR_NO_SLOTS;
	if (rv != CKR_OK)
		return rv;
	if (room > P11_SLOTS_MAX)
		return CLV_CKR_LIE;
	room += 8; /* a reader may be plugged in just now */
	*slots = calloc(room, sizeof(**slots));
	if (*slots == NULL)
		return CLV_CKR_NO_MEMORY;
	*count = room;
	rv = module->f->C_GetSlotList(CK_FALSE, *slots, count);
	if (rv == CKR_OK && *count > room)
		rv = CLV_CKR_LIE;
	if (rv == CKR_OK)
		return CKR_OK;
	free(*slots);
	*slots = NULL;
	return rv;
}

/* A slot that can't be read is as good as empty, unless the module as a whole
 * is in trouble. */
static bool
is_empty(CK_RV rv)
{
	return clv_p11_fault(rv) == P11_FAULT_DEVICE ||
	    clv_p11_fault(rv) == P11_FAULT_NONE;
}

static CK_RV
read_slot(struct p11_module *module, CK_SLOT_ID slot, struct p11_place *place,
    bool *there)
{
	CK_SLOT_INFO slot_info = {0};
	CK_TOKEN_INFO info = {0};
	CK_RV rv = module->f->C_GetSlotInfo(slot, &slot_info);

	*there = false;
	if (rv == CKR_OK && (slot_info.flags & CKF_TOKEN_PRESENT) == 0)
		return CKR_OK;
	if (rv == CKR_OK)
		rv = clv_p11_place_read(module, slot, &place->token, &info);
	if (rv != CKR_OK)
		return is_empty(rv) ? CKR_OK : rv;
	place->slot = slot;
	place->initialised = (info.flags & CKF_TOKEN_INITIALIZED) != 0;
	clv_p11_unpad(place->slot_description, sizeof(place->slot_description),
	    slot_info.slotDescription, sizeof(slot_info.slotDescription));
	clv_p11_unpad(place->slot_manufacturer,
	    sizeof(place->slot_manufacturer), slot_info.manufacturerID,
	    sizeof(slot_info.manufacturerID));
	*there = true;
	return CKR_OK;
}

static CK_RV
find_by_cryptoki(
    struct p11_module *module, struct p11_place **places, size_t *count)
{
	CK_SLOT_ID *slots = NULL;
	CK_ULONG slot_count = 0;
	CK_ULONG claimed = 0;
	CK_RV rv = list_slots(module, &slots, &slot_count, &claimed);
	bool there;

	if (rv == CKR_OK && slot_count > 0) {
		*places = calloc(slot_count, sizeof(**places));
		if (*places == NULL)
			rv = CLV_CKR_NO_MEMORY;
	}
	for (CK_ULONG i = 0; rv == CKR_OK && i < slot_count; i++) {
		rv = read_slot(module, slots[i], &(*places)[*count], &there);
		if (rv == CKR_OK && there)
			(*count)++;
	}
	free(slots);
	return rv;
}

/* libp11 believes what the module counts: only one that is of one mind is
 * shown to it. */
static bool
agrees_with_itself(struct p11_module *module)
{
	CK_SLOT_ID *slots = NULL;
	CK_ULONG claimed = 0;
	CK_ULONG count = 0;
	bool agrees;

	agrees = list_slots(module, &slots, &count, &claimed) == CKR_OK &&
	    count == claimed;
	free(slots);
	return agrees;
}

/* With the gate locked: nobody has anything that libp11 could close. */
static bool
is_unused(const struct p11_module *module)
{
	if (!module->ours || module->surveyed || module->starts != 1 ||
	    module->inside > 1)
		return false;
	for (const struct p11_token *token = module->tokens; token != NULL;
	     token = token->next)
		if (token->open > 0)
			return false;
	return true;
}

CK_RV
clv_p11_places_find(
    struct p11_module *module, struct p11_place **places, size_t *count)
{
	struct p11_visit visit;
	bool alone;
	CK_RV rv;

	*places = NULL;
	*count = 0;
	rv = clv_p11_module_enter(module, &visit);
	if (rv != CKR_OK)
		return rv;
	alone = is_unused(module);
	module->closed |= alone;
	module->surveyed = true;
	clv_p11_gate_unlock(&module->gate);
	if (!alone || !agrees_with_itself(module) ||
	    !clv_p11_attached_places(module->libp11, places, count)) {
		free(*places);
		*places = NULL;
		*count = 0;
		rv = find_by_cryptoki(module, places, count);
	}
	if (alone) {
		(void)clv_p11_gate_lock(&module->gate);
		module->closed = false;
		clv_p11_gate_unlock(&module->gate);
	}
	clv_p11_module_leave(module, &visit);
	if (rv != CKR_OK) {
		free(*places);
		*places = NULL;
	}
	return rv;
}

CK_RV
clv_p11_place_locate(struct p11_module *module,
    const struct p11_identity *token, CK_SLOT_ID *slot)
{
	struct p11_place *places = NULL;
	size_t count = 0;
	CK_RV rv = find_by_cryptoki(module, &places, &count);

	if (rv == CKR_OK)
		rv = CKR_TOKEN_NOT_PRESENT;
	for (size_t i = 0; i < count && rv == CKR_TOKEN_NOT_PRESENT; i++)
		if (clv_p11_identity_equal(&places[i].token, token)) {
			*slot = places[i].slot;
			rv = CKR_OK;
		}
	free(places);
	return rv;
}
