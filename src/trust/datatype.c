/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include <claviger/statuscode.h>
#include <claviger/trust_data.h>

#include <stdlib.h>
#include <string.h>

#define LIST_COUNT 4
#define LENGTH_SIZE 4
#define NULL_LENGTH UINT32_MAX /* -1 on the wire */

struct entry {
	const uint8_t *bytes;
	size_t size;
	uint8_t *owned; /* NULL: part of the stream */
};

struct list {
	struct entry *entries;
	size_t count;
	size_t capacity;
	bool null;
};

struct clv_trust_data {
	unsigned specified;
	struct list lists[LIST_COUNT]; /* in the order of the stream */
	uint8_t *stream;               /* what decoded entries point into */
};

/* Where in the stream the decoder is, and what it may still take. */
struct reader {
	const uint8_t *at;
	size_t left;
	size_t entries_left;
	size_t max_entry_size;
	clv_error **err;
};

static const uint8_t empty_bytes[1];

static clv_status
raise_corrupt(struct reader *reader, const char *reason)
{
	return clv_error_raise(reader->err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "decode TrustListDataType",
		.domain = CLV_DOMAIN_OPCUA,
		.code = CLV_SC_BAD_DECODING_ERROR,
		.code_name = "BadDecodingError",
		.remedy = "ask for the list again from where it came"},
	    "%s", reason);
}

static clv_status
raise_limit(
    clv_error **err, const char *operation, const char *what, size_t limit)
{
	return clv_error_raise(err, CLV_TOO_LARGE,
	    &(struct clv_error_info){.operation = operation,
		.domain = CLV_DOMAIN_OPCUA,
		.code = CLV_SC_BAD_ENCODING_LIMITS_EXCEEDED,
		.code_name = "BadEncodingLimitsExceeded",
		.remedy =
		    "raise the limit if the list is meant to be so large"},
	    "more than %zu %s", limit, what);
}

static clv_status
raise_no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "hold TrustListDataType"},
	    "out of memory");
}

/* Which list a bit means, -1 if it is not one bit of the mask. */
static int
list_index(clv_trust_mask list)
{
	switch ((int)list) {
	case CLV_TRUST_TRUSTED_CERTIFICATES:
		return 0;
	case CLV_TRUST_TRUSTED_CRLS:
		return 1;
	case CLV_TRUST_ISSUER_CERTIFICATES:
		return 2;
	case CLV_TRUST_ISSUER_CRLS:
		return 3;
	default:
		return -1;
	}
}

static const struct list *
find_list(const clv_trust_data *data, clv_trust_mask list)
{
	static const struct list none = {.null = true};
	const int index = list_index(list);

	return index < 0 ? &none : &data->lists[index];
}

static void
list_drop(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].owned);
	free(list->entries);
	*list = (struct list){.null = true};
}

static uint32_t
load_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	    (uint32_t)at[3] << 24;
}

static uint8_t *
store_u32(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < LENGTH_SIZE; i++)
		at[i] = (uint8_t)(value >> (8 * i));
	return at + LENGTH_SIZE;
}

static clv_status
read_u32(struct reader *reader, uint32_t *value)
{
	if (reader->left < LENGTH_SIZE)
		return raise_corrupt(reader, "the stream ends too early");
	*value = load_u32(reader->at);
	reader->at += LENGTH_SIZE;
	reader->left -= LENGTH_SIZE;
	return CLV_OK;
}

static clv_status
read_entry(struct reader *reader, struct entry *entry)
{
	uint32_t size = 0;
	clv_status status;

	if ((status = read_u32(reader, &size)) != CLV_OK)
		return status;
	if (size == NULL_LENGTH)
		return CLV_OK;
	if (size > INT32_MAX)
		return raise_corrupt(reader, "an entry has a negative length");
	if (size > reader->left)
		return raise_corrupt(
		    reader, "an entry is longer than the stream");
	if (size > reader->max_entry_size)
		return raise_limit(reader->err, "decode TrustListDataType",
		    "bytes in one entry", reader->max_entry_size);
	entry->bytes = reader->at;
	entry->size = size;
	reader->at += size;
	reader->left -= size;
	return CLV_OK;
}

/* A count is a claim: it is held against what is left of the stream before
 * memory is taken for it. */
