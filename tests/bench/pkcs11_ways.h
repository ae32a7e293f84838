/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The ways of signing with a key on a token that are compared. */
#ifndef CLV_BENCH_PKCS11_WAYS_H
#define CLV_BENCH_PKCS11_WAYS_H

#include <stdbool.h>
#include <stddef.h>

/* The token under test: what every way is given. */
struct place {
	const char *module;
	const char *token;
	const char *pin;
	bool rsa; /* else P-256; the keys are called "rsa" and "ec" */
};

/* One way. Everything is called in a process of its own. */
struct way {
	const char *name;
	/* False: it can't. */
	bool (*open)(const struct place *place);
	/* What a thread needs of its own; NULL on failure. */
	void *(*thread_open)(void);
	bool (*sign)(void *thread);
	void (*thread_close)(void *thread);
};

extern const struct way ways[];
extern const size_t way_count;

/* The first is the measure of all: bare Cryptoki. */
#define WAY_RAW 0
#define WAY_CLAVIGER 1
/* From here on, other people's; the last one is software. */
#define WAY_PEERS 3

#endif
