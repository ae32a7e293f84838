/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/check.h"
#include "trust/text.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 1024U
#define SUBJECT_MAX 512U

struct clv_verdict {
	clv_trust_snapshot *snapshot;
	clv_statuscode status;
	struct clv_chain chain; /* kept alive by the two next to it */
	struct clv_trust_cert *sent[CLV_CHAIN_MAX];
	unsigned sent_count;
	/* The options may be gone when the texts are made. */
	char *hostname;
	char *uri;
	struct clv_row *rows;
	size_t count;
	clv_finding *findings; /* made when somebody asks */
};

/*
 * Rows
 */

void
clv_rows_init(struct clv_rows *rows)
{
	rows->rows = rows->inlined;
	rows->count = 0;
	rows->space = CLV_ROWS_INLINE;
	rows->no_memory = false;
}

void
clv_rows_clear(struct clv_rows *rows)
{
	if (rows->rows != rows->inlined)
		free(rows->rows);
	rows->rows = rows->inlined;
	rows->count = 0;
}

static bool
grow(struct clv_rows *rows)
{
	struct clv_row *larger = malloc(2 * rows->space * sizeof(*larger));

	if (larger == NULL) {
		rows->no_memory = true;
		return false;
	}
	memcpy(larger, rows->rows, rows->count * sizeof(*larger));
	if (rows->rows != rows->inlined)
		free(rows->rows);
	rows->rows = larger;
	rows->space *= 2;
	return true;
}

void
clv_rows_add(struct clv_rows *rows, const struct clv_row *row)
{
	if (rows->count == rows->space && !grow(rows))
		return;
	rows->rows[rows->count++] = *row;
}

const struct clv_row *
clv_rows_worst(const struct clv_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].status != CLV_SC_GOOD &&
		    !rows->rows[i].suppressed)
			return &rows->rows[i];
	return NULL;
}

/*
 * Verdicts
 */

/* Names that are the options' become the verdict's own. */
static bool
keep_names(clv_verdict *verdict, const struct clv_verify_options *options)
{
	for (size_t i = 0; i < verdict->count; i++) {
		struct clv_row *row = &verdict->rows[i];
		char **copy;

		if (row->name == NULL ||
		    (row->name != options->hostname &&
			row->name != options->uri))
			continue;
		copy = row->name == options->uri ? &verdict->uri
						 : &verdict->hostname;
		if (*copy == NULL)
			*copy = strdup(row->name);
		if (*copy == NULL)
			return false;
		row->name = *copy;
	}
	return true;
}

static void
keep_chain(clv_verdict *verdict, const struct clv_check *check,
    const struct clv_chain *chain)
{
	verdict->snapshot = clv_trust_snapshot_ref(check->snapshot);
	verdict->sent_count = check->sent_count;
	for (unsigned i = 0; i < check->sent_count; i++)
		verdict->sent[i] = clv_trust_cert_ref(check->sent[i]);
	verdict->chain = *chain;
	if (chain->length == 0 && check->sent_count > 0) {
		/* A certificate behind the first could not be parsed. */
		verdict->chain.certs[0] = check->sent[0];
		verdict->chain.length = 1;
	}
}

clv_verdict *
clv_verdict_new(const struct clv_check *check, const struct clv_chain *chain,
    const struct clv_rows *rows)
{
	const struct clv_row *worst = clv_rows_worst(rows);
	clv_verdict *verdict =
	    malloc(sizeof(*verdict) + rows->count * sizeof(*rows->rows));

	if (verdict == NULL)
		return NULL;
	verdict->status = worst != NULL ? worst->status : CLV_SC_GOOD;
	verdict->rows = (struct clv_row *)(verdict + 1);
	verdict->count = rows->count;
	memcpy(verdict->rows, rows->rows, rows->count * sizeof(*rows->rows));
	verdict->hostname = NULL;
	verdict->uri = NULL;
	verdict->findings = NULL;
	keep_chain(verdict, check, chain);
	if (!keep_names(verdict, check->options))
		clv_verdict_free(&verdict);
	return verdict;
}

