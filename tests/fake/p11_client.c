/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "p11_client.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define SLOTS_MAX 64
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static CK_BYTE message[32];

CK_FUNCTION_LIST *
p11_load(const char *path)
{
	CK_FUNCTION_LIST *list = NULL;
	CK_C_GetFunctionList get;
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (module == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return NULL;
	}
	*(void **)&get = dlsym(module, "C_GetFunctionList");
	if (get == NULL || get(&list) != CKR_OK) {
		fprintf(stderr, "%s: no function list\n", path);
		return NULL;
	}
	return list;
}

static int
has_label(const CK_TOKEN_INFO *info, const char *label)
{
	const size_t size = strlen(label);

	for (size_t i = size; i < sizeof(info->label); i++)
		if (info->label[i] != ' ')
			return 0;
	return memcmp(info->label, label, size) == 0;
}

CK_RV
p11_find_token(CK_FUNCTION_LIST *list, const char *label, CK_SLOT_ID *slot,
    CK_TOKEN_INFO *info)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;
	CK_RV rv = list->C_GetSlotList(CK_TRUE, slots, &count);

	for (CK_ULONG i = 0; rv == CKR_OK && i < count && i < SLOTS_MAX; i++) {
		rv = list->C_GetTokenInfo(slots[i], info);
		if (rv == CKR_OK && (info->flags & CKF_TOKEN_INITIALIZED) &&
		    (label == NULL || has_label(info, label))) {
			*slot = slots[i];
			return CKR_OK;
		}
	}
	return rv != CKR_OK ? rv : CKR_TOKEN_NOT_PRESENT;
}

CK_RV
p11_open(CK_FUNCTION_LIST *list, const char *label, CK_SESSION_HANDLE *session)
{
	CK_TOKEN_INFO info;
	CK_SLOT_ID slot;
	CK_RV rv = p11_find_token(list, label, &slot, &info);

	if (rv != CKR_OK)
		return rv;
	return list->C_OpenSession(
	    slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);
}

CK_RV
p11_login(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session, CK_USER_TYPE user,
    const char *pin)
{
	CK_BYTE copy[64];
	size_t size;

	if (pin == NULL)
		return list->C_Login(session, user, NULL, 0);
	size = strnlen(pin, sizeof(copy));
	memcpy(copy, pin, size);
	return list->C_Login(session, user, copy, size);
}

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static CK_RV
generate(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session,
    CK_MECHANISM_TYPE type, const CK_ATTRIBUTE *size, CK_BYTE id,
    CK_BBOOL *decrypts)
{
	CK_MECHANISM mechanism = {type, NULL, 0};
	CK_OBJECT_HANDLE public_key, private_key;
	CK_ATTRIBUTE public_attributes[] = {
	    *size,
	    {CKA_TOKEN, &yes, sizeof(yes)},
	    {CKA_ID, &id, sizeof(id)},
	    {CKA_VERIFY, &yes, sizeof(yes)},
	    {CKA_ENCRYPT, decrypts, sizeof(*decrypts)},
	};
	CK_ATTRIBUTE private_attributes[] = {
	    {CKA_TOKEN, &yes, sizeof(yes)},
	    {CKA_PRIVATE, &yes, sizeof(yes)},
	    {CKA_SENSITIVE, &yes, sizeof(yes)},
	    {CKA_EXTRACTABLE, &no, sizeof(no)},
	    {CKA_ID, &id, sizeof(id)},
	    {CKA_SIGN, &yes, sizeof(yes)},
	    {CKA_DECRYPT, decrypts, sizeof(*decrypts)},
	};

	return list->C_GenerateKeyPair(session, &mechanism, public_attributes,
	    COUNT(public_attributes), private_attributes,
	    COUNT(private_attributes), &public_key, &private_key);
}

CK_RV
p11_generate_p256(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session, CK_BYTE id)
{
	/* OBJECT IDENTIFIER 1.2.840.10045.3.1.7 */
	static CK_BYTE p256[] = {
	    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
	const CK_ATTRIBUTE curve = {CKA_EC_PARAMS, p256, sizeof(p256)};

	return generate(list, session, CKM_EC_KEY_PAIR_GEN, &curve, id, &no);
}

CK_RV
p11_generate_rsa(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session, CK_BYTE id,
    CK_ULONG bits)
{
	const CK_ATTRIBUTE size = {CKA_MODULUS_BITS, &bits, sizeof(bits)};

	return generate(
	    list, session, CKM_RSA_PKCS_KEY_PAIR_GEN, &size, id, &yes);
}

CK_RV
p11_find_key(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session,
    CK_OBJECT_CLASS class, CK_BYTE id, CK_OBJECT_HANDLE *key)
{
	CK_ATTRIBUTE wanted[] = {
	    {CKA_CLASS, &class, sizeof(class)},
	    {CKA_ID, &id, sizeof(id)},
	};
	CK_ULONG count = 0;
	CK_RV rv = list->C_FindObjectsInit(session, wanted, COUNT(wanted));

	if (rv != CKR_OK)
		return rv;
	rv = list->C_FindObjects(session, key, 1, &count);
	list->C_FindObjectsFinal(session);
	return rv != CKR_OK ? rv
	    : count == 1    ? CKR_OK
			    : CKR_OBJECT_HANDLE_INVALID;
}

CK_RV
p11_sign(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session,
    CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, CK_BYTE *signature,
    CK_ULONG *size)
{
	CK_MECHANISM mechanism = {type, NULL, 0};
	const CK_RV rv = list->C_SignInit(session, &mechanism, key);

	memset(message, 0x5a, sizeof(message));
	return rv != CKR_OK
	    ? rv
	    : list->C_Sign(session, message, sizeof(message), signature, size);
}

CK_RV
p11_verify(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session,
    CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, CK_BYTE *signature,
    CK_ULONG size)
{
	CK_MECHANISM mechanism = {type, NULL, 0};
	const CK_RV rv = list->C_VerifyInit(session, &mechanism, key);

	return rv != CKR_OK ? rv
			    : list->C_Verify(session, message, sizeof(message),
				  signature, size);
}
