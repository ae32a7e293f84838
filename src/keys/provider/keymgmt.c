/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Key management. What is public comes from the EVP_PKEY that stands behind
 * each key in OpenSSL's own provider; what is private stays where it is.
 */

#include "keys/provider/keymgmt.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "keys/provider/evp.h"

static void
pkey_free(void *data)
{
	struct clv_pkey *pkey = data;

	clv_pkey_free(&pkey);
}

/* What the store loader and the decoder hand over, see clv_pkey_deliver(). */
static void *
pkey_load(const void *reference, size_t size)
{
	struct clv_pkey *pkey;

	if (size != sizeof(struct clv_pkey *))
		return NULL;
	memcpy(&pkey, reference, sizeof(struct clv_pkey *));
	return clv_pkey_ref(pkey);
}

static int
pkey_has(const void *data, int selection)
{
	const struct clv_pkey *pkey = data;
	const int asked = selection & OSSL_KEYMGMT_SELECT_ALL;

	return pkey != NULL && (pkey->selection & asked) == asked;
}

static int
pkey_match(const void *one, const void *other, int selection)
{
	const struct clv_pkey *a = one, *b = other;

	if (a->openssl == NULL || b->openssl == NULL)
		return 0;
	if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0)
		return EVP_PKEY_parameters_eq(a->openssl, b->openssl) == 1;
	return EVP_PKEY_eq(a->openssl, b->openssl) == 1;
}

static int
pkey_get_params(void *data, OSSL_PARAM params[])
{
	const struct clv_pkey *pkey = data;

	return pkey->openssl != NULL &&
	    EVP_PKEY_get_params(pkey->openssl, params) == 1;
}

static bool
gives(const OSSL_PARAM *params, const char *name)
{
	return OSSL_PARAM_locate_const(params, name) != NULL;
}

static int
pkey_set_params(void *data, const OSSL_PARAM params[])
{
	struct clv_pkey *pkey = data;

	if (params == NULL || params->key == NULL)
		return 1;
	if (pkey->key != NULL)
		return clv_provider_fail(pkey->provider, CLV_UNSUPPORTED,
		    "the key cannot be changed");
	if (pkey->openssl == NULL ||
	    EVP_PKEY_set_params(
		pkey->openssl, (OSSL_PARAM *)(uintptr_t)params) != 1)
		return 0;
	if (gives(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY))
		pkey->selection |= OSSL_KEYMGMT_SELECT_PUBLIC_KEY;
	return 1;
}

static int
validate_with(EVP_PKEY_CTX *context, int selection)
{
	if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) ==
	    OSSL_KEYMGMT_SELECT_KEYPAIR)
		return EVP_PKEY_pairwise_check(context);
	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
		return EVP_PKEY_private_check(context);
	if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0)
		return EVP_PKEY_public_check(context);
	return EVP_PKEY_param_check(context);
}

/* Of a key that is not in this process the public half has to do. */
static int
pkey_validate(const void *data, int selection, int kind)
{
	const struct clv_pkey *pkey = data;
	EVP_PKEY_CTX *context = clv_pkey_context(pkey);
	int valid = 0;

	(void)kind;
	if (pkey->key != NULL)
		selection = OSSL_KEYMGMT_SELECT_PUBLIC_KEY;
	if (context != NULL)
		valid = validate_with(context, selection) == 1;
	EVP_PKEY_CTX_free(context);
	return valid;
}

/*
 * OpenSSL tries this before every operation, to find out whether its own
 * provider could do it instead: refuse early and without ado.
 */
