/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Which security policies a key serves: OPC 10000-7, proven by doing. */

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "keys/key.h"

struct policy {
	const char *name;
	clv_scheme sign;
	clv_scheme decrypt;
	unsigned least; /* bits of an RSA key */
	unsigned most;
	clv_algorithm algorithm; /* of an ECC key; NONE for RSA */
	bool deprecated;
};

#define ECC(name, scheme, algorithm)                                           \
	{name, scheme, CLV_SCHEME_NONE, 0, 0, algorithm, false},               \
	    {name "_AesGcm", scheme, CLV_SCHEME_NONE, 0, 0, algorithm, false}, \
	{                                                                      \
		name "_ChaChaPoly", scheme, CLV_SCHEME_NONE, 0, 0, algorithm,  \
		    false                                                      \
	}

static const struct policy policies[] = {
    {"Basic128Rsa15", CLV_RSA_PKCS1_SHA1, CLV_RSA_PKCS1, 1024, 2048,
	CLV_ALGORITHM_NONE, true},
    {"Basic256", CLV_RSA_PKCS1_SHA1, CLV_RSA_OAEP_SHA1, 1024, 2048,
	CLV_ALGORITHM_NONE, true},
    {"Basic256Sha256", CLV_RSA_PKCS1_SHA256, CLV_RSA_OAEP_SHA1, 2048, 4096,
	CLV_ALGORITHM_NONE, false},
    {"Aes128_Sha256_RsaOaep", CLV_RSA_PKCS1_SHA256, CLV_RSA_OAEP_SHA1, 2048,
	4096, CLV_ALGORITHM_NONE, false},
    {"Aes256_Sha256_RsaPss", CLV_RSA_PSS_SHA256, CLV_RSA_OAEP_SHA256, 2048,
	4096, CLV_ALGORITHM_NONE, false},
    {"RSA_DH_AesGcm", CLV_RSA_PKCS1_SHA256, CLV_SCHEME_NONE, 2048, 4096,
	CLV_ALGORITHM_NONE, false},
    {"RSA_DH_ChaChaPoly", CLV_RSA_PKCS1_SHA256, CLV_SCHEME_NONE, 2048, 4096,
	CLV_ALGORITHM_NONE, false},
    ECC("ECC_nistP256", CLV_ECDSA_SHA256, CLV_EC_P256),
    ECC("ECC_nistP384", CLV_ECDSA_SHA384, CLV_EC_P384),
    ECC("ECC_brainpoolP256r1", CLV_ECDSA_SHA256, CLV_EC_BRAINPOOL256),
    ECC("ECC_brainpoolP384r1", CLV_ECDSA_SHA384, CLV_EC_BRAINPOOL384),
    ECC("ECC_curve25519", CLV_EDDSA_ED25519, CLV_ED25519),
    ECC("ECC_curve448", CLV_EDDSA_ED448, CLV_ED448),
};

/* What was proven so far, so that each scheme is tried once. */
struct proof {
	clv_scheme scheme;
	const char *reason; /* NULL: it works */
};

struct prover {
	clv_key *key;
	struct proof proofs[16];
	size_t count;
	/* What says nothing about the key, and ends the proving. */
	clv_status status;
	clv_error *err;
};

static const uint8_t sample[] = "Claviger probes this key";

/* A key that can't is an answer; a token that is gone is none. */
static const char *
explain(struct prover *prover, clv_status status, clv_error **err,
    const char *reason)
{
	switch (status) {
	case CLV_CRYPTO:
	case CLV_INTERNAL:
	case CLV_INVALID:
	case CLV_POLICY:
		break;
	case CLV_UNSUPPORTED:
		reason = "the device lacks the mechanism";
		break;
	default:
		prover->status = status;
		prover->err = *err;
		*err = NULL; /* transferred */
	}
	clv_error_free(err);
	return reason;
}

