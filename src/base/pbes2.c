/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/pbes2.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/crypto.h"
#include "base/der.h"
#include "base/pbes2_names.h"

#define KEY_MAX 32U

static clv_status
failed(clv_error **err, const char *reason)
{
	return clv_crypto_raise(
	    err, CLV_INTERNAL, "encrypt or decrypt private key", reason);
}

bool
clv_scrypt_cost_is_sane(const struct clv_scrypt_cost *cost)
{
	const uint64_t limit = CLV_SCRYPT_WORK_MAX / 128;

	if (cost->n < 2 || (cost->n & (cost->n - 1)) != 0 || cost->r == 0 ||
	    cost->p == 0)
		return false;
	/* Each is bounded before they are multiplied. */
	if (cost->n > limit || cost->r > limit || cost->p > limit ||
	    cost->n * cost->r > CLV_SCRYPT_MEMORY_MAX / 128)
		return false;
	return cost->n * cost->r * cost->p <= limit;
}

/* Octet strings are only read by OpenSSL, in spite of their type. */
static OSSL_PARAM
octets(const char *name, struct clv_span value)
{
	union {
		const uint8_t *in;
		void *out;
	} data = {.in = value.data};

	return OSSL_PARAM_construct_octet_string(name, data.out, value.size);
}

static OSSL_PARAM
text(const char *name, const char *value)
{
	union {
		const char *in;
		char *out;
	} data = {.in = value};

	return OSSL_PARAM_construct_utf8_string(name, data.out, 0);
}

static bool
derive(
    const char *name, const OSSL_PARAM *parameters, uint8_t *key, size_t size)
{
	EVP_KDF *kdf = EVP_KDF_fetch(clv_crypto_context(), name, NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
	const bool done = context != NULL &&
	    EVP_KDF_derive(context, key, size, parameters) == 1;

	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	return done;
}

static bool
derive_scrypt(
    const struct clv_pbes2 *scheme, struct clv_span password, uint8_t *key)
{
	uint64_t n = scheme->scrypt.n;
	uint64_t r = scheme->scrypt.r;
	uint64_t p = scheme->scrypt.p;
	uint64_t memory = 2ULL * CLV_SCRYPT_MEMORY_MAX;
	const OSSL_PARAM parameters[] = {
	    octets(OSSL_KDF_PARAM_PASSWORD, password),
	    octets(OSSL_KDF_PARAM_SALT, scheme->salt),
	    OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
	    OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r),
	    OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p),
	    OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
	    OSSL_PARAM_construct_end()};

	return derive("SCRYPT", parameters, key, scheme->key_size);
}

static bool
derive_pbkdf2(
    const struct clv_pbes2 *scheme, struct clv_span password, uint8_t *key)
{
	uint64_t iterations = scheme->iterations;
	const OSSL_PARAM parameters[] = {
	    octets(OSSL_KDF_PARAM_PASSWORD, password),
	    octets(OSSL_KDF_PARAM_SALT, scheme->salt),
	    OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &iterations),
	    text(OSSL_KDF_PARAM_DIGEST, scheme->prf),
	    OSSL_PARAM_construct_end()};

	return derive("PBKDF2", parameters, key, scheme->key_size);
}

/* What OpenSSL's PEM always did: MD5, once, salted with the IV's start. */
static bool
derive_md5(
    const struct clv_pbes2 *scheme, struct clv_span password, uint8_t *key)
{
	OSSL_LIB_CTX *context = clv_crypto_context();
	EVP_MD *md5 = EVP_MD_fetch(context, "MD5", NULL);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, scheme->cipher, NULL);
	const bool done = md5 != NULL && cipher != NULL &&
	    EVP_BytesToKey(cipher, md5, scheme->iv, password.data,
		(int)password.size, 1, key, NULL) > 0;

	EVP_CIPHER_free(cipher);
	EVP_MD_free(md5);
	return done;
}

static bool
derive_key(
    const struct clv_pbes2 *scheme, const clv_secret *password, uint8_t *key)
{
	const struct clv_span bytes = {password->data, password->size};

	if (scheme->scrypt.n > 0)
		return derive_scrypt(scheme, bytes, key);
	if (scheme->iterations > 0)
		return derive_pbkdf2(scheme, bytes, key);
	return derive_md5(scheme, bytes, key);
}

