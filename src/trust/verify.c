/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/check.h"
#include "trust/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Chains as they are judged: the best so far, and the one at hand. */
struct judgement {
	struct clv_check check;
	struct clv_rows rows[2];
	struct clv_chain best;
	unsigned best_rows; /* which of the two tells about it */
	bool has_best;
	size_t head; /* rows of step 1, the same for every chain */
};

/* Step 2 for a stump that ends with nobody, step 3 for one that ends with
 * somebody whose key did not sign. */
static void
note_stump(struct clv_check *check)
{
	static const char *const texts[] = {
	    [CLV_STUMP_NO_ISSUER] = "the certificate of its issuer {issuer} is "
				    "neither in a list nor was it sent",
	    [CLV_STUMP_OTHER_KEY] = "its issuer {issuer} is known with another "
				    "key only",
	    [CLV_STUMP_BAD_SIGNATURE] =
		"it is not signed with the key of {other}",
	    [CLV_STUMP_LOOP] = "its issuers lead back to itself",
	    [CLV_STUMP_TOO_LONG] = "the chain is longer than {number} "
				   "certificates, the limit",
	    [CLV_STUMP_TOO_MANY] = "too many certificates bear the name of its "
				   "issuer {issuer}, and none that was looked "
				   "at leads on",
	    [CLV_STUMP_GAVE_UP] = "it has too many possible issuers: the limit "
				  "of {number} signature checks is reached",
	};
	const struct clv_chain *chain = check->chain;
	const bool forged = chain->stump == CLV_STUMP_BAD_SIGNATURE;
	const size_t *limits = check->options->limits;

	clv_check_note(check,
	    .step = forged ? CLV_STEP_SIGNATURE : CLV_STEP_CHAIN,
	    .status = forged ? CLV_SC_BAD_CERTIFICATE_INVALID
			     : CLV_SC_BAD_CERTIFICATE_CHAIN_INCOMPLETE,
	    .depth = chain->length - 1, .text = texts[chain->stump],
	    .other = chain->blamed, .file = forged ? chain->blamed->file : NULL,
	    .number = (int64_t)(chain->stump == CLV_STUMP_TOO_LONG
		    ? limits[CLV_LIMIT_CHAIN_LENGTH]
		    : limits[CLV_LIMIT_SIGNATURES]));
}

static void
note_chain(struct clv_check *check)
{
	const struct clv_chain *chain = check->chain;
	const struct clv_trust_cert *root = chain->certs[chain->length - 1];

	if (chain->stump != CLV_CHAIN_COMPLETE) {
		note_stump(check);
		return;
	}
	clv_check_note(check, .step = CLV_STEP_CHAIN,
	    .depth = chain->length - 1, .file = root->file,
	    .text = chain->length == 1 ? "it is self-signed"
				       : "the chain ends here, self-signed");
	clv_check_note(check, .step = CLV_STEP_SIGNATURE,
	    .text = chain->length == 1 ? "its own key made its signature"
				       : "every signature of the chain holds");
}

static void
run_steps(struct clv_check *check)
{
	note_chain(check);
	clv_check_policy(check);
	clv_check_trust(check);
	clv_check_validity(check);
	clv_check_hostname(check);
	clv_check_uri(check);
	clv_check_usage(check);
	clv_check_revocation(check);
}

/* Of two chains that both fail, the one that gets further. */
static bool
is_better(const struct judgement *judgement, const struct clv_rows *rows)
{
	const struct clv_row *best, *now;

	if (!judgement->has_best)
		return true;
	best = clv_rows_worst(&judgement->rows[judgement->best_rows]);
	now = clv_rows_worst(rows);
	return now == NULL || (best != NULL && now->step > best->step);
}

static bool
judge(struct clv_check *check, struct clv_chain *chain)
{
	/* The check is the judgement's first member. */
	struct judgement *judgement = (struct judgement *)check;
	const unsigned which =
	    judgement->has_best ? 1 - judgement->best_rows : 0;

	check->rows = &judgement->rows[which];
	check->chain = chain;
	check->rows->count = judgement->head;
	run_steps(check);
	if (is_better(judgement, check->rows)) {
		judgement->best = *chain;
		judgement->best_rows = which;
		judgement->has_best = true;
	}
	return clv_rows_worst(check->rows) == NULL || check->rows->no_memory;
}

