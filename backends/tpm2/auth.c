/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "auth.h"

#include "commands.h"

/* A callback that keeps giving wrong answers is stopped here. */
#define ATTEMPTS_MAX 16U
#define FEW_TRIES 3U

/* Properties in a row: TPM2_PT_PERMANENT to TPM2_PT_LOCKOUT_INTERVAL. */
#define PROPERTIES (TPM2_PT_LOCKOUT_INTERVAL - TPM2_PT_PERMANENT + 1)

struct clv_tpm_auth
clv_tpm_auth_of(const clv_secret *secret)
{
	return (struct clv_tpm_auth){secret->data, secret->size};
}

static TSS2_RC
read_lockout(struct clv_tpm_link *link, void *job)
{
	struct clv_tpm_lockout *out = job;
	uint32_t values[PROPERTIES] = {0};
	const TSS2_RC rc =
	    clv_tpm_properties(link, TPM2_PT_PERMANENT, values, PROPERTIES);
	const uint32_t failed =
	    values[TPM2_PT_LOCKOUT_COUNTER - TPM2_PT_PERMANENT];
	const uint32_t most = values[TPM2_PT_MAX_AUTH_FAIL - TPM2_PT_PERMANENT];

	out->locked = (values[0] & TPMA_PERMANENT_INLOCKOUT) != 0;
	out->tries_left = most > failed ? most - failed : 0;
	out->interval = values[PROPERTIES - 1];
	return rc;
}

clv_status
clv_tpm_lockout_read(
    const struct clv_tpm_use *use, struct clv_tpm_lockout *out, clv_error **err)
{
	*out = (struct clv_tpm_lockout){0};
	return clv_tpm_run(
	    use, NULL, read_lockout, out, "read the TPM's lockout", err);
}

static clv_status
raise_locked(const struct clv_tpm_use *use,
    const struct clv_tpm_lockout *lockout, clv_error **err)
{
	return clv_error_raise(err, CLV_LOCKED,
	    &(struct clv_error_info){.operation = "use TPM key",
		.subject = use->subject,
		.remedy = "wait, or as the TPM's administrator: "
			  "tpm2_dictionarylockout --clear-lockout",
		.domain = CLV_DOMAIN_TPM2,
		.code = TPM2_RC_LOCKOUT,
		.code_name = "TPM_RC_LOCKOUT"},
	    "the TPM is locked after too many wrong auth values; it allows "
	    "one more try in at most %u seconds",
	    lockout->interval);
}

clv_status
clv_tpm_lockout_explain(
    const struct clv_tpm_use *use, clv_status status, clv_error **err)
{
	struct clv_tpm_lockout lockout;

	if ((status != CLV_AUTH && status != CLV_LOCKED) ||
	    clv_tpm_lockout_read(use, &lockout, NULL) != CLV_OK)
		return status;
	if (lockout.locked || status == CLV_LOCKED)
		return raise_locked(use, &lockout, err);
	return clv_error_raise(err, CLV_AUTH,
	    &(struct clv_error_info){.operation = "use TPM key",
		.subject = use->subject,
		.domain = CLV_DOMAIN_TPM2,
		.code = TPM2_RC_AUTH_FAIL,
		.code_name = "TPM_RC_AUTH_FAIL"},
	    "the auth value is wrong; %u tries are left, and the TPM forgets "
	    "one of them every %u seconds",
	    lockout.tries_left, lockout.interval);
}

/* What is known before a try. CLV_LOCKED if there is none left. */
static clv_status
prepare_request(const struct clv_tpm_use *use, bool lockable,
    struct clv_ask_request *request, clv_error **err)
{
	struct clv_tpm_lockout lockout;
	clv_status status;

	request->flags = request->attempt > 1 ? CLV_ASK_RETRY : 0;
	request->tries_left = -1;
	if (!lockable)
		return CLV_OK;
	status = clv_tpm_lockout_read(use, &lockout, err);
	if (status != CLV_OK)
		return status;
	if (lockout.locked || lockout.tries_left == 0)
		return raise_locked(use, &lockout, err);
	request->tries_left = (int)lockout.tries_left;
	if (lockout.tries_left <= FEW_TRIES)
		request->flags |= CLV_ASK_COUNT_LOW;
	if (lockout.tries_left == 1)
		request->flags |= CLV_ASK_FINAL_TRY;
	return CLV_OK;
}

clv_status
clv_tpm_auth_ask(const struct clv_tpm_use *use, const char *pin_source,
    const char *label, bool lockable, clv_tpm_try_auth *try_auth, void *user,
    clv_secret *auth, clv_error **err)
{
	struct clv_ask_request request = {.purpose = CLV_ASK_KEY_AUTH,
	    .uri = use->subject,
	    .label = label,
	    .attempt = 1};
	clv_status status;

	for (;;) {
		status = prepare_request(use, lockable, &request, err);
		if (status == CLV_OK)
			status = clv_host_ask(
			    use->host, pin_source, &request, auth, err);
		if (status != CLV_OK)
			break;
		status = try_auth(user, auth, err);
		if (status != CLV_AUTH || request.attempt == ATTEMPTS_MAX)
			break;
		clv_error_free(err);
		request.attempt++;
	}
	if (status != CLV_OK)
		clv_secret_clear(auth);
	/* a stored value was held back */
	if (status == CLV_AUTH && (request.flags & CLV_ASK_FINAL_TRY) != 0)
		return clv_error_raise(err, CLV_AUTH_LAST_TRY,
		    &(struct clv_error_info){
			.operation = "use TPM key", .subject = use->subject},
		    "one more wrong auth value would lock the TPM; nobody was "
		    "there to give it on purpose");
	/* nobody has another one: what matters is what the wrong one cost */
	if (status == CLV_AUTH && lockable && request.attempt > 1)
		return clv_tpm_lockout_explain(use, status, err);
	return status;
}

static clv_status
check_size(
    const struct clv_tpm_use *use, const clv_secret *auth, clv_error **err)
{
	if (auth->size <= CLV_TPM_AUTH_SIZE)
		return CLV_OK;
	return clv_error_raise(err, CLV_TOO_LARGE,
	    &(struct clv_error_info){
		.operation = "set auth value", .subject = use->subject},
	    "a TPM key's auth value has at most %u bytes", CLV_TPM_AUTH_SIZE);
}

clv_status
clv_tpm_auth_ask_new(const struct clv_tpm_use *use, const char *pin_source,
    const char *label, clv_secret *auth, clv_error **err)
{
	const struct clv_ask_request request = {.purpose = CLV_ASK_NEW_KEY_AUTH,
	    .uri = use->subject,
	    .label = label,
	    .attempt = 1,
	    .tries_left = -1,
	    .flags = CLV_ASK_OPTIONAL};
	clv_status status =
	    clv_host_ask(use->host, pin_source, &request, auth, err);

	if (status == CLV_AUTH && pin_source == NULL) {
		/* nobody to ask: the key needs none */
		clv_error_free(err);
		clv_secret_clear(auth);
		return CLV_OK;
	}
	if (status == CLV_OK)
		status = check_size(use, auth, err);
	return status;
}

clv_status
clv_tpm_auth_ask_owner(
    const struct clv_tpm_use *use, clv_secret *auth, clv_error **err)
{
	const struct clv_ask_request request = {.purpose = CLV_ASK_OWNER_AUTH,
	    .uri = use->subject,
	    .label = "the TPM's owner",
	    .attempt = 1,
	    .tries_left = -1};

	return clv_host_ask(use->host, NULL, &request, auth, err);
}
