/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Going into a module and out again; starting it anew; forks. */

#include "module.h"

#include <string.h>

#include "mutex.h"
#include "token.h"

/* How long to wait for other threads' calls before starting anew. */
#define DRAIN_MS 4000U
/* How long to wait for a module that is starting or in single use. */
#define ENTER_MS 30000U

/*
 * p11-kit's client writes into a socket whose other end may be dead, which
 * would end the process.
 */
void
clv_p11_visit_begin(const struct p11_module *module, struct p11_visit *visit)
{
	sigset_t pipe;
	sigset_t pending;

	visit->guarded = module->fragile;
	if (!module->fragile)
		return;
	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)sigpending(&pending);
	visit->pending = sigismember(&pending, SIGPIPE) == 1;
	(void)pthread_sigmask(SIG_BLOCK, &pipe, &visit->mask);
}

void
clv_p11_visit_end(const struct p11_visit *visit)
{
	const struct timespec now = {0, 0};
	sigset_t pipe;

	if (!visit->guarded)
		return;
	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	if (!visit->pending)
		while (sigtimedwait(&pipe, NULL, &now) == SIGPIPE)
			continue;
	(void)pthread_sigmask(SIG_SETMASK, &visit->mask, NULL);
}

static void
lose_all_sessions(struct p11_module *module)
{
	for (struct p11_token *token = module->tokens; token != NULL;
	     token = token->next)
		clv_p11_token_lost(token);
}

/* The child's first look at the module: its other threads did not come
 * along, and the module has to be told that this is another process. */
static void
arrive_in_child(struct p11_module *module)
{
	clv_p11_mutex_after_fork();
	module->inherited = true;
	/* What the parent tried in vain may help here: a thread of it that was
	 * inside may have left the module's secrets half-changed. */
	atomic_store(&module->futile, 0);
	module->closed = false;
	module->inside = 0;
	for (struct p11_token *token = module->tokens; token != NULL;
	     token = token->next)
		clv_p11_token_forked(token);
}

static void
lock(struct p11_module *module)
{
	if (clv_p11_gate_lock(&module->gate))
		arrive_in_child(module);
}

/* With the gate locked and the module closed to others: C_Initialize with the
 * gate open, so that it is not held in a call. */
static CK_RV
start_closed(struct p11_module *module, bool finalise)
{
	struct p11_visit visit;
	CK_RV rv;

	clv_p11_gate_unlock(&module->gate);
	clv_p11_visit_begin(module, &visit);
	if (finalise)
		(void)module->f->C_Finalize(NULL);
	rv = clv_p11_module_initialise(module);
	clv_p11_visit_end(&visit);
	(void)clv_p11_gate_lock(&module->gate);
	return rv;
}

/* PKCS#11 2.40, 2.4: a child calls C_Initialize itself. One whose module says
 * that it need not (0x191) goes on with what it inherited. */
static CK_RV
start_in_child(struct p11_module *module)
{
	const bool ours = module->ours;
	CK_RV rv;

	module->closed = true;
	module->ours = false;
	rv = start_closed(module, false);
	module->closed = false;
	module->inherited = rv != CKR_OK;
	if (rv == CKR_OK && module->ours)
		lose_all_sessions(module);
	module->ours |= ours;
	module->starts++;
	clv_p11_gate_changed(&module->gate);
	return rv;
}

CK_RV
clv_p11_module_enter(struct p11_module *module, struct p11_visit *visit)
{
	struct timespec deadline = {0, 0};
	CK_RV rv;

	visit->inside = false;
	visit->guarded = false;
	lock(module);
	while (
	    module->closed || (module->one_at_a_time && module->inside > 0)) {
		if (deadline.tv_sec == 0)
			deadline = clv_p11_deadline(ENTER_MS);
		if (!clv_p11_gate_wait(&module->gate, &deadline)) {
			clv_p11_gate_unlock(&module->gate);
			return CLV_CKR_NO_SESSION;
		}
	}
	if (module->inherited && (rv = start_in_child(module)) != CKR_OK) {
		clv_p11_gate_unlock(&module->gate);
		return rv;
	}
	module->inside++;
	visit->starts = module->starts;
	visit->inside = true;
	clv_p11_visit_begin(module, visit);
	return CKR_OK;
}

void
clv_p11_module_leave(struct p11_module *module, struct p11_visit *visit)
{
	if (!visit->inside)
		return;
	clv_p11_visit_end(visit);
	visit->inside = false;
	(void)clv_p11_gate_lock(&module->gate);
	module->inside--;
	clv_p11_gate_changed(&module->gate);
	clv_p11_gate_unlock(&module->gate);
}

static bool
drain(struct p11_module *module)
{
	const struct timespec deadline = clv_p11_deadline(DRAIN_MS);

	while (module->inside > 0)
		if (!clv_p11_gate_wait(&module->gate, &deadline))
			return module->inside == 0;
	return true;
}

CK_RV
clv_p11_module_restart(struct p11_module *module, unsigned starts)
{
	CK_RV rv = CKR_OK;

	lock(module);
	while (module->closed) {
		const struct timespec deadline = clv_p11_deadline(ENTER_MS);

		if (!clv_p11_gate_wait(&module->gate, &deadline)) {
			clv_p11_gate_unlock(&module->gate);
			return CLV_CKR_NO_SESSION;
		}
	}
	if (module->starts == starts) {
		module->closed = true;
		if (drain(module)) {
			rv = start_closed(module, module->ours);
			module->starts++;
			lose_all_sessions(module);
		} else {
			rv = CLV_CKR_NO_SESSION;
		}
		module->closed = false;
		clv_p11_gate_changed(&module->gate);
	}
	clv_p11_gate_unlock(&module->gate);
	return rv;
}

void
clv_p11_module_serialise(struct p11_module *module)
{
	lock(module);
	module->one_at_a_time = true;
	clv_p11_gate_unlock(&module->gate);
}
