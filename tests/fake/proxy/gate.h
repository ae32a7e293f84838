/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Where every call enters and leaves: counting, rules, pulled tokens, log. */
#ifndef CLV_FAKE_PROXY_GATE_H
#define CLV_FAKE_PROXY_GATE_H

#include <stdbool.h>

#include "call.h"
#include "rules.h"

/* True: make the call, put its result into call->rv. False: it is there. */
bool gate_enter(struct call *call, struct plan *plan);
CK_RV gate_leave(struct call *call, const struct plan *plan);

/* Between these no call is in the wrapped module. */
void gate_close(void);
void gate_open(void);

#endif
