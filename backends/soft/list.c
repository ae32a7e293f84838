/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What keys there are in a directory. */

#include "keyfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/private_key.h"

/* More files than a directory of keys can sensibly have. */
#define FILES_MAX 10000

/* One listing. */
struct listing {
	struct clv_keyfile_store *store;
	clv_list_fn *fn;
	void *user;
};

/* Drafts that a crash left behind are not keys yet (see base/file.h). */
static bool
is_draft(const char *name)
{
	const size_t size = strlen(name);

	return strncmp(name, ".claviger-", 10) == 0 && size > 4 &&
	    strcmp(name + size - 4, ".tmp") == 0;
}

static int
is_candidate(const struct dirent *entry)
{
	return (entry->d_type == DT_REG || entry->d_type == DT_LNK ||
		   entry->d_type == DT_UNKNOWN) &&
	    !is_draft(entry->d_name);
}

/* Opens a regular file to look at, whoever may read it; -1 if it is none. */
static int
open_to_look(int directory, const char *name)
{
	const int fd = openat(
	    directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat about;

	if (fd < 0 || (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)))
		return fd;
	(void)close(fd);
	return -1;
}

/* Reads the beginning of a file; more would not be read of a key either. */
static void
read_beginning(int fd, clv_secret *text)
{
	ssize_t count = 0;

	if (clv_secret_alloc(text, CLV_KEYFILE_MAX, NULL) != CLV_OK)
		return;
	do {
		text->size += (size_t)count;
		count = read(
		    fd, text->data + text->size, CLV_KEYFILE_MAX - text->size);
	} while (count > 0);
}

/* Whether a file that can't be read is listed, because of its name. */
static bool
is_named_like_key(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL &&
	    (strcmp(dot, ".pem") == 0 || strcmp(dot, ".key") == 0);
}

static bool
holds_key(int directory, const char *name)
{
	const int fd = open_to_look(directory, name);
	clv_secret text = CLV_SECRET_INIT;
	bool found = false;

	if (fd < 0)
		return errno == EACCES && is_named_like_key(name);
	read_beginning(fd, &text);
	(void)close(fd);
	if (text.data != NULL)
		found = clv_pkcs8_looks_like_key(text.data, text.size);
	clv_secret_clear(&text);
	return found;
}

/* What an entry's key is, by its public key. */
static void
describe(struct clv_span public_key, struct clv_key_entry *entry, uint8_t *id)
{
	struct clv_span bits;

	entry->algorithm = clv_public_key_read(public_key, &bits);
	if (entry->algorithm == CLV_ALGORITHM_NONE ||
	    !clv_public_key_id(bits, id))
		return;
	entry->id = id;
	entry->id_size = CLV_KEY_ID_SIZE;
}

/* An encrypted key is not opened: nobody is asked for a password. */
static clv_status
look_at_encrypted(const clv_secret *text, struct clv_key_entry *entry,
    uint8_t *id, clv_error **err)
{
	clv_secret public_key = CLV_SECRET_INIT;
	struct clv_pkcs8_facts facts = {0};
	clv_status status = clv_pkcs8_inspect(text, &public_key, &facts, err);

	if (status == CLV_OK && !facts.encrypted)
		status = clv_error_raise(
		    err, CLV_POLICY, NULL, "the key is not encrypted");
	if (status == CLV_OK && public_key.size > 0)
		describe((struct clv_span){public_key.data, public_key.size},
		    entry, id);
	clv_secret_clear(&public_key);
	return status;
}

static clv_status
look_at_plain(const struct clv_keyfile_store *store, const char *name,
    const clv_secret *text, struct clv_key_entry *entry, uint8_t *id,
    clv_error **err)
{
	struct clv_soft_key *soft = NULL;
	struct clv_soft_public known;
	struct clv_pkcs8_facts facts;
	clv_secret pkcs8 = CLV_SECRET_INIT;
	clv_status status =
	    clv_keyfile_decode(store, name, NULL, text, &pkcs8, &facts, err);

	if (status == CLV_OK)
		status = clv_soft_key_new(&pkcs8, &soft, err);
	if (status == CLV_OK) {
		clv_soft_key_public(soft, &known);
		entry->algorithm = known.algorithm;
		memcpy(id, known.id, known.id_size);
		entry->id = id;
		entry->id_size = known.id_size;
	}
	clv_soft_key_free(&soft);
	clv_secret_clear(&pkcs8);
	return status;
}

static clv_status
look_at(const struct clv_keyfile_store *store, const char *name,
    struct clv_key_entry *entry, uint8_t *id, clv_error **err)
{
	clv_secret text = CLV_SECRET_INIT;
	clv_status status = clv_keyfile_read(store, name, &text, err);

	if (status == CLV_OK)
		status = store->kind->encrypts
		    ? look_at_encrypted(&text, entry, id, err)
		    : look_at_plain(store, name, &text, entry, id, err);
	clv_secret_clear(&text);
	return status;
}

/* Lists one file. What is wrong with it is part of the entry. */
static clv_status
list_file(const struct listing *listing, const char *name, clv_error **err)
{
	const struct clv_keyfile_store *store = listing->store;
	char *path = clv_keyfile_path(store, name);
	char *label = clv_keyfile_label(name);
	char *uri = NULL;
	uint8_t id[CLV_KEY_ID_SIZE];
	struct clv_key_entry entry = {.label = label};
	clv_error *problem = NULL;
	clv_status status;

	if (path == NULL || label == NULL)
		status =
		    clv_error_raise(err, CLV_NO_MEMORY, NULL, "out of memory");
	else
		status = clv_uri_build(
		    store->kind->scheme, path, store->uri, &uri, err);
	if (status == CLV_OK) {
		entry.uri = uri;
		if (look_at(store, name, &entry, id, &problem) != CLV_OK)
			entry.problem = clv_error_reason(problem);
		status = listing->fn(listing->user, &entry, err);
	}
	clv_error_free(&problem);
	clv_free(uri);
	free(label);
	free(path);
	return status;
}

static clv_status
list_names(const struct listing *listing, int directory,
    struct dirent *const *names, int count, clv_error **err)
{
	clv_status status = CLV_OK;

	if (count > FILES_MAX)
		return clv_error_raise(err, CLV_TOO_LARGE,
		    &(struct clv_error_info){.operation = "list keys",
			.subject = listing->store->directory},
		    "more than %d files", FILES_MAX);
	for (int i = 0; i < count && status == CLV_OK; i++)
		if (holds_key(directory, names[i]->d_name))
			status = list_file(listing, names[i]->d_name, err);
	return status;
}

static clv_status
system_error(const char *subject, clv_error **err)
{
	return clv_error_raise(err,
	    errno == EACCES       ? CLV_PERMISSION
		: errno == ENOENT ? CLV_NOT_FOUND
				  : CLV_IO,
	    &(struct clv_error_info){.operation = "list keys",
		.subject = subject,
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno},
	    "the directory can't be read: %s", strerror(errno));
}

clv_status
clv_keyfile_list(void *handle, clv_list_fn *fn, void *user, clv_error **err)
{
	const struct listing listing = {
	    .store = handle, .fn = fn, .user = user};
	const char *path = listing.store->directory;
	struct dirent **names = NULL;
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	clv_status status;
	int count;

	if (directory < 0)
		return system_error(path, err);
	count = scandirat(directory, ".", &names, is_candidate, alphasort);
	if (count < 0)
		status = system_error(path, err);
	else
		status = list_names(&listing, directory, names, count, err);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	(void)close(directory);
	return status;
}
