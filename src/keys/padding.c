/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/padding.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <claviger/secret.h>

#include "base/digest_info.h"

#define HASH_MAX 64U

/*
 * Masks. The compiler must not learn that a value is 0 or all ones, or it
 * makes branches of what follows.
 */

static size_t
hide(size_t value)
{
	__asm__("" : "+r"(value));
	return value;
}

size_t
clv_mask_zero(size_t value)
{
	const size_t top = (~value & (value - 1)) >> (sizeof(size_t) * 8 - 1);

	return hide((size_t)0 - top);
}

size_t
clv_mask_less(size_t a, size_t b)
{
	const size_t top =
	    (a ^ ((a ^ b) | ((a - b) ^ b))) >> (sizeof(size_t) * 8 - 1);

	return hide((size_t)0 - top);
}

size_t
clv_mask_select(size_t mask, size_t yes, size_t no)
{
	return (hide(mask) & yes) | (hide(~mask) & no);
}

static const struct clv_error_info operation = {.operation = "pad"};

static clv_status
too_long(clv_error **err)
{
	return clv_error_raise(err, CLV_INVALID, &operation,
	    "the key is too short for this hash and salt");
}

static clv_status
encode_pkcs1(clv_hash hash, const uint8_t *digest, size_t digest_size,
    uint8_t *padded, size_t size, clv_error **err)
{
	size_t prefix_size;
	const uint8_t *prefix = clv_digest_info_prefix(hash, &prefix_size);
	size_t fill;

	if (prefix == NULL)
		return clv_error_raise(
		    err, CLV_UNSUPPORTED, &operation, "unknown hash");
	if (size < prefix_size + digest_size + 11)
		return too_long(err);
	fill = size - prefix_size - digest_size - 3;
	padded[0] = 0;
	padded[1] = 1;
	memset(padded + 2, 0xff, fill);
	padded[2 + fill] = 0;
	memcpy(padded + 3 + fill, prefix, prefix_size);
	memcpy(padded + 3 + fill + prefix_size, digest, digest_size);
	return CLV_OK;
}

/* Hashes up to three pieces. */
static bool
hash_pieces(const clv_context *context, clv_hash hash,
    const uint8_t *const *pieces, const size_t *sizes, size_t count,
    uint8_t *out)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool done = digest != NULL &&
	    EVP_DigestInit_ex2(digest, context->digests[hash], NULL);

	for (size_t i = 0; done && i < count; i++)
		done = EVP_DigestUpdate(digest, pieces[i], sizes[i]);
	done = done && EVP_DigestFinal_ex(digest, out, NULL);
	EVP_MD_CTX_free(digest);
	return done;
}

/* out ^= MGF1(seed), RFC 8017, B.2.1. */
static bool
mask_mgf1(const clv_context *context, clv_hash hash, const uint8_t *seed,
    size_t seed_size, uint8_t *out, size_t size)
{
	const size_t step = clv_hash_size(hash);
	uint8_t block[HASH_MAX];
	uint8_t counter[4] = {0};
	const uint8_t *const pieces[] = {seed, counter};
	const size_t sizes[] = {seed_size, sizeof(counter)};
	bool done = true;

	for (size_t from = 0, i = 0; done && from < size; from += step, i++) {
		counter[2] = (uint8_t)(i >> 8);
		counter[3] = (uint8_t)i;
		done = hash_pieces(context, hash, pieces, sizes, 2, block);
		for (size_t j = 0; done && j < step && from + j < size; j++)
			out[from + j] ^= block[j];
	}
	clv_wipe(block, sizeof(block));
	return done;
}

