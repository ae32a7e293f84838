/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The numbers of a key, between bytes and OpenSSL. What has to do with private
 * ones is only for code that runs on a private stack (private_stack.h).
 */
#ifndef CLV_BASE_PRIVATE_KEY_H
#define CLV_BASE_PRIVATE_KEY_H

#include <claviger/algorithm.h>
#include <claviger/secret.h>

#include "base/span.h"

/* Private keys of software, smallest and largest. */
#define CLV_RSA_BITS_MIN 2048U
#define CLV_RSA_BITS_MAX 8192U
/* Room for any key's public point: P-384, uncompressed. */
#define CLV_POINT_MAX 97U
/* Room for any SubjectPublicKeyInfo. */
#define CLV_SPKI_MAX 1200U
/* Room for any PrivateKeyInfo. */
#define CLV_PKCS8_MAX 5120U

/* In the order of RFC 8017, A.1.2. */
enum clv_rsa_number {
	CLV_RSA_N,
	CLV_RSA_E,
	CLV_RSA_D,
	CLV_RSA_P,
	CLV_RSA_Q,
	CLV_RSA_DP,
	CLV_RSA_DQ,
	CLV_RSA_QI,
	CLV_RSA_NUMBERS
};

/* A kind of key as its AlgorithmIdentifier names it. */
struct clv_key_kind {
	clv_algorithm algorithm; /* of RSA, any */
	clv_family family;
	struct clv_span identifier; /* content of the AlgorithmIdentifier */
	size_t secret_size;         /* scalar or seed; 0 for RSA */
	size_t point_size;
};

/* Views into the bytes that were parsed. Numbers are big-endian. */
struct clv_private_key {
	const struct clv_key_kind *kind;
	clv_algorithm algorithm;
	struct clv_span rsa[CLV_RSA_NUMBERS]; /* without leading zeros */
	struct clv_span secret;               /* EC scalar or EdDSA seed */
	struct clv_span point; /* EC uncompressed, or EdDSA; may be empty */
};

/* Kind by algorithm; any RSA size is the same. NULL if there is none. */
const struct clv_key_kind *clv_key_kind_of(clv_algorithm algorithm);

/*
 * Take apart a PrivateKeyInfo (RFC 5958), an RSAPrivateKey (RFC 8017), an
 * ECPrivateKey (RFC 5915). Strict DER with nothing behind it. CLV_CORRUPT,
 * CLV_UNSUPPORTED, CLV_POLICY (RSA too small), CLV_TOO_LARGE.
 */
clv_status clv_private_key_parse(
    struct clv_span der, struct clv_private_key *key, clv_error **err);
clv_status clv_private_key_parse_rsa(
    struct clv_span der, struct clv_private_key *key, clv_error **err);
/* `kind` is NULL if the curve must be named inside. */
clv_status clv_private_key_parse_ec(struct clv_span der,
    const struct clv_key_kind *kind, struct clv_private_key *key,
    clv_error **err);

/*
 * Checks that the numbers fit together, and finds the public point if it is
 * missing: it is then put into `point`. CLV_CORRUPT, CLV_NO_MEMORY,
 * CLV_INTERNAL.
 */
clv_status clv_private_key_check(
    struct clv_private_key *key, uint8_t point[CLV_POINT_MAX], clv_error **err);

/* Writes a PrivateKeyInfo, version 1, always in the same form. */
clv_status clv_private_key_write(
    const struct clv_private_key *key, clv_secret *out, clv_error **err);

/*
 * Writes the SubjectPublicKeyInfo into `out`, which has room for CLV_SPKI_MAX,
 * and returns its size. `bits`, if not NULL, gets where in it the content of
 * the BIT STRING lies, of which key identifiers are made.
 */
size_t clv_public_key_write(
    const struct clv_private_key *key, uint8_t *out, struct clv_span *bits);

/*
 * The algorithm of a SubjectPublicKeyInfo, strictly; NONE if it is none of
 * ours. The numbers are not judged. `bits` as above.
 */
clv_algorithm clv_public_key_read(struct clv_span der, struct clv_span *bits);

/* Room for a key identifier. */
#define CLV_KEY_ID_SIZE 20U

/* The key identifier of RFC 5280, 4.2.1.2 (1): SHA-1 of `bits`. */
bool clv_public_key_id(struct clv_span bits, uint8_t id[CLV_KEY_ID_SIZE]);

#endif
