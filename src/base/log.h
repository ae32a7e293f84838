/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_BASE_LOG_H
#define CLV_BASE_LOG_H

#include <claviger/log.h>

/* Where a floor sends its messages; zeroed means nowhere. */
struct clv_logger {
	clv_log_fn *fn;
	void *user;
	clv_log_level level; /* the most talkative level that is wanted */
};

/* Formats and passes on a line; cut at 1023 bytes. `logger` may be NULL. */
void clv_log_line(const struct clv_logger *logger, clv_log_level level,
    const char *format, ...) CLV_PRINTF(3, 4);

#endif
