/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The backends that a lab's keys can live in, with devices of their own. */
#ifndef CLV_TESTS_HOMES_H
#define CLV_TESTS_HOMES_H

#include "scenarios.h"

struct home {
	const char *name;
	/* Keys are used in children only, for the sake of the device's
	 * library. */
	bool apart;
	/* Starts the device; sets lab->store and lab->device. */
	void (*start)(struct lab *lab);
	void (*stop)(struct lab *lab);
	/* All keys that are there, whoever knows them. */
	size_t (*count_keys)(const struct lab *lab);
};

struct swtpm_lab;

extern const struct home home_file;
/* NULL for one that there is not. */
const struct home *home_find(const char *name);

/* The TPM of the home "tpm2", while it is started. */
struct swtpm_lab *home_swtpm(void);

/* The fastest place for a lab: where memory is the disk, thousands of runs
 * take seconds. */
const char *home_root(void);

#endif
