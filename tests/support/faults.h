/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Makes the n-th wrapped call of this thread fail. Link with the options of
 * clv_wrap_faults() in CMakeLists.txt.
 */
#ifndef CLV_TESTS_SUPPORT_FAULTS_H
#define CLV_TESTS_SUPPORT_FAULTS_H

#include <stdbool.h>

enum fault_kind {
	FAULT_CALL = 1,  /* a system call: -1 and `error` */
	FAULT_MEMORY = 2 /* an allocation: NULL */
};

/* Arms: call number `nth` (from 1) of these kinds will fail. */
void faults_arm(unsigned kinds, long nth, int error);
/* Disarms, and tells whether the fault struck. */
bool faults_disarm(void);
/* The call that failed last, such as "fsync". */
const char *faults_struck(void);

#endif
