/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "pin.h"

#include <stdio.h>

/* Values offered before giving up on somebody who has only wrong ones. */
#define TURNS_MAX 8U

bool
clv_p11_pin_is_pad(const struct p11_login *login)
{
	return (login->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
}

bool
clv_p11_pin_is_last_try(const struct p11_login *login)
{
	return (login->info.flags & CKF_USER_PIN_FINAL_TRY) != 0;
}

/* Stored values are not for what may lock the token. */
static bool
is_for_person(const struct p11_login *login)
{
	return clv_p11_pin_is_last_try(login) ||
	    (login->doubt && !login->nobody);
}

static CK_RV
raise_last_try(struct p11_login *login)
{
	struct p11_call *call = login->call;

	return clv_p11_call_raised(call,
	    clv_error_raise(call->err, CLV_AUTH_LAST_TRY,
		&(struct clv_error_info){.operation = call->operation,
		    .subject = call->subject,
		    .remedy = P11_UNLOCK_REMEDY},
		"one more wrong PIN would lock the token; none was tried"));
}

static CK_RV
raise_wrong(struct p11_login *login)
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

static CK_RV
raise_doubt(struct p11_login *login)
{
	struct p11_call *call = login->call;
	const bool lasting = login->attempts.lasting;
	char remedy[900];

	(void)snprintf(remedy, sizeof(remedy),
	    "give the PIN with a person present (--pin-source prompt); or, if "
	    "it is right and the token has tries left, %s%s",
	    lasting ? "forget the earlier login: remove "
		    : "log in once with another program (pkcs11-tool --login "
		      "-O). A private directory avoids this: set "
		      "XDG_STATE_HOME, or StateDirectory= in the service unit",
	    lasting ? login->attempts.path : "");
	return clv_p11_call_raised(call,
	    clv_error_raise(call->err, CLV_AUTH_LAST_TRY,
		&(struct clv_error_info){.operation = call->operation,
		    .subject = call->subject,
		    .remedy = remedy},
		lasting ? "an earlier login with this PIN ended without an "
			  "answer and may have cost a try; it was not tried "
			  "again"
			: "the token misses tries, and there is no record of "
			  "whether this PIN cost them; it was not tried"));
}

static CK_RV
ask_host(struct p11_login *login, clv_status *status)
{
	struct p11_call *call = login->call;
	const struct p11_store *store = call->store;
	const bool value = store->selector.pin_value != NULL;
	const bool last = clv_p11_pin_is_last_try(login);
	const struct clv_ask_request request = {
	    .purpose = login->user == CKU_CONTEXT_SPECIFIC ? CLV_ASK_CONTEXT_PIN
							   : CLV_ASK_PIN,
	    .uri = call->subject,
	    .label = store->token->identity.label,
	    .attempt = login->turn - (value && login->turn > 1 ? 1 : 0),
	    .tries_left = last ? 1 : -1,
	    .flags = (login->retry ? CLV_ASK_RETRY : 0U) |
		(login->info.flags & CKF_USER_PIN_COUNT_LOW ? CLV_ASK_COUNT_LOW
							    : 0U) |
		(is_for_person(login) ? CLV_ASK_FINAL_TRY : 0U) |
		(clv_p11_pin_is_pad(login) ? CLV_ASK_OPTIONAL : 0U)};
	CK_RV rv;

	login->for_last_try = last;
	login->in_doubt = is_for_person(login);
	clv_p11_session_step_out(store->token, &call->visit);
	*status = clv_host_ask(store->host, store->selector.pin_source,
	    &request, &login->pin, call->err);
	rv = clv_p11_session_step_in(store->token, &call->visit);
	login->got = *status == CLV_OK;
	return rv;
}

/* What the token did not judge before the repair. */
static bool
use_unjudged(struct p11_login *login)
{
	struct p11_unjudged *unjudged = &login->call->unjudged;

	if (!unjudged->there || unjudged->user != login->user)
		return false;
	unjudged->there = false;
	clv_secret_move(&login->pin, &unjudged->pin);
	login->turn = unjudged->turn;
	login->for_last_try = unjudged->for_last_try;
	login->in_doubt = unjudged->in_doubt;
	return true;
}

void
clv_p11_pin_put_back(struct p11_login *login)
{
	struct p11_unjudged *unjudged = &login->call->unjudged;

	if (!login->got || login->from_store)
		return;
	unjudged->there = true;
	unjudged->user = login->user;
	clv_secret_move(&unjudged->pin, &login->pin);
	unjudged->turn = login->turn;
	unjudged->for_last_try = login->for_last_try;
	unjudged->in_doubt = login->in_doubt;
}

/* A value that was stored somewhere, without asking anybody. */
static bool
use_stored(struct p11_login *login)
{
	struct p11_store *store = login->call->store;
	struct p11_token *token = store->token;
	bool found = false;

	if (is_for_person(login))
		return false;
	(void)clv_p11_gate_lock(&token->module->gate);
	if (login->turn == 0 && login->user == CKU_USER &&
	    token->pin.size > 0) {
		found = clv_secret_set(&login->pin, token->pin.data,
			    token->pin.size, NULL) == CLV_OK;
		login->from_store = found;
	}
	clv_p11_gate_unlock(&token->module->gate);
	if (!found && login->turn == 0 && store->selector.pin_value != NULL) {
		login->turn = 1;
		found = clv_secret_set(&login->pin, store->selector.pin_value,
			    store->selector.pin_value_size, NULL) == CLV_OK;
	}
	return found;
}

static CK_RV
give_up(struct p11_login *login)
{
	if (clv_p11_pin_is_last_try(login))
		return raise_last_try(login);
	return login->doubt ? raise_doubt(login) : raise_wrong(login);
}

CK_RV
clv_p11_pin_next(struct p11_login *login)
{
	struct p11_call *call = login->call;
	clv_status status = CLV_OK;
	CK_RV rv;

	clv_secret_clear(&login->pin);
	login->from_store = login->for_last_try = login->in_doubt = false;
	login->refused = false;
	login->got = use_unjudged(login) || use_stored(login);
	if (login->got)
		return CKR_OK;
	if (++login->turn > TURNS_MAX)
		return login->retry ? raise_wrong(login) : give_up(login);
	/* The pad asks by itself; on the last try a person has to agree. */
	if (clv_p11_pin_is_pad(login) && !is_for_person(login))
		return CKR_OK;
	rv = ask_host(login, &status);
	if (rv == CKR_OK && status == CLV_AUTH && is_for_person(login) &&
	    !clv_p11_pin_is_last_try(login)) {
		/* Then other values, from the sources that are left. */
		login->nobody = true;
		clv_error_free(call->err);
		rv = ask_host(login, &status);
	}
	if (rv != CKR_OK)
		return rv;
	if (status == CLV_AUTH &&
	    (login->retry || login->doubt || clv_p11_pin_is_last_try(login)))
		return give_up(login);
	return status == CLV_OK ? CKR_OK : clv_p11_call_raised(call, status);
}
