/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Where a walk is, and its single steps. */
#ifndef CLV_BASE_GUARD_WALK_H
#define CLV_BASE_GUARD_WALK_H

#include "base/guard/internal.h"

#define CLV_WALK_REST (2U * PATH_MAX)

struct clv_walk {
	const struct clv_guard_request *request;
	struct clv_guard_case judged;
	/* The directory reached so far. It is judged when it is left: only
	 * then it is known whether it is the target or an ancestor. */
	int current;
	struct statx stat;
	bool is_judged;
	bool exposes;
	/* The device judged last; a mount is judged once in a row. */
	bool has_device;
	uint32_t device_major, device_minor;
	unsigned links;
	/* An entry turned out to be a link: start again with a full walk. */
	bool needs_full;
	bool stopped; /* at something through which no way leads */
	size_t path_size;
	char path[PATH_MAX];      /* of `current`; empty for the root */
	char rest[CLV_WALK_REST]; /* what is still to be walked */
};

/* The path of the current directory, or of what push_name() went to. */
const char *clv_walk_path_of(const struct clv_walk *walk);
clv_status clv_walk_push_name(
    struct clv_walk *walk, const char *name, clv_error **err);
void clv_walk_pop_name(struct clv_walk *walk);
clv_status clv_walk_too_long(const struct clv_walk *walk, clv_error **err);

/* Ends the walk where no way leads on. */
clv_status clv_walk_stop(struct clv_walk *walk, clv_guard_code code,
    const char *reason, clv_error **err);

struct clv_guard_object clv_walk_object_of(const struct clv_walk *walk,
    enum clv_guard_role role, int fd, const struct statx *stat);
clv_status clv_walk_judge_mount(struct clv_walk *walk,
    const struct clv_guard_object *object, clv_error **err);
/* Judges the current directory as an ancestor, unless that was done. */
clv_status clv_walk_judge_current(struct clv_walk *walk, clv_error **err);

/* Goes to a directory, which is handed over. */
void clv_walk_enter(
    struct clv_walk *walk, int directory, const struct statx *stat);
/* A directory on the way is opened for reading where that is allowed: its
 * ACLs are then listed without a detour through /proc, at a tenth of the
 * cost. Nothing but directories is ever opened so. -1 and errno. */
int clv_walk_pin_directory(int at, const char *name);
clv_status clv_walk_open_directory(const char *subject, int at,
    const char *name, int *fd, struct statx *stat, clv_error **err);
clv_status clv_walk_enter_root(struct clv_walk *walk, clv_error **err);
/* Goes where a relative path starts, after judging all that is above. */
clv_status clv_walk_enter_start(struct clv_walk *walk, clv_error **err);

#endif
