/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#define must(condition)                                                    \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #condition);                                   \
			abort();                                           \
		}                                                          \
	} while (0)

EVP_PKEY *
pki_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	must(key != NULL);
	return key;
}

static void
set_serial(ASN1_INTEGER *serial)
{
	static uint64_t next = 1000;

	must(ASN1_INTEGER_set_uint64(serial, next++));
}

static void
add_extension(X509 *certificate, X509V3_CTX *context, int nid, const char *text)
{
	X509_EXTENSION *extension =
	    X509V3_EXT_conf_nid(NULL, context, nid, text);

	must(extension != NULL && X509_add_ext(certificate, extension, -1));
	X509_EXTENSION_free(extension);
}

static void
add_extensions(X509 *certificate, X509 *issuer, bool ca)
{
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	add_extension(certificate, &context, NID_basic_constraints,
	    ca ? "critical,CA:TRUE" : "CA:FALSE");
	add_extension(certificate, &context, NID_key_usage,
	    ca ? "critical,keyCertSign,cRLSign" : "digitalSignature");
	add_extension(
	    certificate, &context, NID_subject_key_identifier, "hash");
	if (issuer != certificate)
		add_extension(certificate, &context,
		    NID_authority_key_identifier, "keyid:always");
	if (!ca)
		add_extension(certificate, &context, NID_subject_alt_name,
		    "URI:urn:test:application,DNS:localhost");
}

static void
set_name(X509 *certificate, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(certificate);

	must(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
	    (const unsigned char *)"Test", -1, -1, 0));
	if (common_name != NULL)
		must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		    (const unsigned char *)common_name, -1, -1, 0));
}

void
pki_issue(struct pki_identity *to, EVP_PKEY *key, const char *common_name,
    bool ca, const struct pki_identity *issuer)
{
	X509 *certificate = X509_new();
	int size;

	must(certificate != NULL);
	must(X509_set_version(certificate, X509_VERSION_3));
	set_serial(X509_get_serialNumber(certificate));
	set_name(certificate, common_name);
	must(X509_set_issuer_name(certificate,
	    X509_get_subject_name(issuer ? issuer->certificate : certificate)));
	must(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
	must(X509_gmtime_adj(X509_getm_notAfter(certificate), 86400 * 30));
	must(X509_set_pubkey(certificate, key));
	add_extensions(
	    certificate, issuer ? issuer->certificate : certificate, ca);
	must(X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256()));
	*to = (struct pki_identity){.key = key, .certificate = certificate};
	size = i2d_X509(certificate, &to->der.bytes);
	must(size > 0);
	to->der.size = (size_t)size;
}

void
pki_make(struct pki_identity *to, const char *common_name, bool ca,
    const struct pki_identity *issuer)
{
	pki_issue(to, pki_key(), common_name, ca, issuer);
}

void
pki_drop(struct pki_identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
	blob_drop(&identity->der);
	*identity = (struct pki_identity){.key = NULL};
}

static void
crl_revoke(X509_CRL *crl, const struct pki_identity *revoked)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, 0);

	must(entry != NULL && now != NULL);
	must(X509_REVOKED_set_serialNumber(
	    entry, X509_get_serialNumber(revoked->certificate)));
	must(X509_REVOKED_set_revocationDate(entry, now));
	must(X509_CRL_add0_revoked(crl, entry));
	ASN1_TIME_free(now);
}

static void
crl_add_extensions(X509_CRL *crl, X509 *issuer, long number)
{
	ASN1_INTEGER *value = ASN1_INTEGER_new();
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
	extension = X509V3_EXT_conf_nid(
	    NULL, &context, NID_authority_key_identifier, "keyid:always");
	must(extension != NULL && X509_CRL_add_ext(crl, extension, -1));
	X509_EXTENSION_free(extension);
	must(value != NULL && ASN1_INTEGER_set(value, number));
	must(X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0));
	ASN1_INTEGER_free(value);
}

struct blob
pki_crl(const struct pki_identity *issuer, long number,
    const struct pki_identity *revoked, long age)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *at = X509_gmtime_adj(NULL, age);
	struct blob blob = {NULL, 0};
	int size;

	must(crl != NULL && at != NULL);
	must(X509_CRL_set_version(crl, X509_CRL_VERSION_2));
	must(X509_CRL_set_issuer_name(
	    crl, X509_get_subject_name(issuer->certificate)));
	must(X509_CRL_set1_lastUpdate(crl, at));
	must(X509_gmtime_adj(at, age + 86400) != NULL);
	must(X509_CRL_set1_nextUpdate(crl, at));
	ASN1_TIME_free(at);
	crl_add_extensions(crl, issuer->certificate, number);
	if (revoked != NULL)
		crl_revoke(crl, revoked);
	must(X509_CRL_sign(crl, issuer->key, EVP_sha256()));
	size = i2d_X509_CRL(crl, &blob.bytes);
	must(size > 0);
	blob.size = (size_t)size;
	X509_CRL_free(crl);
	return blob;
}

void
pki_family_make(
    struct pki_family *family, bool with_root, const char *other_name)
{
	struct pki_identity *root = &family->root;

	*family = (struct pki_family){.ca = {.key = NULL}};
	if (with_root) {
		pki_make(root, "Root", true, NULL);
		family->root_crl = pki_crl(root, 1, NULL, -60);
	}
	pki_make(&family->ca, "CA", true, with_root ? root : NULL);
	pki_make(&family->leaf, "Leaf", false, &family->ca);
	if (other_name != NULL)
		pki_make(&family->other, other_name, false, NULL);
	family->crl = pki_crl(&family->ca, 1, NULL, -60);
	family->revoking = pki_crl(&family->ca, 2, &family->leaf, -30);
}

void
pki_family_drop(struct pki_family *family)
{
	pki_drop(&family->leaf);
	pki_drop(&family->ca);
	pki_drop(&family->root);
	pki_drop(&family->other);
	blob_drop(&family->root_crl);
	blob_drop(&family->crl);
	blob_drop(&family->revoking);
}

struct blob
pki_pem(const char *label, const uint8_t *der, size_t size)
{
	BIO *out = BIO_new(BIO_s_mem());
	struct blob blob = {NULL, 0};
	char *text = NULL;

	must(out != NULL);
	must(PEM_write_bio(out, label, "", der, (long)size) > 0);
	blob.size = (size_t)BIO_get_mem_data(out, &text);
	blob.bytes = OPENSSL_memdup(text, blob.size);
	must(blob.bytes != NULL);
	BIO_free(out);
	return blob;
}

struct blob
pki_join(const struct blob *a, const struct blob *b)
{
	struct blob blob = {OPENSSL_malloc(a->size + b->size + 1), 0};

	must(blob.bytes != NULL);
	memcpy(blob.bytes, a->bytes, a->size);
	memcpy(blob.bytes + a->size, b->bytes, b->size);
	blob.size = a->size + b->size;
	return blob;
}

void
blob_drop(struct blob *blob)
{
	OPENSSL_free(blob->bytes);
	*blob = (struct blob){NULL, 0};
}

void
pki_thumbprint(const struct blob *der, char text[41])
{
	unsigned char digest[SHA_DIGEST_LENGTH];

	must(EVP_Digest(der->bytes, der->size, digest, NULL, EVP_sha1(), NULL));
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(text + 2 * i, 3, "%02X", digest[i]);
}
