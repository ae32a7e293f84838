/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* PKCS#11 constants and functions by name, and back. */
#ifndef CLV_FAKE_PROXY_NAMES_H
#define CLV_FAKE_PROXY_NAMES_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

/* "CKR_...", "CKM_..." or "CKA_...", or a number, decimal or 0x. */
bool name_value(const char *prefix, const char *name, CK_ULONG *value);

/* NULL if there is no such return value. */
const char *name_of_rv(CK_RV rv);

/* An enum p11_proxy_function, or -1. */
int name_function(const char *name);
const char *name_of_function(int function);

#endif
