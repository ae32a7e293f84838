/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "login.h"

#include <string.h>

#include "pin.h"

#define LOGIN_MS 120000U
/* General failures of C_Login in one call, before it is left alone. */
#define FAILURES_MAX 2U
#define COUNTS \
	(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)

/* The token's word on how many tries there are; asked before each. */
static CK_RV
read_flags(struct p11_login *login)
{
	struct p11_token *token = login->call->store->token;
	struct p11_identity now = {0};
	CK_RV rv = clv_p11_place_read(
	    token->module, atomic_load(&token->slot), &now, &login->info);

	if (rv != CKR_OK)
		return rv;
	/* A PIN is for this token, not for whatever is in its slot. */
	if (!clv_p11_identity_equal(&now, &token->identity))
		return CKR_DEVICE_REMOVED;
	if (login->info.flags & CKF_USER_PIN_LOCKED)
		return CKR_PIN_LOCKED;
	if ((login->info.flags & CKF_LOGIN_REQUIRED) &&
	    (login->info.flags & CKF_TOKEN_INITIALIZED) &&
	    !(login->info.flags & CKF_USER_PIN_INITIALIZED))
		return CKR_USER_PIN_NOT_INITIALIZED;
	return CKR_OK;
}

static bool
has_bad_size(const struct p11_login *login)
{
	const CK_TOKEN_INFO *info = &login->info;

	return login->pin.size > 255 ||
	    (info->ulMaxPinLen > 0 && info->ulMaxPinLen < 256 &&
		login->pin.size > info->ulMaxPinLen) ||
	    (info->ulMinPinLen < 256 && login->pin.size < info->ulMinPinLen);
}

/*
 * Whether the PIN may have cost a try already, and would now cost another. A
 * token that misses no tries has not counted what ended in a fault. Not all of
 * them show that tries are missing, though: who dies twice in a login with the
 * same PIN may have hung there, and been killed, for a reason.
 */
static bool
is_doubtful(const struct p11_login *login, const struct p11_past *past)
{
	if ((login->info.flags & COUNTS) == 0)
		return past->unfinished > 1;
	/* Before a restart it may have been tried. */
	return past->unsure || past->unfinished > 0 || !login->attempts.lasting;
}

static void
forget_pin(struct p11_token *token)
{
	(void)clv_p11_gate_lock(&token->module->gate);
	clv_secret_clear(&token->pin);
	clv_p11_gate_unlock(&token->module->gate);
}

/* With the file locked, so that what the token and the file say holds until
 * the token has answered. CKR_PIN_INCORRECT: the next one, please. */
static CK_RV
check_pin(struct p11_login *login)
{
	struct p11_call *call = login->call;
	struct p11_past past = {0};
	clv_status status = CLV_OK;
	CK_RV rv;

	if (!clv_p11_pin_is_pad(login)) {
		login->refused = has_bad_size(login);
		if (!login->refused)
			status = clv_p11_attempts_recall(
			    &login->attempts, &login->pin, &past, call->err);
		login->refused |= past.refused;
	}
	if (status != CLV_OK)
		return clv_p11_call_raised(call, status);
	if (login->refused) {
		/* Another process may have found that it was changed. */
		if (login->from_store)
			forget_pin(call->store->token);
		return CKR_PIN_INCORRECT;
	}
	rv = read_flags(login);
	if (rv != CKR_OK)
		return rv;
	if (clv_p11_pin_is_last_try(login))
		/* It was asked on other terms? */
		return login->for_last_try ? CKR_OK : CKR_PIN_INCORRECT;
	if (clv_p11_pin_is_pad(login) || login->from_store || login->in_doubt ||
	    !is_doubtful(login, &past))
		return CKR_OK;
	login->doubt = true;
	return CKR_PIN_INCORRECT;
}

static bool
is_wrong_pin(CK_RV rv)
{
	return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID ||
	    rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_LOCKED;
}

/* Not an answer to the question. */
static bool
is_vague(CK_RV rv)
{
	const enum p11_fault fault = clv_p11_fault(rv);

	return fault == P11_FAULT_MODULE || fault == P11_FAULT_DEVICE ||
	    (rv & CKR_VENDOR_DEFINED) != 0;
}

/* A card counts before it compares: one that was pulled meanwhile misses a try
 * even if the PIN was right. */
static bool
broke_off(CK_RV rv)
{
	return clv_p11_fault(rv) == P11_FAULT_DEVICE || rv == CKR_DEVICE_ERROR;
}

/* Some modules report a wrong PIN as a general failure (OpenSC's CAC driver):
 * then the token's flags tell. */
