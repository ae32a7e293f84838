/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDS_MAX 256

struct record {
	uint32_t kind, number, size;
	uint8_t *data;
};

static struct record records[RECORDS_MAX];
static size_t record_count;
static char file_path[PATH_MAX];
static int changes_open;

static _Noreturn void
give_up(const char *what)
{
	fprintf(stderr, "card: %s: %s: %s\n", file_path, what, strerror(errno));
	exit(1);
}

static bool
read_record(FILE *file)
{
	struct record record;

	if (fread(&record, offsetof(struct record, data), 1, file) != 1)
		return false;
	if (record_count == RECORDS_MAX || record.size > CARD_BUFFER) {
		errno = EINVAL;
		give_up("not a card's memory");
	}
	if ((record.data = malloc(record.size + 1)) == NULL ||
	    fread(record.data, 1, record.size, file) != record.size)
		give_up("read");
	records[record_count++] = record;
	return true;
}

bool
store_open(const char *path, bool *is_new)
{
	FILE *file;

	snprintf(file_path, sizeof(file_path), "%s", path);
	file = fopen(path, "re");
	*is_new = file == NULL && errno == ENOENT;
	if (file == NULL)
		return *is_new;
	while (read_record(file))
		;
	fclose(file);
	return true;
}

static void
write_records(FILE *file)
{
	for (size_t i = 0; i < record_count; i++)
		if (fwrite(&records[i], offsetof(struct record, data), 1,
			file) != 1 ||
		    fwrite(records[i].data, 1, records[i].size, file) !=
			records[i].size)
			give_up("write");
}

static void
save(void)
{
	char temporary[PATH_MAX + 4];
	FILE *file;
	int fd;

	if (changes_open > 0)
		return;
	snprintf(temporary, sizeof(temporary), "%s.new", file_path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || (file = fdopen(fd, "w")) == NULL)
		give_up("open");
	write_records(file);
	if (fclose(file) != 0 || rename(temporary, file_path) != 0)
		give_up("write");
}

static struct record *
find(unsigned kind, unsigned number)
{
	for (size_t i = 0; i < record_count; i++)
		if (records[i].kind == kind && records[i].number == number)
			return &records[i];
	return NULL;
}

bool
store_get(unsigned kind, unsigned number, struct bytes *value)
{
	const struct record *record = find(kind, number);

	if (record == NULL)
		return false;
	*value = (struct bytes){record->data, record->size};
	return true;
}

void
store_put(unsigned kind, unsigned number, struct bytes value)
{
	struct record *record = find(kind, number);
	uint8_t *copy = malloc(value.size + 1);

	errno = ENOSPC;
	if (copy == NULL || (record == NULL && record_count == RECORDS_MAX))
		give_up("store");
	if (value.size > 0)
		memcpy(copy, value.data, value.size);
	if (record == NULL) {
		record = &records[record_count++];
		*record = (struct record){.kind = kind, .number = number};
	}
	free(record->data);
	record->data = copy;
	record->size = (uint32_t)value.size;
	save();
}

void
store_delete(unsigned kind, unsigned number)
{
	struct record *record = find(kind, number);

	if (record == NULL)
		return;
	free(record->data);
	*record = records[--record_count];
	save();
}

bool
store_next(unsigned kind, unsigned *number, struct bytes *value)
{
	const struct record *next = NULL;

	for (size_t i = 0; i < record_count; i++)
		if (records[i].kind == kind && records[i].number >= *number &&
		    (next == NULL || records[i].number < next->number))
			next = &records[i];
	if (next == NULL)
		return false;
	*number = next->number;
	*value = (struct bytes){next->data, next->size};
	return true;
}

void
store_begin(void)
{
	changes_open++;
}

void
store_end(void)
{
	changes_open--;
	save();
}
