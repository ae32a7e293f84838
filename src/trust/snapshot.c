/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/snapshot.h"

#include "trust/distinguished_name.h"
#include "trust/signature.h"
#include "trust/snapshot_table.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

clv_trust_snapshot *
clv_trust_snapshot_ref(const clv_trust_snapshot *snapshot)
{
	clv_trust_snapshot *counted = (clv_trust_snapshot *)(uintptr_t)snapshot;

	atomic_fetch_add_explicit(
	    &counted->references, 1, memory_order_relaxed);
	return counted;
}

void
clv_trust_snapshot_unref(clv_trust_snapshot *snapshot)
{
	if (snapshot == NULL ||
	    atomic_fetch_sub_explicit(
		&snapshot->references, 1, memory_order_acq_rel) != 1)
		return;
	clv_trust_snapshot_destroy(snapshot);
}

struct clv_trust_engine *
clv_trust_snapshot_engine(const clv_trust_snapshot *snapshot)
{
	return snapshot->engine;
}

const char *
clv_trust_snapshot_lost_crl(const clv_trust_snapshot *snapshot)
{
	return snapshot->lost_crl;
}

size_t
clv_trust_snapshot_cert_count(const clv_trust_snapshot *snapshot)
{
	return snapshot->cert_count - snapshot->removed_certs;
}

size_t
clv_trust_snapshot_crl_count(const clv_trust_snapshot *snapshot)
{
	return snapshot->crl_count - snapshot->removed_crls;
}

const struct clv_trust_member *
clv_trust_snapshot_next_cert(
    const clv_trust_snapshot *snapshot, size_t *position)
{
	while (*position < snapshot->cert_count) {
		const struct clv_trust_member *member =
		    clv_snapshot_cert(snapshot, (*position)++);

		if (member->cert != NULL)
			return member;
	}
	return NULL;
}

const struct clv_trust_crl_member *
clv_trust_snapshot_next_crl(
    const clv_trust_snapshot *snapshot, size_t *position)
{
	while (*position < snapshot->crl_count) {
		const struct clv_trust_crl_member *member =
		    clv_snapshot_crl(snapshot, (*position)++);

		if (member->crl != NULL)
			return member;
	}
	return NULL;
}

const struct clv_trust_member *
clv_trust_snapshot_by_thumbprint(const clv_trust_snapshot *snapshot,
    const uint8_t thumbprint[CLV_THUMBPRINT_SIZE],
    const struct clv_trust_member *previous)
{
	uint32_t at = previous != NULL
	    ? previous->next_thumbprint
	    : clv_table_head(
		  &snapshot->by_thumbprint, clv_thumbprint_hash(thumbprint));

	while (at != CLV_TRUST_NONE) {
		const struct clv_trust_member *member =
		    clv_snapshot_cert(snapshot, at);

		if (memcmp(member->cert->thumbprint, thumbprint,
			CLV_THUMBPRINT_SIZE) == 0)
			return member;
		at = member->next_thumbprint;
	}
	return NULL;
}

static bool
has_subject(const struct clv_trust_cert *cert, const uint8_t *name, size_t size,
    uint64_t hash)
{
	return cert->subject_hash == hash && cert->subject.size == size &&
	    memcmp(cert->der + cert->subject.at, name, size) == 0;
}

static bool
has_key_id(const struct clv_trust_cert *cert, const uint8_t *id, size_t size)
{
	return cert->ski.size == size &&
	    (size == 0 || memcmp(cert->der + cert->ski.at, id, size) == 0);
}

const struct clv_trust_member *
clv_trust_snapshot_by_subject(const clv_trust_snapshot *snapshot,
    const uint8_t *name, size_t size, uint64_t hash,
    const struct clv_trust_member *previous)
{
	uint32_t at = previous != NULL
	    ? previous->next_subject
	    : clv_table_head(&snapshot->by_subject, hash);

	while (at != CLV_TRUST_NONE) {
		const struct clv_trust_member *member =
		    clv_snapshot_cert(snapshot, at);

		if (has_subject(member->cert, name, size, hash))
			return member;
		at = member->next_subject;
	}
	return NULL;
}

