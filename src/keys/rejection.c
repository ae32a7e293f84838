/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * PKCS#1 v1.5 decryption without a padding oracle: implicit rejection, as
 * draft-irtf-cfrg-rsa-guidance describes it and OpenSSL has it since 3.2. A
 * ciphertext with bad padding decrypts to random-looking bytes of a
 * random-looking length, which depend on key and ciphertext only.
 *
 * The draft derives them from the private exponent. A device does not give
 * that away, so here the secret is the key's own PKCS#1 v1.5 signature of a
 * text that nothing else signs: deterministic, bound to the key, the same
 * after a restart, and made with one private-key operation when a key first
 * decrypts this way. A key that can't sign gets random bytes for as long as
 * it is open.
 */

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "keys/key.h"
#include "keys/padding.h"

#define DIGEST_SIZE 32U
/* Lengths to choose from, so many that one of them fits (the draft's). */
#define CANDIDATES 128U

/*
 * The secret lies where fork() wipes it in the child. There it must not go on
 * as one of zeros, which anybody could compute with: its first byte tells
 * whether it is alive. No lock is held while it is made, as a child would
 * inherit that for ever.
 */
struct clv_rejection {
	struct clv_rejection *older; /* the parent's, wiped */
	clv_secret secret;           /* ALIVE, then the secret itself */
};
#define ALIVE 1U

static const struct clv_error_info operation = {.operation = "decrypt"};

static bool
is_alive(const struct clv_rejection *rejection)
{
	return rejection != NULL && rejection->secret.data[0] == ALIVE;
}

static void
free_rejection(struct clv_rejection *rejection)
{
	clv_secret_clear(&rejection->secret);
	free(rejection);
}

void
clv_key_forget_rejection(clv_key *key)
{
	struct clv_rejection *rejection = atomic_load(&key->rejection);

	while (rejection != NULL) {
		struct clv_rejection *older = rejection->older;

		free_rejection(rejection);
		rejection = older;
	}
}

static clv_status
hmac(const clv_key *key, const uint8_t *secret, size_t secret_size,
    const uint8_t *data, size_t size, uint8_t *out, clv_error **err)
{
	size_t out_size = 0;

	if (EVP_Q_mac(key->store->context->openssl, "HMAC", NULL, "SHA2-256",
		NULL, secret, secret_size, data, size, out, DIGEST_SIZE,
		&out_size) != NULL)
		return CLV_OK;
	return clv_error_raise(
	    err, CLV_INTERNAL, &operation, "OpenSSL can't compute an HMAC");
}

/* The draft's IRPRF: `size` bytes from a derived key and a label. */
static clv_status
expand(const clv_key *key, const uint8_t *derived, const char *label,
    uint8_t *out, size_t size, clv_error **err)
{
	const size_t label_size = strlen(label);
	uint8_t data[2 + 16 + 2];
	uint8_t block[DIGEST_SIZE];
	clv_status status = CLV_OK;

	memcpy(data + 2, label, label_size);
	data[2 + label_size] = (uint8_t)(size * 8 >> 8);
	data[3 + label_size] = (uint8_t)(size * 8);
	for (size_t i = 0; status == CLV_OK && i * DIGEST_SIZE < size; i++) {
		const size_t left = size - i * DIGEST_SIZE;

		data[0] = (uint8_t)(i >> 8);
		data[1] = (uint8_t)i;
		status = hmac(key, derived, DIGEST_SIZE, data, label_size + 4,
		    block, err);
		memcpy(out + i * DIGEST_SIZE, block,
		    left < DIGEST_SIZE ? left : DIGEST_SIZE);
	}
	clv_wipe(block, sizeof(block));
	return status;
}

static clv_status
make_secret(clv_key *key, clv_secret *secret, clv_error **err)
{
	static const char text[] = "Claviger implicit rejection, version 1";
	uint8_t bytes[1 + CLV_SIGNATURE_MAX] = {ALIVE};
	size_t size = CLV_SIGNATURE_MAX;
	clv_status status;

	status = clv_key_sign(key, CLV_RSA_PKCS1_SHA256, text, sizeof(text),
	    bytes + 1, &size, NULL);
	if (status != CLV_OK) {
		size = DIGEST_SIZE;
		if (RAND_priv_bytes_ex(
			key->store->context->openssl, bytes + 1, size, 0) != 1)
			return clv_error_raise(err, CLV_INTERNAL, &operation,
			    "OpenSSL has no random bytes");
	}
	status = clv_secret_set(secret, bytes, 1 + size, err);
	clv_wipe(bytes, sizeof(bytes));
	return status;
}

