/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Lists in memory, of forged certificates, to verify others against. */
#ifndef CLV_TEST_VERIFY_FIXTURE_H
#define CLV_TEST_VERIFY_FIXTURE_H

#include "testing.h"

#include "fixtures/hostile/hostile.h"

#include "trust/snapshot.h"

struct plant {
	struct clv_trust_engine *engine;
	struct clv_trust_builder *builder;
	clv_trust_snapshot *snapshot;
	clv_verify_options *options;
};

/* An empty one that is not ready, at the time FORGE_NOW. */
struct plant plant_begin(void);
/* These free `bytes`. */
void plant_add(struct plant *plant, struct bytes bytes, const char *file,
    enum clv_trust_where where);
void plant_add_crl(struct plant *plant, struct bytes bytes, const char *file);
void plant_ready(struct plant *plant);
void plant_end(struct plant *plant);

/* One with a CA and its CRL that lists `revoked` (0: nobody); ready. */
struct plant plant_with_ca(uint64_t revoked);

clv_statuscode plant_status(const struct plant *plant, struct bytes message);
const clv_finding *verdict_find(
    clv_verdict *verdict, clv_verify_step step, unsigned depth);

#endif
