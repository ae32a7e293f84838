/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* OpenSSL without openssl.cnf and without what the application did to
 * OpenSSL's global state. */
#ifndef CLV_BASE_CRYPTO_H
#define CLV_BASE_CRYPTO_H

#include <claviger/error.h>

#include <openssl/types.h>

/*
 * The library context that holds our keys and contexts, with the default
 * provider. NULL if memory ran out; trying again can help. Any thread.
 *
 * It is made at first use and lives until the process ends: in OpenSSL 3.0
 * every thread that drew random numbers in a library context refers to it
 * until that thread ends, so freeing it while such threads live makes them
 * crash at their end. What is freed must not have been used for random
 * numbers (signing, blinding, EC arithmetic) outside the freeing thread.
 */
OSSL_LIB_CTX *clv_crypto_context(void);

/* Raises an error with the code of the newest entry in OpenSSL's error queue.
 * The queue is left to the caller's ERR_set_mark() and ERR_pop_to_mark(). */
clv_status clv_crypto_raise(clv_error **err, clv_status status,
    const char *operation, const char *reason);

#endif
