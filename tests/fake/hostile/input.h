/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the bytes of the input mean. */
#ifndef CLV_FAKE_HOSTILE_INPUT_H
#define CLV_FAKE_HOSTILE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p11-kit/pkcs11.h>

void input_set(const uint8_t *data, size_t size);

/* At each call, first: the return value. CKR_OK for the smaller three quarters
 * of a byte's values. */
CK_RV input_verdict(void);
size_t input_calls(void);
size_t input_calls_at_end(void);

/* A number, mostly the honest one. */
CK_ULONG input_number(CK_ULONG honest);

/* Leaves the bytes as they are, mostly. */
void input_spoil(void *bytes, size_t size);

/* True for few bytes: where there is something else to get wrong. */
bool input_wants_lie(void);

#endif
