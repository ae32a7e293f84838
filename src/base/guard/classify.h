/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_BASE_GUARD_CLASSIFY_H
#define CLV_BASE_GUARD_CLASSIFY_H

#include <claviger/guard.h>

/* As clv_guard_classify(), for the entry `name` of an open directory; `path`
 * is what it is called. */
clv_guard_policy clv_guard_classify_at(
    int directory, const char *name, const char *path);

/* What the beginning of a file tells: CLV_GUARD_CONFIG means nothing. */
clv_guard_policy clv_guard_policy_of_content(
    const unsigned char *bytes, size_t size);

#endif
