/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "commands.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How often work is run again after something was mended. */
#define MENDS_MAX 3
/* How long to wait for slots that other programs hold. */
#define SLOTS_WAIT_MS 3000U

struct clv_tpm {
	struct clv_tpm *next;
	unsigned references;
	char *tcti;
	_Atomic(struct clv_tpm_link *) link;
};

/* ---- the TPMs of this process ---- */

/*
 * One connection per TCTI and process, however many stores and contexts there
 * are: a TPM has three sessions for everybody. A forked child begins with an
 * empty list, and never touches the lock of its parent's, which another
 * thread may have held.
 */
struct registry {
	pid_t pid;
	pthread_mutex_t mutex;
	struct clv_tpm *first;
};

static _Atomic(struct registry *) current;

static struct registry *
get_registry(void)
{
	struct registry *now = atomic_load(&current);
	struct registry *mine;

	while (now == NULL || now->pid != getpid()) {
		mine = calloc(1, sizeof(*mine));
		if (mine == NULL)
			return NULL;
		mine->pid = getpid();
		(void)pthread_mutex_init(&mine->mutex, NULL);
		if (atomic_compare_exchange_strong(&current, &now, mine))
			return mine;
		(void)pthread_mutex_destroy(&mine->mutex);
		free(mine);
	}
	return now;
}

static struct clv_tpm *
tpm_new(const char *tcti)
{
	struct clv_tpm *tpm = calloc(1, sizeof(*tpm));

	if (tpm != NULL && (tpm->tcti = strdup(tcti)) == NULL) {
		free(tpm);
		tpm = NULL;
	}
	return tpm;
}

clv_status
clv_tpm_acquire(const char *tcti, struct clv_tpm **out, clv_error **err)
{
	struct registry *registry = get_registry();
	struct clv_tpm *tpm = NULL;

	*out = NULL;
	if (registry != NULL) {
		(void)pthread_mutex_lock(&registry->mutex);
		for (tpm = registry->first; tpm != NULL; tpm = tpm->next)
			if (strcmp(tpm->tcti, tcti) == 0)
				break;
		if (tpm == NULL && (tpm = tpm_new(tcti)) != NULL) {
			tpm->next = registry->first;
			registry->first = tpm;
		}
		if (tpm != NULL)
			tpm->references++;
		(void)pthread_mutex_unlock(&registry->mutex);
	}
	*out = tpm;
	return tpm != NULL
	    ? CLV_OK
	    : clv_error_raise(err, CLV_NO_MEMORY, NULL, "out of memory");
}

static void
tpm_free(struct clv_tpm *tpm)
{
	struct clv_tpm_link *link = atomic_load(&tpm->link);

	if (link != NULL && link->pid == getpid())
		clv_tpm_link_free(&link);
	free(tpm->tcti);
	free(tpm);
}

void
clv_tpm_release(struct clv_tpm **tpm)
{
	struct registry *registry = get_registry();
	struct clv_tpm *gone = *tpm;
	struct clv_tpm **at;
	bool last = false;

	*tpm = NULL;
	if (gone == NULL || registry == NULL)
		return;
	(void)pthread_mutex_lock(&registry->mutex);
	if (--gone->references == 0) {
		/* a forked child's list does not have its parent's */
		for (at = &registry->first; *at != NULL && *at != gone;
		     at = &(*at)->next)
			;
		if (*at != NULL)
			*at = gone->next;
		last = true;
	}
	(void)pthread_mutex_unlock(&registry->mutex);
	if (last)
		tpm_free(gone);
}

const char *
clv_tpm_tcti(const struct clv_tpm *tpm)
{
	return tpm->tcti;
}

/* The connection of this process. A forked child makes its own, and leaves
 * its parent's alone but for the descriptor that holds a lock. */
