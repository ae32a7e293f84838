/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "sessions.h"

#include <pthread.h>
#include <stdlib.h>

struct session {
	CK_SESSION_HANDLE handle;
	CK_SLOT_ID slot;
	bool waiting;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *sessions;
static CK_ULONG count, capacity;

void
sessions_add(CK_SESSION_HANDLE session, CK_SLOT_ID slot)
{
	pthread_mutex_lock(&lock);
	if (count == capacity) {
		capacity = capacity * 2 + 16;
		sessions = realloc(sessions, capacity * sizeof(*sessions));
		if (sessions == NULL)
			abort();
	}
	sessions[count++] = (struct session){.handle = session, .slot = slot};
	pthread_mutex_unlock(&lock);
}

/* With the lock held. NULL for a session that is not open. */
static struct session *
find(CK_SESSION_HANDLE handle)
{
	for (CK_ULONG i = 0; i < count; i++)
		if (sessions[i].handle == handle)
			return &sessions[i];
	return NULL;
}

void
sessions_remove(CK_SESSION_HANDLE session)
{
	struct session *found;

	pthread_mutex_lock(&lock);
	if ((found = find(session)) != NULL)
		*found = sessions[--count];
	pthread_mutex_unlock(&lock);
}

void
sessions_remove_slot(CK_SLOT_ID slot)
{
	CK_ULONG kept = 0;

	pthread_mutex_lock(&lock);
	for (CK_ULONG i = 0; i < count; i++)
		if (sessions[i].slot != slot)
			sessions[kept++] = sessions[i];
	count = kept;
	pthread_mutex_unlock(&lock);
}

void
sessions_clear(void)
{
	pthread_mutex_lock(&lock);
	count = 0;
	pthread_mutex_unlock(&lock);
}

CK_ULONG
sessions_count(void)
{
	CK_ULONG result;

	pthread_mutex_lock(&lock);
	result = count;
	pthread_mutex_unlock(&lock);
	return result;
}

void
sessions_set_waiting(CK_SESSION_HANDLE session, bool waiting)
{
	struct session *found;

	pthread_mutex_lock(&lock);
	if ((found = find(session)) != NULL)
		found->waiting = waiting;
	pthread_mutex_unlock(&lock);
}

bool
sessions_waiting(CK_SESSION_HANDLE session)
{
	struct session *found;
	bool result;

	pthread_mutex_lock(&lock);
	found = find(session);
	result = found != NULL && found->waiting;
	pthread_mutex_unlock(&lock);
	return result;
}

void
sessions_renew_in_child(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}
