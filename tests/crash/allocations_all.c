/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "allocations.h"

#include <stdlib.h>

/* Seen by all libraries. */
#define EVERYBODYS __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

EVERYBODYS void *
malloc(size_t size)
{
	return allocations_fail_now() ? NULL : __libc_malloc(size);
}

EVERYBODYS void *
calloc(size_t count, size_t size)
{
	return allocations_fail_now() ? NULL : __libc_calloc(count, size);
}

EVERYBODYS void *
realloc(void *old, size_t size)
{
	return allocations_fail_now() ? NULL : __libc_realloc(old, size);
}

bool
allocations_leaked(void)
{
	return false;
}
