/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A token that stores of this process use: its sessions, and who is logged
 * in. All stores share it, since a token may allow one session only and a
 * login is good for the whole process.
 */
#ifndef CLV_PKCS11_TOKEN_H
#define CLV_PKCS11_TOKEN_H

#include <claviger/secret.h>

#include "place.h"

/* How many keys a session remembers to have proven. */
#define P11_PROVEN_MAX 8U

struct p11_session {
	struct p11_session *next;
	CK_SESSION_HANDLE handle;
	pthread_t thread;    /* that used it last */
	unsigned generation; /* of the token when it was opened */
	unsigned starts;     /* of the module then */
	bool writes;
	/* The numbers of keys that made a signature in it that was verified;
	 * the latest ones. */
	unsigned long proven[P11_PROVEN_MAX];
	unsigned proven_next;
};

/* Guarded by the module's gate, but for what never changes. */
struct p11_token {
	struct p11_token *next;
	struct p11_module *module;
	unsigned references;
	struct p11_identity identity; /* never changes */
	_Atomic(CK_SLOT_ID) slot;

	/* Goes up when all sessions are lost: handles of objects and
	 * sessions of an earlier generation mean nothing any more. */
	atomic_uint generation;
	struct p11_session *idle;
	unsigned open;  /* sessions of this generation, idle ones included */
	unsigned limit; /* of the above, once the token has told; 0: none */
	struct timespec limit_until;

	atomic_bool logged_in; /* changes with the gate locked only */
	bool logging_in;
	pthread_t login_thread;
	unsigned login_failures;
	clv_status login_status; /* of the last one that failed */
	/* The PIN that the token accepted, to log in again after a loss. */
	clv_secret pin;

	atomic_ulong keys; /* that were opened: the number of the last one */

	/* Faults were seen: signatures are verified for a while. */
	atomic_uint suspect;
};

/* How many signatures are verified after a fault. */
#define P11_SUSPECT 16U

CK_RV clv_p11_token_open(struct p11_module *module,
    const struct p11_place *place, struct p11_token **out);
/* The module must be entered by nobody on behalf of this reference. */
void clv_p11_token_close(struct p11_token **token);

/* All sessions are gone, and nothing needs to be closed. Gate locked. */
void clv_p11_token_lost(struct p11_token *token);
/* The same in a child whose module may let it keep the idle ones. */
void clv_p11_token_forked(struct p11_token *token);

/* Gives the sessions of `generation` up, as something is wrong with them;
 * does nothing if that was done before. From inside. */
void clv_p11_token_forget(struct p11_token *token, unsigned generation);

/* A signature was right: one less to verify. */
void clv_p11_token_relieve(struct p11_token *token);

/*
 * A session for this thread alone, preferably the one it had before. Enters
 * the module; on CKR_OK the caller is inside until it releases the session.
 */
CK_RV clv_p11_session_acquire(struct p11_token *token, bool writes,
    struct p11_visit *visit, struct p11_session **out);
/* Both leave the module. */
void clv_p11_session_release(struct p11_token *token,
    struct p11_session *session, struct p11_visit *visit);
void clv_p11_session_discard(struct p11_token *token,
    struct p11_session *session, struct p11_visit *visit);

/* Whether the open key with this number has proven itself in the session, and
 * that it has. */
bool clv_p11_session_has_proven(
    const struct p11_session *session, unsigned long key);
void clv_p11_session_prove(struct p11_session *session, unsigned long key);

/*
 * Stays with the session, but outside the module, while a person is asked;
 * the return may fail as entering does.
 */
void clv_p11_session_step_out(struct p11_token *token, struct p11_visit *visit);
CK_RV clv_p11_session_step_in(struct p11_token *token, struct p11_visit *visit);

/*
 * The same for waiting until something changes, with the gate locked before
 * and after. CKR_SESSION_HANDLE_INVALID: the module was started anew.
 */
CK_RV clv_p11_session_wait(struct p11_token *token, struct p11_visit *visit,
    const struct timespec *deadline);

#endif
