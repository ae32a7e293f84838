/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Making self-signed certificates and requests: OPC 10000-6, 6.2.2, and
 * RFC 5280, 4.
 */

#include <claviger/openssl.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "keys/key.h"
#include "keys/provider/provider.h"
#include "keys/subject.h"

#define DAYS_MAX 36500U
#define DAY 86400

typedef STACK_OF(X509_EXTENSION) extension_list;

static clv_status
openssl_failed(const clv_key *key, clv_error **err)
{
	const unsigned long code = ERR_peek_last_error();
	const char *data = NULL;
	int flags = 0;
	clv_status status;

	(void)ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags);
	status = clv_error_raise(err, CLV_INTERNAL,
	    &(struct clv_error_info){.operation = "make certificate for",
		.subject = clv_key_uri(key),
		.domain = CLV_DOMAIN_OPENSSL,
		.code = (int64_t)code},
	    "%s",
	    data != NULL && *data != '\0' && (flags & ERR_TXT_STRING)
		? data
		: "OpenSSL can't build it");
	ERR_clear_error();
	return status;
}

/* The key's own reason, if it was the key that failed. */
static clv_status
signing_failed(const clv_key *key, clv_error **reason, clv_error **err)
{
	clv_status status;

	if (*reason == NULL)
		return openssl_failed(key, err);
	ERR_clear_error();
	status = clv_error_status(*reason);
	if (err != NULL) {
		*err = *reason;
		*reason = NULL; /* transferred */
	}
	clv_error_free(reason);
	return status;
}

static clv_status
check_subject(const clv_subject *subject, clv_error **err)
{
	static const struct clv_error_info operation = {
	    .operation = "make certificate"};

	if (subject->application_uri == NULL)
		return clv_error_raise(
		    err, CLV_INVALID, &operation, "no ApplicationUri is set");
	if (clv_subject_get(subject, "CN") == NULL)
		return clv_error_raise(
		    err, CLV_INVALID, &operation, "no common name is set");
	return CLV_OK;
}

static X509_NAME *
make_name(const clv_subject *subject)
{
	X509_NAME *name = X509_NAME_new();

	for (size_t i = 0; name != NULL && i < subject->name_count; i++) {
		const char *type = subject->names[i].type;

		/* OPC UA says S where X.509 says ST. */
		if (strcmp(type, "S") == 0)
			type = "ST";
		if (X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8,
			(const unsigned char *)subject->names[i].value, -1, -1,
			0) != 1) {
			X509_NAME_free(name);
			return NULL;
		}
	}
	return name;
}

/* Takes over `value`, also on failure. */
static bool
add_general_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
	GENERAL_NAME *name = GENERAL_NAME_new();

	if (name == NULL || value == NULL) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(value);
		return false;
	}
	GENERAL_NAME_set0_value(name, type, value);
	if (sk_GENERAL_NAME_push(names, name) > 0)
		return true;
	GENERAL_NAME_free(name);
	return false;
}

static ASN1_STRING *
make_string(int type, const void *bytes, size_t size)
{
	ASN1_STRING *string = ASN1_STRING_type_new(type);

	if (string != NULL && ASN1_STRING_set(string, bytes, (int)size) != 1) {
		ASN1_STRING_free(string);
		return NULL;
	}
	return string;
}

static GENERAL_NAMES *
make_alternative_names(const clv_subject *subject)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool good = names != NULL &&
	    add_general_name(names, GEN_URI,
		make_string(V_ASN1_IA5STRING, subject->application_uri,
		    strlen(subject->application_uri)));

	for (size_t i = 0; good && i < subject->dns_count; i++)
		good = add_general_name(names, GEN_DNS,
		    make_string(V_ASN1_IA5STRING, subject->dns[i],
			strlen(subject->dns[i])));
	for (size_t i = 0; good && i < subject->ip_count; i++)
		good = add_general_name(names, GEN_IPADD,
		    make_string(V_ASN1_OCTET_STRING, subject->ips[i].bytes,
			subject->ips[i].size));
	if (good)
		return names;
	GENERAL_NAMES_free(names);
	return NULL;
}

/* Adds an extension given as OpenSSL's structure. */
static bool
add(extension_list **list, int nid, void *value, bool critical)
{
	return value != NULL &&
	    X509V3_add1_i2d(list, nid, value, critical, X509V3_ADD_APPEND) == 1;
}

static bool
add_text(extension_list **list, int nid, const char *value)
{
	X509V3_CTX nothing;
	X509_EXTENSION *extension;
	bool good;

	X509V3_set_ctx(&nothing, NULL, NULL, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &nothing, nid, value);
	good = extension != NULL && X509v3_add_ext(list, extension, -1) != NULL;
	X509_EXTENSION_free(extension);
	return good;
}

