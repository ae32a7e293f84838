/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Making allocations fail. allocations_all.c takes the place of malloc(3) and
 * so has those of all libraries; allocations_own.c, for sanitized builds,
 * only those of our own code, but sees what is left over.
 */
#ifndef CLV_TESTS_ALLOCATIONS_H
#define CLV_TESTS_ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

/* From now on allocation `at`, from 0, fails, and with `all` those after it. */
void allocations_arm(size_t at, bool all);
/* Returns how many there were. */
size_t allocations_disarm(void);
/* Whether memory was left over, as far as that can be told. */
bool allocations_leaked(void);

/* Of those who allocate: whether this one fails, with errno set. */
bool allocations_fail_now(void);

#endif