/* The secret is made before the result of a decryption is known. */
clv_status
clv_key_prepare_rejection(clv_key *key, clv_error **err)
{
	struct clv_rejection *now = atomic_load(&key->rejection);
	struct clv_rejection *mine;
	clv_status status;

	if (is_alive(now))
		return CLV_OK;
	mine = calloc(1, sizeof(*mine));
	if (mine == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, &operation, "out of memory");
	status = make_secret(key, &mine->secret, err);
	/* A wiped one stays: other threads may be looking at it. */
	mine->older = now;
	if (status != CLV_OK ||
	    !atomic_compare_exchange_strong(&key->rejection, &now, mine))
		free_rejection(mine); /* another thread was faster */
	return status;
}

/*
 * The message for a bad ciphertext: `synthetic` gets as many bytes as the
 * modulus has, the last `*length` of which are the message.
 */
static clv_status
synthesise(const clv_key *key, const uint8_t *ciphertext, uint8_t *synthetic,
    size_t *length, clv_error **err)
{
	const size_t size = key->signature_size;
	const size_t most = size - 2 - 8 - 1;
	const clv_secret *secret = &atomic_load(&key->rejection)->secret;
	uint8_t derived[DIGEST_SIZE];
	uint8_t lengths[2 * CANDIDATES] = {0};
	size_t mask = most;
	clv_status status;

	for (size_t shift = 1; shift < 16; shift *= 2)
		mask |= mask >> shift;
	status = hmac(key, secret->data + 1, secret->size - 1, ciphertext, size,
	    derived, err);
	if (status == CLV_OK)
		status = expand(
		    key, derived, "length", lengths, sizeof(lengths), err);
	if (status == CLV_OK)
		status = expand(key, derived, "message", synthetic, size, err);
	*length = 0;
	for (size_t i = 0; status == CLV_OK && i < CANDIDATES; i++) {
		const size_t candidate =
		    ((size_t)lengths[2 * i] << 8 | lengths[2 * i + 1]) & mask;

		*length = clv_mask_select(
		    clv_mask_less(candidate, most + 1), candidate, *length);
	}
	clv_wipe(derived, sizeof(derived));
	clv_wipe(lengths, sizeof(lengths));
	return status;
}

/* Where the message begins in EME-PKCS1-v1_5 (RFC 8017, 7.2.2), and in `good`
 * whether it is one; in constant time. */
static size_t
find_message(const uint8_t *padded, size_t size, size_t *good)
{
	size_t looking = ~(size_t)0;
	size_t zero = 0;

	*good = clv_mask_zero(padded[0]);
	*good &= clv_mask_zero((size_t)(padded[1] ^ 2));
	for (size_t i = 2; i < size; i++) {
		const size_t is_zero = clv_mask_zero(padded[i]);

		zero = clv_mask_select(looking & is_zero, i, zero);
		looking &= ~is_zero;
	}
	*good &= ~looking;
	*good &= ~clv_mask_less(zero, 2 + 8);
	return zero + 1;
}

clv_status
clv_key_unpad_pkcs1(clv_key *key, const uint8_t *ciphertext,
    const uint8_t *padded, uint8_t *plaintext, size_t *size, clv_error **err)
{
	const size_t room = key->signature_size;
	uint8_t synthetic[CLV_PLAINTEXT_MAX];
	size_t length = 0;
	size_t good = 0;
	size_t from;
	clv_status status;

	status = synthesise(key, ciphertext, synthetic, &length, err);
	if (status != CLV_OK)
		return status;
	from = find_message(padded, room, &good);
	from = clv_mask_select(good, from, room - length);
	/* Where the message begins is no secret any more: either is
	 * plausible. Which of them it is stays one. */
	for (size_t i = from; i < room; i++)
		plaintext[i - from] =
		    (uint8_t)clv_mask_select(good, padded[i], synthetic[i]);
	*size = room - from;
	clv_wipe(synthetic, sizeof(synthetic));
	return CLV_OK;
}

clv_status
clv_key_reject(clv_key *key, const uint8_t *ciphertext, uint8_t *plaintext,
    size_t *size, clv_error **err)
{
	const size_t room = key->signature_size;
	uint8_t synthetic[CLV_PLAINTEXT_MAX];
	size_t length = 0;
	const clv_status status =
	    synthesise(key, ciphertext, synthetic, &length, err);

	if (status == CLV_OK) {
		memcpy(plaintext, synthetic + room - length, length);
		*size = length;
	}
	clv_wipe(synthetic, sizeof(synthetic));
	return status;
}
