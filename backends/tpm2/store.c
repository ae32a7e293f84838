/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Key files, and the list of them. */

#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "commands.h"
#include "public.h"

clv_status
clv_tpm_file_read(clv_host *host, const char *path, const char *subject,
    struct clv_tpm_keyfile *file, clv_error **err)
{
	unsigned char *text = NULL;
	size_t size = 0;
	clv_status status = clv_guard_read(clv_host_guard(host), CLV_GUARD_KEY,
	    AT_FDCWD, path, CLV_TPM_KEYFILE_MAX, &text, &size, err);

	if (status == CLV_OK)
		status = clv_tpm_keyfile_parse(text, size, subject, file, err);
	clv_free(text);
	return status;
}

static clv_status
open_directory(clv_host *host, const char *directory, int *fd, clv_error **err)
{
	return clv_guard_open_directory(clv_host_guard(host), CLV_GUARD_KEY,
	    AT_FDCWD, directory, fd, NULL, err);
}

clv_status
clv_tpm_file_write(clv_host *host, const char *directory, const char *name,
    bool replace, const struct clv_tpm_keyfile *file, clv_error **err)
{
	char *text = NULL;
	size_t size = 0;
	int fd = -1;
	clv_status status = clv_tpm_keyfile_format(file, &text, &size, err);

	if (status == CLV_OK)
		status = open_directory(host, directory, &fd, err);
	if (status == CLV_OK)
		status = clv_file_write_atomic(fd, name, text, size, 0600,
		    replace ? CLV_FILE_REPLACE : CLV_FILE_CREATE_NEW, err);
	if (fd >= 0)
		(void)close(fd);
	free(text);
	return status;
}

clv_status
clv_tpm_file_remove(
    clv_host *host, const char *directory, const char *name, clv_error **err)
{
	int fd = -1;
	clv_status status = open_directory(host, directory, &fd, err);

	if (status == CLV_OK)
		status = clv_file_unlink(fd, name, err);
	if (fd >= 0)
		(void)close(fd);
	return status;
}

bool
clv_tpm_has_suffix(const char *name)
{
	const size_t size = strlen(name);
	const size_t suffix = strlen(CLV_TPM_SUFFIX);

	return size > suffix &&
	    strcmp(name + size - suffix, CLV_TPM_SUFFIX) == 0;
}

char *
clv_tpm_label_of(const char *name)
{
	const size_t suffix =
	    clv_tpm_has_suffix(name) ? strlen(CLV_TPM_SUFFIX) : 0;

	return strndup(name, strlen(name) - suffix);
}

/* ---- listing ---- */

struct listing {
	struct clv_tpm_store *store;
	clv_list_fn *fn;
	void *user;
	int directory;
};

static clv_status
give_entry(const struct listing *listing, const char *name,
    const struct clv_tpm_keyfile *file, const char *problem, clv_error **err)
{
	uint8_t spki[CLV_SPKI_MAX], id[CLV_TPM_ID_SIZE];
	struct clv_key_entry entry = {.problem = problem};
	char *path = NULL, *uri = NULL, *label = clv_tpm_label_of(name);
	clv_status status = CLV_NO_MEMORY;

	if (label == NULL ||
	    asprintf(&path, "%s/%s", listing->store->directory, name) < 0) {
		path = NULL;
		status =
		    clv_error_raise(err, CLV_NO_MEMORY, NULL, "out of memory");
		goto out;
	}
	status = clv_uri_build("tpm2", path, listing->store->uri, &uri, err);
	if (status != CLV_OK)
		goto out;
	entry.uri = uri;
	entry.label = label;
	if (problem == NULL &&
	    clv_tpm_key_id(&file->public_area.publicArea, spki, id)) {
		entry.algorithm =
		    clv_tpm_algorithm(&file->public_area.publicArea);
		entry.id = id;
		entry.id_size = sizeof(id);
	}
	status = listing->fn(listing->user, &entry, err);
out:
	clv_free(uri);
	free(path);
	free(label);
	return status;
}

