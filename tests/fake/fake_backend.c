/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fake/fake_backend.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define NUMBERS 3U

struct fake_backend fake;

struct fake_key {
	const struct clv_algorithm_info *info;
	EVP_PKEY *openssl;
	char uri[80];
	uint8_t *public_key;
	size_t public_key_size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fake_key *keys[CLV_RSA_OTHER + 1][NUMBERS];

void
fake_reset(void)
{
	atomic_store(&fake.lacks, 0);
	atomic_store(&fake.fails, CLV_OK);
	atomic_store(&fake.delay, 0);
	atomic_store(&fake.signs, 0);
	atomic_store(&fake.decrypts, 0);
	atomic_store(&fake.raws, 0);
	fake.last = (struct clv_mechanism){0};
}

const char *
fake_uri(clv_algorithm algorithm, unsigned number)
{
	static _Thread_local char uri[80];

	(void)snprintf(uri, sizeof(uri), "fake:algorithm=%s;number=%u",
	    clv_algorithm_describe(algorithm)->name, number);
	return uri;
}

static EVP_PKEY *
generate(const struct clv_algorithm_info *info)
{
	switch (info->family) {
	case CLV_FAMILY_RSA:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)info->bits);
	case CLV_FAMILY_EC:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", info->group);
	default:
		return EVP_PKEY_Q_keygen(NULL, NULL, info->openssl);
	}
}

static struct fake_key *
key_new(clv_algorithm algorithm, unsigned number)
{
	struct fake_key *key = calloc(1, sizeof(*key));
	unsigned char *der = NULL;
	int size;

	if (key == NULL)
		abort();
	key->info = clv_algorithm_describe(algorithm);
	key->openssl = generate(key->info);
	size = i2d_PUBKEY(key->openssl, &der);
	if (size <= 0)
		abort();
	key->public_key = der;
	key->public_key_size = (size_t)size;
	(void)snprintf(
	    key->uri, sizeof(key->uri), "%s", fake_uri(algorithm, number));
	return key;
}

static struct fake_key *
key_get(clv_algorithm algorithm, unsigned number)
{
	struct fake_key *key;

	(void)pthread_mutex_lock(&lock);
	key = keys[algorithm][number];
	if (key == NULL)
		key = keys[algorithm][number] = key_new(algorithm, number);
	(void)pthread_mutex_unlock(&lock);
	return key;
}

EVP_PKEY *
fake_openssl_key(clv_algorithm algorithm, unsigned number)
{
	return key_get(algorithm, number)->openssl;
}

void
fake_forget(void)
{
	for (unsigned i = 0; i <= CLV_RSA_OTHER; i++)
		for (unsigned j = 0; j < NUMBERS; j++) {
			if (keys[i][j] == NULL)
				continue;
			EVP_PKEY_free(keys[i][j]->openssl);
			OPENSSL_free(keys[i][j]->public_key);
			free(keys[i][j]);
			keys[i][j] = NULL;
		}
}

static clv_status
fail(clv_status status, clv_error **err)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){
		.operation = "use fake key", .remedy = "ask for less"},
	    "as the test wants it");
}

static clv_status
fake_store_open(clv_host *host, const clv_uri *uri, bool of_key, void **store,
    clv_error **err)
{
	(void)uri;
	(void)of_key;
	(void)err;
	*store = host;
	return CLV_OK;
}

static void
fake_store_close(void *store)
{
	(void)store;
}

static clv_status
fake_key_list(void *store, clv_list_fn *fn, void *user, clv_error **err)
{
	clv_status status = CLV_OK;

	(void)store;
	for (unsigned i = 0; i <= CLV_RSA_OTHER; i++)
		for (unsigned j = 0; j < NUMBERS && status == CLV_OK; j++) {
			if (keys[i][j] == NULL)
				continue;
			status = fn(user,
			    &(struct clv_key_entry){.uri = keys[i][j]->uri,
				.label = keys[i][j]->info->name,
				.algorithm = (clv_algorithm)i},
			    err);
		}
	return status;
}

