/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Changing stacks with what POSIX once had and the C library still has. */

#include "base/private_stack.h"

#include <stdint.h>
#include <ucontext.h>

struct entry {
	clv_private_fn *function;
	void *argument;
};

/* makecontext() passes ints only: the pointer comes in two halves. */
static void
enter(unsigned high, unsigned low)
{
	const uintptr_t address = (uintptr_t)(((uint64_t)high << 32) | low);
	const struct entry *entry = (const struct entry *)address;

	entry->function(entry->argument);
}

void
clv_private_stack_switch(
    void *bottom, size_t size, clv_private_fn *function, void *argument)
{
	const struct entry entry = {function, argument};
	const uint64_t address = (uintptr_t)&entry;
	ucontext_t here;
	ucontext_t there;

	(void)getcontext(&there);
	there.uc_stack.ss_sp = bottom;
	there.uc_stack.ss_size = size;
	there.uc_link = &here;
	makecontext(&there, (void (*)(void))(uintptr_t)enter, 2,
	    (unsigned)(address >> 32), (unsigned)address);
	(void)swapcontext(&here, &there);
	clv_wipe(&there, sizeof(there));
	clv_wipe(&here, sizeof(here));
}
