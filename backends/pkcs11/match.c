/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "match.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/digest_info.h"

#include "login.h"

/* More public keys than anybody gives the same id. */
#define CANDIDATES_MAX 64U

struct candidate {
	struct p11_public public;
	bool own; /* the private key itself tells it */
	bool namesake;
};

struct candidates {
	const struct p11_object *object;
	struct candidate items[CANDIDATES_MAX];
	size_t count;
	bool complete; /* all places were looked at */
};

static struct candidates *
candidates_new(const struct p11_object *object)
{
	struct candidates *all = calloc(1, sizeof(*all));

	if (all != NULL)
		all->object = object;
	return all;
}

static void
candidates_free(struct candidates *all)
{
	for (size_t i = 0; i < all->count; i++)
		clv_p11_public_clear(&all->items[i].public);
	free(all);
}

bool
clv_p11_public_equal(
    const struct p11_public *one, const struct p11_public *other)
{
	return one->der_size > 0 && one->der_size == other->der_size &&
	    memcmp(one->der, other->der, one->der_size) == 0;
}

bool
clv_p11_is_namesake(
    const struct p11_object *object, const struct p11_public *public)
{
	return object->has_label && public->has_label &&
	    strcmp(object->label, public->label) == 0;
}

static clv_family
find_family(CK_KEY_TYPE type)
{
	switch (type) {
	case CKK_RSA:
		return CLV_FAMILY_RSA;
	case CKK_EC:
		return CLV_FAMILY_EC;
	case CKK_EC_EDWARDS:
		return CLV_FAMILY_ED;
	default:
		return CLV_FAMILY_NONE;
	}
}

/* Takes the public key over. */
static void
add(struct candidates *all, struct p11_public *public, bool own)
{
	const bool namesake = clv_p11_is_namesake(all->object, public);

	if (public->key == NULL ||
	    public->family != find_family(all->object->type)) {
		clv_p11_public_clear(public);
		return;
	}
	for (size_t i = 0; i < all->count; i++)
		if (clv_p11_public_equal(&all->items[i].public, public)) {
			all->items[i].own |= own;
			all->items[i].namesake |= namesake;
			clv_p11_public_clear(public);
			return;
		}
	if (all->count == CANDIDATES_MAX) {
		clv_p11_public_clear(public);
		return;
	}
	all->items[all->count++] = (struct candidate){*public, own, namesake};
}

static CK_RV
add_objects(struct p11_call *call, struct candidates *all)
{
	CK_OBJECT_HANDLE found[CANDIDATES_MAX];
	size_t count = 0;
	CK_RV rv = clv_p11_publics_find(
	    call, all->object, found, CANDIDATES_MAX, &count);

	for (size_t i = 0; rv == CKR_OK && i < count; i++) {
		struct p11_public public;

		rv = clv_p11_public_read(
		    call, found[i], all->object->type, &public);
		add(all, &public, false);
	}
	return rv;
}

static CK_RV
add_own(struct p11_call *call, struct candidates *all)
{
	struct p11_public public;
	CK_RV rv = clv_p11_public_read(
	    call, all->object->handle, all->object->type, &public);

	add(all, &public, true);
	return rv;
}

static CK_RV
add_certificates(struct p11_call *call, struct candidates *all)
{
	const struct p11_object *object = all->object;
	const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	const CK_ATTRIBUTE wanted[] = {P11_ATTRIBUTE(CKA_CLASS, class),
	    P11_BYTES(CKA_ID, object->id, object->id_size)};
	CK_OBJECT_HANDLE found[CANDIDATES_MAX];
	size_t count = 0;
	CK_RV rv = CKR_OK;

	if (object->id_size > 0)
		rv = clv_p11_objects_find(
		    call, wanted, 2, found, CANDIDATES_MAX, &count);
	for (size_t i = 0; rv == CKR_OK && i < count; i++) {
		struct p11_public public;

		rv = clv_p11_public_read_certificate(call, found[i], &public);
		add(all, &public, false);
	}
	return rv;
}

static bool
tells_itself(const struct candidates *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].own)
			return true;
	return false;
}

/* What the private key says itself ends the search. */
static CK_RV
add_the_rest(struct p11_call *call, struct candidates *all)
{
	CK_RV rv = CKR_OK;

	if (all->complete)
		return CKR_OK;
	all->complete = true;
	if (all->object->type != CKK_RSA)
		rv = add_own(call, all);
	if (rv == CKR_OK && !tells_itself(all))
		rv = add_certificates(call, all);
	return rv;
}

/* The one that needs no proof, for what it is or as the only one with the
 * private key's label. */
