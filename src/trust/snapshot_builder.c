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
	/* A removal found no memory: what should be gone is still there. */
	bool failed;
};

/*
 * Elements of pages
 */

static void
keep_cert(void *element)
{
	struct clv_trust_member *member = element;

	if (member->cert != NULL)
		(void)clv_trust_cert_ref(member->cert);
}

static void
drop_cert(void *element)
{
	struct clv_trust_member *member = element;

	clv_trust_cert_unref(member->cert);
}

static void
keep_crl(void *element)
{
	struct clv_trust_crl_member *member = element;

	if (member->crl != NULL)
		(void)clv_trust_crl_ref(member->crl);
}

static void
drop_crl(void *element)
{
	struct clv_trust_crl_member *member = element;

	clv_trust_crl_unref(member->crl);
}

const struct clv_page_kind clv_cert_page = {
    sizeof(struct clv_trust_member), 7, 0, keep_cert, drop_cert};
const struct clv_page_kind clv_crl_page = {
    sizeof(struct clv_trust_crl_member), 5, 0, keep_crl, drop_crl};
/* All bits set: CLV_TRUST_NONE. */
const struct clv_page_kind clv_head_page = {
    sizeof(uint32_t), 9, 0xff, NULL, NULL};

void
clv_trust_snapshot_destroy(clv_trust_snapshot *snapshot)
{
	clv_pages_clear(&snapshot->certs, &clv_cert_page);
	clv_pages_clear(&snapshot->crls, &clv_crl_page);
	clv_pages_clear(&snapshot->by_thumbprint.heads, &clv_head_page);
	clv_pages_clear(&snapshot->by_subject.heads, &clv_head_page);
	clv_pages_clear(&snapshot->by_subject_key.heads, &clv_head_page);
	clv_pages_clear(&snapshot->crl_by_issuer.heads, &clv_head_page);
	free(snapshot->lost_crl);
	clv_trust_engine_unref(snapshot->engine);
	free(snapshot);
}

static size_t
pages_size(const struct clv_pages *array, const struct clv_page_kind *kind)
{
	return array->space * sizeof(*array->pages) +
	    array->count *
	    (sizeof(struct clv_page) + (kind->size << kind->shift));
}

size_t
clv_trust_snapshot_tables(const clv_trust_snapshot *snapshot)
{
	return sizeof(*snapshot) +
	    pages_size(&snapshot->certs, &clv_cert_page) +
	    pages_size(&snapshot->crls, &clv_crl_page) +
	    pages_size(&snapshot->by_thumbprint.heads, &clv_head_page) +
	    pages_size(&snapshot->by_subject.heads, &clv_head_page) +
	    pages_size(&snapshot->by_subject_key.heads, &clv_head_page) +
	    pages_size(&snapshot->crl_by_issuer.heads, &clv_head_page);
}

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY, NULL, "out of memory");
}

static struct clv_trust_member *
own_cert(clv_trust_snapshot *snapshot, size_t at)
{
	return clv_pages_own(&snapshot->certs, &clv_cert_page, at);
}

static struct clv_trust_crl_member *
own_crl(clv_trust_snapshot *snapshot, size_t at)
{
	return clv_pages_own(&snapshot->crls, &clv_crl_page, at);
}

static uint32_t *
own_head(struct clv_table *table, uint64_t hash)
{
	return clv_pages_own(&table->heads, &clv_head_page, hash & table->mask);
}

/*
 * Tables
 */

/* A vacant table for `count` members. */
static bool
make_table(struct clv_table *table, size_t count)
{
	uint32_t heads = 16;

	while (heads < count)
		heads *= 2;
	*table = (struct clv_table){.mask = heads - 1};
	return clv_pages_fit(&table->heads, &clv_head_page, heads);
}

static void
drop_table(struct clv_table *table)
{
	clv_pages_clear(&table->heads, &clv_head_page);
}

static bool
is_wide_enough(const struct clv_table *table, size_t count)
{
	return table->heads.count > 0 && count <= (size_t)table->mask + 1;
}

static uint64_t
subject_key_hash(const struct clv_trust_cert *cert)
{
	return clv_subject_key_hash(
	    cert->subject_hash, cert->der + cert->ski.at, cert->ski.size);
}

/* Puts a member in front of its chains. */
static bool
link_cert(clv_trust_snapshot *snapshot, uint32_t at)
{
	struct clv_trust_member *member = own_cert(snapshot, at);
	uint32_t *thumbprint, *subject, *subject_key;

	if (member == NULL)
		return false;
	thumbprint = own_head(&snapshot->by_thumbprint,
	    clv_thumbprint_hash(member->cert->thumbprint));
	subject = own_head(&snapshot->by_subject, member->cert->subject_hash);
	subject_key =
	    own_head(&snapshot->by_subject_key, subject_key_hash(member->cert));
	if (thumbprint == NULL || subject == NULL || subject_key == NULL)
		return false;
	member->next_thumbprint = *thumbprint;
	member->next_subject = *subject;
	member->next_subject_key = *subject_key;
	*thumbprint = *subject = *subject_key = at;
	return true;
}

