/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* PEM: blocks lie within the text; what is decoded and encoded again says the
 * same. */

#include <stdlib.h>

#include "base/pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void
check_within(struct clv_span whole, struct clv_span part)
{
	if (part.data < whole.data || part.size > whole.size ||
	    part.data + part.size > whole.data + whole.size)
		abort();
}

static void
check_again(const clv_secret *der)
{
	clv_secret text = CLV_SECRET_INIT;
	clv_secret back = CLV_SECRET_INIT;
	struct clv_pem_block block;
	struct clv_span rest;

	if (clv_secret_alloc(&text, CLV_PEM_ENCODED(der->size), NULL) != CLV_OK)
		return;
	clv_pem_append(
	    &text, "PRIVATE KEY", (struct clv_span){der->data, der->size});
	rest = (struct clv_span){text.data, text.size};
	if (text.size > text.capacity ||
	    clv_pem_next(&rest, &block) != CLV_PEM_BLOCK ||
	    clv_pem_decode(&block, &back, NULL) != CLV_OK ||
	    !clv_secret_equal(&back, der) ||
	    clv_pem_next(&rest, &block) != CLV_PEM_END)
		abort();
	clv_secret_clear(&back);
	clv_secret_clear(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct clv_span whole = {bytes, size};
	struct clv_span rest = whole;
	struct clv_pem_block block;
	enum clv_pem_found found;
	clv_secret der = CLV_SECRET_INIT;

	while ((found = clv_pem_next(&rest, &block)) != CLV_PEM_END) {
		check_within(whole, rest);
		if (found != CLV_PEM_BLOCK)
			continue;
		check_within(whole, block.label);
		check_within(whole, block.headers);
		check_within(whole, block.body);
		if (clv_pem_decode(&block, &der, NULL) == CLV_OK)
			check_again(&der);
	}
	clv_secret_clear(&der);
	return 0;
}
