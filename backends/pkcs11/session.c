/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The pool of a token's sessions. */

#include <stdlib.h>

#include "token.h"

/* How long to wait where all the token's sessions are in use. */
#define SESSION_MS 30000U
/* How long the token's word is good that it has no more. */
#define LIMIT_MS 1000U

/* Takes a session out of the pool: the one this thread had last, if it is
 * free. Gate locked. */
static struct p11_session *
take_idle(struct p11_token *token, bool writes)
{
	const pthread_t self = pthread_self();
	struct p11_session **best = NULL;
	struct p11_session *session;

	for (struct p11_session **link = &token->idle; *link != NULL;
	     link = &(*link)->next) {
		if (writes && !(*link)->writes)
			continue;
		if (best == NULL)
			best = link;
		if (pthread_equal((*link)->thread, self)) {
			best = link;
			break;
		}
	}
	if (best == NULL)
		return NULL;
	session = *best;
	*best = session->next;
	session->next = NULL;
	return session;
}

/* Gate locked. */
static void
put_idle(struct p11_token *token, struct p11_session *session)
{
	session->thread = pthread_self();
	session->next = token->idle;
	token->idle = session;
}

/* With its last session, Cryptoki logs the user out, and handles of private
 * objects end. Gate locked. */
static void
count_closed(struct p11_token *token)
{
	if (--token->open == 0)
		clv_p11_token_lost(token);
}

/* Opens one more. Inside, the gate unlocked; token->open counts it already. */
static CK_RV
open_session(struct p11_token *token, bool writes, struct p11_session **out)
{
	struct p11_module *module = token->module;
	struct p11_session *session = calloc(1, sizeof(*session));
	CK_RV rv;

	if (session == NULL)
		return CLV_CKR_NO_MEMORY;
	session->writes = writes;
	session->generation = atomic_load(&token->generation);
	session->starts = module->starts; /* constant while we are inside */
	rv = module->f->C_OpenSession(atomic_load(&token->slot),
	    CKF_SERIAL_SESSION | (writes ? CKF_RW_SESSION : 0UL), NULL, NULL,
	    &session->handle);
	if (rv != CKR_OK) {
		free(session);
		return rv;
	}
	*out = session;
	return CKR_OK;
}

/* Out of a pool that is full of read-only sessions, one has to go. Gate
 * locked; unlocks it for the call. */
static bool
make_room(struct p11_token *token)
{
	struct p11_session *session = take_idle(token, false);

	if (session == NULL)
		return false;
	count_closed(token);
	clv_p11_gate_unlock(&token->module->gate);
	(void)token->module->f->C_CloseSession(session->handle);
	free(session);
	(void)clv_p11_gate_lock(&token->module->gate);
	return true;
}

/* The token's answer to one session too many. Gate locked. */
static CK_RV
refused(struct p11_token *token)
{
	token->open--;
	if (token->open == 0)
		return CKR_SESSION_COUNT; /* others have them all */
	token->limit = token->open;
	token->limit_until = clv_p11_deadline(LIMIT_MS);
	return CKR_OK;
}

/* Other processes may have closed some of theirs. */
static bool
is_at_limit(struct p11_token *token)
{
	struct timespec now;

	if (token->limit == 0 || token->open < token->limit)
		return false;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec > token->limit_until.tv_sec)
		token->limit = 0;
	return token->limit != 0;
}

/* Opens a session in place of waiting. Gate locked before and after. */
static CK_RV
open_another(struct p11_token *token, bool writes, struct p11_session **out)
{
	const unsigned generation = atomic_load(&token->generation);
	CK_RV rv;

	token->open++;
	clv_p11_gate_unlock(&token->module->gate);
	rv = open_session(token, writes, out);
	(void)clv_p11_gate_lock(&token->module->gate);
	if (rv == CKR_OK || atomic_load(&token->generation) != generation)
		return rv;
	if (rv == CKR_SESSION_COUNT)
		return refused(token);
	token->open--;
	return rv;
}

