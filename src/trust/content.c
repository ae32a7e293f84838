/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/content.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "trust/der.h"

size_t
clv_content_sequence_size(const uint8_t *bytes, size_t size)
{
	struct clv_der in = clv_der_of(bytes, size);
	struct clv_der contents;

	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &contents))
		return 0;
	return size - clv_der_size(&in);
}

/* What comes first inside says what it is: RFC 5280, 4.1 and 5.1; RFC 2986;
 * RFC 5208 and 7292 begin with a version instead of a SEQUENCE. */
enum shape {
	SHAPE_UNKNOWN,
	SHAPE_CERTIFICATE,
	SHAPE_CRL,
	SHAPE_REQUEST,
	SHAPE_PRIVATE_KEY
};

/* version [0] and serialNumber, or version, or nothing; algorithm, name; then
 * a CRL has a time and a certificate its validity. A request has its name,
 * its key and attributes [0] there. */
static enum shape
shape_of_signed(struct clv_der body)
{
	bool certificate = false;
	struct clv_der contents;
	uint8_t tag = 0;

	if (!clv_der_any(&body, &tag, &contents))
		return SHAPE_UNKNOWN;
	if (tag == CLV_DER_CONTEXT_CONSTRUCTED(0)) {
		certificate = true;
		if (!clv_der_any(&body, &tag, &contents) ||
		    tag != CLV_DER_INTEGER)
			return SHAPE_UNKNOWN;
	}
	if (tag == CLV_DER_INTEGER && !clv_der_any(&body, &tag, &contents))
		return SHAPE_UNKNOWN;
	if (tag != CLV_DER_SEQUENCE ||
	    !clv_der_read(&body, CLV_DER_SEQUENCE, &contents) ||
	    !clv_der_any(&body, &tag, &contents))
		return SHAPE_UNKNOWN;
	if (tag == CLV_DER_SEQUENCE)
		return SHAPE_CERTIFICATE;
	if (certificate)
		return SHAPE_UNKNOWN;
	if (tag == CLV_DER_UTC_TIME || tag == CLV_DER_GENERALIZED_TIME)
		return SHAPE_CRL;
	return tag == CLV_DER_CONTEXT_CONSTRUCTED(0) ? SHAPE_REQUEST
						     : SHAPE_UNKNOWN;
}

static enum shape
shape_of(const uint8_t *bytes, size_t size)
{
	struct clv_der in = clv_der_of(bytes, size);
	struct clv_der outer;
	struct clv_der first;

	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &outer))
		return SHAPE_UNKNOWN;
	if (clv_der_is(&outer, CLV_DER_INTEGER))
		return SHAPE_PRIVATE_KEY;
	if (!clv_der_read(&outer, CLV_DER_SEQUENCE, &first))
		return SHAPE_UNKNOWN;
	return shape_of_signed(first);
}

static clv_status
raise_corrupt(clv_error **err, const char *path, const char *reason)
{
	return clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "read",
		.subject = path,
		.remedy = "put certificates and CRLs there, in DER or PEM, "
			  "and nothing else"},
	    "%s", reason);
}

static clv_status
raise_private_key(clv_error **err, const char *path)
{
	return clv_error_raise(err, CLV_POLICY,
	    &(struct clv_error_info){.operation = "read",
		.subject = path,
		.remedy = "move it to own/private with mode 0600, and replace "
			  "the key if others could read it"},
	    "a private key lies among certificates");
}

static clv_status
raise_shape(clv_error **err, const char *path, enum shape shape)
{
	if (shape == SHAPE_PRIVATE_KEY)
		return raise_private_key(err, path);
	return raise_corrupt(err, path,
	    shape == SHAPE_REQUEST ? "it is a certificate request"
				   : "it is neither a certificate nor a CRL");
}

static clv_status
add_item(struct clv_content *content, enum shape shape, const uint8_t *der,
    size_t size, clv_error **err)
{
	/* A power of two is full. */
	if ((content->count & (content->count - 1)) == 0) {
		const size_t capacity =
		    content->count == 0 ? 1 : content->count * 2;
		struct clv_content_item *items =
		    reallocarray(content->items, capacity, sizeof(*items));

		if (items == NULL)
			return clv_error_raise(
			    err, CLV_NO_MEMORY, NULL, "out of memory");
		content->items = items;
	}
	content->items[content->count++] = (struct clv_content_item){
	    .kind =
		shape == SHAPE_CRL ? CLV_CONTENT_CRL : CLV_CONTENT_CERTIFICATE,
	    .der = der,
	    .size = size,
	};
	return CLV_OK;
}

