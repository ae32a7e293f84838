/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Calls that hand what one function gives to another, as C and as C++. It is
 * compiled only. */

#include <claviger/claviger.h>

clv_status calls_verify_in_view(const clv_live_view *view, const void *der,
    size_t size, clv_verdict **verdict, clv_error **err);

/* The list is borrowed from the view: it can be read, and not be freed. */
clv_status
calls_verify_in_view(const clv_live_view *view, const void *der, size_t size,
    clv_verdict **verdict, clv_error **err)
{
	const clv_trust_snapshot *list = NULL;
	clv_status status = clv_live_view_trust(
	    view, CLV_DEFAULT_APPLICATION_GROUP, &list, err);

	if (status == CLV_OK)
		status = clv_verify(list, der, size, NULL, verdict, err);
	return status;
}
