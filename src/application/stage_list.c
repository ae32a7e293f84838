/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Changes of TrustLists in a transaction, before they are committed. */

#include <stdlib.h>
#include <string.h>

#include "application/transaction.h"

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "change TrustList"},
	    "out of memory");
}

static clv_status
stage(
    clv_txn *txn, const char *group, struct clv_txn_wish *wish, clv_error **err)
{
	struct clv_txn_list *list = NULL;
	clv_status status;

	if (txn->ended)
		status = clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "change TrustList",
			.subject = txn->application->directory},
		    "the transaction has ended");
	else
		status = clv_lists_get(
		    &txn->lists, txn->application, group, &list, err);
	if (status == CLV_OK)
		return clv_lists_stage(list, wish, err);
	free(wish->bytes);
	free(wish->thumbprint);
	return status;
}

clv_status
clv_txn_trust_add(clv_txn *txn, const char *group, clv_trust_mask list,
    const void *bytes, size_t size, clv_error **err)
{
	struct clv_txn_wish wish = {
	    .kind = CLV_WISH_ADD, .lists = list, .size = size};

	wish.bytes = malloc(size > 0 ? size : 1);
	if (wish.bytes == NULL)
		return no_memory(err);
	if (size > 0)
		memcpy(wish.bytes, bytes, size);
	return stage(txn, group, &wish, err);
}

clv_status
clv_txn_trust_remove(clv_txn *txn, const char *group, unsigned lists,
    const char *thumbprint, clv_error **err)
{
	struct clv_txn_wish wish = {.kind = CLV_WISH_REMOVE, .lists = lists};

	wish.thumbprint = strdup(thumbprint);
	if (wish.thumbprint == NULL)
		return no_memory(err);
	return stage(txn, group, &wish, err);
}

clv_status
clv_txn_trust_replace(clv_txn *txn, const char *group,
    const clv_trust_data *data, clv_error **err)
{
	struct clv_txn_wish wish = {.kind = CLV_WISH_REPLACE};
	clv_status status;

	wish.size = clv_trust_data_encoded_size(data);
	wish.bytes = malloc(wish.size);
	if (wish.bytes == NULL)
		return no_memory(err);
	status =
	    clv_trust_data_encode(data, wish.bytes, wish.size, &wish.size, err);
	if (status == CLV_OK)
		return stage(txn, group, &wish, err);
	free(wish.bytes);
	return status;
}
