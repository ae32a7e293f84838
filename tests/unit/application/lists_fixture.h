/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * An application with two TrustLists, its own and that of its users, which
 * two groups share.
 */
#ifndef CLV_TESTS_LISTS_FIXTURE_H
#define CLV_TESTS_LISTS_FIXTURE_H

#include "fixture.h"
#include "unit/trust/pki.h"

#define USERS "DefaultUserTokenGroup"
#define SHARED "SharedGroup"
#define TRUSTED CLV_TRUST_TRUSTED_CERTIFICATES
#define ISSUERS CLV_TRUST_ISSUER_CERTIFICATES
#define ALL CLV_TRUST_ALL_LISTS

extern struct pki_identity ca; /* with `crl`; issued `peer` */
extern struct pki_identity peer;
extern struct pki_identity user; /* self-signed */
extern struct blob crl;

/* Live readers of both lists, as another process would hold them. */
extern clv_trust *readers[2];

/* For cmocka: of the group, and of a test, which fails if it leaves anything
 * unfinished. */
int lists_set_up_pki(void **state);
int lists_tear_down_pki(void **state);
int lists_set_up(void **state);
int lists_tear_down(void **state);
#define LISTS_TEST(name) \
	cmocka_unit_test_setup_teardown(name, lists_set_up, lists_tear_down)

/* A reader of a directory in the application. */
clv_trust *open_list(const char *name);
bool list_has(clv_trust *trust, unsigned lists, const struct blob *der);

void stage_add(clv_txn *txn, const char *group, clv_trust_mask list,
    const struct blob *blob);
/* A peer for the application, a user for the users. */
void stage_both(clv_txn *txn);

/* 0: neither list is changed, 2: both are. */
int changed(clv_trust *const lists[2]);
/* The same by a program that is started now. */
int changed_afresh(void);

#endif
