/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What is judged of each pinned object. */

#include "base/guard/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/guard/command.h"

static clv_status
add(const struct clv_guard_case *judged, const struct clv_guard_object *object,
    clv_guard_code code, clv_guard_grade grade, const char *reason,
    char *command, clv_error **err)
{
	return clv_guard_report_add(judged->report,
	    &(clv_guard_finding){.code = code,
		.grade = grade,
		.path = object->path,
		.reason = reason},
	    command, err);
}

static clv_status
judge_owner(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err)
{
	const bool is_link = object->role == CLV_GUARD_LINK;
	const uid_t owner = object->stat.stx_uid;
	char reason[160];

	switch (clv_guard_trusts_user(judged->guard, judged->policy, owner)) {
	case CLV_GUARD_TRUSTED:
		return CLV_OK;
	case CLV_GUARD_UNMAPPED:
		(void)snprintf(reason, sizeof(reason),
		    "its owner is not known in this user namespace (uid %u)",
		    owner);
		return add(judged, object, CLV_GUARD_OWNER_UNMAPPED,
		    judged->guard->insecure_unmapped ? CLV_GUARD_WEAK
						     : CLV_GUARD_INSECURE,
		    reason, NULL, err);
	case CLV_GUARD_UNTRUSTED:
		break;
	}
	if (!is_link && !judged->report->has_owner) {
		judged->report->has_owner = true;
		judged->report->owner = owner;
	}
	(void)snprintf(reason, sizeof(reason),
	    "its owner, uid %u, can change it; its content may already be "
	    "his",
	    owner);
	return add(judged, object,
	    is_link ? CLV_GUARD_LINK_OWNER : CLV_GUARD_OWNER,
	    CLV_GUARD_INSECURE, reason, clv_guard_owner_command(judged, object),
	    err);
}

static clv_status
judge_foreign(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err)
{
	return add(judged, object, CLV_GUARD_ACL_FOREIGN, CLV_GUARD_INSECURE,
	    "it has an ACL that this system does not judge by mode bits "
	    "(NFSv4 or Windows)",
	    NULL, err);
}

static clv_status
add_damaged(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err)
{
	return add(judged, object, CLV_GUARD_ACL_FOREIGN, CLV_GUARD_INSECURE,
	    "its ACL is damaged or can't be read", NULL, err);
}

static clv_status
judge_unreadable(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err)
{
	return errno == EINVAL ? add_damaged(judged, object, err)
			       : clv_guard_system_error(object->path,
				     "its ACL can't be read", err);
}

/* Listed, but not given: taken away meanwhile, or never to be read. */
static bool
is_still_listed(const struct clv_guard_object *object)
{
	return (clv_acl_list(object->fd) & CLV_ACL_KIND_ACCESS) != 0;
}

static clv_status
judge_mode(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, bool *exposes, clv_error **err)
{
	struct clv_acl_entry entries[3];
	struct clv_acl acl;

	clv_acl_from_mode(object->stat.stx_mode, entries, &acl);
	return clv_guard_judge_rights(judged, object, &acl, exposes, err);
}

static clv_status
judge_acl(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, bool *exposes, clv_error **err)
{
	struct clv_acl acl = {NULL, 0};
	clv_status status;

	if (!clv_acl_read(object->fd, CLV_ACL_KIND_ACCESS, &acl))
		return judge_unreadable(judged, object, err);
	if (acl.count > 0)
		status =
		    clv_guard_judge_rights(judged, object, &acl, exposes, err);
	else if (is_still_listed(object))
		status = add_damaged(judged, object, err);
	else
		status = judge_mode(judged, object, exposes, err);
	clv_acl_free(&acl);
	return status;
}

static clv_status
judge_default(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err)
{
	struct clv_acl acl;
	clv_status status;

	if (!clv_acl_read(object->fd, CLV_ACL_KIND_DEFAULT, &acl))
		return judge_unreadable(judged, object, err);
	status = clv_guard_judge_default(judged, object, &acl, err);
	clv_acl_free(&acl);
	return status;
}

static clv_status
list_acls(const struct clv_guard_object *object, int *kinds, clv_error **err)
{
	*kinds = clv_acl_list(object->fd);
	return *kinds >= 0 ? CLV_OK
			   : clv_guard_system_error(
				 object->path, "its ACLs can't be listed", err);
}

