/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The inside of a clv_live, for the files that make it up. */
#ifndef CLV_APPLICATION_LIVE_H
#define CLV_APPLICATION_LIVE_H

#include <claviger/live.h>

#include <pthread.h>
#include <stdatomic.h>

#include "application/application.h"
#include "application/generation.h"
#include "application/live_watch.h"

#define CLV_LIVE_DIGEST 32

/* An open TrustList, shared by views. */
struct clv_live_list {
	atomic_size_t references;
	char *path; /* as in claviger.conf */
	clv_trust *trust;
	/* Set by the thread that dispatches while it asks the list. */
	struct clv_live_telling *telling;
};

/* A key, and the file it is in, if it is in one. */
struct clv_live_key {
	clv_key *key;
	clv_certificate *certificate;
	uint8_t *chain;
	size_t chain_size;
	clv_error *problem;
	/* What was seen when the slot was last changed by those who may:
	 * SHA-256 of the public key. */
	uint8_t seen[CLV_LIVE_DIGEST];
	bool has_seen;
	uint64_t print; /* of the key's file; 0: it is in none */
};

/* One reading of claviger.conf and what it names, shared by views. */
struct clv_live_state {
	atomic_size_t references;
	clv_application *application;
	char nonce[CLV_NONCE_SIZE];
	struct clv_live_key slots[CLV_SLOTS_MAX];
	size_t count;
};

struct clv_live_view {
	atomic_size_t references;
	struct clv_live_state *state;
	struct clv_live_view_list {
		struct clv_live_list *list;   /* NULL if it can't be opened */
		clv_trust_snapshot *snapshot; /* NULL if it can't be read */
		clv_error *problem;
	} lists[CLV_GROUPS_MAX];
	size_t count;
};

struct clv_live {
	/* Never changed after clv_live_open(). */
	clv_context *context;
	char *directory;
	struct clv_live_watch *watch;

	/* For a moment only: what the current view is. */
	pthread_mutex_t lock;
	clv_live_view *current;
	int wake; /* eventfd; -1 until somebody polls */
	_Atomic bool stale;

	/* For whoever reads what is new. Taken before `lock`. */
	pthread_mutex_t refreshing;
	bool check;    /* compare all keys */
	bool noticing; /* TrustLists keep what changes, to be told */

	/* For the thread that dispatches. */
	clv_live_notice_fn *fn;
	void *user;
	clv_live_view *told;
	int timer;
	int poll;
	int64_t next_retry;
};

/* Brings the current view up to date. Returns at once if it is. */
clv_status clv_live_refresh(clv_live *live, clv_error **err);

/* A reference to the current view, whether it is up to date or not. */
clv_live_view *clv_live_take_view(clv_live *live);

/* ---- views (live_view.c) ---- */

struct clv_live_state *clv_live_state_ref(struct clv_live_state *state);
void clv_live_state_unref(struct clv_live_state *state); /* NULL is fine */
struct clv_live_list *clv_live_list_ref(struct clv_live_list *list);
void clv_live_list_unref(struct clv_live_list *list); /* NULL is fine */

/* ---- reading (live_read.c, live_slot.c) ---- */

/* Reads the application, without its slots. */
clv_status clv_live_state_read(
    const clv_live *live, struct clv_live_state **out, clv_error **err);

/* The files whose change changes what a state is. */
clv_status clv_live_state_files(const clv_live *live,
    const struct clv_live_state *state, struct clv_live_files *files,
    clv_error **err);

/* Reads the slots and opens their keys. `before` is the state until now, or
 * NULL; with `check`, all keys are compared. */
void clv_live_state_read_slots(struct clv_live_state *state,
    const struct clv_live_state *before, bool check);

/* Adds the TrustLists to a state, as a new view. `before` may be NULL. */
clv_status clv_live_view_make(struct clv_live_state *state,
    const clv_live_view *before, bool noticing, clv_live_view **out,
    clv_error **err);

/* ---- telling (live_notice.c) ---- */

/* A TrustList has something new to tell; `user` is its clv_live_list. */
clv_trust_notice_fn clv_live_list_notice;

#endif