static enum p11_outcome
judge(const struct p11_login *login, CK_RV rv)
{
	const CK_FLAGS before = login->info.flags & COUNTS;
	struct p11_token *token = login->call->store->token;
	struct p11_identity now = {0};
	CK_TOKEN_INFO info = {0};

	if (rv == CKR_OK)
		return P11_LOGIN_ACCEPTED;
	if (rv == CKR_USER_ALREADY_LOGGED_IN)
		return P11_LOGIN_UNJUDGED;
	if (is_wrong_pin(rv))
		return P11_LOGIN_REFUSED;
	if (clv_p11_place_read(token->module, atomic_load(&token->slot), &now,
		&info) != CKR_OK ||
	    !clv_p11_identity_equal(&now, &token->identity))
		return is_vague(rv) ? P11_LOGIN_UNKNOWN : P11_LOGIN_UNJUDGED;
	info.flags &= COUNTS;
	if ((info.flags & ~before) != 0)
		return broke_off(rv) ? P11_LOGIN_UNKNOWN : P11_LOGIN_REFUSED;
	/* The last one would have locked it. */
	if (info.flags == 0 || (info.flags & CKF_USER_PIN_FINAL_TRY) != 0)
		return P11_LOGIN_UNJUDGED;
	return is_vague(rv) ? P11_LOGIN_UNKNOWN : P11_LOGIN_UNJUDGED;
}

static void
keep_pin(struct p11_login *login)
{
	struct p11_token *token = login->call->store->token;

	if (login->user != CKU_USER || clv_p11_pin_is_pad(login) ||
	    login->from_store)
		return;
	(void)clv_p11_gate_lock(&token->module->gate);
	clv_secret_move(&token->pin, &login->pin);
	clv_p11_gate_unlock(&token->module->gate);
}

/* Word of the outcome. Only a refusal has to be kept at any price: without the
 * others the PIN stays in doubt. */
static CK_RV
conclude(struct p11_login *login, CK_RV rv, enum p11_outcome outcome)
{
	struct p11_call *call = login->call;
	clv_status status = CLV_OK;

	if (clv_p11_pin_is_pad(login))
		;
	else if (outcome == P11_LOGIN_REFUSED)
		status = clv_p11_attempts_end(
		    &login->attempts, &login->pin, outcome, call->err);
	else if (outcome == P11_LOGIN_ACCEPTED || !login->from_store)
		(void)clv_p11_attempts_end(
		    &login->attempts, &login->pin, outcome, NULL);
	if (status != CLV_OK)
		return clv_p11_call_raised(call, status);
	if (outcome != P11_LOGIN_REFUSED)
		return rv;
	login->refused = true;
	return rv == CKR_PIN_LOCKED ? rv : CKR_PIN_INCORRECT;
}

