/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/notice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "trust/item.h"
#include "trust/list.h"
#include "trust/signature.h"

/* More than so many changes are told without particulars. */
#define EVENTS_MAX ((size_t)1 << 20)

struct event {
	struct clv_trust_entry entry; /* with references of its own */
	bool gone;
};

struct events {
	struct event *events;
	size_t count;
	size_t capacity;
	bool lost; /* some could not be recorded */
};

struct clv_notices {
	pthread_mutex_t lock;
	clv_trust_notice_fn *fn;
	void *user;
	struct events pending;
	int wake; /* eventfd; -1 until somebody polls */
	int timer;
	int poll;
};

struct loss {
	clv_trust_loss why;
	struct clv_trust_entry entry; /* borrowed */
};

struct clv_trust_notice {
	struct events events;
	clv_trust_snapshot *snapshot;
	struct loss *losses;
	size_t count;
	size_t capacity;
	size_t added;
	size_t removed;
	bool is_loss;
	struct clv_trust_item_text text;
};

clv_status
clv_notices_new(struct clv_notices **out, clv_error **err)
{
	struct clv_notices *notices = calloc(1, sizeof(*notices));

	*out = notices;
	if (notices == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	(void)pthread_mutex_init(&notices->lock, NULL);
	notices->wake = -1;
	notices->timer = -1;
	notices->poll = -1;
	return CLV_OK;
}

static void
events_clear(struct events *events)
{
	for (size_t i = 0; i < events->count; i++) {
		clv_trust_cert_unref(events->events[i].entry.cert);
		clv_trust_crl_unref(events->events[i].entry.crl);
	}
	free(events->events);
	*events = (struct events){.events = NULL};
}

static void
close_poll(struct clv_notices *notices)
{
	int *const fds[] = {&notices->wake, &notices->timer, &notices->poll};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			(void)close(*fds[i]);
		*fds[i] = -1;
	}
}

void
clv_notices_free(struct clv_notices **notices)
{
	if (notices == NULL || *notices == NULL)
		return;
	close_poll(*notices);
	events_clear(&(*notices)->pending);
	(void)pthread_mutex_destroy(&(*notices)->lock);
	free(*notices);
	*notices = NULL;
}

/* ---- recording ---- */

static bool
events_grow(struct events *events)
{
	const size_t capacity =
	    events->capacity == 0 ? 16 : 2 * events->capacity;
	struct event *grown;

	if (events->count < events->capacity)
		return true;
	if (capacity > EVENTS_MAX)
		return false;
	grown = reallocarray(events->events, capacity, sizeof(*grown));
	if (grown == NULL)
		return false;
	events->events = grown;
	events->capacity = capacity;
	return true;
}

void
clv_notices_record(
    struct clv_notices *notices, const struct clv_trust_entry *entry, bool gone)
{
	struct events *events = &notices->pending;

	(void)pthread_mutex_lock(&notices->lock);
	if (notices->fn != NULL) {
		if (events_grow(events)) {
			struct event *event = &events->events[events->count++];

			*event = (struct event){*entry, gone};
			if (entry->cert != NULL)
				(void)clv_trust_cert_ref(entry->cert);
			else
				(void)clv_trust_crl_ref(entry->crl);
		} else {
			events->lost = true;
		}
	}
	(void)pthread_mutex_unlock(&notices->lock);
}

void
clv_notices_publish(struct clv_notices *notices)
{
	(void)pthread_mutex_lock(&notices->lock);
	if (notices->wake >= 0)
		(void)eventfd_write(notices->wake, 1);
	(void)pthread_mutex_unlock(&notices->lock);
}

void
clv_trust_set_notice(clv_trust *trust, clv_trust_notice_fn *fn, void *user)
{
	struct clv_notices *notices = trust->notices;

	(void)pthread_mutex_lock(&notices->lock);
	notices->fn = fn;
	notices->user = user;
	events_clear(&notices->pending);
	(void)pthread_mutex_unlock(&notices->lock);
}

/* ---- polling ---- */

