/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The audit log of the fixture's application. */
#ifndef CLV_TESTS_AUDIT_FIXTURE_H
#define CLV_TESTS_AUDIT_FIXTURE_H

#include "fixture.h"

#include <claviger/audit.h>

#define LOG "state/audit/000001.jsonl"
#define RECORDS 6

#define AUDIT_TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* Of a file of the application; to be freed, as is all that follows. */
char *path_of(const char *name);
char *load(const char *name, size_t *size);
void save(const char *name, const char *text, size_t size);

void record(const char *detail);
/* Records until there are RECORDS; gives the text of the log. */
char *fill(size_t *size);
/* The record that was written last. */
char *newest(void);
/* Verifies the log, with this outcome. */
struct clv_audit_summary check(clv_status expected);

#endif
