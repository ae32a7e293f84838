/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/signature.h"
#include "trust/snapshot_table.h"

#include <stdlib.h>

/* More files than that in one list are refused. */
#define MEMBERS_MAX (UINT32_C(1) << 28)

/* What is being built is a snapshot that nobody else has seen. */
struct clv_trust_builder {
	clv_trust_snapshot *snapshot;
};

void
clv_trust_snapshot_destroy(clv_trust_snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->cert_count; i++)
		clv_trust_cert_unref(snapshot->certs[i].cert);
	for (size_t i = 0; i < snapshot->crl_count; i++)
		clv_trust_crl_unref(snapshot->crls[i].crl);
	free(snapshot->lost_crl);
	free(snapshot->certs);
	free(snapshot->crls);
	free(snapshot->by_thumbprint.heads);
	free(snapshot->by_subject.heads);
	free(snapshot->by_subject_key.heads);
	free(snapshot->crl_by_issuer.heads);
	clv_trust_engine_unref(snapshot->engine);
	free(snapshot);
}

static size_t
table_size(const struct clv_table *table)
{
	return table->heads != NULL
	    ? ((size_t)table->mask + 1) * sizeof(*table->heads)
	    : 0;
}

size_t
clv_trust_snapshot_tables(const clv_trust_snapshot *snapshot)
{
	return sizeof(*snapshot) +
	    snapshot->cert_space * sizeof(*snapshot->certs) +
	    snapshot->crl_space * sizeof(*snapshot->crls) +
	    table_size(&snapshot->by_thumbprint) +
	    table_size(&snapshot->by_subject) +
	    table_size(&snapshot->by_subject_key) +
	    table_size(&snapshot->crl_by_issuer);
}

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY, NULL, "out of memory");
}

/*
 * Tables
 */

static bool
copy_table(struct clv_table *to, const struct clv_table *from)
{
	const size_t size = table_size(from);

	*to = (struct clv_table){NULL, from->mask};
	if (size == 0)
		return true;
	to->heads = malloc(size);
	if (to->heads != NULL)
		memcpy(to->heads, from->heads, size);
	return to->heads != NULL;
}

/* A vacant table for `count` members. */
static bool
make_table(struct clv_table *table, size_t count)
{
	uint32_t heads = 16;

	while (heads < count)
		heads *= 2;
	*table = (struct clv_table){
	    malloc(heads * sizeof(*table->heads)), heads - 1};
	if (table->heads == NULL)
		return false;
	memset(table->heads, 0xff, heads * sizeof(*table->heads));
	return true;
}

/* Puts a member in front of its chain; `next` is its own link. */
static void
link_member(struct clv_table *table, uint64_t hash, uint32_t at, uint32_t *next)
{
	uint32_t *head = &table->heads[hash & table->mask];

	*next = *head;
	*head = at;
}

static void
link_cert(clv_trust_snapshot *snapshot, uint32_t at)
{
	struct clv_trust_member *member = &snapshot->certs[at];
	const struct clv_trust_cert *cert = member->cert;

	link_member(&snapshot->by_thumbprint,
	    clv_thumbprint_hash(cert->thumbprint), at,
	    &member->next_thumbprint);
	link_member(&snapshot->by_subject, cert->subject_hash, at,
	    &member->next_subject);
	link_member(&snapshot->by_subject_key,
	    clv_subject_key_hash(
		cert->subject_hash, cert->der + cert->ski.at, cert->ski.size),
	    at, &member->next_subject_key);
}

static void
link_crl(clv_trust_snapshot *snapshot, uint32_t at)
{
	struct clv_trust_crl_member *member = &snapshot->crls[at];

	link_member(&snapshot->crl_by_issuer, member->crl->issuer_hash, at,
	    &member->next_issuer);
}

/* New tables of the right size for all members there are; old ones stay until
 * all new ones are there. */
static bool
spread_certs(clv_trust_snapshot *snapshot, size_t count)
{
	struct clv_table *const places[] = {&snapshot->by_thumbprint,
	    &snapshot->by_subject, &snapshot->by_subject_key};
	struct clv_table tables[3] = {{NULL, 0}};

	for (size_t i = 0; i < 3; i++)
		if (!make_table(&tables[i], count)) {
			for (i = 0; i < 3; i++)
				free(tables[i].heads);
			return false;
		}
	for (size_t i = 0; i < 3; i++) {
		free(places[i]->heads);
		*places[i] = tables[i];
	}
	for (uint32_t at = 0; at < snapshot->cert_count; at++)
		if (snapshot->certs[at].cert != NULL)
			link_cert(snapshot, at);
	return true;
}

static bool
spread_crls(clv_trust_snapshot *snapshot, size_t count)
{
	struct clv_table table;

	if (!make_table(&table, count))
		return false;
	free(snapshot->crl_by_issuer.heads);
	snapshot->crl_by_issuer = table;
	for (uint32_t at = 0; at < snapshot->crl_count; at++)
		if (snapshot->crls[at].crl != NULL)
			link_crl(snapshot, at);
	return true;
}

