/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the beginning of a file tells about its kind. */

#include <stdlib.h>
#include <string.h>

#include "base/guard/classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	/* A copy of exactly this size, so that reading over it is seen. */
	unsigned char *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		return 0;
	memcpy(copy, bytes, size);
	if (clv_guard_policy_of_content(copy, size) == 0)
		abort();
	free(copy);
	return 0;
}
