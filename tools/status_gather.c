/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Time enough to ask a CertificateManager for another one. */
#define DAYS_SOON 30

void
status_advise(struct status *status, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	if (status->advice_count == STATUS_ADVICE_MAX)
		return;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) >= 0)
		status->advice[status->advice_count++] = text;
	va_end(arguments);
}

/* ---- slots ---- */

static void
advise_slot(struct status *status, const struct status_slot *slot)
{
	const char *directory = clv_application_directory(status->application);
	const char *group = slot->about.group;
	const char *type = slot->about.type;

	if (slot->pending != NULL)
		status_advise(status,
		    "%s/%s: its new key waits for a certificate: claviger cert "
		    "install %s FILE",
		    group, type, directory);
	else if (slot->about.key == NULL)
		status_advise(status,
		    "%s/%s is empty: claviger slot remove %s %s %s --yes, or "
		    "fill it",
		    group, type, directory, group, type);
	else if (slot->certificate != NULL && slot->days_left < DAYS_SOON)
		status_advise(status,
		    "%s/%s: its certificate %s: claviger cert request %s "
		    "--group %s --slot %s",
		    group, type,
		    slot->days_left < 0 ? "has expired" : "will expire soon",
		    directory, group, type);
}

/* The thumbprint that a file's name claims, "CN [SHA1].der": it stands in
 * claviger.conf and so was there when the certificate was put there. */
static bool
is_another(const struct status_slot *slot)
{
	const char *end = strrchr(slot->about.certificate, ']');
	const char *start = strrchr(slot->about.certificate, '[');

	return start != NULL && end != NULL && end - start == 41 &&
	    strcmp(end, "].der") == 0 &&
	    strspn(start + 1, "0123456789ABCDEF") == 40 &&
	    strncmp(start + 1, clv_certificate_thumbprint(slot->certificate),
		40) != 0;
}

/* A key in a plain file is looked at without asking a person or a device. */
static void
check_key(struct status *status, struct status_slot *slot)
{
	clv_key *key = NULL;
	clv_error *err = NULL;

	if (slot->about.key == NULL ||
	    strncmp(slot->about.key, "file:", 5) != 0)
		return;
	if (clv_key_open(status->context, slot->about.key, &key, &err) ==
	    CLV_OK) {
		if (!clv_certificate_matches(slot->certificate, key))
			slot->finding = "it is not the certificate of the key";
	} else if (clv_error_status(err) != CLV_PERMISSION) {
		status->good = false;
		status_advise(status, "%s/%s: its key can't be used: %s%s%s",
		    slot->about.group, slot->about.type, clv_error_message(err),
		    clv_error_remedy(err) != NULL ? ": " : "",
		    clv_error_remedy(err) != NULL ? clv_error_remedy(err) : "");
	}
	clv_key_free(&key);
	clv_error_free(&err);
}

static void
check_certificate(struct status *status, struct status_slot *slot)
{
	if (slot->certificate == NULL)
		return;
	check_key(status, slot);
	if (slot->finding == NULL && is_another(slot))
		slot->finding = "it is not the one that was installed";
	if (slot->finding == NULL)
		return;
	status->good = false;
	status_advise(status,
	    "%s/%s: its certificate was exchanged: find out who could, and "
	    "restore %s or install another one",
	    slot->about.group, slot->about.type, slot->about.certificate);
}

static void
gather_slot(struct status *status, struct status_slot *slot)
{
	const clv_application *application = status->application;

	(void)clv_application_pending_uri(application, slot->about.group,
	    slot->about.type, &slot->pending, NULL);
	if (clv_application_certificate(application, slot->about.group,
		slot->about.type, &slot->certificate,
		&slot->problem) == CLV_OK) {
		const int64_t left =
		    clv_certificate_not_after(slot->certificate) -
		    (int64_t)time(NULL);

		/* Rounded down, so that 0 is a day that is not over. */
		slot->days_left =
		    (long long)(left >= 0 ? left / 86400 : -1 - -left / 86400);
	}
	check_certificate(status, slot);
	status->good = status->good && slot->certificate != NULL &&
	    slot->days_left >= 0 && slot->about.key != NULL;
	advise_slot(status, slot);
}

