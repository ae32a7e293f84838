/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "files.h"

#include <stdlib.h>
#include <string.h>

#include "fake/card/store.h"

#define FILES_MAX 64
#define ROOT 0
#define ROOT_ID 0x3f00
#define NONE (-1)

struct file {
	bool used, directory, has_rights;
	int parent;
	unsigned id;
	uint16_t size;
	uint8_t rights[8]; /* 00 everybody, FF nobody, else the user */
	uint8_t name[16];  /* a directory's AID */
	uint8_t name_size;
};

static struct file files[FILES_MAX];
static uint8_t *contents[FILES_MAX];
static int selected, directory; /* the file, and the directory it is in */

static void
save(int i)
{
	struct buffer record = {.size = 0};

	buffer_put(&record, &files[i], sizeof(files[i]));
	if (!files[i].directory)
		buffer_put(&record, contents[i], files[i].size);
	store_put(ISO_FILES, (unsigned)i, buffer_bytes(&record));
}

static void
load(unsigned i, struct bytes record)
{
	if (i >= FILES_MAX || record.size < sizeof(files[i]))
		return;
	memcpy(&files[i], record.data, sizeof(files[i]));
	if (files[i].directory)
		return;
	contents[i] = calloc(1, files[i].size + 1U);
	if (contents[i] == NULL ||
	    record.size != sizeof(files[i]) + files[i].size)
		abort();
	memcpy(contents[i], record.data + sizeof(files[i]), files[i].size);
}

void
files_start(bool is_new)
{
	struct bytes record;

	if (is_new) {
		files[ROOT] = (struct file){.used = true,
		    .directory = true,
		    .parent = NONE,
		    .id = ROOT_ID};
		save(ROOT);
		return;
	}
	for (unsigned i = 0; store_next(ISO_FILES, &i, &record); i++)
		load(i, record);
}

void
files_power(void)
{
	selected = directory = ROOT;
}

static bool
may(const struct file *file, enum file_right right, bool verified)
{
	if (!file->has_rights || file->rights[right] == 0x00)
		return true;
	return file->rights[right] != 0xff && verified;
}

static int
find_child(int parent, unsigned id)
{
	for (int i = 0; i < FILES_MAX; i++)
		if (files[i].used && files[i].parent == parent &&
		    files[i].id == id)
			return i;
	return NONE;
}

static unsigned
take_id(const uint8_t *data)
{
	return (unsigned)data[0] << 8 | data[1];
}

/* ISO 7816-4, 5.3.3: the file control information. */
static unsigned
describe(const struct file *file, struct buffer *response)
{
	const uint8_t size[2] = {
	    (uint8_t)(file->size >> 8), (uint8_t)file->size};
	const uint8_t id[2] = {(uint8_t)(file->id >> 8), (uint8_t)file->id};

	buffer_put_tlv(response, file->directory ? 0x81 : 0x80, size, 2);
	buffer_put_tlv(response, 0x82, file->directory ? "\x38" : "\x01", 1);
	buffer_put_tlv(response, 0x83, id, 2);
	if (file->name_size > 0)
		buffer_put_tlv(response, 0x84, file->name, file->name_size);
	if (file->has_rights)
		buffer_put_tlv(response, 0x86, file->rights, 8);
	buffer_wrap(response, 0x6f);
	return SW_OK;
}

static int
find_by_path(int from, struct bytes path)
{
	for (size_t i = 0; i + 1 < path.size && from != NONE; i += 2)
		from = find_child(from, take_id(path.data + i));
	return from;
}

static int
find_by_name(struct bytes name)
{
	for (int i = 0; i < FILES_MAX; i++)
		if (files[i].used && name.size > 0 &&
		    files[i].name_size >= name.size &&
		    memcmp(files[i].name, name.data, name.size) == 0)
			return i;
	return NONE;
}

/* The root, this directory, a child, the parent, or a sibling. */
static int
find_by_id(struct bytes data)
{
	const int parent = files[directory].parent;
	unsigned id;
	int child;

	if (data.size != 2)
		return data.size == 0 ? ROOT : NONE;
	id = take_id(data.data);
	if (id == ROOT_ID)
		return ROOT;
	if (files[directory].id == id)
		return directory;
	child = find_child(directory, id);
	if (child != NONE || parent == NONE)
		return child;
	return files[parent].id == id ? parent : find_child(parent, id);
}

unsigned
files_select(const struct apdu *apdu, struct buffer *response)
{
	int found;

	switch (apdu->p1) {
	case 0x04:
		found = find_by_name(apdu->data);
		break;
	case 0x08:
		found = find_by_path(ROOT, apdu->data);
		break;
	case 0x09:
		found = find_by_path(directory, apdu->data);
		break;
	case 0x03:
		found = files[directory].parent == NONE
		    ? ROOT
		    : files[directory].parent;
		break;
	default:
		found = find_by_id(apdu->data);
	}
	if (found == NONE)
		return SW_NOT_FOUND;
	selected = found;
	directory = files[found].directory ? found : files[found].parent;
	return (apdu->p2 & 0x0c) == 0x0c ? SW_OK
					 : describe(&files[found], response);
}

