/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The state that several processes may share. */
#ifndef CLV_FAKE_PROXY_SHARED_H
#define CLV_FAKE_PROXY_SHARED_H

#include "fake/p11_proxy.h"

/* Maps `path`, making it if needed. Returns NULL, with errno, on failure. */
struct p11_proxy_shared *shared_open(const char *path);

/* The process's own; the same with path NULL the first time. */
struct p11_proxy_shared *shared_state(void);
const char *shared_use(const char *path); /* NULL, or what is wrong */

void shared_clear_counters(struct p11_proxy_shared *shared);

#endif
