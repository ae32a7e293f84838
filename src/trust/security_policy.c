/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/security_policy.h"

#include "trust/signature_kind.h"

#include <string.h>

#define URI "http://opcfoundation.org/UA/SecurityPolicy#"

#define KIND(name) (1U << CLV_KEY_KIND_##name)

static const struct clv_security_policy policies[] = {
    {"Basic128Rsa15", CLV_FAMILY_RSA, CLV_HASH_SHA1, 1024, 2048, KIND(RSA)},
    {"Basic256", CLV_FAMILY_RSA, CLV_HASH_SHA1, 1024, 2048, KIND(RSA)},
    {"Basic256Sha256", CLV_FAMILY_RSA, CLV_HASH_SHA256, 2048, 4096, KIND(RSA)},
    {"Aes128_Sha256_RsaOaep", CLV_FAMILY_RSA, CLV_HASH_SHA256, 2048, 4096,
	KIND(RSA)},
    {"Aes256_Sha256_RsaPss", CLV_FAMILY_RSA, CLV_HASH_SHA256, 2048, 4096,
	KIND(RSA)},
    {"RSA_DH_AesGcm", CLV_FAMILY_RSA, CLV_HASH_SHA256, 2048, 4096, KIND(RSA)},
    {"RSA_DH_ChaChaPoly", CLV_FAMILY_RSA, CLV_HASH_SHA256, 2048, 4096,
	KIND(RSA)},
    {"ECC_nistP256", CLV_FAMILY_EC, CLV_HASH_SHA256, 256, 0,
	KIND(P256) | KIND(P384)},
    {"ECC_nistP384", CLV_FAMILY_EC, CLV_HASH_SHA384, 384, 0, KIND(P384)},
    {"ECC_brainpoolP256r1", CLV_FAMILY_EC, CLV_HASH_SHA256, 256, 0,
	KIND(BRAINPOOL256) | KIND(BRAINPOOL384)},
    {"ECC_brainpoolP384r1", CLV_FAMILY_EC, CLV_HASH_SHA384, 384, 0,
	KIND(BRAINPOOL384)},
    {"ECC_curve25519", CLV_FAMILY_ED, CLV_HASH_NONE, 256, 0, KIND(ED25519)},
    {"ECC_curve448", CLV_FAMILY_ED, CLV_HASH_NONE, 456, 0, KIND(ED448)},
};

/* The ECC policies come with other ciphers under longer names. */
static size_t
without_cipher(const char *name)
{
	static const char *const ciphers[] = {"_AesGcm", "_ChaChaPoly"};
	const size_t length = strlen(name);

	for (size_t i = 0; strncmp(name, "ECC_", 4) == 0 && i < 2; i++) {
		const size_t tail = strlen(ciphers[i]);

		if (length > tail &&
		    strcmp(name + length - tail, ciphers[i]) == 0)
			return length - tail;
	}
	return length;
}

static const char *
name_of(const char *policy)
{
	return strncmp(policy, URI, sizeof(URI) - 1) == 0
	    ? policy + sizeof(URI) - 1
	    : policy;
}

bool
clv_security_policy_is_none(const char *policy)
{
	return strcmp(name_of(policy), "None") == 0;
}

const struct clv_security_policy *
clv_security_policy_find(const char *policy)
{
	const char *name = name_of(policy);
	const size_t length = without_cipher(name);

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (strlen(policies[i].name) == length &&
		    memcmp(policies[i].name, name, length) == 0)
			return &policies[i];
	return NULL;
}

static bool
takes_signature(const struct clv_security_policy *policy,
    const struct clv_signature_info *info)
{
	if (info->family != policy->family)
		return false;
	switch (policy->family) {
	case CLV_FAMILY_RSA:
		return info->padding == CLV_PADDING_PKCS1 &&
		    info->hash >= policy->hash;
	case CLV_FAMILY_EC:
		return info->hash >= policy->hash;
	default: /* Ed448 policies want Ed448 */
		return policy->key_min == 256 ||
		    info->kind == CLV_SIGNATURE_ED448;
	}
}

static bool
takes_key(const struct clv_security_policy *policy,
    const struct clv_trust_cert *cert, bool leaf, const char **why)
{
	if (leaf && (policy->kinds & (1U << cert->key_kind)) == 0) {
		*why = "its key is of a kind that {name} does not use";
		return false;
	}
	if (cert->key_size < policy->key_min) {
		*why = "its key of {number} bits is too short for {name}";
		return false;
	}
	if (policy->key_max != 0 && cert->key_kind == CLV_KEY_KIND_RSA &&
	    cert->key_size > policy->key_max) {
		*why = "its key of {number} bits is too long for {name}";
		return false;
	}
	return true;
}

bool
clv_security_policy_takes(const struct clv_security_policy *policy,
    const struct clv_trust_cert *cert, bool leaf, const char **why,
    int64_t *number)
{
	*number = cert->key_size;
	if (policy == NULL) {
		*why = "its RSA key of {number} bits is too short";
		return cert->key_kind != CLV_KEY_KIND_RSA ||
		    cert->key_size >= 1024;
	}
	if (!takes_signature(
		policy, clv_signature_describe(cert->signature_kind))) {
		*why = "it is signed by an algorithm that {name} does not take";
		return false;
	}
	return takes_key(policy, cert, leaf, why);
}