void
clv_verdict_accept(clv_verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->rows[i].step == CLV_STEP_TRUST) {
			verdict->rows[i].suppressed = true;
			verdict->rows[i].text =
			    "it is not in the trusted list, but was accepted "
			    "for this time";
		}
	verdict->status = CLV_SC_GOOD;
	free(verdict->findings);
	verdict->findings = NULL;
}

void
clv_verdict_free(clv_verdict **verdict)
{
	if (verdict == NULL || *verdict == NULL)
		return;
	for (unsigned i = 0; i < (*verdict)->sent_count; i++)
		clv_trust_cert_unref((*verdict)->sent[i]);
	clv_trust_snapshot_unref((*verdict)->snapshot);
	free((*verdict)->hostname);
	free((*verdict)->uri);
	free((*verdict)->findings);
	free(*verdict);
	*verdict = NULL;
}

clv_statuscode
clv_verdict_status(const clv_verdict *verdict)
{
	return verdict->status;
}

clv_statuscode
clv_verdict_sent_status(const clv_verdict *verdict)
{
	switch (verdict->status) {
	case CLV_SC_BAD_CERTIFICATE_INVALID:
	case CLV_SC_BAD_CERTIFICATE_CHAIN_INCOMPLETE:
	case CLV_SC_BAD_CERTIFICATE_POLICY_CHECK_FAILED:
	case CLV_SC_BAD_CERTIFICATE_UNTRUSTED:
	case CLV_SC_BAD_CERTIFICATE_REVOCATION_UNKNOWN:
	case CLV_SC_BAD_CERTIFICATE_ISSUER_REVOCATION_UNKNOWN:
	case CLV_SC_BAD_CERTIFICATE_REVOKED:
	case CLV_SC_BAD_CERTIFICATE_ISSUER_REVOKED:
		return CLV_SC_BAD_SECURITY_CHECKS_FAILED;
	default:
		return verdict->status;
	}
}

bool
clv_verdict_only_untrusted(const clv_verdict *verdict)
{
	if (verdict->status != CLV_SC_BAD_CERTIFICATE_UNTRUSTED)
		return false;
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->rows[i].status != CLV_SC_GOOD &&
		    !verdict->rows[i].suppressed &&
		    verdict->rows[i].step != CLV_STEP_TRUST)
			return false;
	return true;
}

size_t
clv_verdict_count(const clv_verdict *verdict)
{
	return verdict->count;
}

size_t
clv_verdict_chain_length(const clv_verdict *verdict)
{
	return verdict->chain.length;
}

const uint8_t *
clv_verdict_chain_der(const clv_verdict *verdict, size_t index, size_t *size)
{
	if (index >= verdict->chain.length)
		return NULL;
	*size = verdict->chain.certs[index]->size;
	return verdict->chain.certs[index]->der;
}

const char *
clv_verify_step_name(clv_verify_step step)
{
	static const char *const names[] = {
	    [CLV_STEP_STRUCTURE] = "structure",
	    [CLV_STEP_CHAIN] = "chain",
	    [CLV_STEP_SIGNATURE] = "signature",
	    [CLV_STEP_POLICY] = "policy",
	    [CLV_STEP_TRUST] = "trust",
	    [CLV_STEP_VALIDITY] = "validity",
	    [CLV_STEP_HOSTNAME] = "host name",
	    [CLV_STEP_URI] = "application URI",
	    [CLV_STEP_USAGE] = "usage",
	    [CLV_STEP_FIND_CRL] = "find CRL",
	    [CLV_STEP_REVOCATION] = "revocation",
	};

	return step >= CLV_STEP_STRUCTURE && step <= CLV_STEP_REVOCATION
	    ? names[step]
	    : "unknown";
}

/*
 * Texts
 */

struct scribe {
	const struct clv_row *row;
	const struct clv_trust_cert *cert; /* or NULL */
	struct clv_text text;
};

static void
add_subject(struct clv_text *text, const struct clv_trust_cert *cert)
{
	char subject[SUBJECT_MAX];

	if (cert == NULL)
		clv_text_add(text, "?");
	else if (clv_trust_cert_subject_text(cert, subject, sizeof(subject)) >
	    0)
		clv_text_add(text, subject);
	else
		clv_text_add(text, "(no subject)");
}