static const char *
try_sign(struct prover *prover, clv_scheme scheme)
{
	clv_key *key = prover->key;
	const struct clv_scheme_info *info = clv_scheme_describe(scheme);
	const char *hash = clv_hash_name(info->hash);
	uint8_t signature[CLV_SIGNATURE_MAX];
	uint8_t der[CLV_SIGNATURE_MAX];
	const uint8_t *checked = signature;
	size_t size = sizeof(signature);
	EVP_PKEY_CTX *parameters;
	EVP_MD_CTX *verifier;
	clv_error *err = NULL;
	clv_status status;
	int good;

	status = clv_key_sign(
	    key, scheme, sample, sizeof(sample), signature, &size, &err);
	if (status != CLV_OK)
		return explain(prover, status, &err, "signing failed");
	if (info->family == CLV_FAMILY_EC) {
		size_t der_size = sizeof(der);

		if (clv_ecdsa_to_der(signature, size, der, &der_size, NULL) !=
		    CLV_OK)
			return "the signature is malformed";
		checked = der;
		size = der_size;
	}
	verifier = EVP_MD_CTX_new();
	good = verifier != NULL &&
	    EVP_DigestVerifyInit_ex(verifier, &parameters, hash,
		key->store->context->openssl, NULL, key->public_key, NULL) == 1;
	if (good && info->padding == CLV_PADDING_PSS)
		good = EVP_PKEY_CTX_set_rsa_padding(
			   parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(
			parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
	good = good &&
	    EVP_DigestVerify(verifier, checked, size, sample, sizeof(sample)) ==
		1;
	EVP_MD_CTX_free(verifier);
	return good ? NULL : "the signature does not verify";
}

static bool
encrypt(const clv_key *key, clv_scheme scheme, uint8_t *out, size_t *size)
{
	const struct clv_scheme_info *info = clv_scheme_describe(scheme);
	EVP_PKEY_CTX *encrypter = EVP_PKEY_CTX_new_from_pkey(
	    key->store->context->openssl, key->public_key, NULL);
	const char *hash = clv_hash_name(info->hash);
	bool good = encrypter != NULL && EVP_PKEY_encrypt_init(encrypter) == 1;

	if (good && info->padding == CLV_PADDING_OAEP)
		good = EVP_PKEY_CTX_set_rsa_padding(
			   encrypter, RSA_PKCS1_OAEP_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_oaep_md_name(encrypter, hash, NULL) ==
			1 &&
		    EVP_PKEY_CTX_set_rsa_mgf1_md_name(encrypter, hash, NULL) ==
			1;
	else if (good)
		good = EVP_PKEY_CTX_set_rsa_padding(
			   encrypter, RSA_PKCS1_PADDING) == 1;
	good = good &&
	    EVP_PKEY_encrypt(encrypter, out, size, sample, sizeof(sample)) == 1;
	EVP_PKEY_CTX_free(encrypter);
	return good;
}

static const char *
try_decrypt(struct prover *prover, clv_scheme scheme)
{
	clv_key *key = prover->key;
	uint8_t ciphertext[CLV_SIGNATURE_MAX];
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	size_t ciphertext_size = sizeof(ciphertext);
	size_t size = sizeof(plaintext);
	clv_error *err = NULL;
	clv_status status;

	if (!encrypt(key, scheme, ciphertext, &ciphertext_size))
		return "OpenSSL can't encrypt for it";
	status = clv_key_decrypt(
	    key, scheme, ciphertext, ciphertext_size, plaintext, &size, &err);
	if (status != CLV_OK)
		return explain(prover, status, &err, "decryption failed");
	if (size != sizeof(sample) || memcmp(plaintext, sample, size) != 0)
		return "decryption gives something else";
	return NULL;
}

static const char *
prove(struct prover *prover, clv_scheme scheme)
{
	const struct clv_scheme_info *info = clv_scheme_describe(scheme);
	struct proof *proof;

	for (size_t i = 0; i < prover->count; i++)
		if (prover->proofs[i].scheme == scheme)
			return prover->proofs[i].reason;
	proof = &prover->proofs[prover->count++];
	proof->scheme = scheme;
	if (clv_key_can(prover->key, scheme) == CLV_PATH_NONE)
		proof->reason = "the device lacks the mechanism";
	else
		proof->reason = info->decrypts ? try_decrypt(prover, scheme)
					       : try_sign(prover, scheme);
	return proof->reason;
}

static bool
concerns(const struct policy *policy, const clv_key *key)
{
	if (policy->algorithm == CLV_ALGORITHM_NONE)
		return key->family == CLV_FAMILY_RSA;
	return policy->algorithm == key->algorithm;
}

static void
judge(struct prover *prover, const struct policy *policy,
    struct clv_probe_entry *entry)
{
	const clv_key *key = prover->key;

	*entry = (struct clv_probe_entry){
	    .policy = policy->name,
	    .deprecated = policy->deprecated,
	};
	if (policy->most > 0 &&
	    (key->bits < policy->least || key->bits > policy->most))
		entry->reason = key->bits < policy->least
		    ? "the key is too short"
		    : "the key is too long";
	if (entry->reason == NULL)
		entry->reason = prove(prover, policy->sign);
	if (entry->reason == NULL && policy->decrypt != CLV_SCHEME_NONE)
		entry->reason = prove(prover, policy->decrypt);
	entry->serves = entry->reason == NULL;
	/* Trying may have shown that the device promised too much. */
	entry->sign = clv_key_can(key, policy->sign);
	entry->decrypt = clv_key_can(key, policy->decrypt);
}

clv_status
clv_key_probe(clv_key *key, struct clv_probe_entry *entries, size_t *count,
    clv_error **err)
{
	struct prover prover = {.key = key, .status = CLV_OK};
	size_t filled = 0;

	*count = 0;
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]) &&
	     prover.status == CLV_OK;
	     i++)
		if (concerns(&policies[i], key))
			judge(&prover, &policies[i], &entries[filled++]);
	if (prover.status == CLV_OK)
		*count = filled;
	else if (err != NULL)
		*err = prover.err;
	else
		clv_error_free(&prover.err);
	return prover.status;
}