/* OPC 10000-6, 6.2.2: by kind of key; self-signed ones sign themselves. */
static const char *
key_usage(const clv_key *key, bool self_signed)
{
	if (key->family == CLV_FAMILY_RSA)
		return self_signed ? "critical,digitalSignature,"
				     "nonRepudiation,keyEncipherment,"
				     "dataEncipherment,keyCertSign"
				   : "critical,digitalSignature,"
				     "nonRepudiation,keyEncipherment,"
				     "dataEncipherment";
	return self_signed ? "critical,digitalSignature,keyCertSign"
			   : "critical,digitalSignature";
}

static const char *
extended_key_usage(clv_application_type type)
{
	return type == CLV_APPLICATION_CLIENT ? "clientAuth"
					      : "serverAuth,clientAuth";
}

/* RFC 5280, 4.2.1.2, method 1. */
static ASN1_OCTET_STRING *
make_key_identifier(const clv_key *key)
{
	const clv_context *context = key->store->context;
	const unsigned char *at = key->facts.public_key;
	X509_PUBKEY *public_key =
	    d2i_X509_PUBKEY(NULL, &at, (long)key->facts.public_key_size);
	const unsigned char *bits = NULL;
	unsigned char digest[20];
	ASN1_OCTET_STRING *identifier = NULL;
	int size = 0;

	if (public_key != NULL &&
	    X509_PUBKEY_get0_param(NULL, &bits, &size, NULL, public_key) == 1 &&
	    EVP_Digest(bits, (size_t)size, digest, NULL,
		context->digests[CLV_HASH_SHA1], NULL) == 1)
		identifier =
		    make_string(V_ASN1_OCTET_STRING, digest, sizeof(digest));
	X509_PUBKEY_free(public_key);
	return identifier;
}

static bool
add_authority(extension_list **list, ASN1_OCTET_STRING *identifier)
{
	AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
	bool good = false;

	if (authority != NULL) {
		authority->keyid = ASN1_OCTET_STRING_dup(identifier);
		good = authority->keyid != NULL &&
		    add(list, NID_authority_key_identifier, authority, false);
	}
	AUTHORITY_KEYID_free(authority);
	return good;
}

static extension_list *
make_extensions(
    const clv_key *key, const clv_subject *subject, bool self_signed)
{
	GENERAL_NAMES *names = make_alternative_names(subject);
	ASN1_OCTET_STRING *identifier = make_key_identifier(key);
	extension_list *list = NULL;
	const bool good = identifier != NULL &&
	    add_text(&list, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_text(&list, NID_key_usage, key_usage(key, self_signed)) &&
	    add_text(
		&list, NID_ext_key_usage, extended_key_usage(subject->type)) &&
	    add(&list, NID_subject_alt_name, names, false) &&
	    add(&list, NID_subject_key_identifier, identifier, false) &&
	    (!self_signed || add_authority(&list, identifier));

	GENERAL_NAMES_free(names);
	ASN1_OCTET_STRING_free(identifier);
	if (good)
		return list;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return NULL;
}

/* 20 bytes, positive, and never shorter: RFC 5280, 4.1.2.2. */
static bool
set_serial(const clv_context *context, X509 *certificate)
{
	unsigned char bytes[20];
	ASN1_INTEGER *serial;
	BIGNUM *number;
	bool good;

	if (RAND_bytes_ex(context->openssl, bytes, sizeof(bytes), 0) != 1)
		return false;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	serial = number != NULL ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
	good =
	    serial != NULL && X509_set_serialNumber(certificate, serial) == 1;
	ASN1_INTEGER_free(serial);
	BN_free(number);
	return good;
}

static bool
set_validity(X509 *certificate, unsigned days)
{
	time_t now = time(NULL);

	return X509_time_adj_ex(
		   X509_getm_notBefore(certificate), -1, 0, &now) != NULL &&
	    X509_time_adj_ex(
		X509_getm_notAfter(certificate), (int)days, 0, &now) != NULL;
}

static bool
add_extensions(X509 *certificate, const extension_list *list)
{
	for (int i = 0; i < sk_X509_EXTENSION_num(list); i++)
		if (X509_add_ext(
			certificate, sk_X509_EXTENSION_value(list, i), -1) != 1)
			return false;
	return true;
}

/* The certificate without its signature; NULL if OpenSSL fails. */
static X509 *
compose(clv_key *key, const clv_subject *subject, unsigned days)
{
	const clv_context *context = key->store->context;
	X509 *certificate = X509_new_ex(context->openssl, NULL);
	extension_list *list = make_extensions(key, subject, true);
	X509_NAME *name = make_name(subject);
	const bool good = certificate != NULL && list != NULL && name != NULL &&
	    X509_set_version(certificate, X509_VERSION_3) == 1 &&
	    set_serial(context, certificate) &&
	    set_validity(certificate, days) &&
	    X509_set_subject_name(certificate, name) == 1 &&
	    X509_set_issuer_name(certificate, name) == 1 &&
	    X509_set_pubkey(certificate, key->public_key) == 1 &&
	    add_extensions(certificate, list);

	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_NAME_free(name);
	if (good)
		return certificate;
	X509_free(certificate);
	return NULL;
}

/* The hash that goes with the key; NULL where the scheme has its own. */
static const EVP_MD *
digest_for(const clv_key *key)
{
	const clv_scheme scheme =
	    clv_algorithm_describe(key->algorithm)->scheme;

	return key->store->context->digests[clv_scheme_describe(scheme)->hash];
}

/* A copy that clv_free() frees. */
static clv_status
hand_over(unsigned char *from, int from_size, uint8_t **der, size_t *size,
    clv_error **err)
{
	clv_status status = CLV_OK;

	*der = from_size > 0 ? malloc((size_t)from_size) : NULL;
	if (*der == NULL) {
		status = clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "make certificate"},
		    "out of memory");
	} else {
		memcpy(*der, from, (size_t)from_size);
		*size = (size_t)from_size;
	}
	OPENSSL_free(from);
	return status;
}

