/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the files of the software key engine share. */
#ifndef CLV_BACKENDS_SOFT_INTERNAL_H
#define CLV_BACKENDS_SOFT_INTERNAL_H

#include "soft.h"

#include <stdatomic.h>

#include <openssl/types.h>

#include "base/private_key.h"
#include "base/private_stack.h"

/* How many workers wait for their next turn at most. */
#define IDLE_MAX 16U
/* How many mechanisms one worker keeps ready. */
#define READY_MAX 8U

/* OpenSSL's contexts for one mechanism, initialised and used again and again:
 * making them costs more than a signature of P-256. */
struct ready {
	struct clv_mechanism mechanism;
	EVP_PKEY_CTX *context;
	EVP_MD_CTX *digest; /* instead, for EdDSA */
};

/* What one thread at a time needs to use a key. */
struct worker {
	struct clv_private_stack stack;
	struct ready ready[READY_MAX];
	size_t count; /* contexts made so far */
};

struct clv_soft_key {
	clv_algorithm algorithm;
	clv_family family;
	size_t signature_size;
	EVP_PKEY *pkey;
	uint8_t public_key[CLV_SPKI_MAX];
	size_t public_key_size;
	uint8_t id[CLV_KEY_ID_SIZE];
	_Atomic(struct worker *) idle[IDLE_MAX];
	unsigned protection;
};

/* OpenSSL's parameters hold numbers in the machine's byte order. */
static inline bool
clv_machine_is_little_endian(void)
{
	const uint16_t one = 1;

	return *(const uint8_t *)&one == 1;
}

/* What OpenSSL calls the numbers of an RSA key. */
extern const char *const clv_soft_rsa_names[CLV_RSA_NUMBERS];

/* Makes the EVP_PKEY from the key's numbers; NULL if OpenSSL fails. */
EVP_PKEY *clv_soft_load(const struct clv_private_key *numbers);

/* Gets a worker that nobody else uses, and gives it back. */
clv_status clv_soft_worker_take(
    struct clv_soft_key *key, struct worker **out, clv_error **err);
void clv_soft_worker_return(struct clv_soft_key *key, struct worker *worker);
void clv_soft_worker_free(struct worker *worker);

/* The contexts for a mechanism, made if they are not there yet; NULL if
 * OpenSSL fails. To be called on the worker's stack. */
struct ready *clv_soft_ready(const struct clv_soft_key *key,
    struct worker *worker, const struct clv_mechanism *mechanism);

#endif
