/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The certificates and CRLs of a TrustList at one moment, indexed by
 * thumbprint, by subject, and by subject and key identifier. A snapshot never
 * changes; a change makes the next one. Any number of threads may read one.
 *
 *     builder = new(engine, current or NULL); add...; remove...; finish
 *     clv_trust_cell_publish(cell, snapshot)    the writer, one at a time
 *     clv_trust_cell_acquire(cell)              readers, without a lock
 *
 * Building on the current snapshot shares its tables page by page (pages.h):
 * the cost is that of the change, and a few microseconds for 100,000
 * certificates.
 */
#ifndef CLV_TRUST_SNAPSHOT_H
#define CLV_TRUST_SNAPSHOT_H

#include "trust/certificate.h"
#include "trust/crl.h"

#include <claviger/verify.h>

struct clv_trust_engine; /* signature.h */
struct clv_trust_builder;

/* Which list a member is in: trusted/ or issuer/. A certificate that is in
 * both is two members, each with its own file. */
enum clv_trust_where { CLV_TRUST_TRUSTED = 1, CLV_TRUST_ISSUER = 2 };

/* Ends a list of indices. */
#define CLV_TRUST_NONE UINT32_MAX

struct clv_trust_member {
	struct clv_trust_cert *cert; /* NULL: removed, not in any list */
	enum clv_trust_where where;
	/* next with the same bucket */
	uint32_t next_thumbprint;
	uint32_t next_subject;
	uint32_t next_subject_key;
};

struct clv_trust_crl_member {
	struct clv_trust_crl *crl; /* NULL: removed */
	enum clv_trust_where where;
	uint32_t next_issuer;
};

/*
 * Building. The builder takes references of its own. `base` may be NULL; the
 * engine (signature.h) is shared by all snapshots of a list and keeps the
 * verdicts of signature checks.
 */
clv_status clv_trust_builder_new(struct clv_trust_engine *engine,
    const clv_trust_snapshot *base, struct clv_trust_builder **out,
    clv_error **err);
/* Makes room for that many more members. Optional. */
clv_status clv_trust_builder_reserve(
    struct clv_trust_builder *builder, size_t certificates, clv_error **err);
clv_status clv_trust_builder_add_cert(struct clv_trust_builder *builder,
    struct clv_trust_cert *cert, enum clv_trust_where where, clv_error **err);
clv_status clv_trust_builder_add_crl(struct clv_trust_builder *builder,
    struct clv_trust_crl *crl, enum clv_trust_where where, clv_error **err);
/* Removes the very object that was added; false if it is not there. */
bool clv_trust_builder_remove_cert(struct clv_trust_builder *builder,
    const struct clv_trust_cert *cert, enum clv_trust_where where);
bool clv_trust_builder_remove_crl(struct clv_trust_builder *builder,
    const struct clv_trust_crl *crl, enum clv_trust_where where);
/*
 * Tells that a file in the CRL folders can't be read (NULL: all can; that is
 * so at first, whatever the base): nobody knows what it forbids. While it is
 * set, a missing CRL is not overlooked, whatever the options of a check say.
 * Copied.
 */
clv_status clv_trust_builder_set_lost_crl(
    struct clv_trust_builder *builder, const char *file, clv_error **err);
/* Ends the builder in any case; `*builder` becomes NULL. */
clv_status clv_trust_builder_finish(struct clv_trust_builder **builder,
    clv_trust_snapshot **out, clv_error **err);
void clv_trust_builder_free(struct clv_trust_builder **builder);

/*
 * Reading. Borrowed results live as long as the snapshot.
 */
/* Also of what its owner only lends for reading: what it holds stays as it is,
 * only the owners are counted. */
clv_trust_snapshot *clv_trust_snapshot_ref(const clv_trust_snapshot *snapshot);
void clv_trust_snapshot_unref(clv_trust_snapshot *snapshot); /* NULL is fine */

struct clv_trust_engine *clv_trust_snapshot_engine(
    const clv_trust_snapshot *snapshot);

/* The CRL file that can't be read, or NULL: see the builder. */
const char *clv_trust_snapshot_lost_crl(const clv_trust_snapshot *snapshot);

/* Numbers of members, without removed ones. */
size_t clv_trust_snapshot_cert_count(const clv_trust_snapshot *snapshot);
size_t clv_trust_snapshot_crl_count(const clv_trust_snapshot *snapshot);

/*
 * Every member: start with `*position` 0, NULL at the end. The order is that
 * of adding, but for removed ones, whose place later ones may take.
 */
const struct clv_trust_member *clv_trust_snapshot_next_cert(
    const clv_trust_snapshot *snapshot, size_t *position);
const struct clv_trust_crl_member *clv_trust_snapshot_next_crl(
    const clv_trust_snapshot *snapshot, size_t *position);

/*
 * Members by key. `previous` is NULL for the first and then what was returned
 * last; NULL at the end. by_subject_key compares names and key identifiers
 * themselves, not only their hashes; a `key_id_size` of 0 finds certificates
 * without subjectKeyIdentifier.
 */
const struct clv_trust_member *clv_trust_snapshot_by_thumbprint(
    const clv_trust_snapshot *snapshot,
    const uint8_t thumbprint[CLV_THUMBPRINT_SIZE],
    const struct clv_trust_member *previous);
const struct clv_trust_member *clv_trust_snapshot_by_subject(
    const clv_trust_snapshot *snapshot, const uint8_t *name, size_t size,
    uint64_t hash, const struct clv_trust_member *previous);
const struct clv_trust_member *clv_trust_snapshot_by_subject_key(
    const clv_trust_snapshot *snapshot, const uint8_t *name, size_t size,
    uint64_t hash, const uint8_t *key_id, size_t key_id_size,
    const struct clv_trust_member *previous);
const struct clv_trust_crl_member *clv_trust_snapshot_crl_by_issuer(
    const clv_trust_snapshot *snapshot, const uint8_t *name, size_t size,
    uint64_t hash, const struct clv_trust_crl_member *previous);

/* Bytes of memory it holds: tables, certificates with their DER, CRLs. */
size_t clv_trust_snapshot_memory(const clv_trust_snapshot *snapshot);

/*
 * A cell that holds the current snapshot. Readers take a reference without a
 * lock; the one writer waits for nobody but a reader between two of its
 * instructions. Zero-initialised, it is empty.
 */
#define CLV_TRUST_CELL_SLOTS 64U

struct clv_trust_cell {
	_Atomic(clv_trust_snapshot *) current;
	/* A reader shows here which snapshot it is about to take. */
	_Atomic(clv_trust_snapshot *) taking[CLV_TRUST_CELL_SLOTS];
};

/* A reference for the caller to drop; NULL while the cell is empty. */
clv_trust_snapshot *clv_trust_cell_acquire(struct clv_trust_cell *cell);
/* Takes over the caller's reference (NULL empties the cell) and drops the old
 * one. One thread at a time. */
void clv_trust_cell_publish(
    struct clv_trust_cell *cell, clv_trust_snapshot *snapshot);

#endif
