/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What an EVP_PKEY of ours consists of: OpenSSL's "key data". */
#ifndef CLV_KEYS_PROVIDER_PKEY_H
#define CLV_KEYS_PROVIDER_PKEY_H

#include <claviger/backend.h>

#include "keys/provider/provider.h"

/* The algorithms that there are EVP_PKEYs of. */
enum clv_pkey_type {
	CLV_PKEY_RSA,
	CLV_PKEY_EC,
	CLV_PKEY_ED25519,
	CLV_PKEY_ED448
};

struct clv_pkey {
	atomic_size_t references;
	const struct clv_provider *provider;
	enum clv_pkey_type type;
	/* NULL: a software key. */
	clv_key *key;
	/* The public half of `key`, or all of a software key; NULL as long
	 * as OpenSSL has not filled it. */
	EVP_PKEY *openssl;
	OSSL_LIB_CTX *libctx; /* where `openssl` is at home */
	int selection;        /* OSSL_KEYMGMT_SELECT_ bits of what is there */
	struct clv_asker *asker;
};

/* OpenSSL's name of a type, such as "RSA". */
const char *clv_pkey_type_name(enum clv_pkey_type type);

/* An empty key. NULL if memory runs out. */
struct clv_pkey *clv_pkey_new(
    const struct clv_provider *provider, enum clv_pkey_type type);
/* A key that stands for `key`, which it keeps a reference to. */
struct clv_pkey *clv_pkey_new_for(
    const struct clv_provider *provider, clv_key *key);
struct clv_pkey *clv_pkey_ref(struct clv_pkey *pkey);
void clv_pkey_free(struct clv_pkey **pkey);

/* Makes an empty one stand for `key`; false if it is of another type. */
bool clv_pkey_set_key(struct clv_pkey *pkey, clv_key *key);
/* Makes it a software key, which takes over `openssl`. */
void clv_pkey_set_software(
    struct clv_pkey *pkey, EVP_PKEY *openssl, int selection);

/*
 * clv_key_operate() as OpenSSL wants it: 1 for done, else one entry on the
 * error queue. What a backend left there is taken off: it could tell more of a
 * failed decryption than anybody should know.
 */
int clv_pkey_operate(struct clv_pkey *pkey,
    const struct clv_mechanism *mechanism, const uint8_t *input,
    size_t input_size, uint8_t *output, size_t *output_size);

/* A context for an operation of OpenSSL's own provider with `openssl`. */
EVP_PKEY_CTX *clv_pkey_context(const struct clv_pkey *pkey);
/* The same for a type, to make keys. */
EVP_PKEY_CTX *clv_pkey_context_of(enum clv_pkey_type type);

#endif
