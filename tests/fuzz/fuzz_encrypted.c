/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Encrypted private keys, with the password "fuzz". Those that ask for much
 * work are only looked at, so that the fuzzer gets on. */

#include <stdlib.h>

#include "base/pbes2.h"
#include "base/pkcs8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct asking {
	bool costs_too_much;
};

static clv_status
give_password(
    void *user, unsigned attempt, clv_secret *password, clv_error **err)
{
	const struct asking *asking = user;

	if (asking->costs_too_much || attempt > 1)
		return clv_error_raise(err, CLV_CANCELLED, NULL, "cancelled");
	return clv_secret_set(password, "fuzz", 4, err);
}

static bool
costs_too_much(const clv_secret *der)
{
	struct clv_pbes2 scheme;
	struct clv_span ciphertext;

	if (clv_pbes2_parse((struct clv_span){der->data, der->size}, &scheme,
		&ciphertext, NULL) != CLV_OK)
		return false;
	return scheme.iterations > 1000 ||
	    scheme.scrypt.n * scheme.scrypt.r * scheme.scrypt.p > 1024;
}

/* The same for the first block of PEM that is an encrypted key. */
static bool
text_costs_too_much(const clv_secret *input)
{
	struct clv_span rest = {input->data, input->size};
	struct clv_pem_block block;
	clv_secret der = CLV_SECRET_INIT;
	enum clv_pem_found found;
	bool much = false;

	while ((found = clv_pem_next(&rest, &block)) != CLV_PEM_END && !much)
		if (found == CLV_PEM_BLOCK &&
		    clv_pem_decode(&block, &der, NULL) == CLV_OK)
			much = costs_too_much(&der);
	clv_secret_clear(&der);
	return much;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct clv_pkcs8_facts facts;
	struct asking asking;
	clv_secret input = CLV_SECRET_INIT;
	clv_secret output = CLV_SECRET_INIT;
	clv_error *err = NULL;
	clv_status status;

	if (clv_secret_set(&input, bytes, size, NULL) != CLV_OK)
		return 0;
	asking.costs_too_much =
	    costs_too_much(&input) || text_costs_too_much(&input);
	status = clv_pkcs8_read(
	    &input, give_password, &asking, &output, &facts, &err);
	if ((status == CLV_OK) != (output.data != NULL) ||
	    status == CLV_INTERNAL)
		abort();
	clv_error_free(&err);
	clv_secret_clear(&output);
	clv_secret_clear(&input);
	return 0;
}
