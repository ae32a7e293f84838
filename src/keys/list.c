/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include <stdlib.h>
#include <string.h>

#include "keys/key.h"

struct clv_key_list {
	struct clv_key_entry *entries;
	size_t count;
	size_t room;
};

/* More keys than any store of ours has; a device may claim what it likes. */
#define ENTRIES_MAX 100000U

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "list keys"},
	    "out of memory");
}

static void
entry_destroy(struct clv_key_entry *entry)
{
	free((void *)(uintptr_t)entry->uri);
	free((void *)(uintptr_t)entry->label);
	free((void *)(uintptr_t)entry->id);
	free((void *)(uintptr_t)entry->problem);
}

static bool
copy_text(const char **to, const char *from)
{
	if (from == NULL)
		return true;
	*to = strdup(from);
	return *to != NULL;
}

static bool
entry_copy(struct clv_key_entry *to, const struct clv_key_entry *from)
{
	uint8_t *id = NULL;

	*to = (struct clv_key_entry){
	    .algorithm = from->algorithm, .id_size = from->id_size};
	if (from->id_size > 0) {
		id = malloc(from->id_size);
		if (id == NULL)
			return false;
		memcpy(id, from->id, from->id_size);
		to->id = id;
	}
	return copy_text(&to->uri, from->uri) &&
	    copy_text(&to->label, from->label) &&
	    copy_text(&to->problem, from->problem);
}

static bool
make_room(clv_key_list *list)
{
	const size_t room = list->room > 0 ? 2 * list->room : 16;
	struct clv_key_entry *grown;

	if (list->count < list->room)
		return true;
	grown = reallocarray(list->entries, room, sizeof(*grown));
	if (grown == NULL)
		return false;
	list->entries = grown;
	list->room = room;
	return true;
}

static clv_status
collect(void *user, const struct clv_key_entry *entry, clv_error **err)
{
	clv_key_list *list = user;

	if (list->count == ENTRIES_MAX)
		return clv_error_raise(err, CLV_TOO_LARGE,
		    &(struct clv_error_info){.operation = "list keys"},
		    "more than %u keys", ENTRIES_MAX);
	if (!make_room(list))
		return no_memory(err);
	if (!entry_copy(&list->entries[list->count], entry)) {
		entry_destroy(&list->entries[list->count]);
		return no_memory(err);
	}
	list->count++;
	return CLV_OK;
}

clv_status
clv_key_list_get(clv_store *store, clv_key_list **out, clv_error **err)
{
	clv_key_list *list = calloc(1, sizeof(*list));
	clv_status status;

	*out = NULL;
	if (list == NULL)
		return no_memory(err);
	status = store->backend->key_list(store->handle, collect, list, err);
	if (status != CLV_OK) {
		clv_key_list_free(&list);
		return status;
	}
	*out = list;
	return CLV_OK;
}

size_t
clv_key_list_count(const clv_key_list *list)
{
	return list->count;
}

const struct clv_key_entry *
clv_key_list_at(const clv_key_list *list, size_t index)
{
	return index < list->count ? &list->entries[index] : NULL;
}

void
clv_key_list_free(clv_key_list **list)
{
	if (list == NULL || *list == NULL)
		return;
	for (size_t i = 0; i < (*list)->count; i++)
		entry_destroy(&(*list)->entries[i]);
	free((*list)->entries);
	free(*list);
	*list = NULL;
}
