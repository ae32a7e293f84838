/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "allocations.h"

#include <sanitizer/lsan_interface.h>
#include <stdarg.h>
#include <stdio.h>

/* The linker leads our code's calls here. */
#define ALLOCATION(type, name, parameters, arguments)                    \
	type __real_##name parameters;                                   \
	type __wrap_##name parameters;                                   \
	type __wrap_##name parameters                                    \
	{                                                                \
		return allocations_fail_now() ? NULL                     \
					      : __real_##name arguments; \
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

	if (allocations_fail_now())
		return -1;
	va_start(list, format);
	size = vasprintf(text, format, list);
	va_end(list);
	return size;
}

bool
allocations_leaked(void)
{
	return __lsan_do_recoverable_leak_check() != 0;
}
