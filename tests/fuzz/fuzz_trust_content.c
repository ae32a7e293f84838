/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Files in a TrustList's directories: what is accepted lies within the file
 * or its decoded blocks, and is a whole SEQUENCE. */

#include <stdlib.h>

#include "trust/content.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct clv_content content;

	if (clv_content_parse(bytes, size, "fuzz", &content, NULL) != CLV_OK)
		return 0;
	for (size_t i = 0; i < content.count; i++) {
		const struct clv_content_item *item = &content.items[i];

		if (clv_content_sequence_size(item->der, item->size) !=
		    item->size)
			abort();
	}
	clv_content_clear(&content);
	return 0;
}