clv_status
clv_guard_judge(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, bool *exposes, clv_error **err)
{
	clv_status status;
	int kinds = 0;

	*exposes = false;
	status = judge_owner(judged, object, err);
	/* The mode of a link means nothing, and it has no ACL. */
	if (status != CLV_OK || object->role == CLV_GUARD_LINK)
		return status;
	if ((status = list_acls(object, &kinds, err)) != CLV_OK)
		return status;
	if (kinds & CLV_ACL_KIND_FOREIGN)
		status = judge_foreign(judged, object, err);
	if (status == CLV_OK)
		status = kinds & CLV_ACL_KIND_ACCESS
		    ? judge_acl(judged, object, exposes, err)
		    : judge_mode(judged, object, exposes, err);
	if (status == CLV_OK && (kinds & CLV_ACL_KIND_DEFAULT) != 0 &&
	    object->role == CLV_GUARD_TARGET)
		status = judge_default(judged, object, err);
	return status;
}

static const char *
kind_of(unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "of an unknown kind";
	}
}

static bool
fits(unsigned mode, enum clv_guard_want want)
{
	return (S_ISREG(mode) && want != CLV_GUARD_WANT_DIRECTORY) ||
	    (S_ISDIR(mode) && want != CLV_GUARD_WANT_FILE);
}

static clv_status
add_type(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, enum clv_guard_want want,
    clv_error **err)
{
	const unsigned mode = object->stat.stx_mode;
	char reason[96];

	(void)snprintf(reason, sizeof(reason), "it is %s, not %s",
	    kind_of(mode),
	    want == CLV_GUARD_WANT_DIRECTORY ? "a directory"
					     : "a regular file");
	return add(judged, object, CLV_GUARD_TYPE, CLV_GUARD_INSECURE, reason,
	    NULL, err);
}

static clv_status
judge_size(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err)
{
	char reason[128];

	if (!S_ISREG(object->stat.stx_mode) ||
	    object->stat.stx_size <= judged->guard->max_size)
		return CLV_OK;
	(void)snprintf(reason, sizeof(reason),
	    "it has %llu bytes, more than the limit of %llu",
	    (unsigned long long)object->stat.stx_size,
	    (unsigned long long)judged->guard->max_size);
	return add(judged, object, CLV_GUARD_TOO_LARGE, CLV_GUARD_INSECURE,
	    reason, NULL, err);
}

static clv_status
judge_names(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err)
{
	char reason[128];

	if (S_ISDIR(object->stat.stx_mode) || object->stat.stx_nlink <= 1)
		return CLV_OK;
	/* Whoever may write a sticky directory may link a trusted owner's
	 * other file into it (fs.protected_hardlinks = 0). */
	if (object->exposed)
		return add(judged, object, CLV_GUARD_STICKY, CLV_GUARD_INSECURE,
		    "it has a second name, and stands in a sticky directory "
		    "where others may have put this one",
		    NULL, err);
	(void)snprintf(reason, sizeof(reason),
	    "it has %u names (hard links): the others keep what it holds now",
	    object->stat.stx_nlink);
	return add(judged, object, CLV_GUARD_HARD_LINK, CLV_GUARD_WEAK, reason,
	    clv_guard_unlink_command(object), err);
}

clv_status
clv_guard_judge_target(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, enum clv_guard_want want,
    clv_error **err)
{
	clv_status status;
	bool exposes;

	/* Of a device or a FIFO the rest is not worth mending. */
	if (!fits(object->stat.stx_mode, want))
		return add_type(judged, object, want, err);
	if ((status = clv_guard_judge(judged, object, &exposes, err)) !=
		CLV_OK ||
	    (status = judge_size(judged, object, err)) != CLV_OK)
		return status;
	return judge_names(judged, object, err);
}

clv_status
clv_guard_judge_parent(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, bool exposes, clv_error **err)
{
	clv_status status;
	int kinds = 0;

	/* The directory of a certificate or CRL is the list itself. */
	if (exposes && judged->policy == CLV_GUARD_TRUST &&
	    (status = add(judged, object, CLV_GUARD_STICKY, CLV_GUARD_INSECURE,
		 "others may add files to it, sticky or not", NULL, err)) !=
		CLV_OK)
		return status;
	if ((status = list_acls(object, &kinds, err)) != CLV_OK ||
	    !(kinds & CLV_ACL_KIND_DEFAULT))
		return status;
	return judge_default(judged, object, err);
}
