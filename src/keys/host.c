/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the library offers to a backend besides secrets: log, guard. */

#include "keys/context.h"

#include <stdarg.h>
#include <stdio.h>

void
clv_host_log(clv_host *host, clv_log_level level, const char *format, ...)
{
	char line[1024];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	clv_log_line(&host->context->logger, level, "%s", line);
}

const clv_guard *
clv_host_guard(const clv_host *host)
{
	return host->context->guard;
}
