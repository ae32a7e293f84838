/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* tpm2: URIs, taken apart. */

#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const path_names[] = {"handle", "parent-name", NULL};
static const char *const query_names[] = {"tcti", "parent", "pin-source", NULL};

static clv_status
wrong(const clv_uri *uri, clv_error **err, const char *reason)
{
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = "read URI",
		.subject = clv_uri_redacted(uri),
		.remedy = "such as tpm2:/etc/app/keys or "
			  "tpm2:handle=0x81000010"},
	    "%s", reason);
}

/* 0x81000000 to 0x817fffff are the owner's (Part 2, 7.5.4). */
static bool
read_handle(const char *text, TPM2_HANDLE *handle)
{
	char *end = NULL;
	unsigned long value;

	if (strncmp(text, "0x", 2) != 0 || strlen(text) != 10 ||
	    strspn(text + 2, "0123456789abcdefABCDEF") != 8)
		return false;
	value = strtoul(text, &end, 16);
	*handle = (TPM2_HANDLE)value;
	return *end == '\0' && value >= CLV_TPM_PERSISTENT &&
	    value < CLV_TPM_PLATFORM_PERSISTENT;
}

static bool
read_name(const char *text, TPM2B_NAME *name)
{
	const size_t size = strlen(text);
	unsigned byte = 0;

	if (size % 2 != 0 || size / 2 > sizeof(name->name) ||
	    strspn(text, "0123456789abcdef") != size)
		return false;
	for (size_t i = 0; i < size; i++) {
		const char digit = text[i];
		const int value = digit <= '9' ? digit - '0' : digit - 'a' + 10;

		byte = byte << 4 | (unsigned)value;
		if (i % 2 != 0)
			name->name[i / 2] = (BYTE)byte;
	}
	name->size = (UINT16)(size / 2);
	return size > 4 &&
	    clv_tpm_hash_size(clv_tpm_read_u16(name->name)) + 2U == name->size;
}

static clv_status
read_attributes(
    const clv_uri *uri, struct clv_tpm_place *place, clv_error **err)
{
	const char *handle = clv_uri_get(uri, CLV_URI_PATH, "handle", NULL);
	const char *name = clv_uri_get(uri, CLV_URI_PATH, "parent-name", NULL);
	const char *parent = clv_uri_get(uri, CLV_URI_QUERY, "parent", NULL);

	place->parent = TPM2_RH_OWNER;
	place->pin_source = clv_uri_get(uri, CLV_URI_QUERY, "pin-source", NULL);
	if (clv_uri_path(uri) == NULL &&
	    (handle == NULL || !read_handle(handle, &place->handle)))
		return wrong(uri, err,
		    "a persistent key needs handle=0x81......, eight digits");
	if (name != NULL && !read_name(name, &place->parent_name))
		return wrong(uri, err, "parent-name is not a TPM name");
	if (parent != NULL && !read_handle(parent, &place->parent))
		return wrong(
		    uri, err, "parent must be a persistent handle, 0x81......");
	place->parent_given = parent != NULL;
	return CLV_OK;
}

/* The directory of a file name, "." if it has none. */
static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return slash == path ? strdup("/")
			     : strndup(path, (size_t)(slash - path));
}

/* Keys' URIs are made of it, and shall have one form only. */
static char *
without_slashes(const char *path)
{
	size_t size = strlen(path);

	while (size > 1 && path[size - 1] == '/')
		size--;
	return strndup(path, size);
}

