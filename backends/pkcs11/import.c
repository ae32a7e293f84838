/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Storing pairs that were made elsewhere. */

#include "create.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/x509.h>

/* The parts of a private key, side by side in one secret. */
#define PARTS_MAX 8U
#define PART_ROOM 2048U

struct import {
	struct p11_creation creation; /* first, so that make() finds us */
	EVP_PKEY *pair;
	clv_secret parts;
	size_t sizes[PARTS_MAX];
	size_t count;
};

static const struct {
	const char *name;
	CK_ATTRIBUTE_TYPE type;
} rsa_parts[] = {
    {OSSL_PKEY_PARAM_RSA_N, CKA_MODULUS},
    {OSSL_PKEY_PARAM_RSA_E, CKA_PUBLIC_EXPONENT},
    {OSSL_PKEY_PARAM_RSA_D, CKA_PRIVATE_EXPONENT},
    {OSSL_PKEY_PARAM_RSA_FACTOR1, CKA_PRIME_1},
    {OSSL_PKEY_PARAM_RSA_FACTOR2, CKA_PRIME_2},
    {OSSL_PKEY_PARAM_RSA_EXPONENT1, CKA_EXPONENT_1},
    {OSSL_PKEY_PARAM_RSA_EXPONENT2, CKA_EXPONENT_2},
    {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, CKA_COEFFICIENT},
};

static uint8_t *
part(const struct import *import, size_t index)
{
	return import->parts.data + index * PART_ROOM;
}

static bool
add_number(struct import *import, const char *name, int pad)
{
	uint8_t *room = part(import, import->count);
	BIGNUM *number = BN_secure_new();
	int size = -1;

	if (number != NULL &&
	    EVP_PKEY_get_bn_param(import->pair, name, &number) == 1 &&
	    BN_num_bytes(number) <= (int)PART_ROOM)
		size = pad > 0 ? BN_bn2binpad(number, room, pad)
			       : BN_bn2bin(number, room);
	BN_clear_free(number);
	if (size <= 0)
		return false;
	import->sizes[import->count++] = (size_t)size;
	return true;
}

static bool
take_apart_rsa(struct import *import)
{
	for (size_t i = 0; i < PARTS_MAX; i++)
		if (!add_number(import, rsa_parts[i].name, 0))
			return false;
	return true;
}

/* The public point as CKA_EC_POINT has it: a DER OCTET STRING. */
static bool
add_point(struct import *import, const uint8_t *point, size_t size)
{
	uint8_t *room = part(import, import->count);
	size_t head = 2;

	room[0] = 0x04;
	room[1] = (uint8_t)size;
	if (size >= 0x80) {
		room[1] = 0x81;
		room[2] = (uint8_t)size;
		head = 3;
	}
	memcpy(room + head, point, size);
	import->sizes[import->count++] = head + size;
	return true;
}

static bool
take_apart_curve(struct import *import)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(import->creation.spec->algorithm);
	uint8_t point[P11_POINT_MAX];
	size_t size = PART_ROOM;

	if (info->family == CLV_FAMILY_EC) {
		if (!add_number(import, OSSL_PKEY_PARAM_PRIV_KEY,
			(int)(info->bits + 7) / 8))
			return false;
		if (EVP_PKEY_get_octet_string_param(import->pair,
			OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
			&size) != 1)
			return false;
		return add_point(import, point, size);
	}
	if (EVP_PKEY_get_raw_private_key(
		import->pair, part(import, 0), &size) != 1)
		return false;
	import->sizes[import->count++] = size;
	size = sizeof(point);
	return EVP_PKEY_get_raw_public_key(import->pair, point, &size) == 1 &&
	    add_point(import, point, size);
}

static clv_status
take_apart(struct import *import, const clv_secret *pkcs8,
    OSSL_LIB_CTX *openssl, clv_error **err)
{
	const uint8_t *der = pkcs8->data;
	clv_status status =
	    clv_secret_alloc(&import->parts, PARTS_MAX * PART_ROOM, err);
	bool done = false;

	if (status != CLV_OK)
		return status;
	import->pair =
	    d2i_AutoPrivateKey_ex(NULL, &der, (long)pkcs8->size, openssl, NULL);
	if (import->pair != NULL)
		done = import->creation.family == CLV_FAMILY_RSA
		    ? take_apart_rsa(import)
		    : take_apart_curve(import);
	if (done)
		return CLV_OK;
	return clv_error_raise(err, CLV_UNSUPPORTED,
	    &(struct clv_error_info){.operation = "import key"},
	    "the key is not of a kind that tokens take");
}

static CK_RV
create_private(struct p11_call *call, struct import *import)
{
	struct p11_template template = {.count = 0};
	const uint8_t *curve;
	size_t size = 0;

	clv_p11_template_private(&template, &import->creation);
	if (import->creation.family == CLV_FAMILY_RSA) {
		for (size_t i = 0; i < PARTS_MAX; i++)
			clv_p11_template_add(&template, rsa_parts[i].type,
			    part(import, i), import->sizes[i]);
	} else {
		curve = clv_p11_curve(import->creation.spec->algorithm, &size);
		clv_p11_template_add(&template, CKA_EC_PARAMS, curve, size);
		clv_p11_template_add(
		    &template, CKA_VALUE, part(import, 0), import->sizes[0]);
	}
	return call->f->C_CreateObject(call->session->handle,
	    template.attributes, template.count, &import->creation.private);
}

static CK_RV
create_public(struct p11_call *call, struct import *import)
{
	struct p11_template template = {.count = 0};
	const uint8_t *curve;
	size_t size = 0;

	clv_p11_template_public(&template, &import->creation);
	if (import->creation.family == CLV_FAMILY_RSA) {
		clv_p11_template_add(
		    &template, CKA_MODULUS, part(import, 0), import->sizes[0]);
		clv_p11_template_add(&template, CKA_PUBLIC_EXPONENT,
		    part(import, 1), import->sizes[1]);
	} else {
		curve = clv_p11_curve(import->creation.spec->algorithm, &size);
		clv_p11_template_add(&template, CKA_EC_PARAMS, curve, size);
		clv_p11_template_add(
		    &template, CKA_EC_POINT, part(import, 1), import->sizes[1]);
	}
	return call->f->C_CreateObject(call->session->handle,
	    template.attributes, template.count, &import->creation.public);
}

static CK_RV
make(struct p11_call *call, struct p11_creation *creation)
{
	struct import *import = (struct import *)creation;
	CK_RV rv = create_private(call, import);

	return rv == CKR_OK ? create_public(call, import) : rv;
}

clv_status
clv_p11_key_import(void *opaque, const struct clv_key_spec *spec,
    const clv_secret *pkcs8, void **key, clv_error **err)
{
	struct p11_store *store = opaque;
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(spec->algorithm);
	struct import import = {
	    .creation = {.spec = spec, .make = make, .family = info->family}};
	struct p11_call call = {.store = store,
	    .operation = "import key",
	    .subject = clv_uri_redacted(store->uri),
	    .step = clv_p11_creation_step,
	    .argument = &import.creation,
	    .writes = true,
	    .err = err};
	clv_status status =
	    take_apart(&import, pkcs8, store->module->openssl, err);

	*key = NULL;
	if (status == CLV_OK)
		status = clv_p11_creation_run(&call, &import.creation, key);
	EVP_PKEY_free(import.pair);
	clv_secret_clear(&import.parts);
	return status;
}
