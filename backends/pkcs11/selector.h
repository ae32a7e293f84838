/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What a pkcs11: URI (RFC 7512) asks for. */
#ifndef CLV_PKCS11_SELECTOR_H
#define CLV_PKCS11_SELECTOR_H

#include <claviger/uri.h>

#include "place.h"

/*
 * Strings are borrowed from the URI; NULL: not asked for. Of our own query
 * attributes, all say yes or no but for verify:
 *
 *     verify=always|auto         see sign.c
 *     serialize=yes|no           one thread at a time in the module
 *     insecure-pin-value=yes|no  allows pin-value
 *     insecure-extractable=yes|no  allows keys that can be read out
 */
struct p11_selector {
	const clv_uri *uri;
	const char *module_path;
	const char *module_name;
	const char *pin_source;
	const char *pin_value;
	size_t pin_value_size;
	bool verify_always;
	bool serialise;
	bool extractable;
};

/* Borrows `uri`, which names a key or, if not `of_key`, a token only.
 * CLV_INVALID names what can't be obeyed. */
clv_status clv_p11_selector_read(const clv_uri *uri, bool of_key,
    struct p11_selector *selector, clv_error **err);

/* Whether the module is the one that library-* attributes describe. */
bool clv_p11_selector_fits_module(
    const struct p11_selector *selector, const CK_INFO *info);
bool clv_p11_selector_fits(
    const struct p11_selector *selector, const struct p11_place *place);
/* Whether a URI of a key, besides that of the store, names the same token. */
bool clv_p11_selector_fits_token(
    const clv_uri *uri, const struct p11_identity *token);

/* The URI of a key: all of the token, label and id, and the query without
 * secrets. Free `*out` with free(). */
clv_status clv_p11_uri_build(const struct p11_identity *token,
    const char *label, const uint8_t *id, size_t id_size, const clv_uri *query,
    char **out, clv_error **err);

#endif
