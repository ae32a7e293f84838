/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "run.h"

#include "login.h"
#include "mutex.h"

/* Each of them is another level of repair: sessions, then the module. */
#define TRIES 3U
/* Losses that other threads have repaired already do not count, within
 * reason. */
#define OVERTAKEN_MAX 16U
/* When starting the module anew did not help, it is not tried for so long. */
#define FUTILE_SECONDS 10

struct repair {
	struct p11_call *call;
	struct p11_token *token;
	CK_RV rv;
	unsigned generation; /* that the failed try had */
	unsigned starts;
	unsigned tries; /* that failed, this one included */
	unsigned overtaken;
	bool restarted;
};

CK_RV
clv_p11_call_raised(struct p11_call *call, clv_status status)
{
	call->raised = status;
	return CLV_CKR_RAISED;
}

/* With one session, as far as it goes. */
static CK_RV
try_once(struct p11_call *call, unsigned *generation)
{
	struct p11_token *token = call->store->token;
	CK_RV rv;

	call->spoilt = false;
	*generation = atomic_load(&token->generation);
	rv = clv_p11_session_acquire(
	    token, call->writes, &call->visit, &call->session);
	if (rv != CKR_OK)
		return rv;
	*generation = call->session->generation;
	if (!call->public)
		rv = clv_p11_login(call);
	if (rv == CKR_OK)
		rv = call->step(call, call->argument);
	if (clv_p11_fault(rv) == P11_FAULT_NONE && call->visit.inside &&
	    !call->spoilt) {
		clv_p11_session_release(token, call->session, &call->visit);
	} else {
		(void)clv_p11_mutex_relieve();
		clv_p11_session_discard(token, call->session, &call->visit);
	}
	call->session = NULL;
	return rv;
}

/* Where the token is now: CKR_OK if it is still in its slot or in another. */
static CK_RV
locate(struct p11_token *token)
{
	struct p11_identity now = {0};
	CK_SLOT_ID slot = atomic_load(&token->slot);
	CK_RV rv = clv_p11_place_read(token->module, slot, &now, NULL);

	if (rv == CKR_OK && clv_p11_identity_equal(&now, &token->identity))
		return CKR_OK;
	if (rv != CKR_OK && clv_p11_fault(rv) == P11_FAULT_MODULE)
		return rv;
	rv = clv_p11_place_locate(token->module, &token->identity, &slot);
	if (rv == CKR_OK)
		atomic_store(&token->slot, slot);
	return rv;
}

/* Gives the sessions up and looks for the token, from inside. */
static CK_RV
look_around(struct repair *repair, bool forget)
{
	struct p11_token *token = repair->token;
	struct p11_visit visit;
	CK_RV rv = clv_p11_module_enter(token->module, &visit);

	if (rv != CKR_OK)
		return rv;
	clv_p11_gate_unlock(&token->module->gate);
	if (forget)
		clv_p11_token_forget(token, repair->generation);
	rv = locate(token);
	if (rv != CKR_OK)
		(void)clv_p11_mutex_relieve();
	clv_p11_module_leave(token->module, &visit);
	return rv;
}

static bool
is_futile(const struct p11_module *module)
{
	const time_t when = atomic_load(&module->futile);
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return when != 0 && now.tv_sec - when < FUTILE_SECONDS;
}

static CK_RV
restart(struct repair *repair)
{
	struct p11_module *module = repair->token->module;
	CK_RV rv;

	if (repair->restarted)
		return repair->rv;
	repair->restarted = true;
	clv_host_log(repair->call->store->host, CLV_LOG_NOTICE,
	    "%s: starting the PKCS#11 module anew", module->path);
	rv = clv_p11_module_restart(module, repair->starts);
	return rv == CKR_OK ? look_around(repair, false) : rv;
}

/*
 * General failures mean anything. If the token still answers, the input may
 * be to blame, or this session; if it fails again, or the token does not
 * answer, the module has to be started anew.
 */
static CK_RV
repair_module(struct repair *repair)
{
	const bool dead = repair->rv == CKR_DEVICE_ERROR ||
	    repair->rv == CLV_CKR_NO_SLOTS ||
	    repair->rv == CKR_CRYPTOKI_NOT_INITIALIZED;
	CK_RV rv = dead ? repair->rv : look_around(repair, true);

	if (clv_p11_fault(rv) == P11_FAULT_DEVICE)
		return rv;
	if (rv == CKR_OK && repair->call->data_dependent)
		return CKR_ENCRYPTED_DATA_INVALID;
	if (rv == CKR_OK && repair->tries == 1)
		return CKR_OK;
	if (!dead && is_futile(repair->token->module))
		return repair->rv;
	return restart(repair);
}

/* CKR_OK: worth another try; else what to tell. */
static CK_RV
repair_fault(struct repair *repair)
{
	CK_RV rv;

	switch (clv_p11_fault(repair->rv)) {
	case P11_FAULT_NONE:
		return repair->rv;
	case P11_FAULT_BUSY:
		return CKR_OK;
	case P11_FAULT_SESSION:
	case P11_FAULT_DEVICE:
		if (repair->tries > 1)
			return restart(repair);
		rv = look_around(repair, true);
		break;
	default:
		rv = repair_module(repair);
		break;
	}
	/* Looking around may have found more trouble. */
	if (clv_p11_fault(rv) == P11_FAULT_MODULE && !repair->restarted &&
	    rv != repair->rv)
		rv = restart(repair);
	return rv;
}

static void
tell(const struct repair *repair)
{
	char room[P11_NAME_ROOM];

	clv_host_log(repair->call->store->host, CLV_LOG_NOTICE,
	    "token \"%s\": recovered from %s", repair->token->identity.label,
	    clv_p11_rv_name(repair->rv, room));
}

static clv_status
finish(struct p11_call *call, const struct repair *repair, CK_RV rv)
{
	if (rv == CLV_CKR_RAISED)
		return call->raised;
	if (rv != CKR_OK && repair->restarted) {
		struct timespec now;

		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		atomic_store(&call->store->module->futile, now.tv_sec);
	}
	return clv_p11_raise(rv, call->operation, call->subject, call->err);
}

static clv_status
try_and_repair(struct p11_call *call)
{
	struct repair repair = {.call = call, .token = call->store->token};
	CK_RV rv;

	call->f = call->store->module->f;
	for (;;) {
		rv = try_once(call, &repair.generation);
		if (rv == CKR_OK) {
			if (repair.tries > 0)
				tell(&repair);
			return CLV_OK;
		}
		if (rv == CLV_CKR_RAISED)
			return call->raised;
		if (clv_p11_fault(rv) != P11_FAULT_NONE)
			atomic_store(&repair.token->suspect, P11_SUSPECT);
		if (clv_p11_fault(rv) == P11_FAULT_SESSION &&
		    atomic_load(&repair.token->generation) !=
			repair.generation &&
		    ++repair.overtaken < OVERTAKEN_MAX)
			continue;
		repair.rv = rv;
		repair.starts = call->visit.starts;
		if (++repair.tries == TRIES)
			return finish(call, &repair, rv);
		rv = repair_fault(&repair);
		if (rv != CKR_OK)
			return finish(call, &repair, rv);
	}
}

clv_status
clv_p11_run(struct p11_call *call)
{
	const clv_status status = try_and_repair(call);

	clv_secret_clear(&call->unjudged.pin);
	return status;
}
