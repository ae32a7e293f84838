/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "allocations.h"

#include <errno.h>
#include <sanitizer/lsan_interface.h>
#include <stdarg.h>
#include <stdio.h>

static struct {
	bool armed;
	bool all;
	size_t at;
	size_t now;
} fault;

static bool
fails(void)
{
	const size_t now = fault.armed ? fault.now++ : 0;

	if (!fault.armed || now < fault.at || (now > fault.at && !fault.all))
		return false;
	errno = ENOMEM;
	return true;
}

/* The linker leads our code's calls here. */
#define ALLOCATION(type, name, parameters, arguments)            \
	type __real_##name parameters;                           \
	type __wrap_##name parameters;                           \
	type __wrap_##name parameters                            \
	{                                                        \
		return fails() ? NULL : __real_##name arguments; \
	}

ALLOCATION(void *, malloc, (size_t size), (size))
ALLOCATION(void *, calloc, (size_t count, size_t size), (count, size))
ALLOCATION(void *, realloc, (void *old, size_t size), (old, size))
ALLOCATION(void *, reallocarray, (void *old, size_t count, size_t size),
    (old, count, size))
ALLOCATION(char *, strdup, (const char *text), (text))
ALLOCATION(char *, strndup, (const char *text, size_t size), (text, size))
ALLOCATION(FILE *, open_memstream, (char **text, size_t *size), (text, size))

int __wrap_asprintf(char **text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

int
__wrap_asprintf(char **text, const char *format, ...)
{
	va_list list;
	int size;

	if (fails())
		return -1;
	va_start(list, format);
	size = vasprintf(text, format, list);
	va_end(list);
	return size;
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
	return __lsan_do_recoverable_leak_check() != 0;
}
