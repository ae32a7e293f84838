/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The one step of a signature that the clv_key does. */

#include "keys/provider/signature.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "keys/key.h"

size_t
clv_signature_room(const struct clv_signature *signature)
{
	const int size = EVP_PKEY_get_size(signature->pkey->openssl);

	return size > 0 ? (size_t)size : 0;
}

/* RFC 8017, 9.1.1: what the hash and two bytes leave of the encoded message,
 * which is one bit shorter than the modulus. */
static size_t
largest_salt(const struct clv_signature *signature)
{
	const size_t encoded = (signature->pkey->key->bits - 1 + 7) / 8;
	const size_t taken = clv_hash_size(signature->hash) + 2;

	return encoded > taken ? encoded - taken : 0;
}

/* "Auto" leaves the choice to the signer: the digest's size, which every
 * device can do and OPC UA wants. */
size_t
clv_signature_salt_size(const struct clv_signature *signature)
{
	switch (signature->salt) {
	case RSA_PSS_SALTLEN_MAX:
		return largest_salt(signature);
	case RSA_PSS_SALTLEN_DIGEST:
	case RSA_PSS_SALTLEN_AUTO:
		return clv_hash_size(signature->hash);
	default:
		return (size_t)signature->salt;
	}
}

/* The digest and its kind, where the caller named none. */
static const uint8_t *
guess_digest(const struct clv_signature *signature, const uint8_t *input,
    size_t *size, clv_hash *hash)
{
	if (signature->pkey->type == CLV_PKEY_EC) {
		*hash = clv_digest_by_size(*size);
		return *hash != CLV_HASH_NONE ? input : NULL;
	}
	input = clv_digest_info_open(input, *size, hash);
	if (input != NULL)
		*size = clv_hash_size(*hash);
	return input;
}

static int
check_pss(const struct clv_signature *signature)
{
	if (signature->padding != CLV_PADDING_PSS)
		return 1;
	if (signature->mgf1_hash != CLV_HASH_NONE &&
	    signature->mgf1_hash != signature->hash)
		return clv_provider_fail(signature->provider, CLV_UNSUPPORTED,
		    "PSS with %s and MGF1 with %s: only the same is supported",
		    clv_digest_name(signature->hash),
		    clv_digest_name(signature->mgf1_hash));
	if (clv_signature_salt_size(signature) > largest_salt(signature))
		return clv_provider_fail(signature->provider, CLV_INVALID,
		    "a salt of %zu bytes is too long for this key and digest",
		    clv_signature_salt_size(signature));
	return 1;
}

/* OpenSSL wants ECDSA signatures as DER (RFC 3279, 2.2.3). */
static int
run_ecdsa(struct clv_signature *signature,
    const struct clv_mechanism *mechanism, const uint8_t *input,
    size_t input_size, uint8_t *output, size_t *output_size)
{
	uint8_t raw[256];
	size_t size = sizeof(raw);
	clv_error *err = NULL;

	if (clv_pkey_operate(
		signature->pkey, mechanism, input, input_size, raw, &size) != 1)
		return 0;
	if (clv_ecdsa_to_der(raw, size, output, output_size, &err) == CLV_OK)
		return 1;
	return clv_provider_fail_with(
	    signature->provider, signature->pkey->key, &err);
}

int
clv_signature_make(struct clv_signature *signature, const uint8_t *input,
    size_t input_size, uint8_t *output, size_t *output_size, size_t room)
{
	const enum clv_pkey_type type = signature->pkey->type;
	struct clv_mechanism mechanism = {
	    .family = signature->pkey->key->family,
	    .padding = signature->padding,
	    .hash = signature->hash};

	*output_size = room;
	if (type == CLV_PKEY_ED25519 || type == CLV_PKEY_ED448)
		return clv_pkey_operate(signature->pkey, &mechanism, input,
		    input_size, output, output_size);
	if (check_pss(signature) != 1)
		return 0;
	if (signature->hash == CLV_HASH_NONE)
		input = guess_digest(
		    signature, input, &input_size, &mechanism.hash);
	if (input == NULL)
		return clv_provider_fail(signature->provider, CLV_UNSUPPORTED,
		    "signing without a digest that can be recognised");
	if (type == CLV_PKEY_EC)
		return run_ecdsa(signature, &mechanism, input, input_size,
		    output, output_size);
	if (mechanism.padding == CLV_PADDING_PSS)
		mechanism.salt_size = clv_signature_salt_size(signature);
	return clv_pkey_operate(signature->pkey, &mechanism, input, input_size,
	    output, output_size);
}
