/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Telling what has changed in a live application. */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "application/live.h"
#include "keys/subject.h"

#define RETRY_S 5

/* One call of clv_live_dispatch(). */
struct clv_live_telling {
	clv_live *live;
	const clv_live_view *now;
};

void
clv_live_set_notice(clv_live *live, clv_live_notice_fn *fn, void *user)
{
	clv_live_view *view = NULL;

	live->fn = fn;
	live->user = user;
	/* What was before is not told; if it can't be read now, later. */
	(void)clv_live_refresh(live, NULL);
	(void)pthread_mutex_lock(&live->refreshing);
	live->noticing = fn != NULL;
	view = clv_live_take_view(live);
	for (size_t i = 0; i < view->count; i++)
		if (view->lists[i].list != NULL)
			clv_trust_set_notice(view->lists[i].list->trust,
			    fn != NULL ? clv_live_list_notice : NULL,
			    view->lists[i].list);
	(void)pthread_mutex_unlock(&live->refreshing);
	clv_live_view_free(&live->told);
	live->told = view;
}

/* ---- polling ---- */

static bool
poll_add(int poll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return fd >= 0 &&
	    (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0 ||
		errno == EEXIST);
}

/* Readable: when a view was published, when the kernel tells of a change, and
 * once a second for what it does not tell. */
static bool
open_poll(clv_live *live)
{
	const struct itimerspec second = {
	    .it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}};
	const int inotify = clv_live_watch_fd(live->watch);
	const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	live->poll = epoll_create1(EPOLL_CLOEXEC);
	live->timer =
	    timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	(void)pthread_mutex_lock(&live->lock);
	live->wake = wake;
	(void)pthread_mutex_unlock(&live->lock);
	return live->poll >= 0 && poll_add(live->poll, wake) &&
	    poll_add(live->poll, live->timer) &&
	    timerfd_settime(live->timer, 0, &second, NULL) == 0 &&
	    (inotify < 0 || poll_add(live->poll, inotify));
}

/* Those that came with claviger.conf as well; those that went took their
 * descriptors with them. */
static void
poll_lists(const clv_live *live, const clv_live_view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		int fd = -1;

		if (view->lists[i].list != NULL &&
		    clv_trust_get_fd(view->lists[i].list->trust, &fd, NULL) ==
			CLV_OK)
			(void)poll_add(live->poll, fd);
	}
}

clv_status
clv_live_get_fd(clv_live *live, int *fd, clv_error **err)
{
	clv_live_view *view = NULL;
	clv_status status;

	*fd = -1;
	status = clv_live_get_view(live, &view, err);
	if (status != CLV_OK)
		return status;
	if (live->poll < 0 && !open_poll(live))
		status = clv_error_raise(err, CLV_IO,
		    &(struct clv_error_info){.operation = "watch",
			.subject = live->directory,
			.domain = CLV_DOMAIN_ERRNO,
			.code = errno},
		    "%s", strerror(errno));
	if (status == CLV_OK) {
		poll_lists(live, view);
		*fd = live->poll;
	}
	clv_live_view_free(&view);
	return status;
}

static void
empty_poll(clv_live *live)
{
	eventfd_t ignored;
	uint64_t ticks;

	if (live->poll < 0)
		return;
	(void)eventfd_read(live->wake, &ignored);
	/* EAGAIN if it has not expired. */
	if (read(live->timer, &ticks, sizeof(ticks)) < 0)
		return;
}

/* ---- slots ---- */

static const struct clv_live_slot no_slot;

static bool
is_same_bytes(
    const void *left, size_t left_size, const void *right, size_t right_size)
{
	return left_size == right_size &&
	    (left_size == 0 || memcmp(left, right, left_size) == 0);
}

static bool
is_same_key(const clv_key *left, const clv_key *right)
{
	size_t left_size = 0;
	size_t right_size = 0;
	const uint8_t *a =
	    left != NULL ? clv_key_public(left, &left_size) : NULL;
	const uint8_t *b =
	    right != NULL ? clv_key_public(right, &right_size) : NULL;

	return is_same_bytes(a, left_size, b, right_size);
}

static bool
is_same_certificate(
    const struct clv_live_slot *left, const struct clv_live_slot *right)
{
	size_t left_size = 0;
	size_t right_size = 0;
	const uint8_t *a = left->certificate != NULL
	    ? clv_certificate_der(left->certificate, &left_size)
	    : NULL;
	const uint8_t *b = right->certificate != NULL
	    ? clv_certificate_der(right->certificate, &right_size)
	    : NULL;

	return is_same_bytes(a, left_size, b, right_size) &&
	    is_same_bytes(
		left->chain, left->chain_size, right->chain, right->chain_size);
}

static unsigned
compare_slots(const struct clv_live_slot *old, const struct clv_live_slot *new)
{
	unsigned what = 0;

	if (!is_same_key(old->key, new->key))
		what |= CLV_LIVE_KEY;
	if (!is_same_certificate(old, new))
		what |= CLV_LIVE_CERTIFICATE;
	if (clv_error_status(old->problem) != clv_error_status(new->problem))
		what |= CLV_LIVE_PROBLEM;
	return what;
}

static void
tell(const struct clv_live_telling *telling, unsigned what, const char *group,
    const char *type, const clv_error *problem, clv_trust_notice *trust)
{
	const struct clv_live_change change = {.what = what,
	    .group = group,
	    .type = type,
	    .problem = problem,
	    .trust = trust};

	if (what != 0)
		telling->live->fn(telling->live->user, telling->live, &change);
}

