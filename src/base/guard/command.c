/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/guard/command.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) &&
		    strchr("/._-+,:=@%", *text) == NULL)
			return false;
	return true;
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if (iscntrl((unsigned char)*text))
			return true;
	return false;
}

/* $'...' of POSIX.1-2024, so that a name can't drive a terminal. */
static void
quote_control(FILE *out, const char *text)
{
	fputs("$'", out);
	for (; *text != '\0'; text++) {
		if (iscntrl((unsigned char)*text))
			fprintf(out, "\\%03o", (unsigned char)*text);
		else if (*text == '\'' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
	fputc('\'', out);
}

static void
quote_simple(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text != '\0'; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	fputc('\'', out);
}

char *
clv_guard_quote(const char *text)
{
	char *quoted = NULL;
	size_t size = 0;
	FILE *out;

	if (*text != '\0' && is_plain(text))
		return strdup(text);
	if ((out = open_memstream(&quoted, &size)) == NULL)
		return NULL;
	if (has_control(text))
		quote_control(out, text);
	else
		quote_simple(out, text);
	if (fclose(out) != 0) {
		free(quoted);
		return NULL;
	}
	return quoted;
}

/* "HEAD PATH", with the path quoted. */
static char *
with_path(const char *head, const char *path)
{
	char *quoted = clv_guard_quote(path);
	char *command = NULL;

	if (quoted != NULL && asprintf(&command, "%s %s", head, quoted) < 0)
		command = NULL;
	free(quoted);
	return command;
}

char *
clv_guard_owner_command(
    const struct clv_guard_case *judged, const struct clv_guard_object *object)
{
	const clv_guard *guard = judged->guard;
	const bool is_ours = object->role == CLV_GUARD_TARGET &&
	    (judged->policy == CLV_GUARD_KEY || guard->application_administers);
	const char *dash = object->role == CLV_GUARD_LINK ? "-h " : "";
	char head[48];

	if (is_ours && guard->application != 0)
		(void)snprintf(
		    head, sizeof(head), "chown %u", guard->application);
	else
		(void)snprintf(head, sizeof(head), "chown %sroot", dash);
	return with_path(head, object->path);
}

char *
clv_guard_unlink_command(const struct clv_guard_object *object)
{
	char *quoted = clv_guard_quote(object->path);
	char *command = NULL;

	if (quoted != NULL &&
	    asprintf(&command, "cp -p %s %s.new && mv -f %s.new %s", quoted,
		quoted, quoted, quoted) < 0)
		command = NULL;
	free(quoted);
	return command;
}

/* An entry as setfacl(1) writes it: "u:61001:r-x". */
static void
print_entry(FILE *out, const char *prefix, const struct clv_acl_entry *entry)
{
	const unsigned rights = entry->rights;

	fputs(prefix, out);
	switch (entry->tag) {
	case CLV_ACL_USER:
		fprintf(out, "u:%u:", entry->id);
		break;
	case CLV_ACL_GROUP:
		fprintf(out, "g:%u:", entry->id);
		break;
	case CLV_ACL_OWNING_GROUP:
		fputs("g::", out);
		break;
	default:
		fputs("o::", out);
	}
	fprintf(out, "%c%c%c", rights & CLV_ACL_READ ? 'r' : '-',
	    rights & CLV_ACL_WRITE ? 'w' : '-',
	    rights & CLV_ACL_EXECUTE ? 'x' : '-');
}

/* setfacl -n (the mask stays) -m with each entry that changed. */
static char *
change_entries(const struct clv_acl *before, const struct clv_acl *after,
    const char *prefix, const char *path)
{
	char *head = NULL, *command;
	size_t size = 0, changed = 0;
	FILE *out = open_memstream(&head, &size);

	if (out == NULL)
		return NULL;
	fputs("setfacl -n -m ", out);
	for (size_t i = 0; i < after->count; i++)
		if (before->entries[i].rights != after->entries[i].rights)
			print_entry(out,
			    changed++ > 0 ? (*prefix ? ",d:" : ",") : prefix,
			    &after->entries[i]);
	if (fclose(out) != 0) {
		free(head);
		return NULL;
	}
	command = with_path(head, path);
	free(head);
	return command;
}

/* setfacl -b alone would wake what the mask held back of the group. */
static char *
remove_acl(const struct clv_acl *after, const char *path)
{
	char *head = NULL, *command;
	size_t size = 0;
	FILE *out = open_memstream(&head, &size);

	if (out == NULL)
		return NULL;
	fputs("setfacl -b -m ", out);
	for (size_t i = 0; i < after->count; i++)
		if (after->entries[i].tag != CLV_ACL_OWNER)
			print_entry(out,
			    after->entries[i].tag == CLV_ACL_OTHERS ? "," : "",
			    &after->entries[i]);
	if (fclose(out) != 0) {
		free(head);
		return NULL;
	}
	command = with_path(head, path);
	free(head);
	return command;
}

static char *
change_mode(
    const struct clv_guard_case *judged, const struct clv_guard_object *object)
{
	const unsigned mode = object->stat.stx_mode & 07777U;
	struct clv_acl_entry entries[3];
	struct clv_acl acl;
	char head[32];

	clv_acl_from_mode(mode, entries, &acl);
	clv_guard_clean(judged, object, &acl);
	(void)snprintf(head, sizeof(head), "chmod %04o",
	    (mode & 07700U) | (unsigned)entries[1].rights << 3 |
		entries[2].rights);
	return with_path(head, object->path);
}

static bool
copy_acl(const struct clv_acl *from, struct clv_acl *to)
{
	to->entries = calloc(from->count, sizeof(*to->entries));
	if (to->entries == NULL)
		return false;
	memcpy(to->entries, from->entries, from->count * sizeof(*to->entries));
	to->count = from->count;
	return true;
}

/* Reads the ACL again: this is the rare path, and it keeps the judging free
 * of commands. */
char *
clv_guard_rights_command(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, bool is_default)
{
	struct clv_acl before = {NULL, 0}, after = {NULL, 0};
	char *command = NULL;

	if (!clv_acl_read(object->fd,
		is_default ? CLV_ACL_KIND_DEFAULT : CLV_ACL_KIND_ACCESS,
		&before))
		return NULL;
	if (before.count == 0)
		return is_default ? NULL : change_mode(judged, object);
	if (!copy_acl(&before, &after))
		goto out;

	if (is_default) {
		clv_guard_clean_default(judged, &after);
		command = change_entries(&before, &after, "d:", object->path);
		goto out;
	}
	clv_guard_clean(judged, object, &after);
	command = after.count == before.count
	    ? change_entries(&before, &after, "", object->path)
	    : remove_acl(&after, object->path);
out:
	clv_acl_free(&before);
	clv_acl_free(&after);
	return command;
}
