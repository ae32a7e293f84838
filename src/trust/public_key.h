/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Whether a SubjectPublicKeyInfo holds a key that can be one: RFC 3279, 5480,
 * 8410. The numbers are looked at themselves, since making an OpenSSL key of
 * them costs more than everything else that is done with a certificate. */
#ifndef CLV_TRUST_PUBLIC_KEY_H
#define CLV_TRUST_PUBLIC_KEY_H

#include "trust/certificate.h"
#include "trust/der.h"

#include <openssl/types.h>

/* RSA keys beyond these are refused: the one is no protection, the other makes
 * a signature check a denial of service. */
#define CLV_RSA_BITS_MIN 512U
#define CLV_RSA_BITS_MAX 8192U

/* Bytes of the largest point: uncompressed, on P-521. */
#define CLV_POINT_MAX 133U

struct clv_public_key {
	enum clv_trust_key_kind kind;
	uint16_t bits;      /* of the modulus or the field */
	struct clv_der key; /* subjectPublicKey's octets */
};

/* `contents` is what is inside the SubjectPublicKeyInfo's SEQUENCE. On
 * failure `*why` tells, static. */
bool clv_public_key_parse(
    struct clv_der contents, struct clv_public_key *out, const char **why);

/* The key for OpenSSL; NULL if OpenSSL refuses it or without memory. The
 * caller's. Made of the numbers, which is some thirty times faster than
 * decoding the DER once more. */
EVP_PKEY *clv_public_key_make(const struct clv_trust_cert *cert);

#endif
