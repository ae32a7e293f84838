/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * PKCS#11 modules, each loaded and initialised once per process however many
 * stores use it, and found again by its path.
 */
#ifndef CLV_PKCS11_MODULE_H
#define CLV_PKCS11_MODULE_H

#include <signal.h>
#include <time.h>

#include <openssl/types.h>

#include <claviger/error.h>

#include "cryptoki.h"
#include "gate.h"

struct p11_token;

struct p11_module {
	struct p11_module *next;
	unsigned references; /* under the registry's lock, as `ready` */
	bool ready;          /* false: another thread is loading it */
	char *path;
	void *library;
	CK_FUNCTION_LIST *f;
	struct PKCS11_ctx_st *libp11; /* attached.c */
	CK_INFO info;
	OSSL_LIB_CTX *openssl; /* borrowed; clv_crypto_context() */
	bool fragile;          /* a lost connection raises SIGPIPE */
	bool surveyed;         /* libp11 has looked at the slots */
	/* When starting it anew did not help; any thread. */
	_Atomic(time_t) futile;

	struct p11_gate gate; /* guards what follows */
	bool ours;            /* we initialised it, so we may finalise it */
	bool inherited;       /* from the parent; to be initialised */
	bool closed;          /* nobody may enter */
	bool one_at_a_time;
	unsigned inside; /* threads that may be in a call */
	unsigned starts; /* times it was initialised */
	struct p11_token *tokens;
};

/* What a thread that is inside carries with it. */
struct p11_visit {
	unsigned starts;
	bool inside;
	bool guarded; /* SIGPIPE is blocked */
	bool pending; /* and was before */
	sigset_t mask;
};

clv_status clv_p11_module_open(
    const char *path, struct p11_module **out, clv_error **err);
void clv_p11_module_close(struct p11_module **module);

/* Where the p11-kit module `name` is, from its configuration file alone. Free
 * `*path` with free(). */
clv_status clv_p11_module_find(const char *name, char **path, clv_error **err);

/*
 * Every call to the module happens between these two. Entering waits while
 * the module starts anew, and on CKR_OK leaves the gate locked, so that the
 * caller can take a session in the same step.
 */
CK_RV clv_p11_module_enter(struct p11_module *module, struct p11_visit *visit);
/* Expects the gate unlocked. */
void clv_p11_module_leave(struct p11_module *module, struct p11_visit *visit);

/* What entering and leaving do besides counting: SIGPIPE is blocked, and as it
 * was. For calls that are made while nobody can enter. */
void clv_p11_visit_begin(
    const struct p11_module *module, struct p11_visit *visit);
void clv_p11_visit_end(const struct p11_visit *visit);

/*
 * Finalises and initialises the module, once all are outside; all sessions
 * are lost. Does nothing if that has happened since `starts`.
 */
CK_RV clv_p11_module_restart(struct p11_module *module, unsigned starts);

/* C_Initialize, for visit.c: with nobody inside. */
CK_RV clv_p11_module_initialise(struct p11_module *module);

/* Only from now on: one thread at a time in the module. */
void clv_p11_module_serialise(struct p11_module *module);

#endif
