/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What came and went, until somebody asks. */
#ifndef CLV_TRUST_NOTICE_H
#define CLV_TRUST_NOTICE_H

#include <claviger/trust.h>

#include "trust/files.h"

struct clv_notices;

clv_status clv_notices_new(struct clv_notices **out, clv_error **err);
void clv_notices_free(struct clv_notices **notices);

/* Records that an entry came or went. Does nothing while nobody listens. If
 * memory runs out, listeners are told of a loss without particulars. */
void clv_notices_record(struct clv_notices *notices,
    const struct clv_trust_entry *entry, bool gone);

/* After a snapshot was published: wakes who polls the descriptor. */
void clv_notices_publish(struct clv_notices *notices);

#endif
