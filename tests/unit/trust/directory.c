/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include "directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
directory_path(
    const struct directory *directory, const char *path, char buffer[512])
{
	(void)snprintf(buffer, 512, "%s/%s", directory->path, path);
	return buffer;
}

void
directory_make(struct directory *directory)
{
	static const char *const names[] = {"", "own", "own/certs",
	    "own/private", "trusted", "trusted/certs", "trusted/crl", "issuer",
	    "issuer/certs", "issuer/crl", "rejected", "rejected/certs",
	    ".claviger"};
	char path[512];

	(void)snprintf(
	    directory->base, sizeof(directory->base), "/tmp/clv-trust-XXXXXX");
	assert_non_null(mkdtemp(directory->base));
	(void)snprintf(directory->path, sizeof(directory->path), "%s/pki",
	    directory->base);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_return_code(
		    mkdir(directory_path(directory, names[i], path), 0755), 0);
}

static int
remove_one(
    const char *path, const struct stat *about, int kind, struct FTW *where)
{
	(void)about;
	(void)kind;
	(void)where;
	return remove(path);
}

void
directory_remove(struct directory *directory)
{
	(void)nftw(directory->base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
write_file(const char *path, int flags, const void *bytes, size_t size)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_return_code(fchmod(fd, 0644), 0);
	assert_return_code(close(fd), 0);
}

void
directory_write(const struct directory *directory, const char *path,
    const struct blob *content)
{
	char temporary[600];
	char target[512];

	(void)directory_path(directory, path, target);
	(void)snprintf(temporary, sizeof(temporary), "%s/x", directory->base);
	write_file(temporary, O_TRUNC, content->bytes, content->size);
	assert_return_code(rename(temporary, target), 0);
}

void
directory_overwrite(const struct directory *directory, const char *path,
    const void *bytes, size_t size)
{
	char target[512];

	write_file(
	    directory_path(directory, path, target), O_TRUNC, bytes, size);
}

void
directory_delete(const struct directory *directory, const char *path)
{
	char target[512];

	assert_return_code(unlink(directory_path(directory, path, target)), 0);
}

void
directory_rename(
    const struct directory *directory, const char *from, const char *to)
{
	char source[512];
	char target[512];

	assert_return_code(rename(directory_path(directory, from, source),
			       directory_path(directory, to, target)),
	    0);
}

bool
directory_has(const struct directory *directory, const char *path)
{
	char target[512];

	return access(directory_path(directory, path, target), F_OK) == 0;
}

size_t
directory_count(const struct directory *directory, const char *path)
{
	char target[512];
	DIR *entries = opendir(directory_path(directory, path, target));
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(entries);
	while ((entry = readdir(entries)) != NULL)
		count += entry->d_name[0] != '.';
	(void)closedir(entries);
	return count;
}

static bool
count_item(void *user, const clv_trust_item *item)
{
	(void)item;
	++*(size_t *)user;
	return true;
}

size_t
trust_count(clv_trust *trust, unsigned lists)
{
	size_t count = 0;

	assert_ok(clv_trust_visit(trust, lists, count_item, &count, &err));
	return count;
}

struct search {
	const struct blob *der;
	bool found;
};

static bool
match_item(void *user, const clv_trust_item *item)
{
	struct search *search = user;

	if (item->size == search->der->size &&
	    memcmp(item->der, search->der->bytes, item->size) == 0)
		search->found = true;
	return true;
}

bool
trust_has(clv_trust *trust, clv_trust_mask list, const struct blob *der)
{
	struct search search = {der, false};

	assert_ok(clv_trust_visit(trust, list, match_item, &search, &err));
	return search.found;
}

static bool
count_problem(void *user, const char *file, const clv_error *problem)
{
	assert_true(*file != '\0');
	assert_true(*clv_error_reason(problem) != '\0');
	++*(size_t *)user;
	return true;
}

size_t
trust_problems(clv_trust *trust)
{
	size_t count = 0;

	assert_ok(clv_trust_visit_problems(trust, count_problem, &count, &err));
	return count;
}

clv_statuscode
trust_verdict(clv_trust *trust, const struct blob *chain, uint32_t validation)
{
	clv_verify_options *options = NULL;
	clv_verdict *verdict = NULL;
	clv_statuscode code;

	assert_ok(clv_verify_options_new(&options, &err));
	assert_ok(clv_verify_options_set_validation(options, validation, &err));
	(void)!clv_trust_verify(
	    trust, chain->bytes, chain->size, options, &verdict, NULL);
	assert_non_null(verdict);
	code = clv_verdict_status(verdict);
	clv_verdict_free(&verdict);
	clv_verify_options_free(&options);
	return code;
}
