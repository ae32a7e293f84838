/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * Certificates and certificate requests for a key, as OPC UA wants them.
 *
 * What goes into them follows OPC 10000-6, 6.2 (ApplicationInstance
 * Certificate): version 3; subject with CN and O; subjectAltName with the
 * ApplicationUri, DNS names and IP addresses; keyUsage and extendedKeyUsage
 * by kind of key and role; basicConstraints cA FALSE; subject and authority
 * key identifiers; a serial number of 20 random bytes. Everything is DER.
 */
#ifndef CLAVIGER_CERTIFICATE_H
#define CLAVIGER_CERTIFICATE_H

#include <claviger/key.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The role an application plays; decides the extendedKeyUsage. */
typedef enum clv_application_type {
	CLV_APPLICATION_SERVER = 0,
	CLV_APPLICATION_CLIENT = 1,
	CLV_APPLICATION_CLIENT_AND_SERVER = 2,
	CLV_APPLICATION_DISCOVERY_SERVER = 3
} clv_application_type;

typedef struct clv_subject clv_subject;

/**
 * Who a certificate is for; one thread at a time. Every setter copies.
 * ApplicationUri and common name are needed, the rest is optional; the type
 * starts as CLV_APPLICATION_CLIENT_AND_SERVER.
 */
CLV_API clv_status clv_subject_new(clv_subject **out, clv_error **err);
CLV_API void clv_subject_free(clv_subject **subject);
/** @return CLV_INVALID unless it is an absolute URI of printable ASCII, at
 *          most 2048 bytes */
CLV_API clv_status clv_subject_set_application_uri(
    clv_subject *subject, const char *uri, clv_error **err);
/** @return CLV_INVALID unless 1 to 64 characters of valid UTF-8 */
CLV_API clv_status clv_subject_set_common_name(
    clv_subject *subject, const char *name, clv_error **err);
/** The organisation that operates the application. @return CLV_INVALID as for
 *  the common name */
CLV_API clv_status clv_subject_set_organization(
    clv_subject *subject, const char *organization, clv_error **err);
/**
 * The whole subject in OPC 10000-12's form, such as "CN=Pump 7/O=Plant/C=NL":
 * CN O OU DC L S C, joined by '/', values with '/' or '=' in double quotes.
 * Replaces common name and organisation.
 */
CLV_API clv_status clv_subject_set_name(
    clv_subject *subject, const char *name, clv_error **err);
/** Adds a DNS name (letters, digits, '-', '.', a leading "*." is refused). */
CLV_API clv_status clv_subject_add_dns(
    clv_subject *subject, const char *name, clv_error **err);
/** Adds an IPv4 or IPv6 address in text form. */
CLV_API clv_status clv_subject_add_ip(
    clv_subject *subject, const char *address, clv_error **err);
CLV_API void clv_subject_set_type(
    clv_subject *subject, clv_application_type type);

/** Days of a self-signed certificate, unless told otherwise: five years. */
#define CLV_CERTIFICATE_DAYS 1825U

/**
 * Makes a self-signed ApplicationInstance Certificate, valid from a day ago
 * (OPC 10000-12, 7.10.6: clocks differ) until `days` days from now, at most
 * 36500; 0 means #CLV_CERTIFICATE_DAYS. Free `*der` with clv_free().
 * @return CLV_INVALID without ApplicationUri or common name; what
 *         clv_key_sign() returns
 */
CLV_API clv_status clv_certificate_self_sign(clv_key *key,
    const clv_subject *subject, unsigned days, uint8_t **der, size_t *size,
    clv_error **err);

/**
 * Makes a PKCS#10 certificate request (RFC 2986) with all the fields as
 * extensions (OPC 10000-12, 7.10.8). Free `*der` with clv_free().
 */
CLV_API clv_status clv_certificate_request(clv_key *key,
    const clv_subject *subject, uint8_t **der, size_t *size, clv_error **err);

/*
 * Reading
 */

typedef struct clv_certificate clv_certificate;

/** How many certificates one file may hold. */
#define CLV_CERTIFICATES_MAX 100U

/**
 * Parses one certificate: DER or PEM, with nothing behind it.
 * @return CLV_CORRUPT
 */
CLV_API clv_status clv_certificate_parse(clv_context *context,
    const void *bytes, size_t size, clv_certificate **out, clv_error **err);
CLV_API void clv_certificate_free(clv_certificate **certificate);

/* Borrowed, as long as the certificate lives; any thread. */

CLV_API const uint8_t *clv_certificate_der(
    const clv_certificate *certificate, size_t *size);
/** SHA-1 of the DER in 40 upper-case hexadecimal digits: OPC UA's
 * CertificateDigest (OPC 10000-6, 3.1.1). */
CLV_API const char *clv_certificate_thumbprint(
    const clv_certificate *certificate);
/** Subject and issuer on one line, RFC 2253 with control characters escaped. */
CLV_API const char *clv_certificate_subject(const clv_certificate *certificate);
CLV_API const char *clv_certificate_issuer(const clv_certificate *certificate);
/** The serial number in hexadecimal. */
CLV_API const char *clv_certificate_serial(const clv_certificate *certificate);
/** The first URI of the subjectAltName; NULL if there is none. */
CLV_API const char *clv_certificate_application_uri(
    const clv_certificate *certificate);
/** DNS name or IP address `index` of the subjectAltName; NULL past the end. */
CLV_API const char *clv_certificate_host(
    const clv_certificate *certificate, size_t index);
/** Seconds since 1970-01-01T00:00:00Z. */
CLV_API int64_t clv_certificate_not_before(const clv_certificate *certificate);
CLV_API int64_t clv_certificate_not_after(const clv_certificate *certificate);
CLV_API bool clv_certificate_is_ca(const clv_certificate *certificate);
CLV_API bool clv_certificate_is_self_signed(const clv_certificate *certificate);
/** NONE for a kind of key that OPC UA does not know. */
CLV_API clv_algorithm clv_certificate_algorithm(
    const clv_certificate *certificate);
/** Names such as "digitalSignature, keyEncipherment"; "" for none. */
CLV_API const char *clv_certificate_key_usage(
    const clv_certificate *certificate);
CLV_API const char *clv_certificate_extended_key_usage(
    const clv_certificate *certificate);

/** Whether the certificate's public key is the key's. */
CLV_API bool clv_certificate_matches(
    const clv_certificate *certificate, const clv_key *key);

/*
 * Certificates that a store keeps beside a key (CLV_STORE_CERTIFICATES).
 */

/**
 * Reads the certificate chain stored with a key as concatenated DER, the
 * key's own first. Free `*der` with clv_free().
 * @return CLV_NOT_FOUND if there is none, CLV_UNSUPPORTED, CLV_TOO_LARGE if a
 *         token has more than 2,048 certificates, of all keys
 */
CLV_API clv_status clv_key_read_certificates(
    clv_key *key, uint8_t **der, size_t *size, clv_error **err);
/**
 * Replaces the certificate chain stored with a key by concatenated DER, the
 * key's own first; size 0 removes it.
 * @return CLV_INVALID if the first is not for this key, CLV_UNSUPPORTED
 */
CLV_API clv_status clv_key_write_certificates(
    clv_key *key, const uint8_t *der, size_t size, clv_error **err);

#ifdef __cplusplus
}
#endif

#endif
