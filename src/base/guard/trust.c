/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Who may own and write what a policy protects. */

#include "base/guard/internal.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
contains(const struct clv_guard_ids *set, unsigned id)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->ids[i] == id)
			return true;
	return false;
}

/* Reads a short file of /proc; an empty string on failure. */
static void
read_proc(const char *path, char *text, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;

	if (fd >= 0) {
		got = read(fd, text, size - 1);
		(void)close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
}

unsigned
clv_guard_overflow_id(const char *path)
{
	char text[32];
	unsigned id;

	read_proc(path, text, sizeof(text));
	return sscanf(text, "%u", &id) == 1 ? id : 65534U;
}

/* The initial user namespace, and it alone, maps all ids to themselves. */
static bool
maps_everything(const char *path)
{
	char text[128];
	unsigned inside, outside, count;

	read_proc(path, text, sizeof(text));
	return sscanf(text, "%u %u %u", &inside, &outside, &count) == 3 &&
	    inside == 0 && outside == 0 && count == UINT32_MAX;
}

static bool
is_unmapped_user(const clv_guard *guard, uid_t user)
{
	return user == guard->overflow_user &&
	    !maps_everything("/proc/thread-self/uid_map");
}

static bool
is_unmapped_group(const clv_guard *guard, gid_t group)
{
	return group == guard->overflow_group &&
	    !maps_everything("/proc/thread-self/gid_map");
}

#define MOST_GROUPS 1024

/* A group's members are accounts that have it as their first or as a further
 * group. Looked up only where nothing else explains an owner. */
static bool
is_member(uid_t user, const struct clv_guard_ids *groups)
{
	const size_t size = 16384;
	struct passwd entry, *found = NULL;
	char *buffer = malloc(size);
	gid_t *of_user = calloc(MOST_GROUPS, sizeof(*of_user));
	int count = MOST_GROUPS;
	bool member = false;

	if (buffer == NULL || of_user == NULL ||
	    getpwuid_r(user, &entry, buffer, size, &found) != 0 ||
	    found == NULL ||
	    getgrouplist(found->pw_name, found->pw_gid, of_user, &count) < 0)
		goto out;
	for (int i = 0; i < count && !member; i++)
		member = contains(groups, of_user[i]);
out:
	free(of_user);
	free(buffer);
	return member;
}

static bool
is_administrator(const clv_guard *guard, uid_t user)
{
	if (user == guard->application && guard->application_administers)
		return true;
	return contains(&guard->administrators, user) ||
	    (guard->administrator_groups.count > 0 &&
		is_member(user, &guard->administrator_groups));
}

enum clv_guard_trust
clv_guard_trusts_user(
    const clv_guard *guard, clv_guard_policy policy, uid_t user)
{
	bool trusted;

	if (user == 0)
		return CLV_GUARD_TRUSTED;
	/* Even if the application itself has this id: it may be anybody. */
	if (is_unmapped_user(guard, user))
		return CLV_GUARD_UNMAPPED;
	trusted = policy == CLV_GUARD_KEY ? user == guard->application
					  : is_administrator(guard, user);
	return trusted ? CLV_GUARD_TRUSTED : CLV_GUARD_UNTRUSTED;
}

bool
clv_guard_trusts_group(
    const clv_guard *guard, clv_guard_policy policy, gid_t group)
{
	return policy != CLV_GUARD_KEY &&
	    contains(&guard->administrator_groups, group) &&
	    !is_unmapped_group(guard, group);
}

bool
clv_guard_reads_group(const clv_guard *guard, gid_t group)
{
	return contains(&guard->reader_groups, group) &&
	    !is_unmapped_group(guard, group);
}
