/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Signing and decrypting: one command each while the key is loaded.
 *
 * What every TPM does in the same way is left to it: ECDSA, and PKCS#1 v1.5
 * with SHA-256. The rest of RSA is padded by the library around the plain
 * operation: TPMs differ in the length of PSS salts and in the hashes they
 * have, and those who remove paddings themselves tell, some with
 * TPM_RC_FAILURE, whether they were right. A key that is bound to a scheme
 * does that scheme.
 */

#include "key.h"

#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "auth.h"
#include "commands.h"

#include "base/crypto.h"

static const TPMT_PUBLIC *
area_of(const struct clv_tpm_key *key)
{
	return &key->object.public_area.publicArea;
}

static TPM2_ALG_ID
hash_of(clv_hash hash)
{
	switch (hash) {
	case CLV_HASH_SHA1:
		return TPM2_ALG_SHA1;
	case CLV_HASH_SHA256:
		return TPM2_ALG_SHA256;
	case CLV_HASH_SHA384:
		return TPM2_ALG_SHA384;
	case CLV_HASH_SHA512:
		return TPM2_ALG_SHA512;
	default:
		return TPM2_ALG_NULL;
	}
}

static TPM2_ALG_ID
scheme_of(const struct clv_mechanism *mechanism)
{
	if (mechanism->family == CLV_FAMILY_EC)
		return TPM2_ALG_ECDSA;
	switch (mechanism->padding) {
	case CLV_PADDING_PKCS1:
		return mechanism->decrypts ? TPM2_ALG_RSAES : TPM2_ALG_RSASSA;
	case CLV_PADDING_PSS:
		return TPM2_ALG_RSAPSS;
	case CLV_PADDING_OAEP:
		return TPM2_ALG_OAEP;
	default:
		return TPM2_ALG_NULL;
	}
}

bool
clv_tpm_key_has_rsa_raw(void *handle)
{
	const struct clv_tpm_key *key = handle;
	TPM2_ALG_ID hash;

	return area_of(key)->type == TPM2_ALG_RSA &&
	    clv_tpm_has(area_of(key), TPMA_OBJECT_DECRYPT) &&
	    clv_tpm_fixed_scheme(area_of(key), &hash) == TPM2_ALG_NULL;
}

/* Whether the key is bound to another scheme, or to another hash. */
static bool
is_bound_otherwise(
    const struct clv_tpm_key *key, const struct clv_mechanism *mechanism)
{
	TPM2_ALG_ID hash;
	const TPM2_ALG_ID scheme = clv_tpm_fixed_scheme(area_of(key), &hash);

	if (scheme == TPM2_ALG_NULL)
		return false;
	return scheme != scheme_of(mechanism) ||
	    (scheme != TPM2_ALG_RSAES && hash != hash_of(mechanism->hash));
}

bool
clv_tpm_key_can(void *handle, const struct clv_mechanism *mechanism)
{
	const struct clv_tpm_key *key = handle;
	const bool ecc = area_of(key)->type == TPM2_ALG_ECC;

	if (mechanism->family != (ecc ? CLV_FAMILY_EC : CLV_FAMILY_RSA) ||
	    scheme_of(mechanism) == TPM2_ALG_NULL ||
	    is_bound_otherwise(key, mechanism) ||
	    !clv_tpm_has(area_of(key),
		mechanism->decrypts ? TPMA_OBJECT_DECRYPT
				    : TPMA_OBJECT_SIGN_ENCRYPT))
		return false;
	if (mechanism->padding == CLV_PADDING_PSS &&
	    mechanism->salt_size != clv_hash_size(mechanism->hash))
		return false;
	if (clv_tpm_key_has_rsa_raw(handle))
		return scheme_of(mechanism) == TPM2_ALG_RSASSA &&
		    mechanism->hash == CLV_HASH_SHA256;
	return true;
}

/* ---- the work ---- */

struct operation {
	const struct clv_tpm_key *key;
	struct clv_tpm_auth auth;
	TPM2_ALG_ID scheme;
	TPM2_ALG_ID hash;
	struct clv_span input;
	uint8_t *output;
	size_t output_size;
	bool bad; /* the ciphertext, says the TPM */
};

static TSS2_RC
load_key(struct clv_tpm_link *link, const struct operation *operation,
    struct clv_tpm_handle *handle)
{
	handle->name = &operation->key->object.name;
	link->used_lockable |= operation->key->lockable;
	return clv_tpm_need(link, &operation->key->object, &handle->handle);
}

