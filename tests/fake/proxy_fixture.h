/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the proxy's tests share: the proxy in this process before a SoftHSM
 * with a P-256 key and its session, logged in. */
#ifndef CLV_FAKE_PROXY_FIXTURE_H
#define CLV_FAKE_PROXY_FIXTURE_H

#include "testing.h"

#include "fake/p11_client.h"
#include "fake/p11_proxy.h"
#include "fake/token_lab.h"

#define assert_rv(expected, call) assert_int_equal((CK_RV)(expected), call)

extern const struct p11_proxy_control *proxy;
extern CK_FUNCTION_LIST *p11;
extern struct lab_softhsm softhsm;
extern CK_SESSION_HANDLE session;
extern CK_OBJECT_HANDLE private_key, public_key;

/* Group set-up and tear-down, and the tear-down of each test. */
int proxy_start(void **state);
int proxy_stop(void **state);
int proxy_calm(void **state);

void run(const char *directives);

/* Closes all sessions; opens one, logs in, finds the keys. */
void renew_session(void);

CK_RV sign_p256(CK_BYTE *signature, CK_ULONG *size); /* NULL, NULL: unseen */
CK_RV verify_p256(CK_BYTE *signature, CK_ULONG size);

#endif