static bool
link_crl(clv_trust_snapshot *snapshot, uint32_t at)
{
	struct clv_trust_crl_member *member = own_crl(snapshot, at);
	uint32_t *head = member != NULL
	    ? own_head(&snapshot->crl_by_issuer, member->crl->issuer_hash)
	    : NULL;

	if (head == NULL)
		return false;
	member->next_issuer = *head;
	*head = at;
	return true;
}

/* New tables of the right size for all members there are. */
static bool
spread_certs(clv_trust_snapshot *snapshot, size_t count)
{
	struct clv_table *const tables[] = {&snapshot->by_thumbprint,
	    &snapshot->by_subject, &snapshot->by_subject_key};

	for (size_t i = 0; i < 3; i++) {
		drop_table(tables[i]);
		if (!make_table(tables[i], count))
			return false;
	}
	for (uint32_t at = 0; at < snapshot->cert_count; at++)
		if (clv_snapshot_cert(snapshot, at)->cert != NULL &&
		    !link_cert(snapshot, at))
			return false;
	return true;
}

static bool
spread_crls(clv_trust_snapshot *snapshot, size_t count)
{
	drop_table(&snapshot->crl_by_issuer);
	if (!make_table(&snapshot->crl_by_issuer, count))
		return false;
	for (uint32_t at = 0; at < snapshot->crl_count; at++)
		if (clv_snapshot_crl(snapshot, at)->crl != NULL &&
		    !link_crl(snapshot, at))
			return false;
	return true;
}

/* Room for `count` members, and tables that are not much smaller. */
static bool
fit_certs(clv_trust_snapshot *snapshot, size_t count)
{
	return count <= MEMBERS_MAX &&
	    clv_pages_fit(&snapshot->certs, &clv_cert_page, count) &&
	    (is_wide_enough(&snapshot->by_thumbprint, count) ||
		spread_certs(snapshot, count + count / 2 + 8));
}

static bool
fit_crls(clv_trust_snapshot *snapshot, size_t count)
{
	return count <= MEMBERS_MAX &&
	    clv_pages_fit(&snapshot->crls, &clv_crl_page, count) &&
	    (is_wide_enough(&snapshot->crl_by_issuer, count) ||
		spread_crls(snapshot, count + count / 2 + 8));
}

/*
 * Building
 */

static bool
share_table(struct clv_table *to, const struct clv_table *from)
{
	to->mask = from->mask;
	return clv_pages_share(&to->heads, &from->heads);
}

static bool
share_certs(clv_trust_snapshot *to, const clv_trust_snapshot *from)
{
	to->cert_count = from->cert_count;
	to->removed_certs = from->removed_certs;
	to->free_cert = from->free_cert;
	return clv_pages_share(&to->certs, &from->certs) &&
	    share_table(&to->by_thumbprint, &from->by_thumbprint) &&
	    share_table(&to->by_subject, &from->by_subject) &&
	    share_table(&to->by_subject_key, &from->by_subject_key);
}

