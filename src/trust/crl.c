/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/crl.h"

#include "trust/certificate_parse.h"
#include "trust/crl_parse.h"
#include "trust/distinguished_name.h"
#include "trust/signature_kind.h"

#include <claviger/statuscode.h>

#include <stdlib.h>

#include <openssl/evp.h>

struct clv_trust_crl *
clv_trust_crl_ref(struct clv_trust_crl *crl)
{
	atomic_fetch_add_explicit(&crl->references, 1, memory_order_relaxed);
	return crl;
}

void
clv_trust_crl_unref(struct clv_trust_crl *crl)
{
	if (crl == NULL ||
	    atomic_fetch_sub_explicit(
		&crl->references, 1, memory_order_acq_rel) != 1)
		return;
	free(crl->slots);
	free(crl);
}

size_t
clv_trust_crl_issuer_text(
    const struct clv_trust_crl *crl, char *text, size_t size)
{
	struct clv_der in =
	    clv_der_of(crl->der + crl->issuer.at, crl->issuer.size);
	struct clv_der contents = {in.at, in.at};

	(void)clv_der_read(&in, CLV_DER_SEQUENCE, &contents);
	return clv_name_text(contents, text, size);
}

/* The CRL's own digest goes into the hash, so that nobody can make serial
 * numbers up that all fall into one slot. */
static uint32_t
slot_of(const struct clv_trust_crl *crl, const uint8_t *serial, size_t size)
{
	const uint64_t factor = UINT64_C(0x9E3779B97F4A7C15);
	uint64_t seed;

	memcpy(&seed, crl->thumbprint, sizeof(seed));
	seed = (seed ^ clv_name_hash(serial, size)) * factor;
	seed = (seed ^ seed >> 31) * factor;
	return (uint32_t)(seed >> 32) & crl->slot_mask;
}

/* Finds the slot of a serial number, or the free one where it would go. */
static uint32_t
find_slot(const struct clv_trust_crl *crl, const uint8_t *serial, size_t size)
{
	uint32_t slot = slot_of(crl, serial, size);

	for (; crl->slots[slot] != 0; slot = (slot + 1) & crl->slot_mask) {
		const uint32_t at = crl->slots[slot];
		struct clv_der in = clv_der_of(crl->der + at, crl->size - at);
		struct clv_der contents, magnitude;

		if (clv_der_read(&in, CLV_DER_SEQUENCE, &contents) &&
		    clv_der_unsigned(&contents, &magnitude) &&
		    clv_der_matches(&magnitude, serial, size))
			break;
	}
	return slot;
}

bool
clv_trust_crl_find(const struct clv_trust_crl *crl, const uint8_t *serial,
    size_t size, struct clv_trust_crl_entry *entry)
{
	struct clv_der in, magnitude;
	uint32_t at;

	if (crl->entry_count == 0)
		return false;
	at = crl->slots[find_slot(crl, serial, size)];
	if (at == 0)
		return false;
	in = clv_der_of(crl->der + at, crl->size - at);
	return clv_crl_read_entry(&in, &magnitude, entry);
}

static void
insert(struct clv_trust_crl *crl, const struct clv_der *serial, uint32_t at,
    uint8_t reason)
{
	const uint32_t slot = find_slot(crl, serial->at, clv_der_size(serial));

	/* Listed twice: the entry that revokes stays. */
	if (crl->slots[slot] == 0 || reason != CLV_REASON_REMOVE_FROM_CRL)
		crl->slots[slot] = at;
}

static bool
make_slots(struct clv_trust_crl *crl)
{
	uint32_t count = 16;

	while (count < 2 * crl->entry_count)
		count *= 2;
	crl->slots = calloc(count, sizeof(*crl->slots));
	crl->slot_mask = count - 1;
	return crl->slots != NULL;
}

/* Each entry is checked before it is counted, then hashed. */
static bool
hash_entries(struct clv_crl_parser *parser, struct clv_der entries)
{
	struct clv_trust_crl *crl = parser->crl;
	struct clv_trust_crl_entry entry;
	struct clv_der serial;
	uint32_t at;

	if (!clv_crl_check_entries(parser, entries))
		return false;
	if (crl->entry_count == 0)
		return true;
	if (!make_slots(crl)) {
		parser->why = NULL; /* no memory */
		return false;
	}
	while (!clv_der_empty(&entries)) {
		at = (uint32_t)(entries.at - crl->der);
		(void)clv_crl_read_entry(&entries, &serial, &entry);
		insert(crl, &serial, at, entry.reason);
	}
	return true;
}

static struct clv_trust_crl *
new_crl(const void *der, size_t size, const char *file)
{
	const size_t name = file != NULL ? strlen(file) + 1 : 0;
	struct clv_trust_crl *crl = malloc(sizeof(*crl) + size + name);
	uint8_t *tail;

	if (crl == NULL)
		return NULL;
	memset(crl, 0, sizeof(*crl));
	tail = (uint8_t *)(crl + 1);
	atomic_init(&crl->references, 1);
	for (size_t i = 0; i < CLV_TRUST_CRL_MEMO; i++)
		atomic_init(&crl->memo[i].state, 0);
	crl->size = (uint32_t)size;
	crl->der = memcpy(tail, der, size);
	if (file != NULL)
		crl->file = memcpy(tail + size, file, name);
	return crl;
}

static bool
parse(struct clv_crl_parser *parser)
{
	struct clv_trust_crl *crl = parser->crl;
	struct clv_der entries;

	return clv_crl_parse_list(parser, &entries) &&
	    EVP_Digest(
		crl->der, crl->size, crl->thumbprint, NULL, EVP_sha1(), NULL) &&
	    hash_entries(parser, entries);
}

clv_status
clv_trust_crl_parse(const void *der, size_t size, const char *file,
    struct clv_trust_crl **out, clv_error **err)
{
	const struct clv_error_info info = {
	    .operation = "read CRL", .subject = file};
	struct clv_crl_parser parser = {.status = CLV_CORRUPT};

	*out = NULL;
	if (size > CLV_TRUST_CRL_MAX)
		return clv_error_raise(err, CLV_TOO_LARGE, &info,
		    "it is larger than %u bytes", CLV_TRUST_CRL_MAX);
	parser.crl = new_crl(der, size, file);
	if (parser.crl == NULL || !parse(&parser)) {
		clv_trust_crl_unref(parser.crl);
		return parser.why == NULL ? clv_error_raise(err, CLV_NO_MEMORY,
						&info, "out of memory")
					  : clv_error_raise(err, parser.status,
						&info, "%s", parser.why);
	}
	*out = parser.crl;
	return CLV_OK;
}

int
clv_trust_crl_compare_number(const struct clv_trust_crl *a,
    struct clv_trust_span of_a, const struct clv_trust_crl *b,
    struct clv_trust_span of_b)
{
	int order;

	if (of_a.size != of_b.size)
		return of_a.size < of_b.size ? -1 : 1;
	order = memcmp(a->der + of_a.at, b->der + of_b.at, of_a.size);
	return (order > 0) - (order < 0);
}
