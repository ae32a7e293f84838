/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The sessions that are open, and what the emulations remember of each. */
#ifndef CLV_FAKE_PROXY_SESSIONS_H
#define CLV_FAKE_PROXY_SESSIONS_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

void sessions_add(CK_SESSION_HANDLE session, CK_SLOT_ID slot);
void sessions_remove(CK_SESSION_HANDLE session);
void sessions_remove_slot(CK_SLOT_ID slot);
void sessions_clear(void);
CK_ULONG sessions_count(void);

/* After fork(): the lock may be held by a thread that is not there. */
void sessions_renew_in_child(void);

/* Whether the session's operation waits for a context-specific login. */
void sessions_set_waiting(CK_SESSION_HANDLE session, bool waiting);
bool sessions_waiting(CK_SESSION_HANDLE session);

#endif
