/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A certificate taken apart once, strictly, and never changed afterwards.
 *
 * Parsing refuses what a lenient decoder lets through: bytes behind the end,
 * BER, dates that do not exist, an RSA modulus that is even or tiny, EC points
 * off their curve, an inner algorithm that differs from the outer one,
 * unknown critical extensions. It costs about a microsecond and allocates
 * once, so that 100,000 files are read in a fraction of a second; the public
 * key becomes an OpenSSL object only when a signature is checked with it.
 *
 * References may be taken and dropped, and everything here read, by any
 * number of threads at once.
 */
#ifndef CLV_TRUST_CERTIFICATE_H
#define CLV_TRUST_CERTIFICATE_H

#include <claviger/error.h>

#include "trust/names.h"

#include <stdatomic.h>

/* Larger certificates are CLV_TOO_LARGE. */
#define CLV_TRUST_CERT_MAX 65535U

/* Part of a DER: offset and length. */
struct clv_trust_span {
	uint32_t at;
	uint32_t size;
};

/* RFC 5280, 4.2.1.3; bit n of the BIT STRING is 1 << n. */
enum {
	CLV_USAGE_DIGITAL_SIGNATURE = 1U << 0,
	CLV_USAGE_NON_REPUDIATION = 1U << 1,
	CLV_USAGE_KEY_ENCIPHERMENT = 1U << 2,
	CLV_USAGE_DATA_ENCIPHERMENT = 1U << 3,
	CLV_USAGE_KEY_AGREEMENT = 1U << 4,
	CLV_USAGE_KEY_CERT_SIGN = 1U << 5,
	CLV_USAGE_CRL_SIGN = 1U << 6,
	CLV_USAGE_ENCIPHER_ONLY = 1U << 7,
	CLV_USAGE_DECIPHER_ONLY = 1U << 8
};

/* RFC 5280, 4.2.1.12; OTHER stands for purposes we do not know. */
enum {
	CLV_EKU_SERVER_AUTH = 1U << 0,
	CLV_EKU_CLIENT_AUTH = 1U << 1,
	CLV_EKU_ANY = 1U << 2,
	CLV_EKU_OTHER = 1U << 3
};

/* What the certificate holds and which of it is critical. */
enum {
	CLV_CERT_SELF_ISSUED = 1U << 0, /* subject and issuer are the same */
	CLV_CERT_CA = 1U << 1,          /* basicConstraints cA TRUE */
	CLV_CERT_HAS_BASIC = 1U << 2,
	CLV_CERT_BASIC_CRITICAL = 1U << 3,
	CLV_CERT_HAS_PATH_LENGTH = 1U << 4,
	CLV_CERT_HAS_USAGE = 1U << 5,
	CLV_CERT_USAGE_CRITICAL = 1U << 6,
	CLV_CERT_HAS_EKU = 1U << 7,
	CLV_CERT_EKU_CRITICAL = 1U << 8
};

enum clv_trust_key_kind {
	CLV_KEY_KIND_RSA = 1,
	CLV_KEY_KIND_P256,
	CLV_KEY_KIND_P384,
	CLV_KEY_KIND_P521,
	CLV_KEY_KIND_BRAINPOOL256,
	CLV_KEY_KIND_BRAINPOOL384,
	CLV_KEY_KIND_BRAINPOOL512,
	CLV_KEY_KIND_ED25519,
	CLV_KEY_KIND_ED448
};

enum clv_trust_signature_kind {
	CLV_SIGNATURE_UNKNOWN = 0, /* cannot be checked, so it never holds */
	CLV_SIGNATURE_RSA_SHA1,
	CLV_SIGNATURE_RSA_SHA256,
	CLV_SIGNATURE_RSA_SHA384,
	CLV_SIGNATURE_RSA_SHA512,
	CLV_SIGNATURE_PSS_SHA256, /* RFC 4055, MGF1 of the same hash */
	CLV_SIGNATURE_PSS_SHA384,
	CLV_SIGNATURE_PSS_SHA512,
	CLV_SIGNATURE_ECDSA_SHA1,
	CLV_SIGNATURE_ECDSA_SHA256,
	CLV_SIGNATURE_ECDSA_SHA384,
	CLV_SIGNATURE_ECDSA_SHA512,
	CLV_SIGNATURE_ED25519,
	CLV_SIGNATURE_ED448
};

/* Memory that several certificates lie in, such as a mapped index file. */
struct clv_trust_blob {
	atomic_size_t references;
	const uint8_t *data;
	size_t size;
	/* Frees data and the blob itself. */
	void (*destroy)(struct clv_trust_blob *blob);
};

struct clv_trust_blob *clv_trust_blob_ref(struct clv_trust_blob *blob);
void clv_trust_blob_unref(struct clv_trust_blob *blob); /* NULL is fine */

