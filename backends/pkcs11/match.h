/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Which public key on the token is a private key's own. Only names say so,
 * CKA_ID and CKA_LABEL, and those are for people to choose: several keys may
 * have the same.
 */
#ifndef CLV_PKCS11_MATCH_H
#define CLV_PKCS11_MATCH_H

#include "public.h"

/* Where names leave a choice. */
enum p11_choice {
	P11_CHOOSE_PROVEN, /* the key signs, and what confirms it is its own */
	P11_CHOOSE_LIKELY  /* any with the key's own algorithm, unasked */
};

/*
 * Finds the public half of a private key: in the key itself, in a public key
 * object or a certificate with the same CKA_ID, or, if it has no CKA_ID, in a
 * public key object with the same label. One that is alone is taken, and of
 * several the one with the key's label; whether it belongs to the key shows
 * with the first signature, which is always checked. CKR_OK with public->key
 * NULL if there is none, or none that OPC UA has a use for;
 * CLV_CKR_AMBIGUOUS_PUBLIC if the key could not prove which it is.
 */
CK_RV clv_p11_public_find(struct p11_call *call,
    const struct p11_object *object, enum p11_choice choice,
    struct p11_public *public);

/* Whether the public key may still be that of the private key. */
CK_RV clv_p11_public_is_candidate(struct p11_call *call,
    const struct p11_object *object, const struct p11_public *public, bool *is);

/* Whether some public key on the token that goes by the private key's name
 * confirms the signature; arguments as for clv_p11_public_verify(). */
CK_RV clv_p11_public_any_verifies(struct p11_call *call,
    const struct p11_object *object, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, const uint8_t *signature,
    size_t signature_size, bool *any);

/* Whether another private key of the same type has the key's id; or its label,
 * if it has no id. */
CK_RV clv_p11_name_is_shared(
    struct p11_call *call, const struct p11_object *object, bool *shared);

/* Whether what a public key was read from has the private key's label. */
bool clv_p11_is_namesake(
    const struct p11_object *object, const struct p11_public *public);

bool clv_p11_public_equal(
    const struct p11_public *one, const struct p11_public *other);

#endif
