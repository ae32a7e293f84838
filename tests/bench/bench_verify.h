/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What is measured by bench-verify, and by whom. */
#ifndef CLV_BENCH_VERIFY_H
#define CLV_BENCH_VERIFY_H

#include "fixtures/hostile/forge.h"

#include <stdio.h>
#include <stdlib.h>

#define BENCH_PEERS 32U

/*
 * A plant: a list of `list_size` self-signed certificates, the chain's root
 * among them, and peers whose chains are all `chain` long. All keys are RSA
 * with 2048 bits.
 */
struct bench_plant {
	size_t list_size;
	unsigned chain;  /* 1: self-signed and listed; 2; 3 */
	size_t crl_size; /* entries of each CRL; 0: no CRL, none asked for */
	bool sent;       /* of a chain of 3 the peer sends the CA between */

	struct bytes *listed; /* list_size of them; [0] is the root */
	/* The CA between; the first is in the list unless they are sent. Of
	 * one key, but each peer's is another certificate. */
	struct bytes middles[BENCH_PEERS];
	struct bytes crls[2];
	size_t crl_count;
	struct bytes peers[BENCH_PEERS];
	struct bytes messages[BENCH_PEERS]; /* with the CA between, if sent */
};

void bench_plant_make(struct bench_plant *plant);
void bench_plant_clear(struct bench_plant *plant);

/* Somebody who checks. `open` loads the list; false: can't, or not in the
 * time that is left. `check` says whether the peer is trusted. */
struct bench_way {
	const char *name;
	bool (*open)(const struct bench_plant *plant, void **state);
	bool (*check)(
	    void *state, const struct bench_plant *plant, size_t peer);
	/* Before a round in which nothing may be remembered; or NULL. */
	void (*forget)(void *state);
	void (*close)(void *state);
};

extern const struct bench_way bench_floor; /* public-key operations alone */
extern const struct bench_way bench_claviger;
extern const struct bench_way bench_store;         /* X509_STORE, all loaded */
extern const struct bench_way bench_folder;        /* X509_LOOKUP hash_dir */
extern const struct bench_way *const bench_gnutls; /* NULL: not built */

/* Seconds that one `open` may take. */
extern double bench_patience;

#define bench_must(condition)                                              \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #condition);                                   \
			exit(1);                                           \
		}                                                          \
	} while (0)

#endif
