/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Groups and slots that come and go. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "application/audit.h"
#include "application/state.h"
#include "base/file.h"
#include "base/guard/internal.h"
#include "trust/layout.h"

#define LOCK_WAIT_MS 10000
#define GROUPS_DIRECTORY "groups"
#define GROUP_NAME_MAX 64U

/* One change of claviger.conf. */
struct extension {
	clv_application *application;
	const char *event; /* for the audit log */
	const char *group;
	const char *type;
	const char *text; /* the TrustList's directory, or the store */
	const char *const *types;
	size_t count;
	clv_status (*edit)(struct extension *extension,
	    struct clv_config *config, clv_error **err);
	/* What must be there before the commit, made when nothing but that can
	 * fail any more; may be NULL. */
	clv_status (*prepare)(const struct extension *extension,
	    const struct clv_config *config, clv_error **err);
};

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "change application"},
	    "out of memory");
}

static clv_status
refuse(const struct extension *extension, clv_status status, const char *why,
    clv_error **err)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "change",
		.subject = extension->application->directory},
	    "%s%s%s %s", extension->group, extension->type != NULL ? "/" : "",
	    extension->type != NULL ? extension->type : "", why);
}

/* ---- committing ---- */

/* What is printed is parsed, so that nobody writes what he can't read. */
static clv_status
parse_again(struct clv_config *config, char **text, size_t *size,
    struct clv_config *again, clv_error **err)
{
	clv_status status = clv_config_print(config, text, size, err);

	if (status == CLV_OK)
		status =
		    clv_config_parse(CLV_CONFIG_NAME, *text, *size, again, err);
	return status;
}

/* A log that can't be written stops the change before it begins. */
static clv_status
put_audit(const struct extension *extension, const struct clv_generation *last,
    const struct clv_config *config, struct clv_redo *redo, clv_error **err)
{
	clv_error *failure = NULL;
	clv_status status = clv_audit_put_redo(extension->application,
	    extension->event, last, config, redo, &failure);

	if (status != CLV_OK)
		status = clv_error_raise(err, status,
		    &(struct clv_error_info){.operation = "change",
			.subject = extension->application->directory,
			.retryable = clv_error_retryable(failure),
			.remedy = clv_error_remedy(failure)},
		    "nothing was changed: %s", clv_error_message(failure));
	clv_error_free(&failure);
	return status;
}

static clv_status
put_last(const struct extension *extension, const struct clv_config *config,
    struct clv_redo *redo, clv_error **err)
{
	struct clv_generation last = {.time = (int64_t)time(NULL)};
	char *text = NULL;
	size_t size = 0;
	clv_status status;

	memcpy(last.nonce, redo->nonce, sizeof(last.nonce));
	if ((status = clv_generation_add(
		 &last, extension->group, extension->type, err)) == CLV_OK &&
	    (status = clv_generation_print(&last, &text, &size, err)) ==
		CLV_OK &&
	    (status = clv_redo_put(redo, CLV_LAST_PATH, text, size, err)) ==
		CLV_OK)
		status = put_audit(extension, &last, config, redo, err);
	free(text);
	clv_generation_clear(&last);
	return status;
}

/* From the commit on, the change is in force. */
static clv_status
decide(const struct extension *extension, const struct clv_state *state,
    const struct clv_redo *redo, clv_error **err)
{
	clv_error *failure = NULL;
	bool committed = false;
	char *remedy =
	    clv_application_command("mend that, then run claviger recover",
		extension->application->directory);
	clv_status status = clv_state_commit(state, redo, &committed, &failure);

	if (committed) {
		clv_error_free(&failure);
		status = clv_state_apply(
		    extension->application, state, redo, &failure);
	}
	if (committed && status != CLV_OK)
		status = clv_error_raise(err, status,
		    &(struct clv_error_info){.operation = "carry out change in",
			.subject = extension->application->directory,
			.retryable = true,
			.remedy = remedy},
		    "the change is in force, but is not carried out in full: "
		    "%s",
		    clv_error_reason(failure));
	else if (status != CLV_OK && err != NULL) {
		*err = failure;
		failure = NULL; /* transferred */
	}
	clv_error_free(&failure);
	free(remedy);
	return status;
}

