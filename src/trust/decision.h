/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Several directories changed at one moment. In each of them the change is
 * written down beforehand, and names a record elsewhere that decides: it
 * counts while that file is there and begins with the line
 *
 *     claviger-redo 2 <nonce>
 *
 * with the nonce that was named. Whoever makes changes makes the record with
 * one rename, and takes it away when all of them have been carried out.
 */
#ifndef CLV_TRUST_DECISION_H
#define CLV_TRUST_DECISION_H

#include <claviger/guard.h>

#define CLV_NONCE_SIZE 33 /* hexadecimal digits with the closing 0 */

/* The first line of a record, up to the nonce. */
#define CLV_DECISION_HEADER "claviger-redo 2 "
/* That of records that were made before nonces were: they decide nothing. */
#define CLV_DECISION_OLD_HEADER "claviger-redo 1"

struct clv_decision {
	char nonce[CLV_NONCE_SIZE];
	/* Absolute, or from the directory that is asked about; owned. NULL:
	 * nothing is to be decided. */
	char *path;
};

/* CLV_CRYPTO without random numbers. */
clv_status clv_nonce_make(char nonce[CLV_NONCE_SIZE], clv_error **err);
bool clv_nonce_is(const char *text);

void clv_decision_clear(struct clv_decision *decision);

/*
 * Whether the record is there. What can't be known is an error, never a
 * guess: CLV_CORRUPT if its directory is gone or its first line is damaged,
 * CLV_POLICY if the guard refuses it (CLV_GUARD_CONFIG), CLV_PERMISSION,
 * CLV_IO. `directory` is where a relative path starts.
 */
clv_status clv_decision_ask(const clv_guard *guard, int directory,
    const struct clv_decision *decision, bool *made, clv_error **err);

#endif
