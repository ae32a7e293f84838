/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "status.h"

#include <stdlib.h>
#include <string.h>

/* ---- for people ---- */

static void
print_certificate(const struct status_slot *slot)
{
	const clv_certificate *certificate = slot->certificate;
	char until[32];

	if (certificate == NULL) {
		printf("  certificate  %s\n", clv_error_message(slot->problem));
		return;
	}
	printf("  certificate  %s\n", slot->about.certificate);
	if (slot->finding != NULL)
		printf("  PROBLEM      %s\n", slot->finding);
	printf("  issuer       %s\n",
	    clv_certificate_is_self_signed(certificate)
		? "itself"
		: clv_certificate_issuer(certificate));
	printf("  valid until  %s, %lld days left\n",
	    program_time(clv_certificate_not_after(certificate), until),
	    slot->days_left);
	printf("  thumbprint   %s\n", clv_certificate_thumbprint(certificate));
}

static void
print_slot(const struct status_slot *slot)
{
	printf("%s/%s\n", slot->about.group, slot->about.type);
	printf("  key          %s\n",
	    slot->about.key != NULL ? slot->about.key : "none");
	if (slot->pending != NULL)
		printf("  pending key  %s\n", slot->pending);
	print_certificate(slot);
}

static void
print_count(const char *name, long count, long strays)
{
	if (count < 0)
		printf("  %-12s can't be read\n", name);
	else if (strays == 0)
		printf("  %-12s %ld\n", name, count);
	else
		printf("  %-12s %ld, and %ld file%s not count\n", name, count,
		    strays, strays == 1 ? " that does" : "s that do");
}

static void
print_group(const struct status_group *group)
{
	printf("TrustList of %s: %s\n", group->name, group->trust_list);
	for (size_t i = 0; i < STATUS_LISTS; i++)
		print_count(
		    status_list_names[i], group->counts[i], group->strays[i]);
}

static void
print_history(const struct status *status)
{
	const struct clv_audit_summary *audit = &status->audit;
	const char *change = status->changes;
	char when[32];

	if (status->last_problem != NULL)
		printf("last change: %s\n",
		    clv_error_message(status->last_problem));
	else if (!status->committed)
		printf("last change: none since it was made\n");
	else
		printf("last change: %s\n", program_time(status->last, when));
	for (; change != NULL && *change != '\0';
	     change = strchr(change, '\n') + 1)
		printf(
		    "  %.*s\n", (int)(strchr(change, '\n') - change), change);
	if (status->audit_problem != NULL)
		printf("audit log: %s\n",
		    clv_error_message(status->audit_problem));
	else if (audit->last == 0)
		printf("audit log: empty\n");
	else
		printf("audit log: records %llu to %llu, whole\n",
		    (unsigned long long)audit->first,
		    (unsigned long long)audit->last);
}

void
status_print(const struct status *status)
{
	printf("%s\n", clv_application_uri(status->application));
	for (size_t i = 0; i < status->slot_count; i++)
		print_slot(&status->slots[i]);
	for (size_t i = 0; i < status->group_count; i++)
		print_group(&status->groups[i]);
	print_history(status);
	for (size_t i = 0; i < status->advice_count; i++) {
		printf("%s", i == 0 ? "to do:\n  " : "  ");
		program_print_text(stdout, status->advice[i]);
		printf("\n");
	}
}

/* ---- for programs ---- */

static void
add_text(cJSON *object, const char *name, const char *text)
{
	if (text != NULL)
		cJSON_AddStringToObject(object, name, text);
}

static cJSON *
slot_json(const struct status_slot *slot)
{
	const clv_certificate *certificate = slot->certificate;
	cJSON *object = cJSON_CreateObject();
	char until[32];

	add_text(object, "group", slot->about.group);
	add_text(object, "type", slot->about.type);
	add_text(object, "store", slot->about.store);
	add_text(object, "key", slot->about.key);
	add_text(object, "pendingKey", slot->pending);
	if (certificate == NULL) {
		add_text(object, "problem", clv_error_message(slot->problem));
		return object;
	}
	add_text(object, "certificate", slot->about.certificate);
	add_text(object, "problem", slot->finding);
	add_text(object, "thumbprint", clv_certificate_thumbprint(certificate));
	add_text(object, "issuer", clv_certificate_issuer(certificate));
	add_text(object, "validUntil",
	    program_time(clv_certificate_not_after(certificate), until));
	cJSON_AddNumberToObject(object, "daysLeft", (double)slot->days_left);
	cJSON_AddBoolToObject(
	    object, "selfSigned", clv_certificate_is_self_signed(certificate));
	return object;
}

