/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/guard/internal.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

clv_status
clv_guard_new(clv_guard **out, clv_error **err)
{
	clv_guard *guard = calloc(1, sizeof(*guard));

	*out = NULL;
	if (guard == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "make path guard"},
		    "out of memory");
	guard->application = geteuid();
	guard->application_administers = true;
	guard->overflow_user =
	    clv_guard_overflow_id("/proc/sys/kernel/overflowuid");
	guard->overflow_group =
	    clv_guard_overflow_id("/proc/sys/kernel/overflowgid");
	guard->max_size = CLV_GUARD_MAX_SIZE_DEFAULT;
	*out = guard;
	return CLV_OK;
}

void
clv_guard_free(clv_guard **guard)
{
	if (guard == NULL || *guard == NULL)
		return;
	free((*guard)->administrators.ids);
	free((*guard)->administrator_groups.ids);
	free((*guard)->reader_groups.ids);
	free(*guard);
	*guard = NULL;
}

static bool
copy_ids(struct clv_guard_ids *to, const struct clv_guard_ids *from)
{
	*to = (struct clv_guard_ids){NULL, 0};
	if (from->count == 0)
		return true;
	to->ids = calloc(from->count, sizeof(*to->ids));
	if (to->ids == NULL)
		return false;
	memcpy(to->ids, from->ids, from->count * sizeof(*to->ids));
	to->count = from->count;
	return true;
}

clv_status
clv_guard_copy(const clv_guard *guard, clv_guard **out, clv_error **err)
{
	clv_guard *copy;
	const clv_status status = clv_guard_new(&copy, err);

	*out = NULL;
	if (status != CLV_OK)
		return status;
	*copy = *guard;
	copy->administrators = copy->administrator_groups =
	    copy->reader_groups = (struct clv_guard_ids){NULL, 0};
	if (!copy_ids(&copy->administrators, &guard->administrators) ||
	    !copy_ids(
		&copy->administrator_groups, &guard->administrator_groups) ||
	    !copy_ids(&copy->reader_groups, &guard->reader_groups)) {
		clv_guard_free(&copy);
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "copy path guard"},
		    "out of memory");
	}
	*out = copy;
	return CLV_OK;
}

/* Digits are an id, as in chown(1) when no account has that name. The
 * largest number is no id: it means "unchanged" to chown(2). */
static bool
parse_id(const char *text, unsigned *id)
{
	char *end = NULL;
	unsigned long long value;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || value >= UINT32_MAX)
		return false;
	*id = (unsigned)value;
	return true;
}

#define LOOKUP_BUFFER 16384U

static int
find_user(const char *name, char *buffer, unsigned *id)
{
	struct passwd entry, *found = NULL;
	const int error =
	    getpwnam_r(name, &entry, buffer, LOOKUP_BUFFER, &found);

	if (found != NULL)
		*id = found->pw_uid;
	return found != NULL ? 0 : error != 0 ? error : ENOENT;
}

static int
find_group(const char *name, char *buffer, unsigned *id)
{
	struct group entry, *found = NULL;
	const int error =
	    getgrnam_r(name, &entry, buffer, LOOKUP_BUFFER, &found);

	if (found != NULL)
		*id = found->gr_gid;
	return found != NULL ? 0 : error != 0 ? error : ENOENT;
}

/* An account by name or number. */
static clv_status
resolve(const char *what, const char *name,
    int (*find)(const char *, char *, unsigned *), unsigned *id,
    clv_error **err)
{
	const struct clv_error_info info = {.operation = what, .subject = name};
	char *buffer;
	int error;

	if (name == NULL || *name == '\0')
		return clv_error_raise(
		    err, CLV_INVALID, &info, "no name was given");
	if (parse_id(name, id))
		return CLV_OK;
	if ((buffer = malloc(LOOKUP_BUFFER)) == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, &info, "out of memory");
	error = find(name, buffer, id);
	free(buffer);
	if (error != 0)
		return clv_error_raise(err, CLV_NOT_FOUND, &info,
		    "this system knows no such name");
	return CLV_OK;
}

static clv_status
add_id(struct clv_guard_ids *to, unsigned id, clv_error **err)
{
	unsigned *ids = reallocarray(to->ids, to->count + 1, sizeof(*to->ids));

	if (ids == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "set path guard"},
		    "out of memory");
	ids[to->count] = id;
	to->ids = ids;
	to->count++;
	return CLV_OK;
}

clv_status
clv_guard_set_application(clv_guard *guard, const char *user, clv_error **err)
{
	unsigned id = 0;
	const clv_status status =
	    resolve("set application account", user, find_user, &id, err);

	if (status == CLV_OK)
		guard->application = id;
	return status;
}

void
clv_guard_set_application_administers(clv_guard *guard, bool administers)
{
	guard->application_administers = administers;
}

clv_status
clv_guard_add_administrator(clv_guard *guard, const char *user, clv_error **err)
{
	unsigned id = 0;
	const clv_status status =
	    resolve("add administrator", user, find_user, &id, err);

	return status != CLV_OK ? status
				: add_id(&guard->administrators, id, err);
}

clv_status
clv_guard_add_administrators(
    clv_guard *guard, const char *group, clv_error **err)
{
	unsigned id = 0;
	const clv_status status =
	    resolve("add administrators' group", group, find_group, &id, err);

	return status != CLV_OK ? status
				: add_id(&guard->administrator_groups, id, err);
}

clv_status
clv_guard_add_insecure_readers(
    clv_guard *guard, const char *group, clv_error **err)
{
	unsigned id = 0;
	const clv_status status =
	    resolve("add readers' group", group, find_group, &id, err);

	return status != CLV_OK ? status
				: add_id(&guard->reader_groups, id, err);
}

void
clv_guard_set_insecure_unmapped(clv_guard *guard, bool allowed)
{
	guard->insecure_unmapped = allowed;
}

void
clv_guard_set_max_size(clv_guard *guard, uint64_t bytes)
{
	guard->max_size = bytes;
}

void
clv_guard_set_strict(clv_guard *guard, bool strict)
{
	guard->strict = strict;
}
