/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Signing and decrypting. */

#include "internal.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/crypto.h"
#include "base/der.h"

/* DER of an ECDSA signature over up to 384 bits. */
#define ECDSA_DER_MAX 110U

/* One operation on a worker's stack. */
struct operation {
	const struct clv_soft_key *key;
	struct worker *worker;
	const struct clv_mechanism *mechanism;
	struct clv_span input;
	uint8_t *output;
	size_t size; /* in: room; out: bytes */
	clv_error **err;
	clv_status status;
};

bool
clv_soft_key_can(
    const struct clv_soft_key *key, const struct clv_mechanism *mechanism)
{
	if (mechanism->family != key->family)
		return false;
	/* PKCS#1 v1.5 decryption is left to the library, which does not tell
	 * whether the padding was right. */
	if (mechanism->decrypts)
		return mechanism->padding == CLV_PADDING_OAEP &&
		    mechanism->hash != CLV_HASH_NONE;
	switch (key->family) {
	case CLV_FAMILY_RSA:
		return mechanism->hash != CLV_HASH_NONE &&
		    (mechanism->padding == CLV_PADDING_PKCS1 ||
			mechanism->padding == CLV_PADDING_PSS);
	case CLV_FAMILY_EC:
		return mechanism->hash != CLV_HASH_NONE;
	default:
		return true;
	}
}

/* Takes a number of an ECDSA signature to a fixed size. */
static bool
take_number(struct clv_span *in, uint8_t *out, size_t size)
{
	struct clv_span number;

	if (!clv_der_take_unsigned(in, &number) || number.size > size)
		return false;
	memset(out, 0, size - number.size);
	memcpy(out + size - number.size, number.data, number.size);
	return true;
}

static bool
sign_ecdsa(struct operation *the, EVP_PKEY_CTX *context)
{
	const size_t half = the->size / 2;
	uint8_t der[ECDSA_DER_MAX];
	size_t der_size = sizeof(der);
	struct clv_span in;
	struct clv_span both;

	if (EVP_PKEY_sign(
		context, der, &der_size, the->input.data, the->input.size) != 1)
		return false;
	in = (struct clv_span){der, der_size};
	return clv_der_take(&in, CLV_DER_SEQUENCE, &both) &&
	    take_number(&both, the->output, half) &&
	    take_number(&both, the->output + half, half);
}

static bool
operate(struct operation *the, struct ready *ready)
{
	if (the->mechanism->decrypts)
		return EVP_PKEY_decrypt(ready->context, the->output, &the->size,
			   the->input.data, the->input.size) == 1;
	if (the->key->family == CLV_FAMILY_EC)
		return sign_ecdsa(the, ready->context);
	if (the->key->family == CLV_FAMILY_ED)
		return EVP_DigestSign(ready->digest, the->output, &the->size,
			   the->input.data, the->input.size) == 1;
	return EVP_PKEY_sign(ready->context, the->output, &the->size,
		   the->input.data, the->input.size) == 1;
}

static void
run_operation(void *argument)
{
	struct operation *the = argument;
	struct ready *ready;

	(void)ERR_set_mark();
	ready = clv_soft_ready(the->key, the->worker, the->mechanism);
	if (ready == NULL)
		the->status = clv_crypto_raise(the->err, CLV_INTERNAL,
		    "use key", "OpenSSL does not offer this operation");
	else if (!operate(the, ready))
		the->status = CLV_CRYPTO;
	(void)ERR_pop_to_mark();
}

static clv_status
run(struct clv_soft_key *key, struct operation *the)
{
	clv_status status = clv_soft_worker_take(key, &the->worker, the->err);

	if (status != CLV_OK)
		return status;
	clv_private_stack_run(&the->worker->stack, run_operation, the);
	clv_soft_worker_return(key, the->worker);
	return the->status;
}

clv_status
clv_soft_key_sign(struct clv_soft_key *key,
    const struct clv_mechanism *mechanism, const uint8_t *input,
    size_t input_size, uint8_t *signature, clv_error **err)
{
	struct operation the = {.key = key,
	    .mechanism = mechanism,
	    .input = {input, input_size},
	    .output = signature,
	    .size = key->signature_size,
	    .err = err};
	const clv_status status = run(key, &the);

	if (status == CLV_CRYPTO)
		return clv_error_raise(err, CLV_CRYPTO,
		    &(struct clv_error_info){.operation = "sign"},
		    "OpenSSL can't sign this with the key");
	return status;
}

/* One sentence for whatever is wrong with a ciphertext. */
static clv_status
decrypt(struct clv_soft_key *key, struct operation *the)
{
	const clv_status status = run(key, the);

	if (status == CLV_CRYPTO)
		return clv_error_raise(the->err, CLV_CRYPTO,
		    &(struct clv_error_info){.operation = "decrypt"},
		    "the ciphertext can't be decrypted");
	return status;
}

clv_status
clv_soft_key_decrypt(struct clv_soft_key *key,
    const struct clv_mechanism *mechanism, const uint8_t *ciphertext,
    size_t ciphertext_size, uint8_t *plaintext, size_t *size, clv_error **err)
{
	struct operation the = {.key = key,
	    .mechanism = mechanism,
	    .input = {ciphertext, ciphertext_size},
	    .output = plaintext,
	    .size = key->signature_size,
	    .err = err};
	const clv_status status = decrypt(key, &the);

	if (status == CLV_OK)
		*size = the.size;
	return status;
}

clv_status
clv_soft_key_rsa_raw(struct clv_soft_key *key, const uint8_t *input,
    uint8_t *output, clv_error **err)
{
	static const struct clv_mechanism raw = {
	    .family = CLV_FAMILY_RSA, .decrypts = true};
	struct operation the = {.key = key,
	    .mechanism = &raw,
	    .input = {input, key->signature_size},
	    .output = output,
	    .size = key->signature_size,
	    .err = err};

	return decrypt(key, &the);
}
