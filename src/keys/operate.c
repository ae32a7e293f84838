/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Private-key operations: choosing the way, checking, hiding what failed. */

#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "keys/key.h"
#include "keys/padding.h"

bool
clv_mechanism_of(clv_scheme scheme, struct clv_mechanism *mechanism)
{
	const struct clv_scheme_info *info = clv_scheme_describe(scheme);

	if (info == NULL)
		return false;
	*mechanism = (struct clv_mechanism){.family = info->family,
	    .padding = info->padding,
	    .hash = info->hash,
	    .salt_size = info->padding == CLV_PADDING_PSS
		? clv_hash_size(info->hash)
		: 0,
	    .decrypts = info->decrypts};
	return true;
}

static bool
has_raw(const clv_key *key)
{
	const struct clv_backend *backend = key->backend;

	return key->family == CLV_FAMILY_RSA && backend->key_rsa_raw != NULL &&
	    (backend->key_has_rsa_raw == NULL ||
		backend->key_has_rsa_raw(key->handle));
}

/* Ed25519 and Ed448 are one family, but each key does only its own. */
static bool
fits(const clv_key *key, const struct clv_mechanism *mechanism)
{
	return mechanism->family == key->family &&
	    (!mechanism->decrypts || key->family == CLV_FAMILY_RSA);
}

clv_key_path
clv_key_path_of(const clv_key *key, const struct clv_mechanism *mechanism)
{
	const struct clv_backend *backend = key->backend;
	const bool raw = has_raw(key);

	if (!fits(key, mechanism))
		return CLV_PATH_NONE;
	/* Only we remove this padding without telling whether it was right. */
	if (raw && mechanism->decrypts &&
	    mechanism->padding == CLV_PADDING_PKCS1)
		return CLV_PATH_PADDED;
	if ((!mechanism->decrypts || backend->key_decrypt != NULL) &&
	    backend->key_can(key->handle, mechanism))
		return CLV_PATH_NATIVE;
	return raw ? CLV_PATH_PADDED : CLV_PATH_NONE;
}

static bool
scheme_fits(const clv_key *key, clv_scheme scheme)
{
	if (scheme == CLV_EDDSA_ED25519)
		return key->algorithm == CLV_ED25519;
	if (scheme == CLV_EDDSA_ED448)
		return key->algorithm == CLV_ED448;
	return true;
}

clv_key_path
clv_key_can(const clv_key *key, clv_scheme scheme)
{
	struct clv_mechanism mechanism;

	if (!clv_mechanism_of(scheme, &mechanism) || !scheme_fits(key, scheme))
		return CLV_PATH_NONE;
	return clv_key_path_of(key, &mechanism);
}

static clv_status
refuse(const clv_key *key, clv_status status, const char *operation,
    const char *reason, clv_error **err)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){
		.operation = operation, .subject = key->facts.uri},
	    "%s", reason);
}

static clv_status
sign_padded(clv_key *key, const struct clv_mechanism *mechanism,
    const uint8_t *digest, size_t digest_size, uint8_t *signature,
    clv_error **err)
{
	uint8_t padded[CLV_SIGNATURE_MAX];
	clv_status status;

	status = clv_padding_encode(key->store->context, mechanism, digest,
	    digest_size, padded, key->signature_size, key->bits, err);
	if (status == CLV_OK)
		status = key->backend->key_rsa_raw(
		    key->handle, padded, signature, err);
	return status;
}

/*
 * A device may have the mechanism and yet not with these parameters, which
 * shows when it is used; its backend then denies it, and we pad.
 */
static bool
pads_after_all(const clv_key *key, const struct clv_mechanism *mechanism,
    clv_status status, clv_error **err)
{
	if (status != CLV_UNSUPPORTED ||
	    clv_key_path_of(key, mechanism) != CLV_PATH_PADDED)
		return false;
	clv_error_free(err);
	return true;
}

/* FIPS 186-5, 6.4: only as many bits of the digest as the order has. */
static size_t
cut(const clv_key *key, size_t digest_size)
{
	const size_t order = key->signature_size / 2;

	return key->family == CLV_FAMILY_EC && digest_size > order
	    ? order
	    : digest_size;
}