static int
pkey_export(void *data, int selection, OSSL_CALLBACK *callback, void *argument)
{
	const struct clv_pkey *pkey = data;
	OSSL_PARAM *params = NULL;
	int done;

	if (pkey->openssl == NULL ||
	    (pkey->key != NULL &&
		(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0))
		return 0;
	if (EVP_PKEY_todata(pkey->openssl, selection, &params) != 1)
		return 0;
	done = callback(params, argument);
	OSSL_PARAM_free(params);
	return done;
}

static int
import_key(struct clv_pkey *pkey, const OSSL_PARAM *param)
{
	const void *key = NULL;
	size_t size = 0;

	return OSSL_PARAM_get_octet_ptr(param, &key, &size) == 1 &&
	    key != NULL && clv_pkey_set_key(pkey, (clv_key *)(uintptr_t)key);
}

/* What an imported key consists of. */
static int
selection_of(const OSSL_PARAM *params)
{
	int selection = 0;

	if (gives(params, OSSL_PKEY_PARAM_GROUP_NAME) ||
	    gives(params, OSSL_PKEY_PARAM_EC_P))
		selection |= OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
	if (gives(params, OSSL_PKEY_PARAM_PUB_KEY) ||
	    gives(params, OSSL_PKEY_PARAM_RSA_N))
		selection |= OSSL_KEYMGMT_SELECT_PUBLIC_KEY;
	if (gives(params, OSSL_PKEY_PARAM_PRIV_KEY) ||
	    gives(params, OSSL_PKEY_PARAM_RSA_D))
		selection |= OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
	return selection;
}

static int
pkey_import(void *data, int selection, const OSSL_PARAM params[])
{
	struct clv_pkey *pkey = data;
	const OSSL_PARAM *key =
	    OSSL_PARAM_locate_const(params, CLV_EVP_PARAM_KEY);
	EVP_PKEY_CTX *context;
	EVP_PKEY *made = NULL;

	if (key != NULL)
		return import_key(pkey, key);
	context = clv_pkey_context_of(pkey->type);
	if (context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &made, selection,
		(OSSL_PARAM *)(uintptr_t)params) == 1)
		clv_pkey_set_software(pkey, made, selection_of(params));
	EVP_PKEY_CTX_free(context);
	return made != NULL;
}

/* A part of a key is a software key, even if the whole is not. */
static EVP_PKEY *
copy_part(const struct clv_pkey *pkey, int selection)
{
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *context = clv_pkey_context_of(pkey->type);
	EVP_PKEY *made = NULL;

	if (context != NULL && pkey->openssl != NULL &&
	    EVP_PKEY_todata(pkey->openssl, selection, &params) == 1 &&
	    EVP_PKEY_fromdata_init(context) == 1)
		(void)EVP_PKEY_fromdata(context, &made, selection, params);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	return made;
}

static void *
pkey_dup(const void *data, int selection)
{
	const struct clv_pkey *pkey = data;
	struct clv_pkey *copy;
	EVP_PKEY *part;

	if (pkey->key != NULL &&
	    (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
		return clv_pkey_ref((struct clv_pkey *)(uintptr_t)pkey);
	copy = clv_pkey_new(pkey->provider, pkey->type);
	if (copy == NULL || pkey->openssl == NULL)
		return copy;
	part = copy_part(pkey, selection);
	if (part != NULL)
		clv_pkey_set_software(copy, part, pkey->selection & selection);
	else
		clv_pkey_free(&copy);
	return copy;
}

/* The lists of parameters are those of OpenSSL's provider; they are static,
 * so that they outlive the EVP_KEYMGMT. */

static const OSSL_PARAM *
list_of(enum clv_pkey_type type,
    const OSSL_PARAM *(*list)(const EVP_KEYMGMT *keymgmt))
{
	EVP_KEYMGMT *keymgmt = EVP_KEYMGMT_fetch(clv_provider_home(),
	    clv_pkey_type_name(type), CLV_PROPERTIES_DEFAULT);
	const OSSL_PARAM *params = keymgmt != NULL ? list(keymgmt) : NULL;

	EVP_KEYMGMT_free(keymgmt);
	return params;
}

static const OSSL_PARAM *
importable(enum clv_pkey_type type, int selection)
{
	EVP_PKEY_CTX *context = clv_pkey_context_of(type);
	const OSSL_PARAM *params = NULL;

	if (context != NULL && EVP_PKEY_fromdata_init(context) == 1)
		params = EVP_PKEY_fromdata_settable(context, selection);
	EVP_PKEY_CTX_free(context);
	return params;
}

/* The names of operations. In a program's own library context ours must not
 * be in the way of keys that are not ours, so there they have their own. */

static const char *
rsa_operation(int operation)
{
	(void)operation;
	return "RSA";
}

static const char *
rsa_operation_loadable(int operation)
{
	return operation == OSSL_OP_KEM ? "RSA" : "CLAVIGER-RSA";
}

static const char *
ec_operation(int operation)
{
	return operation == OSSL_OP_KEYEXCH ? "ECDH" : "ECDSA";
}

static const char *
ec_operation_loadable(int operation)
{
	return operation == OSSL_OP_KEYEXCH ? "ECDH" : "CLAVIGER-ECDSA";
}

static const char *
ed25519_operation(int operation)
{
	(void)operation;
	return "ED25519";
}

static const char *
ed25519_operation_loadable(int operation)
{
	(void)operation;
	return "CLAVIGER-ED25519";
}

static const char *
ed448_operation(int operation)
{
	(void)operation;
	return "ED448";
}

static const char *
ed448_operation_loadable(int operation)
{
	(void)operation;
	return "CLAVIGER-ED448";
}

#define FUNCTION(name, function)                 \
	{                                        \
		name, (void (*)(void))(function) \
	}

/* What is there for each type, because OpenSSL does not tell it. */
#define PER_TYPE(type, value)                                                 \
	static void *type##_new(void *provider)                               \
	{                                                                     \
		return clv_pkey_new(provider, value);                         \
	}                                                                     \
	static const OSSL_PARAM *type##_gettable(void *provider)              \
	{                                                                     \
		(void)provider;                                               \
		return list_of(value, EVP_KEYMGMT_gettable_params);           \
	}                                                                     \
	static const OSSL_PARAM *type##_settable(void *provider)              \
	{                                                                     \
		(void)provider;                                               \
		return list_of(value, EVP_KEYMGMT_settable_params);           \
	}                                                                     \
	static const OSSL_PARAM *type##_importable(int selection)             \
	{                                                                     \
		return importable(value, selection);                          \
	}                                                                     \
	static void *type##_gen_init(                                         \
	    void *provider, int selection, const OSSL_PARAM params[])         \
	{                                                                     \
		return clv_generator_new(provider, value, selection, params); \
	}                                                                     \
	static const OSSL_PARAM *type##_gen_settable(                         \
	    void *context, void *provider)                                    \
	{                                                                     \
		(void)context;                                                \
		(void)provider;                                               \
		return list_of(value, EVP_KEYMGMT_gen_settable_params);       \
	}

