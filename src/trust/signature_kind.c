/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/signature_kind.h"

static const struct clv_signature_info infos[] = {
    {CLV_SIGNATURE_UNKNOWN, CLV_FAMILY_NONE, CLV_PADDING_NONE, CLV_HASH_NONE, 0,
	"an unknown algorithm"},
    {CLV_SIGNATURE_RSA_SHA1, CLV_FAMILY_RSA, CLV_PADDING_PKCS1, CLV_HASH_SHA1,
	80, "RSA with SHA-1"},
    {CLV_SIGNATURE_RSA_SHA256, CLV_FAMILY_RSA, CLV_PADDING_PKCS1,
	CLV_HASH_SHA256, 128, "RSA with SHA-256"},
    {CLV_SIGNATURE_RSA_SHA384, CLV_FAMILY_RSA, CLV_PADDING_PKCS1,
	CLV_HASH_SHA384, 192, "RSA with SHA-384"},
    {CLV_SIGNATURE_RSA_SHA512, CLV_FAMILY_RSA, CLV_PADDING_PKCS1,
	CLV_HASH_SHA512, 255, "RSA with SHA-512"},
    {CLV_SIGNATURE_PSS_SHA256, CLV_FAMILY_RSA, CLV_PADDING_PSS, CLV_HASH_SHA256,
	128, "RSA-PSS with SHA-256"},
    {CLV_SIGNATURE_PSS_SHA384, CLV_FAMILY_RSA, CLV_PADDING_PSS, CLV_HASH_SHA384,
	192, "RSA-PSS with SHA-384"},
    {CLV_SIGNATURE_PSS_SHA512, CLV_FAMILY_RSA, CLV_PADDING_PSS, CLV_HASH_SHA512,
	255, "RSA-PSS with SHA-512"},
    {CLV_SIGNATURE_ECDSA_SHA1, CLV_FAMILY_EC, CLV_PADDING_NONE, CLV_HASH_SHA1,
	80, "ECDSA with SHA-1"},
    {CLV_SIGNATURE_ECDSA_SHA256, CLV_FAMILY_EC, CLV_PADDING_NONE,
	CLV_HASH_SHA256, 128, "ECDSA with SHA-256"},
    {CLV_SIGNATURE_ECDSA_SHA384, CLV_FAMILY_EC, CLV_PADDING_NONE,
	CLV_HASH_SHA384, 192, "ECDSA with SHA-384"},
    {CLV_SIGNATURE_ECDSA_SHA512, CLV_FAMILY_EC, CLV_PADDING_NONE,
	CLV_HASH_SHA512, 255, "ECDSA with SHA-512"},
    {CLV_SIGNATURE_ED25519, CLV_FAMILY_ED, CLV_PADDING_NONE, CLV_HASH_NONE, 128,
	"Ed25519"},
    {CLV_SIGNATURE_ED448, CLV_FAMILY_ED, CLV_PADDING_NONE, CLV_HASH_NONE, 224,
	"Ed448"},
};

enum parameters {
	NONE,       /* absent */
	NULL_VALUE, /* NULL, or absent: RFC 4055, 2.1 takes both */
	PSS
};

struct identifier {
	uint8_t oid[9];
	uint8_t size;
	uint8_t parameters; /* enum parameters */
	uint8_t kind;
};

static const struct identifier identifiers[] = {
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}, 9, NULL_VALUE,
	CLV_SIGNATURE_RSA_SHA256},
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}, 8, NONE,
	CLV_SIGNATURE_ECDSA_SHA256},
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03}, 8, NONE,
	CLV_SIGNATURE_ECDSA_SHA384},
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04}, 8, NONE,
	CLV_SIGNATURE_ECDSA_SHA512},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c}, 9, NULL_VALUE,
	CLV_SIGNATURE_RSA_SHA384},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d}, 9, NULL_VALUE,
	CLV_SIGNATURE_RSA_SHA512},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05}, 9, NULL_VALUE,
	CLV_SIGNATURE_RSA_SHA1},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a}, 9, PSS,
	CLV_SIGNATURE_UNKNOWN},
    {{0x2b, 0x65, 0x70}, 3, NONE, CLV_SIGNATURE_ED25519},
    {{0x2b, 0x65, 0x71}, 3, NONE, CLV_SIGNATURE_ED448},
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01}, 7, NONE,
	CLV_SIGNATURE_ECDSA_SHA1},
};

/*
 * RSASSA-PSS-params as everybody writes them for SHA-2: MGF1 with the same
 * hash, and the salt as long as it. Others are not known to us.
 */
