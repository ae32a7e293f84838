/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The module itself: one wrapper per Cryptoki function. See p11_proxy.h. */

#include "p11_proxy.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <p11-kit/pkcs11.h>

#include "proxy/gate.h"
#include "proxy/login.h"
#include "proxy/names.h"
#include "proxy/script.h"
#include "proxy/shared.h"
#include "proxy/token.h"

#define EXPORT __attribute__((visibility("default")))

/*
 * WRAP(function, what it calls, parameters, arguments, what the call is about)
 * The last are designated initialisers of struct call.
 */
#define WRAP(NAME, CALLEE, PARAMETERS, ARGUMENTS, ...)          \
	static CK_RV wrap_##NAME PARAMETERS                     \
	{                                                       \
		struct call call = {                            \
		    .function = P11_PROXY_##NAME, __VA_ARGS__}; \
		struct plan plan;                               \
                                                                \
		if (gate_enter(&call, &plan))                   \
			call.rv = CALLEE ARGUMENTS;             \
		return gate_leave(&call, &plan);                \
	}
#define FORWARD(NAME, PARAMETERS, ARGUMENTS, ...) \
	WRAP(NAME, real->NAME, PARAMETERS, ARGUMENTS, __VA_ARGS__)

/* Parts of the initialisers. */
#define IN(SESSION) .session = (SESSION)
#define BYTES(OUTPUT, LENGTH) .output = (OUTPUT), .length = (LENGTH), .unit = 1
#define ITEMS(OUTPUT, LENGTH) \
	.output = (OUTPUT), .length = (LENGTH), .unit = sizeof(*(OUTPUT))
#define ONE(OUTPUT) .output = (OUTPUT), .unit = sizeof(*(OUTPUT))

/* Operations that `hide` may forbid. */
#define UNLESS_HIDDEN(MECHANISM, CALL) \
	(token_hides(MECHANISM) ? CKR_MECHANISM_INVALID : (CALL))

/* General, slots and tokens */
WRAP(C_Initialize, token_initialize, (void *arguments), (arguments), .unit = 0)
WRAP(C_Finalize, token_finalize, (void *reserved), (reserved), .unit = 0)
FORWARD(C_GetInfo, (CK_INFO * info), (info), ONE(info))
WRAP(C_GetSlotList, token_get_slot_list,
    (CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count),
    (present, slots, count), ITEMS(slots, count))
WRAP(C_GetSlotInfo, token_get_slot_info, (CK_SLOT_ID slot, CK_SLOT_INFO *info),
    (slot, info), ONE(info))
WRAP(C_GetTokenInfo, token_get_token_info,
    (CK_SLOT_ID slot, CK_TOKEN_INFO *info), (slot, info), ONE(info))
WRAP(C_GetMechanismList, token_get_mechanism_list,
    (CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count),
    (slot, list, count), ITEMS(list, count))
WRAP(C_GetMechanismInfo, token_get_mechanism_info,
    (CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info),
    (slot, type, info), ONE(info))
WRAP(C_InitToken, token_init_token,
    (CK_SLOT_ID slot, CK_BYTE *pin, CK_ULONG size, CK_BYTE *label),
    (slot, pin, size, label), .unit = 0)
WRAP(C_WaitForSlotEvent, token_wait_for_slot_event,
    (CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved), (flags, slot, reserved),
    ONE(slot))

/* Sessions and PINs */
WRAP(C_InitPIN, login_init_pin,
    (CK_SESSION_HANDLE session, CK_BYTE *pin, CK_ULONG size),
    (session, pin, size), IN(session))
WRAP(C_SetPIN, login_set_pin,
    (CK_SESSION_HANDLE session, CK_BYTE *old, CK_ULONG old_size, CK_BYTE *new,
	CK_ULONG new_size),
    (session, old, old_size, new, new_size), IN(session))
WRAP(C_OpenSession, token_open_session,
    (CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
	CK_SESSION_HANDLE *session),
    (slot, flags, application, notify, session), ONE(session))
WRAP(C_CloseSession, token_close_session, (CK_SESSION_HANDLE session),
    (session), IN(session))
WRAP(C_CloseAllSessions, token_close_all_sessions, (CK_SLOT_ID slot), (slot),
    .unit = 0)
WRAP(C_GetSessionInfo, token_get_session_info,
    (CK_SESSION_HANDLE session, CK_SESSION_INFO *info), (session, info),
    IN(session), ONE(info))
FORWARD(C_GetOperationState,
    (CK_SESSION_HANDLE session, CK_BYTE *state, CK_ULONG *size),
    (session, state, size), IN(session), BYTES(state, size))
FORWARD(C_SetOperationState,
    (CK_SESSION_HANDLE session, CK_BYTE *state, CK_ULONG size,
	CK_OBJECT_HANDLE encryption, CK_OBJECT_HANDLE authentication),
    (session, state, size, encryption, authentication), IN(session))
WRAP(C_Login, login_login,
    (CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG size),
    (session, user, pin, size), IN(session))
FORWARD(C_Logout, (CK_SESSION_HANDLE session), (session), IN(session))

/* Objects */
FORWARD(C_CreateObject,
    (CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count,
	CK_OBJECT_HANDLE *object),
    (session, attributes, count, object), IN(session), ONE(object))
FORWARD(C_CopyObject,
    (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *copy),
    (session, object, attributes, count, copy), IN(session), ONE(copy))
FORWARD(C_DestroyObject, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object),
    (session, object), IN(session))
