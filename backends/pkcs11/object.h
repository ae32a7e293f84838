/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Finding objects on a token and reading their attributes, whose sizes and
 * numbers are the token's claims. All from inside a step. */
#ifndef CLV_PKCS11_OBJECT_H
#define CLV_PKCS11_OBJECT_H

#include "run.h"

/* More objects than any token has: a module that counts more never ends. */
#define P11_OBJECTS_MAX 65536U
#define P11_ID_MAX 64U
#define P11_LABEL_MAX 256U
#define P11_MODULUS_MAX 2048U
#define P11_POINT_MAX 160U
#define P11_CURVE_MAX 64U

#define P11_ATTRIBUTE(TYPE, VALUE)                               \
	{                                                        \
		(TYPE), clv_p11_unconst(&(VALUE)), sizeof(VALUE) \
	}
#define P11_BYTES(TYPE, VALUE, SIZE)                   \
	{                                              \
		(TYPE), clv_p11_unconst(VALUE), (SIZE) \
	}
/* Behind C_GetAttributeValue: whether the token has given this one. */
#define P11_HAS(ATTRIBUTE) ((ATTRIBUTE).ulValueLen != (CK_ULONG)-1)

/*
 * All objects that fit; at most `room`, which is filled from the start.
 * CLV_CKR_LIE if the token counts more than it was asked for.
 */
CK_RV clv_p11_objects_find(struct p11_call *call, const CK_ATTRIBUTE *wanted,
    CK_ULONG wanted_count, CK_OBJECT_HANDLE *objects, size_t room,
    size_t *count);

/*
 * All of them, in `*objects`; free() it. More than `most` are an error, raised
 * as CLV_TOO_LARGE: what can't be seen whole must not pass for all there is.
 */
CK_RV clv_p11_objects_find_all(struct p11_call *call,
    const CK_ATTRIBUTE *wanted, CK_ULONG wanted_count, size_t most,
    CK_OBJECT_HANDLE **objects, size_t *count);

/*
 * Fills the attributes that the object has and that fit into the room given;
 * marks the others (see P11_HAS). Fails only if the token does.
 */
CK_RV clv_p11_object_read(struct p11_call *call, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *attributes, CK_ULONG count);

/* One value of any size up to `most`. Free `*value` with free(); NULL if the
 * object does not have it. */
CK_RV clv_p11_object_read_long(struct p11_call *call, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, size_t most, uint8_t **value, size_t *size);

/* What the token tells about a private key. */
struct p11_object {
	CK_OBJECT_HANDLE handle;
	CK_KEY_TYPE type;
	uint8_t id[P11_ID_MAX];
	size_t id_size;
	char label[P11_LABEL_MAX + 1];
	bool has_label; /* `label` is all of CKA_LABEL: it can be looked for */
	bool sensitive;
	bool extractable;
	bool private;
	bool local;
	bool always_authenticate;
	bool signs;
	bool decrypts;
};

CK_RV clv_p11_object_describe(
    struct p11_call *call, CK_OBJECT_HANDLE handle, struct p11_object *object);

#endif
