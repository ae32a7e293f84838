/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * pem: private keys in files that are encrypted with a password.
 *
 * As file:, but a file holds an ENCRYPTED PRIVATE KEY (PKCS#8, PBES2 with
 * scrypt and AES-256-CBC) and, behind it, the PUBLIC KEY, so that keys can be
 * listed without passwords. `openssl pkey` and most other programs read it.
 * What OpenSSL encrypted with PBKDF2 or scrypt is read, and so is its old
 * "Proc-Type: 4,ENCRYPTED", which is called weak.
 *
 * URI attribute: pin-source=SOURCE, where the password comes from (ask.h).
 *
 * Option: scrypt-n=N, a power of two from 4096 to 262144: scrypt's work
 * factor; memory is 1024 N bytes. 16384 (16 MiB, an eighth of a second) is
 * the default, and the most that OpenSSL 3.0 accepts when it reads a key; so
 * the default repeats the work five times over (p = 5) for the strength of a
 * larger N. Changing the password keeps the work factor.
 */

#include "keyfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/pbes2.h"
#include "base/private_stack.h"

#define N_DEFAULT 16384U
#define N_MIN 4096U
#define N_MAX 262144U

/* PEM_read_bio() has a buffer of this size for the password. */
#define PASSWORD_MAX 1023U

static const char *const attributes[] = {"pin-source", NULL};
static const char *const options[] = {"scrypt-n", NULL};

/* Memory times repetitions about constant, as OWASP recommends. */
static struct clv_scrypt_cost
cost_of(uint64_t n)
{
	const struct clv_scrypt_cost cost = {.n = n,
	    .r = 8,
	    .p = n <= 16384  ? 5
		: n == 32768 ? 3
		: n == 65536 ? 2
			     : 1};

	return cost;
}

static clv_status
read_cost(const struct clv_key_spec *spec, struct clv_scrypt_cost *cost,
    clv_error **err)
{
	const char *const *option = spec->options;
	unsigned long n = N_DEFAULT;
	char *end = NULL;

	for (; option != NULL && *option != NULL; option += 2) {
		errno = 0;
		n = strtoul(option[1], &end, 10);
		if (errno != 0 || *option[1] < '1' || *option[1] > '9' ||
		    *end != '\0' || n < N_MIN || n > N_MAX ||
		    (n & (n - 1)) != 0)
			return clv_error_raise(err, CLV_INVALID,
			    &(struct clv_error_info){.operation = "make key"},
			    "scrypt-n is a power of two from %u to %u, not "
			    "\"%s\"",
			    N_MIN, N_MAX, option[1]);
	}
	*cost = cost_of(n);
	return CLV_OK;
}

static clv_status
check(const struct clv_key_spec *spec, clv_error **err)
{
	struct clv_scrypt_cost cost;

	return read_cost(spec, &cost, err);
}

/* An encryption on its way to the private stack. */
struct encryption {
	const clv_secret *pkcs8;
	const clv_secret *password;
	const struct clv_scrypt_cost *cost;
	clv_secret der;
};

static clv_status
run_encryption(void *argument, clv_error **err)
{
	struct encryption *the = argument;

	return clv_pbes2_encrypt(
	    the->pkcs8, the->password, the->cost, &the->der, err);
}

static clv_status
encrypt(const clv_secret *pkcs8, const struct clv_soft_key *key,
    const clv_secret *password, const struct clv_scrypt_cost *cost,
    clv_secret *text, clv_error **err)
{
	struct encryption the = {.pkcs8 = pkcs8,
	    .password = password,
	    .cost = cost,
	    .der = CLV_SECRET_INIT};
	struct clv_soft_public known;
	clv_status status = clv_run_privately(run_encryption, &the, err);

	clv_soft_key_public(key, &known);
	if (status == CLV_OK)
		status = clv_secret_alloc(text,
		    CLV_PEM_ENCODED(the.der.size) + CLV_PEM_ENCODED(known.size),
		    err);
	if (status == CLV_OK) {
		clv_pem_append(text, "ENCRYPTED PRIVATE KEY",
		    (struct clv_span){the.der.data, the.der.size});
		clv_pem_append(text, "PUBLIC KEY",
		    (struct clv_span){known.der, known.size});
	}
	clv_secret_clear(&the.der);
	return status;
}

static clv_status
ask_new(const struct clv_keyfile_store *store, const char *source,
    const char *subject, const char *label, clv_secret *password,
    clv_error **err)
{
	const struct clv_ask_request request = {.purpose = CLV_ASK_NEW_PASSWORD,
	    .uri = subject,
	    .label = label,
	    .attempt = 1,
	    .tries_left = -1};
	const clv_status status =
	    clv_host_ask(store->host, source, &request, password, err);
	const char *reason = NULL;

	if (status != CLV_OK)
		return status;
	if (password->size == 0)
		reason = "the new password is empty";
	else if (password->size > PASSWORD_MAX)
		reason = "the new password has more than 1023 bytes";
	else if (memchr(password->data, 0, password->size) != NULL)
		reason = "the new password contains a 0 byte";
	if (reason == NULL)
		return CLV_OK;
	clv_secret_clear(password);
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){
		.operation = "encrypt key", .subject = subject},
	    "%s", reason);
}

