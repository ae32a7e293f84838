/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What a file says about how its key is encrypted: all of it is a claim. */

#include "base/pbes2.h"

#include "base/der.h"
#include "base/pbes2_names.h"

#define SALT_MAX 128U

static const uint8_t pbes2[] = {
    0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0D};
static const uint8_t pbkdf2[] = {
    0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0C};
static const uint8_t scrypt[] = {
    0x2B, 0x06, 0x01, 0x04, 0x01, 0xDA, 0x47, 0x04, 0x0B};
static const uint8_t aes128_cbc[] = {
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02};
static const uint8_t aes192_cbc[] = {
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x16};
static const uint8_t aes256_cbc[] = {
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2A};
static const uint8_t des_ede3_cbc[] = {
    0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x03, 0x07};
/* hmacWithSHA...: the last byte tells which (RFC 8018, B.1.2). */
static const uint8_t hmac[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02};

const struct clv_span clv_oid_pbes2 = {pbes2, sizeof(pbes2)};
const struct clv_span clv_oid_scrypt = {scrypt, sizeof(scrypt)};
const struct clv_span clv_oid_aes256_cbc = {aes256_cbc, sizeof(aes256_cbc)};

struct cipher {
	struct clv_span oid;
	const char *name; /* also in DEK-Info */
	size_t key_size;
	size_t block_size;
	bool weak;
};

static const struct cipher ciphers[] = {
    {{aes256_cbc, sizeof(aes256_cbc)}, "AES-256-CBC", 32, 16, false},
    {{aes192_cbc, sizeof(aes192_cbc)}, "AES-192-CBC", 24, 16, false},
    {{aes128_cbc, sizeof(aes128_cbc)}, "AES-128-CBC", 16, 16, false},
    {{des_ede3_cbc, sizeof(des_ede3_cbc)}, "DES-EDE3-CBC", 24, 8, true},
};

static clv_status
refuse(clv_error **err, clv_status status, const char *reason)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "read encrypted private key",
		.remedy = status == CLV_UNSUPPORTED
		    ? "openssl pkcs8 -topk8 -v2 aes-256-cbc -scrypt -in OLD "
		      "-out NEW"
		    : NULL},
	    "%s", reason);
}

static clv_status
damaged(clv_error **err)
{
	return refuse(
	    err, CLV_CORRUPT, "it is damaged, or not an encrypted key in DER");
}

/* An AlgorithmIdentifier: gives the OID, leaves the parameters. */
static bool
take_identifier(
    struct clv_span *in, struct clv_span *oid, struct clv_span *parameters)
{
	return clv_der_take(in, CLV_DER_SEQUENCE, parameters) &&
	    clv_der_take(parameters, CLV_DER_OID, oid);
}

static void
use_cipher(struct clv_pbes2 *scheme, const struct cipher *cipher)
{
	scheme->cipher = cipher->name;
	scheme->key_size = cipher->key_size;
	scheme->block_size = cipher->block_size;
	scheme->weak = scheme->weak || cipher->weak;
}

static clv_status
parse_cipher(struct clv_span in, struct clv_pbes2 *scheme, clv_error **err)
{
	struct clv_span parameters;
	struct clv_span oid;
	struct clv_span iv;

	if (!take_identifier(&in, &oid, &parameters) || in.size > 0)
		return damaged(err);
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (clv_span_equal(ciphers[i].oid, oid))
			use_cipher(scheme, &ciphers[i]);
	if (scheme->cipher == NULL)
		return refuse(
		    err, CLV_UNSUPPORTED, "the cipher is not supported");
	if (!clv_der_take(&parameters, CLV_DER_OCTETS, &iv) ||
	    parameters.size > 0 || iv.size != scheme->block_size)
		return damaged(err);
	memcpy(scheme->iv, iv.data, iv.size);
	return CLV_OK;
}

