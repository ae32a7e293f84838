/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The fixture's application, held open by a program that runs. */
#ifndef CLV_TESTS_LIVE_FIXTURE_H
#define CLV_TESTS_LIVE_FIXTURE_H

#include "fixture.h"

#include <claviger/live.h>

#define DIGEST_TEXT "0123456789"

extern clv_live *live;

/* For cmocka. */
int live_set_up(void **state);
int live_tear_down(void **state);
#define LIVE_TEST(function) \
	cmocka_unit_test_setup_teardown(function, live_set_up, live_tear_down)

/* The caller frees it. */
clv_live_view *view_now(void);
struct clv_live_slot slot_of(const clv_live_view *view);
/* Its key fits its certificate, and signs. */
void assert_usable(const clv_live_view *view);

/* A new self-signed certificate, also in peer.der; the caller frees it. */
uint8_t *peer(size_t *size);
/* What the group's list says of one. */
clv_status verify(const clv_live_view *view, const uint8_t *der, size_t size);

/* A transaction of another process: a new key, and no peer any more. Returns
 * 0, as all that runs there does when it is done. */
int commit_elsewhere(void *unused);
void in_another_process(int (*run)(void *), void *user);

#endif
