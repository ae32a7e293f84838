/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What `claviger status` has found out, before it is printed. No device is
 * touched for it, so that one that is away holds nobody up. */
#ifndef CLV_TOOLS_STATUS_H
#define CLV_TOOLS_STATUS_H

#include "program.h"

#include <claviger/audit.h>
#include <claviger/transaction.h>

#define STATUS_LISTS 5
#define STATUS_REJECTED (STATUS_LISTS - 1)
#define STATUS_ADVICE_MAX 64

struct status_slot {
	struct clv_slot about;
	char *pending; /* URI of the key that waits, or NULL */
	clv_certificate *certificate;
	clv_error *problem;  /* why there is no certificate */
	const char *finding; /* what is wrong with the one there; or NULL */
	long long days_left;
};

struct status_group {
	const char *name;
	const char *trust_list;
	/* What counts; -1: it can't be read. */
	long counts[STATUS_LISTS];
	long strays[STATUS_LISTS]; /* files that do not count */
	cJSON *problems;           /* these, and why */
};

struct status {
	clv_context *context;
	const clv_application *application;
	struct status_slot *slots;
	size_t slot_count;
	struct status_group *groups;
	size_t group_count;
	bool committed; /* something ever was */
	int64_t last;   /* when */
	char *changes;  /* what, one a line: "group" or "group/type" */
	clv_error *last_problem;
	struct clv_audit_summary audit;
	clv_error *audit_problem;
	char *advice[STATUS_ADVICE_MAX];
	size_t advice_count;
	bool good; /* every slot can be used */
};

/* What the lists are called. */
extern const char *const status_list_names[STATUS_LISTS];

/* False if memory runs out. */
bool status_gather(clv_context *context, const clv_application *application,
    struct status *status);
/* The same for one group's TrustList (status_lists.c). */
void status_gather_list(struct status *status, struct status_group *group);
/* Adds something to do, unless there is too much already. */
void status_advise(struct status *status, const char *format, ...)
    CLV_PRINTF(2, 3);
void status_clear(struct status *status);

/* The audit log is not to be relied on. That this account may not read it is
 * no such thing. */
bool status_audit_is_bad(const struct status *status);

void status_print(const struct status *status);
int status_print_json(const struct status *status);

#endif
