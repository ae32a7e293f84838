/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* libp11's part of the work; see backend.c for why it is no larger. */
#ifndef CLV_PKCS11_ATTACHED_H
#define CLV_PKCS11_ATTACHED_H

#include "place.h"

struct PKCS11_ctx_st;

/*
 * Attaches libp11 to a module that is initialised already. NULL if the module
 * does not take it. Never unloaded: libp11 would finalise it for everybody.
 */
struct PKCS11_ctx_st *clv_p11_attach(const char *path);
void clv_p11_detach(struct PKCS11_ctx_st *libp11);

/*
 * All slots with a token. False where libp11 does not get through, as it gives
 * up at the first slot in trouble. All sessions are closed behind it. Free
 * `*places` with free().
 */
bool clv_p11_attached_places(
    struct PKCS11_ctx_st *libp11, struct p11_place **places, size_t *count);

#endif
