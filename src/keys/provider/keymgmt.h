/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_KEYS_PROVIDER_KEYMGMT_H
#define CLV_KEYS_PROVIDER_KEYMGMT_H

#include "keys/provider/pkey.h"

/* generate.c: new keys are software keys. */
void *clv_generator_new(const struct clv_provider *provider,
    enum clv_pkey_type type, int selection, const OSSL_PARAM *params);
OSSL_FUNC_keymgmt_gen_set_template_fn clv_generator_set_template;
OSSL_FUNC_keymgmt_gen_set_params_fn clv_generator_set_params;
OSSL_FUNC_keymgmt_gen_fn clv_generator_run;
OSSL_FUNC_keymgmt_gen_cleanup_fn clv_generator_free;

#endif
