/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What was read from each file of the four folders, by folder and name. */
#ifndef CLV_TRUST_FILES_H
#define CLV_TRUST_FILES_H

#include "trust/layout.h"
#include "trust/snapshot.h"

/* One certificate or CRL of a file. */
struct clv_trust_entry {
	struct clv_trust_cert *cert; /* NULL: it is a CRL */
	struct clv_trust_crl *crl;
	enum clv_trust_where where;
};

struct clv_trust_file {
	struct clv_trust_file *next; /* in the bucket */
	char *path;                  /* such as "trusted/certs/a.der" */
	/* Of what stat(2) told when it was read: the same now, the same
	 * content, unless it was read so soon after a change that another one
	 * might not show. */
	uint64_t print;
	uint32_t count;
	uint8_t folder;
	uint8_t name_at; /* where in `path` the name begins */
	bool racy;
	bool link;   /* symbolic: what it leads to is not watched */
	bool failed; /* reading it did, which may pass without a change */
	bool seen;   /* while listing */
	struct clv_trust_entry one;      /* the usual case */
	struct clv_trust_entry *entries; /* `count` of them; or &one */
	clv_error *problem;              /* why it does not count; or NULL */
};

struct clv_trust_files {
	struct clv_trust_file **buckets;
	size_t mask;
	size_t count;
	size_t problems; /* files with one */
	/* Files that may become others without a change in their folder. */
	size_t unsettled;
	/* Files in the CRL folders with a problem: what do they forbid? */
	size_t lost_crls;
};

void clv_trust_files_clear(struct clv_trust_files *files);

/* Whether it has to be looked at now and then, though nobody tells. */
bool clv_trust_file_is_unsettled(const struct clv_trust_file *file);

/* A record without content. An empty `folder_name` is left out of the path. */
clv_status clv_trust_file_new(enum clv_trust_folder folder,
    const char *folder_name, const char *name, struct clv_trust_file **out,
    clv_error **err);
void clv_trust_file_free(struct clv_trust_file **file);
const char *clv_trust_file_name(const struct clv_trust_file *file);

/* Makes room for entries, which are empty. */
clv_status clv_trust_file_fit(
    struct clv_trust_file *file, size_t count, clv_error **err);

/* Whether both hold the same certificates and CRLs in the same order. */
bool clv_trust_file_same_content(
    const struct clv_trust_file *a, const struct clv_trust_file *b);

/* Moves the entries of `from` to `to`, which loses its own. */
void clv_trust_file_move_content(
    struct clv_trust_file *to, struct clv_trust_file *from);

struct clv_trust_file *clv_trust_files_find(const struct clv_trust_files *files,
    enum clv_trust_folder folder, const char *name);
/* Takes over `file`. There must be none of its name. */
clv_status clv_trust_files_put(struct clv_trust_files *files,
    struct clv_trust_file *file, clv_error **err);
/* Takes it out and hands it to the caller. */
void clv_trust_files_take(
    struct clv_trust_files *files, struct clv_trust_file *file);

/* Every file: start with NULL and `*bucket` 0. */
struct clv_trust_file *clv_trust_files_next(const struct clv_trust_files *files,
    struct clv_trust_file *previous, size_t *bucket);

#endif
