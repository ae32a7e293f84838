/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "wrap.h"

#include <string.h>

#include "base/private_stack.h"

struct make {
	const clv_secret *pkcs8;
	const struct clv_tpm_auth *auth;
	bool lockable;
	TPM2B_PUBLIC *public_area;
	clv_secret *sensitive;
};

static clv_status
unsupported(clv_error **err, const char *reason)
{
	return clv_error_raise(err, CLV_UNSUPPORTED,
	    &(struct clv_error_info){.operation = "import key"}, "%s", reason);
}

static bool
set_number(struct clv_span number, size_t room, UINT16 *size, BYTE *bytes)
{
	if (number.size > room)
		return false;
	*size = (UINT16)number.size;
	memcpy(bytes, number.data, number.size);
	return true;
}

static bool
set_exponent(struct clv_span number, UINT32 *exponent)
{
	*exponent = 0;
	if (number.size > sizeof(*exponent))
		return false;
	for (size_t i = 0; i < number.size; i++)
		*exponent = *exponent << 8 | number.data[i];
	if (*exponent == 65537)
		*exponent = 0; /* Part 2, 12.2.3.5 */
	return true;
}

static bool
set_public(const struct clv_private_key *key, TPMT_PUBLIC *area)
{
	TPMU_PUBLIC_ID *unique = &area->unique;
	size_t half;

	if (key->kind->family == CLV_FAMILY_RSA)
		return set_number(key->rsa[CLV_RSA_N],
			   sizeof(unique->rsa.buffer), &unique->rsa.size,
			   unique->rsa.buffer) &&
		    set_exponent(key->rsa[CLV_RSA_E],
			&area->parameters.rsaDetail.exponent);
	half = (key->point.size - 1) / 2;
	return set_number((struct clv_span){key->point.data + 1, half},
		   sizeof(unique->ecc.x.buffer), &unique->ecc.x.size,
		   unique->ecc.x.buffer) &&
	    set_number((struct clv_span){key->point.data + 1 + half, half},
		sizeof(unique->ecc.y.buffer), &unique->ecc.y.size,
		unique->ecc.y.buffer);
}

static void
write_sized(uint8_t **at, struct clv_span bytes)
{
	clv_tpm_write_u16(*at, (uint16_t)bytes.size);
	if (bytes.size > 0)
		memcpy(*at + 2, bytes.data, bytes.size);
	*at += 2 + bytes.size;
}

/* TPM2B_SENSITIVE: of RSA one prime, of ECC the scalar. */
static clv_status
write_sensitive(const struct make *make, TPMI_ALG_PUBLIC type,
    struct clv_span number, clv_error **err)
{
	clv_status status =
	    clv_secret_alloc(make->sensitive, CLV_TPM_DUPLICATE_MAX / 2, err);
	uint8_t *at;

	if (status != CLV_OK)
		return status;
	if (number.size + make->auth->size + 10 > CLV_TPM_DUPLICATE_MAX / 2)
		return unsupported(err, "the key is too large for a TPM");
	at = make->sensitive->data + 2;
	clv_tpm_write_u16(at, type);
	at += 2;
	write_sized(
	    &at, (struct clv_span){make->auth->bytes, make->auth->size});
	write_sized(&at, (struct clv_span){NULL, 0}); /* no seed */
	write_sized(&at, number);
	make->sensitive->size = (size_t)(at - make->sensitive->data);
	clv_tpm_write_u16(
	    make->sensitive->data, (uint16_t)(make->sensitive->size - 2));
	return CLV_OK;
}

/* On a stack of its own: it handles the key's numbers. */
static clv_status
make_sensitive(void *argument, clv_error **err)
{
	const struct make *make = argument;
	TPMT_PUBLIC *area = &make->public_area->publicArea;
	uint8_t point[CLV_POINT_MAX];
	struct clv_private_key key;
	clv_status status = clv_private_key_parse(
	    (struct clv_span){make->pkcs8->data, make->pkcs8->size}, &key, err);

	if (status == CLV_OK)
		status = clv_private_key_check(&key, point, err);
	if (status != CLV_OK)
		return status;
	if (!clv_tpm_key_template(
		key.algorithm, make->lockable, make->public_area))
		return unsupported(err, "TPMs have no keys of this kind");
	/* It was made elsewhere, and other copies may exist. */
	area->objectAttributes &= ~(TPMA_OBJECT_SENSITIVEDATAORIGIN |
	    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT);
	if (!set_public(&key, area))
		return unsupported(err, "the key is too large for a TPM");
	return write_sensitive(make, area->type,
	    area->type == TPM2_ALG_RSA ? key.rsa[CLV_RSA_P] : key.secret, err);
}

