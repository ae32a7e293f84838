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

#include <openssl/evp.h>

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

#define TPM_LAB_TEST(test) \
	cmocka_unit_test_setup_teardown(test, tpm_lab_setup, tpm_lab_teardown)

/* Frees store and context. */
void tpm_lab_close(struct tpm_lab *lab);
/* The same, and makes new ones. */
void tpm_lab_reopen(struct tpm_lab *lab);
/* A context of the same kind. */
clv_context *tpm_lab_context(struct tpm_lab *lab);

/* Makes a key with lab->new_auth; lab->auth is set to the same. */
clv_key *tpm_lab_key(
    struct tpm_lab *lab, clv_algorithm algorithm, const char *label);
/* Its URI, to be freed, and the key closed. */
char *tpm_lab_key_uri(
    struct tpm_lab *lab, clv_algorithm algorithm, const char *label);

/* Opens a key in a new context, which becomes the closed lab's. */
clv_key *tpm_lab_open_key(struct tpm_lab *lab, const char *uri);

/* Signs with the algorithm's usual scheme and verifies with OpenSSL. */
clv_status tpm_lab_sign(clv_key *key, clv_error **err);
/* Opens the key for it in the lab's context. */
clv_status tpm_lab_sign_once(
    struct tpm_lab *lab, const char *uri, clv_error **err);
/* Encrypts with OpenSSL; for OAEP, with SHA-256. Returns the size. */
size_t tpm_lab_encrypt(clv_key *key, int padding, const uint8_t *text,
    size_t text_size, uint8_t *ciphertext, size_t room);
/* Encrypts with OpenSSL and decrypts with OAEP-SHA256. */
clv_status tpm_lab_decrypt(clv_key *key, clv_error **err);

/* A P-256 key of OpenSSL's, to be freed, and its PKCS#8. */
EVP_PKEY *tpm_lab_foreign_key(clv_secret *pem);

/* Runs a program that talks to the TPM; it must succeed. */
void tpm_lab_run(const struct tpm_lab *lab, const char *const *arguments);
/* What tpm2_flushcontext flushes: "-t", "-l" or a handle. */
void tpm_lab_flush(const struct tpm_lab *lab, const char *what);
/* Makes a primary key, as the owner with this auth value: the same storage
 * key that we make, or another. */
#define TPM_LAB_OTHER_KEY                                        \
	"fixedtpm|fixedparent|sensitivedataorigin|userwithauth|" \
	"restricted|decrypt"
#define TPM_LAB_STORAGE_KEY TPM_LAB_OTHER_KEY "|noda"
void tpm_lab_make_primary(
    const struct tpm_lab *lab, const char *owner_auth, const char *attributes);
/* Makes our storage key and leaves it at 0x81000001. */
void tpm_lab_keep_storage_key(
    const struct tpm_lab *lab, const char *owner_auth);

/* How many transient objects and loaded sessions there are. */
unsigned tpm_lab_left(const struct tpm_lab *lab);
/* Writes a file into the lab's directory; returns its path, to be freed. */
char *tpm_lab_file(
    const struct tpm_lab *lab, const char *name, const char *content);

#endif
