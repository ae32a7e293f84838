/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* POSIX ACLs as a file system may give them: what is accepted is written
 * again byte for byte, and cleaning it leaves nothing that is forbidden. */

#include <stdlib.h>
#include <string.h>

#include "base/guard/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void
check_clean(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, struct clv_acl *acl)
{
	clv_guard_clean(judged, object, acl);
	for (size_t i = 0; i < acl->count; i++)
		if (acl->entries[i].rights &
		    clv_guard_forbidden(judged, object, &acl->entries[i]))
			abort();
	if (acl->count < 3)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const clv_guard guard = {.application = 61001,
	    .application_administers = true,
	    .overflow_user = 65534,
	    .overflow_group = 65534};
	const struct clv_guard_case judged = {
	    .guard = &guard, .policy = CLV_GUARD_KEY};
	const struct clv_guard_object object = {.role = CLV_GUARD_TARGET,
	    .path = "/key",
	    .stat = {.stx_mode = S_IFREG | 0600}};
	struct clv_acl acl;
	uint8_t *again;

	if (!clv_acl_parse(bytes, size, &acl))
		return 0;
	again = malloc(size);
	if (again == NULL || clv_acl_size(&acl) != size)
		abort();
	clv_acl_encode(&acl, again);
	/* The entries are the bytes; the version is always the same. */
	if (memcmp(again, bytes, size) != 0)
		abort();
	free(again);
	check_clean(&judged, &object, &acl);
	clv_acl_free(&acl);
	return 0;
}
