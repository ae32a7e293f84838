/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A context whose tpm2 backend talks through the fault TCTI to a software TPM
 * of its own.
 */
#ifndef CLV_TPM2_FIXTURE_H
#define CLV_TPM2_FIXTURE_H

#include <claviger/ask.h>
#include <claviger/key.h>

#include "fake/fault_tcti.h"
#include "fake/swtpm_lab.h"
#include "testing.h"

struct tpm_lab {
	struct swtpm_lab swtpm;
	clv_context *context;
	clv_store *store;
	char store_uri[LAB_PATH + 16];
	/* What the callback answers; NULL: nobody is there. */
	const char *auth;
	const char *new_auth;
	const char *owner_auth;
	unsigned asked;
	int tries_left; /* as the last question said */
	unsigned flags;
	char log[4096];
};

/* For cmocka: state is the lab. Teardown fails if anything is left in the
 * TPM. */
int tpm_lab_setup(void **state);
int tpm_lab_teardown(void **state);

/* Frees store and context and makes new ones. */
void tpm_lab_reopen(struct tpm_lab *lab);
/* A context of the same kind. */
clv_context *tpm_lab_context(struct tpm_lab *lab);

/* Makes a key with lab->new_auth; lab->auth is set to the same. */
clv_key *tpm_lab_key(
    struct tpm_lab *lab, clv_algorithm algorithm, const char *label);
/* Its URI, to be freed, and the key closed. */
char *tpm_lab_key_uri(
    struct tpm_lab *lab, clv_algorithm algorithm, const char *label);

/* Signs with the algorithm's usual scheme and verifies with OpenSSL. */
clv_status tpm_lab_sign(clv_key *key, clv_error **err);
/* Encrypts with OpenSSL and decrypts with OAEP-SHA256. */
clv_status tpm_lab_decrypt(clv_key *key, clv_error **err);

/* How many transient objects and loaded sessions there are. */
unsigned tpm_lab_left(const struct tpm_lab *lab);
/* Writes a file into the lab's directory; returns its path, to be freed. */
char *tpm_lab_file(
    const struct tpm_lab *lab, const char *name, const char *content);

#endif
