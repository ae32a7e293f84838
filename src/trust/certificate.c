/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/certificate.h"

#include "trust/certificate_parse.h"
#include "trust/distinguished_name.h"
#include "trust/public_key.h"
#include "trust/signature.h"
#include "trust/signature_kind.h"

#include <claviger/statuscode.h>

#include <stdlib.h>

#include <openssl/evp.h>

struct clv_trust_blob *
clv_trust_blob_ref(struct clv_trust_blob *blob)
{
	atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);
	return blob;
}

void
clv_trust_blob_unref(struct clv_trust_blob *blob)
{
	if (blob != NULL &&
	    atomic_fetch_sub_explicit(
		&blob->references, 1, memory_order_acq_rel) == 1)
		blob->destroy(blob);
}

/* RFC 5280, 4.1.1.2 and 4.1.2.3: the algorithm stands inside and outside. */
static bool
parse_algorithm(struct clv_cert_parser *parser, const struct clv_der *inner,
    const struct clv_der *outer, const struct clv_der *contents)
{
	enum clv_trust_signature_kind kind;

	if (!clv_der_equal(inner, outer))
		return clv_cert_refuse(parser,
		    "its signature algorithm differs inside and outside");
	if (!clv_signature_parse(*contents, &kind))
		return clv_cert_refuse(
		    parser, "its signature algorithm is malformed");
	parser->cert->algorithm = clv_cert_span(parser, outer);
	parser->cert->signature_kind = (uint8_t)kind;
	return true;
}

static bool
parse_version_and_serial(struct clv_cert_parser *parser, struct clv_der *tbs)
{
	struct clv_der explicit, serial;
	uint32_t version = 0;

	if (clv_der_is(tbs, CLV_DER_CONTEXT_CONSTRUCTED(0)) &&
	    (!clv_der_read(tbs, CLV_DER_CONTEXT_CONSTRUCTED(0), &explicit) ||
		!clv_der_small(&explicit, 2, &version) ||
		!clv_der_empty(&explicit)))
		return clv_cert_refuse(parser, "its version can't be one");
	if (version != 2) /* OPC 10000-6, 6.2.2 */
		return clv_cert_refuse(parser, "it is not of X.509 version 3");
	if (!clv_der_unsigned(tbs, &serial) || clv_der_size(&serial) > 20)
		return clv_cert_refuse(parser,
		    "its serial number is negative, malformed or longer than "
		    "20 bytes");
	parser->cert->serial = clv_cert_span(parser, &serial);
	return true;
}

static bool
parse_name(struct clv_cert_parser *parser, struct clv_der *tbs,
    struct clv_trust_span *span, uint64_t *hash)
{
	struct clv_der whole, contents;

	if (!clv_der_read_whole(tbs, CLV_DER_SEQUENCE, &whole, &contents) ||
	    !clv_name_check(contents))
		return clv_cert_refuse(
		    parser, "its subject or issuer is malformed");
	*span = clv_cert_span(parser, &whole);
	*hash = clv_name_hash(whole.at, clv_der_size(&whole));
	return true;
}

static bool
parse_validity(struct clv_cert_parser *parser, struct clv_der *tbs)
{
	struct clv_trust_cert *cert = parser->cert;
	struct clv_der validity;

	if (!clv_der_read(tbs, CLV_DER_SEQUENCE, &validity) ||
	    !clv_der_time(&validity, &cert->not_before) ||
	    !clv_der_time(&validity, &cert->not_after) ||
	    !clv_der_empty(&validity))
		return clv_cert_refuse(
		    parser, "its validity has a date that does not exist");
	if (cert->not_before > cert->not_after)
		return clv_cert_refuse(
		    parser, "its validity ends before it begins");
	return true;
}

static bool
parse_public_key(struct clv_cert_parser *parser, struct clv_der *tbs)
{
	struct clv_der whole, contents;
	struct clv_public_key key;

	if (!clv_der_read_whole(tbs, CLV_DER_SEQUENCE, &whole, &contents))
		return clv_cert_refuse(parser, "its public key is malformed");
	if (!clv_public_key_parse(contents, &key, &parser->why))
		return false;
	parser->cert->spki = clv_cert_span(parser, &whole);
	parser->cert->key_bits = clv_cert_span(parser, &key.key);
	parser->cert->key_kind = (uint8_t)key.kind;
	parser->cert->key_size = key.bits;
	return true;
}

