/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Directories of key files, and what URIs say about them. */

#include "keyfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".pem"

static clv_status
no_memory(clv_error **err)
{
	(void)clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "open store"},
	    "out of memory");
	return CLV_NO_MEMORY;
}

clv_status
clv_keyfile_raise(clv_error **err, clv_status status, clv_error *inner,
    const char *operation, const char *subject)
{
	if (inner == NULL)
		return status;
	(void)clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = operation,
		.subject = subject,
		.remedy = clv_error_remedy(inner),
		.code_name = clv_error_code_name(inner),
		.code = clv_error_code(inner),
		.domain = clv_error_get_domain(inner),
		.retryable = clv_error_retryable(inner)},
	    "%s", clv_error_reason(inner));
	clv_error_free(&inner);
	return status;
}

/* Drops empty components, "." and the '/' at the end. ".." stays: what it
 * means depends on symbolic links. */
static void
tidy(char *path)
{
	char *to = path;
	const char *from = path;

	while (*from != '\0') {
		const size_t length = strcspn(from, "/");

		if (length > 0 && !(length == 1 && *from == '.')) {
			*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
		from += *from == '/' ? 1 : 0;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

/* A path that stays the same when the process changes its directory. */
static char *
absolute(const char *path)
{
	char *current = *path == '/' ? strdup("") : getcwd(NULL, 0);
	char *whole = NULL;

	if (current == NULL || asprintf(&whole, "%s/%s", current, path) < 0)
		whole = NULL;
	free(current);
	if (whole == NULL)
		return NULL;
	/* tidy() puts a '/' before what it copies: it must not overtake. */
	tidy(whole);
	return whole;
}

/* Parts an absolute path into directory and name, both to be freed. */
static clv_status
split(const clv_uri *uri, char **directory, char **name, clv_error **err)
{
	const char *path = clv_uri_path(uri);
	const size_t length = strlen(path);
	char *whole = absolute(path);
	char *slash;

	*directory = *name = NULL;
	if (whole == NULL)
		return no_memory(err);
	slash = strrchr(whole, '/');
	if (slash[1] == '\0' || strcmp(slash + 1, "..") == 0 ||
	    path[length - 1] == '/') {
		free(whole);
		(void)clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "open key",
			.subject = clv_uri_redacted(uri)},
		    "the URI names a directory, not a file");
		return CLV_INVALID;
	}
	*name = strdup(slash + 1);
	slash[slash == whole ? 1 : 0] = '\0';
	*directory = whole;
	return *name != NULL ? CLV_OK : no_memory(err);
}

static clv_status
check_uri(
    const struct clv_keyfile_kind *kind, const clv_uri *uri, clv_error **err)
{
	if (clv_uri_path(uri) == NULL || *clv_uri_path(uri) == '\0')
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "open store",
			.subject = clv_uri_redacted(uri)},
		    "a path is needed, such as %s:/etc/app/own/private",
		    kind->scheme);
	return clv_uri_allow(uri, CLV_URI_QUERY, kind->attributes, err);
}

static clv_status
check_directory(const struct clv_keyfile_store *store, clv_error **err)
{
	const char *subject = clv_uri_redacted(store->uri);
	struct stat about;

	if (stat(store->directory, &about) != 0)
		return clv_error_raise(err,
		    errno == ENOENT || errno == ENOTDIR ? CLV_NOT_FOUND
			: errno == EACCES               ? CLV_PERMISSION
							: CLV_IO,
		    &(struct clv_error_info){.operation = "open store",
			.subject = subject,
			.domain = CLV_DOMAIN_ERRNO,
			.code = errno},
		    "%s can't be reached: %s", store->directory,
		    strerror(errno));
	if (!S_ISDIR(about.st_mode))
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){
			.operation = "open store", .subject = subject},
		    "%s is not a directory", store->directory);
	return CLV_OK;
}

static clv_status
fill(struct clv_keyfile_store *store, const clv_uri *uri, bool of_key,
    clv_error **err)
{
	char *name = NULL;
	clv_status status;

	status = clv_uri_parse(clv_uri_text(uri), &store->uri, err);
	if (status != CLV_OK)
		return status;
	if (of_key) {
		status = split(uri, &store->directory, &name, err);
		free(name);
	} else {
		store->directory = absolute(clv_uri_path(uri));
		status = store->directory != NULL ? CLV_OK : no_memory(err);
	}
	return status == CLV_OK ? check_directory(store, err) : status;
}

clv_status
clv_keyfile_store_open(const struct clv_keyfile_kind *kind, clv_host *host,
    const clv_uri *uri, bool of_key, void **out, clv_error **err)
{
	struct clv_keyfile_store *store;
	clv_status status = check_uri(kind, uri, err);

	*out = NULL;
	if (status != CLV_OK)
		return status;
	store = calloc(1, sizeof(*store));
	if (store == NULL)
		return no_memory(err);
	store->kind = kind;
	store->host = host;
	status = fill(store, uri, of_key, err);
	if (status == CLV_OK)
		*out = store;
	else
		clv_keyfile_store_close(store);
	return status;
}

void
clv_keyfile_store_close(void *handle)
{
	struct clv_keyfile_store *store = handle;

	free(store->directory);
	clv_uri_free(&store->uri);
	free(store);
}

clv_status
clv_keyfile_name(const struct clv_keyfile_store *store, const clv_uri *uri,
    char **name, clv_error **err)
{
	char *directory = NULL;
	clv_status status = check_uri(store->kind, uri, err);

	*name = NULL;
	if (status == CLV_OK)
		status = split(uri, &directory, name, err);
	if (status == CLV_OK && strcmp(directory, store->directory) != 0)
		status = clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "open key",
			.subject = clv_uri_redacted(uri)},
		    "it is not in the store, which is %s", store->directory);
	free(directory);
	if (status != CLV_OK) {
		free(*name);
		*name = NULL;
	}
	return status;
}

char *
clv_keyfile_path(const struct clv_keyfile_store *store, const char *name)
{
	const bool root = strcmp(store->directory, "/") == 0;
	char *path = NULL;

	if (asprintf(&path, "%s/%s", root ? "" : store->directory, name) < 0)
		return NULL;
	return path;
}

char *
clv_keyfile_label(const char *name)
{
	const size_t size = strlen(name);
	const size_t suffix = sizeof(SUFFIX) - 1;

	if (size > suffix && strcmp(name + size - suffix, SUFFIX) == 0)
		return strndup(name, size - suffix);
	return strdup(name);
}

const char *
clv_keyfile_source(const struct clv_keyfile_store *store, const clv_uri *uri)
{
	const char *source =
	    clv_uri_get(uri, CLV_URI_QUERY, "pin-source", NULL);

	return source != NULL
	    ? source
	    : clv_uri_get(store->uri, CLV_URI_QUERY, "pin-source", NULL);
}
