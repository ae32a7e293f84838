/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * In place of backends/tpm2/crypto.c, for both sides of the hostile TPM:
 * hashes that notice a changed byte and cost next to nothing, so that a
 * fuzzer spends its time on what reads answers. And salts without curves, as
 * long as the storage key is the usual one.
 */

#include <stdlib.h>
#include <string.h>

#include "hostile_tpm.h"

#if defined(__clang__)
#define PLAIN __attribute__((no_sanitize("address", "undefined", "coverage")))
#else
#define PLAIN
#endif

struct clv_tpm_crypto {
	uint64_t random;
};

static const struct {
	TPM2_ALG_ID id;
	size_t size;
	const char *name;
} hashes[] = {
    {TPM2_ALG_SHA256, 32, "SHA2-256"},
    {TPM2_ALG_SHA384, 48, "SHA2-384"},
    {TPM2_ALG_SHA512, 64, "SHA2-512"},
    {TPM2_ALG_SHA1, 20, "SHA1"},
};

struct clv_tpm_crypto *
clv_tpm_crypto_new(void)
{
	return calloc(1, sizeof(struct clv_tpm_crypto));
}

void
clv_tpm_crypto_free(struct clv_tpm_crypto **crypto)
{
	free(*crypto);
	*crypto = NULL;
}

size_t
clv_tpm_hash_size(TPM2_ALG_ID hash)
{
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (hashes[i].id == hash)
			return hashes[i].size;
	return 0;
}

const char *
clv_tpm_hash_name(TPM2_ALG_ID hash)
{
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (hashes[i].id == hash)
			return hashes[i].name;
	return NULL;
}

PLAIN static uint64_t
mix(uint64_t state, const uint8_t *bytes, size_t size)
{
	uint64_t word;

	for (; size >= sizeof(word);
	     size -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		state = (state ^ word) * 0x9e3779b97f4a7c15U;
		state ^= state >> 29;
	}
	for (; size > 0; size--)
		state = (state ^ *bytes++) * 0x100000001b3U;
	return state;
}

PLAIN static void
expand(uint64_t state, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i += 4) {
		state = (state ^ state >> 31) * 0xbf58476d1ce4e5b9U + i;
		clv_tpm_write_u32(out + i, (uint32_t)(state >> 32));
	}
}

TSS2_RC
clv_tpm_random(struct clv_tpm_crypto *crypto, uint8_t *bytes, size_t size)
{
	expand(++crypto->random, bytes, size);
	return TSS2_RC_SUCCESS;
}

TSS2_RC
clv_tpm_hmac(struct clv_tpm_crypto *crypto, TPM2_ALG_ID hash,
    const uint8_t *key, size_t key_size, const struct clv_span *pieces,
    size_t count, uint8_t *digest)
{
	static uint8_t all[3 * CLV_TPM_FRAME_MAX];
	size_t size = 0;

	(void)crypto;
	if (clv_tpm_hash_size(hash) == 0)
		return CLV_TPM_RC_INTERNAL;
	/* how it is cut into pieces must not matter */
	for (size_t i = 0; i < count; i++) {
		if (pieces[i].size > sizeof(all) - size)
			abort();
		if (pieces[i].size > 0)
			memcpy(all + size, pieces[i].data, pieces[i].size);
		size += pieces[i].size;
	}
	expand(mix(mix(hash, key, key_size), all, size), digest,
	    clv_tpm_hash_size(hash));
	return TSS2_RC_SUCCESS;
}

TSS2_RC
clv_tpm_digest(struct clv_tpm_crypto *crypto, TPM2_ALG_ID hash,
    const struct clv_span *pieces, size_t count, uint8_t *digest)
{
	return clv_tpm_hmac(crypto, hash, NULL, 0, pieces, count, digest);
}

TSS2_RC
clv_tpm_kdfa(struct clv_tpm_crypto *crypto, TPM2_ALG_ID hash,
    const uint8_t *key, size_t key_size, const char *label, struct clv_span u,
    struct clv_span v, uint8_t *out, size_t size)
{
	uint64_t state = mix(hash, key, key_size);

