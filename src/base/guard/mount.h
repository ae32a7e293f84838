/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What kind of file system something lies on, and who runs it. */
#ifndef CLV_BASE_GUARD_MOUNT_H
#define CLV_BASE_GUARD_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

enum clv_mount_kind { CLV_MOUNT_LOCAL, CLV_MOUNT_FUSE, CLV_MOUNT_REMOTE };

/* By f_type of statfs(2). */
enum clv_mount_kind clv_mount_classify(uint64_t magic);

/* One line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
struct clv_mount_line {
	unsigned major, minor;
	bool is_fuse;  /* "fuse", "fuseblk", "fuse.NAME" */
	bool has_user; /* exactly one user_id= among the options */
	uint32_t user;
};

/* False if it is no such line. Changes nothing but `out`. */
bool clv_mount_parse(const char *line, struct clv_mount_line *out);

#endif
