/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Which allocation fails, whoever asks. */

#include "allocations.h"

#include <errno.h>

static struct {
	bool armed;
	bool all;
	size_t at;
	size_t now;
} fault;

bool
allocations_fail_now(void)
{
	const size_t now = fault.armed ? fault.now++ : 0;

	if (!fault.armed || now < fault.at || (now > fault.at && !fault.all))
		return false;
	errno = ENOMEM;
	return true;
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