clv_status
clv_tpm_sensitive_make(const clv_secret *pkcs8, const struct clv_tpm_auth *auth,
    bool lockable, TPM2B_PUBLIC *public_area, clv_secret *sensitive,
    clv_error **err)
{
	struct make make = {.pkcs8 = pkcs8,
	    .auth = auth,
	    .lockable = lockable,
	    .public_area = public_area,
	    .sensitive = sensitive};

	return clv_run_privately(make_sensitive, &make, err);
}

/* Part 1, 23.3.2.4 and 23.3.2.5: encrypt, then authenticate with the name. */
static TSS2_RC
seal_outer(struct clv_tpm_crypto *crypto, const TPMT_PUBLIC *parent,
    const uint8_t *seed, const TPM2B_NAME *name, uint8_t *mac,
    struct clv_span *body, uint8_t *bytes)
{
	static const uint8_t zero_iv[16];
	const struct clv_span none = {NULL, 0};
	const struct clv_span named = {name->name, name->size};
	const struct clv_span covered[] = {*body, named};
	const size_t hash_size = clv_tpm_hash_size(parent->nameAlg);
	const size_t key_size =
	    parent->parameters.asymDetail.symmetric.keyBits.aes / 8U;
	uint8_t key[32], mac_key[CLV_TPM_DIGEST_MAX];
	TSS2_RC rc;

	if (parent->parameters.asymDetail.symmetric.algorithm != TPM2_ALG_AES ||
	    (key_size != 16 && key_size != 32))
		return TPM2_RC_SYMMETRIC;
	rc = clv_tpm_kdfa(crypto, parent->nameAlg, seed, hash_size, "STORAGE",
	    named, none, key, key_size);
	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_cfb(
		    crypto, true, key, key_size, zero_iv, bytes, body->size);
	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_kdfa(crypto, parent->nameAlg, seed, hash_size,
		    "INTEGRITY", none, none, mac_key, hash_size);
	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_hmac(crypto, parent->nameAlg, mac_key, hash_size,
		    covered, 2, mac);
	clv_wipe(key, sizeof(key));
	clv_wipe(mac_key, sizeof(mac_key));
	return rc;
}

TSS2_RC
clv_tpm_wrap(struct clv_tpm_crypto *crypto, const TPMT_PUBLIC *parent,
    const TPM2B_NAME *name, const clv_secret *sensitive,
    struct clv_tpm_duplicate *out)
{
	const size_t hash_size = clv_tpm_hash_size(parent->nameAlg);
	uint8_t seed[CLV_TPM_DIGEST_MAX];
	struct clv_span body = {out->bytes + 2 + hash_size, sensitive->size};
	TSS2_RC rc;

	if (hash_size == 0 ||
	    2 + hash_size + sensitive->size > sizeof(out->bytes))
		return TPM2_RC_HASH;
	memset(&out->seed, 0, sizeof(out->seed));
	rc =
	    clv_tpm_share_secret(crypto, parent, "DUPLICATE", seed, &out->seed);
	if (rc == TSS2_RC_SUCCESS) {
		clv_tpm_write_u16(out->bytes, (uint16_t)hash_size);
		memcpy(out->bytes + 2 + hash_size, sensitive->data,
		    sensitive->size);
		rc = seal_outer(crypto, parent, seed, name, out->bytes + 2,
		    &body, out->bytes + 2 + hash_size);
	}
	out->size = 2 + hash_size + sensitive->size;
	clv_wipe(seed, sizeof(seed));
	if (rc != TSS2_RC_SUCCESS)
		clv_wipe(out->bytes, sizeof(out->bytes));
	return rc;
}
