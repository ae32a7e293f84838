/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The objects of the plausible token. */
#ifndef CLV_FAKE_HOSTILE_OBJECTS_H
#define CLV_FAKE_HOSTILE_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include <p11-kit/pkcs11.h>

/* Handles; others that the caller invents are treated as OBJECT_P256. */
enum {
	OBJECT_RSA = 1,
	OBJECT_RSA_PUBLIC,
	OBJECT_P256,
	OBJECT_P256_PUBLIC,
	OBJECT_CERTIFICATE,
	OBJECTS_END,
};

/* NULL if the object has no such attribute. */
const void *object_attribute(
    CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, size_t *size);

/* Whether the object has all these attributes with these values. */
bool object_matches(
    CK_OBJECT_HANDLE object, const CK_ATTRIBUTE *wanted, CK_ULONG count);

/* Signs with the P-256 key: 64 bytes. False if the hash is no hash. */
bool object_sign(const CK_BYTE *hash, size_t size, CK_BYTE signature[64]);

#endif
