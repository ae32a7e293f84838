/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Making key pairs inside the token. */

#include "create.h"

static const CK_BYTE exponent[] = {0x01, 0x00, 0x01};

static CK_MECHANISM_TYPE
find_mechanism(clv_family family)
{
	switch (family) {
	case CLV_FAMILY_RSA:
		return CKM_RSA_PKCS_KEY_PAIR_GEN;
	case CLV_FAMILY_EC:
		return CKM_EC_KEY_PAIR_GEN;
	default:
		return CKM_EC_EDWARDS_KEY_PAIR_GEN;
	}
}

/* PIV cards, for one, have their keys made by an administrator. */
static CK_RV
raise_elsewhere(struct p11_call *call)
{
	return clv_p11_call_raised(call,
	    clv_error_raise(call->err, CLV_UNSUPPORTED,
		&(struct clv_error_info){.operation = call->operation,
		    .subject = call->subject,
		    .remedy = "make it with the token's own tool (for a PIV "
			      "card: piv-tool, yubico-piv-tool), then use it "
			      "by the URI that \"claviger key list\" shows",
		    .domain = CLV_DOMAIN_PKCS11,
		    .code = CKR_FUNCTION_NOT_SUPPORTED,
		    .code_name = "CKR_FUNCTION_NOT_SUPPORTED"},
		"the token makes no keys through PKCS#11"));
}

static CK_RV
generate(struct p11_call *call, struct p11_creation *creation)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(creation->spec->algorithm);
	CK_MECHANISM mechanism = {find_mechanism(info->family), NULL, 0};
	struct p11_template private = {.count = 0};
	struct p11_template public = {.count = 0};
	const CK_ULONG bits = info->bits;
	const uint8_t *curve;
	size_t size = 0;
	CK_RV rv;

	clv_p11_template_private(&private, creation);
	clv_p11_template_public(&public, creation);
	if (info->family == CLV_FAMILY_RSA) {
		clv_p11_template_add(
		    &public, CKA_MODULUS_BITS, &bits, sizeof(bits));
		clv_p11_template_add(
		    &public, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
	} else {
		curve = clv_p11_curve(info->algorithm, &size);
		clv_p11_template_add(&public, CKA_EC_PARAMS, curve, size);
	}
	rv = call->f->C_GenerateKeyPair(call->session->handle, &mechanism,
	    public.attributes, public.count, private.attributes, private.count,
	    &creation->public, &creation->private);
	return rv == CKR_FUNCTION_NOT_SUPPORTED ? raise_elsewhere(call) : rv;
}

clv_status
clv_p11_key_generate(
    void *opaque, const struct clv_key_spec *spec, void **key, clv_error **err)
{
	struct p11_store *store = opaque;
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(spec->algorithm);
	struct p11_creation creation = {
	    .spec = spec, .make = generate, .family = info->family};
	struct p11_call call = {.store = store,
	    .operation = "generate key",
	    .subject = clv_uri_redacted(store->uri),
	    .step = clv_p11_creation_step,
	    .argument = &creation,
	    .writes = true,
	    .err = err};

	return clv_p11_creation_run(&call, &creation, key);
}
