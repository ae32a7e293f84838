/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the tests of both virtual cards share: OpenSC's module and a session,
 * logged in. */
#ifndef CLV_FAKE_CARD_FIXTURE_H
#define CLV_FAKE_CARD_FIXTURE_H

#include "testing.h"

#include "fake/p11_client.h"
#include "fake/token_lab.h"

#define assert_rv(expected, call) assert_int_equal((CK_RV)(expected), call)

extern struct lab_card card;
extern CK_FUNCTION_LIST *p11;
extern CK_SESSION_HANDLE session;

/* Group set-up and tear-down. */
int card_start(void **state);
int card_stop(void **state);

/* Puts the card in, with all tries, and starts the module anew. Also the
 * set-up of each test. */
int card_renew(void **state);

/* The token's flags, or 0 when there is none. */
CK_FLAGS card_flags(void);
void card_wait_until_present(int present);

CK_OBJECT_HANDLE card_find(CK_OBJECT_CLASS class, CK_BYTE id);

/* Signs with the key `id` and verifies with its public half. */
void card_sign_and_verify(CK_MECHANISM_TYPE mechanism, CK_BYTE id);

/* The tests that both cards must pass. */
void test_card_pin__locks_after_three(void **state);
void test_card_pin__lock_outlives_the_session(void **state);
void test_card_pull__idle_card_is_gone_and_comes_back(void **state);
void test_card_pull__during_a_signature_fails_and_recovers(void **state);

/* The key for those. */
extern CK_BYTE card_key_id;
extern CK_MECHANISM_TYPE card_mechanism;

#endif
