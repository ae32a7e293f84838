/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Reading certificates, for showing and for comparing with a key. */

#include <claviger/certificate.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "keys/key.h"
#include "keys/public.h"

#define HOSTS_MAX 64U
#define TEXT_MAX 512U

struct clv_certificate {
	clv_context *context;
	X509 *x509;
	unsigned char *der;
	size_t size;
	char thumbprint[41];
	char *subject;
	char *issuer;
	char *serial;
	char *uri;
	char *hosts[HOSTS_MAX];
	size_t host_count;
	char key_usage[TEXT_MAX];
	char extended_key_usage[TEXT_MAX];
	int64_t not_before;
	int64_t not_after;
	clv_algorithm algorithm;
};

static clv_status
corrupt(clv_error **err, const char *reason)
{
	const clv_status status = clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "read certificate",
		.domain = CLV_DOMAIN_OPENSSL,
		.code = (int64_t)ERR_peek_last_error()},
	    "%s", reason);

	ERR_clear_error();
	return status;
}

static bool
only_space(BIO *rest)
{
	char byte;

	while (BIO_read(rest, &byte, 1) == 1)
		if (strchr(" \t\r\n", byte) == NULL || byte == '\0')
			return false;
	return true;
}

static bool
looks_like_pem(const void *bytes, size_t size)
{
	static const char begin[] = "-----BEGIN ";

	return memmem(bytes, size, begin, sizeof(begin) - 1) != NULL &&
	    *(const unsigned char *)bytes != 0x30;
}

static X509 *
read_pem(clv_context *context, const void *bytes, size_t size)
{
	BIO *memory = BIO_new_mem_buf(bytes, (int)size);
	X509 *x509 = X509_new_ex(context->openssl, NULL);

	if (memory == NULL || x509 == NULL ||
	    PEM_read_bio_X509(memory, &x509, NULL, NULL) == NULL ||
	    !only_space(memory)) {
		X509_free(x509);
		x509 = NULL;
	}
	BIO_free(memory);
	return x509;
}

static X509 *
read_der(clv_context *context, const unsigned char *bytes, size_t size)
{
	const unsigned char *at = bytes;
	X509 *x509 = X509_new_ex(context->openssl, NULL);

	if (x509 != NULL &&
	    (d2i_X509(&x509, &at, (long)size) == NULL || at != bytes + size)) {
		X509_free(x509);
		x509 = NULL;
	}
	return x509;
}

/* RFC 2253, with control characters and invalid UTF-8 escaped. */
static char *
name_text(const X509_NAME *name)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	char *text = NULL;
	long size;

	if (memory != NULL &&
	    X509_NAME_print_ex(memory, name, 0,
		XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
		size = BIO_get_mem_data(memory, &bytes);
		text = strndup(bytes != NULL ? bytes : "", (size_t)size);
	}
	BIO_free(memory);
	return text;
}

static int64_t
seconds_of(const ASN1_TIME *when)
{
	struct tm parts;

	if (ASN1_TIME_to_tm(when, &parts) != 1)
		return 0;
	return (int64_t)timegm(&parts);
}

