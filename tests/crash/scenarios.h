/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What is interrupted, and what must hold afterwards. */
#ifndef CLV_TESTS_SCENARIOS_H
#define CLV_TESTS_SCENARIOS_H

#include <claviger/transaction.h>

#include <stdbool.h>
#include <stdint.h>

#define THUMBPRINT 41
#define CERTIFICATE_ROOM 2048

struct home;

/* The directories and certificates that all scenarios share. Whole as it
 * stands: it may be copied to another process. */
struct lab {
	const struct home *home; /* of its keys, see homes.h */
	char base[64];
	char work[96];    /* the application that is interrupted */
	char fresh[96];   /* templates: nothing pending, */
	char pending[96]; /* a key pending */
	char device[96];  /* what the device keeps, a tree; "" if nothing */
	char store[640];  /* URI for new keys */
	clv_context *context;
	char old[THUMBPRINT];
	uint8_t renewal[CERTIFICATE_ROOM]; /* for the present key */
	size_t renewal_size;
	char renewal_print[THUMBPRINT];
	uint8_t next[CERTIFICATE_ROOM]; /* for the pending key */
	size_t next_size;
	char next_print[THUMBPRINT];
	uint8_t issuer[CERTIFICATE_ROOM]; /* of the latter */
	size_t issuer_size;
};

/* The TrustLists: at first, both trust `renewal`, and afterwards `next`. */
#define LISTS 2

struct scenario {
	const char *name;
	bool from_pending;
	int (*run)(void *lab);
	/* What the slot has after a success: the thumbprint, and a pending
	 * key. */
	const char *(*new_print)(const struct lab *lab);
	bool leaves_pending;
	bool changes_lists;
	bool brings_chain;
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;
/* Writers that do it wrong, which must be found out. */
extern const struct scenario controls[];
extern const size_t control_count;

/* What the slot has after installing for the present key, or for the pending
 * one. */
const char *print_renewal(const struct lab *lab);
const char *print_next(const struct lab *lab);

/* Finishing what was interrupted. */
int run_recover(void *lab);

/* In a new directory below `root`. */
void lab_make(struct lab *lab, const char *root, const struct home *home);
void lab_remove(struct lab *lab);
/* Puts the scenario's template in place. */
void lab_reset(const struct lab *lab, const struct scenario *scenario);
/* Ends the readers that were there before; they hold directories. */
void lab_end_readers(void);
/* Copies application and device to `path`, and back. */
void lab_keep(const struct lab *lab, const char *path);
void lab_put(const struct lab *lab, const char *path);

/*
 * Looks at what is left, as a reader who may not write and then as the next
 * writer. `succeeded`: the call said that it was done. Returns NULL, or what
 * is wrong.
 */
const char *lab_verify(
    const struct lab *lab, const struct scenario *scenario, bool succeeded);

#endif
