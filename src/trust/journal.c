/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/journal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/span.h"

#define HEADER "claviger-trust-journal 1 "
#define DIGEST_SIZE 32

static clv_status
raise_no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "change TrustList"},
	    "out of memory");
}

static clv_status
raise_corrupt(clv_error **err, const char *reason)
{
	return clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "read the journal of",
		.subject = "TrustList",
		.remedy = "remove .claviger/journal to give up the change it "
			  "records, then look through the list"},
	    "%s", reason);
}

/* ---- as an object ---- */

static clv_status
journal_alloc(struct clv_journal **out, clv_error **err)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? CLV_OK : raise_no_memory(err);
}

clv_status
clv_journal_new(struct clv_journal **out, clv_error **err)
{
	clv_status status;

	if ((status = journal_alloc(out, err)) == CLV_OK &&
	    (status = clv_nonce_make((*out)->nonce, err)) != CLV_OK)
		clv_journal_free(out);
	return status;
}

void
clv_journal_free(struct clv_journal **journal)
{
	if (journal == NULL || *journal == NULL)
		return;
	for (size_t i = 0; i < (*journal)->count; i++) {
		free((*journal)->ops[i].name);
		free((*journal)->ops[i].bytes);
	}
	free((*journal)->ops);
	clv_decision_clear(&(*journal)->when);
	free((*journal)->text);
	free(*journal);
	*journal = NULL;
}

bool
clv_journal_is_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL &&
	    strlen(name) <= NAME_MAX;
}

static bool
journal_grow(struct clv_journal *journal)
{
	const size_t capacity =
	    journal->capacity < 8 ? 8 : 2 * journal->capacity;
	struct clv_trust_op *ops;

	if (journal->count < journal->capacity)
		return true;
	ops = reallocarray(journal->ops, capacity, sizeof(*ops));
	if (ops == NULL)
		return false;
	journal->ops = ops;
	journal->capacity = capacity;
	return true;
}

/* Copies the name, takes over `op->bytes` on success only. */
static clv_status
journal_append(struct clv_journal *journal, const struct clv_trust_op *op,
    const char *name, clv_error **err)
{
	char *copy;

	if (!clv_journal_is_name(name))
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){
			.operation = "change TrustList", .subject = name},
		    "it is not the name of a certificate's file");
	copy = strdup(name);
	if (copy == NULL || !journal_grow(journal)) {
		free(copy);
		return raise_no_memory(err);
	}
	journal->ops[journal->count] = *op;
	journal->ops[journal->count++].name = copy;
	return CLV_OK;
}

clv_status
clv_journal_add(struct clv_journal *journal, enum clv_trust_folder folder,
    const char *name, const void *bytes, size_t size, clv_error **err)
{
	struct clv_trust_op op = {.folder = folder, .size = size};
	clv_status status;

	op.bytes = malloc(size > 0 ? size : 1);
	if (op.bytes == NULL)
		return raise_no_memory(err);
	if (size > 0)
		memcpy(op.bytes, bytes, size);
	op.content = op.bytes;
	status = journal_append(journal, &op, name, err);
	if (status != CLV_OK)
		free(op.bytes);
	return status;
}

clv_status
clv_journal_remove(struct clv_journal *journal, enum clv_trust_folder folder,
    const char *name, clv_error **err)
{
	return journal_append(journal,
	    &(struct clv_trust_op){.remove = true, .folder = folder}, name,
	    err);
}

