/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long a TPM may say "not now" before we believe it. */
#define PATIENCE_MS 5000U
#define LONGEST_NAP_MS 100U

/* What lies in locked memory. */
struct guarded {
	struct clv_tpm_session session;
	struct clv_tpm_command command;
	struct clv_tpm_answer answer;
};

struct clv_tpm_link *
clv_tpm_link_new(const char *tcti)
{
	struct clv_tpm_link *link = calloc(1, sizeof(*link));
	struct guarded *guarded;

	if (link == NULL)
		return NULL;
	link->crypto = clv_tpm_crypto_new();
	if (link->crypto == NULL ||
	    clv_secret_alloc(&link->memory, sizeof(*guarded), NULL) != CLV_OK ||
	    pthread_mutex_init(&link->mutex, NULL) != 0) {
		clv_secret_clear(&link->memory);
		clv_tpm_crypto_free(&link->crypto);
		free(link);
		return NULL;
	}
	guarded = (struct guarded *)(void *)link->memory.data;
	link->session = &guarded->session;
	link->command = &guarded->command;
	link->answer = &guarded->answer;
	link->pid = getpid();
	link->tcti = tcti;
	link->managed = clv_tpm_transport_is_managed(tcti);
	clv_tpm_link_forget(link);
	return link;
}

/* To clean up is worth one more connection, if we had one. */
static bool
can_clean_up(struct clv_tpm_link *link)
{
	struct clv_tpm_slot slot;
	clv_tpm_claim claim;
	TSS2_RC rc;

	if (link->transport == NULL && link->was_connected &&
	    clv_tpm_slots_orphan(link->slots, true, &claim, &slot))
		(void)clv_tpm_link_connect(link, NULL, &rc, NULL);
	return link->transport != NULL;
}

void
clv_tpm_link_free(struct clv_tpm_link **link)
{
	struct clv_tpm_link *gone = *link;

	if (gone == NULL)
		return;
	if (gone->was_connected &&
	    clv_tpm_slots_lock(gone->slots, true) == TSS2_RC_SUCCESS) {
		if (can_clean_up(gone)) {
			clv_tpm_flush_all(gone);
			clv_tpm_sweep(gone, true);
			if (gone->used_lockable && !gone->managed)
				(void)clv_tpm_shutdown(gone);
		}
		clv_tpm_slots_give_up(gone->slots);
		clv_tpm_slots_unlock(gone->slots);
	}
	clv_tpm_link_disconnect(gone);
	clv_tpm_slots_close(&gone->slots);
	clv_secret_clear(&gone->memory);
	clv_tpm_crypto_free(&gone->crypto);
	(void)pthread_mutex_destroy(&gone->mutex);
	free(gone);
	*link = NULL;
}

void
clv_tpm_link_forget(struct clv_tpm_link *link)
{
	clv_tpm_slots_remove(link->slots, link->session_slot);
	clv_tpm_slots_remove(link->slots, link->primary.slot);
	for (size_t i = 0; i < CLV_TPM_RESIDENT_MAX; i++) {
		clv_tpm_slots_remove(link->slots, link->residents[i].slot);
		link->residents[i] = (struct clv_tpm_resident){.slot = -1};
	}
	clv_tpm_session_forget(link->session);
	link->session_slot = -1;
	link->primary = (struct clv_tpm_primary){.slot = -1};
}

void
clv_tpm_link_disconnect(struct clv_tpm_link *link)
{
	clv_tpm_transport_close(&link->transport);
	if (link->managed)
		clv_tpm_link_forget(link);
}

/* The TPM's counters; starts a TPM that nobody has started. */
static TSS2_RC
read_epoch(struct clv_tpm_link *link, struct clv_tpm_epoch *epoch)
{
	TSS2_RC rc = clv_tpm_read_clock(link, epoch);

	if (rc == TPM2_RC_INITIALIZE) {
		rc = clv_tpm_startup(link);
		if (rc == TSS2_RC_SUCCESS)
			rc = clv_tpm_read_clock(link, epoch);
	}
	return rc;
}

/* After a connection was lost: the session's nonces are not known any more,
 * and after a reset nothing is. */