static struct clv_tpm_link *
get_link(struct clv_tpm *tpm)
{
	struct clv_tpm_link *link = atomic_load(&tpm->link);
	struct clv_tpm_link *mine;

	while (link == NULL || link->pid != getpid()) {
		mine = clv_tpm_link_new(tpm->tcti);
		if (mine == NULL)
			return NULL;
		if (!mine->managed)
			mine->slots = clv_tpm_slots_open(tpm->tcti);
		if (atomic_compare_exchange_strong(&tpm->link, &link, mine)) {
			if (link != NULL)
				clv_tpm_slots_abandon(&link->slots);
			return mine;
		}
		clv_tpm_link_free(&mine);
	}
	return link;
}

/* ---- running work ---- */

enum remedy { GIVE_UP, AGAIN, WAIT };

/* A session that never worked may be wrong itself: its key was disturbed on the
 * way. What the TPM counts is not tried again, though. */
static enum remedy
mend_session(struct clv_tpm_link *link, TSS2_RC rc)
{
	clv_tpm_flush_session(link);
	return clv_tpm_rc_base(rc) == TPM2_RC_BAD_AUTH ? AGAIN : GIVE_UP;
}

/* Mends what can be mended after `rc`, under the lock. */
static enum remedy
mend(struct clv_tpm_link *link, TSS2_RC rc)
{
	if (clv_tpm_rc_is_lost(rc)) {
		clv_tpm_link_disconnect(link);
		return AGAIN;
	}
	switch (clv_tpm_rc_base(rc)) {
	case TPM2_RC_INITIALIZE:
		clv_tpm_link_disconnect(link);
		return AGAIN;
	case TPM2_RC_REFERENCE_S0:
		/* gone, or saved by somebody and then in nobody's way */
		clv_tpm_flush_session(link);
		return AGAIN;
	case TPM2_RC_REFERENCE_H0:
	case TPM2_RC_REFERENCE_H1:
		link->events |= CLV_TPM_RELOADED;
		return clv_tpm_revalidate(link) ? AGAIN : GIVE_UP;
	case TPM2_RC_AUTH_FAIL:
	case TPM2_RC_BAD_AUTH:
		if (link->session->handle != 0 && !link->session->proven)
			return mend_session(link, rc);
		return clv_tpm_revalidate(link) ? AGAIN : GIVE_UP;
	case TPM2_RC_HANDLE:
	case TPM2_RC_VALUE:
		if (clv_tpm_rc_is_session(rc) && !link->session->proven) {
			clv_tpm_flush_session(link);
			return AGAIN;
		}
		/* wrong indeed, unless the handle has become another's */
		return clv_tpm_revalidate(link) ? AGAIN : GIVE_UP;
	case TPM2_RC_OBJECT_MEMORY:
	case TPM2_RC_SESSION_MEMORY:
	case TPM2_RC_SESSION_HANDLES:
	case TPM2_RC_MEMORY:
		return WAIT;
	case CLV_TPM_RC_FORGED:
		clv_tpm_link_disconnect(link);
		return GIVE_UP;
	default:
		return GIVE_UP;
	}
}

/* One try. Several processes can use what they have loaded at the same time;
 * whoever loads or flushes is alone. */
static clv_status
run_once(struct clv_tpm_link *link, const struct clv_tpm_use *use,
    const struct clv_tpm_object *object, clv_tpm_work *work, void *job,
    TSS2_RC *rc, enum remedy *remedy, clv_error **err)
{
	bool exclusive = object == NULL || link->transport == NULL;
	clv_status status;

	*remedy = GIVE_UP;
	*rc = clv_tpm_slots_lock(link->slots, exclusive);
	if (*rc != TSS2_RC_SUCCESS)
		return CLV_OK;
	if (!exclusive && !clv_tpm_is_ready(link, object)) {
		clv_tpm_slots_unlock(link->slots);
		*rc = clv_tpm_slots_lock(link->slots, true);
		if (*rc != TSS2_RC_SUCCESS)
			return CLV_OK;
		exclusive = true;
	}
	status = clv_tpm_link_connect(link, use->subject, rc, err);
	if (status == CLV_OK && *rc == TSS2_RC_SUCCESS) {
		*rc = work(link, job);
		clv_wipe(link->answer->bytes, link->answer->size);
	}
	if (status == CLV_OK)
		*remedy = mend(link, *rc);
	clv_tpm_slots_unlock(link->slots);
	return status;
}