FORWARD(C_GetObjectSize,
    (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ULONG *size),
    (session, object, size), IN(session), .length = size)
WRAP(C_GetAttributeValue, login_get_attribute_value,
    (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE *attributes, CK_ULONG count),
    (session, object, attributes, count), IN(session), .attributes = attributes,
    .attribute_count = count)
FORWARD(C_SetAttributeValue,
    (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE *attributes, CK_ULONG count),
    (session, object, attributes, count), IN(session))
FORWARD(C_FindObjectsInit,
    (CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count),
    (session, attributes, count), IN(session))
FORWARD(C_FindObjects,
    (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG most,
	CK_ULONG *count),
    (session, objects, most, count), IN(session), ITEMS(objects, count))
FORWARD(C_FindObjectsFinal, (CK_SESSION_HANDLE session), (session), IN(session))

/* The three shapes that most of the others have. */
#define FORWARD_INIT(NAME)                                        \
	WRAP(NAME, UNLESS_HIDDEN,                                 \
	    (CK_SESSION_HANDLE session, CK_MECHANISM * mechanism, \
		CK_OBJECT_HANDLE key),                            \
	    (mechanism, real->NAME(session, mechanism, key)), IN(session))
#define FORWARD_CONVERT(NAME, CALLEE)                                   \
	WRAP(NAME, CALLEE,                                              \
	    (CK_SESSION_HANDLE session, CK_BYTE * input, CK_ULONG size, \
		CK_BYTE * output, CK_ULONG * output_size),              \
	    (session, input, size, output, output_size), IN(session),   \
	    BYTES(output, output_size))
#define FORWARD_UPDATE(NAME)                                            \
	FORWARD(NAME,                                                   \
	    (CK_SESSION_HANDLE session, CK_BYTE * part, CK_ULONG size), \
	    (session, part, size), IN(session))
#define FORWARD_FINAL(NAME)                                                 \
	FORWARD(NAME,                                                       \
	    (CK_SESSION_HANDLE session, CK_BYTE * output, CK_ULONG * size), \
	    (session, output, size), IN(session), BYTES(output, size))

/* Encryption and decryption */
FORWARD_INIT(C_EncryptInit)
FORWARD_CONVERT(C_Encrypt, real->C_Encrypt)
FORWARD_CONVERT(C_EncryptUpdate, real->C_EncryptUpdate)
FORWARD_FINAL(C_EncryptFinal)
WRAP(C_DecryptInit, login_decrypt_init,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key),
    (session, mechanism, key), IN(session))
