/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the parts of bench-pkcs11 share. */
#ifndef CLV_BENCH_PKCS11_H
#define CLV_BENCH_PKCS11_H

#include <stdbool.h>

#include "fake/token_lab.h"

#define ROUNDS_MAX 64
/* A network HSM: what the proxy adds to each call. */
#define DELAY "delay * 1000"

struct bench {
	char dir[LAB_PATH];
	struct lab_softhsm softhsm; /* has the keys "rsa" and "ec" */
	double seconds;             /* of each measurement */
	unsigned rounds;
	unsigned objects; /* at most, on the tokens that are opened */
};

extern struct bench bench;

/* Runs `work` in a child and returns what it reports: -1 if it died. */
double bench_in_child(double (*work)(const void *), const void *argument);

/* bench_pkcs11_token.c: starts SoftHSM with a token that has the two keys. */
bool bench_start(void);
/* Another SoftHSM in `name` below the directory: one token with the key "rsa"
 * and, all in all, so many objects. SOFTHSM2_CONF names it from then on. */
bool bench_start_crowded(const char *name, unsigned objects);

/* bench_pkcs11_look.c: calls and times, as the proxy sees them. */
void bench_show_calls(void);
void bench_show_opening(void);
void bench_show_recovery(void);

#endif
