/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Signatures a second with a key in a file: by OpenSSL as most programs use
 * it, with contexts made for each signature; by clv_key_sign(); and in one
 * other way. Only the ratios mean something on another machine.
 *
 * The three take turns, so that a busy machine is busy for all; the median of
 * the rounds counts.
 */
#ifndef CLV_BENCH_SIGNING_H
#define CLV_BENCH_SIGNING_H

#include <claviger/key.h>

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

enum signing_way { PLAIN, OTHER, DIRECT, WAYS };

struct subject {
	clv_algorithm algorithm;
	clv_scheme scheme;
	EVP_PKEY *pkey;    /* OpenSSL's own */
	clv_key *key;      /* the same in a file */
	EVP_PKEY *through; /* of `open` below; freed with the others */
};

/* The other way, and what is told about the three. */
struct contest {
	/* May be NULL. */
	clv_status (*open)(struct subject *subject, clv_error **err);
	/* What a thread needs of its own; NULL on failure. All threads have
	 * it, whichever way they go. */
	void *(*thread_open)(const struct subject *subject);
	bool (*sign)(void *thread);
	void (*thread_close)(void *thread);

	const char *heading;
	struct {
		enum signing_way dividend, divisor;
	} ratios[2];
};

extern const unsigned char signing_message[256];

/* A signature with SHA-256, and contexts made for it. */
bool signing_with_pkey(EVP_PKEY *pkey);

/* The whole program: PROGRAM [SECONDS-A-ROUND [ROUNDS]]. */
int signing_main(const struct contest *contest, int argc, char **argv);

#endif
