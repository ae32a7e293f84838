/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What generating and importing have in common: attributes, names, and taking
 * back what did not turn out right. */
#ifndef CLV_PKCS11_CREATE_H
#define CLV_PKCS11_CREATE_H

#include "key.h"

/* Room for the attributes of one object. */
#define P11_TEMPLATE_MAX 24U

struct p11_template {
	CK_ATTRIBUTE attributes[P11_TEMPLATE_MAX];
	CK_ULONG count;
};

struct p11_creation;

/* Makes both halves, under creation->id; stores what handles it gets. */
typedef CK_RV p11_make_fn(struct p11_call *call, struct p11_creation *creation);

/* A pair that is being made; lives through the step's repetitions. */
struct p11_creation {
	const struct clv_key_spec *spec;
	p11_make_fn *make;
	clv_family family;
	uint8_t id[P11_ID_MAX]; /* under which it is made */
	size_t id_size;
	uint8_t new_id[20]; /* and which it may have got since */
	bool renamed;
	bool public_taken; /* a public key had label and id before */
	CK_OBJECT_HANDLE private;
	CK_OBJECT_HANDLE public;
	unsigned generation; /* of sessions in which the handles are good */
	bool started;        /* a try may have left something behind */
	struct p11_key *key;
};

void clv_p11_template_add(struct p11_template *template, CK_ATTRIBUTE_TYPE type,
    const void *value, size_t size);

/* Class, type, label, id, and what the private half may do: be used for OPC
 * UA, and never leave. */
void clv_p11_template_private(
    struct p11_template *template, const struct p11_creation *creation);
void clv_p11_template_public(
    struct p11_template *template, const struct p11_creation *creation);

/*
 * Makes the pair, and gives it the id that follows from its public key, unless
 * one was asked for. The argument is the creation. Raises CLV_EXISTS if label
 * or id are in use, also if somebody else takes them meanwhile: of several who
 * do at most one wins.
 */
CK_RV clv_p11_creation_step(struct p11_call *call, void *argument);

/* Runs that step, and gives the key out, or leaves nothing behind. */
clv_status clv_p11_creation_run(
    struct p11_call *call, struct p11_creation *creation, void **key);

CK_KEY_TYPE clv_p11_key_type(clv_family family);

#endif
