/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Object identifiers of password-based encryption. */
#ifndef CLV_BASE_PBES2_NAMES_H
#define CLV_BASE_PBES2_NAMES_H

#include "base/span.h"

extern const struct clv_span clv_oid_pbes2;
extern const struct clv_span clv_oid_scrypt;
extern const struct clv_span clv_oid_aes256_cbc;

#endif