FORWARD_CONVERT(C_Decrypt, login_decrypt)
FORWARD_CONVERT(C_DecryptUpdate, real->C_DecryptUpdate)
FORWARD_FINAL(C_DecryptFinal)

/* Digests */
WRAP(C_DigestInit, UNLESS_HIDDEN,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism),
    (mechanism, real->C_DigestInit(session, mechanism)), IN(session))
FORWARD_CONVERT(C_Digest, real->C_Digest)
FORWARD_UPDATE(C_DigestUpdate)
FORWARD(C_DigestKey, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key),
    (session, key), IN(session))
FORWARD_FINAL(C_DigestFinal)

/* Signatures */
WRAP(C_SignInit, login_sign_init,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key),
    (session, mechanism, key), IN(session))
FORWARD_CONVERT(C_Sign, login_sign)
FORWARD_UPDATE(C_SignUpdate)
FORWARD_FINAL(C_SignFinal)
FORWARD_INIT(C_SignRecoverInit)
FORWARD_CONVERT(C_SignRecover, real->C_SignRecover)
FORWARD_INIT(C_VerifyInit)
FORWARD(C_Verify,
    (CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size,
	CK_BYTE *signature, CK_ULONG signature_size),
    (session, data, size, signature, signature_size), IN(session))
FORWARD_UPDATE(C_VerifyUpdate)
FORWARD(C_VerifyFinal,
    (CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG size),
    (session, signature, size), IN(session))
FORWARD_INIT(C_VerifyRecoverInit)
FORWARD_CONVERT(C_VerifyRecover, real->C_VerifyRecover)

/* Two at once */
FORWARD_CONVERT(C_DigestEncryptUpdate, real->C_DigestEncryptUpdate)
FORWARD_CONVERT(C_DecryptDigestUpdate, real->C_DecryptDigestUpdate)
FORWARD_CONVERT(C_SignEncryptUpdate, real->C_SignEncryptUpdate)
FORWARD_CONVERT(C_DecryptVerifyUpdate, real->C_DecryptVerifyUpdate)

/* Keys */
WRAP(C_GenerateKey, UNLESS_HIDDEN,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *key),
    (mechanism,
	real->C_GenerateKey(session, mechanism, attributes, count, key)),
    IN(session), ONE(key))
WRAP(C_GenerateKeyPair, UNLESS_HIDDEN,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_ATTRIBUTE *public_attributes, CK_ULONG public_count,
	CK_ATTRIBUTE *private_attributes, CK_ULONG private_count,
	CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key),
    (mechanism,
	real->C_GenerateKeyPair(session, mechanism, public_attributes,
	    public_count, private_attributes, private_count, public_key,
	    private_key)),
    IN(session), ONE(private_key))
WRAP(C_WrapKey, UNLESS_HIDDEN,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key, CK_BYTE *wrapped,
	CK_ULONG *size),
    (mechanism,
	real->C_WrapKey(session, mechanism, wrapping_key, key, wrapped, size)),
    IN(session), BYTES(wrapped, size))
WRAP(C_UnwrapKey, UNLESS_HIDDEN,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
	CK_OBJECT_HANDLE unwrapping_key, CK_BYTE *wrapped, CK_ULONG size,
	CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *key),
    (mechanism,
	real->C_UnwrapKey(session, mechanism, unwrapping_key, wrapped, size,
	    attributes, count, key)),
    IN(session), ONE(key))
WRAP(C_DeriveKey, UNLESS_HIDDEN,
    (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
	CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *key),
    (mechanism,
	real->C_DeriveKey(session, mechanism, base, attributes, count, key)),
    IN(session), ONE(key))
FORWARD_UPDATE(C_SeedRandom)
FORWARD(C_GenerateRandom,
    (CK_SESSION_HANDLE session, CK_BYTE *bytes, CK_ULONG size),
    (session, bytes, size), IN(session), .output = bytes, .unit = size)