/* issuerUniqueID [1], subjectUniqueID [2], extensions [3]. */
static bool
parse_tail(struct clv_cert_parser *parser, struct clv_der *tbs)
{
	struct clv_der part, extensions;

	for (unsigned n = 1; n <= 2; n++)
		if (clv_der_is(tbs, CLV_DER_CONTEXT(n)) &&
		    (!clv_der_read(tbs, CLV_DER_CONTEXT(n), &part) ||
			!clv_der_is_bits(&part)))
			return clv_cert_refuse(
			    parser, "its unique identifiers are malformed");
	if (clv_der_empty(tbs))
		return true;
	if (!clv_der_read(tbs, CLV_DER_CONTEXT_CONSTRUCTED(3), &part) ||
	    !clv_der_empty(tbs) ||
	    !clv_der_read(&part, CLV_DER_SEQUENCE, &extensions) ||
	    !clv_der_empty(&part) || clv_der_empty(&extensions))
		return clv_cert_refuse(parser, "its extensions are malformed");
	return clv_cert_parse_extensions(parser, extensions);
}

static bool
parse_tbs(struct clv_cert_parser *parser, struct clv_der tbs,
    const struct clv_der *outer_algorithm)
{
	struct clv_trust_cert *cert = parser->cert;
	struct clv_der algorithm, contents;

	if (!parse_version_and_serial(parser, &tbs))
		return false;
	if (!clv_der_read_whole(&tbs, CLV_DER_SEQUENCE, &algorithm, &contents))
		return clv_cert_refuse(
		    parser, "its signature algorithm is malformed");
	if (!parse_algorithm(parser, &algorithm, outer_algorithm, &contents) ||
	    !parse_name(parser, &tbs, &cert->issuer, &cert->issuer_hash) ||
	    !parse_validity(parser, &tbs) ||
	    !parse_name(parser, &tbs, &cert->subject, &cert->subject_hash) ||
	    !parse_public_key(parser, &tbs))
		return false;
	if (cert->issuer.size == 2)
		return clv_cert_refuse(parser, "its issuer has no name");
	if (clv_trust_cert_names_issuer(cert, cert))
		cert->flags |= CLV_CERT_SELF_ISSUED;
	return parse_tail(parser, &tbs);
}

static bool
parse_certificate(struct clv_cert_parser *parser)
{
	struct clv_der in = clv_der_of(parser->cert->der, parser->cert->size);
	struct clv_der certificate, tbs, tbs_contents, algorithm, contents;
	struct clv_der signature;

	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &certificate))
		return clv_cert_refuse(parser, "it is not DER");
	if (!clv_der_empty(&in))
		return clv_cert_refuse(parser, "bytes follow its end");
	if (!clv_der_read_whole(
		&certificate, CLV_DER_SEQUENCE, &tbs, &tbs_contents) ||
	    !clv_der_read_whole(
		&certificate, CLV_DER_SEQUENCE, &algorithm, &contents) ||
	    !clv_der_octets(&certificate, &signature) ||
	    !clv_der_empty(&certificate) || clv_der_empty(&signature))
		return clv_cert_refuse(parser, "it is not a certificate");
	parser->cert->tbs = clv_cert_span(parser, &tbs);
	parser->cert->signature = clv_cert_span(parser, &signature);
	return parse_tbs(parser, tbs_contents, &algorithm);
}

/* One allocation: the structure, then DER and file name unless borrowed. */
static struct clv_trust_cert *
new_cert(
    const void *der, size_t size, const char *file, struct clv_trust_blob *blob)
{
	const size_t name = file != NULL ? strlen(file) + 1 : 0;
	struct clv_trust_cert *cert;
	uint8_t *tail;

	cert = malloc(sizeof(*cert) + (blob == NULL ? size + name : 0));
	if (cert == NULL)
		return NULL;
	tail = (uint8_t *)(cert + 1);
	memset(cert, 0, sizeof(*cert));
	atomic_init(&cert->references, 1);
	atomic_init(&cert->key, NULL);
	cert->der = der;
	cert->file = file;
	cert->size = (uint32_t)size;
	if (blob != NULL) {
		cert->blob = clv_trust_blob_ref(blob);
		return cert;
	}
	cert->der = memcpy(tail, der, size);
	if (file != NULL)
		cert->file = memcpy(tail + size, file, name);
	return cert;
}

struct clv_trust_cert *
clv_trust_cert_read(const void *der, size_t size, const char *file,
    struct clv_trust_blob *blob, const uint8_t *thumbprint, const char **why)
{
	struct clv_cert_parser parser = {.why = NULL};

