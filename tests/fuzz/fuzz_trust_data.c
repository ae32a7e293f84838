/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* TrustListDataType: whatever is accepted is written again byte for byte. */

#include <stdlib.h>
#include <string.h>

#include <claviger/trust_data.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void
read_all(const clv_trust_data *data)
{
	static volatile uint8_t sink;

	for (unsigned list = 1; list < CLV_TRUST_ALL_LISTS; list <<= 1)
		for (size_t i = 0;
		     i < clv_trust_data_count(data, (clv_trust_mask)list);
		     i++) {
			size_t length = 0;
			const uint8_t *entry = clv_trust_data_entry(
			    data, (clv_trust_mask)list, i, &length);

			for (size_t k = 0; k < length; k++)
				sink = (uint8_t)(sink ^ entry[k]);
		}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	clv_trust_data *data = NULL;
	uint8_t *again;
	size_t written = 0;

	if (clv_trust_data_decode(bytes, size, NULL, &data, NULL) != CLV_OK)
		return 0;
	read_all(data);
	again = malloc(size);
	if (again == NULL ||
	    clv_trust_data_encode(data, again, size, &written, NULL) !=
		CLV_OK ||
	    written != size || memcmp(again, bytes, size) != 0)
		abort();
	free(again);
	clv_trust_data_free(&data);
	return 0;
}