static clv_status
fake_key_open(void *store, const clv_uri *uri, void **out, clv_error **err)
{
	const char *name = clv_uri_get(uri, CLV_URI_PATH, "algorithm", NULL);
	const char *number = clv_uri_get(uri, CLV_URI_PATH, "number", NULL);
	const clv_algorithm algorithm =
	    name != NULL ? clv_algorithm_by_name(name) : CLV_ALGORITHM_NONE;
	const unsigned index =
	    number != NULL ? (unsigned)strtoul(number, NULL, 10) : 0;

	(void)store;
	if (algorithm == CLV_ALGORITHM_NONE || index >= NUMBERS)
		return fail(CLV_NOT_FOUND, err);
	*out = key_get(algorithm, index);
	atomic_fetch_add(&fake.open_keys, 1);
	return CLV_OK;
}

static void
fake_key_close(void *key)
{
	(void)key;
	atomic_fetch_sub(&fake.open_keys, 1);
}

static void
fake_key_facts(void *data, struct clv_key_facts *facts)
{
	const struct fake_key *key = data;

	*facts = (struct clv_key_facts){.uri = key->uri,
	    .label = key->info->name,
	    .public_key = key->public_key,
	    .public_key_size = key->public_key_size,
	    .properties = CLV_KEY_HARDWARE | CLV_KEY_GENERATED_LOCAL};
}

static bool
lacks(unsigned what)
{
	return (atomic_load(&fake.lacks) & what) != 0;
}

static bool
fake_key_can(void *data, const struct clv_mechanism *mechanism)
{
	const struct fake_key *key = data;
	const bool other_salt =
	    mechanism->salt_size != clv_hash_size(mechanism->hash);

	if (mechanism->family != key->info->family)
		return false;
	switch (mechanism->padding) {
	case CLV_PADDING_PSS:
		return !lacks(FAKE_LACKS_PSS) &&
		    !(other_salt && lacks(FAKE_LACKS_OTHER_SALTS));
	case CLV_PADDING_PKCS1:
		return !lacks(mechanism->decrypts ? FAKE_LACKS_DECRYPT
						  : FAKE_LACKS_PKCS1);
	case CLV_PADDING_OAEP:
		return !lacks(FAKE_LACKS_OAEP) && !lacks(FAKE_LACKS_DECRYPT);
	default:
		return true;
	}
}

/* What every operation does first. */
static clv_status
begin(const struct clv_mechanism *mechanism, atomic_size_t *calls,
    clv_error **err)
{
	const clv_status status = atomic_load(&fake.fails);
	const unsigned delay = atomic_load(&fake.delay);

	atomic_fetch_add(calls, 1);
	if (mechanism != NULL) {
		(void)pthread_mutex_lock(&lock);
		fake.last = *mechanism;
		(void)pthread_mutex_unlock(&lock);
	}
	if (delay > 0)
		(void)usleep(delay);
	return status == CLV_OK ? CLV_OK : fail(status, err);
}

static const EVP_MD *
hash_of(const struct clv_mechanism *mechanism)
{
	return EVP_get_digestbyname(clv_hash_name(mechanism->hash));
}

static int
openssl_padding(const struct clv_mechanism *mechanism)
{
	switch (mechanism->padding) {
	case CLV_PADDING_PSS:
		return RSA_PKCS1_PSS_PADDING;
	case CLV_PADDING_OAEP:
		return RSA_PKCS1_OAEP_PADDING;
	default:
		return RSA_PKCS1_PADDING;
	}
}

static bool
sign_digest(EVP_PKEY_CTX *context, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, uint8_t *output, size_t *size)
{
	if (EVP_PKEY_sign_init(context) != 1)
		return false;
	if (mechanism->family == CLV_FAMILY_RSA &&
	    (EVP_PKEY_CTX_set_rsa_padding(
		 context, openssl_padding(mechanism)) != 1 ||
		EVP_PKEY_CTX_set_signature_md(context, hash_of(mechanism)) !=
		    1))
		return false;
	if (mechanism->padding == CLV_PADDING_PSS &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(
		context, (int)mechanism->salt_size) != 1)
		return false;
	return EVP_PKEY_sign(context, output, size, input, input_size) == 1;
}

