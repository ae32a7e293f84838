/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The sources of secrets that need no backend: see <claviger/ask.h>. */
#ifndef CLV_BASE_SECRET_SOURCE_H
#define CLV_BASE_SECRET_SOURCE_H

#include <claviger/ask.h>
#include <claviger/guard.h>

#include "base/log.h"

/* What a source may use. */
struct clv_source_environment {
	const clv_guard *guard;
	const struct clv_logger *logger;
};

/* Whether `source` is of a kind that clv_source_read() knows. */
bool clv_source_known(const char *source);

/*
 * Reads a secret. CLV_NOT_FOUND if the source is not there or has nothing to
 * give (it is empty, there is no terminal), CLV_CANCELLED by a person.
 */
clv_status clv_source_read(const struct clv_source_environment *environment,
    const char *source, const struct clv_ask_request *request,
    clv_secret *answer, clv_error **err);

/* Asks on the terminal, a new secret twice. */
clv_status clv_prompt(
    const struct clv_ask_request *request, clv_secret *answer, clv_error **err);

#endif