static const struct candidate *
find_certain(const struct candidates *all)
{
	const struct candidate *namesake = NULL;
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++) {
		if (all->items[i].own)
			return &all->items[i];
		if (all->items[i].namesake) {
			namesake = &all->items[i];
			count++;
		}
	}
	return count == 1 ? namesake : NULL;
}

CK_RV
clv_p11_name_is_shared(
    struct p11_call *call, const struct p11_object *object, bool *shared)
{
	const CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE wanted[3] = {P11_ATTRIBUTE(CKA_CLASS, class),
	    P11_ATTRIBUTE(CKA_KEY_TYPE, object->type)};
	CK_ULONG used = 2;
	CK_OBJECT_HANDLE found[2];
	size_t count = 0;
	CK_RV rv;

	if (object->id_size > 0)
		wanted[used++] = (CK_ATTRIBUTE)P11_BYTES(
		    CKA_ID, object->id, object->id_size);
	else if (object->has_label)
		wanted[used++] = (CK_ATTRIBUTE)P11_BYTES(
		    CKA_LABEL, object->label, strlen(object->label));
	rv = clv_p11_objects_find(call, wanted, used, found, 2, &count);
	*shared = count > 1;
	return rv;
}

/* What a key signs to show which public key is its own. */
struct challenge {
	struct clv_mechanism mechanism;
	uint8_t digest[SHA256_DIGEST_LENGTH];
	uint8_t signature[CLV_SIGNATURE_MAX];
	CK_ULONG size;
};

static void
challenge_set(struct challenge *challenge, const struct p11_object *object)
{
	static const unsigned char text[] =
	    "Claviger asks which public key belongs to this key";

	challenge->mechanism =
	    (struct clv_mechanism){.family = find_family(object->type),
		.padding = object->type == CKK_RSA ? CLV_PADDING_PKCS1
						   : CLV_PADDING_NONE,
		.hash = CLV_HASH_SHA256};
	(void)SHA256(text, sizeof(text) - 1, challenge->digest);
}

static bool
answers(const struct challenge *challenge, const struct p11_public *public)
{
	return challenge->size == public->size &&
	    clv_p11_public_verify(public, &challenge->mechanism,
		challenge->digest, sizeof(challenge->digest),
		challenge->signature);
}

/* A key that can't or may not sign proves nothing. */
static CK_RV
refuse(CK_RV rv)
{
	return clv_p11_fault(rv) == P11_FAULT_NONE ? CLV_CKR_AMBIGUOUS_PUBLIC
						   : rv;
}

static CK_RV
challenge_sign(struct p11_call *call, const struct p11_object *object,
    struct challenge *challenge)
{
	const CK_SESSION_HANDLE session = call->session->handle;
	CK_MECHANISM mechanism = {object->type == CKK_RSA ? CKM_RSA_PKCS
		: object->type == CKK_EC                  ? CKM_ECDSA
							  : CKM_EDDSA,
	    NULL, 0};
	uint8_t input[CLV_DIGEST_INFO_MAX + SHA256_DIGEST_LENGTH];
	size_t size = sizeof(challenge->digest);
	CK_RV rv;

	memcpy(input, challenge->digest, size);
	if (object->type == CKK_RSA)
		size = clv_p11_digest_info(
		    CLV_HASH_SHA256, challenge->digest, size, input);
	rv = call->f->C_SignInit(session, &mechanism, object->handle);
	if (rv != CKR_OK)
		return refuse(rv);
	if (object->always_authenticate) {
		rv = clv_p11_login_for_operation(call);
		if (rv != CKR_OK) {
			call->spoilt = true;
			return rv;
		}
	}
	challenge->size = sizeof(challenge->signature);
	rv = call->f->C_Sign(
	    session, input, size, challenge->signature, &challenge->size);
	return rv == CKR_OK ? CKR_OK : refuse(rv);
}

/* Twice, as a token may stumble. */
static CK_RV
prove(struct p11_call *call, const struct candidates *all,
    const struct candidate **proven)
{
	struct challenge challenge;
	CK_RV rv = CKR_OK;

	challenge_set(&challenge, all->object);
	for (int tries = 0; tries < 2 && *proven == NULL; tries++) {
		rv = challenge_sign(call, all->object, &challenge);
		if (rv != CKR_OK)
			return rv;
		for (size_t i = 0; i < all->count && *proven == NULL; i++)
			if (answers(&challenge, &all->items[i].public))
				*proven = &all->items[i];
	}
	return rv;
}

