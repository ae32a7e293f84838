/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "login.h"

#include <stdio.h>
#include <string.h>

#include "attempts.h"

/* Values offered before giving up on somebody who has only wrong ones. */
#define TURNS_MAX 8U
#define LOGIN_MS 120000U

#define UNLOCK_REMEDY                                                       \
	"check the PIN; a last wrong one locks the token: try it with a "   \
	"person present (--pin-source prompt), or unblock the token first " \
	"with the security officer's PIN (pkcs11-tool --init-pin)"

/* One login: of the user, or for one operation. */
struct login {
	struct p11_call *call;
	CK_USER_TYPE user;
	CK_TOKEN_INFO info;
	struct p11_attempts attempts;
	clv_secret pin;
	unsigned turn;   /* 1 for the first value that the host gives */
	bool from_store; /* the value is the one that worked before */
	bool retry;
	bool unsure; /* how many tries there are; taken as the last one */
};

static CK_RV
raise_last_try(struct login *login)
{
	struct p11_call *call = login->call;

	return clv_p11_call_raised(call,
	    clv_error_raise(call->err, CLV_AUTH_LAST_TRY,
		&(struct clv_error_info){.operation = call->operation,
		    .subject = call->subject,
		    .remedy = UNLOCK_REMEDY},
		"one more wrong PIN would lock the token; none was tried"));
}

static CK_RV
raise_wrong(struct login *login)
{
	struct p11_call *call = login->call;
	char remedy[700];

	(void)snprintf(remedy, sizeof(remedy),
	    "give the right PIN; if the token's PIN was changed to one that "
	    "was wrong before, remove %s",
	    login->attempts.path);
	return clv_p11_call_raised(call,
	    clv_error_raise(call->err, CLV_AUTH,
		&(struct clv_error_info){.operation = call->operation,
		    .subject = call->subject,
		    .remedy = remedy,
		    .domain = CLV_DOMAIN_PKCS11,
		    .code = CKR_PIN_INCORRECT,
		    .code_name = "CKR_PIN_INCORRECT"},
		"the PIN is wrong"));
}

/* The token's word on how many tries there are; asked before each. */
static CK_RV
read_flags(struct login *login)
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
is_final(const struct login *login)
{
	return login->unsure ||
	    (login->info.flags & CKF_USER_PIN_FINAL_TRY) != 0;
}