static cJSON *
counts_json(const struct status_group *group)
{
	cJSON *counts = cJSON_CreateObject();

	for (size_t i = 0; i < STATUS_LISTS; i++)
		if (group->counts[i] >= 0)
			cJSON_AddNumberToObject(counts, status_list_names[i],
			    (double)group->counts[i]);
		else
			cJSON_AddNullToObject(counts, status_list_names[i]);
	return counts;
}

static cJSON *
group_json(const struct status *status, const struct status_group *group)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *types = NULL;
	const char *type;

	add_text(object, "group", group->name);
	add_text(object, "trustList", group->trust_list);
	types = cJSON_AddArrayToObject(object, "certificateTypes");
	for (size_t i = 0; (type = clv_application_certificate_type(
				status->application, group->name, i)) != NULL;
	     i++)
		cJSON_AddItemToArray(types, cJSON_CreateString(type));
	cJSON_AddItemToObject(object, "counts", counts_json(group));
	cJSON_AddItemToObject(
	    object, "notCounted", cJSON_Duplicate(group->problems, true));
	return object;
}

static cJSON *
change_json(const struct status *status)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *changes = NULL;
	const char *at = status->changes;
	char when[32];

	if (status->last_problem != NULL)
		add_text(
		    object, "problem", clv_error_message(status->last_problem));
	if (!status->committed)
		return object;
	add_text(object, "time", program_time(status->last, when));
	changes = cJSON_AddArrayToObject(object, "changed");
	while (at != NULL && *at != '\0') {
		const char *end = strchr(at, '\n');
		char *one = strndup(at, (size_t)(end - at));

		cJSON_AddItemToArray(
		    changes, cJSON_CreateString(one != NULL ? one : ""));
		free(one);
		at = end + 1;
	}
	return object;
}

static cJSON *
audit_json(const struct status *status)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddBoolToObject(object, "intact", status->audit_problem == NULL);
	cJSON_AddNumberToObject(object, "first", (double)status->audit.first);
	cJSON_AddNumberToObject(object, "last", (double)status->audit.last);
	if (status->audit_problem != NULL)
		add_text(object, "problem",
		    clv_error_message(status->audit_problem));
	return object;
}

static void
add_names(cJSON *document, const clv_application *application)
{
	cJSON *names;
	const char *locale;
	const char *text;

	add_text(document, "applicationUri", clv_application_uri(application));
	add_text(
	    document, "productUri", clv_application_product_uri(application));
	add_text(document, "directory", clv_application_directory(application));
	names = cJSON_AddObjectToObject(document, "applicationNames");
	for (size_t i = 0;
	     clv_application_localized_name(application, i, &locale, &text);
	     i++)
		cJSON_AddStringToObject(names, locale, text);
}

int
status_print_json(const struct status *status)
{
	cJSON *document = cJSON_CreateObject();
	cJSON *slots;
	cJSON *groups;
	cJSON *advice;

	add_names(document, status->application);
	slots = cJSON_AddArrayToObject(document, "slots");
	for (size_t i = 0; i < status->slot_count; i++)
		cJSON_AddItemToArray(slots, slot_json(&status->slots[i]));
	/* That of DefaultApplicationGroup, as it always was. */
	if (status->group_count > 0)
		cJSON_AddItemToObject(
		    document, "trustList", counts_json(&status->groups[0]));
	groups = cJSON_AddArrayToObject(document, "groups");
	for (size_t i = 0; i < status->group_count; i++)
		cJSON_AddItemToArray(
		    groups, group_json(status, &status->groups[i]));
	cJSON_AddItemToObject(document, "lastChange", change_json(status));
	cJSON_AddItemToObject(document, "audit", audit_json(status));
	advice = cJSON_AddArrayToObject(document, "toDo");
	for (size_t i = 0; i < status->advice_count; i++)
		cJSON_AddItemToArray(
		    advice, cJSON_CreateString(status->advice[i]));
	return program_print_json(&document);
}
