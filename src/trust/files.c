/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static clv_status
raise_no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "read TrustList"},
	    "out of memory");
}

/* ---- one file ---- */

clv_status
clv_trust_file_new(enum clv_trust_folder folder, const char *folder_name,
    const char *name, struct clv_trust_file **out, clv_error **err)
{
	struct clv_trust_file *file = calloc(1, sizeof(*file));

	*out = NULL;
	if (file == NULL ||
	    asprintf(&file->path, "%s%s%s", folder_name,
		*folder_name != '\0' ? "/" : "", name) < 0) {
		free(file);
		return raise_no_memory(err);
	}
	file->folder = (uint8_t)folder;
	file->name_at =
	    (uint8_t)(*folder_name != '\0' ? strlen(folder_name) + 1 : 0);
	file->entries = &file->one;
	*out = file;
	return CLV_OK;
}

static void
drop_content(struct clv_trust_file *file)
{
	for (size_t i = 0; i < file->count; i++) {
		clv_trust_cert_unref(file->entries[i].cert);
		clv_trust_crl_unref(file->entries[i].crl);
	}
	if (file->entries != &file->one)
		free(file->entries);
	file->entries = &file->one;
	file->count = 0;
}

void
clv_trust_file_free(struct clv_trust_file **file)
{
	if (file == NULL || *file == NULL)
		return;
	drop_content(*file);
	clv_error_free(&(*file)->problem);
	free((*file)->path);
	free(*file);
	*file = NULL;
}

const char *
clv_trust_file_name(const struct clv_trust_file *file)
{
	return file->path + file->name_at;
}

clv_status
clv_trust_file_fit(struct clv_trust_file *file, size_t count, clv_error **err)
{
	drop_content(file);
	if (count > UINT32_MAX)
		return raise_no_memory(err);
	if (count > 1) {
		file->entries = calloc(count, sizeof(*file->entries));
		if (file->entries == NULL) {
			file->entries = &file->one;
			return raise_no_memory(err);
		}
	}
	file->one = (struct clv_trust_entry){.cert = NULL};
	file->count = (uint32_t)count;
	return CLV_OK;
}

bool
clv_trust_file_is_unsettled(const struct clv_trust_file *file)
{
	return file->link || file->failed;
}

static bool
same_entry(const struct clv_trust_entry *a, const struct clv_trust_entry *b)
{
	if (a->where != b->where)
		return false;
	if (a->cert != NULL || b->cert != NULL)
		return a->cert != NULL && b->cert != NULL &&
		    clv_trust_cert_equal(a->cert, b->cert);
	return a->crl->size == b->crl->size &&
	    memcmp(a->crl->der, b->crl->der, a->crl->size) == 0;
}

bool
clv_trust_file_same_content(
    const struct clv_trust_file *a, const struct clv_trust_file *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_entry(&a->entries[i], &b->entries[i]))
			return false;
	return true;
}

void
clv_trust_file_move_content(
    struct clv_trust_file *to, struct clv_trust_file *from)
{
	drop_content(to);
	to->one = from->one;
	to->count = from->count;
	if (from->entries != &from->one)
		to->entries = from->entries;
	from->entries = &from->one;
	from->count = 0;
}

/* ---- all of them ---- */

static size_t
hash_place(enum clv_trust_folder folder, const char *name)
{
	uint64_t hash = UINT64_C(0xCBF29CE484222325) + (uint64_t)folder;

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001B3);
	return (size_t)(hash ^ hash >> 32);
}

static struct clv_trust_file **
bucket_of(const struct clv_trust_files *files, enum clv_trust_folder folder,
    const char *name)
{
	return &files->buckets[hash_place(folder, name) & files->mask];
}

void
clv_trust_files_clear(struct clv_trust_files *files)
{
	for (size_t i = 0; files->buckets != NULL && i <= files->mask; i++)
		while (files->buckets[i] != NULL) {
			struct clv_trust_file *file = files->buckets[i];

			files->buckets[i] = file->next;
			clv_trust_file_free(&file);
		}
	free(files->buckets);
	*files = (struct clv_trust_files){.buckets = NULL};
}

struct clv_trust_file *
clv_trust_files_find(const struct clv_trust_files *files,
    enum clv_trust_folder folder, const char *name)
{
	struct clv_trust_file *file;

	if (files->buckets == NULL)
		return NULL;
	file = *bucket_of(files, folder, name);
	while (file != NULL &&
	    (file->folder != folder ||
		strcmp(clv_trust_file_name(file), name) != 0))
		file = file->next;
	return file;
}

static bool
grow(struct clv_trust_files *files)
{
	const size_t size = files->buckets == NULL ? 64 : 2 * (files->mask + 1);
	struct clv_trust_files grown = *files;

	grown.buckets = calloc(size, sizeof(struct clv_trust_file *));
	if (grown.buckets == NULL)
		return false;
	grown.mask = size - 1;
	for (size_t i = 0; files->buckets != NULL && i <= files->mask; i++)
		while (files->buckets[i] != NULL) {
			struct clv_trust_file *file = files->buckets[i];
			struct clv_trust_file **bucket = bucket_of(&grown,
			    (enum clv_trust_folder)file->folder,
			    clv_trust_file_name(file));

			files->buckets[i] = file->next;
			file->next = *bucket;
			*bucket = file;
		}
	free(files->buckets);
	*files = grown;
	return true;
}

static void
account(struct clv_trust_files *files, const struct clv_trust_file *file,
    size_t one)
{
	const bool crl = file->folder == CLV_FOLDER_TRUSTED_CRL ||
	    file->folder == CLV_FOLDER_ISSUER_CRL;

	/* Adding SIZE_MAX takes one away. */
	files->count += one;
	files->problems += file->problem != NULL ? one : 0;
	files->unsettled += clv_trust_file_is_unsettled(file) ? one : 0;
	files->lost_crls += file->problem != NULL && crl ? one : 0;
}

clv_status
clv_trust_files_put(
    struct clv_trust_files *files, struct clv_trust_file *file, clv_error **err)
{
	struct clv_trust_file **bucket;

	if ((files->buckets == NULL || files->count > files->mask) &&
	    !grow(files))
		return raise_no_memory(err);
	bucket = bucket_of(files, (enum clv_trust_folder)file->folder,
	    clv_trust_file_name(file));
	file->next = *bucket;
	*bucket = file;
	account(files, file, 1);
	return CLV_OK;
}

void
clv_trust_files_take(struct clv_trust_files *files, struct clv_trust_file *file)
{
	struct clv_trust_file **at = bucket_of(files,
	    (enum clv_trust_folder)file->folder, clv_trust_file_name(file));

	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	file->next = NULL;
	account(files, file, SIZE_MAX);
}

struct clv_trust_file *
clv_trust_files_next(const struct clv_trust_files *files,
    struct clv_trust_file *previous, size_t *bucket)
{
	if (files->buckets == NULL)
		return NULL;
	if (previous != NULL && previous->next != NULL)
		return previous->next;
	if (previous != NULL)
		++*bucket;
	while (*bucket <= files->mask && files->buckets[*bucket] == NULL)
		++*bucket;
	return *bucket <= files->mask ? files->buckets[*bucket] : NULL;
}
