/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "process.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

typedef _Atomic unsigned long number;

/*
 * getpid() would do, but it is a system call, and signing with a fast token
 * would spend up to a twentieth of its time there. So the number is kept on a
 * page that the kernel wipes in a child (Linux 4.14).
 */
static number *_Atomic page;
static number unwiped; /* stands for the page where there is none */
static number last;    /* given out in this process or its ancestors */

static number *
make_page(void)
{
	void *made = mmap(NULL, sizeof(number), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	number *expected = NULL;
	number *mine = made;

	if (made == MAP_FAILED)
		mine = &unwiped;
	else if (madvise(made, sizeof(number), MADV_WIPEONFORK) != 0) {
		(void)munmap(made, sizeof(number));
		mine = &unwiped;
	}
	if (atomic_compare_exchange_strong(&page, &expected, mine))
		return mine;
	if (mine != &unwiped)
		(void)munmap(made, sizeof(number));
	return expected;
}

unsigned long
clv_p11_process(void)
{
	number *here = atomic_load_explicit(&page, memory_order_acquire);
	unsigned long old = 0;
	unsigned long new;

	if (here == NULL)
		here = make_page();
	if (here == &unwiped)
		return (unsigned long)getpid();
	old = atomic_load_explicit(here, memory_order_acquire);
	if (old != 0)
		return old;
	new = atomic_fetch_add(&last, 1) + 1;
	return atomic_compare_exchange_strong(here, &old, new) ? new : old;
}
