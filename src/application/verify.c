/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* A certificate on its way into a slot, against the TrustList of its group
 * (OPC 10000-12: UpdateCertificate). */

#include <string.h>

#include "application/transaction.h"

/* What Part 4, Table 100 lets one suppress is ignored for groups of
 * applications; what else a group may be for is not said. */
#define SUPPRESSIBLE                                                       \
	(CLV_CHECK_REVOCATION_OFFLINE | CLV_SUPPRESS_EXPIRED |             \
	    CLV_SUPPRESS_HOSTNAME | CLV_SUPPRESS_ISSUER_EXPIRED |          \
	    CLV_SUPPRESS_REVOCATION_UNKNOWN |                              \
	    CLV_SUPPRESS_ISSUER_REVOCATION_UNKNOWN | CLV_SUPPRESS_POLICY | \
	    CLV_SUPPRESS_USE)

static clv_status
make_options(const char *group, clv_verify_options **out, clv_error **err)
{
	const bool https = strcmp(group, "DefaultHttpsGroup") == 0;
	const bool user = strcmp(group, "DefaultUserTokenGroup") == 0;
	clv_status status = clv_verify_options_new(out, err);

	if (status == CLV_OK)
		status = clv_verify_options_set_role(*out,
		    https      ? CLV_VERIFY_HTTPS
			: user ? CLV_VERIFY_USER
			       : CLV_VERIFY_APPLICATION,
		    err);
	if (status == CLV_OK && !user)
		status =
		    clv_verify_options_set_validation(*out, SUPPRESSIBLE, err);
	return status;
}

clv_status
clv_txn_verify(clv_txn *txn, size_t index, const uint8_t *der, size_t size,
    clv_error **err)
{
	const struct clv_config *config = &txn->application->config;
	const char *group = config->groups[config->slots[index].group].name;
	clv_verify_options *options = NULL;
	clv_trust_snapshot *snapshot = NULL;
	struct clv_txn_list *list = NULL;
	clv_status status;

	if ((status = clv_lists_get(
		 &txn->lists, txn->application, group, &list, err)) == CLV_OK &&
	    (status = clv_lists_snapshot(list, &snapshot, err)) == CLV_OK &&
	    (status = make_options(group, &options, err)) == CLV_OK)
		status = clv_verify(snapshot, der, size, options, NULL, err);
	clv_verify_options_free(&options);
	clv_trust_snapshot_free(&snapshot);
	return status;
}

void
clv_txn_set_verify(clv_txn *txn, bool verify)
{
	txn->verify = verify;
}
