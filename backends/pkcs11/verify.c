/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Checking with the public key what a token has signed. */

#include "public.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "base/digest_info.h"

size_t
clv_p11_digest_info(
    clv_hash hash, const uint8_t *digest, size_t digest_size, uint8_t *room)
{
	size_t size;
	const uint8_t *prefix = clv_digest_info_prefix(hash, &size);

	if (prefix == NULL)
		return 0;
	memcpy(room, prefix, size);
	memcpy(room + size, digest, digest_size);
	return size + digest_size;
}

/*
 * Nearly every RSA key has the exponent 65537, and a check is part of each
 * signature, so that power is taken with the fewest multiplications: the
 * number is used as if it were in Montgomery's form. Each product then loses a
 * factor R (2 ^ 2048 for 2048 bits), 65537 in all with the last one, whose
 * other operand puts them back.
 */
static bool
find_unscale(struct p11_public *public, BN_CTX *context)
{
	BIGNUM *r = BN_new();
	bool done;

	public->unscale = BN_new();
	done = r != NULL && public->unscale != NULL && BN_one(r) &&
	    BN_to_montgomery(r, r, public->montgomery, context) == 1 &&
	    BN_mod_exp_mont(public->unscale, r, public->exponent,
		public->modulus, context, public->montgomery) == 1;
	BN_free(r);
	return done;
}

bool
clv_p11_public_prepare_rsa(struct p11_public *public)
{
	BN_CTX *context = BN_CTX_new_ex(public->openssl);
	bool done;

	done = context != NULL &&
	    EVP_PKEY_get_bn_param(
		public->key, OSSL_PKEY_PARAM_RSA_N, &public->modulus) == 1 &&
	    EVP_PKEY_get_bn_param(
		public->key, OSSL_PKEY_PARAM_RSA_E, &public->exponent) == 1 &&
	    (public->montgomery = BN_MONT_CTX_new()) != NULL &&
	    BN_is_odd(public->modulus) && BN_is_odd(public->exponent) &&
	    BN_num_bits(public->modulus) >= 1024 &&
	    BN_num_bits(public->exponent) <= 64 &&
	    BN_MONT_CTX_set(public->montgomery, public->modulus, context) ==
		1 &&
	    (!BN_is_word(public->exponent, RSA_F4) ||
		find_unscale(public, context));
	BN_CTX_free(context);
	return done;
}

static bool
raise_to_65537(const struct p11_public *public, BIGNUM *number, BN_CTX *context)
{
	BIGNUM *power = BN_dup(number);
	bool done = power != NULL;

	for (unsigned i = 0; done && i < 16; i++)
		done = BN_mod_mul_montgomery(power, power, power,
			   public->montgomery, context) == 1;
	done = done &&
	    BN_mod_mul_montgomery(
		power, power, number, public->montgomery, context) == 1 &&
	    BN_mod_mul_montgomery(number, power, public->unscale,
		public->montgomery, context) == 1;
	BN_clear_free(power);
	return done;
}

static bool
raise_to_exponent(
    const struct p11_public *public, BIGNUM *number, BN_CTX *context)
{
	if (public->unscale != NULL)
		return raise_to_65537(public, number, context);
	return BN_mod_exp_mont(number, number, public->exponent,
		   public->modulus, context, public->montgomery) == 1;
}

static bool
apply(const struct p11_public *public, const uint8_t *in, uint8_t *out)
{
	BN_CTX *context = BN_CTX_new_ex(public->openssl);
	BIGNUM *number = BN_bin2bn(in, (int)public->size, NULL);
	bool done;

	done = context != NULL && number != NULL &&
	    BN_ucmp(number, public->modulus) < 0 &&
	    raise_to_exponent(public, number, context) &&
	    BN_bn2binpad(number, out, (int)public->size) == (int)public->size;
	BN_clear_free(number);
	BN_CTX_free(context);
	return done;
}

bool
clv_p11_public_confirms(const struct p11_public *public, const uint8_t *output,
    const uint8_t *input)
{
	uint8_t power[CLV_SIGNATURE_MAX];
	bool same = apply(public, output, power) &&
	    CRYPTO_memcmp(power, input, public->size) == 0;

	clv_wipe(power, public->size);
	return same;
}

