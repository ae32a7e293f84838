/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_KEYS_PROVIDER_SIGNATURE_H
#define CLV_KEYS_PROVIDER_SIGNATURE_H

#include "keys/provider/delegate.h"
#include "keys/provider/digest.h"

/* A signature under way. */
struct clv_signature {
	const struct clv_provider *provider;
	struct clv_pkey *pkey;
	/* Whether `delegate` does it; what follows is then not used. */
	bool delegated;
	struct clv_delegate delegate;

	EVP_MD_CTX *digest; /* of the message, for digest-and-sign */
	bool digest_fixed;  /* chosen at the start, can't be changed */
	clv_padding padding;
	clv_hash hash;
	clv_hash mgf1_hash; /* NONE: the same as `hash` */
	int salt;           /* bytes, or an RSA_PSS_SALTLEN_ constant */
};

/* signing.c */

/* Room that a signature needs; 0 if that is not known. */
size_t clv_signature_room(const struct clv_signature *signature);
/* Signs a digest (EdDSA: the message) with the clv_key. 1 for done. */
int clv_signature_make(struct clv_signature *signature, const uint8_t *input,
    size_t input_size, uint8_t *output, size_t *output_size, size_t room);
/* Bytes of salt of a PSS signature. */
size_t clv_signature_salt_size(const struct clv_signature *signature);

/* signature_params.c */

/* Back to what an operation starts with. */
void clv_signature_reset(struct clv_signature *signature);
/* Sets the digest by name. 1 for done. */
int clv_signature_set_digest(struct clv_signature *signature, const char *name);
OSSL_FUNC_signature_get_ctx_params_fn clv_signature_get_params;
OSSL_FUNC_signature_set_ctx_params_fn clv_signature_set_params;
OSSL_FUNC_signature_gettable_ctx_params_fn clv_signature_gettable_rsa,
    clv_signature_gettable_ecdsa, clv_signature_gettable_eddsa;
OSSL_FUNC_signature_settable_ctx_params_fn clv_signature_settable_rsa,
    clv_signature_settable_ecdsa;

/* algorithm_id.c: DER of the AlgorithmIdentifier; NULL if there is none.
 * Free with OPENSSL_free(). */
uint8_t *clv_algorithm_id(const struct clv_signature *signature, int *size);

#endif