struct clv_trust_key; /* signature.h */

struct clv_trust_cert {
	atomic_size_t references;
	struct clv_trust_blob *blob; /* owner of der and file; or NULL */
	const uint8_t *der;
	uint32_t size;
	uint8_t thumbprint[CLV_THUMBPRINT_SIZE]; /* SHA-1 of the DER */
	/* What the user knows it by, such as "trusted/certs/Pump [...].der";
	 * NULL for a certificate that came in a message. */
	const char *file;

	struct clv_trust_span tbs;      /* what is signed */
	struct clv_trust_span serial;   /* contents, big-endian */
	struct clv_trust_span issuer;   /* the whole Name */
	struct clv_trust_span subject;  /* the whole Name */
	struct clv_trust_span spki;     /* the whole SubjectPublicKeyInfo */
	struct clv_trust_span key_bits; /* subjectPublicKey's octets */
	struct clv_trust_span alt_name; /* contents of GeneralNames, or 0 */
	struct clv_trust_span ski;      /* subjectKeyIdentifier, or 0 */
	struct clv_trust_span aki;      /* authority's keyIdentifier, or 0 */
	struct clv_trust_span name_constraints; /* contents, or 0 */
	struct clv_trust_span algorithm; /* the whole AlgorithmIdentifier */
	struct clv_trust_span signature; /* its octets */

	int64_t not_before; /* seconds since 1970-01-01T00:00:00Z */
	int64_t not_after;
	uint64_t subject_hash; /* of the whole Name's DER */
	uint64_t issuer_hash;

	uint16_t flags;         /* CLV_CERT_... */
	uint16_t key_usage;     /* CLV_USAGE_... */
	uint16_t key_size;      /* bits of modulus or field */
	uint8_t eku;            /* CLV_EKU_... */
	uint8_t path_length;    /* 255 stands for that and more */
	uint8_t key_kind;       /* enum clv_trust_key_kind */
	uint8_t signature_kind; /* enum clv_trust_signature_kind */

	_Atomic(struct clv_trust_key *) key; /* made at first use */
};

/*
 * Parses one DER certificate that fills `size` bytes exactly. The DER and
 * `file` (may be NULL) are copied, unless `blob` is given: then both lie in
 * what it owns and are borrowed, and a reference to it is kept. A refusal is
 * CLV_CORRUPT (domain OPCUA, BadCertificateInvalid), CLV_TOO_LARGE or
 * CLV_NO_MEMORY, with `file` as the subject.
 */
clv_status clv_trust_cert_parse(const void *der, size_t size, const char *file,
    struct clv_trust_blob *blob, struct clv_trust_cert **out, clv_error **err);

struct clv_trust_cert *clv_trust_cert_ref(struct clv_trust_cert *cert);
void clv_trust_cert_unref(struct clv_trust_cert *cert); /* NULL is fine */

/* Whether both are the same certificate: all of the DER. */
bool clv_trust_cert_equal(
    const struct clv_trust_cert *a, const struct clv_trust_cert *b);

/* Whether they name themselves the same, or one names the other as issuer,
 * byte by byte: RFC 5280, 4.1.2.4 and 4.1.2.6, issuers copy their subject. */
bool clv_trust_cert_same_subject(
    const struct clv_trust_cert *a, const struct clv_trust_cert *b);
bool clv_trust_cert_names_issuer(
    const struct clv_trust_cert *cert, const struct clv_trust_cert *issuer);

/*
 * Subject, issuer, or its last common name alone, as text that a terminal can
 * take: valid UTF-8, without control, direction and other invisible
 * characters, cut at `size` - 1 bytes, always closed. Return the length.
 */
size_t clv_trust_cert_subject_text(
    const struct clv_trust_cert *cert, char *text, size_t size);
size_t clv_trust_cert_issuer_text(
    const struct clv_trust_cert *cert, char *text, size_t size);
size_t clv_trust_cert_common_name(
    const struct clv_trust_cert *cert, char *text, size_t size);

/* One entry of subjectAltName. */
enum clv_trust_alt_kind {
	CLV_ALT_URI = 6, /* the GeneralName's tags */
	CLV_ALT_DNS = 2,
	CLV_ALT_IP = 7 /* 4 or 16 bytes */
};

/*
 * Calls `fn` for each URI, DNS name and IP address, in order, until it
 * returns true; returns whether it did. Values are checked: IA5 without
 * control characters, addresses of the right length. Not 0-terminated.
 */
typedef bool clv_trust_alt_fn(void *user, enum clv_trust_alt_kind kind,
    const uint8_t *value, size_t size);
bool clv_trust_cert_each_alt_name(
    const struct clv_trust_cert *cert, clv_trust_alt_fn *fn, void *user);

#endif