static clv_status
commit(const struct extension *extension, const struct clv_state *state,
    struct clv_config *config, clv_error **err)
{
	struct clv_config again = {0};
	struct clv_redo *redo = NULL;
	char *text = NULL;
	size_t size = 0;
	clv_status status;

	config->audit_begun = true;
	if ((status = parse_again(config, &text, &size, &again, err)) ==
		CLV_OK &&
	    (status = clv_redo_new(&redo, err)) == CLV_OK &&
	    (status = clv_redo_put(redo, CLV_CONFIG_NAME, text, size, err)) ==
		CLV_OK &&
	    (status = put_last(extension, &again, redo, err)) == CLV_OK &&
	    (extension->prepare == NULL ||
		(status = extension->prepare(extension, &again, err)) ==
		    CLV_OK))
		status = decide(extension, state, redo, err);
	clv_redo_free(&redo);
	clv_config_clear(&again);
	free(text);
	return status;
}

static clv_status
edit_copy(
    struct extension *extension, const struct clv_state *state, clv_error **err)
{
	struct clv_config copy = {0};
	char *text = NULL;
	size_t size = 0;
	clv_status status;

	if ((status = parse_again(&extension->application->config, &text, &size,
		 &copy, err)) == CLV_OK &&
	    (status = extension->edit(extension, &copy, err)) == CLV_OK)
		status = commit(extension, state, &copy, err);
	clv_config_clear(&copy);
	free(text);
	return status;
}

static clv_status
extend(struct extension *extension, clv_error **err)
{
	clv_application *application = extension->application;
	struct clv_state state = CLV_STATE_INIT;
	clv_status status;

	if ((status = clv_state_lock(application, LOCK_WAIT_MS, &state, err)) ==
		CLV_OK &&
	    (status = clv_state_recover(application, &state, NULL, err)) ==
		CLV_OK &&
	    (status = clv_application_reload(application, err)) == CLV_OK &&
	    (status = edit_copy(extension, &state, err)) == CLV_OK)
		status = clv_application_reload(application, err);
	clv_state_unlock(&state);
	return status;
}

/* ---- groups ---- */

static bool
find_group(const struct clv_config *config, const char *name, size_t *index)
{
	for (*index = 0; *index < config->group_count; (*index)++)
		if (strcmp(config->groups[*index].name, name) == 0)
			return true;
	return false;
}