static char *
copy_string(const ASN1_STRING *string)
{
	const int size = ASN1_STRING_length(string);
	const unsigned char *bytes = ASN1_STRING_get0_data(string);

	/* A NUL or a control character would make it look like another. */
	for (int i = 0; i < size; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return strdup("(not printable)");
	return strndup((const char *)bytes, (size_t)size);
}

static char *
address_text(const ASN1_STRING *address)
{
	char text[INET6_ADDRSTRLEN] = "";
	const int size = ASN1_STRING_length(address);

	if ((size != 4 && size != 16) ||
	    inet_ntop(size == 4 ? AF_INET : AF_INET6,
		ASN1_STRING_get0_data(address), text, sizeof(text)) == NULL)
		return strdup("(not an address)");
	return strdup(text);
}

static void
read_alternative_names(clv_certificate *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(
	    certificate->x509, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char *host = NULL;

		if (name->type == GEN_URI && certificate->uri == NULL)
			certificate->uri =
			    copy_string(name->d.uniformResourceIdentifier);
		else if (name->type == GEN_DNS)
			host = copy_string(name->d.dNSName);
		else if (name->type == GEN_IPADD)
			host = address_text(name->d.iPAddress);
		if (host != NULL && certificate->host_count < HOSTS_MAX)
			certificate->hosts[certificate->host_count++] = host;
		else
			free(host);
	}
	GENERAL_NAMES_free(names);
}

static void
append(char *text, const char *word)
{
	const size_t used = strlen(text);

	(void)snprintf(
	    text + used, TEXT_MAX - used, "%s%s", used > 0 ? ", " : "", word);
}

static void
read_usage(clv_certificate *certificate)
{
	static const char *const names[] = {"digitalSignature",
	    "nonRepudiation", "keyEncipherment", "dataEncipherment",
	    "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly",
	    "decipherOnly"};
	ASN1_BIT_STRING *usage =
	    X509_get_ext_d2i(certificate->x509, NID_key_usage, NULL, NULL);
	EXTENDED_KEY_USAGE *extended =
	    X509_get_ext_d2i(certificate->x509, NID_ext_key_usage, NULL, NULL);

	for (int i = 0; usage != NULL && i < 9; i++)
		if (ASN1_BIT_STRING_get_bit(usage, i))
			append(certificate->key_usage, names[i]);
	for (int i = 0; i < sk_ASN1_OBJECT_num(extended); i++) {
		const ASN1_OBJECT *purpose = sk_ASN1_OBJECT_value(extended, i);
		char oid[80];

		if (OBJ_obj2nid(purpose) != NID_undef)
			append(certificate->extended_key_usage,
			    OBJ_nid2sn(OBJ_obj2nid(purpose)));
		else if (OBJ_obj2txt(oid, sizeof(oid), purpose, 1) > 0)
			append(certificate->extended_key_usage, oid);
	}
	ASN1_BIT_STRING_free(usage);
	EXTENDED_KEY_USAGE_free(extended);
}

static bool
read_serial(clv_certificate *certificate)
{
	BIGNUM *number =
	    ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate->x509), NULL);
	char *hex = number != NULL ? BN_bn2hex(number) : NULL;

	certificate->serial = hex != NULL ? strdup(hex) : NULL;
	OPENSSL_free(hex);
	BN_free(number);
	return certificate->serial != NULL;
}

static bool
read_thumbprint(clv_certificate *certificate)
{
	unsigned char digest[20];

	if (EVP_Digest(certificate->der, certificate->size, digest, NULL,
		certificate->context->digests[CLV_HASH_SHA1], NULL) != 1)
		return false;
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(
		    certificate->thumbprint + 2 * i, 3, "%02X", digest[i]);
	return true;
}

static bool
read_fields(clv_certificate *certificate)
{
	X509 *x509 = certificate->x509;
	const EVP_PKEY *key = X509_get0_pubkey(x509);
	int size;

	size = i2d_X509(x509, &certificate->der);
	if (size <= 0)
		return false;
	certificate->size = (size_t)size;
	certificate->subject = name_text(X509_get_subject_name(x509));
	certificate->issuer = name_text(X509_get_issuer_name(x509));
	certificate->not_before = seconds_of(X509_get0_notBefore(x509));
	certificate->not_after = seconds_of(X509_get0_notAfter(x509));
	certificate->algorithm =
	    key != NULL ? clv_public_algorithm(key) : CLV_ALGORITHM_NONE;
	read_alternative_names(certificate);
	read_usage(certificate);
	return certificate->subject != NULL && certificate->issuer != NULL &&
	    read_serial(certificate) && read_thumbprint(certificate);
}

static size_t
count_of(const char *begin, const char *bytes, size_t size)
{
	const char *const end = bytes + size;
	size_t count = 0;

	while ((bytes = memmem(bytes, (size_t)(end - bytes), begin,
		    strlen(begin))) != NULL) {
		bytes += strlen(begin);
		count++;
	}
	return count;
}

static const char *
name_of_pem(const char *bytes, size_t size)
{
	if (count_of("CERTIFICATE REQUEST-----", bytes, size) > 0)
		return "it is a certificate request, not a certificate";
	if (count_of("-----BEGIN X509 CRL-----", bytes, size) > 0)
		return "it is a CRL, not a certificate";
	if (count_of("PRIVATE KEY-----", bytes, size) > 0)
		return "it is a private key, not a certificate";
	return "it is not one certificate in DER or PEM";
}

static const char *
name_of_der(const unsigned char *bytes, size_t size)
{
	const unsigned char *at = bytes;
	X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)size);
	X509_CRL *crl = NULL;
	const char *name = "it is not one certificate in DER or PEM";

	at = bytes;
	if (request != NULL)
		name = "it is a certificate request, not a certificate";
	else if ((crl = d2i_X509_CRL(NULL, &at, (long)size)) != NULL)
		name = "it is a CRL, not a certificate";
	X509_REQ_free(request);
	X509_CRL_free(crl);
	return name;
}

