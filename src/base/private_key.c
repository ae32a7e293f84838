/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/private_key.h"

#include "base/der.h"

/* Contents of AlgorithmIdentifiers, RFC 8017, 5480, 5639, 8410. */
static const uint8_t rsa[] = {0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D,
    0x01, 0x01, 0x01, 0x05, 0x00};
static const uint8_t p256[] = {0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02,
    0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
static const uint8_t p384[] = {0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02,
    0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};
static const uint8_t brainpool256[] = {0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D,
    0x02, 0x01, 0x06, 0x09, 0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01,
    0x07};
static const uint8_t brainpool384[] = {0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D,
    0x02, 0x01, 0x06, 0x09, 0x2B, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01,
    0x0B};
static const uint8_t ed25519[] = {0x06, 0x03, 0x2B, 0x65, 0x70};
static const uint8_t ed448[] = {0x06, 0x03, 0x2B, 0x65, 0x71};

/* id-ecPublicKey, which begins every elliptic curve's identifier. */
#define EC_OID_SIZE 9U

static const struct clv_key_kind kinds[] = {
    {CLV_RSA_OTHER, CLV_FAMILY_RSA, {rsa, sizeof(rsa)}, 0, 0},
    {CLV_EC_P256, CLV_FAMILY_EC, {p256, sizeof(p256)}, 32, 65},
    {CLV_EC_P384, CLV_FAMILY_EC, {p384, sizeof(p384)}, 48, 97},
    {CLV_EC_BRAINPOOL256, CLV_FAMILY_EC, {brainpool256, sizeof(brainpool256)},
	32, 65},
    {CLV_EC_BRAINPOOL384, CLV_FAMILY_EC, {brainpool384, sizeof(brainpool384)},
	48, 97},
    {CLV_ED25519, CLV_FAMILY_ED, {ed25519, sizeof(ed25519)}, 32, 32},
    {CLV_ED448, CLV_FAMILY_ED, {ed448, sizeof(ed448)}, 57, 57},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static clv_status
refuse(clv_error **err, clv_status status, const char *reason)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "read private key"}, "%s",
	    reason);
}

const struct clv_key_kind *
clv_key_kind_of(clv_algorithm algorithm)
{
	switch (algorithm) {
	case CLV_RSA_2048:
	case CLV_RSA_3072:
	case CLV_RSA_4096:
		return &kinds[0];
	default:
		for (size_t i = 0; i < KIND_COUNT; i++)
			if (kinds[i].algorithm == algorithm)
				return &kinds[i];
		return NULL;
	}
}

static const struct clv_key_kind *
kind_by_identifier(struct clv_span identifier)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (clv_span_equal(kinds[i].identifier, identifier))
			return &kinds[i];
	return NULL;
}

/* `oid` is the content of the curve's OBJECT IDENTIFIER. */
static const struct clv_key_kind *
kind_by_curve(struct clv_span oid)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		struct clv_span curve = kinds[i].identifier;

		if (kinds[i].family != CLV_FAMILY_EC)
			continue;
		clv_span_skip(&curve, EC_OID_SIZE + 2);
		if (clv_span_equal(curve, oid))
			return &kinds[i];
	}
	return NULL;
}

