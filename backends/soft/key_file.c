/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Opening key files and using the keys in them. */

#include "keyfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "open key"}, "out of memory");
}

clv_status
clv_keyfile_read(const struct clv_keyfile_store *store, const char *name,
    clv_secret *text, clv_error **err)
{
	char *path = clv_keyfile_path(store, name);
	clv_status status;

	if (path == NULL)
		return no_memory(err);
	status = clv_guard_read_secret(clv_host_guard(store->host),
	    CLV_GUARD_KEY, AT_FDCWD, path, CLV_KEYFILE_MAX, text, err);
	free(path);
	return status;
}

/* One key whose password is asked for. */
struct asking {
	const struct clv_keyfile_store *store;
	const char *uri; /* redacted */
	const char *label;
	const char *source;
};

static clv_status
ask(void *user, unsigned attempt, clv_secret *password, clv_error **err)
{
	const struct asking *asking = user;
	const struct clv_ask_request request = {.purpose = CLV_ASK_PASSWORD,
	    .uri = asking->uri,
	    .label = asking->label,
	    .attempt = attempt,
	    .tries_left = -1,
	    .flags = attempt > 1 ? CLV_ASK_RETRY : 0};

	return clv_host_ask(
	    asking->store->host, asking->source, &request, password, err);
}

static clv_status
refuse_encrypted(const char *path, clv_error **err)
{
	char *remedy = NULL;
	clv_status status;

	if (asprintf(&remedy, "name it pem:%s", path) < 0)
		remedy = NULL;
	status = clv_error_raise(err, CLV_UNSUPPORTED,
	    &(struct clv_error_info){
		.operation = "open key", .subject = path, .remedy = remedy},
	    "the key is encrypted");
	free(remedy);
	return status;
}

static clv_status
refuse_plain(const char *path, clv_error **err)
{
	char *remedy = NULL;
	clv_status status;

	if (asprintf(&remedy,
		"name it file:%s, or encrypt it: claviger key import "
		"pem:DIRECTORY --in %s",
		path, path) < 0)
		remedy = NULL;
	status = clv_error_raise(err, CLV_POLICY,
	    &(struct clv_error_info){
		.operation = "open key", .subject = path, .remedy = remedy},
	    "the key is not encrypted");
	free(remedy);
	return status;
}

static clv_status
decode(const struct clv_keyfile_store *store, const char *path,
    struct asking *asking, const clv_secret *text, clv_secret *pkcs8,
    struct clv_pkcs8_facts *facts, clv_error **err)
{
	const bool encrypts = store->kind->encrypts;
	clv_error *inner = NULL;
	clv_status status = clv_pkcs8_read(
	    text, encrypts ? ask : NULL, asking, pkcs8, facts, &inner);

	if (status == CLV_AUTH && !encrypts) {
		clv_error_free(&inner);
		return refuse_encrypted(path, err);
	}
	if (status == CLV_OK && encrypts && !facts->encrypted) {
		clv_secret_clear(pkcs8);
		return refuse_plain(path, err);
	}
	if (status == CLV_OK && facts->weak)
		clv_host_log(store->host, CLV_LOG_WARNING,
		    "%s: its encryption is weak; change the password, which "
		    "encrypts it anew: claviger key passwd %s",
		    path, asking->uri);
	return clv_keyfile_raise(err, status, inner, "open key", path);
}

clv_status
clv_keyfile_decode(const struct clv_keyfile_store *store, const char *name,
    const char *source, const clv_secret *text, clv_secret *pkcs8,
    struct clv_pkcs8_facts *facts, clv_error **err)
{
	char *label = clv_keyfile_label(name);
	char *path = clv_keyfile_path(store, name);
	char *uri = NULL;
	struct asking asking = {
	    .store = store, .label = label, .source = source};
	clv_status status = CLV_NO_MEMORY;

	if (label == NULL || path == NULL)
		status = no_memory(err);
	else
		status =
		    clv_uri_build(store->kind->scheme, path, NULL, &uri, err);
	asking.uri = uri;
	if (status == CLV_OK)
		status = decode(store, path, &asking, text, pkcs8, facts, err);
	clv_free(uri);
	free(path);
	free(label);
	return status;
}