static bool
sign_message(EVP_PKEY *key, const uint8_t *input, size_t input_size,
    uint8_t *output, size_t *size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const bool done = context != NULL &&
	    EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(context, output, size, input, input_size) == 1;

	EVP_MD_CTX_free(context);
	return done;
}

static clv_status
fake_key_sign(void *data, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, uint8_t *signature,
    clv_error **err)
{
	const struct fake_key *key = data;
	uint8_t output[CLV_SIGNATURE_MAX];
	size_t size = sizeof(output);
	EVP_PKEY_CTX *context;
	clv_status status = begin(mechanism, &fake.signs, err);
	bool done;

	if (status != CLV_OK)
		return status;
	context = EVP_PKEY_CTX_new(key->openssl, NULL);
	done = key->info->family == CLV_FAMILY_ED
	    ? sign_message(key->openssl, input, input_size, output, &size)
	    : sign_digest(context, mechanism, input, input_size, output, &size);
	EVP_PKEY_CTX_free(context);
	if (!done)
		return fail(CLV_CRYPTO, err);
	if (key->info->family == CLV_FAMILY_EC)
		return clv_ecdsa_from_der(
		    output, size, signature, key->info->signature, err);
	memcpy(signature, output, size);
	return CLV_OK;
}

static clv_status
fake_key_decrypt(void *data, const struct clv_mechanism *mechanism,
    const uint8_t *ciphertext, size_t ciphertext_size, uint8_t *plaintext,
    size_t *size, clv_error **err)
{
	const struct fake_key *key = data;
	const bool oaep = mechanism->padding == CLV_PADDING_OAEP;
	clv_status status = begin(mechanism, &fake.decrypts, err);
	EVP_PKEY_CTX *context;

	if (status != CLV_OK)
		return status;
	context = EVP_PKEY_CTX_new(key->openssl, NULL);
	if (context == NULL || EVP_PKEY_decrypt_init(context) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(context, openssl_padding(mechanism)) !=
		1 ||
	    (oaep &&
		EVP_PKEY_CTX_set_rsa_oaep_md(context, hash_of(mechanism)) !=
		    1) ||
	    EVP_PKEY_decrypt(
		context, plaintext, size, ciphertext, ciphertext_size) != 1)
		status = fail(CLV_CRYPTO, err);
	EVP_PKEY_CTX_free(context);
	return status;
}

static clv_status
fake_key_rsa_raw(
    void *data, const uint8_t *input, uint8_t *output, clv_error **err)
{
	const struct fake_key *key = data;
	size_t size = key->info->signature;
	clv_status status = begin(NULL, &fake.raws, err);
	EVP_PKEY_CTX *context;

	if (status != CLV_OK)
		return status;
	context = EVP_PKEY_CTX_new(key->openssl, NULL);
	if (context == NULL || EVP_PKEY_decrypt_init(context) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) != 1 ||
	    EVP_PKEY_decrypt(context, output, &size, input, size) != 1)
		status = fail(CLV_CRYPTO, err);
	EVP_PKEY_CTX_free(context);
	return status;
}

static bool
fake_key_has_rsa_raw(void *key)
{
	(void)key;
	return !lacks(FAKE_LACKS_RAW);
}

const struct clv_backend fake_backend = {
    .api = CLV_BACKEND_API,
    .scheme = "fake",
    .description = "keys of a test, in memory",
    .capabilities = CLV_STORE_LISTS,
    .store_open = fake_store_open,
    .store_close = fake_store_close,
    .key_list = fake_key_list,
    .key_open = fake_key_open,
    .key_close = fake_key_close,
    .key_facts = fake_key_facts,
    .key_can = fake_key_can,
    .key_sign = fake_key_sign,
    .key_decrypt = fake_key_decrypt,
    .key_rsa_raw = fake_key_rsa_raw,
    .key_has_rsa_raw = fake_key_has_rsa_raw,
};
