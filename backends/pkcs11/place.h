/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Tokens and the slots they are in right now. */
#ifndef CLV_PKCS11_PLACE_H
#define CLV_PKCS11_PLACE_H

#include "module.h"

/* What makes a token the same one again; without the padding. */
struct p11_identity {
	char label[33];
	char manufacturer[33];
	char model[17];
	char serial[17];
};

struct p11_place {
	CK_SLOT_ID slot;
	struct p11_identity token;
	char slot_description[65];
	char slot_manufacturer[33];
	bool initialised; /* the token, by its security officer */
};

/* More slots than this no machine has; a count above it is a lie. */
#define P11_SLOTS_MAX 1024U

/*
 * All slots with a token in them: the first time by libp11, later by Cryptoki,
 * since libp11 can't let go of a slot without closing everybody's sessions.
 * Enters and leaves the module. Free `*places` with free().
 */
CK_RV clv_p11_places_find(
    struct p11_module *module, struct p11_place **places, size_t *count);

/* The token that is in `slot` now, from inside the module. */
CK_RV clv_p11_place_read(struct p11_module *module, CK_SLOT_ID slot,
    struct p11_identity *token, CK_TOKEN_INFO *info);

/* Finds where a token is now, from inside: CKR_TOKEN_NOT_PRESENT if nowhere. */
CK_RV clv_p11_place_locate(struct p11_module *module,
    const struct p11_identity *token, CK_SLOT_ID *slot);

bool clv_p11_identity_equal(
    const struct p11_identity *a, const struct p11_identity *b);

/* Copies a space-padded field as a string; control characters become '?'. */
void clv_p11_unpad(
    char *to, size_t room, const unsigned char *from, size_t size);

#endif
