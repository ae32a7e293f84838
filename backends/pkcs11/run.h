/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * How anything is done on a token: with a session of its own, logged in, and
 * once more after what went wrong has been repaired.
 */
#ifndef CLV_PKCS11_RUN_H
#define CLV_PKCS11_RUN_H

#include "store.h"

struct p11_call;

/*
 * One try at the work; called again from the start after a repair. Returns
 * the first value that is not CKR_OK, or CLV_CKR_RAISED after call_raise().
 */
typedef CK_RV p11_step_fn(struct p11_call *call, void *argument);

/* A PIN that was got but not judged by the token, because of a fault: it is
 * offered again after the repair, as a source or a person gives it once. */
struct p11_unjudged {
	clv_secret pin;
	bool there;
	CK_USER_TYPE user;
	unsigned turn;     /* in which it was got */
	bool for_last_try; /* whoever gave it agreed to that */
	bool in_doubt;     /* the same for a PIN whose tries are not known */
	/* Tries that ended in a general failure, and the last one. */
	unsigned failures;
	CK_RV failure;
};

struct p11_call {
	struct p11_store *store;
	const char *operation; /* for errors */
	const char *subject;   /* the redacted URI */
	p11_step_fn *step;
	void *argument;
	bool writes;         /* wants a read/write session */
	bool public;         /* needs no login */
	bool data_dependent; /* what fails may be the input's fault */
	clv_error **err;

	/* For the step. */
	CK_FUNCTION_LIST *f;
	struct p11_session *session;
	clv_status raised;
	bool spoilt; /* an operation stays active in the session */
	struct p11_visit visit;

	/* For logging in. */
	struct p11_unjudged unjudged;
};

clv_status clv_p11_run(struct p11_call *call);

/* Keeps the status of an error that the step has raised in call->err. */
CK_RV clv_p11_call_raised(struct p11_call *call, clv_status status);

#endif