const struct clv_trust_member *
clv_trust_snapshot_by_subject_key(const clv_trust_snapshot *snapshot,
    const uint8_t *name, size_t size, uint64_t hash, const uint8_t *key_id,
    size_t key_id_size, const struct clv_trust_member *previous)
{
	uint32_t at = previous != NULL
	    ? previous->next_subject_key
	    : clv_table_head(&snapshot->by_subject_key,
		  clv_subject_key_hash(hash, key_id, key_id_size));

	while (at != CLV_TRUST_NONE) {
		const struct clv_trust_member *member =
		    clv_snapshot_cert(snapshot, at);

		if (has_subject(member->cert, name, size, hash) &&
		    has_key_id(member->cert, key_id, key_id_size))
			return member;
		at = member->next_subject_key;
	}
	return NULL;
}

const struct clv_trust_crl_member *
clv_trust_snapshot_crl_by_issuer(const clv_trust_snapshot *snapshot,
    const uint8_t *name, size_t size, uint64_t hash,
    const struct clv_trust_crl_member *previous)
{
	uint32_t at = previous != NULL
	    ? previous->next_issuer
	    : clv_table_head(&snapshot->crl_by_issuer, hash);

	while (at != CLV_TRUST_NONE) {
		const struct clv_trust_crl_member *member =
		    clv_snapshot_crl(snapshot, at);
		const struct clv_trust_crl *crl = member->crl;

		if (crl->issuer_hash == hash && crl->issuer.size == size &&
		    memcmp(crl->der + crl->issuer.at, name, size) == 0)
			return member;
		at = member->next_issuer;
	}
	return NULL;
}

size_t
clv_trust_snapshot_memory(const clv_trust_snapshot *snapshot)
{
	const struct clv_trust_member *member;
	const struct clv_trust_crl_member *crl;
	size_t total = clv_trust_snapshot_tables(snapshot), position = 0;

	while ((member = clv_trust_snapshot_next_cert(snapshot, &position)) !=
	    NULL)
		total += sizeof(*member->cert) + member->cert->size +
		    (member->cert->file != NULL ? strlen(member->cert->file) + 1
						: 0);
	position = 0;
	while ((crl = clv_trust_snapshot_next_crl(snapshot, &position)) != NULL)
		total += sizeof(*crl->crl) + crl->crl->size +
		    (crl->crl->slots != NULL
			    ? (crl->crl->slot_mask + 1) * sizeof(uint32_t)
			    : 0);
	return total;
}

/*
 * The cell
 */

/* Threads begin at different slots: their stacks lie apart. */
static size_t
first_slot(void)
{
	const int here = 0;

	return (size_t)(((uintptr_t)&here >> 12) * UINT32_C(2654435761) >> 16);
}

/* Announces that `snapshot` is about to be taken. */
static _Atomic(clv_trust_snapshot *) *
announce(struct clv_trust_cell *cell, clv_trust_snapshot *snapshot)
{
	for (size_t slot = first_slot();; slot++) {
		_Atomic(clv_trust_snapshot *) *place =
		    &cell->taking[slot % CLV_TRUST_CELL_SLOTS];
		clv_trust_snapshot *vacant = NULL;

		if (atomic_compare_exchange_strong(place, &vacant, snapshot))
			return place;
	}
}

clv_trust_snapshot *
clv_trust_cell_acquire(struct clv_trust_cell *cell)
{
	clv_trust_snapshot *snapshot;

	while ((snapshot = atomic_load(&cell->current)) != NULL) {
		_Atomic(clv_trust_snapshot *) *place = announce(cell, snapshot);
		/* Still current after it was announced: the writer, who looks
		 * at the announcements after the exchange, will wait. */
		const bool taken = atomic_load(&cell->current) == snapshot;

		if (taken)
			(void)clv_trust_snapshot_ref(snapshot);
		atomic_store_explicit(place, NULL, memory_order_release);
		if (taken)
			return snapshot;
	}
	return NULL;
}

void
clv_trust_cell_publish(
    struct clv_trust_cell *cell, clv_trust_snapshot *snapshot)
{
	clv_trust_snapshot *old = atomic_exchange(&cell->current, snapshot);

	if (old == NULL)
		return;
	for (size_t slot = 0; slot < CLV_TRUST_CELL_SLOTS; slot++)
		while (atomic_load(&cell->taking[slot]) == old)
			(void)sched_yield();
	clv_trust_snapshot_unref(old);
}
