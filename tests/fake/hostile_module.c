/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "hostile_module.h"

#include <stdbool.h>
#include <string.h>

#include "fake/p11_proxy.h"
#include "hostile/input.h"
#include "hostile/objects.h"

#define EXPORT __attribute__((visibility("default")))

#define SLOT 7
#define WANTED_MAX 8

/* It does not care for much of what it is told. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* What is remembered between calls; there is one of it, whatever the session.
 * Lies would not get worse by more. */
static struct {
	CK_SESSION_HANDLE sessions; /* handed out so far */
	CK_OBJECT_HANDLE key;       /* of the operation */
	CK_OBJECT_HANDLE found;     /* last object of the search */
	CK_ATTRIBUTE wanted[WANTED_MAX];
	CK_ULONG wanted_values[WANTED_MAX]; /* copies, as far as they fit */
	CK_ULONG wanted_count;
} state;

EXPORT void
hostile_module_set_input(const uint8_t *data, size_t size)
{
	memset(&state, 0, sizeof(state));
	input_set(data, size);
}

EXPORT size_t
hostile_module_calls(void)
{
	return input_calls();
}

EXPORT size_t
hostile_module_calls_at_end(void)
{
	return input_calls_at_end();
}

/*
 * Gives `size` bytes, or claims to give another number, to a caller who has
 * room for *length. What is written is never more than that.
 */
static CK_RV
give(void *to, CK_ULONG *length, const void *bytes, size_t size)
{
	const CK_ULONG claimed = input_number(size);
	CK_ULONG room;

	if (length == NULL)
		return CKR_ARGUMENTS_BAD;
	room = *length;
	*length = claimed;
	if (to == NULL)
		return CKR_OK;
	if (room < size && !input_wants_lie())
		return CKR_BUFFER_TOO_SMALL;
	if (size > room)
		size = room;
	if (size > 0)
		memcpy(to, bytes, size);
	input_spoil(to, size);
	return CKR_OK;
}

/* The same for a list of numbers. */
static CK_RV
give_list(CK_ULONG *to, CK_ULONG *count, const CK_ULONG *list, CK_ULONG size)
{
	const CK_ULONG claimed = input_number(size);
	CK_ULONG room;

	if (count == NULL)
		return CKR_ARGUMENTS_BAD;
	room = *count;
	*count = claimed;
	if (to == NULL)
		return CKR_OK;
	if (room < size && !input_wants_lie())
		return CKR_BUFFER_TOO_SMALL;
	for (CK_ULONG i = 0; i < size && i < room; i++)
		to[i] = input_number(list[i]);
	return CKR_OK;
}

/* What a mechanism makes of `size` bytes: something of the key's length. */
static CK_RV
give_result(
    const CK_BYTE *input, CK_ULONG size, CK_BYTE *output, CK_ULONG *output_size)
{
	CK_BYTE result[256];

	memset(result, 0x5a, sizeof(result));
	if (state.key != OBJECT_P256)
		return give(output, output_size, result, sizeof(result));
	if (output != NULL && input != NULL)
		object_sign(input, size, result);
	return give(output, output_size, result, 64);
}

/* ---- the functions, each after its verdict ---- */

static void
fill(CK_UTF8CHAR *field, size_t size, const char *text)
{
	memset(field, ' ', size);
	memcpy(field, text, strlen(text));
	input_spoil(field, size);
}

static CK_RV
get_info(CK_INFO *info)
{
	memset(info, 0, sizeof(*info));
	info->cryptokiVersion.major = (CK_BYTE)input_number(2);
	info->cryptokiVersion.minor = (CK_BYTE)input_number(40);
	fill(info->manufacturerID, sizeof(info->manufacturerID), "hostile");
	fill(info->libraryDescription, sizeof(info->libraryDescription),
	    "hostile module");
	return CKR_OK;
}

static CK_RV
get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
	static const CK_ULONG list[] = {SLOT};

	return give_list(slots, count, list, 1);
}

static CK_RV
get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	memset(info, 0, sizeof(*info));
	fill(info->slotDescription, sizeof(info->slotDescription), "slot");
	fill(info->manufacturerID, sizeof(info->manufacturerID), "hostile");
	info->flags = input_number(CKF_TOKEN_PRESENT);
	return CKR_OK;
}

