/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/redo.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "application/words.h"
#include "base/span.h"

#define DIGEST_SIZE 32

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "record transaction"},
	    "out of memory");
}

static clv_status
corrupt(clv_error **err, const char *why)
{
	return clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){
		.operation = "read", .subject = "state/" CLV_REDO_NAME},
	    "%s", why);
}

static clv_status
redo_alloc(struct clv_redo **out, clv_error **err)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? CLV_OK : no_memory(err);
}

clv_status
clv_redo_new(struct clv_redo **out, clv_error **err)
{
	clv_status status = redo_alloc(out, err);

	if (status == CLV_OK)
		status = clv_nonce_make((*out)->nonce, err);
	if (status != CLV_OK)
		clv_redo_free(out);
	return status;
}

void
clv_redo_free(struct clv_redo **redo)
{
	if (redo == NULL || *redo == NULL)
		return;
	for (size_t i = 0; i < (*redo)->count; i++) {
		free((*redo)->files[i].path);
		free((*redo)->files[i].bytes);
	}
	for (size_t i = 0; i < (*redo)->list_count; i++)
		free((*redo)->lists[i]);
	free((*redo)->event);
	free(*redo);
	*redo = NULL;
}

clv_status
clv_redo_put(struct clv_redo *redo, const char *path, const void *bytes,
    size_t size, clv_error **err)
{
	struct clv_redo_file file = {.size = size};

	if (redo->count == CLV_REDO_FILES)
		return corrupt(err, "too many files");
	file.path = strdup(path);
	file.bytes = malloc(size + 1);
	if (file.path == NULL || file.bytes == NULL) {
		free(file.path);
		free(file.bytes);
		return no_memory(err);
	}
	memcpy(file.bytes, bytes, size);
	redo->files[redo->count++] = file;
	return CLV_OK;
}

clv_status
clv_redo_list(struct clv_redo *redo, const char *path, clv_error **err)
{
	if (redo->list_count == CLV_GROUPS_MAX)
		return corrupt(err, "too many TrustLists");
	redo->lists[redo->list_count] = strdup(path);
	if (redo->lists[redo->list_count] == NULL)
		return no_memory(err);
	redo->list_count++;
	return CLV_OK;
}

void
clv_redo_tell(struct clv_redo *redo, char *event)
{
	free(redo->event);
	redo->event = event;
}

const struct clv_redo_file *
clv_redo_find(const struct clv_redo *redo, const char *path)
{
	for (size_t i = 0; redo != NULL && i < redo->count; i++)
		if (strcmp(redo->files[i].path, path) == 0)
			return &redo->files[i];
	return NULL;
}

