/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "attached.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ossl_typ.h>

/* Names that libp11's header needs, and OpenSSL hides as deprecated. */
typedef struct rsa_meth_st RSA_METHOD;
typedef struct ec_key_method_st EC_KEY_METHOD;
#include <libp11.h>

struct PKCS11_ctx_st *
clv_p11_attach(const char *path)
{
	PKCS11_CTX *libp11;

	(void)ERR_set_mark();
	libp11 = PKCS11_CTX_new();
	if (libp11 != NULL && PKCS11_CTX_load(libp11, path) != 0) {
		PKCS11_CTX_free(libp11);
		libp11 = NULL;
	}
	(void)ERR_pop_to_mark();
	return libp11;
}

void
clv_p11_detach(struct PKCS11_ctx_st *libp11)
{
	if (libp11 != NULL)
		PKCS11_CTX_free(libp11);
}

static void
copy(char *to, size_t room, const char *from)
{
	if (from != NULL)
		clv_p11_unpad(
		    to, room, (const unsigned char *)from, strlen(from));
}

static void
read_libp11(PKCS11_SLOT *slot, struct p11_place *place)
{
	const PKCS11_TOKEN *token = slot->token;
	struct p11_identity *identity = &place->token;

	place->slot = PKCS11_get_slotid_from_slot(slot);
	place->initialised = token->initialized;
	copy(identity->label, sizeof(identity->label), token->label);
	copy(identity->manufacturer, sizeof(identity->manufacturer),
	    token->manufacturer);
	copy(identity->model, sizeof(identity->model), token->model);
	copy(identity->serial, sizeof(identity->serial), token->serialnr);
	copy(place->slot_description, sizeof(place->slot_description),
	    slot->description);
	copy(place->slot_manufacturer, sizeof(place->slot_manufacturer),
	    slot->manufacturer);
}

bool
clv_p11_attached_places(
    struct PKCS11_ctx_st *libp11, struct p11_place **places, size_t *count)
{
	PKCS11_SLOT *slots = NULL;
	unsigned int slot_count = 0;
	bool found;

	(void)ERR_set_mark();
	found = PKCS11_enumerate_slots(libp11, &slots, &slot_count) == 0 &&
	    slot_count <= P11_SLOTS_MAX;
	(void)ERR_pop_to_mark();
	if (found)
		*places = calloc((size_t)slot_count + 1, sizeof(**places));
	found = found && *places != NULL;
	for (unsigned int i = 0; found && i < slot_count; i++)
		if (slots[i].token != NULL)
			read_libp11(&slots[i], &(*places)[(*count)++]);
	if (slots != NULL)
		PKCS11_release_all_slots(libp11, slots, slot_count);
	return found;
}
