/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A stack for work on private keys. OpenSSL, the C library and the compiler
 * leave pieces of what they work on in dead stack frames and in registers,
 * and nobody wipes them. So code that sees key bytes runs on a stack of its
 * own, which is locked, left out of core dumps, empty in a forked child and
 * wiped before it is freed; vector registers and those that a call may
 * clobber are cleared on the way back.
 */
#ifndef CLV_BASE_PRIVATE_STACK_H
#define CLV_BASE_PRIVATE_STACK_H

#include <claviger/secret.h>

/* Belongs to one thread at a time. */
struct clv_private_stack {
	clv_secret memory;
};

typedef void clv_private_fn(void *argument);
typedef clv_status clv_private_job(void *argument, clv_error **err);

/* CLV_NO_MEMORY. Free with clv_private_stack_free(). */
clv_status clv_private_stack_alloc(
    struct clv_private_stack *stack, clv_error **err);
void clv_private_stack_free(struct clv_private_stack *stack);

/*
 * Calls `function` on the stack. It must return: no longjmp(), no exit of the
 * thread. It must not call the application, which may want more room.
 */
void clv_private_stack_run(const struct clv_private_stack *stack,
    clv_private_fn *function, void *argument);

/* The same on a stack that exists for this call only. */
clv_status clv_run_privately(
    clv_private_job *job, void *argument, clv_error **err);

/* By architecture: calls `function` with the stack pointer at `top`, then
 * clears registers. The generic one can't clear vector registers. */
void clv_private_stack_switch(
    void *bottom, size_t size, clv_private_fn *function, void *argument);

#endif
