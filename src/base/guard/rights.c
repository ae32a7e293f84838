/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Which rights of mode bits and ACL entries are too many, and for each of
 * them a finding. */

#include "base/guard/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/guard/command.h"

static bool
is_key_file(
    const struct clv_guard_case *judged, const struct clv_guard_object *object)
{
	return judged->policy == CLV_GUARD_KEY &&
	    object->role == CLV_GUARD_TARGET && !S_ISDIR(object->stat.stx_mode);
}

/* May this entry's account or group write? */
static bool
may_write(const struct clv_guard_case *judged,
    const struct clv_acl_entry *entry, gid_t owning_group)
{
	switch (entry->tag) {
	case CLV_ACL_USER:
		return clv_guard_trusts_user(judged->guard, judged->policy,
			   entry->id) == CLV_GUARD_TRUSTED;
	case CLV_ACL_GROUP:
		return clv_guard_trusts_group(
		    judged->guard, judged->policy, entry->id);
	case CLV_ACL_OWNING_GROUP:
		return clv_guard_trusts_group(
		    judged->guard, judged->policy, owning_group);
	default:
		return false;
	}
}

/* Is it a group whose members a setting lets read keys? */
static bool
may_read_key(const struct clv_guard_case *judged,
    const struct clv_acl_entry *entry, gid_t owning_group)
{
	return (entry->tag == CLV_ACL_GROUP &&
		   clv_guard_reads_group(judged->guard, entry->id)) ||
	    (entry->tag == CLV_ACL_OWNING_GROUP &&
		clv_guard_reads_group(judged->guard, owning_group));
}

unsigned
clv_guard_forbidden(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, const struct clv_acl_entry *entry)
{
	const gid_t group = object->stat.stx_gid;

	/* The owner is judged as a whole; the mask is nobody. */
	if (entry->tag == CLV_ACL_OWNER || entry->tag == CLV_ACL_MASK ||
	    may_write(judged, entry, group))
		return 0;
	if (!is_key_file(judged, object))
		return CLV_ACL_WRITE;
	return may_read_key(judged, entry, group)
	    ? CLV_ACL_WRITE | CLV_ACL_EXECUTE
	    : CLV_ACL_READ | CLV_ACL_WRITE | CLV_ACL_EXECUTE;
}

/* A new file's owning group is not known; a default ACL that lets it or
 * others read is no worse than the usual umask. */
unsigned
clv_guard_forbidden_default(
    const struct clv_guard_case *judged, const struct clv_acl_entry *entry)
{
	const bool named =
	    entry->tag == CLV_ACL_USER || entry->tag == CLV_ACL_GROUP;

	if (entry->tag == CLV_ACL_OWNER || entry->tag == CLV_ACL_MASK ||
	    (named && may_write(judged, entry, 0)))
		return 0;
	return named && judged->policy == CLV_GUARD_KEY
	    ? CLV_ACL_READ | CLV_ACL_WRITE
	    : CLV_ACL_WRITE;
}

/* Whose entry it is, for a person. */
static void
describe(const struct clv_acl_entry *entry, gid_t owning_group, char *text,
    size_t size)
{
	switch (entry->tag) {
	case CLV_ACL_USER:
		(void)snprintf(text, size, "uid %u", entry->id);
		break;
	case CLV_ACL_GROUP:
		(void)snprintf(text, size, "group %u", entry->id);
		break;
	case CLV_ACL_OWNING_GROUP:
		(void)snprintf(text, size, "its owning group %u", owning_group);
		break;
	default:
		(void)snprintf(text, size, "everybody");
	}
}

static clv_guard_code
code_of(const struct clv_acl_entry *entry, unsigned right)
{
	const bool write = right == CLV_ACL_WRITE;

	if (right == CLV_ACL_EXECUTE)
		return CLV_GUARD_EXECUTE;
	switch (entry->tag) {
	case CLV_ACL_OWNING_GROUP:
		return write ? CLV_GUARD_GROUP_WRITE : CLV_GUARD_GROUP_READ;
	case CLV_ACL_OTHERS:
		return write ? CLV_GUARD_OTHERS_WRITE : CLV_GUARD_OTHERS_READ;
	default:
		return write ? CLV_GUARD_ACL_WRITE : CLV_GUARD_ACL_READ;
	}
}