/* The OPTIONAL keyLength of both functions: must be the cipher's. */
static bool
take_key_length(struct clv_span *in, const struct clv_pbes2 *scheme)
{
	uint64_t length;

	if (!clv_der_next_is(in, CLV_DER_INTEGER))
		return true;
	return clv_der_take_small(in, &length) && length == scheme->key_size;
}

static bool
take_salt(struct clv_span *in, struct clv_pbes2 *scheme)
{
	return clv_der_take(in, CLV_DER_OCTETS, &scheme->salt) &&
	    scheme->salt.size > 0 && scheme->salt.size <= SALT_MAX;
}

static clv_status
parse_scrypt(struct clv_span in, struct clv_pbes2 *scheme, clv_error **err)
{
	struct clv_scrypt_cost *cost = &scheme->scrypt;
	struct clv_span sequence;

	if (!clv_der_take(&in, CLV_DER_SEQUENCE, &sequence) || in.size > 0 ||
	    !take_salt(&sequence, scheme) ||
	    !clv_der_take_small(&sequence, &cost->n) ||
	    !clv_der_take_small(&sequence, &cost->r) ||
	    !clv_der_take_small(&sequence, &cost->p) ||
	    !take_key_length(&sequence, scheme) || sequence.size > 0)
		return damaged(err);
	if (!clv_scrypt_cost_is_sane(cost))
		return refuse(err, CLV_TOO_LARGE,
		    "scrypt's work factor is absurd: no power of two, over "
		    "256 MiB of memory, or too much work");
	scheme->weak = scheme->weak || cost->n * cost->r < 4096ULL * 8;
	return CLV_OK;
}

/* prf AlgorithmIdentifier DEFAULT hmacWithSHA1, parameters NULL. */
static bool
take_prf(struct clv_span *in, const char **name)
{
	static const char *const names[] = {
	    "SHA1", "SHA2-224", "SHA2-256", "SHA2-384", "SHA2-512"};
	struct clv_span parameters;
	struct clv_span oid;
	unsigned last;

	*name = names[0];
	if (in->size == 0)
		return true;
	if (!take_identifier(in, &oid, &parameters) || oid.size != 8 ||
	    !clv_span_starts(oid, CLV_SPAN_OF(hmac)))
		return false;
	last = oid.data[7];
	if (last < 7 || last > 11)
		return false;
	*name = names[last - 7];
	return true;
}

static clv_status
parse_pbkdf2(struct clv_span in, struct clv_pbes2 *scheme, clv_error **err)
{
	struct clv_span sequence;

	if (!clv_der_take(&in, CLV_DER_SEQUENCE, &sequence) || in.size > 0 ||
	    !take_salt(&sequence, scheme) ||
	    !clv_der_take_small(&sequence, &scheme->iterations) ||
	    scheme->iterations == 0 || !take_key_length(&sequence, scheme))
		return damaged(err);
	if (!take_prf(&sequence, &scheme->prf))
		return refuse(
		    err, CLV_UNSUPPORTED, "PBKDF2's hash is not supported");
	if (sequence.size > 0)
		return damaged(err);
	if (scheme->iterations > CLV_PBKDF2_ITERATIONS_MAX)
		return refuse(err, CLV_TOO_LARGE,
		    "PBKDF2's iteration count is absurd: over 2,000,000");
	/* NIST SP 800-132, 5.2: at least 1000. */
	scheme->weak = scheme->weak || scheme->iterations < 1000;
	return CLV_OK;
}

static clv_status
parse_derivation(struct clv_span in, struct clv_pbes2 *scheme, clv_error **err)
{
	struct clv_span parameters;
	struct clv_span oid;

	if (!take_identifier(&in, &oid, &parameters))
		return damaged(err);
	if (clv_span_equal(oid, clv_oid_scrypt))
		return parse_scrypt(parameters, scheme, err);
	if (clv_span_equal(oid, CLV_SPAN_OF(pbkdf2)))
		return parse_pbkdf2(parameters, scheme, err);
	return refuse(err, CLV_UNSUPPORTED,
	    "passwords hashed by anything but scrypt and PBKDF2 are not "
	    "supported");
}