static void
print_digest(const void *text, size_t size, char hex[2 * DIGEST_SIZE + 1])
{
	uint8_t digest[DIGEST_SIZE] = {0};

	(void)EVP_Digest(text, size, digest, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static void
print_file(FILE *out, const struct clv_redo_file *file)
{
	(void)fprintf(out, "put %zu ", file->size);
	clv_words_print(out, file->path);
	(void)fputc('\n', out);
	(void)fwrite(file->bytes, 1, file->size, out);
	(void)fputc('\n', out);
}

clv_status
clv_redo_encode(
    const struct clv_redo *redo, uint8_t **text, size_t *size, clv_error **err)
{
	char hex[2 * DIGEST_SIZE + 1];
	char *buffer = NULL;
	FILE *out = open_memstream(&buffer, size);
	bool good;

	*text = NULL;
	if (out == NULL)
		return no_memory(err);
	(void)fprintf(out, CLV_DECISION_HEADER "%s\n", redo->nonce);
	for (size_t i = 0; i < redo->list_count; i++) {
		(void)fputs("list ", out);
		clv_words_print(out, redo->lists[i]);
		(void)fputc('\n', out);
	}
	if (redo->event != NULL)
		(void)fprintf(
		    out, "event %zu\n%s\n", strlen(redo->event), redo->event);
	for (size_t i = 0; i < redo->count; i++)
		print_file(out, &redo->files[i]);
	good = fflush(out) == 0;
	if (good) {
		print_digest(buffer, *size, hex);
		(void)fprintf(out, "end %s\n", hex);
	}
	good = ferror(out) == 0 && good;
	good = fclose(out) == 0 && buffer != NULL && good;
	if (!good) {
		free(buffer);
		return no_memory(err);
	}
	*text = (uint8_t *)buffer;
	return CLV_OK;
}

static clv_status
parse_file(
    struct clv_redo *redo, struct clv_span *rest, char *line, clv_error **err)
{
	char *words[3];
	size_t size = 0;
	clv_status status;

	if (!clv_words_split(line, words, 3) || strcmp(words[0], "put") != 0 ||
	    !clv_words_number(words[1], rest->size, &size) || *words[2] == '\0')
		return corrupt(err, "a line is not understood");
	if (rest->size <= size || rest->data[size] != '\n')
		return corrupt(err, "contents are cut off");
	status = clv_redo_put(redo, words[2], rest->data, size, err);
	rest->data += size + 1;
	rest->size -= size + 1;
	return status;
}

static clv_status
parse_event(
    struct clv_redo *redo, struct clv_span *rest, char *line, clv_error **err)
{
	char *words[2];
	size_t size = 0;

	if (!clv_words_split(line, words, 2) || redo->event != NULL ||
	    redo->count > 0 || !clv_words_number(words[1], rest->size, &size))
		return corrupt(err, "a line is not understood");
	if (rest->size <= size || rest->data[size] != '\n' ||
	    memchr(rest->data, '\0', size) != NULL)
		return corrupt(err, "contents are cut off");
	redo->event = strndup((const char *)rest->data, size);
	if (redo->event == NULL)
		return no_memory(err);
	rest->data += size + 1;
	rest->size -= size + 1;
	return CLV_OK;
}

static clv_status
parse_list(struct clv_redo *redo, char *line, clv_error **err)
{
	char *words[2];

	if (!clv_words_split(line, words, 2) || *words[1] == '\0' ||
	    redo->count > 0 || redo->event != NULL)
		return corrupt(err, "a line is not understood");
	return clv_redo_list(redo, words[1], err);
}

/* The first line. */
static bool
take_header(struct clv_redo *redo, struct clv_span *rest)
{
	static const char header[] = CLV_DECISION_HEADER;
	char line[sizeof(header) + CLV_NONCE_SIZE];

	redo->nonce[0] = '\0';
	if (!clv_span_take_line(rest, line, sizeof(line)))
		return false;
	if (strcmp(line, CLV_DECISION_OLD_HEADER) == 0)
		return true;
	if (strncmp(line, header, sizeof(header) - 1) != 0 ||
	    !clv_nonce_is(line + sizeof(header) - 1))
		return false;
	memcpy(redo->nonce, line + sizeof(header) - 1, CLV_NONCE_SIZE);
	return true;
}

static clv_status
parse(struct clv_redo *redo, const uint8_t *text, size_t size, clv_error **err)
{
	struct clv_span rest = {text, size};
	char line[3 * PATH_MAX + 64];
	char hex[2 * DIGEST_SIZE + 1];

	if (!take_header(redo, &rest))
		return corrupt(err, "it is no record of this version");
	for (;;) {
		const size_t done = size - rest.size;
		clv_status status;

		if (!clv_span_take_line(&rest, line, sizeof(line)))
			return corrupt(err, "it is cut off");
		if (strncmp(line, "end ", 4) == 0) {
			print_digest(text, done, hex);
			if (rest.size != 0 || strcmp(line + 4, hex) != 0)
				return corrupt(err, "it is damaged");
			return CLV_OK;
		}
		if (strncmp(line, "list ", 5) == 0)
			status = parse_list(redo, line, err);
		else if (strncmp(line, "event ", 6) == 0)
			status = parse_event(redo, &rest, line, err);
		else
			status = parse_file(redo, &rest, line, err);
		if (status != CLV_OK)
			return status;
	}
}

clv_status
clv_redo_parse(
    const uint8_t *text, size_t size, struct clv_redo **out, clv_error **err)
{
	clv_status status = redo_alloc(out, err);

	if (status == CLV_OK) {
		(*out)->found = true;
		status = parse(*out, text, size, err);
	}
	if (status != CLV_OK)
		clv_redo_free(out);
	return status;
}