static bool
is_pinpad(const struct login *login)
{
	return (login->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
}

static CK_RV
ask_host(struct login *login, clv_status *status)
{
	struct p11_call *call = login->call;
	const struct p11_store *store = call->store;
	const bool value = store->selector.pin_value != NULL;
	const struct clv_ask_request request = {
	    .purpose = login->user == CKU_CONTEXT_SPECIFIC ? CLV_ASK_CONTEXT_PIN
							   : CLV_ASK_PIN,
	    .uri = call->subject,
	    .label = store->token->identity.label,
	    .attempt = login->turn - (value && login->turn > 1 ? 1 : 0),
	    .tries_left = is_final(login) ? 1 : -1,
	    .flags = (login->retry ? CLV_ASK_RETRY : 0U) |
		(login->info.flags & CKF_USER_PIN_COUNT_LOW ? CLV_ASK_COUNT_LOW
							    : 0U) |
		(is_final(login) ? CLV_ASK_FINAL_TRY : 0U) |
		(is_pinpad(login) ? CLV_ASK_OPTIONAL : 0U)};

	clv_p11_session_step_out(store->token, &call->visit);
	*status = clv_host_ask(store->host, store->selector.pin_source,
	    &request, &login->pin, call->err);
	return clv_p11_session_step_in(store->token, &call->visit);
}

/* A value that was stored somewhere, without asking anybody. */
static bool
use_stored(struct login *login)
{
	struct p11_store *store = login->call->store;
	struct p11_token *token = store->token;
	bool found = false;

	if (is_final(login))
		return false;
	(void)clv_p11_gate_lock(&token->module->gate);
	if (login->turn == 0 && login->user == CKU_USER &&
	    token->pin.size > 0) {
		found = clv_secret_set(&login->pin, token->pin.data,
			    token->pin.size, NULL) == CLV_OK;
		login->from_store = found;
	}
	clv_p11_gate_unlock(&token->module->gate);
	if (!found && login->turn <= 1 && store->selector.pin_value != NULL) {
		login->turn = 1;
		found = clv_secret_set(&login->pin, store->selector.pin_value,
			    store->selector.pin_value_size, NULL) == CLV_OK;
	}
	return found;
}

/* Gets the next value to try into login->pin. */
static CK_RV
next_pin(struct login *login)
{
	struct p11_call *call = login->call;
	clv_status status = CLV_OK;
	CK_RV rv;

	clv_secret_clear(&login->pin);
	login->from_store = false;
	if (use_stored(login))
		return CKR_OK;
	if (++login->turn > TURNS_MAX)
		return raise_wrong(login);
	/* The pad asks by itself; on the last try a person has to agree. */
	if (is_pinpad(login) && !is_final(login))
		return CKR_OK;
	rv = ask_host(login, &status);
	if (rv != CKR_OK)
		return rv;
	if (status == CLV_AUTH && is_final(login))
		return raise_last_try(login);
	if (status == CLV_AUTH && login->retry)
		return raise_wrong(login);
	return status == CLV_OK ? CKR_OK : clv_p11_call_raised(call, status);
}

static bool
has_bad_size(const struct login *login)
{
	const CK_TOKEN_INFO *info = &login->info;

	return login->pin.size > 255 ||
	    (info->ulMaxPinLen > 0 && info->ulMaxPinLen < 256 &&
		login->pin.size > info->ulMaxPinLen) ||
	    (info->ulMinPinLen < 256 && login->pin.size < info->ulMinPinLen);
}

/*
 * With the file locked. A login that died half-way may have cost a try: where
 * the token says that tries are missing, or it happens again, only a person
 * may go on.
 */
static CK_RV
check_unfinished(struct login *login)
{
	const unsigned unfinished =
	    clv_p11_attempts_unfinished(&login->attempts);
	const bool low = (login->info.flags & CKF_USER_PIN_COUNT_LOW) != 0;

	if (unfinished == 0 || is_pinpad(login) || login->from_store)
		return CKR_OK;
	if (unfinished < 2 && !low)
		return CKR_OK;
	login->unsure = true;
	return CKR_PIN_INCORRECT;
}

static CK_RV
call_login(struct login *login)
{
	struct p11_call *call = login->call;
	CK_BYTE *pin = is_pinpad(login) ? NULL : login->pin.data;
	clv_status status;
	CK_RV rv;

	/* A PIN that was right a moment ago does not use up tries. */
	if (!login->from_store) {
		status = clv_p11_attempts_begin(&login->attempts, call->err);
		if (status != CLV_OK)
			return clv_p11_call_raised(call, status);
	}
	rv = call->f->C_Login(call->session->handle, login->user, pin,
	    pin != NULL ? login->pin.size : 0);
	/* A general failure leaves open whether it cost a try. */
	if (!login->from_store && clv_p11_fault(rv) != P11_FAULT_MODULE)
		clv_p11_attempts_end(&login->attempts);
	return rv;
}

static bool
is_wrong_pin(CK_RV rv)
{
	return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID ||
	    rv == CKR_PIN_LEN_RANGE;
}

/* Some modules report a wrong PIN as a general failure (OpenSC's CAC driver):
 * then the token's flags tell. */
static bool
cost_a_try(struct login *login, CK_RV rv)
{
	const CK_FLAGS counts = CKF_USER_PIN_COUNT_LOW |
	    CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
	const CK_FLAGS before = login->info.flags & counts;
	struct p11_token *token = login->call->store->token;
	struct p11_identity now;
	CK_TOKEN_INFO info = {0};

	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return false;
	if (is_wrong_pin(rv) || rv == CKR_PIN_LOCKED)
		return true;
	return clv_p11_place_read(token->module, atomic_load(&token->slot),
		   &now, &info) == CKR_OK &&
	    (info.flags & counts) != before && (info.flags & counts) != 0;
}

static void
forget_pin(struct p11_token *token)
{
	(void)clv_p11_gate_lock(&token->module->gate);
	clv_secret_clear(&token->pin);
	clv_p11_gate_unlock(&token->module->gate);
}

static void
keep_pin(struct login *login)
{
	struct p11_token *token = login->call->store->token;

	if (login->user != CKU_USER || is_pinpad(login) || login->from_store)
		return;
	(void)clv_p11_gate_lock(&token->module->gate);
	clv_secret_move(&token->pin, &login->pin);
	clv_p11_gate_unlock(&token->module->gate);
}

/* One value, with the token's file locked against other processes, so that
 * the flags and the list of refused PINs hold until the token has answered.
 * CKR_PIN_INCORRECT: the next one, please. */
static CK_RV
try_pin(struct login *login)
{
	struct p11_call *call = login->call;
	bool bad = false;
	clv_status status = CLV_OK;
	const bool agreed = is_final(login);
	CK_RV rv = read_flags(login);

	if (rv != CKR_OK)
		return rv;
	if (is_final(login) && !agreed)
		return CKR_PIN_INCORRECT; /* it was asked on other terms */
	if (!agreed && (rv = check_unfinished(login)) != CKR_OK)
		return rv;
	if (!is_pinpad(login)) {
		if (has_bad_size(login))
			return CKR_PIN_INCORRECT;
		status = clv_p11_attempts_is_bad(
		    &login->attempts, &login->pin, &bad, call->err);
		if (status != CLV_OK)
			return clv_p11_call_raised(call, status);
		if (bad)
			return CKR_PIN_INCORRECT;
	}
	rv = call_login(login);
	if (rv == CLV_CKR_RAISED)
		return rv;
	if (cost_a_try(login, rv)) {
		if (login->from_store)
			forget_pin(call->store->token);
		if (!is_pinpad(login))
			status = clv_p11_attempts_add_bad(
			    &login->attempts, &login->pin, call->err);
		if (status != CLV_OK)
			return clv_p11_call_raised(call, status);
		return rv == CKR_PIN_LOCKED ? rv : CKR_PIN_INCORRECT;
	}
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		keep_pin(login);
	return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

static CK_RV
try_locked(struct login *login)
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
	rv = try_pin(login);
	clv_p11_attempts_close(&login->attempts);
	return rv;
}

static CK_RV
log_in(struct p11_call *call, CK_USER_TYPE user)
{
	struct login login = {
	    .call = call, .user = user, .attempts = {.fd = -1}};
	CK_RV rv = read_flags(&login);

	if (rv == CKR_OK && user == CKU_USER &&
	    (login.info.flags & CKF_LOGIN_REQUIRED) == 0)
		return CKR_OK;
	while (rv == CKR_OK && (rv = next_pin(&login)) == CKR_OK) {
		rv = try_locked(&login);
		if (rv != CKR_PIN_INCORRECT)
			break;
		login.retry = true;
		/* A pad's user may try again, but in a new call. */
		if (is_pinpad(&login))
			break;
		rv = read_flags(&login);
	}
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
	if (token->login_failures != failures) {
		*rv = clv_p11_call_raised(call,
		    clv_error_raise(call->err, token->login_status,
			&(struct clv_error_info){.operation = call->operation,
			    .subject = call->subject,
			    .remedy = token->login_status == CLV_AUTH_LAST_TRY
				? UNLOCK_REMEDY
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
