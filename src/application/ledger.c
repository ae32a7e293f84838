/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/ledger.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "application/words.h"
#include "base/span.h"

#define HEADER "claviger-keys 1"

static const char *const kinds[] = {"making", "pending", "destroy"};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "record keys"},
	    "out of memory");
}

static void
entry_clear(struct clv_ledger_entry *entry)
{
	free(entry->group);
	free(entry->type);
	free(entry->uri);
	free(entry->mark);
}

void
clv_ledger_clear(struct clv_ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++)
		entry_clear(&ledger->entries[i]);
	ledger->count = 0;
}

clv_status
clv_ledger_add(struct clv_ledger *ledger, enum clv_ledger_kind kind,
    const char *group, const char *type, const char *uri, const char *mark,
    clv_error **err)
{
	struct clv_ledger_entry *entry = &ledger->entries[ledger->count];

	if (ledger->count == CLV_LEDGER_MAX)
		return clv_error_raise(err, CLV_TOO_LARGE,
		    &(struct clv_error_info){
			.operation = "record keys", .subject = CLV_LEDGER_PATH},
		    "too many keys wait to be destroyed; \"claviger recover\" "
		    "destroys them");
	*entry = (struct clv_ledger_entry){.kind = kind,
	    .group = strdup(group),
	    .type = strdup(type),
	    .uri = strdup(uri),
	    .mark = strdup(mark)};
	if (entry->group == NULL || entry->type == NULL || entry->uri == NULL ||
	    entry->mark == NULL) {
		entry_clear(entry);
		return no_memory(err);
	}
	ledger->count++;
	return CLV_OK;
}

void
clv_ledger_remove(struct clv_ledger *ledger, size_t index)
{
	entry_clear(&ledger->entries[index]);
	ledger->count--;
	memmove(&ledger->entries[index], &ledger->entries[index + 1],
	    (ledger->count - index) * sizeof(ledger->entries[0]));
}

struct clv_ledger_entry *
clv_ledger_pending(
    struct clv_ledger *ledger, const char *group, const char *type)
{
	for (size_t i = 0; i < ledger->count; i++) {
		struct clv_ledger_entry *entry = &ledger->entries[i];

		if (entry->kind == CLV_KEY_PENDING &&
		    strcmp(entry->group, group) == 0 &&
		    strcmp(entry->type, type) == 0)
			return entry;
	}
	return NULL;
}

static void
print_entry(FILE *out, const struct clv_ledger_entry *entry)
{
	const char *const words[] = {kinds[entry->kind], entry->group,
	    entry->type, entry->uri, entry->mark};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (i > 0)
			(void)fputc(' ', out);
		clv_words_print(out, words[i]);
	}
	(void)fputc('\n', out);
}

clv_status
clv_ledger_print(
    const struct clv_ledger *ledger, char **text, size_t *size, clv_error **err)
{
	FILE *out = open_memstream(text, size);
	bool good;

	if (out == NULL) {
		*text = NULL;
		return no_memory(err);
	}
	(void)fputs(HEADER "\n", out);
	for (size_t i = 0; i < ledger->count; i++)
		print_entry(out, &ledger->entries[i]);
	good = ferror(out) == 0;
	/* Without memory fclose(3) gives no text, and no error. */
	good = fclose(out) == 0 && *text != NULL && good;
	if (good)
		return CLV_OK;
	free(*text);
	*text = NULL;
	return no_memory(err);
}

static clv_status
corrupt(clv_error **err)
{
	return clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){
		.operation = "read", .subject = CLV_LEDGER_PATH},
	    "it is no list of keys of this version");
}

static clv_status
parse_entry(struct clv_ledger *ledger, char *line, clv_error **err)
{
	char *words[5];
	size_t kind = 0;

	if (!clv_words_split(line, words, 5))
		return corrupt(err);
	while (kind < KINDS && strcmp(words[0], kinds[kind]) != 0)
		kind++;
	if (kind == KINDS || *words[3] == '\0')
		return corrupt(err);
	return clv_ledger_add(ledger, (enum clv_ledger_kind)kind, words[1],
	    words[2], words[3], words[4], err);
}

clv_status
clv_ledger_parse(const uint8_t *text, size_t size, struct clv_ledger *ledger,
    clv_error **err)
{
	struct clv_span rest = {text, size};
	char line[3 * PATH_MAX + 1024];
	clv_status status = CLV_OK;

	ledger->count = 0;
	if (!clv_span_take_line(&rest, line, sizeof(line)) ||
	    strcmp(line, HEADER) != 0)
		return corrupt(err);
	while (status == CLV_OK && rest.size > 0)
		status = clv_span_take_line(&rest, line, sizeof(line))
		    ? parse_entry(ledger, line, err)
		    : corrupt(err);
	if (status != CLV_OK)
		clv_ledger_clear(ledger);
	return status;
}
