/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"

#define LABEL_MAX 64U
#define ID_MAX 64U
#define SPECIAL_MAX 16U

struct clv_key_options {
	char *label;
	uint8_t id[ID_MAX];
	size_t id_size;
	/* Names and values in turn, NULL at the end. */
	char *special[2 * SPECIAL_MAX + 1];
	size_t special_count;
};

static const struct clv_error_info operation = {.operation = "set key option"};

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY, &operation, "out of memory");
}

clv_status
clv_key_options_new(clv_key_options **out, clv_error **err)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? CLV_OK : no_memory(err);
}

void
clv_key_options_free(clv_key_options **options)
{
	if (options == NULL || *options == NULL)
		return;
	free((*options)->label);
	for (size_t i = 0; i < 2 * (*options)->special_count; i++)
		free((*options)->special[i]);
	free(*options);
	*options = NULL;
}

/* A label names a file, too: nothing in it may lead elsewhere. */
static const char *
problem_with_label(const char *label)
{
	const size_t size = strlen(label);

	if (size == 0 || size > LABEL_MAX)
		return "must have 1 to 64 bytes";
	if (!clv_utf8_is_printable(label, size))
		return "must be UTF-8 without control characters";
	if (strpbrk(label, "/\\") != NULL || label[0] == '.')
		return "must not contain '/' or '\\' or start with '.'";
	return NULL;
}

clv_status
clv_key_options_set_label(
    clv_key_options *options, const char *label, clv_error **err)
{
	const char *problem = problem_with_label(label);
	char *copy;

	if (problem != NULL)
		return clv_error_raise(
		    err, CLV_INVALID, &operation, "a label %s", problem);
	copy = strdup(label);
	if (copy == NULL)
		return no_memory(err);
	free(options->label);
	options->label = copy;
	return CLV_OK;
}

clv_status
clv_key_options_set_id(
    clv_key_options *options, const void *id, size_t size, clv_error **err)
{
	if (size == 0 || size > ID_MAX)
		return clv_error_raise(err, CLV_INVALID, &operation,
		    "an identifier must have 1 to %u bytes", ID_MAX);
	memcpy(options->id, id, size);
	options->id_size = size;
	return CLV_OK;
}

clv_status
clv_key_options_set(clv_key_options *options, const char *name,
    const char *value, clv_error **err)
{
	char **end = &options->special[2 * options->special_count];

	if (options->special_count == SPECIAL_MAX)
		return clv_error_raise(err, CLV_TOO_LARGE, &operation,
		    "more than %u options", SPECIAL_MAX);
	for (size_t i = 0; i < options->special_count; i++)
		if (strcmp(options->special[2 * i], name) == 0)
			return clv_error_raise(err, CLV_INVALID, &operation,
			    "option \"%s\" given twice", name);
	end[0] = strdup(name);
	end[1] = strdup(value);
	if (end[0] == NULL || end[1] == NULL) {
		free(end[0]);
		free(end[1]);
		end[0] = end[1] = NULL;
		return no_memory(err);
	}
	options->special_count++;
	return CLV_OK;
}

static bool
is_known(const struct clv_backend *backend, const char *name)
{
	for (size_t i = 0;
	     backend->options != NULL && backend->options[i] != NULL; i++)
		if (strcmp(backend->options[i], name) == 0)
			return true;
	return false;
}

static void
make_label(clv_algorithm algorithm, unsigned turn, char *room)
{
	const time_t now = time(NULL);
	char suffix[16] = "";
	char stamp[20];
	struct tm utc;

	(void)gmtime_r(&now, &utc);
	(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	if (turn > 0)
		(void)snprintf(suffix, sizeof(suffix), "-%u", turn + 1);
	(void)snprintf(room, CLV_LABEL_ROOM, "%s-%s%s",
	    clv_algorithm_describe(algorithm)->name, stamp, suffix);
}

clv_status
clv_key_options_spec(const clv_key_options *options,
    const struct clv_backend *backend, clv_algorithm algorithm, unsigned turn,
    char *room, struct clv_key_spec *spec, clv_error **err)
{
	static const clv_key_options defaults;

	if (options == NULL)
		options = &defaults;
	for (size_t i = 0; i < options->special_count; i++)
		if (!is_known(backend, options->special[2 * i]))
			return clv_error_raise(err, CLV_INVALID, &operation,
			    "\"%s:\" stores have no option \"%s\"",
			    backend->scheme, options->special[2 * i]);
	*spec = (struct clv_key_spec){.algorithm = algorithm,
	    .label = options->label,
	    .label_given = options->label != NULL,
	    .id = options->id_size > 0 ? options->id : NULL,
	    .id_size = options->id_size,
	    .options = (const char *const *)options->special};
	if (!spec->label_given) {
		make_label(algorithm, turn, room);
		spec->label = room;
	}
	return CLV_OK;
}