/* Room for `count` members, and tables that are not much smaller. */
static bool
fit_certs(clv_trust_snapshot *snapshot, size_t count)
{
	struct clv_trust_member *certs;
	const size_t space = count + count / 2 + 8;

	if (count > MEMBERS_MAX)
		return false;
	if (count > snapshot->cert_space) {
		certs = realloc(snapshot->certs, space * sizeof(*certs));
		if (certs == NULL)
			return false;
		snapshot->certs = certs;
		snapshot->cert_space = space;
	}
	return (snapshot->by_thumbprint.heads != NULL &&
		   count <= (size_t)snapshot->by_thumbprint.mask + 1) ||
	    spread_certs(snapshot, space);
}

static bool
fit_crls(clv_trust_snapshot *snapshot, size_t count)
{
	struct clv_trust_crl_member *crls;
	const size_t space = count + count / 2 + 8;

	if (count > MEMBERS_MAX)
		return false;
	if (count > snapshot->crl_space) {
		crls = realloc(snapshot->crls, space * sizeof(*crls));
		if (crls == NULL)
			return false;
		snapshot->crls = crls;
		snapshot->crl_space = space;
	}
	return (snapshot->crl_by_issuer.heads != NULL &&
		   count <= (size_t)snapshot->crl_by_issuer.mask + 1) ||
	    spread_crls(snapshot, space);
}

/*
 * Building
 */

static bool
copy_certs(clv_trust_snapshot *to, const clv_trust_snapshot *from)
{
	to->certs = malloc((from->cert_count + 1) * sizeof(*to->certs));
	if (to->certs == NULL)
		return false;
	if (from->cert_count > 0)
		memcpy(to->certs, from->certs,
		    from->cert_count * sizeof(*to->certs));
	to->cert_count = from->cert_count;
	to->cert_space = from->cert_count + 1;
	to->removed_certs = from->removed_certs;
	to->free_cert = from->free_cert;
	for (size_t i = 0; i < to->cert_count; i++)
		if (to->certs[i].cert != NULL)
			(void)clv_trust_cert_ref(to->certs[i].cert);
	return copy_table(&to->by_thumbprint, &from->by_thumbprint) &&
	    copy_table(&to->by_subject, &from->by_subject) &&
	    copy_table(&to->by_subject_key, &from->by_subject_key);
}

static bool
copy_crls(clv_trust_snapshot *to, const clv_trust_snapshot *from)
{
	to->crls = malloc((from->crl_count + 1) * sizeof(*to->crls));
	if (to->crls == NULL)
		return false;
	if (from->crl_count > 0)
		memcpy(
		    to->crls, from->crls, from->crl_count * sizeof(*to->crls));
	to->crl_count = from->crl_count;
	to->crl_space = from->crl_count + 1;
	to->removed_crls = from->removed_crls;
	to->free_crl = from->free_crl;
	for (size_t i = 0; i < to->crl_count; i++)
		if (to->crls[i].crl != NULL)
			(void)clv_trust_crl_ref(to->crls[i].crl);
	return copy_table(&to->crl_by_issuer, &from->crl_by_issuer);
}

clv_status
clv_trust_builder_new(struct clv_trust_engine *engine,
    const clv_trust_snapshot *base, struct clv_trust_builder **out,
    clv_error **err)
{
	struct clv_trust_builder *builder = calloc(1, sizeof(*builder));
	clv_trust_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	*out = NULL;
	if (builder == NULL || snapshot == NULL) {
		free(builder);
		free(snapshot);
		return no_memory(err);
	}
	builder->snapshot = snapshot;
	atomic_init(&snapshot->references, 1);
	snapshot->engine = clv_trust_engine_ref(engine);
	snapshot->free_cert = CLV_TRUST_NONE;
	snapshot->free_crl = CLV_TRUST_NONE;
	if (base != NULL &&
	    (!copy_certs(snapshot, base) || !copy_crls(snapshot, base))) {
		clv_trust_builder_free(&builder);
		return no_memory(err);
	}
	*out = builder;
	return CLV_OK;
}

void
clv_trust_builder_free(struct clv_trust_builder **builder)
{
	if (builder == NULL || *builder == NULL)
		return;
	clv_trust_snapshot_unref((*builder)->snapshot);
	free(*builder);
	*builder = NULL;
}

clv_status
clv_trust_builder_set_lost_crl(
    struct clv_trust_builder *builder, const char *file, clv_error **err)
{
	char *copy = file != NULL ? strdup(file) : NULL;

	if (file != NULL && copy == NULL)
		return no_memory(err);
	free(builder->snapshot->lost_crl);
	builder->snapshot->lost_crl = copy;
	return CLV_OK;
}