static int
compare_place(const struct clv_trust_op *a, const struct clv_trust_op *b)
{
	if (a->folder != b->folder)
		return a->folder < b->folder ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Those on the same file in the order of coming, which `order` keeps. */
static int
compare_ops(const void *left, const void *right)
{
	const struct clv_trust_op *a = left;
	const struct clv_trust_op *b = right;
	const int place = compare_place(a, b);

	if (place != 0)
		return place;
	return a->order < b->order ? -1 : a->order > b->order;
}

void
clv_journal_seal(struct clv_journal *journal)
{
	size_t kept = 0;

	for (size_t i = 0; i < journal->count; i++)
		journal->ops[i].order = i;
	if (journal->count > 1)
		qsort(journal->ops, journal->count, sizeof(*journal->ops),
		    compare_ops);
	for (size_t i = 0; i < journal->count; i++) {
		if (i + 1 < journal->count &&
		    compare_place(&journal->ops[i], &journal->ops[i + 1]) ==
			0) {
			free(journal->ops[i].name);
			free(journal->ops[i].bytes);
			continue;
		}
		journal->ops[kept++] = journal->ops[i];
	}
	journal->count = kept;
}

static int
compare_key(const void *left, const void *right)
{
	return compare_place(left, right);
}

const struct clv_trust_op *
clv_journal_find(const struct clv_journal *journal,
    enum clv_trust_folder folder, const char *name)
{
	struct clv_trust_op key = {.folder = folder};

	if (journal == NULL || journal->count == 0)
		return NULL;
	/* bsearch() does not write to it. */
	key.name = (char *)(uintptr_t)name;
	return bsearch(&key, journal->ops, journal->count,
	    sizeof(*journal->ops), compare_key);
}

/* ---- as text ---- */

static void
print_digest(const uint8_t *text, size_t size, char hex[2 * DIGEST_SIZE + 1])
{
	uint8_t digest[DIGEST_SIZE] = {0};

	(void)EVP_Digest(text, size, digest, NULL, EVP_sha256(), NULL);
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static bool
is_plain(unsigned char c)
{
	return c > 0x20 && c < 0x7F && c != '%';
}

static void
print_name(FILE *out, const char *name)
{
	for (; *name != '\0'; name++)
		if (is_plain((unsigned char)*name))
			(void)fputc(*name, out);
		else
			(void)fprintf(out, "%%%02x", (unsigned char)*name);
}

static void
print_when(FILE *out, const struct clv_decision *when)
{
	if (when->path == NULL)
		return;
	(void)fprintf(out, "when %s ", when->nonce);
	print_name(out, when->path);
	(void)fputc('\n', out);
}

static void
print_op(FILE *out, const struct clv_trust_op *op)
{
	if (op->remove)
		(void)fprintf(out, "remove %d ", (int)op->folder);
	else
		(void)fprintf(out, "add %d %zu ", (int)op->folder, op->size);
	print_name(out, op->name);
	(void)fputc('\n', out);
	if (op->remove)
		return;
	(void)fwrite(op->content, 1, op->size, out);
	(void)fputc('\n', out);
}

clv_status
clv_journal_encode(const struct clv_journal *journal, uint8_t **text,
    size_t *size, clv_error **err)
{
	char hex[2 * DIGEST_SIZE + 1];
	char *buffer = NULL;
	FILE *out = open_memstream(&buffer, size);

	*text = NULL;
	if (out == NULL)
		return raise_no_memory(err);
	(void)fprintf(out, HEADER "%s\n", journal->nonce);
	print_when(out, &journal->when);
	for (size_t i = 0; i < journal->count; i++)
		print_op(out, &journal->ops[i]);
	if (fflush(out) == 0) {
		print_digest((const uint8_t *)buffer, *size, hex);
		(void)fprintf(out, "end %s\n", hex);
	}
	if (ferror(out) != 0 || fclose(out) != 0 || buffer == NULL) {
		free(buffer);
		return raise_no_memory(err);
	}
	*text = (uint8_t *)buffer;
	return CLV_OK;
}

/* A decimal number without sign or leading zeros, and the blank behind it. */
static bool
take_number(const char **at, size_t most, size_t *number)
{
	const char *digit = *at;

	*number = 0;
	if (digit[0] == '0' && digit[1] != ' ')
		return false;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		const size_t value = (size_t)(*digit - '0');

		if (*number > most / 10 || *number * 10 > most - value ||
		    value > most)
			return false;
		*number = *number * 10 + value;
	}
	if (digit == *at || *digit != ' ')
		return false;
	*at = digit + 1;
	return true;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; false unless it is what print_name() writes. */
static bool
decode_name(char *name)
{
	char *to = name;

	for (const char *from = name; *from != '\0'; from++) {
		int value = (unsigned char)*from;

		if (*from == '%') {
			const int high = hex_value(from[1]);
			const int low = high < 0 ? -1 : hex_value(from[2]);

			value = high * 16 + low;
			if (low < 0 || is_plain((unsigned char)value) ||
			    value == 0)
				return false;
			from += 2;
		} else if (!is_plain((unsigned char)*from)) {
			return false;
		}
		*to++ = (char)value;
	}
	*to = '\0';
	return true;
}

static bool
take_word(const char **at, const char *word)
{
	const size_t size = strlen(word);

	if (strncmp(*at, word, size) != 0)
		return false;
	*at += size;
	return true;
}

/* One operation; `line` is its first line. */
static clv_status
parse_op(struct clv_journal *journal, struct clv_span *rest, char *line,
    clv_error **err)
{
	struct clv_trust_op op = {.remove = false};
	const char *at = line;
	size_t folder = 0;

	op.remove = take_word(&at, "remove ");
	if (!op.remove && !take_word(&at, "add "))
		return raise_corrupt(err, "a line is not understood");
	if (!take_number(&at, CLV_FOLDER_COUNT - 1, &folder) ||
	    (!op.remove && !take_number(&at, rest->size, &op.size)))
		return raise_corrupt(err, "a number is out of range");
	op.folder = (enum clv_trust_folder)folder;
	if (!decode_name(line + (at - line)) || !clv_journal_is_name(at))
		return raise_corrupt(err, "a file name is not allowed");
	if (!op.remove) {
		op.content = rest->data;
		if (rest->size <= op.size || rest->data[op.size] != '\n')
			return raise_corrupt(err, "contents are cut off");
		rest->data += op.size + 1;
		rest->size -= op.size + 1;
	}
	return journal_append(journal, &op, at, err);
}

/* "when", which comes before all operations. */
static clv_status
parse_when(struct clv_journal *journal, char *line, clv_error **err)
{
	static const char word[] = "when ";
	struct clv_decision *when = &journal->when;
	char *nonce = line + sizeof(word) - 1;
	char *path = strchr(nonce, ' ');

	if (path != NULL)
		*path++ = '\0';
	if (journal->count > 0 || when->path != NULL || path == NULL ||
	    !clv_nonce_is(nonce) || !decode_name(path) || *path == '\0')
		return raise_corrupt(err, "a line is not understood");
	memcpy(when->nonce, nonce, sizeof(when->nonce));
	when->path = strdup(path);
	return when->path != NULL ? CLV_OK : raise_no_memory(err);
}

/* Whether the operation that came last belongs behind the others. */
static bool
is_sealed(const struct clv_journal *journal)
{
	const size_t count = journal->count;

	return count < 2 ||
	    compare_place(&journal->ops[count - 2], &journal->ops[count - 1]) <
	    0;
}

static clv_status
parse_text(struct clv_journal *journal, size_t size, clv_error **err)
{
	struct clv_span rest = {journal->text, size};
	char line[3 * PATH_MAX + 64];
	char hex[2 * DIGEST_SIZE + 1];
	const char *at = line;

	if (!clv_span_take_line(&rest, line, sizeof(line)) ||
	    !take_word(&at, HEADER) || !clv_nonce_is(at))
		return raise_corrupt(err, "it is no journal of this version");
	memcpy(journal->nonce, at, sizeof(journal->nonce));
	for (;;) {
		const size_t done = size - rest.size;
		clv_status status;

		if (!clv_span_take_line(&rest, line, sizeof(line)))
			return raise_corrupt(err, "it is cut off");
		at = line;
		if (!is_sealed(journal))
			return raise_corrupt(err, "it is not in order");
		if (take_word(&at, "end ")) {
			print_digest(journal->text, done, hex);
			if (rest.size != 0 || strcmp(at, hex) != 0)
				return raise_corrupt(err, "it is damaged");
			return CLV_OK;
		}
		status = take_word(&at, "when ")
		    ? parse_when(journal, line, err)
		    : parse_op(journal, &rest, line, err);
		if (status != CLV_OK)
			return status;
	}
}

clv_status
clv_journal_parse(
    uint8_t *text, size_t size, struct clv_journal **out, clv_error **err)
{
	struct clv_journal *journal = NULL;
	clv_status status;

	*out = NULL;
	if ((status = journal_alloc(&journal, err)) != CLV_OK) {
		free(text);
		return status;
	}
	journal->text = text;
	if ((status = parse_text(journal, size, err)) == CLV_OK) {
		*out = journal;
		journal = NULL; /* transferred */
	}
	clv_journal_free(&journal);
	return status;
}
