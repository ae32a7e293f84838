/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Lines of mountinfo: file systems choose some of their words. */

#include <stdlib.h>
#include <string.h>

#include "base/guard/mount.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *line = malloc(size + 1);
	struct clv_mount_line parsed;

	if (line == NULL)
		return 0;
	memcpy(line, bytes, size);
	line[size] = '\0';
	/* Whoever is told to run it must stand there. */
	if (clv_mount_parse(line, &parsed) && parsed.has_user &&
	    strstr(line, "user_id=") == NULL)
		abort();
	free(line);
	return 0;
}