static void
add_issuer(struct clv_text *text, const struct clv_trust_cert *cert)
{
	char issuer[SUBJECT_MAX] = "?";

	if (cert != NULL)
		(void)clv_trust_cert_issuer_text(cert, issuer, sizeof(issuer));
	clv_text_add(text, issuer);
}

static void
add_field(struct scribe *scribe, const char *field, size_t length)
{
	const struct clv_row *row = scribe->row;
	struct clv_text *text = &scribe->text;

	if (strncmp(field, "issuer", length) == 0)
		add_issuer(text, scribe->cert);
	else if (strncmp(field, "other", length) == 0)
		add_subject(text, row->other);
	else if (strncmp(field, "name", length) == 0)
		clv_text_add(text, row->name != NULL ? row->name : "?");
	else if (strncmp(field, "time", length) == 0)
		clv_text_add_time(text, row->number);
	else
		clv_text_format(text, "%lld", (long long)row->number);
}

static void
add_sentence(struct scribe *scribe)
{
	const char *at = scribe->row->text;

	while (*at != '\0') {
		const size_t plain = strcspn(at, "{");

		clv_text_format(&scribe->text, "%.*s", (int)plain, at);
		at += plain;
		if (*at == '{') {
			const size_t length = strcspn(at, "}");

			add_field(scribe, at + 1, length - 1);
			at += length + 1;
		}
	}
}

/* Strings are put one after the other; each is closed. */
static const char *
finish(struct scribe *scribe, char **end)
{
	const char *string = *end;

	*end += scribe->text.used + 1;
	return string;
}

static const char *
deciding_file(const struct clv_row *row)
{
	if (row->crl != NULL)
		return row->crl->file;
	return row->file;
}

static void
write_finding(const clv_verdict *verdict, const struct clv_row *row,
    clv_finding *finding, char **end)
{
	struct scribe scribe = {.row = row};
	const char *file = deciding_file(row);

	if (row->depth < verdict->chain.length)
		scribe.cert = verdict->chain.certs[row->depth];
	*finding = (clv_finding){.step = row->step,
	    .status = row->status,
	    .suppressed = row->suppressed,
	    .warning = row->warning,
	    .depth = row->depth};
	scribe.text = clv_text_of(*end, TEXT_MAX);
	add_sentence(&scribe);
	finding->text = finish(&scribe, end);

	scribe.text = clv_text_of(*end, SUBJECT_MAX);
	add_subject(&scribe.text, scribe.cert);
	finding->subject = finish(&scribe, end);

	scribe.text = clv_text_of(*end, CLV_THUMBPRINT_TEXT);
	if (scribe.cert != NULL) {
		char thumbprint[CLV_THUMBPRINT_TEXT];

		clv_thumbprint_print(scribe.cert->thumbprint, thumbprint);
		clv_text_add(&scribe.text, thumbprint);
	}
	finding->thumbprint = finish(&scribe, end);

	if (file != NULL) {
		scribe.text = clv_text_of(*end, TEXT_MAX);
		/* Whoever made the file has chosen its name. */
		clv_text_add_utf8(
		    &scribe.text, (const uint8_t *)file, strlen(file), "");
		finding->file = finish(&scribe, end);
	}
}

static bool
write_findings(clv_verdict *verdict)
{
	const size_t each = 2 * TEXT_MAX + SUBJECT_MAX + CLV_THUMBPRINT_TEXT;
	clv_finding *findings =
	    malloc(verdict->count * (sizeof(*findings) + each));
	char *end;

	if (findings == NULL)
		return false;
	end = (char *)(findings + verdict->count);
	for (size_t i = 0; i < verdict->count; i++)
		write_finding(verdict, &verdict->rows[i], &findings[i], &end);
	verdict->findings = findings;
	return true;
}

const clv_finding *
clv_verdict_finding(clv_verdict *verdict, size_t index)
{
	if (index >= verdict->count ||
	    (verdict->findings == NULL && !write_findings(verdict)))
		return NULL;
	return &verdict->findings[index];
}
