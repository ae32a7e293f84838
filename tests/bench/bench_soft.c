/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What clv_key_sign() costs against OpenSSL on the same key, in signatures a
 * second: OpenSSL as most programs use it, with contexts made for each
 * signature; OpenSSL at its best, with one context for each thread, used
 * again and again; and clv_key_sign() with the key in a file.
 *
 *     bench-soft [SECONDS-A-ROUND [ROUNDS]]
 */

#include "signing.h"

#include <stdlib.h>

struct best {
	EVP_PKEY_CTX *context;
	EVP_MD *sha256;
};

static void
close_best(void *thread)
{
	struct best *best = thread;

	if (best == NULL)
		return;
	EVP_PKEY_CTX_free(best->context);
	EVP_MD_free(best->sha256);
	free(best);
}

static void *
open_best(const struct subject *subject)
{
	struct best *best = calloc(1, sizeof(*best));

	if (best == NULL)
		return NULL;
	best->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	best->context = EVP_PKEY_CTX_new_from_pkey(NULL, subject->pkey, NULL);
	if (EVP_PKEY_sign_init(best->context) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(best->context, best->sha256) == 1)
		return best;
	close_best(best);
	return NULL;
}

/* Nothing is made or looked up; only what must be done is done. */
static bool
sign_best(void *thread)
{
	const struct best *best = thread;
	unsigned char signature[CLV_SIGNATURE_MAX];
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t size = sizeof(signature);

	return EVP_Digest(signing_message, sizeof(signing_message), digest,
		   NULL, best->sha256, NULL) == 1 &&
	    EVP_PKEY_sign(best->context, signature, &size, digest, 32) == 1;
}

int
main(int argc, char **argv)
{
	static const struct contest contest = {.thread_open = open_best,
	    .sign = sign_best,
	    .thread_close = close_best,
	    .heading = "key threads    OpenSSL       best    clv_key   "
		       "clv/OpenSSL    clv/best",
	    .ratios = {{DIRECT, PLAIN}, {DIRECT, OTHER}}};

	return signing_main(&contest, argc, argv);
}
