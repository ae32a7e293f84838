/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Secrets sealed to a device. */

#include <claviger/seal.h>

#include "keys/context.h"

/* The backend of a URI; `can` is what it must be able to do. */
static clv_status
find_backend(const clv_context *context, const clv_uri *uri, bool seals,
    const struct clv_backend **out, clv_error **err)
{
	const struct clv_backend *backend =
	    clv_context_backend(context, clv_uri_scheme(uri));

	*out = backend;
	if (backend != NULL &&
	    (seals ? backend->seal != NULL : backend->unseal != NULL))
		return CLV_OK;
	return clv_error_raise(err, CLV_UNSUPPORTED,
	    &(struct clv_error_info){
		.operation = seals ? "seal secret" : "unseal secret",
		.subject = clv_uri_redacted(uri),
		.remedy = "use a TPM: tpm2:FILE"},
	    "\"%s:\" does not seal secrets", clv_uri_scheme(uri));
}

clv_status
clv_seal(clv_context *context, const char *text, const clv_secret *secret,
    clv_error **err)
{
	const struct clv_backend *backend;
	struct clv_host host = {.context = context};
	clv_uri *uri = NULL;
	clv_status status = clv_uri_parse(text, &uri, err);

	if (status == CLV_OK)
		status = find_backend(context, uri, true, &backend, err);
	if (status == CLV_OK)
		status = backend->seal(&host, uri, secret, err);
	clv_uri_free(&uri);
	return status;
}

clv_status
clv_unseal(
    clv_context *context, const char *text, clv_secret *out, clv_error **err)
{
	const struct clv_backend *backend;
	struct clv_host host = {.context = context};
	clv_uri *uri = NULL;
	clv_status status = clv_uri_parse(text, &uri, err);

	clv_secret_clear(out);
	if (status == CLV_OK)
		status = find_backend(context, uri, false, &backend, err);
	if (status == CLV_OK)
		status = backend->unseal(&host, uri, out, err);
	if (status != CLV_OK)
		clv_secret_clear(out);
	clv_uri_free(&uri);
	return status;
}
