/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What is to go wrong, and when: the directives about single calls. */
#ifndef CLV_FAKE_PROXY_RULES_H
#define CLV_FAKE_PROXY_RULES_H

#include <stdbool.h>

#include "call.h"

#define RULES_MAX 256
#define PLAN_MAX 8

enum rule_action {
	RULE_FAULT,   /* value: CK_RV */
	RULE_HANG,    /* value: microseconds, 0 = until released */
	RULE_DELAY,   /* value: microseconds */
	RULE_PRETEND, /* CKR_OK without doing anything */
	RULE_PULL,    /* the token goes before the call */
	RULE_BLINK,   /* the token goes and comes back before the call */
	RULE_LENGTH,  /* value: the length or the difference */
	RULE_CORRUPT,
};

struct rule {
	enum rule_action action;
	int function; /* -1: every function */
	enum { RULE_AT, RULE_EVERY, RULE_FIRST, RULE_AFTER } when;
	uint64_t number; /* of `when`: the call, counted from 1 */
	CK_ULONG value;
	bool relative;      /* RULE_LENGTH: value is a difference */
	bool late;          /* RULE_FAULT: after the real call */
	bool one_attribute; /* only lie about `attribute` */
	CK_ATTRIBUTE_TYPE attribute;
	uint64_t seen; /* calls this rule has looked at */
};

/* The rules that a call has met, in the order in which they were given. */
struct plan {
	struct rule rules[PLAN_MAX];
	int count;
};

/*
 * Adds the rule that `words` (NULL-terminated, the action first) describe.
 * Returns false if the first word is no action; otherwise *problem is NULL or
 * says what is wrong.
 */
bool rules_add(char **words, const char **problem);
void rules_clear(void);

/* Counts the call for each rule and collects those that it meets, at most
 * PLAN_MAX. */
void rules_match(const struct call *call, struct plan *plan);

/* After fork(): the lock may be held by a thread that is not there. */
void rules_renew_in_child(void);

/* Applies the plan's lies to a finished call. */
void rules_lie(const struct plan *plan, const struct call *call);

#endif