static bool
gather_slots(struct status *status)
{
	struct clv_slot about;

	while (clv_application_slot(
	    status->application, status->slot_count, &about))
		status->slot_count++;
	status->slots =
	    calloc(status->slot_count + 1, sizeof(status->slots[0]));
	if (status->slots == NULL)
		return false;
	for (size_t i = 0; i < status->slot_count; i++) {
		(void)clv_application_slot(
		    status->application, i, &status->slots[i].about);
		gather_slot(status, &status->slots[i]);
	}
	return true;
}

/* ---- groups ---- */

static bool
gather_groups(struct status *status)
{
	const clv_application *application = status->application;

	while (clv_application_group(application, status->group_count) != NULL)
		status->group_count++;
	status->groups =
	    calloc(status->group_count + 1, sizeof(status->groups[0]));
	if (status->groups == NULL)
		return false;
	for (size_t i = 0; i < status->group_count; i++) {
		struct status_group *group = &status->groups[i];

		group->name = clv_application_group(application, i);
		group->trust_list =
		    clv_application_trust_list(application, group->name);
		status_gather_list(status, group);
	}
	return true;
}

/* ---- history ---- */

static void
add_change(void *user, const char *group, const char *type)
{
	struct status *status = user;
	char *longer = NULL;

	if (asprintf(&longer, "%s%s%s%s\n",
		status->changes != NULL ? status->changes : "", group,
		type != NULL ? "/" : "", type != NULL ? type : "") < 0)
		return;
	free(status->changes);
	status->changes = longer;
}

bool
status_audit_is_bad(const struct status *status)
{
	return status->audit_problem != NULL &&
	    clv_error_status(status->audit_problem) != CLV_PERMISSION;
}

static void
advise_audit(struct status *status)
{
	const clv_error *problem = status->audit_problem;
	const char *remedy = clv_error_remedy(problem);

	if (!status_audit_is_bad(status))
		return;
	if (clv_error_status(problem) == CLV_CORRUPT)
		status_advise(status,
		    "the audit log was tampered with: claviger audit %s "
		    "--verify",
		    clv_application_directory(status->application));
	else
		status_advise(status, "the audit log can't be checked: %s",
		    remedy != NULL ? remedy : clv_error_message(problem));
}

/* Whoever wrote claviger.conf by hand has none, which nobody can tell from
 * one that was removed before there was a log. */
static void
advise_state(struct status *status)
{
	const char *directory = clv_application_directory(status->application);
	char *path = NULL;

	if (status->audit_problem != NULL || status->slot_count == 0 ||
	    asprintf(&path, "%s/state", directory) < 0)
		return;
	if (access(path, F_OK) != 0 && errno == ENOENT)
		status_advise(status,
		    "%s is not there: nothing is recorded of how the keys came "
		    "here; unless claviger.conf was written by hand, restore "
		    "it from a backup",
		    path);
	free(path);
}

static void
gather_history(struct status *status)
{
	const clv_application *application = status->application;
	const char *directory = clv_application_directory(application);
	char *path = NULL;

	status->committed =
	    clv_application_last(application, &status->last, add_change, status,
		&status->last_problem) == CLV_OK;
	if (clv_error_status(status->last_problem) == CLV_NOT_FOUND)
		clv_error_free(&status->last_problem);
	(void)clv_audit_verify(
	    application, NULL, &status->audit, &status->audit_problem);
	advise_audit(status);
	advise_state(status);
	/* Opening it finished that, if this process may. */
	if (asprintf(&path, "%s/state/redo", directory) >= 0 &&
	    access(path, F_OK) == 0)
		status_advise(status,
		    "a transaction is being carried out or was interrupted: "
		    "claviger recover %s",
		    directory);
	free(path);
}

bool
status_gather(clv_context *context, const clv_application *application,
    struct status *status)
{
	*status = (struct status){
	    .context = context, .application = application, .good = true};
	if (!gather_slots(status) || !gather_groups(status))
		return false;
	gather_history(status);
	return true;
}

void
status_clear(struct status *status)
{
	for (size_t i = 0; status->slots != NULL && i < status->slot_count;
	     i++) {
		clv_free(status->slots[i].pending);
		clv_certificate_free(&status->slots[i].certificate);
		clv_error_free(&status->slots[i].problem);
	}
	for (size_t i = 0; status->groups != NULL && i < status->group_count;
	     i++)
		cJSON_Delete(status->groups[i].problems);
	free(status->slots);
	free(status->groups);
	free(status->changes);
	clv_error_free(&status->last_problem);
	clv_error_free(&status->audit_problem);
	for (size_t i = 0; i < status->advice_count; i++)
		free(status->advice[i]);
}