#define FUNCTIONS(type, operation)                                           \
	FUNCTION(OSSL_FUNC_KEYMGMT_NEW, type##_new),                         \
	    FUNCTION(OSSL_FUNC_KEYMGMT_FREE, pkey_free),                     \
	    FUNCTION(OSSL_FUNC_KEYMGMT_LOAD, pkey_load),                     \
	    FUNCTION(OSSL_FUNC_KEYMGMT_HAS, pkey_has),                       \
	    FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, pkey_match),                   \
	    FUNCTION(OSSL_FUNC_KEYMGMT_VALIDATE, pkey_validate),             \
	    FUNCTION(OSSL_FUNC_KEYMGMT_DUP, pkey_dup),                       \
	    FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, pkey_get_params),         \
	    FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, type##_gettable),    \
	    FUNCTION(OSSL_FUNC_KEYMGMT_SET_PARAMS, pkey_set_params),         \
	    FUNCTION(OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, type##_settable),    \
	    FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, pkey_import),                 \
	    FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, type##_importable),     \
	    FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT, pkey_export),                 \
	    FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, type##_importable),     \
	    FUNCTION(OSSL_FUNC_KEYMGMT_GEN_INIT, type##_gen_init),           \
	    FUNCTION(OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE,                     \
		clv_generator_set_template),                                 \
	    FUNCTION(                                                        \
		OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, clv_generator_set_params), \
	    FUNCTION(                                                        \
		OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, type##_gen_settable), \
	    FUNCTION(OSSL_FUNC_KEYMGMT_GEN, clv_generator_run),              \
	    FUNCTION(OSSL_FUNC_KEYMGMT_GEN_CLEANUP, clv_generator_free),     \
	    FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation),     \
	{                                                                    \
		0, NULL                                                      \
	}

PER_TYPE(rsa, CLV_PKEY_RSA)
PER_TYPE(ec, CLV_PKEY_EC)
PER_TYPE(ed25519, CLV_PKEY_ED25519)
PER_TYPE(ed448, CLV_PKEY_ED448)

const OSSL_DISPATCH clv_keymgmt_rsa[] = {FUNCTIONS(rsa, rsa_operation)};
const OSSL_DISPATCH clv_keymgmt_ec[] = {FUNCTIONS(ec, ec_operation)};
const OSSL_DISPATCH clv_keymgmt_ed25519[] = {
    FUNCTIONS(ed25519, ed25519_operation)};
const OSSL_DISPATCH clv_keymgmt_ed448[] = {FUNCTIONS(ed448, ed448_operation)};
const OSSL_DISPATCH clv_keymgmt_rsa_loadable[] = {
    FUNCTIONS(rsa, rsa_operation_loadable)};
const OSSL_DISPATCH clv_keymgmt_ec_loadable[] = {
    FUNCTIONS(ec, ec_operation_loadable)};
const OSSL_DISPATCH clv_keymgmt_ed25519_loadable[] = {
    FUNCTIONS(ed25519, ed25519_operation_loadable)};
const OSSL_DISPATCH clv_keymgmt_ed448_loadable[] = {
    FUNCTIONS(ed448, ed448_operation_loadable)};
