/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* A TrustList that is open, and certificates for it. */
#ifndef CLV_TEST_LIST_FIXTURE_H
#define CLV_TEST_LIST_FIXTURE_H

#include "testing.h"

#include "directory.h"

#define TRUSTED CLV_TRUST_TRUSTED_CERTIFICATES
#define ISSUERS CLV_TRUST_ISSUER_CERTIFICATES

struct fixture {
	struct directory directory;
	clv_trust *trust;
	struct pki_family pki;
};

/* Without inotify; to be set before the tests run. */
extern bool polling;

/* For cmocka: of the group, and of a test. */
int list_set_up_pki(void **state);
int list_tear_down_pki(void **state);
int list_set_up(void **state);
int list_tear_down(void **state);
#define LIST_TEST(function) \
	cmocka_unit_test_setup_teardown(function, list_set_up, list_tear_down)

/* Of the fixture's directory. */
void open_list(struct fixture *f);
/* Where in-place writes are found by looking now and then: wait for that. */
void settle(void);

#endif