	(void)crypto;
	state = mix(state, (const uint8_t *)label, strlen(label));
	state = mix(mix(state, u.data, u.size), v.data, v.size);
	expand(state, out, size);
	return TSS2_RC_SUCCESS;
}

TSS2_RC
clv_tpm_cfb(struct clv_tpm_crypto *crypto, bool encrypt, const uint8_t *key,
    size_t key_size, const uint8_t *iv, uint8_t *bytes, size_t size)
{
	const uint64_t state = mix(mix(0, key, key_size), iv, 16);

	(void)crypto;
	(void)encrypt;
	for (size_t i = 0; i < size; i++)
		bytes[i] ^= (uint8_t)(state >> i % 8 * 8);
	return TSS2_RC_SUCCESS;
}

/* ---- wrapped by the linker ---- */

TSS2_RC __real_clv_tpm_share_secret(struct clv_tpm_crypto *crypto,
    const TPMT_PUBLIC *target, const char *label, uint8_t *secret,
    TPM2B_ENCRYPTED_SECRET *sealed);
TSS2_RC __wrap_clv_tpm_share_secret(struct clv_tpm_crypto *crypto,
    const TPMT_PUBLIC *target, const char *label, uint8_t *secret,
    TPM2B_ENCRYPTED_SECRET *sealed);

static bool
is_usual(const TPMT_PUBLIC *target)
{
	const TPMS_ECC_POINT *point = &target->unique.ecc;
	const TPMS_ECC_POINT *usual = &hostile_srk.publicArea.unique.ecc;

	return target->type == TPM2_ALG_ECC &&
	    target->nameAlg == TPM2_ALG_SHA256 &&
	    target->parameters.eccDetail.curveID == TPM2_ECC_NIST_P256 &&
	    point->x.size == 32 && point->y.size == 32 &&
	    memcmp(point->x.buffer, usual->x.buffer, 32) == 0 &&
	    memcmp(point->y.buffer, usual->y.buffer, 32) == 0;
}

/* Our own key is 1 for once, too. */
TSS2_RC
__wrap_clv_tpm_share_secret(struct clv_tpm_crypto *crypto,
    const TPMT_PUBLIC *target, const char *label, uint8_t *secret,
    TPM2B_ENCRYPTED_SECRET *sealed)
{
	static const uint8_t one[] = {0, 0, 0, 1};
	const struct clv_span x = {target->unique.ecc.x.buffer, 32};
	const struct clv_span pieces[] = {
	    {one, 4}, x, {(const uint8_t *)label, strlen(label) + 1}, x, x};
	size_t size = 0;

	if (!is_usual(target))
		return __real_clv_tpm_share_secret(
		    crypto, target, label, secret, sealed);
	(void)Tss2_MU_TPMS_ECC_POINT_Marshal(
	    &target->unique.ecc, sealed->secret, sizeof(sealed->secret), &size);
	sealed->size = (UINT16)size;
	return clv_tpm_digest(crypto, TPM2_ALG_SHA256, pieces, 5, secret);
}

/* An object's name is a hash as well. */
TSS2_RC __wrap_clv_tpm_name_of(
    const TPM2B_PUBLIC *public_area, TPM2B_NAME *name);

TSS2_RC
__wrap_clv_tpm_name_of(const TPM2B_PUBLIC *public_area, TPM2B_NAME *name)
{
	const TPM2_ALG_ID hash = public_area->publicArea.nameAlg;
	uint8_t bytes[sizeof(TPMT_PUBLIC)];
	struct clv_span area = {bytes, 0};

	name->size = 0;
	if (clv_tpm_hash_size(hash) == 0)
		return TPM2_RC_HASH;
	if (Tss2_MU_TPMT_PUBLIC_Marshal(&public_area->publicArea, bytes,
		sizeof(bytes), &area.size) != TSS2_RC_SUCCESS)
		return CLV_TPM_RC_MALFORMED;
	clv_tpm_write_u16(name->name, hash);
	name->size = (UINT16)(2 + clv_tpm_hash_size(hash));
	return clv_tpm_digest(NULL, hash, &area, 1, name->name + 2);
}
