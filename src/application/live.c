/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/live.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "application/state.h"
#include "keys/context.h"
#include "trust/list.h"

/* How often it is read again because it changed while it was read. */
#define TURNS 100

/* ---- opening ---- */

static clv_status
make(clv_context *context, const char *directory, clv_live *live,
    clv_error **err)
{
	(void)pthread_mutex_init(&live->lock, NULL);
	(void)pthread_mutex_init(&live->refreshing, NULL);
	live->context = clv_context_ref(context);
	live->wake = -1;
	live->timer = -1;
	live->poll = -1;
	atomic_store(&live->stale, true);
	live->directory = realpath(directory, NULL);
	/* Opening it will tell what is wrong. */
	if (live->directory == NULL)
		live->directory = strdup(directory);
	if (live->directory == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "open application"},
		    "out of memory");
	return clv_live_watch_new(&live->watch, err);
}

clv_status
clv_live_open(clv_context *context, const char *directory, clv_live **out,
    clv_error **err)
{
	clv_live *live = calloc(1, sizeof(*live));
	clv_status status;

	*out = NULL;
	if (live == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "open application"},
		    "out of memory");
	status = make(context, directory, live, err);
	if (status == CLV_OK)
		status = clv_live_refresh(live, err);
	if (status == CLV_OK) {
		*out = live;
		live = NULL; /* transferred */
	}
	clv_live_free(&live);
	return status;
}

void
clv_live_free(clv_live **live)
{
	clv_live *last = live != NULL ? *live : NULL;
	const int fds[] = {last != NULL ? last->poll : -1,
	    last != NULL ? last->wake : -1, last != NULL ? last->timer : -1};

	if (last == NULL)
		return;
	*live = NULL;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	clv_live_view_free(&last->told);
	clv_live_view_free(&last->current);
	clv_live_watch_free(&last->watch);
	(void)pthread_mutex_destroy(&last->lock);
	(void)pthread_mutex_destroy(&last->refreshing);
	clv_context_free(&last->context);
	free(last->directory);
	free(last);
}

/* ---- is it up to date? ---- */

clv_live_view *
clv_live_take_view(clv_live *live)
{
	clv_live_view *view;

	(void)pthread_mutex_lock(&live->lock);
	view = live->current != NULL ? clv_live_view_ref(live->current) : NULL;
	(void)pthread_mutex_unlock(&live->lock);
	return view;
}

/* Whether a view is what is true now. No lock. */
static bool
is_present(clv_live *live, const clv_live_view *view)
{
	if (view == NULL || atomic_load(&live->stale) ||
	    !clv_live_watch_is_quiet(live->watch))
		return false;
	for (size_t i = 0; i < view->count; i++) {
		const struct clv_live_view_list *of = &view->lists[i];

		if (of->snapshot == NULL ||
		    !clv_trust_is_quiet(of->list->trust) ||
		    atomic_load(&of->list->trust->cell.current) != of->snapshot)
			return false;
	}
	return true;
}

/* ---- reading what is new ---- */

static bool
is_same(const clv_live_view *left, const clv_live_view *right)
{
	if (left->state != right->state)
		return false;
	for (size_t i = 0; i < left->count; i++)
		if (left->lists[i].snapshot != right->lists[i].snapshot ||
		    left->lists[i].list != right->lists[i].list ||
		    clv_error_status(left->lists[i].problem) !=
			clv_error_status(right->lists[i].problem))
			return false;
	return true;
}

static void
publish(clv_live *live, clv_live_view *view)
{
	clv_live_view *old = view;

	(void)pthread_mutex_lock(&live->lock);
	if (live->current == NULL || !is_same(live->current, view)) {
		old = live->current;
		live->current = view;
		if (live->wake >= 0)
			(void)eventfd_write(live->wake, 1);
	}
	(void)pthread_mutex_unlock(&live->lock);
	clv_live_view_free(&old);
}

/* The configuration, with its files watched since before it was read. */
static clv_status
read_state(clv_live *live, struct clv_live_state **out, clv_error **err)
{
	struct clv_live_files files = {.count = 0};
	clv_status status = CLV_OK;
	int turn = 0;

	*out = NULL;
	do {
		clv_live_state_unref(*out);
		if ((status = clv_live_state_read(live, out, err)) != CLV_OK ||
		    (status = clv_live_state_files(live, *out, &files, err)) !=
			CLV_OK)
			break;
	} while (clv_live_watch_attach(live->watch, &files) && turn++ < TURNS);
	if (status == CLV_OK)
		return CLV_OK;
	clv_live_state_unref(*out);
	*out = NULL;
	return status;
}

/* One attempt; `*again` if it changed meanwhile. */
static clv_status
read_view(clv_live *live, bool anew, clv_live_view **out, bool *again,
    clv_error **err)
{
	const clv_live_view *before = live->current;
	struct clv_generation now = {.count = 0};
	struct clv_live_state *state = NULL;
	clv_status status = CLV_OK;

	if (anew)
		status = read_state(live, &state, err);
	else
		state = clv_live_state_ref(before->state);
	if (status != CLV_OK)
		return status;
	if (anew)
		clv_live_state_read_slots(
		    state, before != NULL ? before->state : NULL, live->check);
	status = clv_live_view_make(state, before, live->noticing, out, err);
	if (status == CLV_OK)
		status = clv_state_read_generation(state->application->guard,
		    state->application->directory_fd, &now, err);
	*again = status == CLV_OK && strcmp(now.nonce, state->nonce) != 0;
	if (status != CLV_OK || *again)
		clv_live_view_free(out);
	clv_generation_clear(&now);
	clv_live_state_unref(state);
	return status;
}

static clv_status
refresh(clv_live *live, clv_error **err)
{
	bool anew = atomic_load(&live->stale) || live->check;
	clv_live_view *view = NULL;
	bool again = true;

	atomic_store(&live->stale, true);
	for (int turn = 0; again && turn < TURNS; turn++) {
		clv_status status;

		anew = clv_live_watch_drain(live->watch) || anew;
		status = read_view(live, anew, &view, &again, err);
		if (status != CLV_OK)
			return status;
		anew = anew || again;
	}
	if (again)
		return clv_error_raise(err, CLV_BUSY,
		    &(struct clv_error_info){.operation = "read application",
			.subject = live->directory,
			.retryable = true},
		    "it changes all the time");
	publish(live, view);
	live->check = false;
	clv_live_watch_settle(live->watch);
	atomic_store(&live->stale, false);
	return CLV_OK;
}

clv_status
clv_live_refresh(clv_live *live, clv_error **err)
{
	clv_status status = CLV_OK;

	(void)pthread_mutex_lock(&live->refreshing);
	/* Another thread may have done it while this one waited. */
	if (live->check || !is_present(live, live->current))
		status = refresh(live, err);
	(void)pthread_mutex_unlock(&live->refreshing);
	return status;
}

clv_status
clv_live_get_view(clv_live *live, clv_live_view **out, clv_error **err)
{
	clv_live_view *view = clv_live_take_view(live);
	clv_status status = CLV_OK;

	*out = NULL;
	if (!is_present(live, view)) {
		clv_live_view_free(&view);
		status = clv_live_refresh(live, err);
		if (status == CLV_OK)
			view = clv_live_take_view(live);
	}
	*out = view;
	return status;
}

clv_status
clv_live_check(clv_live *live, clv_error **err)
{
	(void)pthread_mutex_lock(&live->refreshing);
	live->check = true;
	(void)pthread_mutex_unlock(&live->refreshing);
	return clv_live_refresh(live, err);
}