/* Whole blocks only; `out` may be where `in` is. */
static bool
run_cipher(const struct clv_pbes2 *scheme, const uint8_t *key, bool encrypts,
    struct clv_span in, uint8_t *out)
{
	EVP_CIPHER *cipher =
	    EVP_CIPHER_fetch(clv_crypto_context(), scheme->cipher, NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int size = 0;
	const bool done = cipher != NULL && context != NULL &&
	    EVP_CipherInit_ex2(
		context, cipher, key, scheme->iv, encrypts, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
	    EVP_CipherUpdate(context, out, &size, in.data, (int)in.size) == 1 &&
	    (size_t)size == in.size;

	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
	return done;
}

/* RFC 8018, 6.1.1, step 4. */
static bool
remove_padding(clv_secret *plain, size_t block_size)
{
	const size_t count = plain->data[plain->size - 1];

	if (count == 0 || count > block_size)
		return false;
	for (size_t i = 1; i <= count; i++)
		if (plain->data[plain->size - i] != count)
			return false;
	plain->size -= count;
	return true;
}

clv_status
clv_pbes2_decrypt(const struct clv_pbes2 *scheme, struct clv_span ciphertext,
    const clv_secret *password, clv_secret *out, clv_error **err)
{
	uint8_t key[KEY_MAX];
	clv_status status;

	if (ciphertext.size == 0 || ciphertext.size % scheme->block_size != 0)
		return clv_error_raise(err, CLV_CORRUPT,
		    &(struct clv_error_info){
			.operation = "decrypt private key"},
		    "the encrypted part is incomplete");
	status = clv_secret_alloc(out, ciphertext.size, err);
	if (status != CLV_OK)
		return status;
	(void)ERR_set_mark();
	if (clv_crypto_context() == NULL)
		status = failed(err, "there is no memory");
	else if (!derive_key(scheme, password, key))
		status = failed(err, "the password could not be hashed");
	else if (!run_cipher(scheme, key, false, ciphertext, out->data))
		status = failed(err, "the cipher failed");
	(void)ERR_pop_to_mark();
	out->size = ciphertext.size;
	if (status == CLV_OK && !remove_padding(out, scheme->block_size))
		status = clv_error_raise(err, CLV_AUTH,
		    &(struct clv_error_info){
			.operation = "decrypt private key"},
		    "the password is wrong");
	if (status != CLV_OK)
		clv_secret_clear(out);
	return status;
}

static void
put_identifier(
    struct clv_der_writer *out, struct clv_span oid, size_t parameters_mark)
{
	clv_der_put_element(out, CLV_DER_OID, oid);
	clv_der_wrap(out, CLV_DER_SEQUENCE, parameters_mark);
}

/* The header of an EncryptedPrivateKeyInfo, before its content. */
static void
put_header(struct clv_der_writer *out, const struct clv_pbes2 *scheme)
{
	const size_t end = clv_der_written(out);
	size_t mark;

	clv_der_put_element(out, CLV_DER_OCTETS, CLV_SPAN_OF(scheme->iv));
	put_identifier(out, clv_oid_aes256_cbc, end);

	mark = clv_der_written(out);
	clv_der_put_small(out, scheme->scrypt.p);
	clv_der_put_small(out, scheme->scrypt.r);
	clv_der_put_small(out, scheme->scrypt.n);
	clv_der_put_element(out, CLV_DER_OCTETS, scheme->salt);
	clv_der_wrap(out, CLV_DER_SEQUENCE, mark);
	put_identifier(out, clv_oid_scrypt, mark);

	clv_der_wrap(out, CLV_DER_SEQUENCE, end);
	put_identifier(out, clv_oid_pbes2, end);
	clv_der_wrap(out, CLV_DER_SEQUENCE, 0);
}

/* Pads and encrypts `plain` to the end of `out`. */
static bool
put_content(struct clv_der_writer *out, const struct clv_pbes2 *scheme,
    const clv_secret *plain, const uint8_t *key)
{
	const uint8_t count = (uint8_t)(16 - plain->size % 16);
	uint8_t padding[16];
	size_t size;

	memset(padding, count, sizeof(padding));
	clv_der_put(out, (struct clv_span){padding, count});
	clv_der_put(out, (struct clv_span){plain->data, plain->size});
	size = clv_der_written(out);
	if (out->full ||
	    !run_cipher(
		scheme, key, true, (struct clv_span){out->at, size}, out->at))
		return false;
	clv_der_wrap(out, CLV_DER_OCTETS, 0);
	return true;
}

static clv_status
encrypt(const struct clv_pbes2 *scheme, const clv_secret *plain,
    const clv_secret *password, clv_secret *out, clv_error **err)
{
	struct clv_der_writer writer;
	uint8_t key[KEY_MAX];

	if (!derive_key(scheme, password, key))
		return failed(err, "the password could not be hashed");
	clv_der_begin(&writer, out->data, out->capacity);
	if (!put_content(&writer, scheme, plain, key))
		return failed(err, "the cipher failed");
	put_header(&writer, scheme);
	if (writer.full)
		return failed(err, "the encrypted key is too large");
	out->size = clv_der_written(&writer);
	memmove(out->data, writer.at, out->size);
	return CLV_OK;
}

clv_status
clv_pbes2_encrypt(const clv_secret *plain, const clv_secret *password,
    const struct clv_scrypt_cost *cost, clv_secret *out, clv_error **err)
{
	uint8_t salt[16];
	struct clv_pbes2 scheme = {.salt = CLV_SPAN_OF(salt),
	    .scrypt = *cost,
	    .cipher = "AES-256-CBC",
	    .key_size = 32,
	    .block_size = 16};
	clv_status status;

	if (!clv_scrypt_cost_is_sane(cost))
		return clv_error_raise(err, CLV_TOO_LARGE,
		    &(struct clv_error_info){
			.operation = "encrypt private key"},
		    "scrypt's work factor is out of range");
	status = clv_secret_alloc(out, plain->size + 256, err);
	if (status != CLV_OK)
		return status;
	(void)ERR_set_mark();
	if (clv_crypto_context() == NULL)
		status = failed(err, "there is no memory");
	else if (RAND_bytes_ex(clv_crypto_context(), salt, sizeof(salt), 0) !=
		1 ||
	    RAND_bytes_ex(
		clv_crypto_context(), scheme.iv, sizeof(scheme.iv), 0) != 1)
		status = failed(err, "there are no random numbers");
	else
		status = encrypt(&scheme, plain, password, out, err);
	(void)ERR_pop_to_mark();
	if (status != CLV_OK)
		clv_secret_clear(out);
	return status;
}