static clv_status
read_count(struct reader *reader, struct list *list)
{
	uint32_t count = 0;
	clv_status status;

	if ((status = read_u32(reader, &count)) != CLV_OK)
		return status;
	list->null = count == NULL_LENGTH;
	if (list->null || count == 0)
		return CLV_OK;
	if (count > INT32_MAX)
		return raise_corrupt(reader, "a list has a negative length");
	if (count > reader->left / LENGTH_SIZE)
		return raise_corrupt(
		    reader, "a list has more entries than fit the stream");
	if (count > reader->entries_left)
		return raise_limit(reader->err, "decode TrustListDataType",
		    "entries more", reader->entries_left);
	reader->entries_left -= count;
	list->entries = calloc(count, sizeof(*list->entries));
	if (list->entries == NULL)
		return raise_no_memory(reader->err);
	list->capacity = count;
	return CLV_OK;
}

static clv_status
read_list(struct reader *reader, struct list *list)
{
	clv_status status;

	if ((status = read_count(reader, list)) != CLV_OK)
		return status;
	while (list->count < list->capacity) {
		status = read_entry(reader, &list->entries[list->count]);
		if (status != CLV_OK)
			return status;
		list->count++;
	}
	return CLV_OK;
}

static clv_status
read_stream(struct reader *reader, clv_trust_data *data)
{
	uint32_t mask = 0;
	clv_status status;

	if ((status = read_u32(reader, &mask)) != CLV_OK)
		return status;
	if ((mask & ~(uint32_t)CLV_TRUST_ALL_LISTS) != 0)
		return raise_corrupt(reader, "the mask names unknown lists");
	data->specified = mask;
	for (int i = 0; i < LIST_COUNT; i++)
		if ((status = read_list(reader, &data->lists[i])) != CLV_OK)
			return status;
	if (reader->left != 0)
		return raise_corrupt(reader, "bytes follow the last list");
	return CLV_OK;
}

static size_t
or_default(size_t value, size_t fallback)
{
	return value != 0 ? value : fallback;
}

clv_status
clv_trust_data_decode(const void *bytes, size_t size,
    const struct clv_trust_data_limits *limits, clv_trust_data **out,
    clv_error **err)
{
	static const struct clv_trust_data_limits defaults;
	struct reader reader = {.left = size, .err = err};
	clv_trust_data *data = NULL;
	size_t max_bytes;
	clv_status status;

	*out = NULL;
	if (limits == NULL)
		limits = &defaults;
	max_bytes = or_default(limits->max_bytes, CLV_TRUST_DATA_MAX_BYTES);
	if (size > max_bytes)
		return raise_limit(
		    err, "decode TrustListDataType", "bytes", max_bytes);
	reader.entries_left =
	    or_default(limits->max_entries, CLV_TRUST_DATA_MAX_ENTRIES);
	reader.max_entry_size =
	    or_default(limits->max_entry_size, CLV_TRUST_DATA_MAX_ENTRY_SIZE);

	if ((status = clv_trust_data_new(&data, err)) != CLV_OK)
		return status;
	data->stream = malloc(size + 1);
	if (data->stream == NULL) {
		status = raise_no_memory(err);
		goto out;
	}
	if (size > 0)
		memcpy(data->stream, bytes, size);
	reader.at = data->stream;
	if ((status = read_stream(&reader, data)) != CLV_OK)
		goto out;

	*out = data;
	data = NULL; /* transferred */
out:
	clv_trust_data_free(&data);
	return status;
}

clv_status
clv_trust_data_new(clv_trust_data **out, clv_error **err)
{
	clv_trust_data *data = calloc(1, sizeof(*data));

	*out = data;
	if (data == NULL)
		return raise_no_memory(err);
	for (int i = 0; i < LIST_COUNT; i++)
		data->lists[i].null = true;
	return CLV_OK;
}

void
clv_trust_data_free(clv_trust_data **data)
{
	if (data == NULL || *data == NULL)
		return;
	for (int i = 0; i < LIST_COUNT; i++)
		list_drop(&(*data)->lists[i]);
	free((*data)->stream);
	free(*data);
	*data = NULL;
}

/* Entries are at most INT32_MAX long, so that the sum of as many as memory
 * holds does not overflow. */
size_t
clv_trust_data_encoded_size(const clv_trust_data *data)
{
	size_t size = LENGTH_SIZE;

	for (int i = 0; i < LIST_COUNT; i++) {
		const struct list *list = &data->lists[i];

		if (list->count > INT32_MAX)
			return SIZE_MAX;
		size += LENGTH_SIZE;
		for (size_t k = 0; k < list->count; k++)
			size += LENGTH_SIZE + list->entries[k].size;
	}
	return size;
}

