/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * URIs that name a store or a key, taken apart strictly.
 *
 *     file:/etc/app/own/private/app.pem        a plain PKCS#8 file
 *     pem:/etc/app/own/private/app.pem         an encrypted one
 *     pkcs11:token=Plant%207;object=app?module-path=/usr/lib/x.so   RFC 7512
 *     tpm2:/etc/app/app.tss?tcti=device:/dev/tpmrm0
 *     tpm2:handle=0x81000010                   a persistent handle
 *
 * `SCHEME:PATH?NAME=VALUE&NAME=VALUE`. For the scheme "pkcs11", and for any
 * PATH of the form NAME=VALUE[;NAME=VALUE...] that does not contain '/', the
 * path is a list of attributes; otherwise it is a file name. Bytes are
 * percent-encoded (RFC 3986, 2.1). `file:///a` is read as `file:/a`. An
 * attribute given twice, an empty name, a bad escape, an encoded NUL in
 * anything but a binary attribute (RFC 7512 `id`), a fragment, a control
 * character and anything over #CLV_URI_MAX is CLV_INVALID. Which attributes
 * exist is for the backend to say; it refuses those it does not know.
 *
 * A clv_uri never changes: any thread may read it.
 */
#ifndef CLAVIGER_URI_H
#define CLAVIGER_URI_H

#include <claviger/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The longest URI, in bytes without the closing 0. */
#define CLV_URI_MAX 8192U

typedef struct clv_uri clv_uri;

/** Where in a URI an attribute stands. */
typedef enum clv_uri_part { CLV_URI_PATH, CLV_URI_QUERY } clv_uri_part;

/**
 * Parses `text`. Free the result with clv_uri_free().
 * @return CLV_INVALID with the offending place, CLV_NO_MEMORY
 */
CLV_API clv_status clv_uri_parse(
    const char *text, clv_uri **out, clv_error **err);
CLV_API void clv_uri_free(clv_uri **uri);

/** The scheme in lower case. Borrowed. */
CLV_API const char *clv_uri_scheme(const clv_uri *uri);
/** The URI as it was parsed, secrets included. Borrowed. Never log this. */
CLV_API const char *clv_uri_text(const clv_uri *uri);
/**
 * The URI for people and logs: values of `pin-value` and of any attribute
 * that is named like a secret are replaced by "***". Borrowed.
 */
CLV_API const char *clv_uri_redacted(const clv_uri *uri);
/** The decoded file name, or NULL where the path is a list of attributes. */
CLV_API const char *clv_uri_path(const clv_uri *uri);

/** How many attributes there are in a part. */
CLV_API size_t clv_uri_count(const clv_uri *uri, clv_uri_part part);
/** The name of attribute `index`, decoded; NULL past the end. Borrowed. */
CLV_API const char *clv_uri_name(
    const clv_uri *uri, clv_uri_part part, size_t index);
/**
 * The decoded value of an attribute, or NULL if it is absent. A 0 byte
 * follows the value; `size`, unless NULL, gets its length without that.
 * Borrowed.
 */
CLV_API const char *clv_uri_get(
    const clv_uri *uri, clv_uri_part part, const char *name, size_t *size);

/**
 * Fails with CLV_INVALID, naming the attribute, unless every attribute of
 * `part` is in `names`, a list that ends with NULL.
 */
CLV_API clv_status clv_uri_allow(const clv_uri *uri, clv_uri_part part,
    const char *const *names, clv_error **err);

/**
 * Builds a URI: `scheme:path` with the query part of `model` (may be NULL)
 * appended, `path` percent-encoded as needed. So what a store prints for a
 * key can be used as it stands. Free `*out` with clv_free().
 */
CLV_API clv_status clv_uri_build(const char *scheme, const char *path,
    const clv_uri *model, char **out, clv_error **err);

/**
 * Percent-encodes `size` bytes as a value of RFC 7512. Free `*out` with
 * clv_free().
 */
CLV_API clv_status clv_uri_encode(
    const void *bytes, size_t size, char **out, clv_error **err);

/** A copy of any URI text with its secrets replaced by "***"; also of text
 * that does not parse. Free with clv_free(); NULL if memory runs out. */
CLV_API char *clv_uri_redact(const char *text);

/** Frees a string or byte array that a clv_ function gave to the caller. */
CLV_API void clv_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
