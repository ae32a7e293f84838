/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Claviger, and the public-key operations that nobody can do without. */

#include "bench_verify.h"

#include "trust/public_key.h"
#include "trust/signature.h"
#include "trust/snapshot.h"

#include <openssl/evp.h>

/*
 * Claviger
 */

struct claviger {
	struct clv_trust_engine *engine;
	clv_trust_snapshot *snapshot;
	clv_verify_options *options;
};

static void
add(struct clv_trust_builder *builder, const struct bytes *bytes,
    enum clv_trust_where where)
{
	struct clv_trust_cert *cert = NULL;

	bench_must(clv_trust_cert_parse(bytes->data, bytes->size,
		       "trusted/certs/Device 00000000 [0123456789].der", NULL,
		       &cert, NULL) == CLV_OK);
	bench_must(
	    clv_trust_builder_add_cert(builder, cert, where, NULL) == CLV_OK);
	clv_trust_cert_unref(cert);
}

static void
fill(struct clv_trust_builder *builder, const struct bench_plant *plant)
{
	bench_must(clv_trust_builder_reserve(builder,
		       plant->list_size + BENCH_PEERS, NULL) == CLV_OK);
	for (size_t i = 0; i < plant->list_size; i++)
		add(builder, &plant->listed[i], CLV_TRUST_TRUSTED);
	for (size_t i = 0; plant->chain == 1 && i < BENCH_PEERS; i++)
		add(builder, &plant->peers[i], CLV_TRUST_TRUSTED);
	if (plant->chain == 3 && !plant->sent)
		add(builder, &plant->middles[0], CLV_TRUST_ISSUER);
	for (size_t i = 0; i < plant->crl_count; i++) {
		struct clv_trust_crl *crl = NULL;

		bench_must(
		    clv_trust_crl_parse(plant->crls[i].data,
			plant->crls[i].size, "x.crl", &crl, NULL) == CLV_OK);
		bench_must(clv_trust_builder_add_crl(builder, crl,
			       CLV_TRUST_TRUSTED, NULL) == CLV_OK);
		clv_trust_crl_unref(crl);
	}
}

static bool
claviger_open(const struct bench_plant *plant, void **state)
{
	struct claviger *claviger = calloc(1, sizeof(*claviger));
	struct clv_trust_builder *builder = NULL;

	bench_must(claviger != NULL);
	bench_must(clv_trust_engine_new(&claviger->engine, NULL) == CLV_OK);
	bench_must(clv_trust_builder_new(
		       claviger->engine, NULL, &builder, NULL) == CLV_OK);
	fill(builder, plant);
	bench_must(clv_trust_builder_finish(
		       &builder, &claviger->snapshot, NULL) == CLV_OK);
	bench_must(clv_verify_options_new(&claviger->options, NULL) == CLV_OK);
	clv_verify_options_set_time(claviger->options, FORGE_NOW);
	bench_must(clv_verify_options_set_validation(claviger->options,
		       plant->crl_size > 0 ? CLV_VALIDATION_DEFAULT : 0,
		       NULL) == CLV_OK);
	*state = claviger;
	return true;
}

static bool
claviger_check(void *state, const struct bench_plant *plant, size_t peer)
{
	const struct claviger *claviger = state;
	clv_verdict *verdict = NULL;
	const clv_status status =
	    clv_verify(claviger->snapshot, plant->messages[peer].data,
		plant->messages[peer].size, claviger->options, &verdict, NULL);

	clv_verdict_free(&verdict);
	return status == CLV_OK;
}

static void
claviger_forget(void *state)
{
	const struct claviger *claviger = state;

	clv_trust_engine_forget(claviger->engine);
}

static void
claviger_close(void *state)
{
	struct claviger *claviger = state;

	clv_verify_options_free(&claviger->options);
	clv_trust_snapshot_unref(claviger->snapshot);
	clv_trust_engine_unref(claviger->engine);
	free(claviger);
}

const struct bench_way bench_claviger = {
    .name = "claviger",
    .open = claviger_open,
    .check = claviger_check,
    .forget = claviger_forget,
    .close = claviger_close,
};

/*
 * The floor: EVP_DigestVerify() for the leaf's signature, and for that of a CA
 * that the peer sent. Those of CAs in the list have been checked before, and
 * their keys are ready; a key that comes with the message is made first, as
 * fast as OpenSSL can.
 */

struct operation {
	EVP_PKEY *key; /* NULL: to be made of `brings` */
	struct clv_trust_cert *brings;
	struct clv_trust_cert *cert;
};

struct floor {
	struct operation operations[BENCH_PEERS][2];
	size_t count;
};

static struct clv_trust_cert *
parse(const struct bytes *bytes)
{
	struct clv_trust_cert *cert = NULL;

	bench_must(clv_trust_cert_parse(bytes->data, bytes->size, NULL, NULL,
		       &cert, NULL) == CLV_OK);
	return cert;
}

static void
set_operations(struct operation operations[2], const struct bench_plant *plant,
    size_t peer)
{
	operations[0].cert = parse(&plant->peers[peer]);
	if (plant->chain == 1)
		operations[0].brings = clv_trust_cert_ref(operations[0].cert);
	else if (plant->sent)
		operations[0].brings = parse(&plant->middles[peer]);
	else
		operations[0].key = forge_key(
		    plant->chain == 2 ? FORGE_RSA2048_A : FORGE_RSA2048_B);
	if (plant->sent) {
		operations[1].cert = parse(&plant->middles[peer]);
		operations[1].key = forge_key(FORGE_RSA2048_A);
	}
}

static bool
floor_open(const struct bench_plant *plant, void **state)
{
	struct floor *ground = calloc(1, sizeof(*ground));

	bench_must(ground != NULL);
	ground->count = plant->sent ? 2 : 1;
	for (size_t i = 0; i < BENCH_PEERS; i++)
		set_operations(ground->operations[i], plant, i);
	*state = ground;
	return true;
}

static bool
verify(const struct operation *operation)
{
	const struct clv_trust_cert *cert = operation->cert;
	EVP_PKEY *made = operation->key == NULL
	    ? clv_public_key_make(operation->brings)
	    : NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const bool holds = context != NULL &&
	    EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL,
		made != NULL ? made : operation->key) == 1 &&
	    EVP_DigestVerify(context, cert->der + cert->signature.at,
		cert->signature.size, cert->der + cert->tbs.at,
		cert->tbs.size) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(made);
	return holds;
}

static bool
floor_check(void *state, const struct bench_plant *plant, size_t peer)
{
	const struct floor *ground = state;
	bool holds = true;

	(void)plant;
	for (size_t i = 0; i < ground->count; i++)
		holds &= verify(&ground->operations[peer][i]);
	return holds;
}

static void
floor_close(void *state)
{
	struct floor *ground = state;

	for (size_t i = 0; i < BENCH_PEERS; i++)
		for (size_t k = 0; k < ground->count; k++) {
			clv_trust_cert_unref(ground->operations[i][k].cert);
			clv_trust_cert_unref(ground->operations[i][k].brings);
		}
	free(ground);
}

const struct bench_way bench_floor = {
    .name = "floor",
    .open = floor_open,
    .check = floor_check,
    .close = floor_close,
};
