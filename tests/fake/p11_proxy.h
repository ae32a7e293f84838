/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * claviger-p11-proxy.so: a PKCS#11 module that stands before another one and
 * does to it what tokens, readers and networks do: it fails, hangs, lies about
 * lengths, forgets sessions, locks PINs and is pulled out. README.md describes
 * the directives. Three ways to give them:
 *
 *   CLAVIGER_P11_PROXY=FILE         read when the module is loaded
 *   CLAVIGER_P11_PROXY_SCRIPT=...   the same, read after the file; `;` or a
 *                                   new line ends a directive
 *   control->run("...")             at any time, within the process
 *
 * A test in the same process gets its control with
 *
 *   void *module = dlopen(PATH, RTLD_NOW | RTLD_LOCAL);
 *   const struct p11_proxy_control *(*control)(void) =
 *       dlsym(module, P11_PROXY_CONTROL);
 *
 * before or after anybody else loads the module: it stays loaded. There is one
 * proxy per process. Never give it a PIN that guards something real.
 */
#ifndef CLV_P11_PROXY_H
#define CLV_P11_PROXY_H

#include <stdatomic.h>
#include <stdint.h>

/* Every function of Cryptoki 2.40. */
#define P11_PROXY_EACH_FUNCTION(X) \
	X(C_Initialize)            \
	X(C_Finalize)              \
	X(C_GetInfo)               \
	X(C_GetFunctionList)       \
	X(C_GetSlotList)           \
	X(C_GetSlotInfo)           \
	X(C_GetTokenInfo)          \
	X(C_GetMechanismList)      \
	X(C_GetMechanismInfo)      \
	X(C_InitToken)             \
	X(C_InitPIN)               \
	X(C_SetPIN)                \
	X(C_OpenSession)           \
	X(C_CloseSession)          \
	X(C_CloseAllSessions)      \
	X(C_GetSessionInfo)        \
	X(C_GetOperationState)     \
	X(C_SetOperationState)     \
	X(C_Login)                 \
	X(C_Logout)                \
	X(C_CreateObject)          \
	X(C_CopyObject)            \
	X(C_DestroyObject)         \
	X(C_GetObjectSize)         \
	X(C_GetAttributeValue)     \
	X(C_SetAttributeValue)     \
	X(C_FindObjectsInit)       \
	X(C_FindObjects)           \
	X(C_FindObjectsFinal)      \
	X(C_EncryptInit)           \
	X(C_Encrypt)               \
	X(C_EncryptUpdate)         \
	X(C_EncryptFinal)          \
	X(C_DecryptInit)           \
	X(C_Decrypt)               \
	X(C_DecryptUpdate)         \
	X(C_DecryptFinal)          \
	X(C_DigestInit)            \
	X(C_Digest)                \
	X(C_DigestUpdate)          \
	X(C_DigestKey)             \
	X(C_DigestFinal)           \
	X(C_SignInit)              \
	X(C_Sign)                  \
	X(C_SignUpdate)            \
	X(C_SignFinal)             \
	X(C_SignRecoverInit)       \
	X(C_SignRecover)           \
	X(C_VerifyInit)            \
	X(C_Verify)                \
	X(C_VerifyUpdate)          \
	X(C_VerifyFinal)           \
	X(C_VerifyRecoverInit)     \
	X(C_VerifyRecover)         \
	X(C_DigestEncryptUpdate)   \
	X(C_DecryptDigestUpdate)   \
	X(C_SignEncryptUpdate)     \
	X(C_DecryptVerifyUpdate)   \
	X(C_GenerateKey)           \
	X(C_GenerateKeyPair)       \
	X(C_WrapKey)               \
	X(C_UnwrapKey)             \
	X(C_DeriveKey)             \
	X(C_SeedRandom)            \
	X(C_GenerateRandom)        \
	X(C_GetFunctionStatus)     \
	X(C_CancelFunction)        \
	X(C_WaitForSlotEvent)

#define P11_PROXY_NUMBER(name) P11_PROXY_##name,
enum p11_proxy_function {
	P11_PROXY_EACH_FUNCTION(P11_PROXY_NUMBER) P11_PROXY_FUNCTIONS
};
#undef P11_PROXY_NUMBER

#define P11_PROXY_MAGIC 0x50313152U /* "P11R" */
#define P11_PROXY_VALUES 64

/*
 * What all processes that name the same `state` file have in common; it is the
 * whole content of that file, in the machine's own byte order, and may be
 * mapped by a test to look or to change. Without a `state` file it is memory
 * shared with forked children only.
 */
struct p11_proxy_shared {
	uint32_t magic;
	uint32_t size;
	_Atomic uint32_t removed;       /* not 0: no token in the slot */
	_Atomic uint32_t removals;      /* + 1 ends all sessions and logins */
	_Atomic uint32_t events;        /* + 1 wakes C_WaitForSlotEvent */
	_Atomic uint32_t releases;      /* + 1 lets hanging calls go on */
	_Atomic int32_t slot_offset;    /* added to the slot numbers shown */
	_Atomic int32_t tries_left;     /* of the user PIN; see `pin-tries` */
	_Atomic uint32_t logins;        /* PINs that were accepted */
	_Atomic uint32_t failed_logins; /* PINs that were not */
	/* Failures of a value that had failed before; hashes of such values. */
	_Atomic uint32_t repeated_failures;
	_Atomic uint64_t failed_values[P11_PROXY_VALUES];
	_Atomic uint32_t under_way; /* calls that have not returned */
	_Atomic uint32_t most_under_way;
	_Atomic uint64_t calls[P11_PROXY_FUNCTIONS];
	_Atomic uint64_t faults[P11_PROXY_FUNCTIONS]; /* errors made up */
};

struct p11_proxy_control {
	uint32_t version; /* 1 */

	/* Obeys directives. Returns NULL, or what is wrong with them: a text
	 * that stays until the thread's next call. */
	const char *(*run)(const char *directives);

	/* Calls since the start or clear_counters(), of one function or, with
	 * NULL, of all; UINT64_MAX for a name that there is not. */
	uint64_t (*calls)(const char *function);
	uint64_t (*faults)(const char *function);

	/* Sets the counters to 0, and nothing else. */
	void (*clear_counters)(void);

	struct p11_proxy_shared *(*shared)(void);
};

#define P11_PROXY_CONTROL "claviger_p11_proxy"

#endif
