/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_APPLICATION_CHAIN_H
#define CLV_APPLICATION_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include <claviger/error.h>

#define CLV_CHAIN_MAX 10U /* certificates, as Part 4 verifiers allow */

/*
 * Puts the issuers of the certificate `der` in order: `*out` has those of
 * `chain`, concatenated DER, the nearest first and each once, for free().
 * Each must have issued the one before: its name, and its key made the
 * signature. Nothing else is asked of them. `*out` is NULL if there are none.
 * CLV_CORRUPT for what is no certificate, CLV_INVALID for one that issued
 * none of the others; `subject` is whose certificate it is to be.
 */
clv_status clv_chain_order(const char *subject, const uint8_t *der, size_t size,
    const uint8_t *chain, size_t chain_size, uint8_t **out, size_t *out_size,
    clv_error **err);

#endif
