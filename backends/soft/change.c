/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Making, removing and replacing key files. */

#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* Opens the store's directory, if nobody else can put files into it. */
static clv_status
open_directory(const struct clv_keyfile_store *store, int *fd, clv_error **err)
{
	return clv_guard_open_directory(clv_host_guard(store->host),
	    CLV_GUARD_KEY, AT_FDCWD, store->directory, fd, NULL, err);
}

static clv_status
refuse_existing(const char *path, clv_error **err)
{
	return clv_error_raise(err, CLV_EXISTS,
	    &(struct clv_error_info){.operation = "make key",
		.subject = path,
		.remedy = "choose another label, or delete the key first"},
	    "there is a file of that name; nothing was changed");
}

/* A new key on its way to its file. */
struct making {
	struct clv_keyfile_store *store;
	const struct clv_key_spec *spec;
	int directory;
	char *name;
	char *path;
	clv_secret pkcs8;
	clv_secret text;
	struct clv_soft_key *soft;
};

static clv_status
prepare(struct making *making, clv_error **err)
{
	const struct clv_keyfile_kind *kind = making->store->kind;
	struct stat about;
	clv_status status;

	if (making->spec->id != NULL)
		return clv_error_raise(err, CLV_UNSUPPORTED,
		    &(struct clv_error_info){.operation = "make key",
			.subject = making->store->directory},
		    "files keep no identifier; it is always SHA-1 of the "
		    "public key");
	if (kind->check != NULL &&
	    (status = kind->check(making->spec, err)) != CLV_OK)
		return status;
	if (asprintf(&making->name, "%s.pem", making->spec->label) < 0)
		making->name = NULL;
	else
		making->path = clv_keyfile_path(making->store, making->name);
	if (making->path == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "make key"},
		    "out of memory");
	status = open_directory(making->store, &making->directory, err);
	if (status != CLV_OK)
		return status;
	/* Before anybody waits or is asked; the final word is O_EXCL's. */
	if (fstatat(making->directory, making->name, &about,
		AT_SYMLINK_NOFOLLOW) == 0)
		return refuse_existing(making->path, err);
	return CLV_OK;
}

/* Whether the file is there and holds exactly this. */
static bool
holds(int directory, const char *name, const clv_secret *text)
{
	const int fd =
	    openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	clv_secret found = CLV_SECRET_INIT;
	bool same;

	if (fd < 0)
		return false;
	same = clv_file_read_secret(fd, name, CLV_KEYFILE_MAX, &found, NULL) ==
		CLV_OK &&
	    clv_secret_equal(&found, text);
	clv_secret_clear(&found);
	(void)close(fd);
	return same;
}

/* A write that failed late leaves a file that may not last; an early one
 * leaves nothing, but another's file may stand there by now. */
static clv_status
write_new(struct making *making, clv_error **err)
{
	clv_error *inner = NULL;
	const clv_status status = clv_file_write_atomic(making->directory,
	    making->name, making->text.data, making->text.size, 0600,
	    CLV_FILE_CREATE_NEW, &inner);

	if (status == CLV_EXISTS) {
		clv_error_free(&inner);
		return refuse_existing(making->path, err);
	}
	if (status == CLV_IO &&
	    holds(making->directory, making->name, &making->text))
		(void)clv_file_unlink(making->directory, making->name, NULL);
	return clv_keyfile_raise(err, status, inner, "write key", making->path);
}

/* Reads it as clv_keyfile_open() will: what the guard refuses, goes. */
static clv_status
check_new(struct making *making, clv_error **err)
{
	clv_secret text = CLV_SECRET_INIT;
	const clv_status status =
	    clv_keyfile_read(making->store, making->name, &text, err);

	clv_secret_clear(&text);
	if (status != CLV_OK)
		(void)clv_file_unlink(making->directory, making->name, NULL);
	return status;
}

static clv_status
make(struct making *making, void **key, clv_error **err)
{
	struct clv_keyfile_store *store = making->store;
	clv_status status;

	if ((status = clv_soft_key_new(&making->pkcs8, &making->soft, err)) !=
		CLV_OK ||
	    (status = store->kind->encode(store, making->spec, making->path,
		 &making->pkcs8, making->soft, &making->text, err)) != CLV_OK ||
	    (status = write_new(making, err)) != CLV_OK ||
	    (status = check_new(making, err)) != CLV_OK)
		return status;
	status = clv_keyfile_wrap(
	    store, store->uri, making->name, making->soft, false, key, err);
	making->soft = NULL; /* transferred */
	if (status != CLV_OK)
		(void)clv_file_unlink(making->directory, making->name, NULL);
	return status;
}