static unsigned
bit_length(struct clv_span number)
{
	unsigned bits = (unsigned)number.size * 8;

	if (number.size == 0)
		return 0;
	for (uint8_t top = number.data[0]; (top & 0x80) == 0;
	     top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

static clv_algorithm
rsa_algorithm(unsigned bits)
{
	switch (bits) {
	case 2048:
		return CLV_RSA_2048;
	case 3072:
		return CLV_RSA_3072;
	case 4096:
		return CLV_RSA_4096;
	default:
		return CLV_RSA_OTHER;
	}
}

clv_status
clv_private_key_parse_rsa(
    struct clv_span der, struct clv_private_key *key, clv_error **err)
{
	struct clv_span sequence;
	uint64_t version;
	unsigned bits;

	*key = (struct clv_private_key){.kind = &kinds[0]};
	if (!clv_der_take(&der, CLV_DER_SEQUENCE, &sequence) || der.size > 0 ||
	    !clv_der_take_small(&sequence, &version))
		return refuse(err, CLV_CORRUPT, "the RSA key is damaged");
	if (version != 0)
		return refuse(err, CLV_UNSUPPORTED,
		    "RSA keys of more than two primes are not supported");
	for (size_t i = 0; i < CLV_RSA_NUMBERS; i++)
		if (!clv_der_take_unsigned(&sequence, &key->rsa[i]))
			return refuse(
			    err, CLV_CORRUPT, "the RSA key is damaged");
	if (sequence.size > 0)
		return refuse(
		    err, CLV_CORRUPT, "something stands behind the RSA key");

	bits = bit_length(key->rsa[CLV_RSA_N]);
	if (bits < CLV_RSA_BITS_MIN)
		return refuse(err, CLV_POLICY,
		    "RSA keys of less than 2048 bits are not safe");
	if (bits > CLV_RSA_BITS_MAX)
		return refuse(err, CLV_TOO_LARGE,
		    "RSA keys of more than 8192 bits are not supported");
	key->algorithm = rsa_algorithm(bits);
	return CLV_OK;
}

/* [0] names the curve, [1] holds the public point; both may be absent. */
static bool
take_ec_extras(
    struct clv_span *sequence, struct clv_span *curve, struct clv_span *point)
{
	struct clv_span inner;

	*curve = *point = (struct clv_span){NULL, 0};
	if (clv_der_next_is(sequence, CLV_DER_EXPLICIT_0) &&
	    (!clv_der_take(sequence, CLV_DER_EXPLICIT_0, &inner) ||
		!clv_der_take(&inner, CLV_DER_OID, curve) || inner.size > 0))
		return false;
	if (clv_der_next_is(sequence, CLV_DER_EXPLICIT_1) &&
	    (!clv_der_take(sequence, CLV_DER_EXPLICIT_1, &inner) ||
		!clv_der_take_bits(&inner, CLV_DER_BITS, point) ||
		inner.size > 0))
		return false;
	return sequence->size == 0;
}

static bool
has_explicit_curve(struct clv_span sequence)
{
	struct clv_span inner;

	return clv_der_take(&sequence, CLV_DER_EXPLICIT_0, &inner) &&
	    clv_der_next_is(&inner, CLV_DER_SEQUENCE);
}

clv_status
clv_private_key_parse_ec(struct clv_span der, const struct clv_key_kind *kind,
    struct clv_private_key *key, clv_error **err)
{
	struct clv_span sequence;
	struct clv_span curve;
	uint64_t version;

	*key = (struct clv_private_key){0};
	if (!clv_der_take(&der, CLV_DER_SEQUENCE, &sequence) || der.size > 0 ||
	    !clv_der_take_small(&sequence, &version) || version != 1 ||
	    !clv_der_take(&sequence, CLV_DER_OCTETS, &key->secret))
		return refuse(err, CLV_CORRUPT, "the EC key is damaged");
	if (has_explicit_curve(sequence))
		return refuse(err, CLV_UNSUPPORTED,
		    "curves given by their parameters are not supported");
	if (!take_ec_extras(&sequence, &curve, &key->point))
		return refuse(err, CLV_CORRUPT, "the EC key is damaged");

	key->kind = kind;
	if (curve.data != NULL)
		key->kind = kind_by_curve(curve);
	if (key->kind == NULL)
		return refuse(err, CLV_UNSUPPORTED,
		    "the curve is not P-256, P-384 or brainpoolP256r1/P384r1");
	if (kind != NULL && kind != key->kind)
		return refuse(err, CLV_CORRUPT, "the EC key names two curves");
	if (key->secret.size != key->kind->secret_size)
		return refuse(err, CLV_CORRUPT,
		    "the EC key's number has the wrong length");
	key->algorithm = key->kind->algorithm;
	return CLV_OK;
}

/* RFC 8410, 7: an OCTET STRING within the OCTET STRING. */
static clv_status
parse_ed(struct clv_span der, const struct clv_key_kind *kind,
    struct clv_private_key *key, clv_error **err)
{
	*key = (struct clv_private_key){
	    .kind = kind, .algorithm = kind->algorithm};
	if (!clv_der_take(&der, CLV_DER_OCTETS, &key->secret) || der.size > 0 ||
	    key->secret.size != kind->secret_size)
		return refuse(err, CLV_CORRUPT, "the EdDSA key is damaged");
	return CLV_OK;
}

/* The parts of a PrivateKeyInfo or OneAsymmetricKey. */
struct container {
	uint64_t version;
	struct clv_span identifier;
	struct clv_span content;
	struct clv_span attributes; /* read over */
	struct clv_span public_key; /* of version 2 */
};

static bool
take_container(struct clv_span der, struct container *out)
{
	struct clv_span in;

	*out = (struct container){0};
	if (!clv_der_take(&der, CLV_DER_SEQUENCE, &in) || der.size > 0 ||
	    !clv_der_take_small(&in, &out->version) || out->version > 1 ||
	    !clv_der_take(&in, CLV_DER_SEQUENCE, &out->identifier) ||
	    !clv_der_take(&in, CLV_DER_OCTETS, &out->content))
		return false;
	if (clv_der_next_is(&in, CLV_DER_EXPLICIT_0) &&
	    !clv_der_take(&in, CLV_DER_EXPLICIT_0, &out->attributes))
		return false;
	if (out->version == 1 && clv_der_next_is(&in, CLV_DER_IMPLICIT_1) &&
	    !clv_der_take_bits(&in, CLV_DER_IMPLICIT_1, &out->public_key))
		return false;
	return in.size == 0;
}

static clv_status
merge_public(
    struct clv_private_key *key, struct clv_span public_key, clv_error **err)
{
	if (key->kind->family == CLV_FAMILY_RSA)
		return refuse(err, CLV_UNSUPPORTED,
		    "an RSA key with a second public key is not supported");
	if (key->point.size > 0 && !clv_span_equal(key->point, public_key))
		return refuse(
		    err, CLV_CORRUPT, "the key names two public keys");
	key->point = public_key;
	return CLV_OK;
}

clv_status
clv_private_key_parse(
    struct clv_span der, struct clv_private_key *key, clv_error **err)
{
	const struct clv_key_kind *kind;
	struct container parts;
	clv_status status;

	if (!take_container(der, &parts))
		return refuse(err, CLV_CORRUPT,
		    "it is damaged, or not a PKCS#8 private key in DER");
	kind = kind_by_identifier(parts.identifier);
	if (kind == NULL)
		return refuse(err, CLV_UNSUPPORTED,
		    "keys of this kind are not supported; RSA, P-256, P-384, "
		    "brainpoolP256r1/P384r1, Ed25519 and Ed448 are");
	if (kind->family == CLV_FAMILY_RSA)
		status = clv_private_key_parse_rsa(parts.content, key, err);
	else if (kind->family == CLV_FAMILY_EC)
		status =
		    clv_private_key_parse_ec(parts.content, kind, key, err);
	else
		status = parse_ed(parts.content, kind, key, err);
	if (status == CLV_OK && parts.public_key.data != NULL)
		status = merge_public(key, parts.public_key, err);
	return status;
}

static clv_algorithm
read_rsa_public(struct clv_span der)
{
	struct clv_span sequence;
	struct clv_span modulus;
	struct clv_span exponent;

	if (!clv_der_take(&der, CLV_DER_SEQUENCE, &sequence) || der.size > 0 ||
	    !clv_der_take_unsigned(&sequence, &modulus) ||
	    !clv_der_take_unsigned(&sequence, &exponent) || sequence.size > 0)
		return CLV_ALGORITHM_NONE;
	return rsa_algorithm(bit_length(modulus));
}

clv_algorithm
clv_public_key_read(struct clv_span der, struct clv_span *bits)
{
	const struct clv_key_kind *kind;
	struct clv_span in;
	struct clv_span identifier;
	struct clv_span content;

	if (!clv_der_take(&der, CLV_DER_SEQUENCE, &in) || der.size > 0 ||
	    !clv_der_take(&in, CLV_DER_SEQUENCE, &identifier) ||
	    !clv_der_take_bits(&in, CLV_DER_BITS, &content) || in.size > 0)
		return CLV_ALGORITHM_NONE;
	kind = kind_by_identifier(identifier);
	if (kind == NULL)
		return CLV_ALGORITHM_NONE;
	if (bits != NULL)
		*bits = content;
	if (kind->family == CLV_FAMILY_RSA)
		return read_rsa_public(content);
	return content.size == kind->point_size ? kind->algorithm
						: CLV_ALGORITHM_NONE;
}