clv_status
clv_trust_builder_finish(struct clv_trust_builder **builder,
    clv_trust_snapshot **out, clv_error **err)
{
	(void)err;
	*out = (*builder)->snapshot;
	(*builder)->snapshot = NULL; /* transferred */
	clv_trust_builder_free(builder);
	return CLV_OK;
}

clv_status
clv_trust_builder_reserve(
    struct clv_trust_builder *builder, size_t certificates, clv_error **err)
{
	clv_trust_snapshot *snapshot = builder->snapshot;

	if (certificates > MEMBERS_MAX ||
	    !fit_certs(snapshot, snapshot->cert_count + certificates))
		return no_memory(err);
	return CLV_OK;
}

clv_status
clv_trust_builder_add_cert(struct clv_trust_builder *builder,
    struct clv_trust_cert *cert, enum clv_trust_where where, clv_error **err)
{
	clv_trust_snapshot *snapshot = builder->snapshot;
	uint32_t at = snapshot->free_cert;

	if (at != CLV_TRUST_NONE) {
		snapshot->free_cert = snapshot->certs[at].next_thumbprint;
		snapshot->removed_certs--;
	} else {
		if (!fit_certs(snapshot, snapshot->cert_count + 1))
			return no_memory(err);
		at = (uint32_t)snapshot->cert_count++;
	}
	snapshot->certs[at] = (struct clv_trust_member){
	    .cert = clv_trust_cert_ref(cert), .where = where};
	link_cert(snapshot, at);
	return CLV_OK;
}

clv_status
clv_trust_builder_add_crl(struct clv_trust_builder *builder,
    struct clv_trust_crl *crl, enum clv_trust_where where, clv_error **err)
{
	clv_trust_snapshot *snapshot = builder->snapshot;
	uint32_t at = snapshot->free_crl;

	if (at != CLV_TRUST_NONE) {
		snapshot->free_crl = snapshot->crls[at].next_issuer;
		snapshot->removed_crls--;
	} else {
		if (!fit_crls(snapshot, snapshot->crl_count + 1))
			return no_memory(err);
		at = (uint32_t)snapshot->crl_count++;
	}
	snapshot->crls[at] = (struct clv_trust_crl_member){
	    .crl = clv_trust_crl_ref(crl), .where = where};
	link_crl(snapshot, at);
	return CLV_OK;
}

/* Takes `at` out of a chain whose links are reached by `link`. */
#define UNLINK(table, hash, at, members, link)                             \
	do {                                                               \
		uint32_t *place = &(table)->heads[(hash) & (table)->mask]; \
		while (*place != (at))                                     \
			place = &(members)[*place].link;                   \
		*place = (members)[at].link;                               \
	} while (0)

bool
clv_trust_builder_remove_cert(struct clv_trust_builder *builder,
    const struct clv_trust_cert *cert, enum clv_trust_where where)
{
	clv_trust_snapshot *snapshot = builder->snapshot;
	struct clv_trust_member *certs = snapshot->certs;
	uint32_t at = clv_table_head(
	    &snapshot->by_thumbprint, clv_thumbprint_hash(cert->thumbprint));

	while (at != CLV_TRUST_NONE &&
	    (certs[at].cert != cert || certs[at].where != where))
		at = certs[at].next_thumbprint;
	if (at == CLV_TRUST_NONE)
		return false;
	UNLINK(&snapshot->by_thumbprint, clv_thumbprint_hash(cert->thumbprint),
	    at, certs, next_thumbprint);
	UNLINK(
	    &snapshot->by_subject, cert->subject_hash, at, certs, next_subject);
	UNLINK(&snapshot->by_subject_key,
	    clv_subject_key_hash(
		cert->subject_hash, cert->der + cert->ski.at, cert->ski.size),
	    at, certs, next_subject_key);
	clv_trust_cert_unref(certs[at].cert);
	certs[at] = (struct clv_trust_member){
	    .cert = NULL, .next_thumbprint = snapshot->free_cert};
	snapshot->free_cert = at;
	snapshot->removed_certs++;
	return true;
}

bool
clv_trust_builder_remove_crl(struct clv_trust_builder *builder,
    const struct clv_trust_crl *crl, enum clv_trust_where where)
{
	clv_trust_snapshot *snapshot = builder->snapshot;
	struct clv_trust_crl_member *crls = snapshot->crls;
	uint32_t at =
	    clv_table_head(&snapshot->crl_by_issuer, crl->issuer_hash);

	while (at != CLV_TRUST_NONE &&
	    (crls[at].crl != crl || crls[at].where != where))
		at = crls[at].next_issuer;
	if (at == CLV_TRUST_NONE)
		return false;
	UNLINK(
	    &snapshot->crl_by_issuer, crl->issuer_hash, at, crls, next_issuer);
	clv_trust_crl_unref(crls[at].crl);
	crls[at] = (struct clv_trust_crl_member){
	    .crl = NULL, .next_issuer = snapshot->free_crl};
	snapshot->free_crl = at;
	snapshot->removed_crls++;
	return true;
}
