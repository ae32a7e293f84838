/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/generation.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "application/words.h"
#include "base/span.h"

#define HEADER "claviger-last 1 "
#define CHANGES (CLV_SLOTS_MAX + CLV_GROUPS_MAX)
#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define TIME_SIZE 40

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "record transaction"},
	    "out of memory");
}

static clv_status
corrupt(clv_error **err)
{
	return clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "read",
		.subject = CLV_LAST_PATH,
		.remedy = "remove it: it tells of the last transaction and "
			  "nothing else"},
	    "it is no record of this version");
}

void
clv_generation_clear(struct clv_generation *generation)
{
	for (size_t i = 0; i < generation->count; i++) {
		free(generation->changes[i].group);
		free(generation->changes[i].type);
	}
	*generation = (struct clv_generation){.count = 0};
}

clv_status
clv_generation_add(struct clv_generation *generation, const char *group,
    const char *type, clv_error **err)
{
	struct clv_generation_change change = {
	    .group = strdup(group), .type = type != NULL ? strdup(type) : NULL};

	if (generation->count == CHANGES || change.group == NULL ||
	    (change.type == NULL) != (type == NULL)) {
		free(change.group);
		free(change.type);
		return generation->count == CHANGES ? corrupt(err)
						    : no_memory(err);
	}
	generation->changes[generation->count++] = change;
	return CLV_OK;
}

static bool
print_time(int64_t seconds, char text[TIME_SIZE])
{
	const time_t at = (time_t)seconds;
	struct tm parts;

	return gmtime_r(&at, &parts) != NULL &&
	    strftime(text, TIME_SIZE, TIME_FORMAT, &parts) > 0;
}

/* Only what print_time() writes. */
static bool
parse_time(const char *text, int64_t *seconds)
{
	char again[TIME_SIZE];
	struct tm parts = {.tm_sec = 0};
	const char *end = strptime(text, TIME_FORMAT, &parts);

	if (end == NULL || *end != '\0')
		return false;
	*seconds = (int64_t)timegm(&parts);
	return print_time(*seconds, again) && strcmp(text, again) == 0;
}

static void
print_change(FILE *out, const struct clv_generation_change *change)
{
	(void)fputs(change->type != NULL ? "slot " : "list ", out);
	clv_words_print(out, change->group);
	if (change->type != NULL) {
		(void)fputc(' ', out);
		clv_words_print(out, change->type);
	}
	(void)fputc('\n', out);
}

clv_status
clv_generation_print(const struct clv_generation *generation, char **text,
    size_t *size, clv_error **err)
{
	FILE *out = open_memstream(text, size);
	char time[TIME_SIZE] = "";
	bool good;

	if (out == NULL) {
		*text = NULL;
		return no_memory(err);
	}
	good = print_time(generation->time, time);
	(void)fprintf(out, HEADER "%s\ntime %s\n", generation->nonce, time);
	for (size_t i = 0; i < generation->count; i++)
		print_change(out, &generation->changes[i]);
	(void)fputs("end\n", out);
	good = ferror(out) == 0 && good;
	good = fclose(out) == 0 && *text != NULL && good;
	if (good)
		return CLV_OK;
	free(*text);
	*text = NULL;
	return no_memory(err);
}

static bool
take_head(struct clv_generation *out, struct clv_span *rest)
{
	static const char header[] = HEADER;
	char line[sizeof(header) + CLV_NONCE_SIZE + TIME_SIZE];

	if (!clv_span_take_line(rest, line, sizeof(line)) ||
	    strncmp(line, header, sizeof(header) - 1) != 0 ||
	    !clv_nonce_is(line + sizeof(header) - 1))
		return false;
	memcpy(out->nonce, line + sizeof(header) - 1, CLV_NONCE_SIZE);
	return clv_span_take_line(rest, line, sizeof(line)) &&
	    strncmp(line, "time ", 5) == 0 && parse_time(line + 5, &out->time);
}

static clv_status
parse_change(struct clv_generation *out, char *line, clv_error **err)
{
	const bool slot = strncmp(line, "slot ", 5) == 0;
	char *words[3] = {NULL, NULL, NULL};

	if ((!slot && strncmp(line, "list ", 5) != 0) ||
	    !clv_words_split(line, words, slot ? 3 : 2))
		return corrupt(err);
	return clv_generation_add(out, words[1], words[2], err);
}

static clv_status
parse(const uint8_t *text, size_t size, struct clv_generation *out,
    clv_error **err)
{
	struct clv_span rest = {text, size};
	char line[PATH_MAX];
	clv_status status;

	if (!take_head(out, &rest))
		return corrupt(err);
	for (;;) {
		if (!clv_span_take_line(&rest, line, sizeof(line)))
			return corrupt(err);
		if (strcmp(line, "end") == 0)
			return rest.size == 0 ? CLV_OK : corrupt(err);
		status = parse_change(out, line, err);
		if (status != CLV_OK)
			return status;
	}
}

clv_status
clv_generation_parse(const uint8_t *text, size_t size,
    struct clv_generation *out, clv_error **err)
{
	clv_status status;

	*out = (struct clv_generation){.count = 0};
	status = parse(text, size, out, err);
	if (status != CLV_OK)
		clv_generation_clear(out);
	return status;
}
