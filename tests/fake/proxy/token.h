/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The token that the wrapped module has not got: one that can be pulled, has a
 * pinpad, locks its PIN, lacks mechanisms. All emulations treat the module as
 * if it held a single token. The functions stand in for those of Cryptoki and
 * are called by the wrappers in p11_proxy.c only.
 */
#ifndef CLV_FAKE_PROXY_TOKEN_H
#define CLV_FAKE_PROXY_TOKEN_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

extern CK_FUNCTION_LIST *real; /* the wrapped module */

/* The directives about the token, like rules_add(): those that happen at once,
 * and those that change what calls read, so that none may be under way. */
bool token_act(char **words);
bool token_set(char **words, const char **problem);
void token_reset(void);

/* Takes the token out (and, with back, puts it in again at once): sessions and
 * logins of all processes end. */
void token_pull(bool back);
void token_insert(void);

/*
 * Ends this process's sessions if the token was pulled since the last call.
 * Returns true if this call is the first to notice. No other call may be under
 * way.
 */
bool token_was_pulled(void);
bool token_pull_is_unnoticed(void);

CK_RV token_initialize(void *arguments);
CK_RV token_finalize(void *reserved);
CK_RV token_get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count);
CK_RV token_get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info);
CK_RV token_get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info);
CK_RV token_get_mechanism_list(
    CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count);
CK_RV token_get_mechanism_info(
    CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info);
CK_RV token_init_token(
    CK_SLOT_ID slot, CK_BYTE *pin, CK_ULONG size, CK_BYTE *label);
CK_RV token_wait_for_slot_event(
    CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved);
CK_RV token_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application,
    CK_NOTIFY notify, CK_SESSION_HANDLE *session);
CK_RV token_close_session(CK_SESSION_HANDLE session);
CK_RV token_close_all_sessions(CK_SLOT_ID slot);
CK_RV token_get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO *info);

/* True for a mechanism that `hide` took away. */
bool token_hides(const CK_MECHANISM *mechanism);

#endif