static clv_status
split_path(const clv_uri *uri, bool of_key, struct clv_tpm_place *place,
    clv_error **err)
{
	const char *path = clv_uri_path(uri);
	const char *slash;

	if (path == NULL)
		return CLV_OK;
	if (!of_key) {
		place->directory = without_slashes(path);
	} else {
		slash = strrchr(path, '/');
		place->name = slash != NULL ? slash + 1 : path;
		if (*place->name == '\0')
			return wrong(uri, err, "a key needs a file name");
		place->directory = directory_of(path);
	}
	if (place->directory == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	return CLV_OK;
}

static clv_status
place_read(const clv_uri *uri, bool of_key, struct clv_tpm_place *place,
    clv_error **err)
{
	clv_status status;

	memset(place, 0, sizeof(*place));
	if ((status = clv_uri_allow(uri, CLV_URI_PATH, path_names, err)) !=
		CLV_OK ||
	    (status = clv_uri_allow(uri, CLV_URI_QUERY, query_names, err)) !=
		CLV_OK ||
	    (status = read_attributes(uri, place, err)) != CLV_OK)
		return status;
	return split_path(uri, of_key, place, err);
}

void
clv_tpm_place_clear(struct clv_tpm_place *place)
{
	free(place->directory);
	place->directory = NULL;
}

/* ---- the store ---- */

static clv_status
check_directory(const clv_uri *uri, const char *directory, clv_error **err)
{
	struct stat status;

	if (stat(directory, &status) == 0 && S_ISDIR(status.st_mode))
		return CLV_OK;
	if (errno == EACCES)
		return clv_error_raise(err, CLV_PERMISSION,
		    &(struct clv_error_info){.operation = "open store",
			.subject = clv_uri_redacted(uri),
			.domain = CLV_DOMAIN_ERRNO,
			.code = errno},
		    "the directory can't be reached");
	return clv_error_raise(err, CLV_NOT_FOUND,
	    &(struct clv_error_info){.operation = "open store",
		.subject = clv_uri_redacted(uri),
		.remedy = "mkdir -m 700 DIRECTORY"},
	    "there is no directory %s", directory);
}

static clv_status
connect_store(struct clv_tpm_store *store, const clv_uri *uri, clv_error **err)
{
	char *tcti = NULL;
	clv_status status = clv_tpm_transport_choose(
	    clv_uri_get(uri, CLV_URI_QUERY, "tcti", NULL), &tcti, err);

	if (status == CLV_OK)
		status = clv_tpm_acquire(tcti, &store->use.tpm, err);
	free(tcti);
	return status;
}

clv_status
clv_tpm_store_open(clv_host *host, const clv_uri *uri, bool of_key, void **out,
    clv_error **err)
{
	struct clv_tpm_store *store = calloc(1, sizeof(*store));
	struct clv_tpm_place place = {0};
	clv_status status;

	*out = NULL;
	if (store == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	if ((status = clv_uri_parse(clv_uri_text(uri), &store->uri, err)) !=
		CLV_OK ||
	    (status = place_read(store->uri, of_key, &place, err)) != CLV_OK)
		goto out;
	if (!of_key && place.directory != NULL)
		status = check_directory(uri, place.directory, err);
	if (status == CLV_OK)
		status = connect_store(store, uri, err);
	store->use.host = host;
	store->use.subject = clv_uri_redacted(store->uri);
	store->directory = place.directory;
	place.directory = NULL; /* transferred */
	store->handle = place.handle;
	store->parent = place.parent;
	store->parent_given = place.parent_given;
	store->parent_name = place.parent_name;
	store->pin_source = place.pin_source;
out:
	clv_tpm_place_clear(&place);
	if (status != CLV_OK)
		clv_tpm_store_close(store);
	else
		*out = store;
	return status;
}

void
clv_tpm_store_close(void *handle)
{
	struct clv_tpm_store *store = handle;

	clv_tpm_release(&store->use.tpm);
	clv_uri_free(&store->uri);
	free(store->directory);
	free(store);
}

static bool
same_text(const char *a, const char *b)
{
	return (a == NULL && b == NULL) ||
	    (a != NULL && b != NULL && strcmp(a, b) == 0);
}

clv_status
clv_tpm_place_find(const struct clv_tpm_store *store, const clv_uri *uri,
    struct clv_tpm_place *place, clv_error **err)
{
	clv_status status = place_read(uri, true, place, err);

	if (status != CLV_OK)
		goto out;
	if (!same_text(clv_uri_get(uri, CLV_URI_QUERY, "tcti", NULL),
		clv_uri_get(store->uri, CLV_URI_QUERY, "tcti", NULL)))
		status = wrong(uri, err, "the store is of another TPM");
	else if (!same_text(place->directory, store->directory) ||
	    place->handle != store->handle)
		status = wrong(uri, err, "the key is not in this store");
out:
	if (status != CLV_OK)
		clv_tpm_place_clear(place);
	return status;
}