static bool
share_crls(clv_trust_snapshot *to, const clv_trust_snapshot *from)
{
	to->crl_count = from->crl_count;
	to->removed_crls = from->removed_crls;
	to->free_crl = from->free_crl;
	return clv_pages_share(&to->crls, &from->crls) &&
	    share_table(&to->crl_by_issuer, &from->crl_by_issuer);
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
	    (!share_certs(snapshot, base) || !share_crls(snapshot, base))) {
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
	const bool failed = (*builder)->failed;

	*out = NULL;
	if (!failed) {
		*out = (*builder)->snapshot;
		(*builder)->snapshot = NULL; /* transferred */
	}
	clv_trust_builder_free(builder);
	return failed ? no_memory(err) : CLV_OK;
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

/* A builder that was refused memory once is fit for nothing but freeing. */
static clv_status
fail(struct clv_trust_builder *builder, clv_error **err)
{
	builder->failed = true;
	return no_memory(err);
}

clv_status
clv_trust_builder_add_cert(struct clv_trust_builder *builder,
    struct clv_trust_cert *cert, enum clv_trust_where where, clv_error **err)
{
	clv_trust_snapshot *snapshot = builder->snapshot;
	struct clv_trust_member *member;
	uint32_t at = snapshot->free_cert;

	if (at == CLV_TRUST_NONE) {
		if (!fit_certs(snapshot, snapshot->cert_count + 1))
			return fail(builder, err);
		at = (uint32_t)snapshot->cert_count;
	}
	if ((member = own_cert(snapshot, at)) == NULL)
		return fail(builder, err);
	if (at == snapshot->free_cert) {
		snapshot->free_cert = member->next_thumbprint;
		snapshot->removed_certs--;
	} else {
		snapshot->cert_count++;
	}
	*member = (struct clv_trust_member){
	    .cert = clv_trust_cert_ref(cert), .where = where};
	return link_cert(snapshot, at) ? CLV_OK : fail(builder, err);
}

clv_status
clv_trust_builder_add_crl(struct clv_trust_builder *builder,
    struct clv_trust_crl *crl, enum clv_trust_where where, clv_error **err)
{
	clv_trust_snapshot *snapshot = builder->snapshot;
	struct clv_trust_crl_member *member;
	uint32_t at = snapshot->free_crl;

	if (at == CLV_TRUST_NONE) {
		if (!fit_crls(snapshot, snapshot->crl_count + 1))
			return fail(builder, err);
		at = (uint32_t)snapshot->crl_count;
	}
	if ((member = own_crl(snapshot, at)) == NULL)
		return fail(builder, err);
	if (at == snapshot->free_crl) {
		snapshot->free_crl = member->next_issuer;
		snapshot->removed_crls--;
	} else {
		snapshot->crl_count++;
	}
	*member = (struct clv_trust_crl_member){
	    .crl = clv_trust_crl_ref(crl), .where = where};
	return link_crl(snapshot, at) ? CLV_OK : fail(builder, err);
}

/* Where the link to member `at` is: the head of its chain, or `link` bytes
 * into the member before it. NULL without memory. */
static uint32_t *
find_link(struct clv_pages *members, const struct clv_page_kind *kind,
    struct clv_table *table, uint64_t hash, uint32_t at, size_t link)
{
	uint32_t *place = own_head(table, hash);

	while (place != NULL && *place != at) {
		unsigned char *before = clv_pages_own(members, kind, *place);

		place =
		    before != NULL ? (uint32_t *)(void *)(before + link) : NULL;
	}
	return place;
}

static uint32_t *
find_cert_link(clv_trust_snapshot *snapshot, struct clv_table *table,
    uint64_t hash, uint32_t at, size_t link)
{
	return find_link(
	    &snapshot->certs, &clv_cert_page, table, hash, at, link);
}

static bool
unlink_cert(clv_trust_snapshot *snapshot, uint32_t at)
{
	struct clv_trust_member *member = own_cert(snapshot, at);
	uint32_t *thumbprint, *subject, *subject_key;

	if (member == NULL)
		return false;
	thumbprint = find_cert_link(snapshot, &snapshot->by_thumbprint,
	    clv_thumbprint_hash(member->cert->thumbprint), at,
	    offsetof(struct clv_trust_member, next_thumbprint));
	subject = find_cert_link(snapshot, &snapshot->by_subject,
	    member->cert->subject_hash, at,
	    offsetof(struct clv_trust_member, next_subject));
	subject_key = find_cert_link(snapshot, &snapshot->by_subject_key,
	    subject_key_hash(member->cert), at,
	    offsetof(struct clv_trust_member, next_subject_key));
	if (thumbprint == NULL || subject == NULL || subject_key == NULL)
		return false;
	*thumbprint = member->next_thumbprint;
	*subject = member->next_subject;
	*subject_key = member->next_subject_key;
	clv_trust_cert_unref(member->cert);
	*member = (struct clv_trust_member){
	    .cert = NULL, .next_thumbprint = snapshot->free_cert};
	snapshot->free_cert = at;
	snapshot->removed_certs++;
	return true;
}

bool
clv_trust_builder_remove_cert(struct clv_trust_builder *builder,
    const struct clv_trust_cert *cert, enum clv_trust_where where)
{
	clv_trust_snapshot *snapshot = builder->snapshot;
	uint32_t at = clv_table_head(
	    &snapshot->by_thumbprint, clv_thumbprint_hash(cert->thumbprint));

	while (at != CLV_TRUST_NONE) {
		const struct clv_trust_member *member =
		    clv_snapshot_cert(snapshot, at);

		if (member->cert == cert && member->where == where)
			break;
		at = member->next_thumbprint;
	}
	if (at == CLV_TRUST_NONE)
		return false;
	if (!unlink_cert(snapshot, at))
		builder->failed = true;
	return true;
}

static bool
unlink_crl(clv_trust_snapshot *snapshot, uint32_t at)
{
	struct clv_trust_crl_member *member = own_crl(snapshot, at);
	uint32_t *issuer;

	if (member == NULL)
		return false;
	issuer = find_link(&snapshot->crls, &clv_crl_page,
	    &snapshot->crl_by_issuer, member->crl->issuer_hash, at,
	    offsetof(struct clv_trust_crl_member, next_issuer));
	if (issuer == NULL)
		return false;
	*issuer = member->next_issuer;
	clv_trust_crl_unref(member->crl);
	*member = (struct clv_trust_crl_member){
	    .crl = NULL, .next_issuer = snapshot->free_crl};
	snapshot->free_crl = at;
	snapshot->removed_crls++;
	return true;
}

bool
clv_trust_builder_remove_crl(struct clv_trust_builder *builder,
    const struct clv_trust_crl *crl, enum clv_trust_where where)
{
	clv_trust_snapshot *snapshot = builder->snapshot;
	uint32_t at =
	    clv_table_head(&snapshot->crl_by_issuer, crl->issuer_hash);

	while (at != CLV_TRUST_NONE) {
		const struct clv_trust_crl_member *member =
		    clv_snapshot_crl(snapshot, at);

		if (member->crl == crl && member->where == where)
			break;
		at = member->next_issuer;
	}
	if (at == CLV_TRUST_NONE)
		return false;
	if (!unlink_crl(snapshot, at))
		builder->failed = true;
	return true;
}
