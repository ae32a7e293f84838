/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "verify_fixture.h"

#include "trust/signature.h"

void
plant_add(struct plant *plant, struct bytes bytes, const char *file,
    enum clv_trust_where where)
{
	struct clv_trust_cert *cert = NULL;

	assert_ok(clv_trust_cert_parse(
	    bytes.data, bytes.size, file, NULL, &cert, &err));
	assert_ok(
	    clv_trust_builder_add_cert(plant->builder, cert, where, &err));
	clv_trust_cert_unref(cert);
	forge_clear(&bytes);
}

void
plant_add_crl(struct plant *plant, struct bytes bytes, const char *file)
{
	struct clv_trust_crl *crl = NULL;

	assert_ok(
	    clv_trust_crl_parse(bytes.data, bytes.size, file, &crl, &err));
	assert_ok(clv_trust_builder_add_crl(
	    plant->builder, crl, CLV_TRUST_TRUSTED, &err));
	clv_trust_crl_unref(crl);
	forge_clear(&bytes);
}

struct plant
plant_begin(void)
{
	struct plant plant = {NULL, NULL, NULL, NULL};

	assert_ok(clv_trust_engine_new(&plant.engine, &err));
	assert_ok(
	    clv_trust_builder_new(plant.engine, NULL, &plant.builder, &err));
	assert_ok(clv_verify_options_new(&plant.options, &err));
	clv_verify_options_set_time(plant.options, FORGE_NOW);
	return plant;
}

void
plant_ready(struct plant *plant)
{
	assert_ok(
	    clv_trust_builder_finish(&plant->builder, &plant->snapshot, &err));
}

void
plant_end(struct plant *plant)
{
	clv_trust_builder_free(&plant->builder);
	clv_trust_snapshot_unref(plant->snapshot);
	clv_trust_engine_unref(plant->engine);
	clv_verify_options_free(&plant->options);
}

struct plant
plant_with_ca(uint64_t revoked)
{
	struct plant plant = plant_begin();
	const uint64_t serials[] = {revoked, 0};

	plant_add(
	    &plant, hostile_ca(), "trusted/certs/ca.der", CLV_TRUST_TRUSTED);
	plant_add_crl(&plant,
	    forge_list(.issuer = "CN=ca,O=Plant", .signer = FORGE_P256_B,
		.serials = serials),
	    "trusted/crl/ca.crl");
	plant_ready(&plant);
	return plant;
}

clv_statuscode
plant_status(const struct plant *plant, struct bytes message)
{
	clv_verdict *verdict = NULL;
	clv_statuscode status;

	(void)!clv_verify(plant->snapshot, message.data, message.size,
	    plant->options, &verdict, NULL);
	assert_non_null(verdict);
	status = clv_verdict_status(verdict);
	clv_verdict_free(&verdict);
	return status;
}

const clv_finding *
verdict_find(clv_verdict *verdict, clv_verify_step step, unsigned depth)
{
	for (size_t i = 0; i < clv_verdict_count(verdict); i++) {
		const clv_finding *finding = clv_verdict_finding(verdict, i);

		if (finding->step == step && finding->depth == depth)
			return finding;
	}
	fail_msg("no finding of step %d", (int)step);
	return NULL;
}
