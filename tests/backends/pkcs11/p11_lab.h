/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the tests of the pkcs11 backend share: SoftHSM behind the proxy, a
 * context that answers PIN questions, and keys that sign. */
#ifndef CLV_P11_LAB_H
#define CLV_P11_LAB_H

#include "testing.h"

#include <claviger/context.h>
#include <claviger/key.h>

#include "fake/p11_proxy.h"
#include "fake/token_lab.h"

struct p11_lab {
	char dir[LAB_PATH];
	char proxy_path[LAB_PATH];
	struct lab_softhsm softhsm;
	const struct p11_proxy_control *proxy;

	/* What the person at the terminal answers, question by question;
	 * NULL: cancels. The last one is repeated if `repeats`. */
	const char *answers[16];
	bool repeats;
	unsigned asked;
	struct clv_ask_request request; /* the last question */
	char log[4096];
};

extern struct p11_lab lab;

/* Group set-up and tear-down; and what goes before each test: all well, no
 * PIN remembered, the right answer known. */
int p11_lab_start(void **state);
int p11_lab_stop(void **state);
int p11_lab_renew(void **state);

/* Obeys directives of the proxy, or fails the test. */
void p11_lab_run(const char *directives, ...) CLV_PRINTF(1, 2);

/* "pkcs11:token=claviger-lab;PATH?module-path=PROXY&QUERY"; either may be "".
 * Good until the eighth call after it. */
const char *p11_uri(const char *path, const char *query);

/* A context with the lab's answers. */
clv_context *p11_context(void);
clv_store *p11_store(clv_context *context);

/* Makes a key and opens it by its URI with `query` added. */
clv_key *p11_key(
    clv_context *context, clv_algorithm algorithm, const char *label);
void p11_key_delete(clv_key **key);

/* What another start of the program does with the key "ec"; the group set-up
 * that makes it and "rsa" in a child, so that this process starts cold. */
clv_status p11_open_and_sign(const char *query, clv_error **err);
int p11_lab_start_with_keys(void **state);

/* "pin-source=file:...", with that PIN in it. Room of LAB_PATH + 64. */
void p11_write_pin(const char *pin, char *source);

/*
 * From now on the file that remembers refused PINs has hashes that take no
 * time, for tests of who tries what and when, a thousand times over.
 */
void p11_lab_hash_quickly(void);

/* Signs, and checks that the signature is right whatever else happened: a
 * wrong one ends the process. */
clv_status lab_sign(clv_key *key, clv_error **err);
/* The same for a scheme. */
clv_status lab_sign_scheme(clv_key *key, clv_scheme scheme, clv_error **err);
/* Encrypts with the public key, decrypts, compares. */
clv_status lab_decrypt(clv_key *key, clv_scheme scheme, clv_error **err);

#endif