static CK_RV
call_login(struct p11_login *login)
{
	struct p11_call *call = login->call;
	const bool pad = clv_p11_pin_is_pad(login);
	enum p11_outcome outcome;
	CK_RV rv;

	/* A PIN that was right a moment ago does not use up tries. */
	if (!pad && !login->from_store) {
		const clv_status status = clv_p11_attempts_begin(
		    &login->attempts, &login->pin, call->err);

		if (status != CLV_OK)
			return clv_p11_call_raised(call, status);
	}
	rv = call->f->C_Login(call->session->handle, login->user,
	    pad ? NULL : login->pin.data, pad ? 0 : login->pin.size);
	outcome = judge(login, rv);
	/* What was agreed to was one try. */
	if (outcome == P11_LOGIN_UNKNOWN)
		login->for_last_try = login->in_doubt = false;
	if (outcome != P11_LOGIN_ACCEPTED && is_vague(rv)) {
		call->unjudged.failures++;
		call->unjudged.failure = rv;
	}
	if (outcome == P11_LOGIN_REFUSED && login->from_store)
		forget_pin(call->store->token);
	rv = conclude(login, rv, outcome);
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		keep_pin(login);
	return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

static CK_RV
try_locked(struct p11_login *login)
{
	struct p11_call *call = login->call;
	struct p11_token *token = call->store->token;
	clv_status status = clv_p11_attempts_open(&login->attempts,
	    &token->identity, token->module->openssl, call->err);
	CK_RV rv;

	if (status != CLV_OK)
		return clv_p11_call_raised(call, status);
	if (!login->attempts.lasting)
		clv_host_log(call->store->host, CLV_LOG_WARNING,
		    "no private directory to remember refused PINs in: set "
		    "XDG_STATE_HOME, or StateDirectory= in the service unit");
	rv = check_pin(login);
	if (rv == CKR_OK)
		rv = call_login(login);
	clv_p11_attempts_close(&login->attempts);
	return rv;
}

static CK_RV
try_pins(struct p11_login *login)
{
	CK_RV rv = CKR_OK;

	while (rv == CKR_OK && (rv = clv_p11_pin_next(login)) == CKR_OK) {
		rv = try_locked(login);
		if (rv != CKR_PIN_INCORRECT)
			break;
		login->retry |= login->refused;
		/* A pad's user may try again, but in a new call. */
		if (clv_p11_pin_is_pad(login))
			break;
		rv = read_flags(login);
	}
	return rv;
}

static CK_RV
log_in(struct p11_call *call, CK_USER_TYPE user)
{
	struct p11_login login = {
	    .call = call, .user = user, .attempts = {.fd = -1}};
	CK_RV rv = read_flags(&login);

	if (rv == CKR_OK && user == CKU_USER &&
	    (login.info.flags & CKF_LOGIN_REQUIRED) == 0)
		return CKR_OK;
	/* A wrong PIN may look like that to a token without such flags. */
	if (rv == CKR_OK && call->unjudged.failures >= FAILURES_MAX)
		return call->unjudged.failure;
	if (rv == CKR_OK)
		rv = try_pins(&login);
	if (rv != CKR_OK && rv != CLV_CKR_RAISED && !login.refused)
		clv_p11_pin_put_back(&login);
	clv_secret_clear(&login.pin);
	return rv;
}

/* Somebody else in the process may have done it. */
static bool
is_logged_in(struct p11_call *call)
{
	CK_SESSION_INFO info = {0};

	return call->f->C_GetSessionInfo(call->session->handle, &info) ==
	    CKR_OK &&
	    (info.state == CKS_RO_USER_FUNCTIONS ||
		info.state == CKS_RW_USER_FUNCTIONS);
}

/*
 * Gate locked before and after. True: this thread is to log in; else `rv` is
 * how it ended for the thread that did.
 */
static bool
take_turn(struct p11_call *call, CK_RV *rv)
{
	struct p11_token *token = call->store->token;
	const unsigned failures = token->login_failures;
	const struct timespec deadline = clv_p11_deadline(LOGIN_MS);

	*rv = CKR_OK;
	while (token->logging_in && *rv == CKR_OK) {
		/* A callback that answers may not need the answer itself. */
		if (pthread_equal(token->login_thread, pthread_self()))
			*rv = CLV_CKR_NO_SESSION;
		else
			*rv = clv_p11_session_wait(
			    token, &call->visit, &deadline);
	}
	if (*rv != CKR_OK)
		return false;
	if (token->logged_in)
		return false;
	/* One who has a PIN at hand does not depend on what others got. */
	if (token->login_failures != failures && !call->unjudged.there) {
		*rv = clv_p11_call_raised(call,
		    clv_error_raise(call->err, token->login_status,
			&(struct clv_error_info){.operation = call->operation,
			    .subject = call->subject,
			    .remedy = token->login_status == CLV_AUTH_LAST_TRY
				? P11_UNLOCK_REMEDY
				: NULL},
			"logging in failed on another thread just now"));
		return false;
	}
	token->logging_in = true;
	token->login_thread = pthread_self();
	return true;
}

static void
end_turn(struct p11_call *call, CK_RV rv)
{
	struct p11_token *token = call->store->token;

	(void)clv_p11_gate_lock(&token->module->gate);
	token->logging_in = false;
	if (rv == CKR_OK)
		token->logged_in = call->session->generation ==
		    atomic_load(&token->generation);
	if (rv == CLV_CKR_RAISED) {
		token->login_failures++;
		token->login_status = call->raised;
	}
	clv_p11_gate_changed(&token->module->gate);
	clv_p11_gate_unlock(&token->module->gate);
}

CK_RV
clv_p11_login(struct p11_call *call)
{
	struct p11_token *token = call->store->token;
	bool mine;
	CK_RV rv;

	/* For each operation, so without the gate: a login that is lost right
	 * after this look is found out in the call, as one lost later is. */
	if (atomic_load(&token->logged_in))
		return CKR_OK;
	(void)clv_p11_gate_lock(&token->module->gate);
	mine = take_turn(call, &rv);
	clv_p11_gate_unlock(&token->module->gate);
	if (!mine)
		return rv;
	rv = is_logged_in(call) ? CKR_OK : log_in(call, CKU_USER);
	end_turn(call, rv);
	return rv;
}

CK_RV
clv_p11_login_for_operation(struct p11_call *call)
{
	return log_in(call, CKU_CONTEXT_SPECIFIC);
}