static void
take_over(struct clv_tpm_link *link, const struct clv_tpm_epoch *epoch)
{
	if (link->epoch.resets != epoch->resets ||
	    link->epoch.restarts != epoch->restarts) {
		if (link->was_connected)
			link->events |= CLV_TPM_WAS_RESET;
		clv_tpm_link_forget(link);
		link->epoch = *epoch;
	}
	clv_tpm_flush_session(link);
}

static TSS2_RC
get_ready(struct clv_tpm_link *link)
{
	struct clv_tpm_epoch epoch = {0};
	uint32_t slots = 3;
	TSS2_RC rc = TSS2_RC_SUCCESS;

	if (!link->managed) {
		rc = read_epoch(link, &epoch);
		if (rc != TSS2_RC_SUCCESS)
			return rc;
		take_over(link, &epoch);
		clv_tpm_sweep(link, false);
	}
	if (link->capacity == 0) {
		rc = clv_tpm_properties(
		    link, TPM2_PT_HR_TRANSIENT_MIN, &slots, 1);
		if (rc == TSS2_RC_SUCCESS)
			link->capacity = slots < 2 ? 2
			    : slots > CLV_TPM_RESIDENT_MAX
			    ? CLV_TPM_RESIDENT_MAX
			    : slots;
	}
	return rc;
}

clv_status
clv_tpm_link_connect(struct clv_tpm_link *link, const char *subject,
    TSS2_RC *rc, clv_error **err)
{
	clv_status status;

	*rc = TSS2_RC_SUCCESS;
	if (link->transport != NULL)
		return CLV_OK;
	status =
	    clv_tpm_transport_open(link->tcti, subject, &link->transport, err);
	if (status != CLV_OK)
		return status;
	*rc = get_ready(link);
	if (*rc != TSS2_RC_SUCCESS) {
		clv_tpm_link_disconnect(link);
		return CLV_OK;
	}
	if (link->was_connected)
		link->events |= CLV_TPM_RECONNECTED;
	link->was_connected = true;
	return CLV_OK;
}

/* ---- sending ---- */

static bool
wants_patience(TSS2_RC rc)
{
	switch (clv_tpm_rc_base(rc)) {
	case TPM2_RC_RETRY:
	case TPM2_RC_YIELDED:
	case TPM2_RC_TESTING:
	case TPM2_RC_NV_RATE:
	case TPM2_RC_NV_UNAVAILABLE:
	case TPM2_RC_CANCELED:
		return true;
	default:
		return false;
	}
}

static void
nap(unsigned ms)
{
	const struct timespec pause = {
	    .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)nanosleep(&pause, NULL);
}

/* Sends the same bytes again while the TPM has not begun with them. */
static TSS2_RC
send_patiently(struct clv_tpm_link *link, TPM2_HANDLE *handle)
{
	const bool sessions = link->command->protection != CLV_TPM_BARE;
	unsigned waited = 0, pause = 1;
	TSS2_RC rc;

	for (;;) {
		link->commands++;
		rc = clv_tpm_transport_exchange(
		    link->transport, link->command, link->answer);
		if (rc == TSS2_RC_SUCCESS)
			rc = clv_tpm_answer_open(
			    link->answer, sessions, handle != NULL, handle);
		if (!wants_patience(rc) || waited >= PATIENCE_MS)
			return rc;
		nap(pause);
		waited += pause;
		pause = pause * 2 < LONGEST_NAP_MS ? pause * 2 : LONGEST_NAP_MS;
	}
}

TSS2_RC
clv_tpm_exchange(struct clv_tpm_link *link, const struct clv_tpm_auth *auth,
    TPM2_HANDLE *handle)
{
	const bool protected = link->command->protection == CLV_TPM_SESSION;
	TSS2_RC rc = clv_tpm_command_end(link->command);

	if (rc == TSS2_RC_SUCCESS && link->transport == NULL)
		rc = TSS2_TCTI_RC_NO_CONNECTION;
	if (rc == TSS2_RC_SUCCESS && protected)
		rc = clv_tpm_session_protect(
		    link->session, link->crypto, auth, link->command);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	rc = send_patiently(link, handle);
	if (rc == TSS2_RC_SUCCESS && protected)
		rc = clv_tpm_session_unprotect(link->session, link->crypto,
		    auth, link->command, link->answer);
	if (rc == TSS2_RC_SUCCESS && protected)
		clv_tpm_prove(link);
	return rc;
}