static bool
read_hash(struct clv_der in, clv_hash *hash)
{
	static const uint8_t sha2[] = {
	    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02};
	struct clv_der algorithm, oid;
	uint8_t last;

	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &algorithm) ||
	    !clv_der_empty(&in) || !clv_der_oid(&algorithm, &oid) ||
	    (!clv_der_empty(&algorithm) &&
		!clv_der_matches(&algorithm, "\x05\x00", 2)) ||
	    clv_der_size(&oid) != sizeof(sha2) + 1 ||
	    memcmp(oid.at, sha2, sizeof(sha2)) != 0)
		return false;
	last = oid.end[-1];
	*hash = last == 1 ? CLV_HASH_SHA256
	    : last == 2   ? CLV_HASH_SHA384
	    : last == 3   ? CLV_HASH_SHA512
			  : CLV_HASH_NONE;
	return *hash != CLV_HASH_NONE;
}

static bool
read_mgf1(struct clv_der in, clv_hash *hash)
{
	static const uint8_t mgf1[] = {
	    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08};
	struct clv_der algorithm, oid;

	return clv_der_read(&in, CLV_DER_SEQUENCE, &algorithm) &&
	    clv_der_empty(&in) && clv_der_oid(&algorithm, &oid) &&
	    clv_der_matches(&oid, mgf1, sizeof(mgf1)) &&
	    read_hash(algorithm, hash);
}

/* RFC 4055, 3.1. The default of each field is SHA-1's, so all are there. */
static enum clv_trust_signature_kind
read_pss(struct clv_der in)
{
	struct clv_der parameters, hash_part, mgf_part, salt_part;
	clv_hash hash, mgf_hash;
	uint32_t salt;

	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &parameters) ||
	    !clv_der_empty(&in) ||
	    !clv_der_read(
		&parameters, CLV_DER_CONTEXT_CONSTRUCTED(0), &hash_part) ||
	    !clv_der_read(
		&parameters, CLV_DER_CONTEXT_CONSTRUCTED(1), &mgf_part) ||
	    !clv_der_read(
		&parameters, CLV_DER_CONTEXT_CONSTRUCTED(2), &salt_part) ||
	    !clv_der_empty(&parameters))
		return CLV_SIGNATURE_UNKNOWN;
	if (!read_hash(hash_part, &hash) || !read_mgf1(mgf_part, &mgf_hash) ||
	    hash != mgf_hash || !clv_der_small(&salt_part, 64, &salt) ||
	    !clv_der_empty(&salt_part) || salt != clv_hash_size(hash))
		return CLV_SIGNATURE_UNKNOWN;
	return hash == CLV_HASH_SHA256 ? CLV_SIGNATURE_PSS_SHA256
	    : hash == CLV_HASH_SHA384  ? CLV_SIGNATURE_PSS_SHA384
				       : CLV_SIGNATURE_PSS_SHA512;
}

static bool
parameters_fit(enum parameters expected, const struct clv_der *parameters)
{
	return clv_der_empty(parameters) ||
	    (expected == NULL_VALUE &&
		clv_der_matches(parameters, "\x05\x00", 2));
}

static enum clv_trust_signature_kind
kind_of(const struct clv_der *oid, struct clv_der parameters)
{
	for (size_t i = 0; i < sizeof(identifiers) / sizeof(identifiers[0]);
	     i++) {
		const struct identifier *is = &identifiers[i];

		if (!clv_der_matches(oid, is->oid, is->size))
			continue;
		if (is->parameters == PSS)
			return read_pss(parameters);
		if (!parameters_fit(is->parameters, &parameters))
			return CLV_SIGNATURE_UNKNOWN;
		return (enum clv_trust_signature_kind)is->kind;
	}
	return CLV_SIGNATURE_UNKNOWN;
}

bool
clv_signature_parse(
    struct clv_der contents, enum clv_trust_signature_kind *kind)
{
	struct clv_der oid, rest, value;
	uint8_t tag;

	if (!clv_der_oid(&contents, &oid))
		return false;
	rest = contents;
	if (!clv_der_empty(&rest) &&
	    (!clv_der_any(&rest, &tag, &value) || !clv_der_empty(&rest)))
		return false;
	*kind = kind_of(&oid, contents);
	return true;
}

const struct clv_signature_info *
clv_signature_describe(unsigned kind)
{
	return &infos[kind < sizeof(infos) / sizeof(infos[0]) ? kind : 0];
}
