/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_PKCS11_KEY_H
#define CLV_PKCS11_KEY_H

#include "match.h"

/* Ways of using a key; bits of p11_key.ways. */
enum p11_way {
	P11_SIGN_PKCS1 = 1,
	P11_SIGN_PSS = 2,
	P11_SIGN_RAW = 4,
	P11_DECRYPT_PKCS1 = 8,
	P11_DECRYPT_OAEP_SHA1 = 16,
	P11_DECRYPT_OAEP_OTHER = 32,
	P11_DECRYPT_RAW = 64,
	P11_SIGN_ECDSA = 128,
	P11_SIGN_EDDSA = 256
};

struct p11_key {
	struct p11_store *store;
	char *uri;
	struct p11_object object; /* its handle is the first one found */
	struct p11_public public;
	unsigned long number; /* this opening's, not 0; see p11_session */
	atomic_bool proven;   /* some signature was verified */
	unsigned surveyed;    /* what the token has the mechanisms for */
	atomic_uint ways;     /* less what it has refused */
	/* The handle is good for sessions of this generation. */
	atomic_uint generation;
	_Atomic(CK_OBJECT_HANDLE) handle;
};

/* The methods of backend.h. */
clv_status clv_p11_key_open(
    void *store, const clv_uri *uri, void **key, clv_error **err);
void clv_p11_key_close(void *key);
void clv_p11_key_facts(void *key, struct clv_key_facts *facts);
clv_status clv_p11_key_list(
    void *store, clv_list_fn *fn, void *user, clv_error **err);
clv_status clv_p11_key_delete(void *store, const clv_uri *uri, clv_error **err);
clv_status clv_p11_key_generate(
    void *store, const struct clv_key_spec *spec, void **key, clv_error **err);
clv_status clv_p11_key_import(void *store, const struct clv_key_spec *spec,
    const clv_secret *pkcs8, void **key, clv_error **err);
bool clv_p11_key_can(void *key, const struct clv_mechanism *mechanism);
bool clv_p11_key_has_raw(void *key);
clv_status clv_p11_key_sign(void *key, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, uint8_t *signature,
    clv_error **err);
clv_status clv_p11_key_decrypt(void *key, const struct clv_mechanism *mechanism,
    const uint8_t *ciphertext, size_t ciphertext_size, uint8_t *plaintext,
    size_t *size, clv_error **err);
clv_status clv_p11_key_raw(
    void *key, const uint8_t *input, uint8_t *output, clv_error **err);
clv_status clv_p11_certificates_read(
    void *key, clv_certificate_fn *fn, void *user, clv_error **err);
clv_status clv_p11_certificates_write(void *key,
    const uint8_t *const *certificates, const size_t *sizes, size_t count,
    clv_error **err);

/*
 * Makes the handle of an object that was found or made in this step into an
 * open key: reads what is to be known about it. Free with clv_p11_key_close().
 */
CK_RV clv_p11_key_adopt(
    struct p11_call *call, CK_OBJECT_HANDLE handle, struct p11_key **out);

/* Whether the token keeps the key as it should: CLV_POLICY if not. */
clv_status clv_p11_key_check(const struct p11_key *key, clv_error **err);

/* The handle for the step's session; after a loss it is looked up, and the key
 * must still be the same. */
CK_RV clv_p11_key_locate(
    struct p11_call *call, struct p11_key *key, CK_OBJECT_HANDLE *handle);

/* Which of enum p11_way the token has mechanisms for. */
CK_RV clv_p11_key_survey(
    struct p11_call *call, const struct p11_key *key, unsigned *ways);

/* Private keys that a URI names; at most `room`. */
CK_RV clv_p11_keys_find(struct p11_call *call, const clv_uri *uri,
    CK_OBJECT_HANDLE *objects, size_t room, size_t *count);

/* Raises what it means that not exactly one key was found. */
CK_RV clv_p11_raise_count(struct p11_call *call, size_t count);

#endif
