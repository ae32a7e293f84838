/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The few Cryptoki calls with which the fakes are tested, each as short as a
 * test wants it. Not the way to use a token in earnest. */
#ifndef CLV_FAKE_P11_CLIENT_H
#define CLV_FAKE_P11_CLIENT_H

#include <p11-kit/pkcs11.h>

/* NULL, with the reason on stderr, if it can't be loaded. */
CK_FUNCTION_LIST *p11_load(const char *path);

/* The slot of the token with this label, or of any initialised token. */
CK_RV p11_find_token(CK_FUNCTION_LIST *list, const char *label,
    CK_SLOT_ID *slot, CK_TOKEN_INFO *info);

CK_RV p11_open(
    CK_FUNCTION_LIST *list, const char *label, CK_SESSION_HANDLE *session);
CK_RV p11_login(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session,
    CK_USER_TYPE user, const char *pin);

/* A token key, private, not extractable; `id` is one byte of CKA_ID. */
CK_RV p11_generate_p256(
    CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session, CK_BYTE id);
CK_RV p11_generate_rsa(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session,
    CK_BYTE id, CK_ULONG bits);

/* CKR_OBJECT_HANDLE_INVALID if there is none. */
CK_RV p11_find_key(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session,
    CK_OBJECT_CLASS class, CK_BYTE id, CK_OBJECT_HANDLE *key);

/* Signs 32 bytes 0x5a. *size is the room on entry. */
CK_RV p11_sign(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session,
    CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key, CK_BYTE *signature,
    CK_ULONG *size);
CK_RV p11_verify(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session,
    CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key, CK_BYTE *signature,
    CK_ULONG size);

#endif
