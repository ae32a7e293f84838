/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* consumer DIRECTORY: makes a key there and signs with it. */

#include <claviger/claviger.h>

#include <stdio.h>

int
main(int argc, char **argv)
{
	clv_context *context = NULL;
	clv_store *store = NULL;
	clv_key *key = NULL;
	clv_error *err = NULL;
	unsigned char signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	if (argc != 2)
		return 2;
	if (clv_context_new(&context, &err) == CLV_OK &&
	    clv_store_open(context, argv[1], &store, &err) == CLV_OK &&
	    clv_key_generate(store, CLV_EC_P256, NULL, &key, &err) == CLV_OK &&
	    clv_key_sign(key, CLV_ECDSA_SHA256, "message", 7, signature, &size,
		&err) == CLV_OK)
		printf("claviger %s signed %zu bytes with %s\n", clv_version(),
		    size, clv_key_uri(key));
	else
		fprintf(stderr, "%s\n", clv_error_message(err));
	clv_key_free(&key);
	clv_store_free(&store);
	clv_context_free(&context);
	if (err == NULL)
		return 0;
	clv_error_free(&err);
	return 1;
}
