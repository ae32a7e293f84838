/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Instead of attached.c, without libp11: Cryptoki does it all. */

#include "attached.h"

static char nothing;

struct PKCS11_ctx_st *
clv_p11_attach(const char *path)
{
	(void)path;
	return (struct PKCS11_ctx_st *)(void *)&nothing;
}

void
clv_p11_detach(struct PKCS11_ctx_st *libp11)
{
	(void)libp11;
}

bool
clv_p11_attached_places(
    struct PKCS11_ctx_st *libp11, struct p11_place **places, size_t *count)
{
	(void)libp11;
	(void)places;
	(void)count;
	return false;
}