/* Files are mixed up easily: says what this one is. */
static clv_status
refuse_content(const void *bytes, size_t size, clv_error **err)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	const bool pem = looks_like_pem(bytes, size);
	const size_t count = pem ? count_of(begin, bytes, size) : 0;

	if (count < 2)
		return corrupt(err,
		    count == 1 ? "it is not one certificate in DER or PEM"
			: pem  ? name_of_pem(bytes, size)
			       : name_of_der(bytes, size));
	ERR_clear_error();
	return clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "read certificate",
		.remedy = "put the first one into a file of its own, and its "
			  "issuers into another, for cert install --chain"},
	    "it holds %zu certificates, not one", count);
}

clv_status
clv_certificate_parse(clv_context *context, const void *bytes, size_t size,
    clv_certificate **out, clv_error **err)
{
	clv_certificate *certificate;
	clv_status status = CLV_OK;

	*out = NULL;
	if (size == 0 || size > CLV_SECRET_MAX)
		return corrupt(err, "it is empty or too large");
	certificate = calloc(1, sizeof(*certificate));
	if (certificate == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	certificate->context = clv_context_ref(context);
	certificate->x509 = looks_like_pem(bytes, size)
	    ? read_pem(context, bytes, size)
	    : read_der(context, bytes, size);
	if (certificate->x509 == NULL)
		status = refuse_content(bytes, size, err);
	else if (!read_fields(certificate))
		status = corrupt(err, "its fields can't be read");
	ERR_clear_error();
	if (status != CLV_OK)
		clv_certificate_free(&certificate);
	*out = certificate;
	return status;
}

void
clv_certificate_free(clv_certificate **certificate)
{
	clv_certificate *last;

	if (certificate == NULL || *certificate == NULL)
		return;
	last = *certificate;
	*certificate = NULL;
	X509_free(last->x509);
	OPENSSL_free(last->der);
	free(last->subject);
	free(last->issuer);
	free(last->serial);
	free(last->uri);
	for (size_t i = 0; i < last->host_count; i++)
		free(last->hosts[i]);
	clv_context_free(&last->context);
	free(last);
}

const uint8_t *
clv_certificate_der(const clv_certificate *certificate, size_t *size)
{
	*size = certificate->size;
	return certificate->der;
}

const char *
clv_certificate_thumbprint(const clv_certificate *certificate)
{
	return certificate->thumbprint;
}

const char *
clv_certificate_subject(const clv_certificate *certificate)
{
	return certificate->subject;
}

const char *
clv_certificate_issuer(const clv_certificate *certificate)
{
	return certificate->issuer;
}

const char *
clv_certificate_serial(const clv_certificate *certificate)
{
	return certificate->serial;
}

const char *
clv_certificate_application_uri(const clv_certificate *certificate)
{
	return certificate->uri;
}

const char *
clv_certificate_host(const clv_certificate *certificate, size_t index)
{
	return index < certificate->host_count ? certificate->hosts[index]
					       : NULL;
}

int64_t
clv_certificate_not_before(const clv_certificate *certificate)
{
	return certificate->not_before;
}

int64_t
clv_certificate_not_after(const clv_certificate *certificate)
{
	return certificate->not_after;
}

bool
clv_certificate_is_ca(const clv_certificate *certificate)
{
	return X509_check_ca(certificate->x509) == 1;
}

bool
clv_certificate_is_self_signed(const clv_certificate *certificate)
{
	const bool good = X509_self_signed(certificate->x509, 1) == 1;

	ERR_clear_error();
	return good;
}

clv_algorithm
clv_certificate_algorithm(const clv_certificate *certificate)
{
	return certificate->algorithm;
}

const char *
clv_certificate_key_usage(const clv_certificate *certificate)
{
	return certificate->key_usage;
}

const char *
clv_certificate_extended_key_usage(const clv_certificate *certificate)
{
	return certificate->extended_key_usage;
}

bool
clv_certificate_matches(const clv_certificate *certificate, const clv_key *key)
{
	const EVP_PKEY *public_key = X509_get0_pubkey(certificate->x509);
	const bool same =
	    public_key != NULL && EVP_PKEY_eq(public_key, key->public_key) == 1;

	ERR_clear_error();
	return same;
}
