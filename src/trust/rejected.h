/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The RejectedList: certificates that were turned away only for want of
 * trust, kept in rejected/certs for a person to look at. Anybody who can
 * connect can fill it, so it is bounded by number and bytes, the oldest go
 * first, and what a caller pays is a digest and a copy: a thread of its own,
 * started with the first certificate, writes what is left of a flood a few
 * times a second. It is not made durable, and a crash may cost the last
 * quarter of a second.
 *
 * Several processes may share the directory: a lock in it keeps them from
 * trimming at once, the bound holds for all together.
 */
#ifndef CLV_TRUST_REJECTED_H
#define CLV_TRUST_REJECTED_H

#include <claviger/error.h>

#include "base/log.h"
#include "trust/names.h"

struct clv_rejected;

struct clv_rejected_limits {
	size_t count; /* 0: keep nothing */
	size_t bytes;
};

/* `root` is the TrustList's absolute path. `logger` is copied. */
clv_status clv_rejected_new(const char *root,
    const struct clv_rejected_limits *limits, const struct clv_logger *logger,
    struct clv_rejected **out, clv_error **err);
/* Writes what is waiting, ends the thread. */
void clv_rejected_free(struct clv_rejected **rejected);

/* Any thread; never waits for a disk. What can't be kept is dropped. */
void clv_rejected_put(
    struct clv_rejected *rejected, const void *der, size_t size);

/* Waits until all that was put before is written or has failed to be. */
void clv_rejected_flush(struct clv_rejected *rejected);

/*
 * Calls `fn` for each certificate's file, newest first, until it returns
 * false. `name` is the file's; what could not be written to disk is told
 * with a name it would have. Not held back by clv_rejected_put().
 */
typedef bool clv_rejected_fn(
    void *user, const char *name, const uint8_t *der, size_t size);
clv_status clv_rejected_visit(struct clv_rejected *rejected,
    clv_rejected_fn *fn, void *user, clv_error **err);

/* Finds one by thumbprint; the caller frees `*der` and `*name`. CLV_NOT_FOUND,
 * CLV_AMBIGUOUS if different certificates have this SHA-1. */
clv_status clv_rejected_find(struct clv_rejected *rejected,
    const uint8_t thumbprint[CLV_THUMBPRINT_SIZE], uint8_t **der, size_t *size,
    char **name, clv_error **err);

/* Forgets what clv_rejected_find() found. */
clv_status clv_rejected_remove(struct clv_rejected *rejected,
    const uint8_t *der, size_t size, const char *name, clv_error **err);

#endif
