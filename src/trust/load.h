/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Reading one file of a TrustList's folder. */
#ifndef CLV_TRUST_LOAD_H
#define CLV_TRUST_LOAD_H

#include "trust/files.h"
#include "trust/journal.h"

struct clv_trust_loader {
	const clv_guard *guard;
	const struct clv_layout *layout;
	const struct clv_journal *journal; /* what it says counts; or NULL */
	size_t max_size;                   /* of one file */
	/* What the next one is to be, if that is known: spares a stat(2). */
	bool is_regular;
	uint8_t *buffer; /* the loader's own */
	size_t capacity;
};

void clv_trust_loader_clear(struct clv_trust_loader *loader);

/*
 * Reads a file. Whatever is wrong with the file itself becomes its `problem`;
 * a failure is only what keeps all files from being read (no memory, no
 * descriptors left). `*out` is NULL if there is no such file (any more).
 */
clv_status clv_trust_load(struct clv_trust_loader *loader,
    enum clv_trust_folder folder, const char *name, struct clv_trust_file **out,
    clv_error **err);

/* Whether a file is, by what stat(2) tells, still the one that was read. */
bool clv_trust_is_unchanged(
    const struct clv_trust_loader *loader, const struct clv_trust_file *file);

/*
 * Turns bytes into entries of `file`: of certificates that form a chain, the
 * first is where the folder says, the others are issuers.
 */
clv_status clv_trust_load_bytes(struct clv_trust_file *file,
    const uint8_t *bytes, size_t size, clv_error **err);

#endif