static clv_status
encode_pss(const clv_context *context, const struct clv_mechanism *mechanism,
    const uint8_t *digest, size_t digest_size, uint8_t *padded, size_t size,
    unsigned bits, clv_error **err)
{
	static const uint8_t zeros[8];
	const size_t salt_size = mechanism->salt_size;
	/* The encoded message has one bit less than the modulus. */
	const size_t lead = (bits - 1) % 8 == 0;
	const size_t em_size = size - lead;
	const size_t hash_size = digest_size;
	uint8_t *em = padded + lead;
	uint8_t *hash = em + (em_size - hash_size - 1);
	size_t db_size;
	uint8_t *salt;

	if (em_size < hash_size + 2 || salt_size > em_size - hash_size - 2)
		return too_long(err);
	db_size = em_size - hash_size - 1;
	salt = em + db_size - salt_size;
	memset(padded, 0, size);
	if (salt_size > 0 &&
	    RAND_bytes_ex(context->openssl, salt, salt_size, 0) != 1)
		goto failed;
	if (!hash_pieces(context, mechanism->hash,
		(const uint8_t *const[]){zeros, digest, salt},
		(const size_t[]){sizeof(zeros), digest_size, salt_size}, 3,
		hash))
		goto failed;
	em[db_size - salt_size - 1] = 1;
	if (!mask_mgf1(context, mechanism->hash, hash, hash_size, em, db_size))
		goto failed;
	em[0] &= (uint8_t)(0xffU >> (8 * em_size - (bits - 1)));
	em[em_size - 1] = 0xbc;
	return CLV_OK;
failed:
	return clv_error_raise(
	    err, CLV_INTERNAL, &operation, "OpenSSL can't hash or make a salt");
}

clv_status
clv_padding_encode(const clv_context *context,
    const struct clv_mechanism *mechanism, const uint8_t *digest,
    size_t digest_size, uint8_t *padded, size_t size, unsigned bits,
    clv_error **err)
{
	if (mechanism->padding == CLV_PADDING_PKCS1)
		return encode_pkcs1(
		    mechanism->hash, digest, digest_size, padded, size, err);
	return encode_pss(
	    context, mechanism, digest, digest_size, padded, size, bits, err);
}

/*
 * Every step is done whatever the bytes are, and what is wrong only shows in
 * a mask at the end. (Manger's attack: the first byte must not be told from
 * the others.)
 */
bool
clv_padding_decode_oaep(const clv_context *context, clv_hash hash,
    const uint8_t *padded, size_t size, uint8_t *plaintext,
    size_t *plaintext_size)
{
	const size_t hash_size = clv_hash_size(hash);
	const size_t db_size = size - hash_size - 1;
	uint8_t em[CLV_PLAINTEXT_MAX];
	uint8_t label[HASH_MAX];
	uint8_t *seed = em + 1;
	uint8_t *db = em + 1 + hash_size;
	size_t good;
	size_t one = 0;
	size_t looking = ~(size_t)0;
	bool done;

	if (size > sizeof(em) || size < 2 * hash_size + 2)
		return false;
	memcpy(em, padded, size);
	done = hash_pieces(context, hash, NULL, NULL, 0, label) &&
	    mask_mgf1(context, hash, db, db_size, seed, hash_size) &&
	    mask_mgf1(context, hash, seed, hash_size, db, db_size);

	good = clv_mask_zero(em[0]);
	for (size_t i = 0; i < hash_size; i++)
		good &= clv_mask_zero((size_t)(db[i] ^ label[i]));
	for (size_t i = hash_size; i < db_size; i++) {
		const size_t is_one = clv_mask_zero((size_t)(db[i] ^ 1));
		const size_t is_zero = clv_mask_zero(db[i]);

		one = clv_mask_select(looking & is_one, i, one);
		good &= ~looking | is_one | is_zero;
		looking &= ~is_one;
	}
	good &= ~looking;
	/* From here on it may be known whether the padding was good. */
	done = done && good != 0;
	if (done) {
		*plaintext_size = db_size - one - 1;
		memcpy(plaintext, db + one + 1, *plaintext_size);
	}
	clv_wipe(em, sizeof(em));
	return done;
}
