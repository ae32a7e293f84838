/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/private_stack.h"

/*
 * The deepest that was measured with OpenSSL 3.0 on x86-64 is 13 KiB, for the
 * first signature in a process; the rest is for signal handlers, sanitizers
 * and OpenSSL's other versions.
 */
#define STACK_SIZE (128U * 1024U)

clv_status
clv_private_stack_alloc(struct clv_private_stack *stack, clv_error **err)
{
	/* One byte of a secret's pages is its closing 0. */
	return clv_secret_alloc(&stack->memory, STACK_SIZE - 1, err);
}

void
clv_private_stack_free(struct clv_private_stack *stack)
{
	clv_secret_clear(&stack->memory);
}

void
clv_private_stack_run(const struct clv_private_stack *stack,
    clv_private_fn *function, void *argument)
{
	clv_private_stack_switch(
	    stack->memory.data, STACK_SIZE, function, argument);
}

struct call {
	clv_private_job *job;
	void *argument;
	clv_error **err;
	clv_status status;
};

static void
run_job(void *argument)
{
	struct call *call = argument;

	call->status = call->job(call->argument, call->err);
}

clv_status
clv_run_privately(clv_private_job *job, void *argument, clv_error **err)
{
	struct clv_private_stack stack = {CLV_SECRET_INIT};
	struct call call = {.job = job, .argument = argument, .err = err};
	const clv_status status = clv_private_stack_alloc(&stack, err);

	if (status != CLV_OK)
		return status;
	clv_private_stack_run(&stack, run_job, &call);
	clv_private_stack_free(&stack);
	return call.status;
}
