/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include <claviger/algorithm.h>

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Sizes of CertificateTypes: OPC 10000-12, 7.8.4. */
static const struct clv_algorithm_info algorithms[] = {
    {CLV_RSA_2048, "rsa2048", CLV_FAMILY_RSA, 2048, 256, CLV_RSA_PKCS1_SHA256,
	"RSA", NULL, "RsaSha256"},
    {CLV_RSA_3072, "rsa3072", CLV_FAMILY_RSA, 3072, 384, CLV_RSA_PKCS1_SHA256,
	"RSA", NULL, "RsaSha256"},
    {CLV_RSA_4096, "rsa4096", CLV_FAMILY_RSA, 4096, 512, CLV_RSA_PKCS1_SHA256,
	"RSA", NULL, "RsaSha256"},
    {CLV_EC_P256, "p256", CLV_FAMILY_EC, 256, 64, CLV_ECDSA_SHA256, "EC",
	"prime256v1", "EccNistP256"},
    {CLV_EC_P384, "p384", CLV_FAMILY_EC, 384, 96, CLV_ECDSA_SHA384, "EC",
	"secp384r1", "EccNistP384"},
    {CLV_EC_BRAINPOOL256, "brainpool256", CLV_FAMILY_EC, 256, 64,
	CLV_ECDSA_SHA256, "EC", "brainpoolP256r1", "EccBrainpoolP256r1"},
    {CLV_EC_BRAINPOOL384, "brainpool384", CLV_FAMILY_EC, 384, 96,
	CLV_ECDSA_SHA384, "EC", "brainpoolP384r1", "EccBrainpoolP384r1"},
    {CLV_ED25519, "ed25519", CLV_FAMILY_ED, 256, 64, CLV_EDDSA_ED25519,
	"ED25519", NULL, "EccCurve25519"},
    {CLV_ED448, "ed448", CLV_FAMILY_ED, 456, 114, CLV_EDDSA_ED448, "ED448",
	NULL, "EccCurve448"},
    {CLV_RSA_OTHER, "rsa", CLV_FAMILY_RSA, 0, 0, CLV_RSA_PKCS1_SHA256, "RSA",
	NULL, "RsaMin"},
};

static const struct clv_scheme_info schemes[] = {
    {CLV_RSA_PKCS1_SHA1, "rsa-pkcs1-sha1", CLV_FAMILY_RSA, CLV_PADDING_PKCS1,
	CLV_HASH_SHA1, false},
    {CLV_RSA_PKCS1_SHA256, "rsa-pkcs1-sha256", CLV_FAMILY_RSA,
	CLV_PADDING_PKCS1, CLV_HASH_SHA256, false},
    {CLV_RSA_PKCS1_SHA384, "rsa-pkcs1-sha384", CLV_FAMILY_RSA,
	CLV_PADDING_PKCS1, CLV_HASH_SHA384, false},
    {CLV_RSA_PKCS1_SHA512, "rsa-pkcs1-sha512", CLV_FAMILY_RSA,
	CLV_PADDING_PKCS1, CLV_HASH_SHA512, false},
    {CLV_RSA_PSS_SHA256, "rsa-pss-sha256", CLV_FAMILY_RSA, CLV_PADDING_PSS,
	CLV_HASH_SHA256, false},
    {CLV_RSA_PSS_SHA384, "rsa-pss-sha384", CLV_FAMILY_RSA, CLV_PADDING_PSS,
	CLV_HASH_SHA384, false},
    {CLV_RSA_PSS_SHA512, "rsa-pss-sha512", CLV_FAMILY_RSA, CLV_PADDING_PSS,
	CLV_HASH_SHA512, false},
    {CLV_ECDSA_SHA256, "ecdsa-sha256", CLV_FAMILY_EC, CLV_PADDING_NONE,
	CLV_HASH_SHA256, false},
    {CLV_ECDSA_SHA384, "ecdsa-sha384", CLV_FAMILY_EC, CLV_PADDING_NONE,
	CLV_HASH_SHA384, false},
    {CLV_ECDSA_SHA512, "ecdsa-sha512", CLV_FAMILY_EC, CLV_PADDING_NONE,
	CLV_HASH_SHA512, false},
    {CLV_EDDSA_ED25519, "ed25519", CLV_FAMILY_ED, CLV_PADDING_NONE,
	CLV_HASH_NONE, false},
    {CLV_EDDSA_ED448, "ed448", CLV_FAMILY_ED, CLV_PADDING_NONE, CLV_HASH_NONE,
	false},
    {CLV_RSA_PKCS1, "rsa-pkcs1", CLV_FAMILY_RSA, CLV_PADDING_PKCS1,
	CLV_HASH_NONE, true},
    {CLV_RSA_OAEP_SHA1, "rsa-oaep-sha1", CLV_FAMILY_RSA, CLV_PADDING_OAEP,
	CLV_HASH_SHA1, true},
    {CLV_RSA_OAEP_SHA256, "rsa-oaep-sha256", CLV_FAMILY_RSA, CLV_PADDING_OAEP,
	CLV_HASH_SHA256, true},
};

static const struct {
	clv_hash hash;
	size_t size;
	const char *name;
} hashes[] = {
    {CLV_HASH_SHA1, 20, "SHA1"},
    {CLV_HASH_SHA256, 32, "SHA2-256"},
    {CLV_HASH_SHA384, 48, "SHA2-384"},
    {CLV_HASH_SHA512, 64, "SHA2-512"},
};

const struct clv_algorithm_info *
clv_algorithm_describe(clv_algorithm algorithm)
{
	for (size_t i = 0; i < COUNT(algorithms); i++)
		if (algorithms[i].algorithm == algorithm)
			return &algorithms[i];
	return NULL;
}

clv_algorithm
clv_algorithm_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT(algorithms); i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return algorithms[i].algorithm;
	return CLV_ALGORITHM_NONE;
}

const struct clv_scheme_info *
clv_scheme_describe(clv_scheme scheme)
{
	for (size_t i = 0; i < COUNT(schemes); i++)
		if (schemes[i].scheme == scheme)
			return &schemes[i];
	return NULL;
}

clv_scheme
clv_scheme_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT(schemes); i++)
		if (strcmp(schemes[i].name, name) == 0)
			return schemes[i].scheme;
	return CLV_SCHEME_NONE;
}

clv_scheme
clv_scheme_find(
    clv_family family, clv_padding padding, clv_hash hash, bool decrypts)
{
	for (size_t i = 0; i < COUNT(schemes); i++)
		if (schemes[i].family == family &&
		    schemes[i].padding == padding && schemes[i].hash == hash &&
		    schemes[i].decrypts == decrypts)
			return schemes[i].scheme;
	return CLV_SCHEME_NONE;
}

size_t
clv_hash_size(clv_hash hash)
{
	for (size_t i = 0; i < COUNT(hashes); i++)
		if (hashes[i].hash == hash)
			return hashes[i].size;
	return 0;
}

const char *
clv_hash_name(clv_hash hash)
{
	for (size_t i = 0; i < COUNT(hashes); i++)
		if (hashes[i].hash == hash)
			return hashes[i].name;
	return NULL;
}
