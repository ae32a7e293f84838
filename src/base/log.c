/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void
clv_log_line(const struct clv_logger *logger, clv_log_level level,
    const char *format, ...)
{
	char line[1024];
	va_list arguments;

	if (logger == NULL || logger->fn == NULL || level > logger->level)
		return;

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	logger->fn(logger->user, level, line);
}
