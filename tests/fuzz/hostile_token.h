/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* A context, and the module that answers from the input of a fuzzer. Whatever
 * goes wrong here aborts. */
#ifndef CLV_FUZZ_HOSTILE_TOKEN_H
#define CLV_FUZZ_HOSTILE_TOKEN_H

#include <claviger/key.h>

#include <stddef.h>
#include <stdint.h>

/* Of the process; made by the first call. It has a new PIN for each question,
 * but no third one for the same. */
clv_context *hostile_token_context(void);

/* From now on the module answers from these. */
void hostile_token_answers(const uint8_t *bytes, size_t size);
/* Aborts if it was called more often since than an honest one ever is. */
void hostile_token_check(void);

/* Opens the key with this attribute ("": any). */
clv_status hostile_token_open(const char *attribute, clv_key **key);

#endif
