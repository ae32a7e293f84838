/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The path guard from inside. A walk pins one object after the other and
 * has each judged; judging adds findings to a report; opening and mending
 * work on the descriptor that the walk left.
 */
#ifndef CLV_BASE_GUARD_INTERNAL_H
#define CLV_BASE_GUARD_INTERNAL_H

#include <claviger/guard.h>

#include <limits.h>
#include <sys/stat.h>

#include "base/guard/acl.h"

/* ---- settings and trust ---- */

struct clv_guard_ids {
	unsigned *ids;
	size_t count;
};

struct clv_guard {
	uid_t application;
	bool application_administers;
	bool insecure_unmapped;
	bool strict;
	uint64_t max_size;
	/* What ids show as that have none in this user namespace. */
	uid_t overflow_user;
	gid_t overflow_group;
	struct clv_guard_ids administrators;
	struct clv_guard_ids administrator_groups;
	struct clv_guard_ids reader_groups;
};

/* Reads /proc/sys/kernel/overflowuid or ...gid. */
unsigned clv_guard_overflow_id(const char *path);

/* How an account stands to a policy. */
enum clv_guard_trust {
	CLV_GUARD_UNTRUSTED,
	CLV_GUARD_UNMAPPED, /* nobody knows whose it is */
	CLV_GUARD_TRUSTED
};

/* May this account own and write what the policy protects? */
enum clv_guard_trust clv_guard_trusts_user(
    const clv_guard *guard, clv_guard_policy policy, uid_t user);
bool clv_guard_trusts_group(
    const clv_guard *guard, clv_guard_policy policy, gid_t group);
bool clv_guard_reads_group(const clv_guard *guard, gid_t group);

/* ---- the report ---- */

struct clv_guard_report {
	clv_guard_policy policy;
	clv_guard_grade grade;
	char *path;
	/* The judged object, so that mending finds the same one again. */
	uint64_t inode;
	unsigned device_major, device_minor;
	/* Whose the object of the first CLV_GUARD_OWNER is. */
	bool has_owner;
	unsigned owner;
	clv_guard_finding *findings;
	size_t count;
};

/*
 * Adds a finding unless the same one is there. Copies path and reason; takes
 * `command` (malloc'ed, may be NULL) over, also on failure.
 */
clv_status clv_guard_report_add(clv_guard_report *report,
    const clv_guard_finding *finding, char *command, clv_error **err);
/* Decides at the end of a walk what may be mended. */
void clv_guard_report_settle(clv_guard_report *report);
/* Frees what a report holds, but not the report. */
void clv_guard_report_clear(clv_guard_report *report);
/* The error that refuses a report, for the path that was asked for. */
clv_status clv_guard_refuse(const clv_guard *guard,
    const clv_guard_report *report, const char *subject, clv_error **err);

/* ---- judging ---- */

enum clv_guard_role { CLV_GUARD_ANCESTOR, CLV_GUARD_LINK, CLV_GUARD_TARGET };

struct clv_guard_object {
	int fd; /* O_PATH */
	enum clv_guard_role role;
	const char *path;
	struct statx stat;
	/* Its directory is sticky and somebody untrusted may write there. */
	bool exposed;
};

/* What is judged, for what, and where findings go. */
struct clv_guard_case {
	const clv_guard *guard;
	clv_guard_policy policy;
	clv_guard_report *report;
};

/* Which kinds of target are wanted. */
enum clv_guard_want {
	CLV_GUARD_WANT_ANY,
	CLV_GUARD_WANT_FILE,
	CLV_GUARD_WANT_DIRECTORY
};

/* Owner, rights, ACLs. `*exposes` tells whether it is a sticky directory in
 * which somebody untrusted may create entries. */
clv_status clv_guard_judge(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, bool *exposes, clv_error **err);
/* The judged object itself: type, the above, size, names. */
clv_status clv_guard_judge_target(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, enum clv_guard_want want,
    clv_error **err);
/* What matters of the directory that holds it: default ACL, sticky. */
clv_status clv_guard_judge_parent(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, bool exposes, clv_error **err);
/* The file system it lies on. */
clv_status clv_guard_judge_mount(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err);
/* Mode bits or access ACL. */
clv_status clv_guard_judge_rights(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, const struct clv_acl *acl,
    bool *exposes, clv_error **err);
clv_status clv_guard_judge_default(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, const struct clv_acl *acl,
    clv_error **err);

/* The rights that an entry must not have, as mode bits of one class. */
unsigned clv_guard_forbidden(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, const struct clv_acl_entry *entry);
unsigned clv_guard_forbidden_default(
    const struct clv_guard_case *judged, const struct clv_acl_entry *entry);
/* Takes the forbidden rights away from an access ACL (or from mode bits, as
 * clv_acl_from_mode() gives them), and what is empty then. */
void clv_guard_clean(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, struct clv_acl *acl);
void clv_guard_clean_default(
    const struct clv_guard_case *judged, struct clv_acl *acl);

/* ---- the walk ---- */

struct clv_guard_request {
	const clv_guard *guard;
	clv_guard_policy policy;
	int directory;
	const char *path;
	enum clv_guard_want want;
	bool entry_only; /* the directory was judged before */
};

/*
 * Walks, judges, and leaves the pinned target (O_PATH) in `*fd`, or -1 where
 * the walk had to stop at something insecure. The report is for
 * clv_guard_report_clear(), also on failure.
 */
clv_status clv_guard_walk(const struct clv_guard_request *request,
    clv_guard_report *report, int *fd, struct statx *stat, clv_error **err);

/* Whether both are the same inode in the same state. */
bool clv_guard_same_inode(const struct statx *a, const struct statx *b);
bool clv_guard_same_state(const struct statx *a, const struct statx *b);

#define CLV_GUARD_STATX                                                  \
	(STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_GID | \
	    STATX_CTIME | STATX_INO | STATX_SIZE | STATX_MNT_ID)
clv_status clv_guard_stat(
    int fd, const char *subject, struct statx *stat, clv_error **err);

/* An errno of the walk, as an error about `subject`. */
clv_status clv_guard_system_error(
    const char *subject, const char *what, clv_error **err);

/* ---- names ---- */

/* "/proc/thread-self/fd/N": the object behind a descriptor, for calls that
 * take a path only. */
#define CLV_GUARD_FD_PATH 48
void clv_guard_fd_path(int fd, char path[CLV_GUARD_FD_PATH]);

/* Quotes for a POSIX shell; NULL if memory runs out. */
char *clv_guard_quote(const char *text);

/* ---- judging and mending by request ---- */

/* As clv_guard_check_at(). `fd` and `stat`, unless NULL, get the pinned
 * target (-1 where the walk had to stop), which the caller closes. */
clv_status clv_guard_check_request(const struct clv_guard_request *request,
    clv_guard_report **report, int *fd, struct statx *stat, clv_error **err);
/* As clv_guard_fix(), for an object that is found by this request. */
clv_status clv_guard_fix_request(const struct clv_guard_request *request,
    clv_guard_report **report, size_t *mended, clv_error **err);
/* Applies what clv_guard_clean() says to a pinned object. */
clv_status clv_guard_mend(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err);

/* clv_guard_survey() with another policy for the starting point itself. */
clv_status clv_guard_survey_as(const clv_guard *guard, clv_guard_policy policy,
    const char *path, bool fix, clv_guard_visit_fn *visit, void *user,
    clv_guard_grade *worst, clv_error **err);

#endif