static bool
poll_add(int poll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return fd >= 0 && epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Readable: when a snapshot was published, when the kernel tells of a change,
 * and once per interval for what the kernel does not tell. */
static bool
open_poll(struct clv_notices *notices, int inotify)
{
	const struct itimerspec interval = {
	    .it_interval = {.tv_sec = CLV_WATCH_INTERVAL_MS / 1000},
	    .it_value = {.tv_sec = CLV_WATCH_INTERVAL_MS / 1000}};

	notices->poll = epoll_create1(EPOLL_CLOEXEC);
	notices->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	notices->timer =
	    timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return notices->poll >= 0 && poll_add(notices->poll, notices->wake) &&
	    poll_add(notices->poll, notices->timer) &&
	    timerfd_settime(notices->timer, 0, &interval, NULL) == 0 &&
	    (inotify < 0 || poll_add(notices->poll, inotify));
}

clv_status
clv_trust_get_fd(clv_trust *trust, int *fd, clv_error **err)
{
	struct clv_notices *notices = trust->notices;
	clv_status status;

	*fd = -1;
	/* Only then it is known whether the kernel tells. */
	if ((status = clv_trust_refresh(trust, err)) != CLV_OK)
		return status;
	(void)pthread_mutex_lock(&notices->lock);
	if (notices->poll < 0 &&
	    !open_poll(notices, clv_watch_fd(trust->watch))) {
		status = clv_error_raise(err, CLV_IO,
		    &(struct clv_error_info){.operation = "watch",
			.subject = trust->path,
			.domain = CLV_DOMAIN_ERRNO,
			.code = errno},
		    "%s", strerror(errno));
		close_poll(notices);
	}
	*fd = notices->poll;
	(void)pthread_mutex_unlock(&notices->lock);
	return status;
}

static void
empty_poll(struct clv_notices *notices)
{
	eventfd_t ignored;
	uint64_t ticks;

	if (notices->wake < 0)
		return;
	(void)eventfd_read(notices->wake, &ignored);
	/* EAGAIN if it has not expired. */
	if (read(notices->timer, &ticks, sizeof(ticks)) < 0)
		return;
}

/* ---- telling ---- */

static void
add_loss(struct clv_trust_notice *notice, clv_trust_loss why,
    const struct clv_trust_entry *entry)
{
	notice->is_loss = true;
	if (notice->count == notice->capacity) {
		const size_t capacity =
		    notice->capacity == 0 ? 16 : 2 * notice->capacity;
		struct loss *losses =
		    reallocarray(notice->losses, capacity, sizeof(*losses));

		/* Told without particulars. */
		if (losses == NULL)
			return;
		notice->losses = losses;
		notice->capacity = capacity;
	}
	notice->losses[notice->count++] = (struct loss){why, *entry};
}

static bool
is_still_there(
    const clv_trust_snapshot *snapshot, const struct clv_trust_entry *entry)
{
	const struct clv_trust_member *member = NULL;

	while ((member = clv_trust_snapshot_by_thumbprint(
		    snapshot, entry->cert->thumbprint, member)) != NULL)
		if (member->where == entry->where &&
		    clv_trust_cert_equal(member->cert, entry->cert))
			return true;
	return false;
}

static bool
lists(const struct clv_trust_crl *crl, const struct clv_trust_cert *cert)
{
	struct clv_trust_crl_entry entry;

	return cert->issuer_hash == crl->issuer_hash &&
	    cert->issuer.size == crl->issuer.size &&
	    memcmp(cert->der + cert->issuer.at, crl->der + crl->issuer.at,
		crl->issuer.size) == 0 &&
	    clv_trust_crl_find(
		crl, cert->der + cert->serial.at, cert->serial.size, &entry) &&
	    entry.reason != CLV_REASON_REMOVE_FROM_CRL;
}

/* Whether somebody of its issuer's name in the list has signed it: a forged
 * CRL revokes nobody. */
static bool
is_genuine(const clv_trust_snapshot *snapshot, struct clv_trust_crl *crl)
{
	const struct clv_trust_member *member = NULL;

	while ((member = clv_trust_snapshot_by_subject(snapshot,
		    crl->der + crl->issuer.at, crl->issuer.size,
		    crl->issuer_hash, member)) != NULL)
		if (clv_trust_engine_check_crl(
			clv_trust_snapshot_engine(snapshot), member->cert, crl,
			NULL))
			return true;
	return false;
}

/* Whether a CRL that has gone with this change said so before. */
static bool
was_revoked(const struct events *events, const struct clv_trust_cert *cert)
{
	for (size_t i = 0; i < events->count; i++) {
		const struct event *event = &events->events[i];

		if (event->gone && event->entry.crl != NULL &&
		    lists(event->entry.crl, cert))
			return true;
	}
	return false;
}

static void
find_revoked(struct clv_trust_notice *notice, struct clv_trust_crl *crl)
{
	const struct clv_trust_member *member;
	size_t position = 0;

	/* It may revoke peers that are in no list. */
	notice->is_loss = true;
	if (!is_genuine(notice->snapshot, crl))
		return;
	while ((member = clv_trust_snapshot_next_cert(
		    notice->snapshot, &position)) != NULL)
		if (lists(crl, member->cert) &&
		    !was_revoked(&notice->events, member->cert))
			add_loss(notice, CLV_TRUST_LOSS_REVOKED,
			    &(struct clv_trust_entry){
				.cert = member->cert, .where = member->where});
}

static void
find_lost_crl(
    struct clv_trust_notice *notice, const struct clv_trust_entry *entry)
{
	const struct clv_trust_crl *crl = entry->crl;

	/* Another one may know less. */
	notice->is_loss = true;
	if (clv_trust_snapshot_crl_by_issuer(notice->snapshot,
		crl->der + crl->issuer.at, crl->issuer.size, crl->issuer_hash,
		NULL) == NULL)
		add_loss(notice, CLV_TRUST_LOSS_CRL, entry);
}

static void
take_event(struct clv_trust_notice *notice, const struct event *event)
{
	const struct clv_trust_entry *entry = &event->entry;

	if (event->gone)
		notice->removed++;
	else
		notice->added++;
	if (!event->gone && entry->crl != NULL)
		find_revoked(notice, entry->crl);
	else if (event->gone && entry->crl != NULL)
		find_lost_crl(notice, entry);
	else if (event->gone && !is_still_there(notice->snapshot, entry))
		add_loss(notice,
		    entry->where == CLV_TRUST_TRUSTED ? CLV_TRUST_LOSS_REMOVED
						      : CLV_TRUST_LOSS_ISSUER,
		    entry);
}

static void
tell(clv_trust *trust, clv_trust_notice_fn *fn, void *user,
    struct clv_trust_notice *notice)
{
	notice->snapshot = clv_trust_cell_acquire(&trust->cell);
	notice->is_loss = notice->events.lost;
	for (size_t i = 0; i < notice->events.count; i++)
		take_event(notice, &notice->events.events[i]);
	fn(user, trust, notice);
	clv_trust_snapshot_unref(notice->snapshot);
	free(notice->losses);
}

clv_status
clv_trust_dispatch(clv_trust *trust, clv_error **err)
{
	struct clv_notices *notices = trust->notices;
	struct clv_trust_notice notice = {.count = 0};
	clv_trust_notice_fn *fn;
	clv_status status;
	void *user;

	status = clv_trust_refresh(trust, err);
	(void)pthread_mutex_lock(&notices->lock);
	/* In this order: what is published later wakes again. */
	empty_poll(notices);
	fn = notices->fn;
	user = notices->user;
	if (status == CLV_OK) {
		notice.events = notices->pending;
		notices->pending = (struct events){.events = NULL};
	}
	(void)pthread_mutex_unlock(&notices->lock);
	if (fn != NULL && (notice.events.count > 0 || notice.events.lost))
		tell(trust, fn, user, &notice);
	events_clear(&notice.events);
	return status;
}

size_t
clv_trust_notice_added(const clv_trust_notice *notice)
{
	return notice->added;
}

size_t
clv_trust_notice_removed(const clv_trust_notice *notice)
{
	return notice->removed;
}

bool
clv_trust_notice_is_loss(const clv_trust_notice *notice)
{
	return notice->is_loss;
}

const clv_trust_item *
clv_trust_notice_loss(
    clv_trust_notice *notice, size_t index, clv_trust_loss *why)
{
	const struct loss *loss;

	if (index >= notice->count)
		return NULL;
	loss = &notice->losses[index];
	*why = loss->why;
	if (loss->entry.cert != NULL)
		clv_trust_item_from_cert(&notice->text, loss->entry.cert,
		    clv_trust_mask_of(false, loss->entry.where));
	else
		clv_trust_item_from_crl(&notice->text, loss->entry.crl,
		    clv_trust_mask_of(true, loss->entry.where));
	return &notice->text.item;
}
