/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * An open key.
 */
#ifndef CLV_TPM2_KEY_H
#define CLV_TPM2_KEY_H

#include "public.h"
#include "store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

struct clv_tpm_key {
	struct clv_tpm_use use; /* subject: the key's URI */
	struct clv_tpm_object object;
	char *uri;
	char *redacted;
	char *label;
	uint8_t id[CLV_TPM_ID_SIZE];
	uint8_t spki[CLV_SPKI_MAX];
	size_t spki_size;
	bool lockable;
	/* Set once, after `auth` was; several threads may find out late that
	 * the key has one, and then the first to know it wins. */
	atomic_bool has_auth;
	pthread_mutex_t auth_lock;
	char *pin_source;
	clv_secret auth;
	pid_t auth_owner; /* in a forked child the auth value is wiped */
};

/* The methods of backend.h. */
clv_status clv_tpm_key_open(
    void *store, const clv_uri *uri, void **key, clv_error **err);
void clv_tpm_key_close(void *key);
void clv_tpm_key_facts(void *key, struct clv_key_facts *facts);
clv_status clv_tpm_key_delete(void *store, const clv_uri *uri, clv_error **err);
clv_status clv_tpm_key_change_secret(
    void *store, const clv_uri *uri, clv_error **err);

bool clv_tpm_key_can(void *key, const struct clv_mechanism *mechanism);
clv_status clv_tpm_key_sign(void *key, const struct clv_mechanism *mechanism,
    const uint8_t *input, size_t input_size, uint8_t *signature,
    clv_error **err);
clv_status clv_tpm_key_decrypt(void *key, const struct clv_mechanism *mechanism,
    const uint8_t *ciphertext, size_t ciphertext_size, uint8_t *plaintext,
    size_t *size, clv_error **err);
clv_status clv_tpm_key_rsa_raw(
    void *key, const uint8_t *input, uint8_t *output, clv_error **err);
bool clv_tpm_key_has_rsa_raw(void *key);

clv_status clv_tpm_key_generate(
    void *store, const struct clv_key_spec *spec, void **key, clv_error **err);
clv_status clv_tpm_key_import(void *store, const struct clv_key_spec *spec,
    const clv_secret *pkcs8, void **key, clv_error **err);

clv_status clv_tpm_seal(clv_host *host, const clv_uri *uri,
    const clv_secret *secret, clv_error **err);
clv_status clv_tpm_unseal_file(
    clv_host *host, const clv_uri *uri, clv_secret *secret, clv_error **err);

/* ---- between the files of a key ---- */

/*
 * Makes a key of what is known about it; `auth` (or NULL) is its auth value,
 * known to be right, and moved. `name` is the file's, NULL for a persistent
 * key.
 */
clv_status clv_tpm_key_new(struct clv_tpm_store *store, const char *name,
    const struct clv_tpm_object *object, clv_secret *auth,
    struct clv_tpm_key **out, clv_error **err);
/* Asks for the auth value that a file said its key does not have. */
clv_status clv_tpm_key_ask_late(struct clv_tpm_key *key, clv_error **err);
/* Uses the key once, to see whether its auth value is right. */
clv_status clv_tpm_key_try(
    struct clv_tpm_key *key, const clv_secret *auth, clv_error **err);
/* Runs work that the owner must authorise; asks for the owner's auth value,
 * which `job` reads from `owner`, if the empty one is wrong. */
clv_status clv_tpm_run_as_owner(const struct clv_tpm_use *use,
    clv_tpm_work *work, void *job, clv_secret *owner, const char *operation,
    clv_error **err);
/* Object of a file that was read or made just now. */
clv_status clv_tpm_object_of(const struct clv_tpm_use *use,
    const struct clv_tpm_keyfile *file, struct clv_tpm_object *object,
    clv_error **err);

#endif
