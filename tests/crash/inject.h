/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Running a function in a child and letting one of its system calls go wrong,
 * without its knowing. */
#ifndef CLV_TESTS_INJECT_H
#define CLV_TESTS_INJECT_H

#include <stdbool.h>
#include <stddef.h>

enum fault {
	FAULT_NONE,
	FAULT_KILL_BEFORE, /* SIGKILL instead of the system call */
	FAULT_KILL_AFTER,
	FAULT_EIO,
	FAULT_ENOSPC,
	FAULT_EINTR,
	FAULT_SHORT, /* write(2) and read(2) do half of it */
	FAULTS
};

/* What became of the child. */
struct outcome {
	bool killed;
	int exit_status; /* if not killed */
	size_t calls;    /* system calls that it made */
	bool injected;   /* whether the fault found its call */
};

/* Runs `fn(user)`, whose result is the exit status. System call `at` (from 0)
 * of it gets the fault. */
struct outcome inject(
    int (*fn)(void *user), void *user, enum fault fault, size_t at);

/* Whether call `at` of the last run without a fault could change files: a
 * crash behind any other leaves what one before it does. */
bool inject_changes(size_t at);

#endif