static bool
is_group_name(const char *name)
{
	const size_t size = strlen(name);

	return size > 0 && size <= GROUP_NAME_MAX && *name != '.' &&
	    *name != ' ' && name[size - 1] != ' ' &&
	    strspn(name,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789._- ") == size;
}

/* Directories of a TrustList that nobody names yet harm nobody. */
static clv_status
make_list(const clv_application *application, const char *path, clv_error **err)
{
	const int parent = application->directory_fd;
	char *absolute = NULL;
	bool made = false;
	clv_status status;

	if (strncmp(path, GROUPS_DIRECTORY "/", sizeof(GROUPS_DIRECTORY)) ==
		0 &&
	    mkdirat(parent, GROUPS_DIRECTORY, 0755) == 0) {
		(void)!fchmodat(parent, GROUPS_DIRECTORY, 0755, 0);
		clv_audit_give(application, parent, GROUPS_DIRECTORY);
		status = clv_file_sync(parent, application->directory, err);
		if (status != CLV_OK)
			return status;
	}
	if (asprintf(&absolute, "%s%s%s",
		*path == '/' ? "" : application->directory,
		*path == '/' ? "" : "/", path) < 0)
		return no_memory(err);
	status = clv_layout_create(absolute, &made, err);
	free(absolute);
	return status;
}

static clv_status
edit_group(
    struct extension *extension, struct clv_config *config, clv_error **err)
{
	struct clv_config_group *group = &config->groups[config->group_count];
	bool good = true;
	size_t index;
	int made;

	if (find_group(config, extension->group, &index))
		return refuse(extension, CLV_EXISTS, "is there already", err);
	if (config->group_count == CLV_GROUPS_MAX ||
	    extension->count > CLV_TYPES_MAX)
		return refuse(extension, CLV_TOO_LARGE, "is one too many", err);
	config->group_count++;
	group->name = strdup(extension->group);
	made = extension->text != NULL
	    ? asprintf(&group->trust_list, "%s", extension->text)
	    : asprintf(
		  &group->trust_list, GROUPS_DIRECTORY "/%s", extension->group);
	if (made < 0)
		group->trust_list = NULL;
	for (; group->type_count < extension->count; group->type_count++) {
		group->types[group->type_count] =
		    strdup(extension->types[group->type_count]);
		good = good && group->types[group->type_count] != NULL;
	}
	return good && group->name != NULL && group->trust_list != NULL
	    ? CLV_OK
	    : no_memory(err);
}

static clv_status
make_group_list(const struct extension *extension,
    const struct clv_config *config, clv_error **err)
{
	size_t index;

	return find_group(config, extension->group, &index)
	    ? make_list(
		  extension->application, config->groups[index].trust_list, err)
	    : CLV_OK;
}

static clv_status
check_types(const char *const *types, size_t count, clv_error **err)
{
	for (size_t i = 0; i < count; i++)
		if (!clv_config_is_type(types[i]))
			return clv_error_raise(err, CLV_INVALID,
			    &(struct clv_error_info){.operation = "add group"},
			    "%s is not a CertificateType, such as RsaSha256 "
			    "or EccNistP256",
			    types[i]);
	return CLV_OK;
}

clv_status
clv_application_add_group(clv_application *application, const char *group,
    const char *trust_list, const char *const *types, size_t count,
    clv_error **err)
{
	struct extension extension = {.application = application,
	    .event = "group-added",
	    .group = group,
	    .text = trust_list,
	    .types = types,
	    .count = count,
	    .edit = edit_group,
	    .prepare = make_group_list};
	clv_status status;

	if (!is_group_name(group))
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "add group"},
		    "a group is named by 1 to 64 letters, digits, and \"._- \" "
		    "between them");
	status = check_types(types, count, err);
	return status != CLV_OK ? status : extend(&extension, err);
}

/* ---- slots ---- */

/* "pem:" and "tpm2:?tcti=..." have no path: they get one in the TrustList. */
static clv_status
complete_store(const struct extension *extension, const char *trust_list,
    char **store, clv_error **err)
{
	const char *given = extension->text;
	const char *colon = strchr(given, ':');
	char *completed = NULL;
	char *resolved = NULL;
	clv_status status;
	int made;

	*store = NULL;
	if (colon != NULL && strncmp(given, "pkcs11:", 7) != 0 &&
	    (colon[1] == '\0' || colon[1] == '?'))
		made = asprintf(&completed, "%.*s:%s/own/private%s",
		    (int)(colon - given), given, trust_list, colon + 1);
	else
		made = asprintf(&completed, "%s", given);
	if (made < 0)
		return no_memory(err);
	status = clv_application_resolve(
	    extension->application->directory, completed, &resolved, err);
	if (status == CLV_OK)
		status = clv_application_relate(
		    extension->application, resolved, store, err);
	clv_free(resolved);
	free(completed);
	return status;
}

static clv_status
try_store(const clv_application *application, const char *text, clv_error **err)
{
	clv_store *store = NULL;
	char *uri = NULL;
	clv_status status =
	    clv_application_resolve(application->directory, text, &uri, err);

	if (status == CLV_OK)
		status = clv_store_open(application->context, uri, &store, err);
	clv_store_free(&store);
	clv_free(uri);
	return status;
}