static CK_RV
get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	memset(info, 0, sizeof(*info));
	fill(info->label, sizeof(info->label), "hostile");
	fill(info->manufacturerID, sizeof(info->manufacturerID), "hostile");
	fill(info->model, sizeof(info->model), "hostile");
	fill(info->serialNumber, sizeof(info->serialNumber), "0001");
	info->flags = input_number(CKF_RNG | CKF_LOGIN_REQUIRED |
	    CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED);
	info->ulMaxSessionCount = input_number(CK_EFFECTIVELY_INFINITE);
	info->ulSessionCount = input_number(0);
	info->ulMaxRwSessionCount = input_number(CK_EFFECTIVELY_INFINITE);
	info->ulMaxPinLen = input_number(64);
	info->ulMinPinLen = input_number(4);
	return CKR_OK;
}

static CK_RV
get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	static const CK_ULONG mechanisms[] = {
	    CKM_RSA_PKCS_KEY_PAIR_GEN,
	    CKM_RSA_PKCS,
	    CKM_RSA_X_509,
	    CKM_RSA_PKCS_PSS,
	    CKM_RSA_PKCS_OAEP,
	    CKM_EC_KEY_PAIR_GEN,
	    CKM_ECDSA,
	};

	return give_list(list, count, mechanisms,
	    sizeof(mechanisms) / sizeof(mechanisms[0]));
}

static CK_RV
get_mechanism_info(
    CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	info->ulMinKeySize = input_number(256);
	info->ulMaxKeySize = input_number(4096);
	info->flags = input_number(CKF_SIGN | CKF_DECRYPT |
	    CKF_GENERATE_KEY_PAIR | CKF_EC_F_P | CKF_EC_NAMEDCURVE);
	return CKR_OK;
}

static CK_RV
wait_for_slot_event(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
	*slot = input_number(SLOT);
	return input_wants_lie() ? CKR_OK : CKR_NO_EVENT;
}

static CK_RV
open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application,
    CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	*session = input_number(++state.sessions);
	return CKR_OK;
}

static CK_RV
get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	info->slotID = input_number(SLOT);
	info->state = input_number(CKS_RW_USER_FUNCTIONS);
	info->flags = input_number(CKF_SERIAL_SESSION | CKF_RW_SESSION);
	info->ulDeviceError = input_number(0);
	return CKR_OK;
}

static CK_RV
give_attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attribute)
{
	size_t size = 0;
	const void *value = object_attribute(object, attribute->type, &size);

	if (value == NULL && !input_wants_lie()) {
		attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
	return give(attribute->pValue, &attribute->ulValueLen, value, size);
}

static CK_RV
get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	CK_RV result = CKR_OK;

	for (CK_ULONG i = 0; i < count; i++) {
		const CK_RV rv = give_attribute(object, &attributes[i]);

		if (rv != CKR_OK)
			result = rv;
	}
	return input_wants_lie() ? CKR_OK : result;
}

/* Long values are cut off in the copy, so they are never found. */
static CK_RV
find_objects_init(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	state.found = 0;
	state.wanted_count = 0;
	for (CK_ULONG i = 0; i < count && i < WANTED_MAX; i++) {
		CK_ATTRIBUTE *copy = &state.wanted[state.wanted_count++];

		*copy = attributes[i];
		copy->pValue = &state.wanted_values[i];
		memset(copy->pValue, 0, sizeof(CK_ULONG));
		if (copy->ulValueLen > sizeof(CK_ULONG))
			copy->type = CK_UNAVAILABLE_INFORMATION;
		else if (copy->ulValueLen > 0)
			memcpy(copy->pValue, attributes[i].pValue,
			    copy->ulValueLen);
	}
	return CKR_OK;
}

static CK_RV
find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects,
    CK_ULONG room, CK_ULONG *count)
{
	CK_ULONG found = 0;

	while (found < room && ++state.found < OBJECTS_END)
		if (object_matches(
			state.found, state.wanted, state.wanted_count))
			objects[found++] = input_number(state.found);
	*count = input_number(found);
	return CKR_OK;
}

static CK_RV
start_operation(CK_OBJECT_HANDLE key)
{
	state.key = key;
	return CKR_OK;
}

static CK_RV
give_handle(CK_OBJECT_HANDLE *to, CK_OBJECT_HANDLE honest)
{
	*to = input_number(honest);
	return CKR_OK;
}

static CK_RV
generate_key_pair(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE *public_key,
    CK_OBJECT_HANDLE *private_key)
{
	const bool is_rsa = mechanism->mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN;

	*public_key =
	    input_number(is_rsa ? OBJECT_RSA_PUBLIC : OBJECT_P256_PUBLIC);
	*private_key = input_number(is_rsa ? OBJECT_RSA : OBJECT_P256);
	return CKR_OK;
}

