/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/public_key.h"

#include "trust/curve.h"

static const uint8_t oid_rsa[] = {
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
static const uint8_t oid_ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t oid_ed25519[] = {0x2b, 0x65, 0x70};
static const uint8_t oid_ed448[] = {0x2b, 0x65, 0x71};

static size_t
bit_length(const struct clv_der *magnitude)
{
	size_t bits;
	uint8_t top;

	if (clv_der_empty(magnitude))
		return 0;
	bits = 8 * (clv_der_size(magnitude) - 1);
	for (top = *magnitude->at; top != 0; top = (uint8_t)(top >> 1))
		bits++;
	return bits;
}

/* A modulus is odd and of a size that can be used; an exponent is odd, more
 * than 1, and no longer than OpenSSL takes. */
static const char *
check_rsa_numbers(const struct clv_der *modulus, const struct clv_der *exponent)
{
	const size_t bits = bit_length(modulus);

	if (bits < CLV_RSA_BITS_MIN)
		return "its RSA modulus is shorter than 512 bits";
	if (bits > CLV_RSA_BITS_MAX)
		return "its RSA modulus is longer than 8192 bits";
	if ((modulus->end[-1] & 1U) == 0)
		return "its RSA modulus is even";
	if (bit_length(exponent) < 2 || bit_length(exponent) > 64 ||
	    (exponent->end[-1] & 1U) == 0)
		return "its RSA exponent can't be one";
	return NULL;
}

/* RFC 3279, 2.3.1: parameters are NULL, the key is a SEQUENCE. */
static const char *
parse_rsa(struct clv_der parameters, struct clv_public_key *out)
{
	struct clv_der in = out->key, numbers, modulus, exponent;
	const char *why;

	if (!clv_der_matches(&parameters, "\x05\x00", 2))
		return "its RSA key has parameters";
	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &numbers) ||
	    !clv_der_empty(&in) || !clv_der_unsigned(&numbers, &modulus) ||
	    !clv_der_unsigned(&numbers, &exponent) || !clv_der_empty(&numbers))
		return "its RSA key is malformed";
	why = check_rsa_numbers(&modulus, &exponent);
	out->kind = CLV_KEY_KIND_RSA;
	out->bits = (uint16_t)bit_length(&modulus);
	return why;
}

/* RFC 5480, 2.1.1: a named curve; 2.2: an uncompressed point. */
static const char *
parse_ec(struct clv_der parameters, struct clv_public_key *out)
{
	const struct clv_curve *curve;
	struct clv_der oid;

	if (!clv_der_oid(&parameters, &oid) || !clv_der_empty(&parameters))
		return "its elliptic curve is not given by name";
	curve = clv_curve_by_oid(&oid);
	if (curve == NULL)
		return "its elliptic curve is not known";
	if (!clv_curve_has_point(curve, &out->key))
		return "its public key is not a point of its curve";
	out->kind = curve->kind;
	out->bits = curve->bits;
	return NULL;
}

/* RFC 8410, 3: no parameters, a fixed size. */
static const char *
parse_edwards(struct clv_der parameters, struct clv_public_key *out,
    enum clv_trust_key_kind kind)
{
	const bool small = kind == CLV_KEY_KIND_ED25519;

	out->kind = kind;
	out->bits = small ? 256 : 456;
	if (!clv_der_empty(&parameters))
		return "its Edwards key has parameters";
	if (clv_der_size(&out->key) != (small ? 32U : 57U))
		return "its Edwards key has the wrong size";
	return NULL;
}

static const char *
parse_kind(struct clv_der algorithm, struct clv_public_key *out)
{
	struct clv_der oid;

	if (!clv_der_oid(&algorithm, &oid))
		return "its public key has no algorithm";
	/* What is left of the algorithm are its parameters. */
	if (clv_der_matches(&oid, oid_rsa, sizeof(oid_rsa)))
		return parse_rsa(algorithm, out);
	if (clv_der_matches(&oid, oid_ec, sizeof(oid_ec)))
		return parse_ec(algorithm, out);
	if (clv_der_matches(&oid, oid_ed25519, sizeof(oid_ed25519)))
		return parse_edwards(algorithm, out, CLV_KEY_KIND_ED25519);
	if (clv_der_matches(&oid, oid_ed448, sizeof(oid_ed448)))
		return parse_edwards(algorithm, out, CLV_KEY_KIND_ED448);
	return "its public key is of a kind that OPC UA does not use";
}

bool
clv_public_key_parse(
    struct clv_der contents, struct clv_public_key *out, const char **why)
{
	struct clv_der algorithm;

	if (!clv_der_read(&contents, CLV_DER_SEQUENCE, &algorithm) ||
	    !clv_der_octets(&contents, &out->key) || !clv_der_empty(&contents))
		*why = "its public key is malformed";
	else
		*why = parse_kind(algorithm, out);
	return *why == NULL;
}
