/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What the way through Claviger costs: signatures a second with a key in a
 * file, by OpenSSL alone, through the EVP_PKEY of clv_key_evp(), and by
 * clv_key_sign().
 *
 *     bench-evp [SECONDS-A-ROUND [ROUNDS]]
 */

#include "signing.h"

#include <claviger/openssl.h>

static clv_status
open_pkey(struct subject *subject, clv_error **err)
{
	return clv_key_evp(subject->key, &subject->through, err);
}

/* All threads use the same. */
static void *
borrow_pkey(const struct subject *subject)
{
	return subject->through;
}

static bool
sign_through(void *thread)
{
	return signing_with_pkey(thread);
}

static void
leave_pkey(void *thread)
{
	(void)thread;
}

int
main(int argc, char **argv)
{
	static const struct contest contest = {.open = open_pkey,
	    .thread_open = borrow_pkey,
	    .sign = sign_through,
	    .thread_close = leave_pkey,
	    .heading = "key threads    OpenSSL        EVP    clv_key   "
		       "EVP/OpenSSL clv/OpenSSL",
	    .ratios = {{OTHER, PLAIN}, {DIRECT, PLAIN}}};

	return signing_main(&contest, argc, argv);
}
