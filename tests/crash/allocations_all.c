/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "allocations.h"

#include <errno.h>
#include <stdlib.h>

static struct {
	bool armed;
	bool all;
	size_t at;
	size_t now;
} fault;

/* Seen by all libraries. */
#define EVERYBODYS __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool
fails(void)
{
	const size_t now = fault.armed ? fault.now++ : 0;

	if (!fault.armed || now < fault.at || (now > fault.at && !fault.all))
		return false;
	errno = ENOMEM;
	return true;
}

EVERYBODYS void *
malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

EVERYBODYS void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

EVERYBODYS void *
realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

void
allocations_arm(size_t at, bool all)
{
	fault.at = at;
	fault.all = all;
	fault.now = 0;
	fault.armed = true;
}

size_t
allocations_disarm(void)
{
	fault.armed = false;
	return fault.now;
}

bool
allocations_leaked(void)
{
	return false;
}