FORWARD(
    C_GetFunctionStatus, (CK_SESSION_HANDLE session), (session), IN(session))
FORWARD(C_CancelFunction, (CK_SESSION_HANDLE session), (session), IN(session))

static pthread_once_t configure_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static bool misconfigured;

static void
complain(const char *problem)
{
	fprintf(stderr, "claviger-p11-proxy: %s\n", problem);
}

static void
check(const char *problem)
{
	if (problem == NULL)
		return;
	complain(problem);
	misconfigured = true;
}

static void
configure(void)
{
	const char *file = getenv("CLAVIGER_P11_PROXY");
	const char *script = getenv("CLAVIGER_P11_PROXY_SCRIPT");

	if (file != NULL)
		check(script_run_file(file));
	if (script != NULL)
		check(script_run(script));
}

static CK_FUNCTION_LIST *
load_real(void)
{
	CK_FUNCTION_LIST *list = NULL;
	CK_C_GetFunctionList get;
	void *module;

	if (script_module() == NULL) {
		complain("no module to wrap: CLAVIGER_P11_PROXY names a file "
			 "with the line \"module PATH\"");
		return NULL;
	}
	/* Never closed: modules crash when they are unloaded in use. */
	if ((module = dlopen(script_module(), RTLD_NOW | RTLD_LOCAL)) == NULL) {
		complain(dlerror());
		return NULL;
	}
	*(void **)&get = dlsym(module, "C_GetFunctionList");
	if (get == NULL || get(&list) != CKR_OK) {
		complain("the wrapped module has no C_GetFunctionList");
		return NULL;
	}
	return list;
}

static CK_RV wrap_C_GetFunctionList(CK_FUNCTION_LIST **list);

#define ENTRY(NAME) .NAME = wrap_##NAME,
static CK_FUNCTION_LIST functions = {
    .version = {2, 40}, P11_PROXY_EACH_FUNCTION(ENTRY)};
#undef ENTRY

static CK_RV
get_function_list(CK_FUNCTION_LIST **list)
{
	if (list == NULL)
		return CKR_ARGUMENTS_BAD;
	*list = &functions;
	return CKR_OK;
}

WRAP(C_GetFunctionList, get_function_list, (CK_FUNCTION_LIST * *list), (list),
    .unit = 0)

EXPORT CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	CK_FUNCTION_LIST *loaded;

	pthread_once(&configure_once, configure);
	pthread_mutex_lock(&loading);
	/* A test whose directives are not obeyed would prove nothing. */
	if (real == NULL && !misconfigured)
		real = load_real();
	loaded = real;
	pthread_mutex_unlock(&loading);
	return loaded == NULL ? CKR_GENERAL_ERROR
			      : wrap_C_GetFunctionList(list);
}

static uint64_t
sum(const _Atomic uint64_t *numbers, const char *function)
{
	uint64_t total = 0;
	int number;

	if (function != NULL)
		return (number = name_function(function)) < 0 ? UINT64_MAX
							      : numbers[number];
	for (int i = 0; i < P11_PROXY_FUNCTIONS; i++)
		total += numbers[i];
	return total;
}

static uint64_t
control_calls(const char *function)
{
	return sum(shared_state()->calls, function);
}

static uint64_t
control_faults(const char *function)
{
	return sum(shared_state()->faults, function);
}

static void
control_clear_counters(void)
{
	shared_clear_counters(shared_state());
}

/* P11_PROXY_CONTROL */
EXPORT const struct p11_proxy_control *claviger_p11_proxy(void);

EXPORT const struct p11_proxy_control *
claviger_p11_proxy(void)
{
	static const struct p11_proxy_control control = {
	    .version = 1,
	    .run = script_run,
	    .calls = control_calls,
	    .faults = control_faults,
	    .clear_counters = control_clear_counters,
	    .shared = shared_state,
	};

	pthread_once(&configure_once, configure);
	return &control;
}