	*why = NULL;
	if (size > CLV_TRUST_CERT_MAX) {
		*why = "it is larger than 65535 bytes";
		return NULL;
	}
	parser.cert = new_cert(der, size, file, blob);
	if (parser.cert == NULL)
		return NULL;
	if (!parse_certificate(&parser)) {
		*why = parser.why;
		clv_trust_cert_unref(parser.cert);
		return NULL;
	}
	if (thumbprint != NULL)
		memcpy(
		    parser.cert->thumbprint, thumbprint, CLV_THUMBPRINT_SIZE);
	else if (!EVP_Digest(parser.cert->der, size, parser.cert->thumbprint,
		     NULL, EVP_sha1(), NULL)) {
		clv_trust_cert_unref(parser.cert);
		return NULL;
	}
	return parser.cert;
}

clv_status
clv_trust_cert_parse(const void *der, size_t size, const char *file,
    struct clv_trust_blob *blob, struct clv_trust_cert **out, clv_error **err)
{
	struct clv_error_info info = {
	    .operation = "read certificate", .subject = file};
	const char *why;

	*out = clv_trust_cert_read(der, size, file, blob, NULL, &why);
	if (*out != NULL)
		return CLV_OK;
	if (why == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, &info, "out of memory");
	info.domain = CLV_DOMAIN_OPCUA;
	info.code = CLV_SC_BAD_CERTIFICATE_INVALID;
	info.code_name = clv_statuscode_name(CLV_SC_BAD_CERTIFICATE_INVALID);
	return clv_error_raise(err,
	    size > CLV_TRUST_CERT_MAX ? CLV_TOO_LARGE : CLV_CORRUPT, &info,
	    "%s", why);
}

struct clv_trust_cert *
clv_trust_cert_ref(struct clv_trust_cert *cert)
{
	atomic_fetch_add_explicit(&cert->references, 1, memory_order_relaxed);
	return cert;
}

void
clv_trust_cert_unref(struct clv_trust_cert *cert)
{
	if (cert == NULL ||
	    atomic_fetch_sub_explicit(
		&cert->references, 1, memory_order_acq_rel) != 1)
		return;
	clv_trust_key_free(atomic_load(&cert->key));
	clv_trust_blob_unref(cert->blob);
	free(cert);
}

bool
clv_trust_cert_equal(
    const struct clv_trust_cert *a, const struct clv_trust_cert *b)
{
	return a == b ||
	    (a->size == b->size && memcmp(a->der, b->der, a->size) == 0);
}

static bool
spans_equal(const struct clv_trust_cert *a, struct clv_trust_span of_a,
    const struct clv_trust_cert *b, struct clv_trust_span of_b)
{
	return of_a.size == of_b.size &&
	    memcmp(a->der + of_a.at, b->der + of_b.at, of_a.size) == 0;
}

bool
clv_trust_cert_same_subject(
    const struct clv_trust_cert *a, const struct clv_trust_cert *b)
{
	return a->subject_hash == b->subject_hash &&
	    spans_equal(a, a->subject, b, b->subject);
}

bool
clv_trust_cert_names_issuer(
    const struct clv_trust_cert *cert, const struct clv_trust_cert *issuer)
{
	return cert->issuer_hash == issuer->subject_hash &&
	    spans_equal(cert, cert->issuer, issuer, issuer->subject);
}

/* What is inside a span that is a whole SEQUENCE. */
static struct clv_der
contents_of(const struct clv_trust_cert *cert, struct clv_trust_span span)
{
	struct clv_der in = clv_der_of(cert->der + span.at, span.size);
	struct clv_der contents = {in.at, in.at};

	(void)clv_der_read(&in, CLV_DER_SEQUENCE, &contents);
	return contents;
}

size_t
clv_trust_cert_subject_text(
    const struct clv_trust_cert *cert, char *text, size_t size)
{
	return clv_name_text(contents_of(cert, cert->subject), text, size);
}

size_t
clv_trust_cert_issuer_text(
    const struct clv_trust_cert *cert, char *text, size_t size)
{
	return clv_name_text(contents_of(cert, cert->issuer), text, size);
}

size_t
clv_trust_cert_common_name(
    const struct clv_trust_cert *cert, char *text, size_t size)
{
	return clv_name_common_name(
	    contents_of(cert, cert->subject), text, size);
}

bool
clv_trust_cert_each_alt_name(
    const struct clv_trust_cert *cert, clv_trust_alt_fn *fn, void *user)
{
	struct clv_der names =
	    clv_der_of(cert->der + cert->alt_name.at, cert->alt_name.size);
	struct clv_der value;
	uint8_t tag;

	while (clv_der_any(&names, &tag, &value)) {
		const unsigned number = tag & 0x1fU;

		if (number != CLV_ALT_URI && number != CLV_ALT_DNS &&
		    number != CLV_ALT_IP)
			continue;
		if (fn(user, (enum clv_trust_alt_kind)number, value.at,
			clv_der_size(&value)))
			return true;
	}
	return false;
}
