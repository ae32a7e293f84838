/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* An application with one P-256 key, and what tests of transactions share. */
#ifndef CLV_TESTS_APPLICATION_FIXTURE_H
#define CLV_TESTS_APPLICATION_FIXTURE_H

#include "testing.h"

#include <claviger/transaction.h>

#include "support/command.h"

#define GROUP CLV_DEFAULT_APPLICATION_GROUP
#define TYPE "EccNistP256"
#define TEST_URI "urn:test:pump"

extern char place[64];
extern char directory[96]; /* of the application, in `place` */
extern clv_context *context;
extern clv_application *application;

/* For cmocka. */
int set_up(void **state);
int tear_down(void **state);

/* A certificate for a key that the caller frees with clv_free(). */
uint8_t *certificate_for(clv_key *key, const char *uri, size_t *size);

/* How many files `pattern` (of the shell) finds in the application. */
int files(const char *pattern);

/* A transaction of the application; committing it frees it. */
clv_txn *begin(void);
void commit(clv_txn **txn);

/* A new key and its certificate, to be committed. */
void stage_renewal(clv_txn *txn);
/* Both in one transaction. */
void renew(void);

/* What the slot has now. The caller frees it with free(). */
char *present_key(void);
char *present_thumbprint(const clv_application *reader);

#endif
