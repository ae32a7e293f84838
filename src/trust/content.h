/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What a file in a TrustList's directories holds, told by its content and
 * not by its name: certificates and CRLs, in DER (one or several, one after
 * the other) or in PEM with any text around it. */
#ifndef CLV_TRUST_CONTENT_H
#define CLV_TRUST_CONTENT_H

#include <claviger/error.h>

enum clv_content_kind { CLV_CONTENT_CERTIFICATE, CLV_CONTENT_CRL };

struct clv_content_item {
	enum clv_content_kind kind;
	const uint8_t *der;
	size_t size;
};

struct clv_content {
	struct clv_content_item *items;
	size_t count;
	bool pem;
	uint8_t *storage; /* what items of a PEM file point into */
};

/*
 * Finds the items. Their outer shape is checked, not what is inside. The
 * items of a DER file point into `bytes`, which must outlive `content`.
 *
 * CLV_CORRUPT if the bytes are anything else, or more than certificates and
 * CRLs; the reason says what they seem to be. CLV_POLICY for a private key.
 * `path` is for the error only.
 */
clv_status clv_content_parse(const uint8_t *bytes, size_t size,
    const char *path, struct clv_content *content, clv_error **err);

void clv_content_clear(struct clv_content *content);

/*
 * The length of the DER value at `bytes` with its header, 0 if there is no
 * whole one: definite length, shortest form, tag SEQUENCE.
 */
size_t clv_content_sequence_size(const uint8_t *bytes, size_t size);

#endif
