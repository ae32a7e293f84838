/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* ECDSA signatures: r and s side by side, and as DER. */

#include <claviger/key.h>

#include <limits.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>

static const struct clv_error_info operation = {
    .operation = "convert signature"};

static clv_status
corrupt(clv_error **err)
{
	ERR_clear_error();
	return clv_error_raise(err, CLV_CORRUPT, &operation,
	    "it is not a DER ECDSA signature of this size");
}

clv_status
clv_ecdsa_to_der(const uint8_t *raw, size_t size, uint8_t *der,
    size_t *der_size, clv_error **err)
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = NULL;
	BIGNUM *s = NULL;
	int needed = -1;

	if (size > 0 && size % 2 == 0 && size <= CLV_SIGNATURE_MAX) {
		r = BN_bin2bn(raw, (int)(size / 2), NULL);
		s = BN_bin2bn(raw + size / 2, (int)(size / 2), NULL);
	}
	if (signature == NULL || r == NULL || s == NULL ||
	    ECDSA_SIG_set0(signature, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(signature);
		return clv_error_raise(err, CLV_INVALID, &operation,
		    "%zu bytes are no r and s", size);
	}
	needed = i2d_ECDSA_SIG(signature, NULL);
	if (needed > 0 && (size_t)needed <= *der_size)
		*der_size = (size_t)i2d_ECDSA_SIG(signature, &der);
	else
		needed = 0;
	ECDSA_SIG_free(signature);
	if (needed > 0)
		return CLV_OK;
	return clv_error_raise(
	    err, CLV_INVALID, &operation, "too little room for DER");
}

/* What is decoded must encode to the same bytes: DER, not BER. */
static bool
is_der(const ECDSA_SIG *signature, const uint8_t *der, size_t size)
{
	unsigned char *again = NULL;
	const int again_size = i2d_ECDSA_SIG(signature, &again);
	bool same = again_size >= 0 && (size_t)again_size == size;

	for (size_t i = 0; same && i < size; i++)
		same = again[i] == der[i];
	OPENSSL_free(again);
	return same;
}

clv_status
clv_ecdsa_from_der(const uint8_t *der, size_t der_size, uint8_t *raw,
    size_t size, clv_error **err)
{
	const unsigned char *at = der;
	ECDSA_SIG *signature = NULL;
	bool done = false;

	if (der_size <= LONG_MAX)
		signature = d2i_ECDSA_SIG(NULL, &at, (long)der_size);
	if (signature != NULL && size % 2 == 0 && size <= INT_MAX &&
	    is_der(signature, der, der_size))
		done = BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw,
			   (int)(size / 2)) >= 0 &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + size / 2,
			(int)(size / 2)) >= 0 &&
		    !BN_is_negative(ECDSA_SIG_get0_r(signature)) &&
		    !BN_is_negative(ECDSA_SIG_get0_s(signature));
	ECDSA_SIG_free(signature);
	return done ? CLV_OK : corrupt(err);
}
