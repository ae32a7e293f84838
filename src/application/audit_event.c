/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the library itself records. That it can't be recorded, as by a reader
 * without write permission, stops nothing that is told here. */

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "application/audit.h"
#include "application/generation.h"
#include "application/redo.h"

static void
tell(const clv_application *application, const struct clv_audit_event *event,
    const char *id, enum clv_audit_repeat repeat)
{
	char *body = NULL;

	if (clv_audit_make_body(event, id, NULL, &body, NULL) == CLV_OK)
		(void)clv_audit_write(application, body, id, repeat, NULL);
	free(body);
}

void
clv_audit_tell_key(const clv_application *application, const char *event,
    const char *group, const char *type, const char *uri)
{
	const struct clv_audit_event about = {
	    .event = event, .group = group, .type = type, .key = uri};
	char id[CLV_AUDIT_ID_SIZE];

	/* What is tried again after a crash is told once. */
	clv_audit_make_id(id, event, uri, NULL);
	tell(application, &about, id, CLV_AUDIT_ONCE);
}

void
clv_audit_tell_refusal(const clv_application *application, const char *group,
    const char *type, clv_status status, const clv_error *problem)
{
	const struct clv_audit_event about = {.event = "refused",
	    .outcome = status,
	    .group = group,
	    .type = type,
	    .detail = clv_error_message(problem)};
	char id[CLV_AUDIT_ID_SIZE];

	if (status != CLV_POLICY && status != CLV_CHANGED)
		return;
	clv_audit_make_id(
	    id, about.event, clv_status_name(status), about.detail, NULL);
	tell(application, &about, id, CLV_AUDIT_HOURLY);
}

void
clv_audit_tell(const clv_application *application, const char *event,
    const char *group, const char *type, const char *detail)
{
	const struct clv_audit_event about = {
	    .event = event, .group = group, .type = type, .detail = detail};

	tell(application, &about, NULL, CLV_AUDIT_ALWAYS);
}

/* ---- commits ---- */

/* The thumbprint of the certificate that a record puts into a slot. */
static void
print_certificate(FILE *out, const struct clv_redo *redo, const char *path)
{
	const struct clv_redo_file *file =
	    path != NULL ? clv_redo_find(redo, path) : NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (file == NULL ||
	    EVP_Digest(
		file->bytes, file->size, digest, &size, EVP_sha1(), NULL) != 1)
		return;
	(void)fputs(",\"certificate\":\"", out);
	for (unsigned i = 0; i < size; i++)
		(void)fprintf(out, "%02X", digest[i]);
	(void)fputc('"', out);
}

static void
print_slot(FILE *out, const struct clv_config *config,
    const struct clv_redo *redo, const struct clv_generation_change *change)
{
	for (size_t i = 0; i < config->slot_count; i++) {
		const struct clv_config_slot *slot = &config->slots[i];
		char *key;

		if (strcmp(slot->type, change->type) != 0 ||
		    strcmp(config->groups[slot->group].name, change->group) !=
			0)
			continue;
		key = slot->key != NULL ? clv_uri_redact(slot->key) : NULL;
		if (key != NULL) {
			(void)fputs(",\"key\":", out);
			clv_audit_print_text(out, key);
		}
		clv_free(key);
		print_certificate(out, redo, slot->certificate);
	}
}

/* A JSON array of what a transaction changes. */
static char *
make_changes(const struct clv_generation *last, const struct clv_config *config,
    const struct clv_redo *redo)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool good;

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < last->count; i++) {
		const struct clv_generation_change *change = &last->changes[i];

		(void)fprintf(out,
		    "%s{\"what\":\"%s\",\"group\":", i == 0 ? "[" : ",",
		    change->type != NULL ? "slot" : "trust-list");
		clv_audit_print_text(out, change->group);
		if (change->type != NULL) {
			(void)fputs(",\"type\":", out);
			clv_audit_print_text(out, change->type);
		}
		if (change->type != NULL)
			print_slot(out, config, redo, change);
		(void)fputc('}', out);
	}
	(void)fputs(last->count == 0 ? "[]" : "]", out);
	good = ferror(out) == 0;
	if (fclose(out) == 0 && good)
		return text;
	free(text);
	return NULL;
}

clv_status
clv_audit_put_redo(const clv_application *application, const char *event,
    const struct clv_generation *last, const struct clv_config *config,
    struct clv_redo *redo, clv_error **err)
{
	const struct clv_audit_event about = {.event = event};
	char *changes = make_changes(last, config, redo);
	char *body = NULL;
	clv_status status = CLV_OK;

	if (changes == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	status = clv_audit_make_body(&about, redo->nonce, changes, &body, err);
	free(changes);
	if (status == CLV_OK)
		status = clv_audit_prepare(application, err);
	if (status == CLV_OK)
		clv_redo_tell(redo, body);
	else
		free(body);
	return status;
}

clv_status
clv_audit_tell_redo(const clv_application *application,
    const struct clv_redo *redo, clv_error **err)
{
	static const struct clv_audit_event about = {
	    .event = "transaction-recovered"};
	char id[CLV_AUDIT_ID_SIZE];
	char *body = NULL;
	clv_status status;

	if (redo->event == NULL)
		return CLV_OK;
	status = clv_audit_write(application, redo->event, redo->nonce,
	    redo->found ? CLV_AUDIT_ONCE : CLV_AUDIT_ALWAYS, err);
	if (status != CLV_OK || !redo->found)
		return status;
	clv_audit_make_id(id, about.event, redo->nonce, NULL);
	status = clv_audit_make_body(&about, id, NULL, &body, err);
	if (status == CLV_OK)
		status =
		    clv_audit_write(application, body, id, CLV_AUDIT_ONCE, err);
	free(body);
	return status;
}
