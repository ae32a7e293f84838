/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Reading an application for a live handle. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "application/lists.h"
#include "application/live.h"
#include "application/state.h"

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "read application"},
	    "out of memory");
}

/* ---- the configuration ---- */

/* First the generation: whoever finds the same one when everything is read
 * has read one state. */
static clv_status
read_nonce(const clv_live *live, char nonce[CLV_NONCE_SIZE], clv_error **err)
{
	const int fd =
	    open(live->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct clv_generation generation = {.count = 0};
	clv_status status;

	nonce[0] = '\0';
	/* What is wrong will be told by whoever opens the application. */
	if (fd < 0)
		return CLV_OK;
	status = clv_state_read_generation(
	    clv_context_guard(live->context), fd, &generation, err);
	if (status == CLV_OK)
		memcpy(nonce, generation.nonce, CLV_NONCE_SIZE);
	clv_generation_clear(&generation);
	(void)close(fd);
	return status;
}

clv_status
clv_live_state_read(
    const clv_live *live, struct clv_live_state **out, clv_error **err)
{
	struct clv_live_state *state = calloc(1, sizeof(*state));
	clv_status status;

	*out = NULL;
	if (state == NULL)
		return no_memory(err);
	atomic_init(&state->references, 1);
	if ((status = read_nonce(live, state->nonce, err)) == CLV_OK &&
	    (status = clv_application_open(live->context, live->directory,
		 &state->application, err)) == CLV_OK)
		*out = state;
	else
		clv_live_state_unref(state);
	return status;
}

static bool
add_file(struct clv_live_files *files, const char *directory, const char *path)
{
	char *made = NULL;

	if (path == NULL)
		return true;
	if (asprintf(&made, "%s%s%s", *path == '/' ? "" : directory,
		*path == '/' ? "" : "/", path) < 0)
		return false;
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->paths[i], made) == 0) {
			free(made);
			return true;
		}
	files->paths[files->count++] = made;
	return true;
}

static bool
add_key(struct clv_live_files *files, const char *directory, const char *text)
{
	clv_uri *uri = NULL;
	bool good = true;

	if (text == NULL || clv_uri_parse(text, &uri, NULL) != CLV_OK)
		return true;
	if (clv_uri_path(uri) != NULL)
		good = add_file(files, directory, clv_uri_path(uri));
	clv_uri_free(&uri);
	return good;
}

clv_status
clv_live_state_files(const clv_live *live, const struct clv_live_state *state,
    struct clv_live_files *files, clv_error **err)
{
	const struct clv_config *config =
	    state != NULL ? &state->application->config : NULL;
	const char *directory = live->directory;
	bool good;

	files->count = 0;
	good = add_file(files, directory, CLV_CONFIG_NAME) &&
	    add_file(files, directory, CLV_STATE_NAME) &&
	    add_file(files, directory, CLV_STATE_NAME "/" CLV_REDO_NAME) &&
	    add_file(files, directory, CLV_LAST_PATH);
	for (size_t i = 0; good && config != NULL && i < config->slot_count;
	     i++)
		good =
		    add_file(files, directory, config->slots[i].certificate) &&
		    add_file(files, directory, config->slots[i].chain) &&
		    add_key(files, directory, state->application->slots[i].key);
	if (good)
		return CLV_OK;
	clv_live_files_clear(files);
	return no_memory(err);
}

/* ---- TrustLists ---- */

static bool
is_same_set(char *const *left, size_t left_count, char *const *right,
    size_t right_count)
{
	if (left_count != right_count)
		return false;
	for (size_t i = 0; i < left_count; i++)
		if (strcmp(left[i], right[i]) != 0)
			return false;
	return true;
}

/* A list that is open was judged with the administrators of then. */
static bool
is_same_guard(
    const struct clv_live_state *left, const struct clv_live_state *right)
{
	const struct clv_config *a = &left->application->config;
	const struct clv_config *b = &right->application->config;

	return left == right ||
	    (is_same_set(a->users, a->user_count, b->users, b->user_count) &&
		is_same_set(a->user_groups, a->user_group_count, b->user_groups,
		    b->user_group_count));
}

static struct clv_live_list *
find_list(const clv_live_view *view, const char *path)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->lists[i].list != NULL &&
		    strcmp(view->lists[i].list->path, path) == 0)
			return view->lists[i].list;
	return NULL;
}

static clv_status
open_list(const clv_application *application, const char *path, bool noticing,
    struct clv_live_list **out, clv_error **err)
{
	struct clv_live_list *list = calloc(1, sizeof(*list));
	clv_status status;

	*out = NULL;
	if (list == NULL)
		return no_memory(err);
	atomic_init(&list->references, 1);
	list->path = strdup(path);
	status = list->path != NULL
	    ? clv_lists_open(application, path, &list->trust, err)
	    : no_memory(err);
	if (status != CLV_OK) {
		clv_live_list_unref(list);
		return status;
	}
	if (noticing)
		clv_trust_set_notice(list->trust, clv_live_list_notice, list);
	*out = list;
	return CLV_OK;
}

/* A list that can't be read is told by its group, and keeps no other from
 * being used. */
static void
read_list(clv_live_view *view, size_t index, const clv_live_view *before,
    bool noticing)
{
	const clv_application *application = view->state->application;
	struct clv_live_view_list *to = &view->lists[index];
	const char *path = application->config.groups[index].trust_list;
	struct clv_live_list *found = find_list(view, path);

	if (found == NULL && before != NULL &&
	    is_same_guard(view->state, before->state))
		found = find_list(before, path);
	if (found != NULL)
		to->list = clv_live_list_ref(found);
	else
		(void)open_list(
		    application, path, noticing, &to->list, &to->problem);
	if (to->list != NULL)
		(void)clv_trust_get_snapshot(
		    to->list->trust, &to->snapshot, &to->problem);
}

clv_status
clv_live_view_make(struct clv_live_state *state, const clv_live_view *before,
    bool noticing, clv_live_view **out, clv_error **err)
{
	clv_live_view *view = calloc(1, sizeof(*view));

	*out = view;
	if (view == NULL)
		return no_memory(err);
	atomic_init(&view->references, 1);
	view->state = clv_live_state_ref(state);
	for (size_t i = 0; i < state->application->config.group_count; i++) {
		read_list(view, i, before, noticing);
		view->count = i + 1;
	}
	return CLV_OK;
}
