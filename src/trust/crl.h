/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A certificate revocation list taken apart once, strictly, with its serial
 * numbers hashed, so that a lookup costs the same for one entry as for a
 * hundred thousand.
 *
 * Refused, because believing them could make a revoked certificate pass:
 * indirect CRLs and those restricted to some certificates or reasons
 * (IssuingDistributionPoint), unknown critical extensions of the list or of
 * an entry, a list without nextUpdate. A refused CRL counts as no CRL.
 *
 * Whether the signature holds and whether the dates do is asked with the
 * issuer at hand (signature.h, verify.h). Any thread may use a CRL.
 */
#ifndef CLV_TRUST_CRL_H
#define CLV_TRUST_CRL_H

#include "trust/certificate.h"

/* Larger CRLs are CLV_TOO_LARGE. */
#define CLV_TRUST_CRL_MAX (64U << 20)

/* Issuer keys for which a CRL remembers whether its signature holds. */
#define CLV_TRUST_CRL_MEMO 4U

/* RFC 5280, 5.3.1; only these two decide anything. */
enum {
	CLV_REASON_UNSPECIFIED = 0,
	CLV_REASON_CERTIFICATE_HOLD = 6,
	CLV_REASON_REMOVE_FROM_CRL = 8
};

enum {
	CLV_CRL_DELTA = 1U << 0,      /* deltaCRLIndicator */
	CLV_CRL_HAS_NUMBER = 1U << 1, /* cRLNumber */
	CLV_CRL_HAS_AKI = 1U << 2
};

struct clv_trust_crl {
	atomic_size_t references;
	uint32_t size;
	uint16_t flags;         /* CLV_CRL_... */
	uint8_t signature_kind; /* enum clv_trust_signature_kind */
	const uint8_t *der;     /* owned */
	const char *file;       /* as in struct clv_trust_cert, owned */
	uint8_t thumbprint[CLV_THUMBPRINT_SIZE]; /* SHA-1 of the DER */

	struct clv_trust_span tbs;
	struct clv_trust_span issuer; /* the whole Name */
	struct clv_trust_span aki;    /* keyIdentifier, or 0 */
	struct clv_trust_span number; /* cRLNumber, big-endian, minimal */
	struct clv_trust_span base;   /* BaseCRLNumber of a delta */
	struct clv_trust_span algorithm;
	struct clv_trust_span signature;

	int64_t this_update;
	int64_t next_update;
	uint64_t issuer_hash;

	uint32_t entry_count;
	uint32_t slot_mask;
	uint32_t *slots; /* offset of an entry, 0: free */

	/* Whether the signature holds under a key, asked once for each: the
	 * key's digest and, once that is written, the answer. */
	struct clv_trust_crl_memo {
		_Atomic(uint8_t) state; /* 0 free, 1 busy, 2 holds, 3 not */
		uint8_t key[32];
	} memo[CLV_TRUST_CRL_MEMO];
};

/*
 * Parses one DER CRL that fills `size` bytes exactly; copies it and `file`
 * (may be NULL). A refusal is CLV_CORRUPT (damaged), CLV_UNSUPPORTED (of a
 * kind named above), CLV_TOO_LARGE or CLV_NO_MEMORY.
 */
clv_status clv_trust_crl_parse(const void *der, size_t size, const char *file,
    struct clv_trust_crl **out, clv_error **err);

struct clv_trust_crl *clv_trust_crl_ref(struct clv_trust_crl *crl);
void clv_trust_crl_unref(struct clv_trust_crl *crl); /* NULL is fine */

/* Issuer as text for a terminal, as clv_trust_cert_subject_text(). */
size_t clv_trust_crl_issuer_text(
    const struct clv_trust_crl *crl, char *text, size_t size);

/* What is listed for a serial number (contents of the INTEGER). */
struct clv_trust_crl_entry {
	int64_t revoked_at;
	uint8_t reason;
};
bool clv_trust_crl_find(const struct clv_trust_crl *crl, const uint8_t *serial,
    size_t size, struct clv_trust_crl_entry *entry);

/* -1, 0, 1: compares numbers such as cRLNumber; unset is less than any. */
int clv_trust_crl_compare_number(const struct clv_trust_crl *a,
    struct clv_trust_span of_a, const struct clv_trust_crl *b,
    struct clv_trust_span of_b);

#endif