/* One on the private key's own curve, if the token tells it. */
static CK_RV
guess(struct p11_call *call, const struct candidates *all,
    const struct candidate **likely)
{
	uint8_t curve[P11_CURVE_MAX] = {0};
	CK_ATTRIBUTE attribute = P11_ATTRIBUTE(CKA_EC_PARAMS, curve);
	clv_algorithm algorithm = CLV_ALGORITHM_NONE;
	CK_RV rv = CKR_OK;

	if (all->object->type != CKK_RSA)
		rv = clv_p11_object_read(
		    call, all->object->handle, &attribute, 1);
	if (rv == CKR_OK && all->object->type != CKK_RSA && P11_HAS(attribute))
		algorithm = clv_p11_curve_find(curve, attribute.ulValueLen);
	for (size_t i = 0; rv == CKR_OK && *likely == NULL && i < all->count;
	     i++)
		if (algorithm == CLV_ALGORITHM_NONE ||
		    all->items[i].public.algorithm == algorithm)
			*likely = &all->items[i];
	return rv;
}

static CK_RV
choose(struct p11_call *call, struct candidates *all, enum p11_choice choice,
    const struct candidate **chosen)
{
	bool shared = all->count > 1;
	CK_RV rv = CKR_OK;

	*chosen = find_certain(all);
	if (*chosen != NULL || all->count == 0)
		return CKR_OK;
	if (!shared)
		rv = clv_p11_name_is_shared(call, all->object, &shared);
	if (rv == CKR_OK && !shared) {
		*chosen = &all->items[0];
		return CKR_OK;
	}
	if (rv == CKR_OK)
		rv = add_the_rest(call, all);
	if (rv == CKR_OK)
		*chosen = find_certain(all);
	if (rv != CKR_OK || *chosen != NULL)
		return rv;
	return choice == P11_CHOOSE_PROVEN ? prove(call, all, chosen)
					   : guess(call, all, chosen);
}

static CK_RV
find_by_name(struct p11_call *call, const struct p11_object *object,
    enum p11_choice choice, struct p11_public *public)
{
	struct candidates *all = candidates_new(object);
	const struct candidate *chosen = NULL;
	CK_RV rv;

	if (all == NULL)
		return CLV_CKR_NO_MEMORY;
	rv = add_objects(call, all);
	if (rv == CKR_OK && all->count == 0)
		rv = add_the_rest(call, all);
	if (rv == CKR_OK)
		rv = choose(call, all, choice, &chosen);
	if (rv == CKR_OK && chosen != NULL) {
		struct candidate *taken = &all->items[chosen - all->items];

		*public = taken->public;
		memset(&taken->public, 0, sizeof(taken->public));
	}
	candidates_free(all);
	return rv;
}

CK_RV
clv_p11_public_find(struct p11_call *call, const struct p11_object *object,
    enum p11_choice choice, struct p11_public *public)
{
	CK_RV rv = CKR_OK;

	memset(public, 0, sizeof(*public));
	public->openssl = call->store->module->openssl;
	if (find_family(object->type) == CLV_FAMILY_NONE)
		return CKR_OK;
	if (object->type == CKK_RSA)
		rv = clv_p11_public_read(
		    call, object->handle, object->type, public);
	if (rv == CKR_OK && public->key == NULL)
		rv = find_by_name(call, object, choice, public);
	return rv;
}

static bool
contains(const struct candidates *all, const struct p11_public *public)
{
	for (size_t i = 0; i < all->count; i++)
		if (clv_p11_public_equal(&all->items[i].public, public))
			return true;
	return false;
}

CK_RV
clv_p11_public_is_candidate(struct p11_call *call,
    const struct p11_object *object, const struct p11_public *public, bool *is)
{
	struct candidates *all = candidates_new(object);
	CK_RV rv = CKR_OK;

	*is = false;
	if (all == NULL)
		return CLV_CKR_NO_MEMORY;
	if (object->type == CKK_RSA)
		rv = add_own(call, all);
	if (rv == CKR_OK && all->count == 0)
		rv = add_objects(call, all);
	if (rv == CKR_OK && !contains(all, public) && !tells_itself(all))
		rv = add_the_rest(call, all);
	*is = rv == CKR_OK && contains(all, public);
	candidates_free(all);
	return rv;
}

CK_RV
clv_p11_public_any_verifies(struct p11_call *call,
    const struct p11_object *object, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, const uint8_t *signature,
    size_t signature_size, bool *any)
{
	struct candidates *all = candidates_new(object);
	CK_RV rv;

	*any = false;
	if (all == NULL)
		return CLV_CKR_NO_MEMORY;
	rv = add_objects(call, all);
	if (rv == CKR_OK)
		rv = add_certificates(call, all);
	for (size_t i = 0; rv == CKR_OK && !*any && i < all->count; i++)
		*any = all->items[i].public.size == signature_size &&
		    clv_p11_public_verify(&all->items[i].public, mechanism,
			input, input_size, signature);
	candidates_free(all);
	return rv;
}
