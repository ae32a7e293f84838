/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the library itself records. That it can't be recorded, as by a reader
 * without write permission, stops nothing that is told here. */

#include <stdlib.h>

#include "application/audit.h"

static void
tell(const clv_application *application, const struct clv_audit_event *event,
    const char *id, enum clv_audit_repeat repeat)
{
	char *body = NULL;

	if (clv_audit_make_body(event, id, NULL, &body, NULL) == CLV_OK)
		(void)clv_audit_write(application, body, id, repeat, NULL);
	free(body);
}

void
clv_audit_tell_key(const clv_application *application, const char *event,
    const char *group, const char *type, const char *uri)
{
	const struct clv_audit_event about = {
	    .event = event, .group = group, .type = type, .key = uri};
	char id[CLV_AUDIT_ID_SIZE];

	/* What is tried again after a crash is told once. */
	clv_audit_make_id(id, event, uri, NULL);
	tell(application, &about, id, CLV_AUDIT_ONCE);
}

void
clv_audit_tell_refusal(const clv_application *application, const char *group,
    const char *type, clv_status status, const clv_error *problem)
{
	const struct clv_audit_event about = {.event = "refused",
	    .outcome = status,
	    .group = group,
	    .type = type,
	    .detail = clv_error_message(problem)};
	char id[CLV_AUDIT_ID_SIZE];

	if (status != CLV_POLICY && status != CLV_CHANGED)
		return;
	clv_audit_make_id(
	    id, about.event, clv_status_name(status), about.detail, NULL);
	tell(application, &about, id, CLV_AUDIT_HOURLY);
}

void
clv_audit_tell(const clv_application *application, const char *event,
    const char *group, const char *type, const char *detail)
{
	const struct clv_audit_event about = {
	    .event = event, .group = group, .type = type, .detail = detail};

	tell(application, &about, NULL, CLV_AUDIT_ALWAYS);
}
