/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "token.h"

#include <stdlib.h>

static struct p11_token *
find_token(struct p11_module *module, const struct p11_identity *identity)
{
	struct p11_token *token = module->tokens;

	while (token != NULL &&
	    !clv_p11_identity_equal(&token->identity, identity))
		token = token->next;
	return token;
}

static struct p11_token *
token_new(struct p11_module *module, const struct p11_place *place)
{
	struct p11_token *token = calloc(1, sizeof(*token));

	if (token == NULL)
		return NULL;
	token->module = module;
	token->references = 1;
	token->identity = place->token;
	atomic_init(&token->slot, place->slot);
	atomic_init(&token->generation, 1);
	atomic_init(&token->keys, 0);
	atomic_init(&token->suspect, 0);
	token->next = module->tokens;
	module->tokens = token;
	return token;
}

CK_RV
clv_p11_token_open(struct p11_module *module, const struct p11_place *place,
    struct p11_token **out)
{
	struct p11_visit visit;
	CK_RV rv = clv_p11_module_enter(module, &visit);

	*out = NULL;
	if (rv != CKR_OK)
		return rv;
	*out = find_token(module, &place->token);
	if (*out != NULL)
		(*out)->references++;
	else
		*out = token_new(module, place);
	clv_p11_gate_unlock(&module->gate);
	clv_p11_module_leave(module, &visit);
	return *out != NULL ? CKR_OK : CLV_CKR_NO_MEMORY;
}

static void
unlink_token(struct p11_token *token)
{
	struct p11_token **link = &token->module->tokens;

	while (*link != token)
		link = &(*link)->next;
	*link = token->next;
}

static void
close_sessions(struct p11_module *module, struct p11_session *list)
{
	while (list != NULL) {
		struct p11_session *session = list;

		list = session->next;
		(void)module->f->C_CloseSession(session->handle);
		free(session);
	}
}

static void
free_sessions(struct p11_session *list)
{
	while (list != NULL) {
		struct p11_session *session = list;

		list = session->next;
		free(session);
	}
}

/* Gate locked. True if it was the last reference: the token is in no list any
 * more. */
static bool
drop(struct p11_token *token)
{
	if (--token->references > 0)
		return false;
	unlink_token(token);
	return true;
}

void
clv_p11_token_close(struct p11_token **handle)
{
	struct p11_token *token = *handle;
	struct p11_module *module;
	struct p11_visit visit;
	bool last;

	*handle = NULL;
	if (token == NULL)
		return;
	module = token->module;
	/* In a module that does not come back, as in a child, or soon enough,
	 * there is nothing to close. */
	if (clv_p11_module_enter(module, &visit) != CKR_OK)
		(void)clv_p11_gate_lock(&module->gate);
	last = drop(token);
	clv_p11_gate_unlock(&module->gate);
	if (last && visit.inside)
		close_sessions(module, token->idle);
	else if (last)
		free_sessions(token->idle);
	clv_p11_module_leave(module, &visit);
	if (!last)
		return;
	clv_secret_clear(&token->pin);
	free(token);
}

void
clv_p11_token_lost(struct p11_token *token)
{
	atomic_fetch_add(&token->generation, 1);
	free_sessions(token->idle);
	token->idle = NULL;
	token->open = 0;
	token->limit = 0;
	token->logged_in = false;
}

void
clv_p11_token_forked(struct p11_token *token)
{
	/* Sessions that the parent's other threads have are not ours. */
	token->open = 0;
	for (struct p11_session *session = token->idle; session != NULL;
	     session = session->next)
		token->open++;
	token->logging_in = false;
	/* The kernel has wiped it, or should have. */
	clv_secret_clear(&token->pin);
}

void
clv_p11_token_forget(struct p11_token *token, unsigned generation)
{
	struct p11_module *module = token->module;
	struct p11_session *idle;

	(void)clv_p11_gate_lock(&module->gate);
	if (atomic_load(&token->generation) != generation) {
		clv_p11_gate_unlock(&module->gate);
		return;
	}
	idle = token->idle;
	token->idle = NULL;
	clv_p11_token_lost(token);
	clv_p11_gate_changed(&module->gate);
	clv_p11_gate_unlock(&module->gate);
	close_sessions(module, idle);
}

void
clv_p11_token_relieve(struct p11_token *token)
{
	unsigned left = atomic_load(&token->suspect);

	while (left > 0 &&
	    !atomic_compare_exchange_weak(&token->suspect, &left, left - 1))
		continue;
}
