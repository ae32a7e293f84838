/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Acting as the account that runs an application: --application USER. */
#ifndef CLV_TOOLS_ACCOUNT_H
#define CLV_TOOLS_ACCOUNT_H

#include <stdbool.h>

/*
 * Lets root become `user` (a name or a uid), with that account's groups, for
 * good: the path guard then judges as the application would, what is written
 * is the account's, and where its directory leads root's rights don't follow.
 * What it loads can't type into the caller's terminal. False after a complaint;
 * nothing may be done then.
 */
bool account_become(const char *user);

#endif
