/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "mutex.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "gate.h"

struct mutex {
	struct mutex *next;
	struct mutex *previous;
	pthread_mutex_t mutex;
	_Atomic(unsigned long) owner; /* a pthread_t; 0: unlocked */
	unsigned depth;               /* the owner's */
};

/* All mutexes of all modules. */
static struct {
	struct p11_gate gate;
	struct mutex *first;
} all = {.gate = P11_GATE_INIT};

CK_RV
clv_p11_mutex_create(void **out)
{
	struct mutex *mutex;

	if (out == NULL)
		return CKR_ARGUMENTS_BAD;
	mutex = calloc(1, sizeof(*mutex));
	if (mutex == NULL || pthread_mutex_init(&mutex->mutex, NULL) != 0) {
		free(mutex);
		return CKR_HOST_MEMORY;
	}
	(void)clv_p11_gate_lock(&all.gate);
	mutex->next = all.first;
	if (all.first != NULL)
		all.first->previous = mutex;
	all.first = mutex;
	clv_p11_gate_unlock(&all.gate);
	*out = mutex;
	return CKR_OK;
}

CK_RV
clv_p11_mutex_destroy(void *opaque)
{
	struct mutex *mutex = opaque;

	if (mutex == NULL)
		return CKR_MUTEX_BAD;
	(void)clv_p11_gate_lock(&all.gate);
	if (mutex->next != NULL)
		mutex->next->previous = mutex->previous;
	if (mutex->previous != NULL)
		mutex->previous->next = mutex->next;
	else
		all.first = mutex->next;
	clv_p11_gate_unlock(&all.gate);
	(void)pthread_mutex_destroy(&mutex->mutex);
	free(mutex);
	return CKR_OK;
}

/* Recursive, as a module that forgets to unlock needs it in the same call. */
CK_RV
clv_p11_mutex_lock(void *opaque)
{
	const unsigned long self = (unsigned long)pthread_self();
	struct mutex *mutex = opaque;

	if (mutex == NULL)
		return CKR_MUTEX_BAD;
	if (atomic_load_explicit(&mutex->owner, memory_order_relaxed) == self) {
		mutex->depth++;
		return CKR_OK;
	}
	if (pthread_mutex_lock(&mutex->mutex) != 0)
		return CKR_MUTEX_BAD;
	atomic_store_explicit(&mutex->owner, self, memory_order_relaxed);
	mutex->depth = 1;
	return CKR_OK;
}

static void
unlock(struct mutex *mutex)
{
	mutex->depth = 0;
	atomic_store_explicit(&mutex->owner, 0, memory_order_relaxed);
	(void)pthread_mutex_unlock(&mutex->mutex);
}

CK_RV
clv_p11_mutex_unlock(void *opaque)
{
	const unsigned long self = (unsigned long)pthread_self();
	struct mutex *mutex = opaque;

	if (mutex == NULL)
		return CKR_MUTEX_BAD;
	if (atomic_load_explicit(&mutex->owner, memory_order_relaxed) != self)
		return CKR_MUTEX_NOT_LOCKED;
	if (--mutex->depth == 0)
		unlock(mutex);
	return CKR_OK;
}

unsigned
clv_p11_mutex_relieve(void)
{
	const unsigned long self = (unsigned long)pthread_self();
	unsigned count = 0;

	(void)clv_p11_gate_lock(&all.gate);
	for (struct mutex *mutex = all.first; mutex != NULL;
	     mutex = mutex->next) {
		if (atomic_load_explicit(&mutex->owner, memory_order_relaxed) !=
		    self)
			continue;
		unlock(mutex);
		count++;
	}
	clv_p11_gate_unlock(&all.gate);
	return count;
}

void
clv_p11_mutex_after_fork(void)
{
	(void)clv_p11_gate_lock(&all.gate);
	for (struct mutex *mutex = all.first; mutex != NULL;
	     mutex = mutex->next) {
		(void)pthread_mutex_init(&mutex->mutex, NULL);
		atomic_store(&mutex->owner, 0);
		mutex->depth = 0;
	}
	clv_p11_gate_unlock(&all.gate);
}
