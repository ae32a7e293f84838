/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Takes away what the judgement objected to. */

#include "base/guard/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static clv_status
mend_error(const struct clv_guard_object *object, clv_error **err)
{
	const bool denied = errno == EPERM || errno == EACCES || errno == EROFS;

	return clv_error_raise(err,
	    denied                ? CLV_PERMISSION
		: errno == EINVAL ? CLV_CORRUPT
				  : CLV_IO,
	    &(struct clv_error_info){.operation = "mend",
		.subject = object->path,
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno},
	    "%s", strerror(errno));
}

static bool
mend_mode(
    const struct clv_guard_case *judged, const struct clv_guard_object *object)
{
	const unsigned mode = object->stat.stx_mode & 07777U;
	struct clv_acl_entry entries[3];
	char path[CLV_GUARD_FD_PATH];
	struct clv_acl acl;
	unsigned mended;

	clv_acl_from_mode(mode, entries, &acl);
	clv_guard_clean(judged, object, &acl);
	mended = (mode & 07700U) | (unsigned)entries[1].rights << 3 |
	    entries[2].rights;
	if (mended == mode)
		return true;
	clv_guard_fd_path(object->fd, path);
	return chmod(path, mended) == 0;
}

static bool
is_same_acl(const struct clv_acl *a, const struct clv_acl *b)
{
	return a->count == b->count &&
	    memcmp(a->entries, b->entries, a->count * sizeof(*a->entries)) == 0;
}

/* Reads an ACL, cleans it, and writes it back if that changed anything. The
 * kernel turns an ACL without named entries into mode bits. */
static bool
mend_acl(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, enum clv_acl_kinds kind,
    bool *is_there)
{
	struct clv_acl before, after;
	bool done = true;

	if (!clv_acl_read(object->fd, kind, &before))
		return false;
	*is_there = before.count > 0;
	if (before.count == 0)
		return true;
	if (!clv_acl_read(object->fd, kind, &after)) {
		clv_acl_free(&before);
		return false;
	}
	if (kind == CLV_ACL_KIND_DEFAULT)
		clv_guard_clean_default(judged, &after);
	else
		clv_guard_clean(judged, object, &after);
	if (!is_same_acl(&before, &after))
		done = clv_acl_write(object->fd, kind, &after);
	clv_acl_free(&before);
	clv_acl_free(&after);
	return done;
}

clv_status
clv_guard_mend(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err)
{
	const bool is_directory = S_ISDIR(object->stat.stx_mode);
	bool has_acl = false, has_default = false;

	if (!is_directory && !S_ISREG(object->stat.stx_mode))
		return CLV_OK;
	if (!mend_acl(judged, object, CLV_ACL_KIND_ACCESS, &has_acl) ||
	    (!has_acl && !mend_mode(judged, object)) ||
	    (is_directory &&
		!mend_acl(judged, object, CLV_ACL_KIND_DEFAULT, &has_default)))
		return mend_error(object, err);
	return CLV_OK;
}

static bool
is_fixable(const clv_guard_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->findings[i].fixable)
			return true;
	return false;
}

static bool
is_judged_object(const clv_guard_report *report, const struct statx *stat)
{
	return report->inode == stat->stx_ino &&
	    report->device_major == stat->stx_dev_major &&
	    report->device_minor == stat->stx_dev_minor;
}

/* Mends the object if nothing has come in the way since it was judged. */
static clv_status
mend_fresh(const struct clv_guard_request *request,
    const clv_guard_report *fresh, int pinned, const struct statx *stat,
    clv_error **err)
{
	const struct clv_guard_case judged = {
	    .guard = request->guard, .policy = request->policy};
	const struct clv_guard_object object = {.fd = pinned,
	    .role = CLV_GUARD_TARGET,
	    .path = fresh->path,
	    .stat = *stat};

	return is_fixable(fresh) ? clv_guard_mend(&judged, &object, err)
				 : CLV_OK;
}

/* Pins the object that `report` is about, and mends it. */
static clv_status
mend_again(const struct clv_guard_request *request,
    const clv_guard_report *report, clv_error **err)
{
	clv_guard_report *fresh = NULL;
	struct statx stat;
	clv_status status;
	int pinned = -1;

	status = clv_guard_check_request(request, &fresh, &pinned, &stat, err);
	if (status != CLV_OK)
		return status;
	if (pinned >= 0 && is_judged_object(report, &stat))
		status = mend_fresh(request, fresh, pinned, &stat, err);
	else
		status = clv_error_raise(err, CLV_CHANGED,
		    &(struct clv_error_info){
			.operation = "mend", .subject = report->path},
		    "another object has taken its place");
	clv_guard_report_free(&fresh);
	if (pinned >= 0)
		(void)close(pinned);
	return status;
}

clv_status
clv_guard_fix_request(const struct clv_guard_request *request,
    clv_guard_report **report, size_t *mended, clv_error **err)
{
	clv_guard_report *after = NULL;
	clv_status status;

	if (!is_fixable(*report))
		return CLV_OK;
	if ((status = mend_again(request, *report, err)) != CLV_OK ||
	    (status = clv_guard_check_request(
		 request, &after, NULL, NULL, err)) != CLV_OK)
		return status;
	if (mended != NULL && after->count < (*report)->count)
		*mended = (*report)->count - after->count;
	clv_guard_report_free(report);
	*report = after;
	return CLV_OK;
}

clv_status
clv_guard_fix(const clv_guard *guard, clv_guard_report **report, size_t *mended,
    clv_error **err)
{
	char *path = strdup((*report)->path);
	const struct clv_guard_request request = {.guard = guard,
	    .policy = (*report)->policy,
	    .directory = AT_FDCWD,
	    .path = path,
	    .want = CLV_GUARD_WANT_ANY};
	clv_status status;

	if (mended != NULL)
		*mended = 0;
	if (path == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "mend"},
		    "out of memory");
	status = clv_guard_fix_request(&request, report, mended, err);
	free(path);
	return status;
}
