/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The locks that modules get from us (CK_C_INITIALIZE_ARGS). Two things make
 * them better than the system's own: a call that returns while it still holds
 * one can be relieved of it (OpenSC 0.23 does that when a card is pulled in
 * mid-operation, and the next call then waits for ever), and a forked child
 * gets them unlocked.
 */
#ifndef CLV_PKCS11_MUTEX_H
#define CLV_PKCS11_MUTEX_H

#include "cryptoki.h"

CK_RV clv_p11_mutex_create(void **mutex);
CK_RV clv_p11_mutex_destroy(void *mutex);
CK_RV clv_p11_mutex_lock(void *mutex);
CK_RV clv_p11_mutex_unlock(void *mutex);

/* After a call that failed: unlocks what this thread still holds. Returns how
 * many there were. */
unsigned clv_p11_mutex_relieve(void);

/* In a forked child, before its first call: unlocks them all. */
void clv_p11_mutex_after_fork(void);

#endif