static uint8_t *
write_entry(uint8_t *at, const struct entry *entry)
{
	if (entry->bytes == NULL)
		return store_u32(at, NULL_LENGTH);
	at = store_u32(at, (uint32_t)entry->size);
	memcpy(at, entry->bytes, entry->size);
	return at + entry->size;
}

static uint8_t *
write_list(uint8_t *at, const struct list *list)
{
	at = store_u32(at, list->null ? NULL_LENGTH : (uint32_t)list->count);
	for (size_t i = 0; i < list->count; i++)
		at = write_entry(at, &list->entries[i]);
	return at;
}

clv_status
clv_trust_data_encode(const clv_trust_data *data, void *buffer, size_t capacity,
    size_t *size, clv_error **err)
{
	const size_t needed = clv_trust_data_encoded_size(data);
	uint8_t *at = buffer;

	*size = 0;
	if (needed == SIZE_MAX || needed > capacity)
		return clv_error_raise(err, CLV_TOO_LARGE,
		    &(struct clv_error_info){
			.operation = "encode TrustListDataType"},
		    "%zu bytes do not fit %zu", needed, capacity);
	at = store_u32(at, data->specified);
	for (int i = 0; i < LIST_COUNT; i++)
		at = write_list(at, &data->lists[i]);
	*size = needed;
	return CLV_OK;
}

unsigned
clv_trust_data_specified(const clv_trust_data *data)
{
	return data->specified;
}

clv_status
clv_trust_data_specify(clv_trust_data *data, unsigned mask, clv_error **err)
{
	if ((mask & ~(unsigned)CLV_TRUST_ALL_LISTS) != 0)
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "specify lists",
			.remedy = "use the bits of TrustListMasks, 0 to 15"},
		    "mask 0x%x names unknown lists", mask);
	data->specified = mask;
	return CLV_OK;
}

size_t
clv_trust_data_count(const clv_trust_data *data, clv_trust_mask list)
{
	return find_list(data, list)->count;
}

bool
clv_trust_data_is_null(const clv_trust_data *data, clv_trust_mask list)
{
	return find_list(data, list)->null;
}

const uint8_t *
clv_trust_data_entry(
    const clv_trust_data *data, clv_trust_mask list, size_t index, size_t *size)
{
	const struct list *found = find_list(data, list);

	*size = 0;
	if (index >= found->count)
		return NULL;
	*size = found->entries[index].size;
	return found->entries[index].bytes;
}

static bool
list_grow(struct list *list)
{
	const size_t capacity = list->capacity < 8 ? 8 : list->capacity * 2;
	struct entry *entries;

	if (list->count < list->capacity)
		return true;
	entries = reallocarray(list->entries, capacity, sizeof(*entries));
	if (entries == NULL)
		return false;
	list->entries = entries;
	list->capacity = capacity;
	return true;
}

static bool
entry_copy(struct entry *entry, const void *bytes, size_t size)
{
	*entry = (struct entry){.bytes = NULL};
	if (bytes == NULL)
		return true;
	entry->bytes = empty_bytes;
	if (size == 0)
		return true;
	entry->owned = malloc(size);
	if (entry->owned == NULL)
		return false;
	memcpy(entry->owned, bytes, size);
	entry->bytes = entry->owned;
	entry->size = size;
	return true;
}

clv_status
clv_trust_data_add(clv_trust_data *data, clv_trust_mask list, const void *bytes,
    size_t size, clv_error **err)
{
	const int index = list_index(list);
	struct list *to;

	if (index < 0)
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "add to TrustList"},
		    "0x%x is not one list", (unsigned)list);
	if (size > INT32_MAX)
		return raise_limit(
		    err, "add to TrustList", "bytes in one entry", INT32_MAX);
	to = &data->lists[index];
	if (!list_grow(to) || !entry_copy(&to->entries[to->count], bytes, size))
		return raise_no_memory(err);
	to->count++;
	to->null = false;
	return CLV_OK;
}

void
clv_trust_data_clear(clv_trust_data *data, clv_trust_mask list, bool null)
{
	const int index = list_index(list);

	if (index < 0)
		return;
	list_drop(&data->lists[index]);
	data->lists[index].null = null;
}
