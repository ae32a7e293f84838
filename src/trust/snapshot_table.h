/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The inside of a snapshot, shared by its reader and its builder. */
#ifndef CLV_TRUST_SNAPSHOT_TABLE_H
#define CLV_TRUST_SNAPSHOT_TABLE_H

#include "trust/distinguished_name.h"
#include "trust/pages.h"
#include "trust/snapshot.h"

#include <string.h>

/* Heads of chains of members whose hashes share their low bits. */
struct clv_table {
	struct clv_pages heads; /* no page: no member yet */
	uint32_t mask;
};

struct clv_trust_snapshot {
	atomic_size_t references;
	struct clv_trust_engine *engine;
	char *lost_crl; /* or NULL */

	struct clv_pages certs;
	size_t cert_count; /* with removed ones */
	size_t removed_certs;
	uint32_t free_cert; /* chain of removed ones by next_thumbprint */
	struct clv_table by_thumbprint;
	struct clv_table by_subject;
	struct clv_table by_subject_key;

	struct clv_pages crls;
	size_t crl_count;
	size_t removed_crls;
	uint32_t free_crl; /* by next_issuer */
	struct clv_table crl_by_issuer;
};

/* struct clv_trust_member, struct clv_trust_crl_member, uint32_t. */
extern const struct clv_page_kind clv_cert_page;
extern const struct clv_page_kind clv_crl_page;
extern const struct clv_page_kind clv_head_page;

static inline const struct clv_trust_member *
clv_snapshot_cert(const clv_trust_snapshot *snapshot, size_t at)
{
	return clv_pages_at(&snapshot->certs, &clv_cert_page, at);
}

static inline const struct clv_trust_crl_member *
clv_snapshot_crl(const clv_trust_snapshot *snapshot, size_t at)
{
	return clv_pages_at(&snapshot->crls, &clv_crl_page, at);
}

static inline uint32_t
clv_table_head(const struct clv_table *table, uint64_t hash)
{
	const uint32_t *head;

	if (table->heads.count == 0)
		return CLV_TRUST_NONE;
	head = clv_pages_at(&table->heads, &clv_head_page, hash & table->mask);
	return *head;
}

static inline uint64_t
clv_thumbprint_hash(const uint8_t thumbprint[CLV_THUMBPRINT_SIZE])
{
	uint64_t hash;

	memcpy(&hash, thumbprint, sizeof(hash));
	return hash;
}

static inline uint64_t
clv_subject_key_hash(uint64_t subject, const uint8_t *key_id, size_t size)
{
	return subject ^ clv_name_hash(key_id, size) * 3;
}

/* Frees it all; the last reference is gone. */
void clv_trust_snapshot_destroy(clv_trust_snapshot *snapshot);

/* Bytes of the tables alone. */
size_t clv_trust_snapshot_tables(const clv_trust_snapshot *snapshot);

#endif