static void
prepare(struct judgement *judgement, const clv_trust_snapshot *snapshot,
    const clv_verify_options *options)
{
	struct clv_check *check = &judgement->check;

	memset(check, 0, sizeof(*check));
	clv_rows_init(&judgement->rows[0]);
	clv_rows_init(&judgement->rows[1]);
	judgement->has_best = false;
	judgement->best_rows = 0;
	judgement->best.length = 0;
	check->snapshot = snapshot;
	check->engine = clv_trust_snapshot_engine(snapshot);
	check->options = options;
	check->now = options->has_time ? options->time : (int64_t)time(NULL);
	check->signatures = (unsigned)options->limits[CLV_LIMIT_SIGNATURES];
	check->chains = (unsigned)options->limits[CLV_LIMIT_CHAINS];
	check->edges = CLV_EDGES_MAX;
	check->rows = &judgement->rows[0];
}

/* Step 1 belongs to every chain that is judged. */
static void
copy_head(struct judgement *judgement)
{
	judgement->head = judgement->rows[0].count;
	for (size_t i = 0; i < judgement->head; i++)
		clv_rows_add(&judgement->rows[1], &judgement->rows[0].rows[i]);
}

static clv_status
raise_refusal(clv_verdict *verdict, clv_error **err)
{
	const clv_statuscode status = clv_verdict_status(verdict);
	const clv_finding *found = NULL;
	struct clv_error_info info = {
	    .operation = "verify certificate",
	    .domain = CLV_DOMAIN_OPCUA,
	    .code = status,
	    .code_name = clv_statuscode_name(status),
	};

	if (err == NULL)
		return CLV_UNTRUSTED;
	for (size_t i = 0; i < clv_verdict_count(verdict); i++) {
		found = clv_verdict_finding(verdict, i);
		if (found == NULL ||
		    (found->status == status && !found->suppressed))
			break;
	}
	if (found == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	info.subject = found->subject;
	return clv_error_raise(err, CLV_UNTRUSTED, &info, "%s%s%s%s",
	    found->text, found->file != NULL ? " (" : "",
	    found->file != NULL ? found->file : "",
	    found->file != NULL ? ")" : "");
}

static clv_status
conclude(struct judgement *judgement, const void *der, size_t size,
    clv_verdict **out, clv_error **err)
{
	struct clv_check *check = &judgement->check;
	const struct clv_verify_options *options = check->options;
	struct clv_rows *rows = &judgement->rows[judgement->best_rows];
	clv_status status = CLV_OK;
	clv_verdict *verdict;

	if (rows->no_memory)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	if (clv_rows_worst(rows) == NULL && out == NULL)
		return CLV_OK; /* nobody wants to know why */
	verdict = clv_verdict_new(check, &judgement->best, rows);
	if (verdict == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	if (options->ask != NULL && clv_verdict_only_untrusted(verdict) &&
	    options->ask(options->ask_user, verdict, der, size))
		clv_verdict_accept(verdict);
	if (clv_verdict_status(verdict) != CLV_SC_GOOD)
		status = raise_refusal(verdict, err);
	if (out != NULL && status != CLV_NO_MEMORY)
		*out = verdict;
	else
		clv_verdict_free(&verdict);
	return status;
}

clv_status
clv_verify(const clv_trust_snapshot *snapshot, const void *der, size_t size,
    const clv_verify_options *options, clv_verdict **out, clv_error **err)
{
	struct judgement judgement;
	clv_status status;

	if (out != NULL)
		*out = NULL;
	if (snapshot == NULL || der == NULL || size == 0)
		return clv_error_raise(
		    err, CLV_INVALID, NULL, "there is no certificate");
	prepare(&judgement, snapshot,
	    options != NULL ? options : &clv_verify_defaults);
	if (clv_check_read(&judgement.check, der, size)) {
		copy_head(&judgement);
		clv_check_search(&judgement.check, judge);
	}
	status = conclude(&judgement, der, size, out, err);
	for (unsigned i = 0; i < judgement.check.sent_count; i++)
		clv_trust_cert_unref(judgement.check.sent[i]);
	clv_rows_clear(&judgement.rows[0]);
	clv_rows_clear(&judgement.rows[1]);
	return status;
}
