/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* TSS2 PRIVATE KEY files: what is read can be written and read again as the
 * same. */

#include <stdlib.h>
#include <string.h>

#include "../../backends/tpm2/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool
same(const struct clv_tpm_keyfile *a, const struct clv_tpm_keyfile *b)
{
	return a->kind == b->kind && a->empty_auth == b->empty_auth &&
	    a->parent == b->parent &&
	    a->parent_name.size == b->parent_name.size &&
	    memcmp(a->parent_name.name, b->parent_name.name,
		a->parent_name.size) == 0 &&
	    a->private_area.size == b->private_area.size &&
	    memcmp(a->private_area.buffer, b->private_area.buffer,
		a->private_area.size) == 0 &&
	    a->public_area.size == b->public_area.size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static bool silenced;
	struct clv_tpm_keyfile file, again;
	char *text = NULL;
	size_t text_size = 0;

	if (!silenced)
		silenced = setenv("TSS2_LOG", "all+NONE", 1) == 0;
	(void)clv_tpm_keyfile_recognise(bytes, size);
	if (clv_tpm_keyfile_parse(bytes, size, NULL, &file, NULL) != CLV_OK)
		return 0;
	if (clv_tpm_keyfile_format(&file, &text, &text_size, NULL) != CLV_OK ||
	    clv_tpm_keyfile_parse(text, text_size, NULL, &again, NULL) !=
		CLV_OK ||
	    !same(&file, &again))
		abort();
	free(text);
	return 0;
}
