/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The inside of a verification: one check, the chain it is about, and what
 * its steps find. verify.c runs it; the steps are in verify_*.c.
 */
#ifndef CLV_TRUST_CHECK_H
#define CLV_TRUST_CHECK_H

#include "trust/certificate.h"
#include "trust/crl.h"
#include "trust/snapshot.h"

#include <claviger/verify.h>

/* The most that CLV_LIMIT_CHAIN_LENGTH can be set to. */
#define CLV_CHAIN_MAX 32U

/* Connections between certificates that are looked at, remembered signatures
 * included: bounds the search where many CAs certify one another. */
#define CLV_EDGES_MAX 1024U

struct clv_security_policy; /* security_policy.h */

struct clv_verify_options {
	clv_verify_role role;
	char *hostname; /* without brackets, final dot, ".local"; or NULL */
	uint8_t address[16]; /* if the host is one */
	size_t address_size; /* 0, 4, 16 */
	char *uri;
	const struct clv_security_policy *policy;
	int64_t time;
	bool has_time;
	uint32_t validation;
	clv_verify_ca ca;
	size_t limits[CLV_LIMIT_CHAINS + 1];
	clv_verify_ask_fn *ask;
	void *ask_user;
};

/* The defaults, for a check without options. */
extern const struct clv_verify_options clv_verify_defaults;

/*
 * Findings. A finding holds what its text is made of: texts are made when
 * somebody asks. `text` is a template: {subject} and {issuer} are the
 * certificate's, {other} the subject of `other`, {name} is `name`, {time} and
 * {number} are `number`.
 */
struct clv_row {
	const char *text;
	clv_verify_step step;
	clv_statuscode status;
	bool suppressed;
	bool warning;
	unsigned depth;
	const struct clv_trust_cert *other;
	const struct clv_trust_crl *crl; /* its file decided */
	const char *file;                /* or this one */
	const char *name; /* static, or the options', or the check's */
	int64_t number;
};

#define CLV_ROWS_INLINE 32U
#define CLV_ROWS_MAX 512U /* further ones are dropped, never the first bad */

struct clv_rows {
	struct clv_row inlined[CLV_ROWS_INLINE];
	struct clv_row *rows; /* inlined, or malloc'ed */
	size_t count;
	size_t space;
	bool no_memory;
};

void clv_rows_init(struct clv_rows *rows);
void clv_rows_clear(struct clv_rows *rows);
void clv_rows_add(struct clv_rows *rows, const struct clv_row *row);
/* The first bad one that is not suppressed; NULL: all is well. */
const struct clv_row *clv_rows_worst(const struct clv_rows *rows);

/*
 * A chain, leaf first. Where it ends without a self-signed certificate it is
 * a stump, and `stump` tells why.
 */
enum clv_stump {
	CLV_CHAIN_COMPLETE = 0,
	CLV_STUMP_NO_ISSUER,     /* nobody of that name is known */
	CLV_STUMP_OTHER_KEY,     /* of that name, with another key identifier */
	CLV_STUMP_BAD_SIGNATURE, /* of that name, but its key did not sign */
	CLV_STUMP_LOOP,          /* only certificates that are in it already */
	CLV_STUMP_TOO_LONG,
	CLV_STUMP_TOO_MANY, /* not all of that name were looked at */
	CLV_STUMP_GAVE_UP   /* a limit of the search was reached */
};

struct clv_chain {
	struct clv_trust_cert *certs[CLV_CHAIN_MAX];
	unsigned length;
	enum clv_stump stump;
	/* For BAD_SIGNATURE: whose key did not sign. */
	const struct clv_trust_cert *blamed;
};

/* One verification under way. */
struct clv_check {
	const clv_trust_snapshot *snapshot;
	struct clv_trust_engine *engine;
	const struct clv_verify_options *options;
	int64_t now;

	/* What was sent: the leaf and what came with it. Owned. */
	struct clv_trust_cert *sent[CLV_CHAIN_MAX];
	unsigned sent_count;

	/* What may still be done. */
	unsigned signatures;
	unsigned edges;
	unsigned chains;
	bool gave_up;

	/* The chain being judged, and the rows about it. */
	struct clv_chain *chain;
	struct clv_rows *rows;
};

/* The place of `row.step` and the rest; for designated initialisers. */
#define clv_check_note(check, ...) \
	clv_rows_add((check)->rows, &(const struct clv_row){__VA_ARGS__})

static inline bool
clv_check_is_self_signed(const struct clv_chain *chain, unsigned depth)
{
	return chain->stump == CLV_CHAIN_COMPLETE && depth + 1 == chain->length;
}

/* `leaf` for the certificate itself, `issuer` for those above it. */
static inline clv_statuscode
clv_check_code(unsigned depth, clv_statuscode leaf, clv_statuscode issuer)
{
	return depth == 0 ? leaf : issuer;
}

/*
 * Splits and parses what was sent; fills `sent`. False: a row says why, or
 * there is no memory.
 */
bool clv_check_read(struct clv_check *check, const uint8_t *der, size_t size);

/*
 * Looks for chains, the likeliest first, and calls `judge` for each that is
 * complete, until it returns true. If none is complete, `judge` is called
 * once with the longest stump.
 */
typedef bool clv_judge_fn(struct clv_check *check, struct clv_chain *chain);
void clv_check_search(struct clv_check *check, clv_judge_fn *judge);

/* The steps; each adds rows about check->chain. */
void clv_check_policy(struct clv_check *check);
void clv_check_trust(struct clv_check *check);
void clv_check_validity(struct clv_check *check);
void clv_check_hostname(struct clv_check *check);
void clv_check_uri(struct clv_check *check);
void clv_check_usage(struct clv_check *check);
void clv_check_revocation(struct clv_check *check); /* steps 10 and 11 */

/*
 * Whether the name constraints of `issuer` let it issue `cert`; `*why` is a
 * static sentence if not. RFC 5280, 4.2.1.10.
 */
bool clv_name_constraints_permit(const struct clv_trust_cert *issuer,
    const struct clv_trust_cert *cert, const char **why);

/* Makes a verdict of a finished check; NULL without memory. */
clv_verdict *clv_verdict_new(const struct clv_check *check,
    const struct clv_chain *chain, const struct clv_rows *rows);

/* A person takes the certificate although it is not trusted. */
void clv_verdict_accept(clv_verdict *verdict);

#endif