static TSS2_RC
sign_with(struct clv_tpm_link *link, void *job)
{
	struct operation *operation = job;
	struct clv_tpm_handle handle;
	const TSS2_RC rc = load_key(link, operation, &handle);

	if (rc != TSS2_RC_SUCCESS)
		return rc;
	return clv_tpm_sign(link, &handle, &operation->auth, operation->scheme,
	    operation->hash, operation->input, operation->output,
	    operation->output_size);
}

/*
 * Of the codes that can follow a wrong ciphertext, libtpms gives
 * TPM_RC_FAILURE for a padding, others TPM_RC_VALUE and TPM_RC_SIZE. All are
 * the same to us; a TPM that failed indeed says so to the next command.
 */
static bool
blames_ciphertext(TSS2_RC rc)
{
	const TSS2_RC base = clv_tpm_rc_base(rc);

	return base == TPM2_RC_FAILURE || base == TPM2_RC_VALUE ||
	    base == TPM2_RC_SIZE;
}

static TSS2_RC
decrypt_with(struct clv_tpm_link *link, void *job)
{
	struct operation *operation = job;
	struct clv_tpm_handle handle;
	TSS2_RC rc = load_key(link, operation, &handle);

	if (rc != TSS2_RC_SUCCESS)
		return rc;
	rc = clv_tpm_rsa_decrypt(link, &handle, &operation->auth,
	    operation->scheme, operation->hash, operation->input,
	    operation->output, &operation->output_size);
	operation->bad =
	    operation->scheme != TPM2_ALG_NULL && blames_ciphertext(rc);
	return operation->bad ? TSS2_RC_SUCCESS : rc;
}

/* The auth value as far as it is known. */
static struct clv_tpm_auth
auth_of(struct clv_tpm_key *key)
{
	return atomic_load(&key->has_auth) ? clv_tpm_auth_of(&key->auth)
					   : CLV_TPM_NO_AUTH;
}

static clv_status
run_with(struct clv_tpm_key *key, clv_tpm_work *work,
    struct operation *operation, const char *what, clv_error **err)
{
	clv_status status;

	operation->auth = auth_of(key);
	status =
	    clv_tpm_run(&key->use, &key->object, work, operation, what, err);
	return key->lockable ? clv_tpm_lockout_explain(&key->use, status, err)
			     : status;
}

static clv_status
run(struct clv_tpm_key *key, clv_tpm_work *work, struct operation *operation,
    const char *what, clv_error **err)
{
	clv_status status;

	if (atomic_load(&key->has_auth) && key->auth_owner != getpid())
		return clv_error_raise(err, CLV_AUTH,
		    &(struct clv_error_info){.operation = what,
			.subject = key->redacted,
			.remedy = "open the key again in the new process"},
		    "auth values do not pass to a forked process");
	status = run_with(key, work, operation, what, err);
	if (status != CLV_AUTH || operation->auth.size > 0)
		return status;
	/* The file said that there is none. */
	clv_error_free(err);
	status = clv_tpm_key_ask_late(key, err);
	return status == CLV_OK ? run_with(key, work, operation, what, err)
				: status;
}

/* ---- the methods ---- */

/* A digest may be cut to a curve's order: then it counts as one of a hash
 * that is as long. */
static TPM2_ALG_ID
hash_by_size(size_t size)
{
	switch (size) {
	case 20:
		return TPM2_ALG_SHA1;
	case 32:
		return TPM2_ALG_SHA256;
	case 48:
		return TPM2_ALG_SHA384;
	default:
		return TPM2_ALG_SHA512;
	}
}

/* Older TPMs salt with all the room there is; OPC UA and TLS want the size
 * of the hash. */
