/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the harnesses cannot do without: if it fails, they say why and end
 * with status 2, which is no violation. */
#ifndef CLV_TESTS_MUST_H
#define CLV_TESTS_MUST_H

#include <claviger/error.h>

#include <stdbool.h>

/* Says `what`, and errno. */
void must(bool good, const char *what);

/* Calls of the library, which take `&err`. */
#define MUST(call)                     \
	do {                           \
		clv_error *err = NULL; \
		must_ok((call), err);  \
	} while (0)
void must_ok(clv_status status, const clv_error *err);

#endif