static clv_status
sign(clv_key *key, const struct clv_mechanism *mechanism, const uint8_t *input,
    size_t input_size, uint8_t *signature, size_t *size, clv_error **err)
{
	const clv_key_path path = clv_key_path_of(key, mechanism);
	clv_status status = CLV_OK;

	if (path == CLV_PATH_NONE)
		return refuse(key, CLV_UNSUPPORTED, "sign",
		    "key or device can't do this scheme", err);
	if (*size < key->signature_size)
		return refuse(key, CLV_INVALID, "sign",
		    "too little room for the signature", err);
	if (mechanism->hash != CLV_HASH_NONE &&
	    input_size != clv_hash_size(mechanism->hash))
		return refuse(key, CLV_INVALID, "sign",
		    "the digest does not have the hash's size", err);
	if (path == CLV_PATH_NATIVE)
		status = key->backend->key_sign(key->handle, mechanism, input,
		    cut(key, input_size), signature, err);
	if (path == CLV_PATH_PADDED ||
	    pads_after_all(key, mechanism, status, err))
		status = sign_padded(
		    key, mechanism, input, input_size, signature, err);
	if (status == CLV_OK)
		*size = key->signature_size;
	return status;
}

/* The same words for everything that a ciphertext can be wrong in. */
static clv_status
decryption_failed(const clv_key *key, clv_error **err)
{
	clv_error_free(err);
	return refuse(key, CLV_CRYPTO, "decrypt",
	    "the ciphertext can't be decrypted", err);
}

static clv_status
decrypt_padded(clv_key *key, const struct clv_mechanism *mechanism,
    const uint8_t *ciphertext, uint8_t *plaintext, size_t *size,
    clv_error **err)
{
	uint8_t padded[CLV_PLAINTEXT_MAX];
	clv_status status;

	status =
	    key->backend->key_rsa_raw(key->handle, ciphertext, padded, err);
	if (status == CLV_OK && mechanism->padding == CLV_PADDING_PKCS1)
		status = clv_key_unpad_pkcs1(
		    key, ciphertext, padded, plaintext, size, err);
	else if (status == CLV_OK &&
	    !clv_padding_decode_oaep(key->store->context, mechanism->hash,
		padded, key->signature_size, plaintext, size))
		status = CLV_CRYPTO;
	clv_wipe(padded, sizeof(padded));
	return status;
}

static clv_status
decrypt_native(clv_key *key, const struct clv_mechanism *mechanism,
    const uint8_t *ciphertext, uint8_t *plaintext, size_t *size,
    clv_error **err)
{
	clv_status status;

	*size = key->signature_size;
	status = key->backend->key_decrypt(key->handle, mechanism, ciphertext,
	    key->signature_size, plaintext, size, err);
	if (status != CLV_CRYPTO || mechanism->padding != CLV_PADDING_PKCS1)
		return status;
	clv_error_free(err);
	return clv_key_reject(key, ciphertext, plaintext, size, err);
}

static clv_status
decrypt(clv_key *key, const struct clv_mechanism *mechanism,
    const uint8_t *ciphertext, size_t ciphertext_size, uint8_t *plaintext,
    size_t *size, clv_error **err)
{
	const clv_key_path path = clv_key_path_of(key, mechanism);
	clv_status status = CLV_OK;

	if (path == CLV_PATH_NONE)
		return refuse(key, CLV_UNSUPPORTED, "decrypt",
		    "key or device can't do this scheme", err);
	if (ciphertext_size != key->signature_size)
		return refuse(key, CLV_INVALID, "decrypt",
		    "the ciphertext does not have the modulus's size", err);
	if (*size < key->signature_size)
		return refuse(key, CLV_INVALID, "decrypt",
		    "too little room: the modulus's size is needed", err);
	/* Both numbers are public. */
	if (memcmp(ciphertext, key->modulus, ciphertext_size) >= 0)
		return decryption_failed(key, err);
	if (mechanism->padding == CLV_PADDING_PKCS1)
		status = clv_key_prepare_rejection(key, err);
	if (status != CLV_OK)
		return status;
	if (path == CLV_PATH_NATIVE)
		status = decrypt_native(
		    key, mechanism, ciphertext, plaintext, size, err);
	if (path == CLV_PATH_PADDED ||
	    pads_after_all(key, mechanism, status, err))
		status = decrypt_padded(
		    key, mechanism, ciphertext, plaintext, size, err);
	return status == CLV_CRYPTO ? decryption_failed(key, err) : status;
}