static bool
is_salted_right(const struct clv_tpm_key *key,
    const struct clv_mechanism *mechanism, const struct operation *operation)
{
	EVP_PKEY *public = clv_tpm_public_evp(area_of(key));
	EVP_PKEY_CTX *verify = public == NULL
	    ? NULL
	    : EVP_PKEY_CTX_new_from_pkey(clv_crypto_context(), public, NULL);
	const EVP_MD *hash =
	    EVP_get_digestbyname(clv_hash_name(mechanism->hash));
	const bool right = verify != NULL &&
	    EVP_PKEY_verify_init(verify) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(verify, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(verify, hash) == 1 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(
		verify, (int)mechanism->salt_size) == 1 &&
	    EVP_PKEY_verify(verify, operation->output, operation->output_size,
		operation->input.data, operation->input.size) == 1;

	EVP_PKEY_CTX_free(verify);
	EVP_PKEY_free(public);
	return right;
}

clv_status
clv_tpm_key_sign(void *handle, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, uint8_t *signature,
    clv_error **err)
{
	struct clv_tpm_key *key = handle;
	const bool ecc = area_of(key)->type == TPM2_ALG_ECC;
	const size_t bytes = clv_tpm_key_bytes(area_of(key));
	struct operation operation = {.key = key,
	    .scheme = scheme_of(mechanism),
	    .hash = hash_by_size(input_size),
	    .input = {input, input_size},
	    .output = signature,
	    .output_size = ecc ? 2 * bytes : bytes};
	clv_status status = run(key, sign_with, &operation, "sign", err);

	if (status == CLV_OK && mechanism->padding == CLV_PADDING_PSS &&
	    !is_salted_right(key, mechanism, &operation))
		status = clv_error_raise(err, CLV_UNSUPPORTED,
		    &(struct clv_error_info){.operation = "sign",
			.subject = key->redacted,
			.remedy = "make a key that is not bound to a scheme, "
				  "with: claviger key generate"},
		    "this TPM makes PSS salts of another length than the "
		    "hash's");
	return status;
}

clv_status
clv_tpm_key_decrypt(void *handle, const struct clv_mechanism *mechanism,
    const uint8_t *ciphertext, size_t ciphertext_size, uint8_t *plaintext,
    size_t *size, clv_error **err)
{
	struct clv_tpm_key *key = handle;
	struct operation operation = {.key = key,
	    .scheme = scheme_of(mechanism),
	    .hash = hash_of(mechanism->hash),
	    .input = {ciphertext, ciphertext_size},
	    .output = plaintext,
	    .output_size = clv_tpm_key_bytes(area_of(key))};
	const clv_status status =
	    run(key, decrypt_with, &operation, "decrypt", err);

	if (status != CLV_OK)
		return status;
	if (operation.bad)
		return clv_error_raise(err, CLV_CRYPTO,
		    &(struct clv_error_info){
			.operation = "decrypt", .subject = key->redacted},
		    "the ciphertext can't be decrypted");
	*size = operation.output_size;
	return CLV_OK;
}

clv_status
clv_tpm_key_rsa_raw(
    void *handle, const uint8_t *input, uint8_t *output, clv_error **err)
{
	struct clv_tpm_key *key = handle;
	const size_t bytes = clv_tpm_key_bytes(area_of(key));
	struct operation operation = {.key = key,
	    .scheme = TPM2_ALG_NULL,
	    .input = {input, bytes},
	    .output = output,
	    .output_size = bytes};
	const clv_status status =
	    run(key, decrypt_with, &operation, "use the private key", err);

	if (status != CLV_OK)
		return status;
	/* some leave leading zeros away */
	if (operation.output_size < bytes) {
		const size_t zeros = bytes - operation.output_size;

		memmove(output + zeros, output, operation.output_size);
		memset(output, 0, zeros);
	}
	return CLV_OK;
}

clv_status
clv_tpm_key_try(
    struct clv_tpm_key *key, const clv_secret *auth, clv_error **err)
{
	uint8_t input[CLV_SIGNATURE_MAX] = {0}, output[CLV_SIGNATURE_MAX];
	const bool ecc = area_of(key)->type == TPM2_ALG_ECC;
	const bool signs = clv_tpm_has(area_of(key), TPMA_OBJECT_SIGN_ENCRYPT);
	const size_t bytes = clv_tpm_key_bytes(area_of(key));
	struct operation operation = {.key = key,
	    .auth = clv_tpm_auth_of(auth),
	    .output = output,
	    .output_size = ecc ? 2 * bytes : bytes};
	clv_status status;

	operation.scheme = clv_tpm_fixed_scheme(area_of(key), &operation.hash);
	if (operation.scheme == TPM2_ALG_NULL) {
		operation.hash = TPM2_ALG_SHA256;
		if (signs)
			operation.scheme =
			    ecc ? TPM2_ALG_ECDSA : TPM2_ALG_RSASSA;
	}
	operation.input = (struct clv_span){
	    input, signs ? clv_tpm_hash_size(operation.hash) : bytes};
	status = clv_tpm_run(&key->use, &key->object,
	    signs ? sign_with : decrypt_with, &operation, "open TPM key", err);
	clv_wipe(output, sizeof(output));
	return key->lockable ? clv_tpm_lockout_explain(&key->use, status, err)
			     : status;
}
