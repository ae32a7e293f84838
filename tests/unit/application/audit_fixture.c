/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "audit_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 65536

char *
path_of(const char *name)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
	return path;
}

char *
load(const char *name, size_t *size)
{
	char *path = path_of(name);
	char *text = calloc(1, TEXT_MAX);
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_non_null(text);
	*size = fread(text, 1, TEXT_MAX - 1, file);
	assert_int_equal(fclose(file), 0);
	free(path);
	return text;
}

void
save(const char *name, const char *text, size_t size)
{
	char *path = path_of(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	free(path);
}

void
record(const char *detail)
{
	const struct clv_audit_event event = {
	    .event = "something-happened", .detail = detail};

	assert_ok(clv_audit_append(application, &event, &err));
}

struct clv_audit_summary
check(clv_status expected)
{
	struct clv_audit_summary summary;
	clv_error *err = NULL;
	const clv_status status =
	    clv_audit_verify(application, NULL, &summary, &err);

	if (status != expected)
		fail_msg("%s instead of %s: %s", clv_status_name(status),
		    clv_status_name(expected), clv_error_message(err));
	assert_int_equal(summary.broken != 0, expected == CLV_CORRUPT);
	clv_error_free(&err);
	return summary;
}

char *
fill(size_t *size)
{
	for (uint64_t last = check(CLV_OK).last; last < RECORDS; last++)
		record("x");
	return load(LOG, size);
}

static bool
keep(void *user, const char *json, size_t size)
{
	char **last = user;

	assert_int_equal(strlen(json), size);
	free(*last);
	*last = strdup(json);
	return true;
}

char *
newest(void)
{
	char *last = NULL;

	assert_ok(clv_audit_visit(application, keep, &last, &err));
	assert_non_null(last);
	return last;
}