/* Waiting happens outside the module, so that it can start anew meanwhile. */
CK_RV
clv_p11_session_wait(struct p11_token *token, struct p11_visit *visit,
    const struct timespec *deadline)
{
	struct p11_module *module = token->module;
	const unsigned starts = module->starts;
	bool changed;

	module->inside--;
	clv_p11_gate_changed(&module->gate);
	do {
		changed = clv_p11_gate_wait(&module->gate, deadline);
	} while (changed &&
	    (module->closed || (module->one_at_a_time && module->inside > 0)));
	module->inside++;
	visit->starts = module->starts;
	if (!changed)
		return CLV_CKR_NO_SESSION;
	return module->starts == starts ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV
find_session(struct p11_token *token, bool writes, struct p11_visit *visit,
    struct p11_session **out)
{
	const struct timespec deadline = clv_p11_deadline(SESSION_MS);
	CK_RV rv = CKR_OK;

	while (rv == CKR_OK && *out == NULL) {
		*out = take_idle(token, writes);
		if (*out != NULL)
			break;
		if (!is_at_limit(token))
			rv = open_another(token, writes, out);
		else if (!make_room(token))
			rv = clv_p11_session_wait(token, visit, &deadline);
		if (rv == CKR_SESSION_HANDLE_INVALID && *out == NULL)
			rv = CKR_OK; /* no session of ours is concerned */
	}
	return rv;
}

CK_RV
clv_p11_session_acquire(struct p11_token *token, bool writes,
    struct p11_visit *visit, struct p11_session **out)
{
	struct p11_module *module = token->module;
	CK_RV rv;

	*out = NULL;
	rv = clv_p11_module_enter(module, visit);
	if (rv != CKR_OK)
		return rv;
	*out = take_idle(token, writes);
	if (*out == NULL)
		rv = find_session(token, writes, visit, out);
	clv_p11_gate_unlock(&module->gate);
	if (rv != CKR_OK)
		clv_p11_module_leave(module, visit);
	return rv;
}

/* Gate locked: whether the session still counts. */
static bool
is_current(const struct p11_token *token, const struct p11_session *session)
{
	return session->generation == atomic_load(&token->generation);
}

void
clv_p11_session_release(struct p11_token *token, struct p11_session *session,
    struct p11_visit *visit)
{
	struct p11_module *module = token->module;

	(void)clv_p11_gate_lock(&module->gate);
	if (!is_current(token, session)) {
		clv_p11_gate_unlock(&module->gate);
		clv_p11_session_discard(token, session, visit);
		return;
	}
	put_idle(token, session);
	module->inside--;
	visit->inside = false;
	clv_p11_gate_changed(&module->gate);
	clv_p11_gate_unlock(&module->gate);
	clv_p11_visit_end(visit);
}

/* A handle of before the module's last start may be another session's now. */
static bool
is_closable(struct p11_token *token, const struct p11_session *session,
    const struct p11_visit *visit)
{
	struct p11_module *module = token->module;
	bool closable;

	(void)clv_p11_gate_lock(&module->gate);
	closable = visit->inside && session->starts == module->starts;
	clv_p11_gate_unlock(&module->gate);
	return closable;
}

void
clv_p11_session_discard(struct p11_token *token, struct p11_session *session,
    struct p11_visit *visit)
{
	struct p11_module *module = token->module;

	if (is_closable(token, session, visit))
		(void)module->f->C_CloseSession(session->handle);
	(void)clv_p11_gate_lock(&module->gate);
	if (is_current(token, session))
		count_closed(token);
	clv_p11_gate_unlock(&module->gate);
	free(session);
	clv_p11_module_leave(module, visit);
}

void
clv_p11_session_step_out(struct p11_token *token, struct p11_visit *visit)
{
	clv_p11_module_leave(token->module, visit);
}

CK_RV
clv_p11_session_step_in(struct p11_token *token, struct p11_visit *visit)
{
	const unsigned starts = visit->starts;
	CK_RV rv = clv_p11_module_enter(token->module, visit);

	if (rv != CKR_OK)
		return rv;
	clv_p11_gate_unlock(&token->module->gate);
	/* The session went with the module that it was of. */
	return visit->starts == starts ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

bool
clv_p11_session_has_proven(const struct p11_session *session, unsigned long key)
{
	for (size_t i = 0; i < P11_PROVEN_MAX; i++)
		if (session->proven[i] == key)
			return true;
	return false;
}

void
clv_p11_session_prove(struct p11_session *session, unsigned long key)
{
	if (clv_p11_session_has_proven(session, key))
		return;
	session->proven[session->proven_next] = key;
	session->proven_next = (session->proven_next + 1) % P11_PROVEN_MAX;
}
