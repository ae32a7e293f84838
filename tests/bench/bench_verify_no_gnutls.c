/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "bench_verify.h"

const struct bench_way *const bench_gnutls = NULL;