static bool
verify_pkcs1(const struct p11_public *public,
    const struct clv_mechanism *mechanism, const uint8_t *input,
    size_t input_size, const uint8_t *signature)
{
	uint8_t info[CLV_DIGEST_INFO_MAX + EVP_MAX_MD_SIZE];
	uint8_t encoded[CLV_SIGNATURE_MAX];
	const size_t size =
	    clv_p11_digest_info(mechanism->hash, input, input_size, info);

	if (size == 0 || size + 11 > public->size)
		return false;
	memset(encoded, 0xff, public->size);
	encoded[0] = 0;
	encoded[1] = 1;
	encoded[public->size - size - 1] = 0;
	memcpy(encoded + public->size - size, info, size);
	return clv_p11_public_confirms(public, signature, encoded);
}

static bool
set_pss(const struct p11_public *public, EVP_PKEY_CTX *context,
    const struct clv_mechanism *mechanism)
{
	EVP_MD *hash =
	    EVP_MD_fetch(public->openssl, clv_hash_name(mechanism->hash), NULL);
	const bool done = hash != NULL &&
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(context, hash) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash) == 1 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(
		context, (int)mechanism->salt_size) == 1;

	EVP_MD_free(hash);
	return done;
}

static bool
verify_digest(const struct p11_public *public,
    const struct clv_mechanism *mechanism, const uint8_t *input,
    size_t input_size, const uint8_t *signature, size_t size)
{
	EVP_PKEY_CTX *context =
	    EVP_PKEY_CTX_new_from_pkey(public->openssl, public->key, NULL);
	const bool holds = context != NULL &&
	    EVP_PKEY_verify_init(context) == 1 &&
	    (mechanism->padding != CLV_PADDING_PSS ||
		set_pss(public, context, mechanism)) &&
	    EVP_PKEY_verify(context, signature, size, input, input_size) == 1;

	EVP_PKEY_CTX_free(context);
	return holds;
}

static bool
verify_ecdsa(const struct p11_public *public,
    const struct clv_mechanism *mechanism, const uint8_t *input,
    size_t input_size, const uint8_t *signature)
{
	const int half = (int)(public->size / 2);
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, half, NULL);
	BIGNUM *s = BN_bin2bn(signature + half, half, NULL);
	unsigned char *der = NULL;
	bool holds = false;
	int size = 0;

	if (pair != NULL && r != NULL && s != NULL &&
	    ECDSA_SIG_set0(pair, r, s) == 1) {
		r = s = NULL; /* transferred */
		size = i2d_ECDSA_SIG(pair, &der);
	}
	if (size > 0)
		holds = verify_digest(
		    public, mechanism, input, input_size, der, (size_t)size);
	OPENSSL_free(der);
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	return holds;
}

static bool
verify_eddsa(const struct p11_public *public, const uint8_t *input,
    size_t input_size, const uint8_t *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const bool holds = context != NULL &&
	    EVP_DigestVerifyInit_ex(context, NULL, NULL, public->openssl, NULL,
		public->key, NULL) == 1 &&
	    EVP_DigestVerify(
		context, signature, public->size, input, input_size) == 1;

	EVP_MD_CTX_free(context);
	return holds;
}

bool
clv_p11_public_verify(const struct p11_public *public,
    const struct clv_mechanism *mechanism, const uint8_t *input,
    size_t input_size, const uint8_t *signature)
{
	switch (public->family) {
	case CLV_FAMILY_RSA:
		if (mechanism->padding == CLV_PADDING_PKCS1)
			return verify_pkcs1(
			    public, mechanism, input, input_size, signature);
		return verify_digest(public, mechanism, input, input_size,
		    signature, public->size);
	case CLV_FAMILY_EC:
		return verify_ecdsa(
		    public, mechanism, input, input_size, signature);
	case CLV_FAMILY_ED:
		return verify_eddsa(public, input, input_size, signature);
	default:
		return false;
	}
}