static const char *
verb_of(unsigned right)
{
	return right == CLV_ACL_READ ? "read"
	    : right == CLV_ACL_WRITE ? "write"
				     : "execute";
}

/* A sticky directory is shared on purpose, though perhaps the wrong one:
 * a person decides. */
static bool
is_mendable(const struct clv_guard_object *object)
{
	return object->role == CLV_GUARD_TARGET &&
	    !(S_ISDIR(object->stat.stx_mode) &&
		(object->stat.stx_mode & S_ISVTX));
}

static clv_status
add(const struct clv_guard_case *judged, const struct clv_guard_object *object,
    clv_guard_code code, clv_guard_grade grade, const char *reason,
    clv_error **err)
{
	char *command = clv_guard_rights_command(
	    judged, object, code == CLV_GUARD_ACL_DEFAULT);

	return clv_guard_report_add(judged->report,
	    &(clv_guard_finding){.code = code,
		.grade = grade,
		.path = object->path,
		.reason = reason,
		.fixable = is_mendable(object)},
	    command, err);
}

static clv_status
add_right(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, const struct clv_acl_entry *entry,
    unsigned right, clv_error **err)
{
	char who[48], reason[128];

	describe(entry, object->stat.stx_gid, who, sizeof(who));
	(void)snprintf(reason, sizeof(reason), "%s may %s it (mode %04o)", who,
	    verb_of(right), object->stat.stx_mode & 07777U);
	return add(judged, object, code_of(entry, right),
	    right == CLV_ACL_EXECUTE ? CLV_GUARD_WEAK : CLV_GUARD_INSECURE,
	    reason, err);
}

static clv_status
add_sleeping(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, const struct clv_acl_entry *entry,
    clv_error **err)
{
	char who[48], reason[160];

	describe(entry, object->stat.stx_gid, who, sizeof(who));
	(void)snprintf(reason, sizeof(reason),
	    "an ACL entry for %s is held back by the mask alone: a chmod "
	    "wakes it",
	    who);
	return add(judged, object, CLV_GUARD_ACL_SLEEPING, CLV_GUARD_WEAK,
	    reason, err);
}

/* A group that reads a key because a setting says so. */
static clv_status
judge_reader(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, const struct clv_acl_entry *entry,
    unsigned effective, clv_error **err)
{
	char who[48], reason[128];

	if (!is_key_file(judged, object) || !(effective & CLV_ACL_READ) ||
	    !may_read_key(judged, entry, object->stat.stx_gid))
		return CLV_OK;
	describe(entry, object->stat.stx_gid, who, sizeof(who));
	(void)snprintf(reason, sizeof(reason),
	    "%s may read it, which a setting allows", who);
	return clv_guard_report_add(judged->report,
	    &(clv_guard_finding){.code = entry->tag == CLV_ACL_GROUP
		    ? CLV_GUARD_ACL_READ
		    : CLV_GUARD_GROUP_READ,
		.grade = CLV_GUARD_WEAK,
		.path = object->path,
		.reason = reason},
	    NULL, err);
}

static clv_status
judge_entry(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, const struct clv_acl_entry *entry,
    unsigned mask, clv_error **err)
{
	static const unsigned rights[] = {
	    CLV_ACL_READ, CLV_ACL_WRITE, CLV_ACL_EXECUTE};
	const unsigned limit = clv_acl_is_masked(entry) ? mask : 7;
	const unsigned bad =
	    entry->rights & clv_guard_forbidden(judged, object, entry);
	const unsigned sleeping = bad & ~limit & (CLV_ACL_READ | CLV_ACL_WRITE);
	clv_status status = CLV_OK;

	for (size_t i = 0; i < 3 && status == CLV_OK; i++)
		if (bad & limit & rights[i])
			status =
			    add_right(judged, object, entry, rights[i], err);
	if (status == CLV_OK && sleeping && object->role == CLV_GUARD_TARGET)
		status = add_sleeping(judged, object, entry, err);
	if (status == CLV_OK)
		status = judge_reader(
		    judged, object, entry, entry->rights & limit, err);
	return status;
}

