/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What an application's slots hold: keys, certificates and their chains. */

#include <string.h>

#include "application/application.h"
#include "application/audit.h"

#define CHAIN_MAX 262144U

bool
clv_application_slot(
    const clv_application *application, size_t index, struct clv_slot *slot)
{
	const struct clv_config *config = &application->config;
	const struct clv_config_slot *from = &config->slots[index];

	if (index >= config->slot_count)
		return false;
	*slot = (struct clv_slot){.group = config->groups[from->group].name,
	    .type = from->type,
	    .store = application->slots[index].store,
	    .key = application->slots[index].key,
	    .certificate = application->slots[index].certificate};
	return true;
}

bool
clv_application_find(const clv_application *application, const char *group,
    const char *type, size_t *index)
{
	struct clv_slot slot;

	for (*index = 0; clv_application_slot(application, *index, &slot);
	     (*index)++)
		if (strcmp(slot.group, group) == 0 &&
		    strcmp(slot.type, type) == 0)
			return true;
	return false;
}

static clv_status
empty_slot(const clv_application *application, const char *group,
    const char *type, const char *what, clv_error **err)
{
	return clv_error_raise(err, CLV_NOT_FOUND,
	    &(struct clv_error_info){.operation = "read application",
		.subject = application->directory},
	    "slot %s/%s has no %s", group, type, what);
}

clv_status
clv_application_certificate(const clv_application *application,
    const char *group, const char *type, clv_certificate **out, clv_error **err)
{
	const struct clv_config *config = &application->config;
	unsigned char *bytes = NULL;
	size_t size = 0;
	size_t index;
	clv_status status;

	*out = NULL;
	if (!clv_application_find(application, group, type, &index) ||
	    config->slots[index].certificate == NULL)
		return empty_slot(application, group, type, "certificate", err);
	status =
	    clv_application_read(application, config->slots[index].certificate,
		CLV_CONFIG_MAX, &bytes, &size, err);
	if (status == CLV_OK)
		status = clv_certificate_parse(
		    application->context, bytes, size, out, err);
	clv_free(bytes);
	return status;
}

clv_status
clv_application_chain(const clv_application *application, const char *group,
    const char *type, uint8_t **der, size_t *size, clv_error **err)
{
	size_t index;

	*der = NULL;
	*size = 0;
	if (!clv_application_find(application, group, type, &index) ||
	    application->config.slots[index].chain == NULL)
		return empty_slot(application, group, type, "chain", err);
	return clv_application_read(application,
	    application->config.slots[index].chain, CHAIN_MAX, der, size, err);
}

/* A key that is not the certificate's was exchanged behind our back. Without
 * a certificate nobody can tell. */
static clv_status
compare_key(const clv_application *application, const char *group,
    const char *type, const clv_key *key, clv_error **err)
{
	clv_certificate *certificate = NULL;
	bool same;

	if (clv_application_certificate(
		application, group, type, &certificate, NULL) != CLV_OK)
		return CLV_OK;
	same = clv_certificate_matches(certificate, key);
	clv_certificate_free(&certificate);
	if (same)
		return CLV_OK;
	return clv_error_raise(err, CLV_CHANGED,
	    &(struct clv_error_info){.operation = "open key",
		.subject = clv_key_uri(key),
		.remedy = "find out who exchanged the key; restore it, or "
			  "install a certificate for this one"},
	    "it is not the key of the certificate of slot %s/%s", group, type);
}

/* Hands a failure on, and tells the audit log of refusals. */
static clv_status
tell_refusal(const clv_application *application, const char *group,
    const char *type, clv_status status, clv_error **failure, clv_error **err)
{
	clv_audit_tell_refusal(application, group, type, status, *failure);
	if (err != NULL && *failure != NULL) {
		*err = *failure;
		*failure = NULL; /* transferred */
	}
	clv_error_free(failure);
	return status;
}

static clv_status
open_key(const clv_application *application, const char *group,
    const char *type, clv_key **out, clv_error **err)
{
	size_t index;
	clv_status status;

	*out = NULL;
	if (!clv_application_find(application, group, type, &index) ||
	    application->slots[index].key == NULL)
		return empty_slot(application, group, type, "key", err);
	status = clv_key_open(
	    application->context, application->slots[index].key, out, err);
	if (status == CLV_OK)
		status = compare_key(application, group, type, *out, err);
	if (status != CLV_OK)
		clv_key_free(out);
	return status;
}

clv_status
clv_application_key(const clv_application *application, const char *group,
    const char *type, clv_key **out, clv_error **err)
{
	clv_error *failure = NULL;
	const clv_status status =
	    open_key(application, group, type, out, &failure);

	return tell_refusal(application, group, type, status, &failure, err);
}