clv_status
clv_certificate_self_sign(clv_key *key, const clv_subject *subject,
    unsigned days, uint8_t **der, size_t *size, clv_error **err)
{
	X509 *certificate = NULL;
	EVP_PKEY *signer = NULL;
	unsigned char *bytes = NULL;
	clv_error *reason = NULL;
	clv_status status;
	int made = 0;

	*der = NULL;
	*size = 0;
	if (days == 0)
		days = CLV_CERTIFICATE_DAYS;
	if (days > DAYS_MAX)
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "make certificate"},
		    "%u days are more than %u", days, DAYS_MAX);
	if ((status = check_subject(subject, err)) != CLV_OK ||
	    (status = clv_key_evp(key, &signer, err)) != CLV_OK)
		return status;
	certificate = compose(key, subject, days);
	clv_provider_catch(&reason);
	if (certificate != NULL &&
	    X509_sign(certificate, signer, digest_for(key)) > 0)
		made = i2d_X509(certificate, &bytes);
	clv_provider_catch(NULL);
	status = made > 0 ? hand_over(bytes, made, der, size, err)
			  : signing_failed(key, &reason, err);
	clv_error_free(&reason);
	X509_free(certificate);
	EVP_PKEY_free(signer);
	return status;
}

static X509_REQ *
compose_request(clv_key *key, const clv_subject *subject)
{
	X509_REQ *request = X509_REQ_new_ex(key->store->context->openssl, NULL);
	extension_list *list = make_extensions(key, subject, false);
	X509_NAME *name = make_name(subject);
	const bool good = request != NULL && list != NULL && name != NULL &&
	    X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
	    X509_REQ_set_subject_name(request, name) == 1 &&
	    X509_REQ_set_pubkey(request, key->public_key) == 1 &&
	    X509_REQ_add_extensions(request, list) == 1;

	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_NAME_free(name);
	if (good)
		return request;
	X509_REQ_free(request);
	return NULL;
}

clv_status
clv_certificate_request(clv_key *key, const clv_subject *subject, uint8_t **der,
    size_t *size, clv_error **err)
{
	X509_REQ *request = NULL;
	EVP_PKEY *signer = NULL;
	unsigned char *bytes = NULL;
	clv_error *reason = NULL;
	clv_status status;
	int made = 0;

	*der = NULL;
	*size = 0;
	if ((status = check_subject(subject, err)) != CLV_OK ||
	    (status = clv_key_evp(key, &signer, err)) != CLV_OK)
		return status;
	request = compose_request(key, subject);
	clv_provider_catch(&reason);
	if (request != NULL &&
	    X509_REQ_sign(request, signer, digest_for(key)) > 0)
		made = i2d_X509_REQ(request, &bytes);
	clv_provider_catch(NULL);
	status = made > 0 ? hand_over(bytes, made, der, size, err)
			  : signing_failed(key, &reason, err);
	clv_error_free(&reason);
	X509_REQ_free(request);
	EVP_PKEY_free(signer);
	return status;
}