/* Of a decryption neither whether it worked nor how long it took: a log that
 * says more than the caller is told could be asked about paddings. */
static void
tell(const clv_key *key, const struct clv_mechanism *mechanism,
    const struct timespec *start, clv_status status)
{
	const struct clv_logger *logger = &key->store->context->logger;
	struct timespec end = {0, 0};
	long long micros;

	if (mechanism->decrypts) {
		clv_log_line(
		    logger, CLV_LOG_DEBUG, "%s, decrypt", key->facts.uri);
		return;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	micros = (long long)(end.tv_sec - start->tv_sec) * 1000000 +
	    (end.tv_nsec - start->tv_nsec) / 1000;
	clv_log_line(logger, CLV_LOG_DEBUG, "%s, sign: %s, %lld us",
	    key->facts.uri, clv_status_name(status), micros);
}

clv_status
clv_key_operate(clv_key *key, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, uint8_t *output,
    size_t *output_size, clv_error **err)
{
	const bool tells = key->store->context->logger.level >= CLV_LOG_DEBUG;
	struct timespec start = {0, 0};
	clv_status status;

	if (tells)
		(void)clock_gettime(CLOCK_MONOTONIC, &start);
	status = mechanism->decrypts
	    ? decrypt(
		  key, mechanism, input, input_size, output, output_size, err)
	    : sign(key, mechanism, input, input_size, output, output_size, err);
	if (tells)
		tell(key, mechanism, &start, status);
	return status;
}

/* The mechanism of a scheme that signs (or decrypts) with this key. */
static clv_status
mechanism_for(const clv_key *key, clv_scheme scheme, bool decrypts,
    struct clv_mechanism *mechanism, clv_error **err)
{
	const char *operation = decrypts ? "decrypt" : "sign";

	if (!clv_mechanism_of(scheme, mechanism) ||
	    mechanism->decrypts != decrypts)
		return refuse(key, CLV_INVALID, operation,
		    decrypts ? "not a scheme to decrypt with"
			     : "not a scheme to sign with",
		    err);
	if (!scheme_fits(key, scheme) || !fits(key, mechanism))
		return refuse(key, CLV_UNSUPPORTED, operation,
		    "the scheme is for another kind of key", err);
	return CLV_OK;
}

clv_status
clv_key_sign(clv_key *key, clv_scheme scheme, const void *message,
    size_t message_size, uint8_t *signature, size_t *size, clv_error **err)
{
	const clv_context *context = key->store->context;
	struct clv_mechanism mechanism;
	uint8_t digest[EVP_MAX_MD_SIZE];
	const uint8_t *input = message;
	clv_status status;

	status = mechanism_for(key, scheme, false, &mechanism, err);
	if (status != CLV_OK)
		return status;
	if (mechanism.hash != CLV_HASH_NONE) {
		if (EVP_Digest(message, message_size, digest, NULL,
			context->digests[mechanism.hash], NULL) != 1)
			return refuse(key, CLV_INTERNAL, "sign",
			    "OpenSSL can't hash the message", err);
		input = digest;
		message_size = clv_hash_size(mechanism.hash);
	}
	return clv_key_operate(
	    key, &mechanism, input, message_size, signature, size, err);
}

clv_status
clv_key_sign_digest(clv_key *key, clv_scheme scheme, const void *digest,
    size_t digest_size, uint8_t *signature, size_t *size, clv_error **err)
{
	struct clv_mechanism mechanism;
	clv_status status;

	status = mechanism_for(key, scheme, false, &mechanism, err);
	if (status != CLV_OK)
		return status;
	if (mechanism.hash == CLV_HASH_NONE)
		return refuse(key, CLV_UNSUPPORTED, "sign",
		    "EdDSA signs messages, not digests", err);
	return clv_key_operate(
	    key, &mechanism, digest, digest_size, signature, size, err);
}

clv_status
clv_key_decrypt(clv_key *key, clv_scheme scheme, const void *ciphertext,
    size_t ciphertext_size, uint8_t *plaintext, size_t *size, clv_error **err)
{
	struct clv_mechanism mechanism;
	const clv_status status =
	    mechanism_for(key, scheme, true, &mechanism, err);

	if (status != CLV_OK)
		return status;
	return clv_key_operate(
	    key, &mechanism, ciphertext, ciphertext_size, plaintext, size, err);
}
