/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "must.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

void
must_ok(clv_status status, const clv_error *err)
{
	if (status == CLV_OK)
		return;
	(void)fprintf(stderr, "%s\n", clv_error_message(err));
	exit(2);
}