static CK_RV
generate_random(CK_BYTE *bytes, CK_ULONG size)
{
	memset(bytes, 0x5a, size);
	input_spoil(bytes, size);
	return CKR_OK;
}

/* ---- the table: ANSWER(function, parameters, the answer if the verdict is
 * CKR_OK) ---- */

#define ANSWER(NAME, PARAMETERS, HONEST)                       \
	static CK_RV do_##NAME PARAMETERS                      \
	{                                                      \
		const CK_RV verdict = input_verdict();         \
                                                               \
		return verdict != CKR_OK ? verdict : (HONEST); \
	}

ANSWER(C_Initialize, (void *arguments), CKR_OK)
ANSWER(C_Finalize, (void *reserved), CKR_OK)
ANSWER(C_GetInfo, (CK_INFO * info), get_info(info))
ANSWER(C_GetSlotList, (CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count),
    get_slot_list(present, slots, count))
ANSWER(C_GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO *info),
    get_slot_info(slot, info))
ANSWER(C_GetTokenInfo, (CK_SLOT_ID slot, CK_TOKEN_INFO *info),
    get_token_info(slot, info))
ANSWER(C_GetMechanismList,
    (CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count),
    get_mechanism_list(slot, list, count))
ANSWER(C_GetMechanismInfo,
    (CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info),
    get_mechanism_info(slot, type, info))
ANSWER(C_InitToken,
    (CK_SLOT_ID slot, CK_BYTE *pin, CK_ULONG size, CK_BYTE *label), CKR_OK)
ANSWER(C_WaitForSlotEvent, (CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved),
    wait_for_slot_event(flags, slot, reserved))
ANSWER(
    C_InitPIN, (CK_SESSION_HANDLE session, CK_BYTE *pin, CK_ULONG size), CKR_OK)
ANSWER(C_SetPIN,
    (CK_SESSION_HANDLE session, CK_BYTE *old, CK_ULONG old_size, CK_BYTE *new,
	CK_ULONG new_size),
    CKR_OK)
ANSWER(C_OpenSession,
    (CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
	CK_SESSION_HANDLE *session),
    open_session(slot, flags, application, notify, session))
ANSWER(C_CloseAllSessions, (CK_SLOT_ID slot), CKR_OK)
ANSWER(C_GetSessionInfo, (CK_SESSION_HANDLE session, CK_SESSION_INFO *info),
    get_session_info(session, info))
ANSWER(C_GetOperationState,
    (CK_SESSION_HANDLE session, CK_BYTE *bytes, CK_ULONG *size),
    give(bytes, size, "state", 5))
ANSWER(C_SetOperationState,
    (CK_SESSION_HANDLE session, CK_BYTE *bytes, CK_ULONG size,
	CK_OBJECT_HANDLE first, CK_OBJECT_HANDLE second),
    CKR_OK)
ANSWER(C_Login,
    (CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG size),
    CKR_OK)
ANSWER(C_CreateObject,
    (CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count,
	CK_OBJECT_HANDLE *object),
    give_handle(object, OBJECT_RSA))
ANSWER(C_CopyObject,
    (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *copy),
    give_handle(copy, object))
ANSWER(C_DestroyObject, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object),
    CKR_OK)
ANSWER(C_GetObjectSize,
    (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ULONG *size),
    give_handle(size, 1000))
ANSWER(C_GetAttributeValue,
    (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE *attributes, CK_ULONG count),
    get_attribute_value(session, object, attributes, count))
ANSWER(C_SetAttributeValue,
    (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE *attributes, CK_ULONG count),
    CKR_OK)
ANSWER(C_FindObjectsInit,
    (CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count),
    find_objects_init(session, attributes, count))
ANSWER(C_FindObjects,
    (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG room,
	CK_ULONG *count),
    find_objects(session, objects, room, count))

/* Shapes that many have. */
#define ANSWER_SESSION(NAME) ANSWER(NAME, (CK_SESSION_HANDLE session), CKR_OK)
#define ANSWER_INIT(NAME)                                         \
	ANSWER(NAME,                                              \
	    (CK_SESSION_HANDLE session, CK_MECHANISM * mechanism, \
		CK_OBJECT_HANDLE key),                            \
	    start_operation(key))