static clv_status
parse_der(const uint8_t *bytes, size_t size, const char *path,
    struct clv_content *content, clv_error **err)
{
	while (size > 0) {
		const size_t taken = clv_content_sequence_size(bytes, size);
		enum shape shape;
		clv_status status;

		if (taken == 0)
			return raise_corrupt(err, path,
			    content->count == 0
				? "it is neither DER nor PEM"
				: "bytes follow the last certificate or CRL");
		shape = shape_of(bytes, taken);
		if (shape != SHAPE_CERTIFICATE && shape != SHAPE_CRL)
			return raise_shape(err, path, shape);
		status = add_item(content, shape, bytes, taken, err);
		if (status != CLV_OK)
			return status;
		bytes += taken;
		size -= taken;
	}
	return CLV_OK;
}

static enum shape
shape_of_label(const char *label)
{
	if (strcmp(label, PEM_STRING_X509) == 0 ||
	    strcmp(label, PEM_STRING_X509_OLD) == 0)
		return SHAPE_CERTIFICATE;
	if (strcmp(label, PEM_STRING_X509_CRL) == 0)
		return SHAPE_CRL;
	if (strstr(label, "PRIVATE KEY") != NULL)
		return SHAPE_PRIVATE_KEY;
	if (strstr(label, "CERTIFICATE REQUEST") != NULL)
		return SHAPE_REQUEST;
	return SHAPE_UNKNOWN;
}

/* The label is a claim as well: the bytes must have the shape it promises. */
static clv_status
add_block(struct clv_content *content, size_t *used, const char *path,
    const char *label, const uint8_t *der, size_t size, clv_error **err)
{
	const enum shape shape = shape_of_label(label);

	if (shape != SHAPE_CERTIFICATE && shape != SHAPE_CRL)
		return raise_shape(err, path, shape);
	if (clv_content_sequence_size(der, size) != size ||
	    shape_of(der, size) != shape)
		return raise_corrupt(
		    err, path, "a PEM block is not what its label says");
	memcpy(content->storage + *used, der, size);
	*used += size;
	return add_item(
	    content, shape, content->storage + *used - size, size, err);
}

/* Blocks, whatever text is around them. What PEM_read_bio() does not
 * understand after a "-----BEGIN" is an error, not the end. */
static clv_status
parse_blocks(
    BIO *in, const char *path, struct clv_content *content, clv_error **err)
{
	clv_status status = CLV_OK;
	size_t used = 0;

	while (status == CLV_OK) {
		char *label = NULL;
		char *header = NULL;
		unsigned char *der = NULL;
		long size = 0;

		if (PEM_read_bio(in, &label, &header, &der, &size) != 1)
			break;
		status = add_block(
		    content, &used, path, label, der, (size_t)size, err);
		OPENSSL_free(label);
		OPENSSL_free(header);
		/* It may be a private key. */
		OPENSSL_clear_free(der, (size_t)size);
	}
	if (status == CLV_OK &&
	    ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return raise_corrupt(err, path, "a PEM block is damaged");
	return status;
}

static clv_status
parse_pem(const uint8_t *bytes, size_t size, const char *path,
    struct clv_content *content, clv_error **err)
{
	clv_status status;
	BIO *in;

	/* Base64 only shrinks. */
	content->pem = true;
	content->storage = malloc(size);
	in = size <= INT32_MAX ? BIO_new_mem_buf(bytes, (int)size) : NULL;
	if (content->storage == NULL || in == NULL) {
		BIO_free(in);
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	}
	/* What OpenSSL complains of here is no business of the caller's. */
	ERR_set_mark();
	status = parse_blocks(in, path, content, err);
	ERR_pop_to_mark();
	BIO_free(in);
	return status;
}

static bool
looks_like_pem(const uint8_t *bytes, size_t size)
{
	static const char begin[] = "-----BEGIN ";

	return memmem(bytes, size, begin, sizeof(begin) - 1) != NULL;
}

clv_status
clv_content_parse(const uint8_t *bytes, size_t size, const char *path,
    struct clv_content *content, clv_error **err)
{
	clv_status status;

	*content = (struct clv_content){.items = NULL};
	if (size == 0)
		return raise_corrupt(err, path, "the file is empty");
	if (bytes[0] != CLV_DER_SEQUENCE && looks_like_pem(bytes, size))
		status = parse_pem(bytes, size, path, content, err);
	else
		status = parse_der(bytes, size, path, content, err);
	if (status == CLV_OK && content->count == 0)
		status = raise_corrupt(
		    err, path, "it holds neither certificate nor CRL");
	if (status != CLV_OK)
		clv_content_clear(content);
	return status;
}

void
clv_content_clear(struct clv_content *content)
{
	free(content->items);
	free(content->storage);
	*content = (struct clv_content){.items = NULL};
}
