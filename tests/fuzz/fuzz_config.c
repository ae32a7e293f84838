/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* claviger.conf: what is accepted is written so that it reads the same. */

#include <stdlib.h>
#include <string.h>

#include "application/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct clv_config config;
	struct clv_config again;
	char *first = NULL;
	char *second = NULL;
	size_t first_size = 0;
	size_t second_size = 0;

	if (size > CLV_CONFIG_MAX ||
	    clv_config_parse("fuzz", bytes, size, &config, NULL) != CLV_OK)
		return 0;
	if (clv_config_print(&config, &first, &first_size, NULL) != CLV_OK ||
	    clv_config_parse("fuzz", first, first_size, &again, NULL) !=
		CLV_OK ||
	    clv_config_print(&again, &second, &second_size, NULL) != CLV_OK ||
	    first_size != second_size || memcmp(first, second, first_size) != 0)
		abort();
	clv_config_clear(&config);
	clv_config_clear(&again);
	free(first);
	free(second);
	return 0;
}
