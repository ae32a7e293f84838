/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_PKCS11_STORE_H
#define CLV_PKCS11_STORE_H

#include <claviger/backend.h>

#include "selector.h"
#include "token.h"

struct p11_store {
	clv_host *host;
	clv_uri *uri;
	struct p11_selector selector; /* of `uri` */
	struct p11_module *module;
	struct p11_token *token;
	unsigned capabilities;
};

clv_status clv_p11_store_open(clv_host *host, const clv_uri *uri, bool of_key,
    void **out, clv_error **err);
void clv_p11_store_close(void *store);
unsigned clv_p11_store_capabilities(void *store);

#endif
