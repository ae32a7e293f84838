/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "public.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#define CERTIFICATE_MAX 65536U

struct curve {
	clv_algorithm algorithm;
	size_t size;
	uint8_t oid[12];
};

static const struct curve curves[] = {
    {CLV_EC_P256, 10,
	{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}},
    {CLV_EC_P384, 7, {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}},
    {CLV_EC_BRAINPOOL256, 11,
	{0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07}},
    {CLV_EC_BRAINPOOL384, 11,
	{0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b}},
    {CLV_ED25519, 5, {0x06, 0x03, 0x2b, 0x65, 0x70}},
    {CLV_ED448, 5, {0x06, 0x03, 0x2b, 0x65, 0x71}},
};

const uint8_t *
clv_p11_curve(clv_algorithm algorithm, size_t *size)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].algorithm == algorithm) {
			*size = curves[i].size;
			return curves[i].oid;
		}
	return NULL;
}

/* PKCS#11 3.0, 2.3.10 also has the names of Edwards curves. */
clv_algorithm
clv_p11_curve_find(const uint8_t *params, size_t size)
{
	static const char name[] = "\x13\x0c"
				   "edwards25519";
	static const char name448[] = "\x13\x0a"
				      "edwards448";

	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].size == size &&
		    memcmp(curves[i].oid, params, size) == 0)
			return curves[i].algorithm;
	if (size == sizeof(name) - 1 && memcmp(params, name, size) == 0)
		return CLV_ED25519;
	if (size == sizeof(name448) - 1 && memcmp(params, name448, size) == 0)
		return CLV_ED448;
	return CLV_ALGORITHM_NONE;
}

void
clv_p11_public_clear(struct p11_public *public)
{
	EVP_PKEY_free(public->key);
	OPENSSL_free(public->der);
	BN_free(public->modulus);
	BN_free(public->exponent);
	BN_MONT_CTX_free(public->montgomery);
	BN_free(public->unscale);
	memset(public, 0, sizeof(*public));
}

static EVP_PKEY *
from_params(OSSL_LIB_CTX *openssl, const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(openssl, type, NULL);
	EVP_PKEY *key = NULL;

	if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static EVP_PKEY *
make_rsa(OSSL_LIB_CTX *openssl, const uint8_t *n, size_t n_size,
    const uint8_t *e, size_t e_size)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = BN_bin2bn(n, (int)n_size, NULL);
	BIGNUM *exponent = BN_bin2bn(e, (int)e_size, NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (builder != NULL && modulus != NULL && exponent != NULL &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
		params = OSSL_PARAM_BLD_to_param(builder);
	if (params != NULL)
		key = from_params(openssl, "RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(modulus);
	BN_free(exponent);
	return key;
}

/* CKA_EC_POINT is a DER OCTET STRING; older tokens leave the wrapping out. */
static void
unwrap_point(const uint8_t **point, size_t *size)
{
	const uint8_t *p = *point;
	const size_t n = *size;

	if (n > 2 && p[0] == 0x04 && p[1] < 0x80 && p[1] == n - 2) {
		*point += 2;
		*size -= 2;
	} else if (n > 3 && p[0] == 0x04 && p[1] == 0x81 && p[2] == n - 3) {
		*point += 3;
		*size -= 3;
	}
}

static EVP_PKEY *
make_ec(OSSL_LIB_CTX *openssl, const struct clv_algorithm_info *info,
    const uint8_t *point, size_t size)
{
	/* clang-format off */
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
		clv_p11_unconst(info->group), 0),
	    OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
		clv_p11_unconst(point), size),
	    OSSL_PARAM_construct_end()};
	/* clang-format on */

	return from_params(openssl, "EC", params);
}

static EVP_PKEY *
make_curve_key(OSSL_LIB_CTX *openssl, const uint8_t *curve, size_t curve_size,
    const uint8_t *point, size_t point_size)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(clv_p11_curve_find(curve, curve_size));

	if (info == NULL)
		return NULL;
	unwrap_point(&point, &point_size);
	if (info->family == CLV_FAMILY_ED)
		return EVP_PKEY_new_raw_public_key_ex(
		    openssl, info->openssl, NULL, point, point_size);
	return make_ec(openssl, info, point, point_size);
}

static bool
is_group(const EVP_PKEY *key, const char *group)
{
	char name[64];
	size_t size = 0;

	return EVP_PKEY_get_group_name(key, name, sizeof(name), &size) == 1 &&
	    OBJ_txt2nid(name) == OBJ_txt2nid(group);
}

static clv_algorithm
find_algorithm(const EVP_PKEY *key)
{
	for (int a = CLV_RSA_2048; a <= CLV_ED448; a++) {
		const struct clv_algorithm_info *info =
		    clv_algorithm_describe((clv_algorithm)a);

		if (info == NULL || !EVP_PKEY_is_a(key, info->openssl))
			continue;
		if (info->family == CLV_FAMILY_RSA &&
		    EVP_PKEY_get_bits(key) != (int)info->bits)
			continue;
		if (info->group == NULL || is_group(key, info->group))
			return info->algorithm;
	}
	return EVP_PKEY_is_a(key, "RSA") ? CLV_RSA_OTHER : CLV_ALGORITHM_NONE;
}

/* Takes the key over. False: it is no use to us. */
static bool
adopt(struct p11_public *public, EVP_PKEY *key)
{
	const struct clv_algorithm_info *info;

	public->key = key;
	public->algorithm = find_algorithm(key);
	info = clv_algorithm_describe(public->algorithm);
	if (info == NULL)
		return false;
	public->family = info->family;
	public->size = info->family == CLV_FAMILY_RSA
	    ? (size_t)(EVP_PKEY_get_bits(key) + 7) / 8
	    : info->signature;
	return clv_p11_public_encode(public) &&
	    public->size <= CLV_SIGNATURE_MAX &&
	    (info->family != CLV_FAMILY_RSA ||
		clv_p11_public_prepare_rsa(public));
}