static bool
parse_attribute(struct file *file, struct tlv tlv)
{
	const uint8_t *data = tlv.value.data;
	const size_t size = tlv.value.size;

	switch (tlv.tag) {
	case 0x80:
	case 0x81:
		if (size == 2)
			file->size = (uint16_t)take_id(data);
		return size == 2;
	case 0x82:
		file->directory = size > 0 && (data[0] & 0x38) == 0x38;
		return size > 0;
	case 0x83:
		if (size == 2)
			file->id = take_id(data);
		return size == 2;
	case 0x84:
		if (size > sizeof(file->name))
			return false;
		memcpy(file->name, data, size);
		file->name_size = (uint8_t)size;
		return true;
	case 0x86:
		file->has_rights = size == sizeof(file->rights);
		if (file->has_rights)
			memcpy(file->rights, data, size);
		return true;
	default:
		return true;
	}
}

static bool
parse_file(struct bytes data, struct file *file)
{
	struct tlv outer, inner;

	if (!tlv_next(&data, &outer) ||
	    (outer.tag != 0x62 && outer.tag != 0x6f))
		return false;
	while (tlv_next(&outer.value, &inner))
		if (!parse_attribute(file, inner))
			return false;
	return outer.value.size == 0;
}

static unsigned
add(const struct file *file)
{
	int i = 1;

	while (i < FILES_MAX && files[i].used)
		i++;
	if (i == FILES_MAX ||
	    (!file->directory && file->size > CARD_BUFFER - sizeof(*file)))
		return SW_NO_SPACE;
	files[i] = *file;
	if (file->directory)
		directory = i;
	else if ((contents[i] = calloc(1, file->size + 1U)) == NULL)
		abort();
	selected = i;
	save(i);
	return SW_OK;
}

unsigned
files_create(const struct apdu *apdu, bool verified)
{
	struct file file = {.used = true, .parent = directory};

	if (!parse_file(apdu->data, &file))
		return SW_WRONG_DATA;
	if (!may(&files[directory],
		file.directory ? RIGHT_CREATE_DIRECTORY : RIGHT_CREATE_FILE,
		verified))
		return SW_SECURITY;
	if (find_child(directory, file.id) != NONE)
		return SW_EXISTS;
	return add(&file);
}

/* At most as deep as there are files: a parent is older than its children. */
static void
remove_file(int i)
{
	for (int child = 1; child < FILES_MAX; child++)
		if (files[child].used && files[child].parent == i)
			remove_file(child);
	free(contents[i]);
	contents[i] = NULL;
	files[i].used = false;
	store_delete(ISO_FILES, (unsigned)i);
}

unsigned
files_delete(const struct apdu *apdu, bool verified)
{
	int i = selected, parent;

	if (apdu->data.size == 2)
		i = find_child(directory, take_id(apdu->data.data));
	if (i == NONE)
		return SW_NOT_FOUND;
	if (i == ROOT)
		return SW_CONDITIONS;
	parent = files[i].parent;
	if (!may(&files[i], RIGHT_DELETE_SELF, verified) &&
	    !may(&files[parent], RIGHT_DELETE_CHILD, verified))
		return SW_SECURITY;
	store_begin();
	remove_file(i);
	store_end();
	selected = directory = parent;
	return SW_OK;
}

static size_t
take_offset(const struct apdu *apdu)
{
	return (size_t)apdu->p1 << 8 | apdu->p2;
}

unsigned
files_read(const struct apdu *apdu, bool verified, struct buffer *response)
{
	const struct file *file = &files[selected];
	const size_t offset = take_offset(apdu);
	size_t size = apdu->le > 0 ? apdu->le : 256;

	if (file->directory)
		return SW_NO_FILE_SELECTED;
	if (!may(file, RIGHT_READ, verified))
		return SW_SECURITY;
	if (offset > file->size)
		return SW_WRONG_OFFSET;
	if (size > file->size - offset)
		size = file->size - offset;
	buffer_put(response, contents[selected] + offset, size);
	return SW_OK;
}

unsigned
files_update(const struct apdu *apdu, bool verified)
{
	const struct file *file = &files[selected];
	const size_t offset = take_offset(apdu);

	if (file->directory)
		return SW_NO_FILE_SELECTED;
	if (!may(file, RIGHT_UPDATE, verified))
		return SW_SECURITY;
	if (offset + apdu->data.size > file->size)
		return SW_NO_SPACE;
	if (apdu->data.size > 0)
		memcpy(contents[selected] + offset, apdu->data.data,
		    apdu->data.size);
	save(selected);
	return SW_OK;
}

unsigned
files_erase(bool verified)
{
	const struct file *file = &files[selected];

	if (file->directory)
		return SW_NO_FILE_SELECTED;
	if (!may(file, RIGHT_UPDATE, verified))
		return SW_SECURITY;
	memset(contents[selected], 0, file->size);
	save(selected);
	return SW_OK;
}