static void
tell_slots(const struct clv_live_telling *telling, const clv_live_view *before)
{
	struct clv_live_slot old;
	struct clv_live_slot new;

	for (size_t i = 0; clv_live_view_slot(telling->now, i, &new); i++) {
		unsigned what = 0;

		if (!clv_live_view_find(before, new.group, new.type, &old)) {
			old = no_slot;
			what = CLV_LIVE_SLOT;
		}
		what |= compare_slots(&old, &new);
		tell(telling, what, new.group, new.type, new.problem, NULL);
	}
	for (size_t i = 0; clv_live_view_slot(before, i, &old); i++)
		if (!clv_live_view_find(
			telling->now, old.group, old.type, &new))
			tell(telling,
			    CLV_LIVE_SLOT | compare_slots(&old, &no_slot),
			    old.group, old.type, NULL, NULL);
}

static bool
is_same_text(const char *left, const char *right)
{
	return left == right ||
	    (left != NULL && right != NULL && strcmp(left, right) == 0);
}

static bool
is_same_naming(const struct clv_config *left, const struct clv_config *right)
{
	bool same = left->name_count == right->name_count &&
	    is_same_text(left->product_uri, right->product_uri) &&
	    is_same_text(left->subject->application_uri,
		right->subject->application_uri) &&
	    is_same_text(clv_subject_get(left->subject, "CN"),
		clv_subject_get(right->subject, "CN"));

	for (size_t i = 0; same && i < left->name_count; i++)
		same = is_same_text(
			   left->names[i].locale, right->names[i].locale) &&
		    is_same_text(left->names[i].text, right->names[i].text);
	return same;
}

/* ---- TrustLists ---- */

void
clv_live_list_notice(void *user, clv_trust *trust, clv_trust_notice *notice)
{
	const struct clv_live_list *list = user;
	const struct clv_live_telling *telling = list->telling;
	const clv_live_view *now = telling->now;

	(void)trust;
	/* Groups may share a list. */
	for (size_t i = 0; i < now->count; i++)
		if (now->lists[i].list == list)
			tell(telling, CLV_LIVE_TRUST,
			    now->state->application->config.groups[i].name,
			    NULL, NULL, notice);
}

static const struct clv_live_view_list *
list_of(const clv_live_view *view, const char *group)
{
	const struct clv_config *config = &view->state->application->config;

	for (size_t i = 0; i < view->count; i++)
		if (strcmp(config->groups[i].name, group) == 0)
			return &view->lists[i];
	return NULL;
}

/* Lists at another place, new ones, and those that can, or can't, be read any
 * more. */
static void
tell_other_lists(
    const struct clv_live_telling *telling, const clv_live_view *before)
{
	const clv_live_view *now = telling->now;

	for (size_t i = 0; i < now->count; i++) {
		const char *group =
		    now->state->application->config.groups[i].name;
		const struct clv_live_view_list *old = list_of(before, group);
		const struct clv_live_view_list *new = &now->lists[i];

		if (old == NULL || old->list != new->list ||
		    clv_error_status(old->problem) !=
			clv_error_status(new->problem))
			tell(telling,
			    CLV_LIVE_TRUST |
				(new->problem != NULL ? CLV_LIVE_PROBLEM : 0),
			    group, NULL, new->problem, NULL);
	}
}

static void
tell_lists(struct clv_live_telling *telling)
{
	const clv_live_view *now = telling->now;

	for (size_t i = 0; i < now->count; i++) {
		struct clv_live_list *list = now->lists[i].list;

		if (list == NULL)
			continue;
		list->telling = telling;
		/* That it can't be read has been told. */
		(void)clv_trust_dispatch(list->trust, NULL);
		list->telling = NULL;
	}
}

/* ---- the whole ---- */

/* Somebody may have put the token back. */
static void
try_again(clv_live *live)
{
	clv_live_view *view = clv_live_take_view(live);
	struct clv_live_slot slot;
	struct timespec now;
	bool again = false;

	for (size_t i = 0; clv_live_view_slot(view, i, &slot); i++)
		again = again || clv_error_retryable(slot.problem) ||
		    clv_error_status(slot.problem) == CLV_DEVICE_GONE;
	clv_live_view_free(&view);
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (!again || now.tv_sec < live->next_retry)
		return;
	live->next_retry = now.tv_sec + RETRY_S;
	atomic_store(&live->stale, true);
}

static void
tell_all(clv_live *live, const clv_live_view *now)
{
	struct clv_live_telling telling = {live, now};
	const clv_live_view *before = live->told;

	if (before != now && before->state != now->state) {
		if (!is_same_naming(&before->state->application->config,
			&now->state->application->config))
			tell(&telling, CLV_LIVE_NAMES, NULL, NULL, NULL, NULL);
		tell_slots(&telling, before);
	}
	if (before != now)
		tell_other_lists(&telling, before);
	tell_lists(&telling);
}

clv_status
clv_live_dispatch(clv_live *live, clv_error **err)
{
	clv_live_view *now = NULL;
	clv_status status;

	/* First: what is published later wakes again. */
	empty_poll(live);
	try_again(live);
	status = clv_live_get_view(live, &now, err);
	if (status != CLV_OK)
		return status;
	if (live->poll >= 0)
		poll_lists(live, now);
	if (live->fn != NULL)
		tell_all(live, now);
	clv_live_view_free(&live->told);
	live->told = now;
	return CLV_OK;
}
