/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* PINs: tries that run out, pinpads, keys that ask each time. */
#ifndef CLV_FAKE_PROXY_LOGIN_H
#define CLV_FAKE_PROXY_LOGIN_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

bool login_set(char **words, const char **problem);
void login_reset(void);

/* Corrects the token flags that speak of PINs. */
void login_show(CK_FLAGS *flags);

CK_RV login_login(
    CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG size);
CK_RV login_set_pin(CK_SESSION_HANDLE session, CK_BYTE *old, CK_ULONG old_size,
    CK_BYTE *new, CK_ULONG new_size);
CK_RV login_init_pin(CK_SESSION_HANDLE session, CK_BYTE *pin, CK_ULONG size);

/* Always-authenticate keys. */
CK_RV login_get_attribute_value(CK_SESSION_HANDLE session,
    CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG count);
CK_RV login_sign_init(
    CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV login_decrypt_init(
    CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV login_sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size,
    CK_BYTE *signature, CK_ULONG *signature_size);
CK_RV login_decrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size,
    CK_BYTE *plain, CK_ULONG *plain_size);

#endif
