/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/span.h"

bool
clv_span_take_line(struct clv_span *rest, char *line, size_t capacity)
{
	const uint8_t *end =
	    rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
	size_t size;

	if (end == NULL)
		return false;
	size = (size_t)(end - rest->data);
	if (size >= capacity || memchr(rest->data, '\0', size) != NULL)
		return false;
	memcpy(line, rest->data, size);
	line[size] = '\0';
	rest->data += size + 1;
	rest->size -= size + 1;
	return true;
}
