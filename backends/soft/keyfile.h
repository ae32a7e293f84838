/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Stores that are directories, with one private key a file: what the backends
 * file and pem have in common. A backend is a clv_keyfile_kind and a
 * struct clv_backend whose methods are mostly those below.
 */
#ifndef CLV_BACKENDS_KEYFILE_H
#define CLV_BACKENDS_KEYFILE_H

#include "soft.h"

#include "base/pkcs8.h"

/* No file of a key is larger; a larger one is refused unread. */
#define CLV_KEYFILE_MAX (16U * 1024U)

struct clv_keyfile_store;

/* What makes the difference. */
struct clv_keyfile_kind {
	const char *scheme;
	/* The attributes of its URIs, NULL at the end. */
	const char *const *attributes;
	/* Whether the files are encrypted; the other sort is refused. */
	bool encrypts;
	/* Checks the options of a new key before anything is done. NULL:
	 * there are none. */
	clv_status (*check)(const struct clv_key_spec *spec, clv_error **err);
	/* Makes a file's content of a key; asks for what it needs. `key` is
	 * made of the same `pkcs8`. */
	clv_status (*encode)(struct clv_keyfile_store *store,
	    const struct clv_key_spec *spec, const char *subject,
	    const clv_secret *pkcs8, const struct clv_soft_key *key,
	    clv_secret *text, clv_error **err);
};

struct clv_keyfile_store {
	const struct clv_keyfile_kind *kind;
	clv_host *host;
	char *directory; /* absolute */
	clv_uri *uri;
};

struct clv_keyfile_key {
	struct clv_soft_key *soft;
	char *uri;
	char *label;
	unsigned properties;
};

/* ---- store.c ---- */

clv_status clv_keyfile_store_open(const struct clv_keyfile_kind *kind,
    clv_host *host, const clv_uri *uri, bool of_key, void **store,
    clv_error **err);
void clv_keyfile_store_close(void *store);

/* The name within the store's directory of the file that `uri` names.
 * CLV_INVALID if it lies elsewhere. Free with free(). */
clv_status clv_keyfile_name(const struct clv_keyfile_store *store,
    const clv_uri *uri, char **name, clv_error **err);
/* The same name as a path. Free with free(). NULL: no memory. */
char *clv_keyfile_path(const struct clv_keyfile_store *store, const char *name);
/* The label that a file name stands for. Free with free(). */
char *clv_keyfile_label(const char *name);
/* Where passwords come from, by the key's URI or the store's; or NULL. */
const char *clv_keyfile_source(
    const struct clv_keyfile_store *store, const clv_uri *uri);
/* Raises `inner` again, with what was done to what; frees it. */
clv_status clv_keyfile_raise(clv_error **err, clv_status status,
    clv_error *inner, const char *operation, const char *subject);

/* ---- key.c ---- */

/* Reads a file that the guard accepts. */
clv_status clv_keyfile_read(const struct clv_keyfile_store *store,
    const char *name, clv_secret *text, clv_error **err);
/* Reads and decrypts the key in `text`; asks for the password by `source`. */
clv_status clv_keyfile_decode(const struct clv_keyfile_store *store,
    const char *name, const char *source, const clv_secret *text,
    clv_secret *pkcs8, struct clv_pkcs8_facts *facts, clv_error **err);
/* Takes over `soft`, also on failure. */
clv_status clv_keyfile_wrap(const struct clv_keyfile_store *store,
    const clv_uri *model, const char *name, struct clv_soft_key *soft,
    bool weak, void **key, clv_error **err);

clv_status clv_keyfile_open(
    void *store, const clv_uri *uri, void **key, clv_error **err);
void clv_keyfile_close(void *key);
void clv_keyfile_facts(void *key, struct clv_key_facts *facts);
bool clv_keyfile_can(void *key, const struct clv_mechanism *mechanism);
clv_status clv_keyfile_sign(void *key, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, uint8_t *signature,
    clv_error **err);
clv_status clv_keyfile_decrypt(void *key, const struct clv_mechanism *mechanism,
    const uint8_t *ciphertext, size_t ciphertext_size, uint8_t *plaintext,
    size_t *size, clv_error **err);
clv_status clv_keyfile_rsa_raw(
    void *key, const uint8_t *input, uint8_t *output, clv_error **err);

/* ---- list.c ---- */

clv_status clv_keyfile_list(
    void *store, clv_list_fn *fn, void *user, clv_error **err);

/* ---- change.c ---- */

clv_status clv_keyfile_generate(
    void *store, const struct clv_key_spec *spec, void **key, clv_error **err);
clv_status clv_keyfile_import(void *store, const struct clv_key_spec *spec,
    const clv_secret *pkcs8, void **key, clv_error **err);
clv_status clv_keyfile_delete(void *store, const clv_uri *uri, clv_error **err);
/* Replaces the content of a file by `text`, if it still holds `old`. */
clv_status clv_keyfile_replace(const struct clv_keyfile_store *store,
    const char *name, const clv_secret *old, const clv_secret *text,
    clv_error **err);

#endif
