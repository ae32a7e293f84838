/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Logging in without ever using up a PIN's tries: see attempts.h, and DESIGN
 * for the rules. The host is asked outside the module and without a lock.
 */
#ifndef CLV_PKCS11_LOGIN_H
#define CLV_PKCS11_LOGIN_H

#include "run.h"

/*
 * Logs the user in, if the token wants that and nobody has done it. One thread
 * of all does, the others wait for it. CLV_CKR_RAISED: see call->raised.
 */
CK_RV clv_p11_login(struct p11_call *call);

/*
 * The PIN for the one operation that is begun in the session, for keys with
 * CKA_ALWAYS_AUTHENTICATE.
 */
CK_RV clv_p11_login_for_operation(struct p11_call *call);

#endif