static clv_status
no_group(const struct extension *extension, clv_error **err)
{
	const char *directory = extension->application->directory;
	char *add = clv_application_command("claviger group add", directory);
	char *group = clv_guard_quote(extension->group);
	char *remedy = NULL;
	clv_status status;

	if (add == NULL || group == NULL ||
	    asprintf(&remedy, "%s %s", add, group) < 0)
		remedy = NULL;
	status = clv_error_raise(err, CLV_NOT_FOUND,
	    &(struct clv_error_info){.operation = "add slot",
		.subject = directory,
		.remedy = remedy},
	    "there is no group %s", extension->group);
	free(remedy);
	free(group);
	free(add);
	return status;
}

static clv_status
edit_slot(
    struct extension *extension, struct clv_config *config, clv_error **err)
{
	struct clv_config_slot *slot = &config->slots[config->slot_count];
	clv_status status;
	size_t group;
	size_t index;

	if (!find_group(config, extension->group, &group))
		return no_group(extension, err);
	if (clv_application_find(extension->application, extension->group,
		extension->type, &index))
		return refuse(extension, CLV_EXISTS, "is there already", err);
	if (config->slot_count == CLV_SLOTS_MAX)
		return refuse(extension, CLV_TOO_LARGE, "is one too many", err);
	if (!clv_config_is_type(extension->type))
		return refuse(extension, CLV_INVALID,
		    "is not of a CertificateType, such as RsaSha256 or "
		    "EccNistP256",
		    err);
	if (!clv_config_group_has_type(config, group, extension->type))
		return refuse(extension, CLV_INVALID,
		    "is not of one of the group's certificate-types", err);
	status = complete_store(
	    extension, config->groups[group].trust_list, &slot->store, err);
	if (status != CLV_OK)
		return status;
	config->slot_count++;
	slot->group = group;
	slot->type = strdup(extension->type);
	return slot->type != NULL
	    ? try_store(extension->application, slot->store, err)
	    : no_memory(err);
}

clv_status
clv_application_add_slot(clv_application *application, const char *group,
    const char *type, const char *store, clv_error **err)
{
	struct extension extension = {.application = application,
	    .event = "slot-added",
	    .group = group,
	    .type = type,
	    .text = store != NULL ? store : "file:",
	    .edit = edit_slot};

	return extend(&extension, err);
}

static bool
has_pending(const struct extension *extension)
{
	struct clv_ledger ledger = {.count = 0};
	bool found;

	/* One that can't be read may have one. */
	if (clv_state_read_ledger(extension->application, &ledger, NULL) !=
	    CLV_OK)
		return true;
	found = clv_ledger_pending(
		    &ledger, extension->group, extension->type) != NULL;
	clv_ledger_clear(&ledger);
	return found;
}

static clv_status
edit_no_slot(
    struct extension *extension, struct clv_config *config, clv_error **err)
{
	struct clv_config_slot *slot;
	size_t index;

	if (!clv_application_find(extension->application, extension->group,
		extension->type, &index))
		return refuse(extension, CLV_NOT_FOUND, "is no slot", err);
	slot = &config->slots[index];
	if (slot->key != NULL || slot->certificate != NULL ||
	    has_pending(extension))
		return refuse(extension, CLV_INVALID, "is not empty", err);
	free(slot->type);
	free(slot->store);
	free(slot->chain);
	config->slot_count--;
	memmove(slot, slot + 1,
	    (config->slot_count - index) * sizeof(config->slots[0]));
	/* What was moved is not there twice. */
	memset(&config->slots[config->slot_count], 0, sizeof(*slot));
	return CLV_OK;
}

clv_status
clv_application_remove_slot(clv_application *application, const char *group,
    const char *type, clv_error **err)
{
	struct extension extension = {.application = application,
	    .event = "slot-removed",
	    .group = group,
	    .type = type,
	    .edit = edit_no_slot};

	return extend(&extension, err);
}
