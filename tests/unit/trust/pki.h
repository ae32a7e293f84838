/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Certificates and CRLs for tests, made as they are needed. */
#ifndef CLV_TEST_PKI_H
#define CLV_TEST_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

struct blob {
	uint8_t *bytes;
	size_t size;
};

struct pki_identity {
	EVP_PKEY *key;
	X509 *certificate;
	struct blob der;
};

/* One P-256 key a call is enough for tests; everything aborts on failure. */
EVP_PKEY *pki_key(void);

/* A certificate for `key`; with `issuer` NULL self-signed. */
void pki_issue(struct pki_identity *to, EVP_PKEY *key, const char *common_name,
    bool ca, const struct pki_identity *issuer);
/* The same with a new key. */
void pki_make(struct pki_identity *to, const char *common_name, bool ca,
    const struct pki_identity *issuer);
void pki_drop(struct pki_identity *identity);

/* A CRL that revokes `revoked` (NULL: nobody), thisUpdate now + `age`. */
struct blob pki_crl(const struct pki_identity *issuer, long number,
    const struct pki_identity *revoked, long age);

/* A CA and what it issued, and somebody else. */
struct pki_family {
	struct pki_identity root; /* the CA's issuer, or nobody: self-signed */
	struct pki_identity ca;
	struct pki_identity leaf;
	struct pki_identity other; /* self-signed, or nobody */
	struct blob root_crl;
	struct blob crl;      /* the CA's number 1, which revokes nobody */
	struct blob revoking; /* number 2: the leaf */
};
void pki_family_make(
    struct pki_family *family, bool with_root, const char *other_name);
void pki_family_drop(struct pki_family *family);

struct blob pki_pem(const char *label, const uint8_t *der, size_t size);
struct blob pki_join(const struct blob *a, const struct blob *b);
void blob_drop(struct blob *blob);

/* SHA-1 of the DER in upper-case hexadecimal. */
void pki_thumbprint(const struct blob *der, char text[41]);

#endif