/* Does any entry let somebody untrusted write now? */
static bool
is_writable(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, const struct clv_acl *acl)
{
	const unsigned mask = clv_acl_mask(acl);

	for (size_t i = 0; i < acl->count; i++) {
		const struct clv_acl_entry *entry = &acl->entries[i];
		const unsigned limit = clv_acl_is_masked(entry) ? mask : 7;

		if (entry->rights & limit & CLV_ACL_WRITE &
		    clv_guard_forbidden(judged, object, entry))
			return true;
	}
	return false;
}

clv_status
clv_guard_judge_rights(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, const struct clv_acl *acl,
    bool *exposes, clv_error **err)
{
	const bool sticky = object->role == CLV_GUARD_ANCESTOR &&
	    (object->stat.stx_mode & S_ISVTX) != 0;
	clv_status status = CLV_OK;

	/* In a sticky directory entries of others can't be replaced: what
	 * matters is the next entry's owner, which is judged there. */
	*exposes = sticky && is_writable(judged, object, acl);
	if (sticky)
		return CLV_OK;
	for (size_t i = 0; i < acl->count && status == CLV_OK; i++)
		status = judge_entry(
		    judged, object, &acl->entries[i], clv_acl_mask(acl), err);
	return status;
}

clv_status
clv_guard_judge_default(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, const struct clv_acl *acl,
    clv_error **err)
{
	char who[48], reason[128];
	clv_status status = CLV_OK;

	for (size_t i = 0; i < acl->count && status == CLV_OK; i++) {
		const struct clv_acl_entry *entry = &acl->entries[i];
		const unsigned bad =
		    entry->rights & clv_guard_forbidden_default(judged, entry);

		if (bad == 0)
			continue;
		describe(entry, object->stat.stx_gid, who, sizeof(who));
		(void)snprintf(reason, sizeof(reason),
		    "its default ACL gives %s rights to new files in it", who);
		status = add(judged, object, CLV_GUARD_ACL_DEFAULT,
		    CLV_GUARD_WEAK, reason, err);
	}
	return status;
}

static void
drop(struct clv_acl *acl, size_t index)
{
	for (size_t i = index + 1; i < acl->count; i++)
		acl->entries[i - 1] = acl->entries[i];
	acl->count--;
}

/* Drops named entries and the mask, which the owning group keeps. */
static void
flatten(struct clv_acl *acl)
{
	const unsigned mask = clv_acl_mask(acl);

	for (size_t i = acl->count; i-- > 0;) {
		struct clv_acl_entry *entry = &acl->entries[i];

		if (entry->tag == CLV_ACL_OWNING_GROUP)
			entry->rights &= (uint16_t)mask;
		else if (entry->tag == CLV_ACL_USER ||
		    entry->tag == CLV_ACL_GROUP || entry->tag == CLV_ACL_MASK)
			drop(acl, i);
	}
}

static bool
has_named_rights(const struct clv_acl *acl)
{
	for (size_t i = 0; i < acl->count; i++)
		if ((acl->entries[i].tag == CLV_ACL_USER ||
			acl->entries[i].tag == CLV_ACL_GROUP) &&
		    acl->entries[i].rights != 0)
			return true;
	return false;
}

void
clv_guard_clean(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, struct clv_acl *acl)
{
	for (size_t i = 0; i < acl->count; i++)
		acl->entries[i].rights &= (uint16_t)~clv_guard_forbidden(
		    judged, object, &acl->entries[i]);
	if (clv_acl_is_extended(acl) && !has_named_rights(acl))
		flatten(acl);
}

void
clv_guard_clean_default(
    const struct clv_guard_case *judged, struct clv_acl *acl)
{
	for (size_t i = 0; i < acl->count; i++)
		acl->entries[i].rights &=
		    (uint16_t)~clv_guard_forbidden_default(
			judged, &acl->entries[i]);
}
