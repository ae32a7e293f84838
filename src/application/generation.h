/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Which transaction came last, as state/last: the last file that each of them
 * writes. Whoever has read the application and finds the same nonce before
 * and afterwards has read one state of it.
 *
 *     claviger-last 1 <nonce>
 *     time 2026-11-29T18:30:00Z        of the commit
 *     slot GROUP TYPE                  what it changed
 *     list GROUP
 *     end
 */
#ifndef CLV_APPLICATION_GENERATION_H
#define CLV_APPLICATION_GENERATION_H

#include "application/config.h"
#include "trust/decision.h"

#define CLV_LAST_NAME "last"
#define CLV_LAST_PATH "state/" CLV_LAST_NAME

struct clv_generation_change {
	char *group;
	char *type; /* of the slot; NULL: it is the group's TrustList */
};

struct clv_generation {
	char nonce[CLV_NONCE_SIZE]; /* empty: nothing was ever committed */
	int64_t time;               /* seconds since 1970 */
	struct clv_generation_change changes[CLV_SLOTS_MAX + CLV_GROUPS_MAX];
	size_t count;
};

void clv_generation_clear(struct clv_generation *generation);

/* Appends; copies. `type` NULL: the group's TrustList. */
clv_status clv_generation_add(struct clv_generation *generation,
    const char *group, const char *type, clv_error **err);

/* Free `*text` with free(). */
clv_status clv_generation_print(const struct clv_generation *generation,
    char **text, size_t *size, clv_error **err);
/* CLV_CORRUPT unless it is what clv_generation_print() writes. */
clv_status clv_generation_parse(const uint8_t *text, size_t size,
    struct clv_generation *out, clv_error **err);

#endif
