/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Keys and their workers: making them, freeing them, telling about them. */

#include "internal.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/crypto.h"

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "open key"}, "out of memory");
}

static struct worker *
worker_new(clv_error **err)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (worker == NULL) {
		(void)no_memory(err);
		return NULL;
	}
	if (clv_private_stack_alloc(&worker->stack, err) != CLV_OK) {
		free(worker);
		return NULL;
	}
	return worker;
}

static void
free_contexts(void *argument)
{
	struct worker *worker = argument;

	for (size_t i = 0; i < READY_MAX; i++) {
		EVP_PKEY_CTX_free(worker->ready[i].context);
		EVP_MD_CTX_free(worker->ready[i].digest);
	}
}

void
clv_soft_worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	clv_private_stack_run(&worker->stack, free_contexts, worker);
	clv_private_stack_free(&worker->stack);
	free(worker);
}

clv_status
clv_soft_worker_take(
    struct clv_soft_key *key, struct worker **out, clv_error **err)
{
	for (size_t i = 0; i < IDLE_MAX; i++) {
		if (atomic_load_explicit(&key->idle[i], memory_order_relaxed) ==
		    NULL)
			continue;
		*out = atomic_exchange(&key->idle[i], NULL);
		if (*out != NULL)
			return CLV_OK;
	}
	*out = worker_new(err);
	return *out != NULL ? CLV_OK : CLV_NO_MEMORY;
}

void
clv_soft_worker_return(struct clv_soft_key *key, struct worker *worker)
{
	for (size_t i = 0; i < IDLE_MAX; i++) {
		struct worker *nobody = NULL;

		if (atomic_compare_exchange_strong(
			&key->idle[i], &nobody, worker))
			return;
	}
	clv_soft_worker_free(worker);
}

/* A key on its way from bytes. */
struct loading {
	const clv_secret *pkcs8;
	struct clv_soft_key *key;
	clv_error **err;
	clv_status status;
};

static clv_status
find_point(struct clv_private_key *numbers, uint8_t *point,
    const struct clv_soft_key *key, clv_error **err)
{
	size_t size = CLV_POINT_MAX;

	/* A PrivateKeyInfo of EdDSA does not hold it. */
	if (numbers->kind->family == CLV_FAMILY_ED) {
		if (EVP_PKEY_get_raw_public_key(key->pkey, point, &size) != 1)
			return clv_crypto_raise(
			    err, CLV_INTERNAL, "open key", "OpenSSL failed");
		numbers->point = (struct clv_span){point, size};
	}
	return CLV_OK;
}

static clv_status
load(const clv_secret *pkcs8, struct clv_soft_key *key, clv_error **err)
{
	const struct clv_span der = {pkcs8->data, pkcs8->size};
	struct clv_private_key numbers;
	uint8_t point[CLV_POINT_MAX];
	struct clv_span bits;
	clv_status status = clv_private_key_parse(der, &numbers, err);

	if (status != CLV_OK)
		return status;
	key->pkey = clv_soft_load(&numbers);
	if (key->pkey == NULL)
		return clv_crypto_raise(err, CLV_INTERNAL, "open key",
		    "OpenSSL does not take the key");
	status = find_point(&numbers, point, key, err);
	if (status != CLV_OK)
		return status;
	key->algorithm = numbers.algorithm;
	key->family = numbers.kind->family;
	key->signature_size = numbers.kind->family == CLV_FAMILY_RSA
	    ? numbers.rsa[CLV_RSA_N].size
	    : 2 * numbers.kind->secret_size;
	key->public_key_size =
	    clv_public_key_write(&numbers, key->public_key, &bits);
	if (!clv_public_key_id(bits, key->id))
		return clv_crypto_raise(
		    err, CLV_INTERNAL, "open key", "OpenSSL can't hash");
	return CLV_OK;
}

static void
run_load(void *argument)
{
	struct loading *loading = argument;

	(void)ERR_set_mark();
	if (clv_crypto_context() == NULL)
		loading->status = no_memory(loading->err);
	else
		loading->status =
		    load(loading->pkcs8, loading->key, loading->err);
	(void)ERR_pop_to_mark();
}

clv_status
clv_soft_key_new(
    const clv_secret *pkcs8, struct clv_soft_key **out, clv_error **err)
{
	struct clv_soft_key *key = calloc(1, sizeof(*key));
	struct loading loading = {.pkcs8 = pkcs8, .key = key, .err = err};
	struct worker *worker;

	*out = NULL;
	if (key == NULL)
		return no_memory(err);
	worker = worker_new(err);
	if (worker == NULL) {
		free(key);
		return CLV_NO_MEMORY;
	}
	clv_private_stack_run(&worker->stack, run_load, &loading);
	key->protection = clv_secret_protection(&worker->stack.memory);
	/* Kept, so that freeing the key needs no memory. */
	atomic_init(&key->idle[0], worker);
	if (loading.status != CLV_OK)
		clv_soft_key_free(&key);
	*out = key;
	return loading.status;
}

static void
free_pkey(void *argument)
{
	EVP_PKEY_free(argument);
}

void
clv_soft_key_free(struct clv_soft_key **key)
{
	struct clv_soft_key *last;
	bool freed = false;

	if (key == NULL || *key == NULL)
		return;
	last = *key;
	*key = NULL;
	/* With the last of its references, which contexts hold, the key goes;
	 * so that is done on a worker's stack, too. */
	for (size_t i = 0; i < IDLE_MAX; i++) {
		struct worker *worker = atomic_load(&last->idle[i]);

		if (worker != NULL && !freed) {
			clv_private_stack_run(
			    &worker->stack, free_pkey, last->pkey);
			freed = true;
		}
		clv_soft_worker_free(worker);
	}
	free(last);
}

void
clv_soft_key_public(const struct clv_soft_key *key, struct clv_soft_public *out)
{
	*out = (struct clv_soft_public){.algorithm = key->algorithm,
	    .der = key->public_key,
	    .size = key->public_key_size,
	    .id = key->id,
	    .id_size = sizeof(key->id)};
}

unsigned
clv_soft_key_protection(const struct clv_soft_key *key)
{
	return key->protection;
}
