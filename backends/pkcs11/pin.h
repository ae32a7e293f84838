/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Which PIN is tried next: a stored one, the one that waits for a repair to be
 * over, a source's or a person's. */
#ifndef CLV_PKCS11_PIN_H
#define CLV_PKCS11_PIN_H

#include "attempts.h"
#include "run.h"

#define P11_UNLOCK_REMEDY                                                   \
	"check the PIN; a last wrong one locks the token: try it with a "   \
	"person present (--pin-source prompt), or unblock the token first " \
	"with the security officer's PIN (pkcs11-tool --init-pin)"

/* One login: of the user, or for one operation. */
struct p11_login {
	struct p11_call *call;
	CK_USER_TYPE user;
	CK_TOKEN_INFO info;
	struct p11_attempts attempts;

	clv_secret pin;
	bool got;          /* there is one, maybe an empty one */
	bool from_store;   /* it is the one that worked before */
	bool for_last_try; /* a person gave it knowing that it is */
	bool in_doubt;     /* a person gave it in spite of the doubt */
	bool refused;      /* it is wrong */

	unsigned turn; /* 1 for the first value that the host gives */
	bool retry;    /* one of them was refused */
	bool doubt;    /* one of them may have cost a try before */
	bool nobody;   /* no person is there to decide on that */
};

/* Gets the next value to try into login->pin; a pinpad's is empty. */
CK_RV clv_p11_pin_next(struct p11_login *login);

/* Leaves it for the time after a repair. */
void clv_p11_pin_put_back(struct p11_login *login);

bool clv_p11_pin_is_pad(const struct p11_login *login);
bool clv_p11_pin_is_last_try(const struct p11_login *login);

#endif