static void
clean_up(struct making *making)
{
	if (making->directory >= 0)
		(void)close(making->directory);
	clv_soft_key_free(&making->soft);
	clv_secret_clear(&making->text);
	clv_secret_clear(&making->pkcs8);
	free(making->path);
	free(making->name);
}

clv_status
clv_keyfile_generate(
    void *store, const struct clv_key_spec *spec, void **key, clv_error **err)
{
	struct making making = {.store = store, .spec = spec, .directory = -1};
	clv_status status = prepare(&making, err);

	if (status == CLV_OK)
		status = clv_soft_generate(spec->algorithm, &making.pkcs8, err);
	if (status == CLV_OK)
		status = make(&making, key, err);
	clean_up(&making);
	return status;
}

clv_status
clv_keyfile_import(void *store, const struct clv_key_spec *spec,
    const clv_secret *pkcs8, void **key, clv_error **err)
{
	struct making making = {.store = store, .spec = spec, .directory = -1};
	clv_status status = prepare(&making, err);

	if (status == CLV_OK)
		status = clv_secret_set(
		    &making.pkcs8, pkcs8->data, pkcs8->size, err);
	if (status == CLV_OK)
		status = make(&making, key, err);
	clean_up(&making);
	return status;
}

/* Refuses to remove what is no key, or only leads to one. */
static clv_status
check_doomed(int directory, const char *name, const char *path, clv_error **err)
{
	struct clv_error_info info = {
	    .operation = "delete key", .subject = path};
	clv_secret text = CLV_SECRET_INIT;
	clv_status status;
	int fd = openat(directory, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return clv_error_raise(
		    err, CLV_NOT_FOUND, &info, "there is no such file");
	if (fd < 0 && errno == ELOOP)
		return clv_error_raise(err, CLV_INVALID, &info,
		    "it is a symbolic link; delete what it leads to");
	if (fd < 0) {
		info.domain = CLV_DOMAIN_ERRNO;
		info.code = errno;
		return clv_error_raise(
		    err, CLV_PERMISSION, &info, "it can't be opened");
	}
	status = clv_file_read_secret(fd, path, CLV_KEYFILE_MAX, &text, err);
	if (status == CLV_OK && !clv_pkcs8_looks_like_key(text.data, text.size))
		status = clv_error_raise(err, CLV_CORRUPT, &info,
		    "it is not a private key, and was not removed");
	clv_secret_clear(&text);
	(void)close(fd);
	return status;
}

clv_status
clv_keyfile_delete(void *handle, const clv_uri *uri, clv_error **err)
{
	const struct clv_keyfile_store *store = handle;
	char *name = NULL;
	char *path = NULL;
	int directory = -1;
	clv_status status = clv_keyfile_name(store, uri, &name, err);

	if (status == CLV_OK) {
		path = clv_keyfile_path(store, name);
		directory =
		    open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (status == CLV_OK && (path == NULL || directory < 0))
		status = clv_error_raise(err, CLV_IO,
		    &(struct clv_error_info){
			.operation = "delete key", .subject = store->directory},
		    "the directory can't be opened");
	if (status == CLV_OK)
		status = check_doomed(directory, name, path, err);
	if (status == CLV_OK)
		status = clv_file_unlink(directory, name, err);
	if (directory >= 0)
		(void)close(directory);
	free(path);
	free(name);
	return status;
}

/* The mode stays, unless it let somebody in who must not come. */
static clv_status
replace(const struct clv_keyfile_store *store, int directory, const char *name,
    const clv_secret *old, const clv_secret *text, clv_error **err)
{
	struct stat about;

	if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(about.st_mode))
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){
			.operation = "change key", .subject = store->directory},
		    "%s is not a regular file; name what it leads to", name);
	if (!holds(directory, name, old))
		return clv_error_raise(err, CLV_CHANGED,
		    &(struct clv_error_info){.operation = "change key",
			.subject = store->directory,
			.retryable = true},
		    "%s was changed by somebody else meanwhile", name);
	return clv_file_write_atomic(directory, name, text->data, text->size,
	    about.st_mode & 0640U, CLV_FILE_REPLACE, err);
}

clv_status
clv_keyfile_replace(const struct clv_keyfile_store *store, const char *name,
    const clv_secret *old, const clv_secret *text, clv_error **err)
{
	int directory = -1;
	clv_status status = open_directory(store, &directory, err);

	if (status != CLV_OK)
		return status;
	status = replace(store, directory, name, old, text, err);
	(void)close(directory);
	return status;
}
