/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "change TrustList"},
	    "out of memory");
}

static void
wish_clear(struct clv_txn_wish *wish)
{
	free(wish->bytes);
	free(wish->thumbprint);
	*wish = (struct clv_txn_wish){.size = 0};
}

static void
forget_draft(struct clv_txn_list *list)
{
	if (list->drafted)
		clv_change_end(&list->draft);
	list->drafted = false;
}

static void
list_clear(struct clv_txn_list *list)
{
	forget_draft(list);
	if (list->begun)
		clv_change_end(&list->change);
	for (size_t i = 0; i < list->count; i++)
		wish_clear(&list->wishes[i]);
	free(list->wishes);
	clv_trust_free(&list->trust);
	free(list->path);
	*list = (struct clv_txn_list){.count = 0};
}

void
clv_lists_clear(struct clv_txn_lists *lists)
{
	for (size_t i = 0; i < lists->count; i++)
		list_clear(&lists->lists[i]);
	lists->count = 0;
}

/* ---- finding ---- */

clv_status
clv_lists_open(const clv_application *application, const char *path,
    clv_trust **out, clv_error **err)
{
	clv_trust_options *options = NULL;
	char *absolute = NULL;
	clv_status status;

	*out = NULL;
	if (asprintf(&absolute, "%s%s%s",
		*path == '/' ? "" : application->directory,
		*path == '/' ? "" : "/", path) < 0)
		return no_memory(err);
	if ((status = clv_trust_options_new(&options, err)) == CLV_OK &&
	    (status = clv_trust_options_set_guard(
		 options, application->guard, err)) == CLV_OK)
		status = clv_trust_open(absolute, options, out, err);
	clv_trust_options_free(&options);
	free(absolute);
	return status;
}

clv_status
clv_application_open_trust_list(const clv_application *application,
    const char *group, clv_trust **out, clv_error **err)
{
	const char *path = clv_application_trust_list(application, group);

	*out = NULL;
	if (path != NULL)
		return clv_lists_open(application, path, out, err);
	return clv_error_raise(err, CLV_NOT_FOUND,
	    &(struct clv_error_info){
		.operation = "open TrustList", .subject = group},
	    "%s has no such group", application->directory);
}

static bool
find_group(const clv_application *application, const char *group, size_t *index)
{
	for (*index = 0; *index < application->config.group_count; (*index)++)
		if (strcmp(application->config.groups[*index].name, group) == 0)
			return true;
	return false;
}

bool
clv_lists_is_of(const struct clv_txn_list *list,
    const clv_application *application, size_t group)
{
	const struct clv_layout *layout = &list->trust->layout;
	struct stat about;

	return stat(application->trust_lists[group], &about) == 0 &&
	    about.st_dev == layout->device && about.st_ino == layout->inode;
}

clv_status
clv_lists_get(struct clv_txn_lists *lists, const clv_application *application,
    const char *group, struct clv_txn_list **out, clv_error **err)
{
	struct clv_txn_list list = {.count = 0};
	size_t index;
	clv_status status;

	*out = NULL;
	if (!find_group(application, group, &index))
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "change TrustList",
			.subject = application->directory},
		    "there is no group %s", group);
	for (size_t i = 0; i < lists->count; i++)
		if (clv_lists_is_of(&lists->lists[i], application, index)) {
			*out = &lists->lists[i];
			return CLV_OK;
		}
	list.path = strdup(application->config.groups[index].trust_list);
	status = list.path == NULL || lists->count == CLV_GROUPS_MAX
	    ? no_memory(err)
	    : clv_lists_open(application, list.path, &list.trust, err);
	if (status != CLV_OK) {
		list_clear(&list);
		return status;
	}
	lists->lists[lists->count] = list; /* transferred */
	*out = &lists->lists[lists->count++];
	return CLV_OK;
}

/* ---- staging ---- */

static clv_status
replace(
    struct clv_change *change, const struct clv_txn_wish *wish, clv_error **err)
{
	clv_trust_data *data = NULL;
	clv_status status =
	    clv_trust_data_decode(wish->bytes, wish->size, NULL, &data, err);

	if (status == CLV_OK)
		status = clv_change_replace(change, data, err);
	clv_trust_data_free(&data);
	return status;
}

static clv_status
grant(
    struct clv_change *change, const struct clv_txn_wish *wish, clv_error **err)
{
	switch (wish->kind) {
	case CLV_WISH_ADD:
		return clv_change_add(change, (clv_trust_mask)wish->lists,
		    wish->bytes, wish->size, err);
	case CLV_WISH_REMOVE:
		return clv_change_remove(
		    change, wish->lists, wish->thumbprint, err);
	case CLV_WISH_REPLACE:
		return replace(change, wish, err);
	}
	return CLV_INTERNAL;
}

clv_status
clv_lists_grant(
    struct clv_change *change, const struct clv_txn_wish *wish, clv_error **err)
{
	clv_error *failure = NULL;
	clv_status status;

	if (wish->kind == CLV_WISH_REMOVE &&
	    (status = clv_trust_refresh(change->trust, err)) != CLV_OK)
		return status;
	status = grant(change, wish, &failure);
	if (wish->kind == CLV_WISH_REMOVE && status == CLV_NOT_FOUND)
		status = CLV_OK;
	if (status != CLV_OK && err != NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	return status;
}

static clv_status
grant_all(struct clv_txn_list *list, struct clv_change *change, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0; status == CLV_OK && i < list->count; i++)
		status = clv_lists_grant(change, &list->wishes[i], err);
	return status;
}

static clv_status
need_draft(struct clv_txn_list *list, clv_error **err)
{
	clv_status status;

	if (list->drafted)
		return CLV_OK;
	list->drafted = true;
	status = clv_change_draft(&list->draft, list->trust, err);
	if (status == CLV_OK)
		status = grant_all(list, &list->draft, err);
	if (status != CLV_OK)
		forget_draft(list);
	return status;
}

static bool
make_room(struct clv_txn_list *list)
{
	struct clv_txn_wish *wishes =
	    reallocarray(list->wishes, list->count + 1, sizeof(*list->wishes));

	if (wishes != NULL)
		list->wishes = wishes;
	return wishes != NULL;
}

clv_status
clv_lists_stage(
    struct clv_txn_list *list, struct clv_txn_wish *wish, clv_error **err)
{
	clv_status status = need_draft(list, err);

	if (status == CLV_OK && !make_room(list))
		status = no_memory(err);
	if (status == CLV_OK &&
	    ((status = grant(&list->draft, wish, err)) != CLV_OK ||
		(status = clv_change_check_size(&list->draft, err)) != CLV_OK))
		/* It may have gone half-way. */
		forget_draft(list);
	if (status != CLV_OK) {
		wish_clear(wish);
		return status;
	}
	list->wishes[list->count++] = *wish;
	*wish = (struct clv_txn_wish){.size = 0}; /* transferred */
	return CLV_OK;
}

clv_status
clv_lists_snapshot(
    struct clv_txn_list *list, clv_trust_snapshot **out, clv_error **err)
{
	clv_status status;

	*out = NULL;
	if (list->begun)
		return clv_change_snapshot(&list->change, out, err);
	status = need_draft(list, err);
	return status == CLV_OK ? clv_change_snapshot(&list->draft, out, err)
				: status;
}

bool
clv_lists_are_staged(const struct clv_txn_lists *lists)
{
	for (size_t i = 0; i < lists->count; i++)
		if (lists->lists[i].count > 0)
			return true;
	return false;
}
