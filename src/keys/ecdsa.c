/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* ECDSA signatures: r and s side by side, and as DER (RFC 3279, 2.2.3). */

#include <claviger/key.h>

#include <string.h>

#include "base/der.h"

static const struct clv_error_info operation = {
    .operation = "convert signature"};

clv_status
clv_ecdsa_to_der(const uint8_t *raw, size_t size, uint8_t *der,
    size_t *der_size, clv_error **err)
{
	const size_t half = size / 2;
	struct clv_der_writer out;

	if (size == 0 || size % 2 != 0 || size > CLV_SIGNATURE_MAX)
		return clv_error_raise(err, CLV_INVALID, &operation,
		    "%zu bytes are no r and s", size);
	clv_der_begin(&out, der, *der_size);
	clv_der_put_unsigned(&out, (struct clv_span){raw + half, half});
	clv_der_put_unsigned(&out, (struct clv_span){raw, half});
	clv_der_wrap(&out, CLV_DER_SEQUENCE, 0);
	if (out.full)
		return clv_error_raise(
		    err, CLV_INVALID, &operation, "too little room for DER");
	*der_size = clv_der_written(&out);
	memmove(der, out.at, *der_size);
	return CLV_OK;
}

static bool
take_number(struct clv_span *in, uint8_t *out, size_t size)
{
	struct clv_span number;

	if (!clv_der_take_unsigned(in, &number) || number.size > size)
		return false;
	memset(out, 0, size - number.size);
	memcpy(out + size - number.size, number.data, number.size);
	return true;
}

clv_status
clv_ecdsa_from_der(const uint8_t *der, size_t der_size, uint8_t *raw,
    size_t size, clv_error **err)
{
	const size_t half = size / 2;
	struct clv_span in = {der, der_size};
	struct clv_span both;

	if (size % 2 == 0 && clv_der_take(&in, CLV_DER_SEQUENCE, &both) &&
	    in.size == 0 && take_number(&both, raw, half) &&
	    take_number(&both, raw + half, half) && both.size == 0)
		return CLV_OK;
	return clv_error_raise(err, CLV_CORRUPT, &operation,
	    "it is not a DER ECDSA signature of this size");
}
