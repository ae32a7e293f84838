/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Signing. */

#include "contract.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

static const clv_scheme signing_schemes[] = {CLV_RSA_PKCS1_SHA1,
    CLV_RSA_PKCS1_SHA256, CLV_RSA_PKCS1_SHA384, CLV_RSA_PKCS1_SHA512,
    CLV_RSA_PSS_SHA256, CLV_RSA_PSS_SHA384, CLV_RSA_PSS_SHA512,
    CLV_ECDSA_SHA256, CLV_ECDSA_SHA384, CLV_ECDSA_SHA512, CLV_EDDSA_ED25519,
    CLV_EDDSA_ED448};

#define SCHEMES (sizeof(signing_schemes) / sizeof(signing_schemes[0]))

static bool
scheme_works_or_is_unsupported(clv_key *key, clv_scheme scheme)
{
	static const char message[] = "the message";
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	if (clv_key_can(key, scheme) == CLV_PATH_NONE) {
		require_fails(CLV_UNSUPPORTED,
		    clv_key_sign(key, scheme, message, sizeof(message),
			signature, &size, &err));
		return true;
	}
	require_ok(clv_key_sign(
	    key, scheme, message, sizeof(message), signature, &size, &err));
	require(size == clv_key_signature_size(key));
	require(contract_verifies(
	    key, scheme, message, sizeof(message), signature, size));
	signature[size / 2] ^= 1;
	require(!contract_verifies(
	    key, scheme, message, sizeof(message), signature, size));
	return true;
}

static bool
every_scheme_works_or_is_unsupported(struct lab *lab)
{
	for (size_t i = 0; i < lab->count; i++)
		for (size_t j = 0; j < SCHEMES; j++)
			require(scheme_works_or_is_unsupported(
			    lab->keys[i], signing_schemes[j]));
	return true;
}

/* What certificates and the current security policies need. */
static bool
usual_schemes_are_there(struct lab *lab)
{
	for (size_t i = 0; i < lab->count; i++) {
		const struct clv_algorithm_info *info =
		    clv_algorithm_describe(lab->algorithms[i]);

		require(
		    clv_key_can(lab->keys[i], info->scheme) != CLV_PATH_NONE);
	}
	return true;
}

static bool
messages_of_any_size_are_signed(struct lab *lab)
{
	static const size_t sizes[] = {0, 1, 255, 65536};
	uint8_t *message = calloc(1, 65536);

	require(message != NULL);
	for (size_t i = 0; i < lab->count; i++) {
		const clv_scheme scheme =
		    clv_algorithm_describe(lab->algorithms[i])->scheme;

		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			uint8_t signature[CLV_SIGNATURE_MAX];
			size_t size = sizeof(signature);

			require_ok(clv_key_sign(lab->keys[i], scheme, message,
			    sizes[j], signature, &size, &err));
			require(contract_verifies(lab->keys[i], scheme, message,
			    sizes[j], signature, size));
		}
	}
	free(message);
	return true;
}

static bool
digest_signs_like_its_message(struct lab *lab)
{
	for (size_t i = 0; i < lab->count; i++) {
		const clv_scheme scheme =
		    clv_algorithm_describe(lab->algorithms[i])->scheme;
		const clv_hash hash = clv_scheme_describe(scheme)->hash;
		uint8_t digest[EVP_MAX_MD_SIZE];
		uint8_t signature[CLV_SIGNATURE_MAX];
		size_t size = sizeof(signature);
		size_t digest_size = 0;

		if (hash == CLV_HASH_NONE) {
			require_fails(CLV_UNSUPPORTED,
			    clv_key_sign_digest(lab->keys[i], scheme, "x", 1,
				signature, &size, &err));
			continue;
		}
		require(EVP_Q_digest(NULL, clv_hash_name(hash), NULL, "m", 1,
			    digest, &digest_size) == 1);
		require_ok(clv_key_sign_digest(lab->keys[i], scheme, digest,
		    digest_size, signature, &size, &err));
		require(contract_verifies(
		    lab->keys[i], scheme, "m", 1, signature, size));
		require_fails(CLV_INVALID,
		    clv_key_sign_digest(lab->keys[i], scheme, digest,
			digest_size - 1, signature, &size, &err));
	}
	return true;
}

static bool
too_little_room_is_refused(struct lab *lab)
{
	for (size_t i = 0; i < lab->count; i++) {
		const clv_scheme scheme =
		    clv_algorithm_describe(lab->algorithms[i])->scheme;
		uint8_t signature[CLV_SIGNATURE_MAX] = {0};
		size_t size = clv_key_signature_size(lab->keys[i]) - 1;
		size_t used = 0;

		require_fails(CLV_INVALID,
		    clv_key_sign(
			lab->keys[i], scheme, "m", 1, signature, &size, &err));
		for (size_t j = 0; j < sizeof(signature); j++)
			used += signature[j] != 0;
		require(used == 0);
	}
	return true;
}

static bool
schemes_of_other_keys_are_unsupported(struct lab *lab)
{
	for (size_t i = 0; i < lab->count; i++)
		for (size_t j = 0; j < SCHEMES; j++) {
			const struct clv_scheme_info *info =
			    clv_scheme_describe(signing_schemes[j]);
			const clv_family family =
			    clv_algorithm_describe(lab->algorithms[i])->family;
			uint8_t signature[CLV_SIGNATURE_MAX];
			size_t size = sizeof(signature);

			if (info->family == family)
				continue;
			require(clv_key_can(lab->keys[i], info->scheme) ==
			    CLV_PATH_NONE);
			require_fails(CLV_UNSUPPORTED,
			    clv_key_sign(lab->keys[i], info->scheme, "m", 1,
				signature, &size, &err));
		}
	return true;
}

static bool
decryption_schemes_do_not_sign(struct lab *lab)
{
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	require_fails(CLV_INVALID,
	    clv_key_sign(lab->keys[0], CLV_RSA_OAEP_SHA256, "m", 1, signature,
		&size, &err));
	require_fails(CLV_INVALID,
	    clv_key_sign(
		lab->keys[0], CLV_SCHEME_NONE, "m", 1, signature, &size, &err));
	return true;
}

static bool
probe_finds_a_policy(struct lab *lab)
{
	for (size_t i = 0; i < lab->count; i++) {
		struct clv_probe_entry entries[CLV_PROBE_MAX];
		size_t serves = 0;
		size_t count = 0;

		require_ok(clv_key_probe(lab->keys[i], entries, &count, &err));
		require(count > 0 && count <= CLV_PROBE_MAX);
		for (size_t j = 0; j < count; j++) {
			serves += entries[j].serves;
			require(
			    entries[j].serves == (entries[j].reason == NULL));
		}
		require(serves > 0);
	}
	return true;
}

const struct contract_case contract_use_cases[] = {
    {"each scheme signs rightly or is unsupported",
	every_scheme_works_or_is_unsupported, 0},
    {"the usual scheme of each algorithm is there", usual_schemes_are_there, 0},
    {"messages of any size are signed", messages_of_any_size_are_signed, 0},
    {"a digest signs like its message", digest_signs_like_its_message, 0},
    {"too little room is refused and nothing written",
	too_little_room_is_refused, 0},
    {"schemes of other kinds of keys are unsupported",
	schemes_of_other_keys_are_unsupported, 0},
    {"schemes that decrypt do not sign", decryption_schemes_do_not_sign, 0},
    {"probing finds a security policy", probe_finds_a_policy, 0},
    {NULL, NULL, 0},
};