static void
tell_if_unreadable(const struct clv_keyfile_store *store, const char *subject,
    const struct clv_scrypt_cost *cost)
{
	if (cost->n > N_DEFAULT)
		clv_host_log(store->host, CLV_LOG_NOTICE,
		    "%s: OpenSSL 3.0 itself does not read keys with an "
		    "scrypt-n of more than %u",
		    subject, N_DEFAULT);
}

static clv_status
encode(struct clv_keyfile_store *store, const struct clv_key_spec *spec,
    const char *subject, const clv_secret *pkcs8,
    const struct clv_soft_key *key, clv_secret *text, clv_error **err)
{
	clv_secret password = CLV_SECRET_INIT;
	struct clv_scrypt_cost cost;
	clv_status status = read_cost(spec, &cost, err);

	if (status == CLV_OK)
		status = ask_new(store, clv_keyfile_source(store, store->uri),
		    subject, spec->label, &password, err);
	if (status == CLV_OK)
		status = encrypt(pkcs8, key, &password, &cost, text, err);
	if (status == CLV_OK)
		tell_if_unreadable(store, subject, &cost);
	clv_secret_clear(&password);
	return status;
}

static const struct clv_keyfile_kind kind = {.scheme = "pem",
    .attributes = attributes,
    .encrypts = true,
    .check = check,
    .encode = encode};

static clv_status
store_open(clv_host *host, const clv_uri *uri, bool of_key, void **store,
    clv_error **err)
{
	return clv_keyfile_store_open(&kind, host, uri, of_key, store, err);
}

/* A password on its way to be changed. */
struct change {
	struct clv_keyfile_store *store;
	const clv_uri *uri;
	char *name;
	char *label;
	clv_secret old_text;
	clv_secret pkcs8;
	clv_secret password;
	clv_secret new_text;
	struct clv_soft_key *key;
	struct clv_scrypt_cost cost;
};

static clv_status
read_old(struct change *the, clv_error **err)
{
	struct clv_pkcs8_facts facts = {0};
	clv_status status =
	    clv_keyfile_name(the->store, the->uri, &the->name, err);

	if (status != CLV_OK)
		return status;
	the->label = clv_keyfile_label(the->name);
	if ((status = clv_keyfile_read(
		 the->store, the->name, &the->old_text, err)) != CLV_OK ||
	    (status = clv_keyfile_decode(the->store, the->name,
		 clv_keyfile_source(the->store, the->uri), &the->old_text,
		 &the->pkcs8, &facts, err)) != CLV_OK)
		return status;
	the->cost = facts.scrypt_n >= N_MIN && facts.scrypt_n <= N_MAX
	    ? cost_of(facts.scrypt_n)
	    : cost_of(N_DEFAULT);
	return clv_soft_key_new(&the->pkcs8, &the->key, err);
}

/* The URI's own source holds the old password, so it is not asked. */
static clv_status
write_new(struct change *the, clv_error **err)
{
	clv_status status;

	if ((status = ask_new(the->store, NULL, clv_uri_redacted(the->uri),
		 the->label, &the->password, err)) != CLV_OK ||
	    (status = encrypt(&the->pkcs8, the->key, &the->password, &the->cost,
		 &the->new_text, err)) != CLV_OK)
		return status;
	return clv_keyfile_replace(
	    the->store, the->name, &the->old_text, &the->new_text, err);
}

static clv_status
key_change_secret(void *store, const clv_uri *uri, clv_error **err)
{
	struct change the = {.store = store, .uri = uri};
	clv_status status = read_old(&the, err);

	if (status == CLV_OK)
		status = write_new(&the, err);
	clv_soft_key_free(&the.key);
	clv_secret_clear(&the.new_text);
	clv_secret_clear(&the.password);
	clv_secret_clear(&the.pkcs8);
	clv_secret_clear(&the.old_text);
	free(the.label);
	free(the.name);
	return status;
}

extern const struct clv_backend clv_backend_pem;

const struct clv_backend clv_backend_pem = {
    .api = CLV_BACKEND_API,
    .scheme = "pem",
    .description = "keys in files that are encrypted with a password",
    .capabilities = CLV_STORE_GENERATES | CLV_STORE_IMPORTS |
	CLV_STORE_DELETES | CLV_STORE_LISTS | CLV_STORE_SECRET |
	CLV_STORE_CHANGES_SECRET,
    .options = options,
    .store_open = store_open,
    .store_close = clv_keyfile_store_close,
    .key_list = clv_keyfile_list,
    .key_open = clv_keyfile_open,
    .key_generate = clv_keyfile_generate,
    .key_import = clv_keyfile_import,
    .key_delete = clv_keyfile_delete,
    .key_change_secret = key_change_secret,
    .key_close = clv_keyfile_close,
    .key_facts = clv_keyfile_facts,
    .key_can = clv_keyfile_can,
    .key_sign = clv_keyfile_sign,
    .key_decrypt = clv_keyfile_decrypt,
    .key_rsa_raw = clv_keyfile_rsa_raw,
};