static void
adopt_or_drop(struct p11_public *public, EVP_PKEY *key)
{
	OSSL_LIB_CTX *openssl = public->openssl;

	if (key != NULL && adopt(public, key))
		return;
	clv_p11_public_clear(public);
	public->openssl = openssl;
}

static void
keep_label(struct p11_public *public, const CK_ATTRIBUTE *attribute)
{
	const size_t size = P11_HAS(*attribute) ? attribute->ulValueLen : 0;

	memcpy(public->label, attribute->pValue, size);
	public->label[size] = '\0';
	public->has_label =
	    P11_HAS(*attribute) && strlen(public->label) == size;
}

static CK_RV
read_rsa(
    struct p11_call *call, CK_OBJECT_HANDLE handle, struct p11_public *public)
{
	uint8_t n[P11_MODULUS_MAX] = {0};
	uint8_t e[16] = {0};
	char label[P11_LABEL_MAX] = {0};
	CK_ATTRIBUTE attributes[] = {P11_ATTRIBUTE(CKA_MODULUS, n),
	    P11_ATTRIBUTE(CKA_PUBLIC_EXPONENT, e),
	    P11_BYTES(CKA_LABEL, label, P11_LABEL_MAX)};
	CK_RV rv = clv_p11_object_read(call, handle, attributes, 3);

	if (rv == CKR_OK && P11_HAS(attributes[0]) && P11_HAS(attributes[1]))
		adopt_or_drop(public,
		    make_rsa(public->openssl, n, attributes[0].ulValueLen, e,
			attributes[1].ulValueLen));
	if (rv == CKR_OK)
		keep_label(public, &attributes[2]);
	return rv;
}

static CK_RV
read_curve(
    struct p11_call *call, CK_OBJECT_HANDLE handle, struct p11_public *public)
{
	uint8_t curve[P11_CURVE_MAX] = {0};
	uint8_t point[P11_POINT_MAX] = {0};
	char label[P11_LABEL_MAX] = {0};
	CK_ATTRIBUTE attributes[] = {P11_ATTRIBUTE(CKA_EC_PARAMS, curve),
	    P11_ATTRIBUTE(CKA_EC_POINT, point),
	    P11_BYTES(CKA_LABEL, label, P11_LABEL_MAX)};
	CK_RV rv = clv_p11_object_read(call, handle, attributes, 3);

	if (rv == CKR_OK && P11_HAS(attributes[0]) && P11_HAS(attributes[1]))
		adopt_or_drop(public,
		    make_curve_key(public->openssl, curve,
			attributes[0].ulValueLen, point,
			attributes[1].ulValueLen));
	if (rv == CKR_OK)
		keep_label(public, &attributes[2]);
	return rv;
}

CK_RV
clv_p11_public_read(struct p11_call *call, CK_OBJECT_HANDLE handle,
    CK_KEY_TYPE type, struct p11_public *public)
{
	memset(public, 0, sizeof(*public));
	public->openssl = call->store->module->openssl;
	if (type == CKK_RSA)
		return read_rsa(call, handle, public);
	return read_curve(call, handle, public);
}

CK_RV
clv_p11_publics_find(struct p11_call *call, const struct p11_object *object,
    CK_OBJECT_HANDLE *found, size_t room, size_t *count)
{
	const CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_ATTRIBUTE wanted[3] = {P11_ATTRIBUTE(CKA_CLASS, class),
	    P11_ATTRIBUTE(CKA_KEY_TYPE, object->type)};

	*count = 0;
	if (object->id_size > 0)
		wanted[2] = (CK_ATTRIBUTE)P11_BYTES(
		    CKA_ID, object->id, object->id_size);
	else if (object->has_label && object->label[0] != '\0')
		wanted[2] = (CK_ATTRIBUTE)P11_BYTES(
		    CKA_LABEL, object->label, strlen(object->label));
	else
		return CKR_OK;
	return clv_p11_objects_find(call, wanted, 3, found, room, count);
}

static void
adopt_certificate(struct p11_public *public, const uint8_t *der, size_t size)
{
	X509 *certificate = X509_new_ex(public->openssl, NULL);

	if (certificate != NULL &&
	    d2i_X509(&certificate, &der, (long)size) != NULL)
		adopt_or_drop(public, X509_get_pubkey(certificate));
	X509_free(certificate);
}

CK_RV
clv_p11_public_read_certificate(
    struct p11_call *call, CK_OBJECT_HANDLE handle, struct p11_public *public)
{
	char label[P11_LABEL_MAX] = {0};
	CK_ATTRIBUTE attribute = P11_BYTES(CKA_LABEL, label, P11_LABEL_MAX);
	uint8_t *der = NULL;
	size_t size = 0;
	CK_RV rv;

	memset(public, 0, sizeof(*public));
	public->openssl = call->store->module->openssl;
	rv = clv_p11_object_read_long(
	    call, handle, CKA_VALUE, CERTIFICATE_MAX, &der, &size);
	if (rv == CKR_OK && der != NULL)
		adopt_certificate(public, der, size);
	free(der);
	if (rv == CKR_OK)
		rv = clv_p11_object_read(call, handle, &attribute, 1);
	if (rv == CKR_OK)
		keep_label(public, &attribute);
	return rv;
}