clv_status
clv_pbes2_parse(struct clv_span der, struct clv_pbes2 *scheme,
    struct clv_span *ciphertext, clv_error **err)
{
	struct clv_span outer;
	struct clv_span parameters;
	struct clv_span both;
	struct clv_span oid;
	struct clv_span first;
	clv_status status;

	*scheme = (struct clv_pbes2){0};
	if (!clv_der_take(&der, CLV_DER_SEQUENCE, &outer) || der.size > 0 ||
	    !take_identifier(&outer, &oid, &parameters) ||
	    !clv_der_take(&outer, CLV_DER_OCTETS, ciphertext) || outer.size > 0)
		return damaged(err);
	if (!clv_span_equal(oid, clv_oid_pbes2))
		return refuse(err, CLV_UNSUPPORTED,
		    "the encryption is not PBES2, but something older");
	if (!clv_der_take(&parameters, CLV_DER_SEQUENCE, &both) ||
	    parameters.size > 0)
		return damaged(err);
	first = both;
	if (!clv_der_take(&both, CLV_DER_SEQUENCE, &parameters))
		return damaged(err);
	/* The cipher first: it says how long the key is. */
	status = parse_cipher(both, scheme, err);
	first.size -= both.size;
	if (status == CLV_OK)
		status = parse_derivation(first, scheme, err);
	return status;
}

static bool
hex_digit(uint8_t character, unsigned *value)
{
	static const char digits[] = "0123456789ABCDEF";
	const int upper =
	    character >= 'a' && character <= 'f' ? character - 32 : character;
	const char *found = upper != 0 ? strchr(digits, upper) : NULL;

	if (found == NULL)
		return false;
	*value = (unsigned)(found - digits);
	return true;
}

static bool
read_iv(struct clv_span hex, struct clv_pbes2 *scheme)
{
	unsigned high;
	unsigned low;

	if (hex.size != scheme->block_size * 2)
		return false;
	for (size_t i = 0; i < scheme->block_size; i++) {
		if (!hex_digit(hex.data[2 * i], &high) ||
		    !hex_digit(hex.data[2 * i + 1], &low))
			return false;
		scheme->iv[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* Takes "NAME: VALUE" if the next line has this name. */
static bool
take_header(
    struct clv_span *headers, struct clv_span name, struct clv_span *value)
{
	const uint8_t *newline = headers->size > 0
	    ? memchr(headers->data, '\n', headers->size)
	    : NULL;

	if (newline == NULL || !clv_span_starts(*headers, name))
		return false;
	*value = (struct clv_span){headers->data + name.size,
	    (size_t)(newline - headers->data) - name.size};
	clv_span_skip(headers, (size_t)(newline - headers->data) + 1);
	clv_span_trim(value);
	return true;
}

clv_status
clv_pbes2_parse_headers(
    struct clv_span headers, struct clv_pbes2 *scheme, clv_error **err)
{
	struct clv_span value;

	*scheme = (struct clv_pbes2){.weak = true};
	if (!take_header(&headers, CLV_SPAN_TEXT("Proc-Type: "), &value) ||
	    !clv_span_equal(value, CLV_SPAN_TEXT("4,ENCRYPTED")) ||
	    !take_header(&headers, CLV_SPAN_TEXT("DEK-Info: "), &value))
		return refuse(err, CLV_CORRUPT, "the PEM headers are damaged");
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		const struct clv_span name = {
		    (const uint8_t *)ciphers[i].name, strlen(ciphers[i].name)};

		if (value.size <= name.size || value.data[name.size] != ',' ||
		    !clv_span_starts(value, name))
			continue;
		use_cipher(scheme, &ciphers[i]);
		clv_span_skip(&value, name.size + 1);
		if (read_iv(value, scheme))
			return CLV_OK;
		return refuse(err, CLV_CORRUPT, "the PEM headers are damaged");
	}
	return refuse(err, CLV_UNSUPPORTED, "the cipher is not supported");
}