#define ANSWER_CONVERT(NAME)                                            \
	ANSWER(NAME,                                                    \
	    (CK_SESSION_HANDLE session, CK_BYTE * input, CK_ULONG size, \
		CK_BYTE * output, CK_ULONG * output_size),              \
	    (give_result(input, size, output, output_size)))
#define ANSWER_UPDATE(NAME)                                              \
	ANSWER(NAME,                                                     \
	    (CK_SESSION_HANDLE session, CK_BYTE * input, CK_ULONG size), \
	    CKR_OK)
#define ANSWER_FINAL(NAME)                                                  \
	ANSWER(NAME,                                                        \
	    (CK_SESSION_HANDLE session, CK_BYTE * output, CK_ULONG * size), \
	    (give_result(NULL, 0, output, size)))
#define ANSWER_VERIFY(NAME)                                            \
	ANSWER(NAME,                                                   \
	    (CK_SESSION_HANDLE session, CK_BYTE * data, CK_ULONG size, \
		CK_BYTE * signature, CK_ULONG signature_size),         \
	    CKR_OK)

ANSWER_SESSION(C_CloseSession)
ANSWER_SESSION(C_Logout)
ANSWER_SESSION(C_FindObjectsFinal)
ANSWER_SESSION(C_GetFunctionStatus)
ANSWER_SESSION(C_CancelFunction)
ANSWER_INIT(C_EncryptInit)
ANSWER_CONVERT(C_Encrypt)
ANSWER_CONVERT(C_EncryptUpdate)
ANSWER_FINAL(C_EncryptFinal)
ANSWER_INIT(C_DecryptInit)
ANSWER_CONVERT(C_Decrypt)
ANSWER_CONVERT(C_DecryptUpdate)
ANSWER_FINAL(C_DecryptFinal)
ANSWER(C_DigestInit, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism),
    start_operation(0))
ANSWER_CONVERT(C_Digest)
ANSWER_UPDATE(C_DigestUpdate)
ANSWER(C_DigestKey, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key), CKR_OK)
ANSWER_FINAL(C_DigestFinal)
ANSWER_INIT(C_SignInit)
ANSWER_CONVERT(C_Sign)
ANSWER_UPDATE(C_SignUpdate)
ANSWER_FINAL(C_SignFinal)
ANSWER_INIT(C_SignRecoverInit)
ANSWER_CONVERT(C_SignRecover)
ANSWER_INIT(C_VerifyInit)
ANSWER_VERIFY(C_Verify)
ANSWER_UPDATE(C_VerifyUpdate)
ANSWER_UPDATE(C_VerifyFinal)
ANSWER_INIT(C_VerifyRecoverInit)
ANSWER_CONVERT(C_VerifyRecover)
ANSWER_CONVERT(C_DigestEncryptUpdate)
ANSWER_CONVERT(C_DecryptDigestUpdate)
ANSWER_CONVERT(C_SignEncryptUpdate)
ANSWER_CONVERT(C_DecryptVerifyUpdate)
ANSWER(C_GenerateKey,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *key),
    give_handle(key, OBJECT_RSA))
ANSWER(C_GenerateKeyPair,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_ATTRIBUTE *public_attributes, CK_ULONG public_count,
	CK_ATTRIBUTE *private_attributes, CK_ULONG private_count,
	CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key),
    (generate_key_pair(mechanism, public_key, private_key)))
ANSWER(C_WrapKey,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key, CK_BYTE *wrapped,
	CK_ULONG *size),
    (give_result(NULL, 0, wrapped, size)))
ANSWER(C_UnwrapKey,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_OBJECT_HANDLE unwrapping_key, CK_BYTE *wrapped, CK_ULONG size,
	CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *key),
    give_handle(key, OBJECT_RSA))
ANSWER(C_DeriveKey,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
	CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *key),
    give_handle(key, OBJECT_RSA))
ANSWER_UPDATE(C_SeedRandom)
ANSWER(C_GenerateRandom,
    (CK_SESSION_HANDLE session, CK_BYTE *bytes, CK_ULONG size),
    generate_random(bytes, size))

/* Loading must work, or there is nothing to fuzz: it takes no byte. */
static CK_RV
do_C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	*list = hostile_module_functions();
	return CKR_OK;
}

EXPORT CK_FUNCTION_LIST *
hostile_module_functions(void)
{
#define ENTRY(NAME) .NAME = do_##NAME,
	static CK_FUNCTION_LIST functions = {
	    .version = {2, 40}, P11_PROXY_EACH_FUNCTION(ENTRY)};
#undef ENTRY

	return &functions;
}