static void
tell_if_unprotected(
    const struct clv_keyfile_store *store, const struct clv_keyfile_key *key)
{
	if (clv_soft_key_protection(key->soft) != CLV_SECRET_FULLY_PROTECTED)
		clv_host_log(store->host, CLV_LOG_WARNING,
		    "%s: the memory that the key is used in can't be locked, "
		    "and may be swapped out; raise RLIMIT_MEMLOCK "
		    "(LimitMEMLOCK= in the service unit)",
		    key->uri);
}

clv_status
clv_keyfile_wrap(const struct clv_keyfile_store *store, const clv_uri *model,
    const char *name, struct clv_soft_key *soft, bool weak, void **out,
    clv_error **err)
{
	struct clv_keyfile_key *key = calloc(1, sizeof(*key));
	char *path = clv_keyfile_path(store, name);
	clv_status status;

	if (key == NULL || path == NULL) {
		clv_soft_key_free(&soft);
		free(key);
		free(path);
		return no_memory(err);
	}
	key->soft = soft;
	key->properties =
	    CLV_KEY_EXTRACTABLE | (weak ? CLV_KEY_WEAK_PROTECTION : 0);
	key->label = clv_keyfile_label(name);
	status = key->label != NULL
	    ? clv_uri_build(store->kind->scheme, path, model, &key->uri, err)
	    : no_memory(err);
	free(path);
	if (status != CLV_OK) {
		clv_keyfile_close(key);
		return status;
	}
	tell_if_unprotected(store, key);
	*out = key;
	return CLV_OK;
}

clv_status
clv_keyfile_open(void *handle, const clv_uri *uri, void **key, clv_error **err)
{
	struct clv_keyfile_store *store = handle;
	struct clv_soft_key *soft = NULL;
	struct clv_pkcs8_facts facts = {0};
	clv_secret text = CLV_SECRET_INIT;
	clv_secret pkcs8 = CLV_SECRET_INIT;
	char *name = NULL;
	clv_status status;

	*key = NULL;
	if ((status = clv_keyfile_name(store, uri, &name, err)) != CLV_OK ||
	    (status = clv_keyfile_read(store, name, &text, err)) != CLV_OK ||
	    (status = clv_keyfile_decode(store, name,
		 clv_keyfile_source(store, uri), &text, &pkcs8, &facts, err)) !=
		CLV_OK ||
	    (status = clv_soft_key_new(&pkcs8, &soft, err)) != CLV_OK)
		goto out;
	status = clv_keyfile_wrap(store, uri, name, soft, facts.weak, key, err);
out:
	clv_secret_clear(&pkcs8);
	clv_secret_clear(&text);
	free(name);
	return status;
}

void
clv_keyfile_close(void *handle)
{
	struct clv_keyfile_key *key = handle;

	clv_soft_key_free(&key->soft);
	clv_free(key->uri);
	free(key->label);
	free(key);
}

void
clv_keyfile_facts(void *handle, struct clv_key_facts *facts)
{
	const struct clv_keyfile_key *key = handle;
	struct clv_soft_public known;

	clv_soft_key_public(key->soft, &known);
	*facts = (struct clv_key_facts){.uri = key->uri,
	    .label = key->label,
	    .id = known.id,
	    .id_size = known.id_size,
	    .public_key = known.der,
	    .public_key_size = known.size,
	    .properties = key->properties};
}

bool
clv_keyfile_can(void *handle, const struct clv_mechanism *mechanism)
{
	const struct clv_keyfile_key *key = handle;

	return clv_soft_key_can(key->soft, mechanism);
}

clv_status
clv_keyfile_sign(void *handle, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, uint8_t *signature,
    clv_error **err)
{
	const struct clv_keyfile_key *key = handle;

	return clv_soft_key_sign(
	    key->soft, mechanism, input, input_size, signature, err);
}

clv_status
clv_keyfile_decrypt(void *handle, const struct clv_mechanism *mechanism,
    const uint8_t *ciphertext, size_t ciphertext_size, uint8_t *plaintext,
    size_t *size, clv_error **err)
{
	const struct clv_keyfile_key *key = handle;

	return clv_soft_key_decrypt(key->soft, mechanism, ciphertext,
	    ciphertext_size, plaintext, size, err);
}

clv_status
clv_keyfile_rsa_raw(
    void *handle, const uint8_t *input, uint8_t *output, clv_error **err)
{
	const struct clv_keyfile_key *key = handle;

	return clv_soft_key_rsa_raw(key->soft, input, output, err);
}
