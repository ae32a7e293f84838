/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * Names of key types, hashes, and what is done with keys.
 */
#ifndef CLAVIGER_ALGORITHM_H
#define CLAVIGER_ALGORITHM_H

#include <claviger/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of keys that OPC UA's security policies use. */
typedef enum clv_algorithm {
	CLV_ALGORITHM_NONE = 0,
	CLV_RSA_2048,
	CLV_RSA_3072,
	CLV_RSA_4096,
	CLV_EC_P256,         /**< NIST P-256, secp256r1 */
	CLV_EC_P384,         /**< NIST P-384, secp384r1 */
	CLV_EC_BRAINPOOL256, /**< brainpoolP256r1 */
	CLV_EC_BRAINPOOL384, /**< brainpoolP384r1 */
	CLV_ED25519,
	CLV_ED448,
	/** An RSA key of another size; can be used, not generated. */
	CLV_RSA_OTHER
} clv_algorithm;

/** Families of algorithms: what a key can do depends on this. */
typedef enum clv_family {
	CLV_FAMILY_NONE = 0,
	CLV_FAMILY_RSA,
	CLV_FAMILY_EC,
	CLV_FAMILY_ED
} clv_family;

typedef enum clv_hash {
	CLV_HASH_NONE = 0,
	CLV_HASH_SHA1,
	CLV_HASH_SHA256,
	CLV_HASH_SHA384,
	CLV_HASH_SHA512
} clv_hash;

/**
 * What is done with a private key: padding and hash together. The first
 * column of the comment is the name on the command line.
 */
typedef enum clv_scheme {
	CLV_SCHEME_NONE = 0,
	/* Signatures. RSA: RFC 8017; the PSS salt is as long as the hash and
	 * the MGF1 hash is the same. */
	CLV_RSA_PKCS1_SHA1,   /**< rsa-pkcs1-sha1 (deprecated policies) */
	CLV_RSA_PKCS1_SHA256, /**< rsa-pkcs1-sha256 */
	CLV_RSA_PKCS1_SHA384, /**< rsa-pkcs1-sha384 */
	CLV_RSA_PKCS1_SHA512, /**< rsa-pkcs1-sha512 */
	CLV_RSA_PSS_SHA256,   /**< rsa-pss-sha256 */
	CLV_RSA_PSS_SHA384,   /**< rsa-pss-sha384 */
	CLV_RSA_PSS_SHA512,   /**< rsa-pss-sha512 */
	/* ECDSA, FIPS 186-5: r and s, each padded to the curve's size, as
	 * OPC 10000-6 has them on the wire. */
	CLV_ECDSA_SHA256, /**< ecdsa-sha256 */
	CLV_ECDSA_SHA384, /**< ecdsa-sha384 */
	CLV_ECDSA_SHA512, /**< ecdsa-sha512 */
	/* RFC 8032, pure, no context. */
	CLV_EDDSA_ED25519, /**< ed25519 */
	CLV_EDDSA_ED448,   /**< ed448 */
	/* Decryption, RFC 8017; OAEP with an empty label and MGF1 of the same
	 * hash. */
	CLV_RSA_PKCS1,      /**< rsa-pkcs1 (deprecated policies) */
	CLV_RSA_OAEP_SHA1,  /**< rsa-oaep-sha1 */
	CLV_RSA_OAEP_SHA256 /**< rsa-oaep-sha256 */
} clv_scheme;

/** What a scheme is made of. */
typedef enum clv_padding {
	CLV_PADDING_NONE = 0, /**< ECDSA, EdDSA */
	CLV_PADDING_PKCS1,
	CLV_PADDING_PSS,
	CLV_PADDING_OAEP
} clv_padding;

struct clv_scheme_info {
	clv_scheme scheme;
	const char *name;
	clv_family family;
	clv_padding padding;
	clv_hash hash; /**< of the message, or OAEP's */
	bool decrypts; /**< otherwise it signs */
};

struct clv_algorithm_info {
	clv_algorithm algorithm;
	const char *name; /**< as on the command line, such as "rsa2048" */
	clv_family family;
	unsigned bits;       /**< modulus or field */
	unsigned signature;  /**< bytes; ECDSA as r and s */
	clv_scheme scheme;   /**< the usual one for certificates */
	const char *openssl; /**< OpenSSL's key type: "RSA", "EC", "ED25519" */
	const char *group;   /**< OpenSSL's curve name, NULL if none */
	const char *type_name; /**< CertificateType, such as "RsaSha256" */
};

/* All of these: NULL or NONE for an unknown value or name; static; any
 * thread. */

CLV_API const struct clv_algorithm_info *clv_algorithm_describe(
    clv_algorithm algorithm);
CLV_API clv_algorithm clv_algorithm_by_name(const char *name);
CLV_API const struct clv_scheme_info *clv_scheme_describe(clv_scheme scheme);
CLV_API clv_scheme clv_scheme_by_name(const char *name);
/** The scheme of these parts, so that a table need not be searched. */
CLV_API clv_scheme clv_scheme_find(
    clv_family family, clv_padding padding, clv_hash hash, bool decrypts);
/** Bytes of a digest, 0 for none. */
CLV_API size_t clv_hash_size(clv_hash hash);
/** OpenSSL's name, such as "SHA2-256"; NULL for none. */
CLV_API const char *clv_hash_name(clv_hash hash);

#ifdef __cplusplus
}
#endif

#endif
