/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "gate.h"

#include <sched.h>
#include <time.h>

#include "process.h"

/* Between the processes: one thread of the child is making the gate anew. */
#define BEING_MADE P11_NO_PROCESS

static void
make(struct p11_gate *gate)
{
	pthread_condattr_t attributes;

	(void)pthread_mutex_init(&gate->mutex, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&gate->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

void
clv_p11_gate_init(struct p11_gate *gate)
{
	make(gate);
	atomic_init(&gate->process, clv_p11_process());
}

void
clv_p11_gate_destroy(struct p11_gate *gate)
{
	(void)pthread_cond_destroy(&gate->changed);
	(void)pthread_mutex_destroy(&gate->mutex);
}

bool
clv_p11_gate_lock(struct p11_gate *gate)
{
	const unsigned long self = clv_p11_process();
	unsigned long process = atomic_load(&gate->process);
	bool first = false;

	while (process != self) {
		if (process == BEING_MADE) {
			(void)sched_yield();
			process = atomic_load(&gate->process);
		} else if (atomic_compare_exchange_strong(
			       &gate->process, &process, BEING_MADE)) {
			first = process != 0;
			make(gate);
			break;
		}
	}
	(void)pthread_mutex_lock(&gate->mutex);
	if (process != self)
		atomic_store(&gate->process, self);
	return first;
}

void
clv_p11_gate_unlock(struct p11_gate *gate)
{
	(void)pthread_mutex_unlock(&gate->mutex);
}

bool
clv_p11_gate_wait(struct p11_gate *gate, const struct timespec *deadline)
{
	return pthread_cond_timedwait(&gate->changed, &gate->mutex, deadline) ==
	    0;
}

void
clv_p11_gate_changed(struct p11_gate *gate)
{
	(void)pthread_cond_broadcast(&gate->changed);
}

struct timespec
clv_p11_deadline(unsigned ms)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += ms / 1000;
	time.tv_nsec += (long)(ms % 1000) * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_nsec -= 1000000000;
		time.tv_sec++;
	}
	return time;
}