static void
tell(const struct clv_tpm_use *use, unsigned events)
{
	static const struct {
		enum clv_tpm_event event;
		const char *text;
	} lines[] = {
	    {CLV_TPM_RECONNECTED, "the connection was lost and made again"},
	    {CLV_TPM_WAS_RESET, "the TPM was reset; keys are loaded again"},
	    {CLV_TPM_RELOADED,
		"another program took a key's slot; it is loaded again"},
	    {CLV_TPM_SWEPT,
		"flushed what a process that died, or a lost answer, had "
		"left"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (use->host != NULL && (events & lines[i].event) != 0)
			clv_host_log(use->host, CLV_LOG_NOTICE, "tpm2 %s: %s",
			    use->subject, lines[i].text);
}

static void
nap(unsigned ms)
{
	(void)nanosleep(
	    &(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
}

/* Whether a daemon that is being restarted may be back in a moment. */
static bool
may_return(clv_status status, bool was_connected, unsigned *mends)
{
	static const unsigned pauses[MENDS_MAX] = {50, 250, 700};

	if (status != CLV_DEVICE_GONE || !was_connected || *mends >= MENDS_MAX)
		return false;
	nap(pauses[(*mends)++]);
	return true;
}

clv_status
clv_tpm_run(const struct clv_tpm_use *use, const struct clv_tpm_object *object,
    clv_tpm_work *work, void *job, const char *operation, clv_error **err)
{
	struct clv_tpm_link *link = get_link(use->tpm);
	enum remedy remedy = GIVE_UP;
	unsigned events, waited = 0, pause = 2, mends = 0;
	bool was_connected;
	clv_status status;
	TSS2_RC rc;

	if (link == NULL)
		return clv_tpm_raise(
		    err, CLV_TPM_RC_MEMORY, operation, use->subject);
	for (;;) {
		rc = TSS2_RC_SUCCESS;
		(void)pthread_mutex_lock(&link->mutex);
		status =
		    run_once(link, use, object, work, job, &rc, &remedy, err);
		events = link->events;
		was_connected = link->was_connected;
		link->events = 0;
		(void)pthread_mutex_unlock(&link->mutex);
		tell(use, events);
		if (may_return(status, was_connected, &mends)) {
			clv_error_free(err);
			continue;
		}
		if (status != CLV_OK || rc == TSS2_RC_SUCCESS)
			return status;
		if (remedy == WAIT && waited < SLOTS_WAIT_MS) {
			nap(pause);
			waited += pause;
			pause = pause < 64 ? pause * 2 : pause;
		} else if (remedy != AGAIN || ++mends > MENDS_MAX) {
			return clv_tpm_raise(err, rc, operation, use->subject);
		}
	}
}

void
clv_tpm_drop(struct clv_tpm *tpm, const struct clv_tpm_object *object)
{
	struct clv_tpm_link *link = atomic_load(&tpm->link);
	TSS2_RC rc;

	if (link == NULL || link->pid != getpid())
		return;
	(void)pthread_mutex_lock(&link->mutex);
	if (clv_tpm_is_resident(link, object) &&
	    clv_tpm_slots_lock(link->slots, true) == TSS2_RC_SUCCESS) {
		if (clv_tpm_link_connect(link, NULL, &rc, NULL) == CLV_OK)
			clv_tpm_flush_object(link, object);
		clv_tpm_slots_unlock(link->slots);
	}
	(void)pthread_mutex_unlock(&link->mutex);
}
