/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A lock with a condition that a forked child can use although another thread
 * of the parent held it at the fork: the child makes it anew on first use.
 */
#ifndef CLV_PKCS11_GATE_H
#define CLV_PKCS11_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

struct p11_gate {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	atomic_ulong process; /* see process.h */
};

/* For static ones; the others use clv_p11_gate_init(). */
/* clang-format off */
#define P11_GATE_INIT {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}
/* clang-format on */

void clv_p11_gate_init(struct p11_gate *gate);
void clv_p11_gate_destroy(struct p11_gate *gate);

/*
 * Locks. True exactly once after a fork (and never for the process that made
 * the gate): what the gate protects then still describes the parent.
 */
bool clv_p11_gate_lock(struct p11_gate *gate);
void clv_p11_gate_unlock(struct p11_gate *gate);

/* Waits for clv_p11_gate_changed(); false once `deadline` has passed. */
bool clv_p11_gate_wait(struct p11_gate *gate, const struct timespec *deadline);
void clv_p11_gate_changed(struct p11_gate *gate);

/* The time `ms` milliseconds from now, for clv_p11_gate_wait(). */
struct timespec clv_p11_deadline(unsigned ms);

#endif
