/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_TESTS_ISSUE_H
#define CLV_TESTS_ISSUE_H

#include <claviger/key.h>

#include <stddef.h>
#include <stdint.h>

/*
 * The certificate `der`, with another issuer: one who has `key`, and the
 * certificate `issuer_der`. To be freed with free(); a failure ends the
 * program.
 */
uint8_t *issue_again(const uint8_t *der, size_t size, clv_key *key,
    const uint8_t *issuer_der, size_t issuer_size, size_t *made_size);

#endif
