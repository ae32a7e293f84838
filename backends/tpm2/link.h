/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The inside of a connection, for the files that work under its lock.
 */
#ifndef CLV_TPM2_LINK_H
#define CLV_TPM2_LINK_H

#include "slots.h"
#include "tpm.h"
#include "transport.h"

#include <pthread.h>
#include <sys/types.h>

/* Keys we keep loaded at most, whatever the TPM offers. */
#define CLV_TPM_RESIDENT_MAX 16U

/* A key that is loaded, and for whom. */
struct clv_tpm_resident {
	const struct clv_tpm_object *object; /* NULL: free */
	TPM2_HANDLE handle;
	bool proven; /* an HMAC of the TPM's has named it by this handle */
	clv_tpm_claim slot;
	uint64_t used;
};

/* The storage key that we load keys under and salt sessions to. */
struct clv_tpm_primary {
	TPM2_HANDLE parent; /* as a key names it; 0: none known */
	TPM2_HANDLE handle; /* 0: not loaded */
	bool transient;
	bool proven;   /* as above */
	bool recorded; /* its name was compared with a recorded one */
	clv_tpm_claim slot;
	uint64_t used;
	TPM2B_PUBLIC public_area;
	TPM2B_NAME name;
};

/* Things worth a line in the log, told after the lock is gone. */
enum clv_tpm_event {
	CLV_TPM_RECONNECTED = 1,
	CLV_TPM_WAS_RESET = 2,
	CLV_TPM_RELOADED = 4,
	CLV_TPM_SWEPT = 8
};

struct clv_tpm_link {
	pid_t pid;
	pthread_mutex_t mutex;
	const char *tcti; /* the clv_tpm's */
	bool managed;
	TSS2_TCTI_CONTEXT *transport; /* NULL: not connected */
	bool was_connected;
	struct clv_tpm_crypto *crypto;
	struct clv_tpm_slots *slots; /* NULL: nobody to share with */
	struct clv_tpm_epoch epoch;

	clv_secret memory; /* of command, answer and session */
	struct clv_tpm_command *command;
	struct clv_tpm_answer *answer;
	struct clv_tpm_session *session;
	bool session_recorded;     /* salted to a primary of recorded name */
	TPM2B_NAME session_target; /* that primary's */
	clv_tpm_claim session_slot;

	struct clv_tpm_primary primary;
	struct clv_tpm_resident residents[CLV_TPM_RESIDENT_MAX];
	unsigned capacity; /* transient objects, the primary included */
	uint64_t uses;
	bool used_lockable; /* a key under dictionary-attack protection */
	unsigned events;
	uint64_t commands; /* sent so far */
};

/* ---- link.c: life ---- */

struct clv_tpm_link *clv_tpm_link_new(const char *tcti);
/* Flushes what is ours and closes. */
void clv_tpm_link_free(struct clv_tpm_link **link);
/* Connects unless connected. What the TPM itself has against it is `*rc`. */
clv_status clv_tpm_link_connect(struct clv_tpm_link *link, const char *subject,
    TSS2_RC *rc, clv_error **err);
/* Closes the way to the TPM; a TPM without resource manager keeps what it
 * has. */
void clv_tpm_link_disconnect(struct clv_tpm_link *link);
/* Knows nothing any more of what the TPM holds. */
void clv_tpm_link_forget(struct clv_tpm_link *link);

/*
 * Sends link->command and reads link->answer up to its parameters, waiting
 * while the TPM says it is busy. `auth` is for a protected command.
 * `handle` is NULL unless the answer begins with one.
 */
TSS2_RC clv_tpm_exchange(struct clv_tpm_link *link,
    const struct clv_tpm_auth *auth, TPM2_HANDLE *handle);

/* ---- resident.c: what is loaded ---- */

/* The handle to use `object` with: loads it if need be, with session. */
TSS2_RC clv_tpm_need(struct clv_tpm_link *link,
    const struct clv_tpm_object *object, TPM2_HANDLE *handle);
/* Whether that would send no command. */
bool clv_tpm_is_ready(
    struct clv_tpm_link *link, const struct clv_tpm_object *object);
/* The session, salted to the primary of `parent`, whose name is compared with
 * `recorded` if that is not empty; and the primary itself, loaded. */
TSS2_RC clv_tpm_need_parent(
    struct clv_tpm_link *link, TPM2_HANDLE parent, const TPM2B_NAME *recorded);
/* Room for one more object, made by flushing our own. */
void clv_tpm_make_room(struct clv_tpm_link *link, bool spare_primary);
/* After the TPM said that it is full: takes a slot from ourselves or another
 * of our processes. False if there was none to take. */
bool clv_tpm_take_slot(
    struct clv_tpm_link *link, enum clv_tpm_slot_kind kind, bool spare_primary);
/* After a protected command went well: the handles it named are right. */
void clv_tpm_prove(struct clv_tpm_link *link);
/* Compares names with the TPM's and forgets what is not there any more;
 * whether that changed anything. */
bool clv_tpm_revalidate(struct clv_tpm_link *link);
/* Flushes the primary; it is found again when needed. */
void clv_tpm_flush_primary(struct clv_tpm_link *link);
/* Flushes everything of ours that is loaded. */
void clv_tpm_flush_all(struct clv_tpm_link *link);
bool clv_tpm_is_resident(
    struct clv_tpm_link *link, const struct clv_tpm_object *object);
void clv_tpm_flush_session(struct clv_tpm_link *link);
void clv_tpm_flush_object(
    struct clv_tpm_link *link, const struct clv_tpm_object *object);

/* ---- share_slots.c: among processes, without resource manager ---- */

/* Before and after a command that makes an object or a session; `claim` is
 * where it is written down, -1 if it is not. A `name` of NULL is not known. */
TSS2_RC clv_tpm_intend(struct clv_tpm_link *link, enum clv_tpm_slot_kind kind,
    const TPM2B_NAME *name, clv_tpm_claim *claim);
/* Returns `rc`, or CLV_TPM_RC_MALFORMED if the handle can't be the new one's.
 * Unless the TPM refused, what an answer that was no good may hide is looked
 * for: at once, or when we are connected again. */
TSS2_RC clv_tpm_settle(struct clv_tpm_link *link, clv_tpm_claim claim,
    TSS2_RC rc, TPM2_HANDLE handle, const TPM2B_NAME *name);
/* The same for what was settled, but is not to be found by its handle. */
void clv_tpm_search(struct clv_tpm_link *link, clv_tpm_claim claim);
/* Flushes what another process of ours used least recently. */
bool clv_tpm_take_from_others(
    struct clv_tpm_link *link, enum clv_tpm_slot_kind kind);
/* Flushes what dead processes left, and what lost answers hide; with `own`,
 * everything else of ours that is still on record. */
void clv_tpm_sweep(struct clv_tpm_link *link, bool own);

/* ---- primary.c ---- */

/* Finds or makes the primary of `parent` and checks its name. */
TSS2_RC clv_tpm_primary_find(
    struct clv_tpm_link *link, TPM2_HANDLE parent, const TPM2B_NAME *recorded);
/* The template of the TCG's default ECC storage root key. */
extern const TPM2B_PUBLIC clv_tpm_srk_template;
/* Whether a public area was made of it, as far as one can see. */
bool clv_tpm_is_like_srk(const TPM2B_PUBLIC *public_area);
/* The name of a public area (Part 1, 16): hash algorithm and hash. */
TSS2_RC clv_tpm_name_of(const TPM2B_PUBLIC *public_area, TPM2B_NAME *name);
bool clv_tpm_name_equal(const TPM2B_NAME *a, const TPM2B_NAME *b);

#endif