/* What a key in the list must be; sealed secrets are no keys. */
static clv_status
list_file(const struct listing *listing, const char *name, clv_error **err)
{
	struct clv_tpm_keyfile file;
	unsigned char *text = NULL;
	clv_error *problem = NULL;
	size_t size = 0;
	bool is_key = clv_tpm_has_suffix(name);
	clv_status status =
	    clv_guard_read(clv_host_guard(listing->store->use.host),
		CLV_GUARD_KEY, listing->directory, name, CLV_TPM_KEYFILE_MAX,
		&text, &size, &problem);

	if (status == CLV_OK) {
		is_key = clv_tpm_keyfile_recognise(text, size);
		status =
		    clv_tpm_keyfile_parse(text, size, name, &file, &problem);
		if (status == CLV_OK && file.kind == CLV_TPM_SEALED)
			is_key = false;
	}
	status = is_key
	    ? give_entry(listing, name, &file,
		  problem != NULL ? clv_error_reason(problem) : NULL, err)
	    : CLV_OK;
	clv_error_free(&problem);
	clv_free(text);
	return status;
}

static clv_status
list_directory(const struct listing *listing, DIR *entries, clv_error **err)
{
	clv_status status = CLV_OK;
	struct dirent *entry;

	while (status == CLV_OK && (entry = readdir(entries)) != NULL)
		if (entry->d_name[0] != '.' &&
		    (entry->d_type == DT_REG || entry->d_type == DT_LNK ||
			entry->d_type == DT_UNKNOWN))
			status = list_file(listing, entry->d_name, err);
	return status;
}

/* A persistent handle: the key in it, if there is one. */

struct look {
	TPM2_HANDLE handle;
	TPM2B_PUBLIC public_area;
	TPM2B_NAME name;
	bool found;
};

static TSS2_RC
look_at_handle(struct clv_tpm_link *link, void *job)
{
	struct look *look = job;
	const TSS2_RC rc = clv_tpm_read_public(
	    link, look->handle, &look->public_area, &look->name);

	look->found = rc == TSS2_RC_SUCCESS;
	return clv_tpm_rc_base(rc) == TPM2_RC_HANDLE ? TSS2_RC_SUCCESS : rc;
}

static clv_status
list_handle(
    struct clv_tpm_store *store, clv_list_fn *fn, void *user, clv_error **err)
{
	uint8_t spki[CLV_SPKI_MAX], id[CLV_TPM_ID_SIZE];
	struct look look = {.handle = store->handle};
	struct clv_key_entry entry = {
	    .uri = clv_uri_text(store->uri), .id = id, .id_size = sizeof(id)};
	char label[16];
	clv_status status = clv_tpm_run(
	    &store->use, NULL, look_at_handle, &look, "list keys", err);

	if (status != CLV_OK || !look.found)
		return status;
	(void)snprintf(label, sizeof(label), "0x%08x", store->handle);
	entry.label = label;
	entry.algorithm = clv_tpm_algorithm(&look.public_area.publicArea);
	if (!clv_tpm_key_id(&look.public_area.publicArea, spki, id)) {
		entry.problem = "it is not a key that signs or decrypts";
		entry.id_size = 0;
	}
	return fn(user, &entry, err);
}

clv_status
clv_tpm_key_list(void *handle, clv_list_fn *fn, void *user, clv_error **err)
{
	struct clv_tpm_store *store = handle;
	struct listing listing = {.store = store, .fn = fn, .user = user};
	DIR *entries;
	clv_status status;

	if (store->directory == NULL)
		return list_handle(store, fn, user, err);
	status = open_directory(
	    store->use.host, store->directory, &listing.directory, err);
	if (status != CLV_OK)
		return status;
	entries = fdopendir(listing.directory);
	if (entries == NULL) {
		(void)close(listing.directory);
		return clv_error_raise(err, CLV_IO,
		    &(struct clv_error_info){.operation = "list keys",
			.subject = store->use.subject,
			.domain = CLV_DOMAIN_ERRNO,
			.code = errno},
		    "the directory can't be read");
	}
	status = list_directory(&listing, entries, err);
	(void)closedir(entries);
	return status;
}
